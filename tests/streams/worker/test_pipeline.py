from collections.abc import Sequence

import numpy as np
import pytest

from streams.cameras.check import Checkup, Hiding
from streams.cameras.state import CameraStatus
from streams.clock import SimulatedClock
from streams.pictures.latest import LatestPictures
from streams.records import (
    AnyRecord,
    CameraHealthRecord,
    CameraState,
    CameraStateRecord,
    ReadingRecord,
    TransitionRecord,
    WorkerLoadRecord,
)
from streams.spooling.reporting import Reporter
from streams.worker.door_poll import DoorStates
from streams.worker.orders import Order, OrderKind
from streams.worker.pipeline import Pipeline
from streams.worker.second_look import SecondLook
from tests.streams.fakes import NOON, ORIGIN, FakeAnalyser, FakeNetwork, frame
from vision.arrays import UInt8Array
from vision.health.count_sanity import Witness
from vision.health.features import Mode
from vision.instants import Utc
from vision.observations import Frame, PersonBoxes
from vision.risk.doors import DoorState
from vision.risk.readings import Level


class Bench:
    def __init__(self) -> None:
        self.network, self.analyser = FakeNetwork(failing_greys=(13,)), FakeAnalyser()
        self.records: list[AnyRecord] = []
        self.latest = LatestPictures({"cam": ()}, SimulatedClock(NOON))
        self.pipeline = Pipeline(
            network=self.network,
            analyser=self.analyser,
            reporter=Reporter(ORIGIN, ("zone-cam",), NOON),
            append=self.append,
            latest=self.latest,
        )

    def with_second(self, second: SecondLook) -> Pipeline:
        return Pipeline(
            network=self.network,
            analyser=self.analyser,
            reporter=Reporter(ORIGIN, ("zone-cam",), NOON),
            append=self.append,
            second=second,
        )

    def append(self, records: Sequence[AnyRecord]) -> None:
        self.records.extend(records)

    def told(self) -> list[str]:
        return [
            f"camera {record.state.value}"
            if isinstance(record, CameraStateRecord)
            else f"health {record.camera_id}"
            if isinstance(record, CameraHealthRecord)
            else "load"
            if isinstance(record, WorkerLoadRecord)
            else f"{record.kind} {record.reading.level.value}"
            for record in self.records
        ]


class Detector:
    """Finds so many people at the left edge, or fails."""

    model_id = "persons@0"

    def __init__(self, people: int, *, fails: bool = False) -> None:
        self.people, self.fails, self.looks = people, fails, 0

    def detect(self, image_bgr: UInt8Array) -> PersonBoxes:
        del image_bgr
        self.looks += 1
        if self.fails:
            raise ArithmeticError("the detector failed")
        boxes = np.tile(np.array([[0, 0, 10, 40]], np.float32), (self.people, 1))
        return PersonBoxes(boxes, np.full(self.people, 0.9, np.float32))


@pytest.mark.parametrize(
    ("people", "looks"),
    [
        (9, 3),  # after 20, 80 and 140 s
        (30, 4),  # the network finds one of them: again after 10 s
    ],
)
def test_a_second_look_comes_once_a_minute_and_is_told_to_the_scene(
    people: int, looks: int
) -> None:
    bench, detector = Bench(), Detector(people)
    bench.pipeline = bench.with_second(SecondLook(detector))
    for second in range(0, 200, 5):
        bench.pipeline.process(frame("cam", NOON.plus(second)))
    assert detector.looks == looks
    assert [camera for camera, _ in bench.analyser.second] == ["cam"] * looks
    verdict = bench.analyser.second[-1][1]
    assert verdict.blind is (people == 30)
    assert verdict.witness is Witness.PERSONS


def test_a_failing_second_look_costs_no_reading() -> None:
    bench = Bench()
    bench.pipeline = bench.with_second(SecondLook(Detector(3, fails=True)))
    bench.pipeline.process(frame("cam", NOON))
    told = len(bench.records)
    with pytest.raises(ArithmeticError):
        bench.pipeline.process(frame("cam", NOON.plus(21)))
    assert len(bench.records) == told + 1
    assert bench.analyser.second == []


def status(state: CameraState, cause: str = "") -> CameraStatus:
    return CameraStatus("cam", state, NOON, NOON.plus(0.5), cause)


def test_a_worker_begins_by_saying_unknown() -> None:
    bench = Bench()
    bench.pipeline.start()
    assert bench.told() == ["transition UNKNOWN"]


def test_a_frame_becomes_a_reading_and_a_picture() -> None:
    bench = Bench()
    bench.analyser.level = Level.L3
    readings = bench.pipeline.process(frame("cam", NOON))
    assert [reading.level for reading in readings] == [Level.L3]
    assert bench.told() == ["transition L3"]
    jpeg = bench.latest.jpeg("cam")
    assert jpeg is not None
    assert jpeg.captured_at == NOON


