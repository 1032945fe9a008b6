"""How often the network is asked: of each camera by itself, and anew after a loss."""

import pytest

from streams.cameras.state import CameraStatus
from streams.records import CameraState
from streams.spooling.reporting import Reporter
from streams.worker.looks import Looks
from streams.worker.pipeline import Pipeline
from tests.streams.fakes import NOON, ORIGIN, FakeAnalyser, frame
from vision.arrays import UInt8Array
from vision.observations import CrowdObservation, Frame, HeadPoints, Region

WHOLE = Region(0, 0, 64, 48, least_head_px=7.0)


class EmptyNetwork:
    """Finds nobody, and counts how often it is asked."""

    model_id = "empty@0"

    def __init__(self) -> None:
        self.asked = 0

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        del image_bgr, region
        self.asked += 1
        return CrowdObservation(HeadPoints.none(), None, 0.1)


class RegionAnalyser(FakeAnalyser):
    def region(self, frame: Frame) -> Region | None:
        del frame
        return WHOLE


def test_an_empty_place_is_looked_at_again_every_third_second() -> None:
    network = EmptyNetwork()
    looks = Looks(network)
    for second in range(10):
        looks.at(frame("cam", NOON.plus(second)), WHOLE)
    assert (network.asked, looks.unchanged) == (4, 6)  # at 0, 3, 6 and 9 s


def test_each_camera_is_remembered_by_itself() -> None:
    network = EmptyNetwork()
    looks = Looks(network)
    for second in range(2):
        for camera_id, grey in (("a", 90), ("b", 150)):
            looks.at(frame(camera_id, NOON.plus(second), grey), WHOLE)
    assert (network.asked, looks.unchanged) == (2, 2)


def test_a_forgotten_camera_is_looked_at() -> None:
    network = EmptyNetwork()
    looks = Looks(network)
    looks.at(frame("cam", NOON), WHOLE)
    looks.forget(("cam", "unknown"))
    looks.at(frame("cam", NOON.plus(1)), WHOLE)
    assert (network.asked, looks.unchanged) == (2, 0)


@pytest.mark.parametrize(("lost", "asked"), [(False, 1), (True, 2)])
def test_after_a_loss_the_first_picture_is_looked_at(*, lost: bool, asked: int) -> None:
    network = EmptyNetwork()
    pipeline = Pipeline(
        network=network,
        analyser=RegionAnalyser(),
        reporter=Reporter(ORIGIN, ("zone-cam",), NOON),
        append=lambda records: None,
    )
    pipeline.process(frame("cam", NOON))
    if lost:
        status = CameraStatus("cam", CameraState.LIVE, since=NOON, at=NOON)
        pipeline.camera_status(status.moved(CameraState.OFFLINE, NOON.plus(0.5), "hung"))
        pipeline.camera_status(status.moved(CameraState.LIVE, NOON.plus(0.9)))
    readings = pipeline.process(frame("cam", NOON.plus(1)))
    assert [reading.zone_id for reading in readings] == ["zone-cam"]
    assert (network.asked, pipeline.unchanged) == (asked, 2 - asked)
