"""The second count of whole people: when it is made, whom it counts, what it says of a camera."""

import numpy as np
import pytest

from streams.worker.second_look import EVERY_S, SecondLook, people_in
from tests.streams.fakes import NOON, FakeNetwork, frame, reading
from vision.arrays import UInt8Array
from vision.observations import PersonBoxes, Region
from vision.risk.readings import Level, Reason, ZoneReading


def boxes(*xyxy: tuple[float, float, float, float], saturated: bool = False) -> PersonBoxes:
    found = np.array(xyxy, np.float32).reshape(-1, 4)
    return PersonBoxes(found, np.full(len(found), 0.9, np.float32), saturated)


class Detector:
    model_id = "persons@0"

    def __init__(self, found: PersonBoxes) -> None:
        self.found, self.looks = found, 0

    def detect(self, image_bgr: UInt8Array) -> PersonBoxes:
        del image_bgr
        self.looks += 1
        return self.found


def run(second: SecondLook, seconds: list[float]) -> list[bool]:
    """Whether there was a verdict at each of these seconds."""
    network, told = FakeNetwork(), []
    for at in seconds:
        picture = frame("cam", NOON.plus(at))
        told.append(second.look(picture, None, network.observe(picture.image_bgr)) is not None)
    return told


def test_whose_head_is_in_the_region_counts() -> None:
    region = Region(10, 10, 50, 50, least_head_px=8.0)
    # Heads at 0.07 of the height: (20, 12.8), (20, 7.8), (60, 12.8).
    found = boxes((15, 10, 25, 50), (15, 5, 25, 45), (55, 10, 65, 50))
    assert people_in(found, region) == 1
    assert people_in(found, None) == 3
    assert people_in(boxes(), region) == 0


def test_looks_are_a_minute_apart_and_a_clock_set_back_begins_anew() -> None:
    second = SecondLook(Detector(boxes((0, 0, 10, 40))))
    assert run(second, [0, 19, 20, 21, 79, 80]) == [False, False, True, False, False, True]
    assert run(second, [-3600, -3581, -3580]) == [False, False, True]
    assert EVERY_S == 60.0


def test_without_a_detector_nothing_is_looked_at() -> None:
    second = SecondLook()
    assert run(second, [0, 20, 80]) == [False, False, False]
    assert second.doubt_of("cam") is None


def test_a_detector_at_its_cap_says_nothing() -> None:
    second = SecondLook(Detector(boxes((0, 0, 10, 40), saturated=True)))
    assert run(second, [0, 20]) == [False, False]
    assert second.doubt_of("cam") is None


def test_a_lasting_difference_is_the_doubt_of_its_camera() -> None:
    second = SecondLook(Detector(boxes(*[(0, 0, 10, 40)] * 40)))
    run(second, [0, *range(20, 1000, 60)])
    doubt = second.doubt_of("cam")
    assert doubt is not None
    # 39 apart, less sqrt(40) + 0.1 x 40, of 40
    assert doubt == pytest.approx((39 - 40**0.5 - 4) / 40, abs=0.01)
    assert second.doubt_of("another") is None


@pytest.mark.parametrize(
    ("balance", "people", "doubt"), [(30.0, 10.0, 2 / 3), (0.0, 20.0, 1.0), (-2.0, 0.5, 1.0)]
)
def test_the_balance_of_crossings_is_heard_from_the_readings(
    balance: float, people: float, doubt: float
) -> None:
    second = SecondLook()
    calm = reading("zone", NOON, Level.L0)
    told = ZoneReading("zone", NOON, Level.L0, (Reason("flow_balance", balance, people),), None)
    second.hear("cam", (calm, told))
    found = second.doubt_of("cam")
    assert found is not None
    assert min(found, 1.0) == pytest.approx(doubt)
    second.hear("cam", (calm,))
    assert second.doubt_of("cam") == 0.0


def test_nobody_among_many_is_looked_at_again_soon() -> None:
    """The network of these tests finds one head."""
    second = SecondLook(Detector(boxes(*[(0, 0, 10, 40)] * 12)))
    assert run(second, [0, 20, 29, 30, 40, 89, 90]) == [
        False,
        True,
        False,
        True,
        False,
        False,
        True,
    ]
    some = SecondLook(Detector(boxes(*[(0, 0, 10, 40)] * 9)))
    assert run(some, [0, 20, 30, 79, 80]) == [False, True, False, False, True]
