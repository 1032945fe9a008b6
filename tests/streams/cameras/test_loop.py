"""The camera loop in simulated time: `run` in this thread, the clock moved by waits and scripts."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from streams.backoff import BackoffSettings
from streams.cameras.loop import CameraLoop, CameraSpec, LoopSettings, Outlets
from streams.cameras.state import CameraStatus
from streams.clock import SimulatedClock
from streams.decoding.sources import PlainUri, RawPicture
from streams.errors import (
    ConnectionLostError,
    MissingFileError,
    RefusedError,
    SourceError,
    WrongCredentialsError,
)
from streams.records import CameraState
from tests.streams.fakes import NOON, URI, FakeContainer, FakeOpener, FakePicture
from vision.observations import Frame

LOST = ConnectionLostError("cam", "gone", "look")
SIZE = (64, 48)


class Bench:
    """A loop with its clock and everything that it sent."""

    def __init__(self, *results: FakeContainer | Exception, **options: object) -> None:
        self.clock = SimulatedClock(NOON, self_advancing=True)
        self.opener = FakeOpener(*results)
        self.frames: list[Frame] = []
        self.statuses: list[CameraStatus] = []
        self.full = False
        spec = CameraSpec("cam", **{"uri": URI, "size_px": SIZE, **options})  # type: ignore[arg-type]
        settings = LoopSettings(backoff=BackoffSettings(jitter=0.0))
        self.loop = CameraLoop(
            spec,
            opener=self.opener,
            clock=self.clock,
            outlets=Outlets(self.deliver, self.statuses.append),
            settings=settings,
            random_source=random.Random(1),
        )

    def deliver(self, frame: Frame) -> bool:
        self.frames.append(frame)
        return self.full

    def passing(self, seconds: float):  # type: ignore[no-untyped-def]
        return lambda: self.clock.advance(seconds)

    def history(self) -> list[tuple[str, str]]:
        return [(status.state.value, status.cause) for status in self.statuses]


def ending(bench: Bench) -> FakeContainer:
    """A connection that stops the loop as soon as it plays."""
    return FakeContainer([bench.loop.stop])


def run(bench: Bench) -> None:
    bench.opener.results.append(ending(bench))
    bench.loop.run()


def test_a_lost_camera_is_offline_at_once_and_live_again_after_reconnecting() -> None:
    bench = Bench(FakeContainer([FakePicture(0.0), LOST]), FakeContainer([FakePicture(0.0), LOST]))
    run(bench)
    assert bench.history() == [
        ("live", ""),
        ("offline", "connection_lost"),
        ("live", ""),
        ("offline", "connection_lost"),
    ]
    # No time passed between the loss and its report; the first wait is half a second.
    assert bench.statuses[1].since == NOON
    assert bench.statuses[2].since == NOON.plus(0.5)


def test_every_connection_is_closed() -> None:
    containers = [FakeContainer([FakePicture(0.0), LOST]) for _ in range(5)]
    bench = Bench(*containers)
    run(bench)
    assert all(container.closed for container in containers)


def test_the_same_cause_is_told_once_and_since_stays() -> None:
    refused = RefusedError("cam", "nothing listens", "switch it on")
    bench = Bench(FakeContainer([FakePicture(0.0), LOST]), refused, refused, refused)
    run(bench)
    assert bench.history() == [("live", ""), ("offline", "connection_lost"), ("offline", "refused")]
    assert bench.statuses[2].since == bench.statuses[1].since


def test_waits_grow_to_five_seconds() -> None:
    bench = Bench(*[LOST] * 6)
    run(bench)
    assert bench.clock.utc() - NOON == pytest.approx(0.5 + 1.0 + 2.0 + 4.0 + 5.0 + 5.0)


def test_a_good_connection_starts_the_waits_anew() -> None:
    bench = Bench(LOST, LOST, LOST)
    good = FakeContainer([FakePicture(0.0), bench.passing(11.0), FakePicture(11.0), LOST])
    bench.opener.results.append(good)
    run(bench)
    assert bench.clock.utc() - NOON == pytest.approx(0.5 + 1.0 + 2.0 + 11.0 + 0.5)


def test_wrong_credentials_wait_a_minute_so_that_the_camera_does_not_lock_the_account() -> None:
    bench = Bench(WrongCredentialsError("rtsp://***@cam", "refused", "correct them"))
    run(bench)
    assert bench.clock.utc() - NOON == 60.0
    assert bench.history()[0] == ("offline", "wrong_credentials")


def test_pictures_are_sampled_before_they_are_converted() -> None:
    pictures = [FakePicture(n / 25) for n in range(25)]
    bench = Bench(analysed_fps=5.0)
    script = [step for p in pictures for step in (p, bench.passing(1 / 25))]
    bench.opener.results.append(FakeContainer([*script, LOST]))
    run(bench)
    assert [n for n, picture in enumerate(pictures) if picture.converted] == [0, 5, 10, 15, 20]
    assert [frame.sequence for frame in bench.frames] == [0, 1, 2, 3, 4]
    assert bench.loop.counts() == {"not_sampled": 20, "delivered": 5}


def test_a_frame_that_replaced_another_is_counted() -> None:
    bench = Bench(FakeContainer([FakePicture(0.0), LOST]))
    bench.full = True
    run(bench)
    assert bench.loop.counts() == {"superseded": 1, "delivered": 1}


def test_corrupt_packets_are_counted() -> None:
    container = FakeContainer([])
    bench = Bench(container)

    def corrupt() -> None:
        container.corrupt += 2

    container.script = [FakePicture(0.0), corrupt, FakePicture(1.0), LOST]
    run(bench)
    assert bench.loop.counts()["corrupt"] == 2


@pytest.mark.parametrize(
    ("sent_px", "analysed_px"),
    [((32, 24), (32, 24)), ((64, 48), (64, 48)), ((128, 96), (64, 48))],
)
def test_a_stream_of_the_calibrated_shape_is_analysed_in_its_own_size_or_smaller(
    sent_px: tuple[int, int], analysed_px: tuple[int, int]
) -> None:
    bench = Bench(FakeContainer([FakePicture(0.0, size_px=sent_px), LOST]))
    run(bench)
    assert bench.frames[0].image_bgr.shape == (*analysed_px[::-1], 3)


def test_another_shape_puts_the_camera_offline_and_gives_no_frame() -> None:
    bench = Bench(FakeContainer([FakePicture(0.0), FakePicture(1.0, size_px=(64, 64))]))
    run(bench)
    assert bench.history() == [("live", ""), ("offline", "resolution_changed")]
    assert "64x64" in bench.statuses[-1].detail
    assert len(bench.frames) == 1


def test_a_recording_ends_offline_and_is_not_played_again() -> None:
    bench = Bench(FakeContainer([FakePicture(0.0)], live=False))
    bench.loop.run()  # returns by itself
    assert bench.history() == [("live", ""), ("offline", "end_of_stream")]
    assert bench.opener.opened == ["rtsp://camera/live"]


def test_a_repeated_recording_starts_again_without_a_gap_in_its_state() -> None:
    plays = [FakeContainer([FakePicture(0.0), FakePicture(1.0)], live=False) for _ in range(3)]
    bench = Bench(*plays, repeat=True)
    run(bench)
    assert bench.history() == [("live", "")]
    assert [round(f.captured_at - NOON, 3) for f in bench.frames] == [0.0, 1.0, 2.0, 3.0]


def test_a_repeated_recording_without_pictures_waits_instead_of_spinning() -> None:
    empty = [FakeContainer([], live=False) for _ in range(3)]
    bench = Bench(*empty, repeat=True)
    run(bench)
    assert bench.clock.utc() - NOON == pytest.approx(0.5 + 1.0 + 2.0)


def test_the_watchdog_sees_a_hung_camera_while_the_decode_thread_is_blocked() -> None:
    bench = Bench()
    seen: list[tuple[float, str, str]] = []

    def blocked() -> None:
        for _ in range(24):  # six seconds inside one read
            bench.clock.advance(0.25)
            status = bench.loop.check()
            seen.append((bench.clock.utc() - NOON, status.state.value, status.cause))

    bench.opener.results.append(FakeContainer([FakePicture(0.0), blocked, FakePicture(6.0), LOST]))
    run(bench)
    assert seen[6] == (1.75, "live", "")
    assert seen[7] == (2.0, "stalled", "no_frames")
    assert seen[14] == (3.75, "stalled", "no_frames")
    assert seen[15] == (4.0, "offline", "hung")
    assert bench.history()[:4] == [
        ("live", ""),
        ("stalled", "no_frames"),
        ("offline", "hung"),
        ("live", ""),
    ]


def test_an_old_picture_from_a_hung_connection_is_no_sign_of_life() -> None:
    """FFmpeg holds one picture back and hands it out when the socket's timeout ends the read."""
    bench = Bench()

    def blocked() -> None:
        for _ in range(16):
            bench.clock.advance(0.25)
            bench.loop.check()

    held_back = FakePicture(0.04)
    container = FakeContainer([FakePicture(0.0), blocked, held_back, blocked, LOST])
    bench.opener.results.append(container)
    run(bench)
    assert bench.history()[:3] == [("live", ""), ("stalled", "no_frames"), ("offline", "hung")]
    assert bench.statuses[2].since - NOON == pytest.approx(4.0, abs=0.3)


