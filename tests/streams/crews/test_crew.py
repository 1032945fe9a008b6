"""Several crews of one worker as one analyser."""

from streams.cameras.loop import CameraSpec
from streams.crews.crew import Crew, Crews
from tests.streams.fakes import URI, FakeAnalyser
from vision.risk.doors import DoorState


def crew(analyser: FakeAnalyser) -> Crew:
    return Crew((CameraSpec("guest", URI, (64, 48)),), ("zone-guest",), {"guest": ()}, analyser)


def test_who_joins_later_is_told_how_the_doors_stand() -> None:
    home, guest = FakeAnalyser(), FakeAnalyser()
    crews = Crews(home)
    crews.note_doors({"leaf": DoorState.SHUT})
    crews.join(crew(guest))
    assert home.doors == guest.doors == {"leaf": DoorState.SHUT}
    crews.note_doors({"leaf": DoorState.OPEN})
    assert home.doors == guest.doors == {"leaf": DoorState.OPEN}
