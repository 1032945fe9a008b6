import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from streams.clock import SimulatedClock
from streams.decoding.sources import Pace, PlainUri, Playback, RawPicture, Timeouts, open_source
from streams.decoding.virtual_source import MadePicture, made_opener
from streams.errors import ConnectionLostError
from tests.streams.fakes import NOON, URI, FakeContainer, FakeOpener, FakePicture
from vision.instants import Utc


def playback(clock: SimulatedClock, **options: object) -> Playback:
    return Playback(clock, threading.Event(), **options)  # type: ignore[arg-type]


def play(container: FakeContainer, settings: Playback) -> list[Utc]:
    with open_source(
        URI, opener=FakeOpener(container), timeouts=Timeouts(), playback=settings
    ) as source:
        return [picture.captured_at for picture in source.pictures()]


def test_a_live_recording_is_paced_and_dated_now() -> None:
    clock = SimulatedClock(NOON, self_advancing=True)
    container = FakeContainer([FakePicture(n * 0.5) for n in range(4)], live=False)
    start = clock.monotonic()
    found = play(container, playback(clock))
    assert [at - NOON for at in found] == [0.0, 0.5, 1.0, 1.5]
    assert clock.monotonic() - start == 1.5
    assert container.closed


def test_an_analysed_recording_is_not_paced_and_keeps_its_own_start() -> None:
    clock = SimulatedClock(NOON, self_advancing=True)
    container = FakeContainer([FakePicture(0.0), FakePicture(9.0)], live=False)
    container.started_at = Utc.from_iso("2025-06-01T08:00:00Z")
    start = clock.monotonic()
    found = play(container, playback(clock, pace=Pace.UNPACED))
    assert [at.iso() for at in found] == ["2025-06-01T08:00:00Z", "2025-06-01T08:00:09Z"]
    assert clock.monotonic() - start == 0.0


def test_a_given_start_wins_and_an_unknown_start_is_the_same_in_each_run() -> None:
    clock = SimulatedClock(NOON, self_advancing=True)
    script = [FakePicture(0.0)]
    given = play(
        FakeContainer(script, live=False),
        playback(clock, pace=Pace.UNPACED, recording_start=Utc(5)),
    )
    assert given == [Utc(5)]
    for _ in range(2):
        clock.advance(100.0)
        unknown = play(FakeContainer(script, live=False), playback(clock, pace=Pace.UNPACED))
        assert unknown == [Utc(0)]


def test_a_camera_is_never_paced() -> None:
    clock = SimulatedClock(NOON, self_advancing=True)
    start = clock.monotonic()
    play(FakeContainer([FakePicture(0.0), FakePicture(3.0)]), playback(clock))
    assert clock.monotonic() - start == 0.0


def test_stop_ends_a_paced_recording() -> None:
    clock = SimulatedClock(NOON, self_advancing=True)
    settings = playback(clock)
    container = FakeContainer([FakePicture(0.0), settings.stop.set, FakePicture(9.0)], live=False)
    assert len(play(container, settings)) == 1


def test_the_connection_is_closed_when_it_fails() -> None:
    container = FakeContainer([ConnectionLostError("cam", "gone", "look")])
    with pytest.raises(ConnectionLostError):
        play(container, playback(SimulatedClock(NOON)))
    assert container.closed


def test_pictures_are_converted_only_when_asked() -> None:
    container = FakeContainer([FakePicture(0.0)])
    play(container, playback(SimulatedClock(NOON)))
    picture = container.script[0]
    assert isinstance(picture, FakePicture)
    assert picture.converted == []


@pytest.mark.parametrize(
    ("text", "scheme", "revealed"),
    [
        ("rtsp://host/live", "rtsp", "rtsp://host/live"),
        ("file:clips/a b.mp4", "file", "clips/a b.mp4"),
        ("file:///srv/a.mp4", "file", "/srv/a.mp4"),
        ("virtual:blocked_stair?seed=1", "virtual", "virtual:blocked_stair?seed=1"),
    ],
)
def test_plain_addresses(text: str, scheme: str, revealed: str) -> None:
    uri = PlainUri(text)
    assert (uri.scheme, uri.reveal(), str(uri)) == (scheme, revealed, text)


def test_made_pictures_play_as_a_recording_and_their_maker_is_closed() -> None:
    closed: list[bool] = []

    def make(uri: object) -> object:
        try:
            for n in range(1000):
                yield n * 0.1, np.full((48, 64, 3), n, np.uint8)
        finally:
            closed.append(True)

    clock = SimulatedClock(NOON, self_advancing=True)
    opener = made_opener(make)  # type: ignore[arg-type]
    uri = PlainUri("virtual:test")
    with open_source(uri, opener=opener, timeouts=Timeouts(), playback=playback(clock)) as source:
        pictures = source.pictures()
        found = [next(pictures) for _ in range(3)]
    assert [round(p.captured_at - NOON, 6) for p in found] == [0.0, 0.1, 0.2]
    assert found[2].raw.bgr((32, 24)).shape == (24, 32, 3)
    assert int(found[2].raw.bgr((64, 48))[0, 0, 0]) == 2
    assert closed == [True]


def test_a_made_picture_is_not_copied_at_its_own_size() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    assert MadePicture(0.0, image).bgr((64, 48)) is image


class HoldingBack(FakeContainer):
    """Ten pictures a second, of which the decoder hands each out 0.4 s after its packet came."""

    heard: Callable[[float, bool, float | None], None] | None = None

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__([])
        self._clock = clock

    def pictures(self) -> Iterator[RawPicture]:
        for number in range(20):
            assert self.heard is not None
            self.heard(number / 10.0, True, 0.0)
            if number >= 4:
                yield FakePicture((number - 4) / 10.0)
            self._clock.advance(0.1)


def test_a_picture_is_as_old_as_its_decoder_held_it_back_and_its_camera_is_not_silent() -> None:
    clock = SimulatedClock(NOON)
    playback = Playback(clock, threading.Event())
    opener = FakeOpener(HoldingBack(clock))
    with open_source(URI, opener=opener, timeouts=Timeouts(), playback=playback) as source:
        pictures = list(source.pictures())
    taken = [picture.captured_at - NOON for picture in pictures]
    assert taken == pytest.approx([n / 10.0 for n in range(16)])
    assert [picture.held_s for picture in pictures] == pytest.approx([0.4] * 16)