class HoldingBack(FakeContainer):
    """Hands each picture out when the next one begins, so much later."""

    arrived: Callable[[float, bool, bool, float | None], bool] | None = None

    def __init__(self, bench: Bench, apart_s: Sequence[float]) -> None:
        super().__init__([])
        self.states: list[CameraState] = []
        self._bench = bench
        self._apart_s = apart_s

    def pictures(self) -> Iterator[RawPicture]:
        at_s = 0.0
        for apart_s in self._apart_s:
            for _ in range(round(apart_s / 0.04)):
                self._bench.clock.advance(0.04)
                self.states.append(self._bench.loop.check().state)
            assert self.arrived is not None
            self.arrived(at_s, True, False, apart_s if at_s else None)
            yield FakePicture(at_s)
            at_s += apart_s


def test_a_camera_of_one_picture_a_second_does_not_stall() -> None:
    """Each picture is a second old when it comes. Only then 25 a second, and few again."""
    bench = Bench()
    few = HoldingBack(bench, [1.0] * 10 + [0.04] * 50 + [1.0] * 10)
    bench.opener.results.append(few)
    run(bench)
    assert bench.history()[:1] == [("live", "")]
    assert set(few.states[25:]) == {CameraState.LIVE}
    assert bench.frames[5].captured_at - NOON == pytest.approx(6.0)
    assert bench.loop.held_s == 1.0


