"""When an empty place needs no new look: two grey pictures and what differs between them."""

import numpy as np
import pytest

from vision.arrays import UInt8Array
from vision.crowd.stillness import HOLDS_S, StillPlace
from vision.instants import Utc
from vision.observations import CrowdObservation, DensityMap, Frame, HeadPoints, Region

NOON = Utc.from_iso("2026-03-02T04:00:00+00:00")
# Heads are 14 px high and are compared as 3.5 px: four picture pixels each way are one compared.
REGION = Region(20, 20, 300, 160, least_head_px=14.0)
NOBODY = CrowdObservation(HeadPoints.none(), None, 0.1)


def frame(at_s: float, grey: int = 120, patch: tuple[int, int, int] | None = None) -> Frame:
    """An even picture; `patch` is a square (u, side, grey) at v 80."""
    image: UInt8Array = np.full((180, 320, 3), grey, np.uint8)
    if patch is not None:
        u, side, other = patch
        image[80 : 80 + side, u : u + side] = other
    return Frame("cam", 0, NOON.plus(at_s), image)


def one_head() -> CrowdObservation:
    column = np.ones(1, np.float32)
    return CrowdObservation(
        HeadPoints(np.full((1, 2), 80.0, np.float32), column, column), None, 0.1
    )


def spread(people: float) -> CrowdObservation:
    cells = np.full((2, 2), people / 4.0, np.float32)
    return CrowdObservation(HeadPoints.none(), DensityMap(cells, 80.0, 45.0), 0.1)


def watched(grey: int = 120, found: CrowdObservation = NOBODY) -> StillPlace:
    place = StillPlace()
    place.looked(frame(0.0, grey), REGION, found)
    return place


@pytest.mark.parametrize(
    ("at_s", "holds"), [(0.0, True), (1.0, True), (HOLDS_S, True), (HOLDS_S + 0.1, False)]
)
def test_an_unchanged_place_is_known_for_a_while(at_s: float, *, holds: bool) -> None:
    known = watched().known(frame(at_s), REGION)
    assert known is (NOBODY if holds else None)


def test_time_that_runs_back_proves_nothing() -> None:
    assert watched().known(frame(-0.2), REGION) is None


@pytest.mark.parametrize(
    ("grey", "patch", "same"),
    [
        (120, (100, 14, 131), False),  # a head, 11 levels brighter: 4 + 5 % of 120 are 10
        (120, (100, 14, 109), False),  # and darker
        (120, (100, 14, 130), True),
        (120, (100, 8, 160), False),  # half of a head
        (120, (100, 1, 160), True),  # a speck of noise
        (20, (100, 14, 26), False),  # in the dark less is much
        (20, (100, 14, 25), True),
        (120, (4, 14, 200), True),  # beside the region
    ],
)
def test_what_is_a_change(grey: int, patch: tuple[int, int, int], *, same: bool) -> None:
    found = watched(grey).known(frame(1.0, grey, patch), REGION)
    assert (found is not None) is same


def test_a_change_of_one_colour_is_seen() -> None:
    image = np.array(frame(1.0).image_bgr)
    image[80:94, 100:114, 2] = 150
    assert watched().known(Frame("cam", 1, NOON.plus(1.0), image), REGION) is None


def test_small_changes_add_up() -> None:
    place = watched()
    assert place.known(frame(0.4, 126), REGION) is NOBODY
    assert place.known(frame(0.8, 132), REGION) is None


@pytest.mark.parametrize("found", [one_head(), spread(0.2)])
def test_where_somebody_was_the_next_picture_is_looked_at(found: CrowdObservation) -> None:
    place = watched()
    place.looked(frame(0.2), REGION, found)
    assert place.known(frame(0.4), REGION) is None


def test_a_trace_of_a_person_in_the_map_is_nobody() -> None:
    empty = spread(0.1)
    assert watched(found=empty).known(frame(0.2), REGION) is empty


def test_another_part_of_the_picture_or_all_of_it_is_looked_at() -> None:
    other = Region(20, 20, 300, 160, least_head_px=12.0)
    assert watched().known(frame(0.2), other) is None
    place = StillPlace()
    place.looked(frame(0.0), None, NOBODY)
    assert place.known(frame(0.2), None) is None
    assert StillPlace().known(frame(0.2), REGION) is None