@pytest.mark.parametrize("state", [CameraState.STALLED, CameraState.OFFLINE])
def test_a_lost_camera_turns_its_zone_unknown_at_once(state: CameraState) -> None:
    bench = Bench()
    bench.pipeline.process(frame("cam", NOON))
    bench.pipeline.camera_status(status(state, "hung"))
    assert bench.analyser.lost == [("cam", "hung")]
    assert bench.told() == ["transition L0", f"camera {state.value}", "transition UNKNOWN"]


def test_a_frame_that_waited_while_its_camera_was_lost_is_not_judged() -> None:
    bench = Bench()
    bench.pipeline.camera_status(status(CameraState.OFFLINE, "connection_lost"))
    assert bench.pipeline.process(frame("cam", NOON)) == ()
    assert bench.network.seen == 0
    bench.pipeline.camera_status(status(CameraState.LIVE))
    assert len(bench.pipeline.process(frame("cam", NOON.plus(1.0)))) == 1


def test_a_camera_that_starts_or_lives_loses_nothing() -> None:
    bench = Bench()
    bench.pipeline.camera_status(status(CameraState.STARTING))
    bench.pipeline.camera_status(status(CameraState.LIVE))
    assert bench.analyser.lost == []
    assert bench.told() == ["camera starting", "camera live"]


def test_a_tick_expires_silent_cameras_and_repeats_unknown() -> None:
    bench = Bench()
    bench.pipeline.process(frame("cam", NOON))
    bench.analyser.silent = ("zone-cam",)
    bench.pipeline.tick(NOON.plus(4.0))
    bench.pipeline.tick(NOON.plus(5.0))
    assert bench.analyser.expired == [NOON.plus(4.0), NOON.plus(5.0)]
    assert bench.told() == ["transition L0", "transition UNKNOWN", "reading UNKNOWN"]


def test_a_failing_network_leaves_no_record_of_calm() -> None:
    bench = Bench()
    with pytest.raises(ArithmeticError):
        bench.pipeline.process(frame("cam", NOON, grey=13))
    assert bench.records == []


class FakeCheck:
    """A health check whose verdict the test sets."""

    def __init__(self) -> None:
        self.verdict: Hiding | None = None
        self.done: list[str] = []

    @property
    def hiding(self) -> Hiding | None:
        return self.verdict

    def look(self, frame: Frame) -> Checkup | None:
        return Checkup("cam", frame.captured_at, Mode.DAY, (), None)

    def resume(self) -> None:
        self.done.append("resume")

    def relearn(self) -> None:
        self.done.append("relearn")

    def confirm(self, mode: Mode, learnt_at: Utc, name: str) -> None:
        self.done.append(f"confirm {mode.value} {learnt_at.iso()} {name}")


@pytest.mark.parametrize(
    ("hiding", "told", "doubts", "lost"),
    [
        (None, "transition L3", [""], []),
        (Hiding("covered", whole=False), "transition L3", ["covered"], []),
        (Hiding("moved", whole=True), "transition UNKNOWN", [], [("cam", "moved")]),
    ],
)
def test_a_bad_picture_is_judged_with_doubt_and_a_moved_one_not_at_all(
    hiding: Hiding | None, told: str, doubts: list[str], lost: list[tuple[str, str]]
) -> None:
    """What a doubted picture says of each zone: `tests/vision/test_scene_doubt.py`."""
    bench, check = Bench(), FakeCheck()
    bench.pipeline = Pipeline(
        network=bench.network,
        analyser=bench.analyser,
        reporter=Reporter(ORIGIN, (), NOON),
        append=bench.append,
        latest=bench.latest,
        checks={"cam": check},
    )
    bench.analyser.level, check.verdict = Level.L3, hiding
    bench.pipeline.process(frame("cam", NOON))
    health, reading = bench.records
    assert isinstance(health, CameraHealthRecord)
    assert isinstance(reading, TransitionRecord | ReadingRecord)
    assert f"transition {reading.reading.level.value}" == told
    assert (bench.analyser.doubts, bench.analyser.lost) == (doubts, lost)
    # The guard still sees the picture.
    assert bench.latest.jpeg("cam") is not None


def test_orders_reach_the_check_of_their_camera() -> None:
    bench, check = Bench(), FakeCheck()
    bench.pipeline = Pipeline(
        network=bench.network,
        analyser=bench.analyser,
        reporter=Reporter(ORIGIN, (), NOON),
        append=bench.append,
        checks={"cam": check},
    )
    at = NOON.to_datetime()
    for order in (
        Order(number=1, camera_id="cam", kind=OrderKind.RESUME),
        Order(number=2, camera_id="other", kind=OrderKind.RESUME),
        Order(number=3, camera_id="cam", kind=OrderKind.RELEARN),
        Order(
            number=4, camera_id="cam", kind=OrderKind.CONFIRM, mode=Mode.DAY, learnt_at=at, name="x"
        ),
    ):
        bench.pipeline.obey(order)
    assert check.done == ["resume", "relearn", f"confirm day {NOON.iso()} x"]


def test_what_the_doors_say_reaches_the_measuring_core() -> None:
    bench = Bench()
    bench.pipeline.doors(DoorStates({"leaf": DoorState.SHUT}))
    assert bench.analyser.doors == {"leaf": DoorState.SHUT}