def test_capture_time_does_not_step_back_a_little_over_a_reconnect() -> None:
    bench = Bench(FakeContainer([FakePicture(0.0), LOST]))
    late_anchor = FakeContainer([FakePicture(0.0), LOST])

    def step() -> None:
        bench.clock.step_utc(-1.5)

    bench.opener.results[0].script = [FakePicture(0.0), step, LOST]  # type: ignore[union-attr]
    bench.opener.results.append(late_anchor)
    run(bench)
    times = [frame.captured_at for frame in bench.frames]
    assert times == sorted(times)


def test_stop_ends_a_wait_at_once() -> None:
    clock = SimulatedClock(NOON)  # nobody advances it
    statuses: list[CameraStatus] = []
    loop = CameraLoop(
        CameraSpec("cam", URI, SIZE),
        opener=FakeOpener(WrongCredentialsError("cam", "refused", "correct them")),
        clock=clock,
        outlets=Outlets(lambda frame: False, statuses.append),
    )
    loop.start()
    offline = threading.Event()
    while not offline.wait(0.005):
        if loop.status.state is CameraState.OFFLINE:
            offline.set()
    loop.stop()
    assert loop.join(10.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_decode_thread_that_a_fault_ended_is_started_again() -> None:
    clock = SimulatedClock(NOON)
    alive = FakeContainer([FakePicture(0.0)], live=False)
    loop = CameraLoop(
        CameraSpec("cam", URI, SIZE),
        opener=FakeOpener(FakeContainer([ZeroDivisionError()]), alive),
        clock=clock,
        outlets=Outlets(lambda frame: False, lambda status: None),
    )
    loop.start()
    assert loop.join(10.0)
    loop.check()
    assert loop.counts()["delivered"] == 0
    clock.advance(5.1)
    loop.check()
    assert loop.join(10.0)
    assert loop.counts() == {"decode_thread_restarted": 1, "delivered": 1}


def test_errors_name_cause_and_mend_and_stay_on_one_line() -> None:
    error: SourceError = MissingFileError("file:a.mp4", "no such file", "check the path")
    assert str(error) == "file:a.mp4: no such file (mend: check the path)"
    assert error.cause == "missing_file"


def test_a_status_shows_no_password() -> None:
    class SecretUri(PlainUri):
        def __str__(self) -> str:
            return "rtsp://***@cam/live"

    uri = SecretUri("rtsp://guard:right@cam/live")
    square = FakeContainer([FakePicture(0.0, size_px=(64, 64))])
    bench = Bench(square, uri=uri)
    run(bench)
    assert "right" not in bench.statuses[-1].detail
    assert bench.statuses[-1].detail.startswith("rtsp://***@cam/live: ")
