"""How the doors stand, asked of the service; silence makes them unknown."""

import httpx
import pytest

from streams.clock import SimulatedClock
from streams.worker.door_poll import FORGET_S, DoorPoll
from tests.streams.fakes import NOON
from vision.risk.doors import DoorState


class Service:
    """Answers with how the doors stand, or as told."""

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200, json={"doors": {}})
        self.clock = SimulatedClock(NOON)
        self.taken: list[dict[str, DoorState]] = []
        client = httpx.Client(transport=httpx.MockTransport(self), base_url="http://api")
        self.poll = DoorPoll(client, self.clock, lambda told: self.taken.append(dict(told.states)))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v1/workers/doors"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def say(self, **doors: str) -> None:
        self.answer = httpx.Response(200, json={"doors": doors})


def test_only_what_has_changed_is_handed_on() -> None:
    service = Service()
    service.say(leaf="open")
    assert service.poll.ask()
    assert service.poll.ask()
    service.say(leaf="shut")
    assert service.poll.ask()
    assert service.taken == [{"leaf": DoorState.OPEN}, {"leaf": DoorState.SHUT}]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("away"),
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"doors": {"leaf": "ajar"}}),
    ],
)
def test_a_silent_service_makes_every_door_unknown_after_a_while(
    answer: httpx.Response | Exception,
) -> None:
    service = Service()
    service.say(leaf="shut")
    service.poll.ask()
    service.answer = answer
    service.clock.advance(FORGET_S - 0.1)
    assert not service.poll.ask()
    assert service.taken == [{"leaf": DoorState.SHUT}]
    service.clock.advance(0.2)
    assert not service.poll.ask()
    assert not service.poll.ask()
    assert service.taken == [{"leaf": DoorState.SHUT}, {}]
    service.say(leaf="shut")
    assert service.poll.ask()
    assert service.taken[-1] == {"leaf": DoorState.SHUT}
