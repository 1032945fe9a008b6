from collections.abc import Sequence

import pytest

from streams.camera_state import CameraStatus
from streams.clock import SimulatedClock
from streams.latest import LatestPictures
from streams.pipeline import Pipeline
from streams.records import CameraState, CameraStateRecord
from streams.reporting import AnyRecord, Reporter
from tests.streams.fakes import NOON, ORIGIN, FakeAnalyser, FakeNetwork, frame
from vision.readings import Level


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

    def append(self, records: Sequence[AnyRecord]) -> None:
        self.records.extend(records)

    def told(self) -> list[str]:
        return [
            f"camera {record.state.value}"
            if isinstance(record, CameraStateRecord)
            else f"{record.kind} {record.reading.level.value}"
            for record in self.records
        ]


def status(state: CameraState, cause: str = "") -> CameraStatus:
    return CameraStatus("cam", state, NOON, NOON.plus(0.5), cause)


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
