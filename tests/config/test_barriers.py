"""What hides on a floor: walls to the ceiling have nothing above them."""

import math
from dataclasses import replace

import pytest
from shapely.geometry import box

from config.barriers import barriers_of
from config.site import Door, Floor, LocalText, Wall
from vision.visibility import Eye, visible_region

NAME = LocalText("层", "Floor")
ACROSS = ((2.0, 0.0), (2.0, 3.0))


def floor(ceiling_m: float | None, height_m: float) -> Floor:
    return Floor("f", NAME, 0.0, box(0, 0, 24, 3), None, ceiling_m, (Wall(ACROSS, height_m),))


@pytest.mark.parametrize(
    ("ceiling_m", "height_m", "top_m"),
    [(3.6, 3.6, math.inf), (3.6, 3.0, 3.0), (None, 3.0, 3.0)],
    ids=["to the ceiling", "a screen", "outdoors"],
)
def test_a_wall_up_to_the_ceiling_has_no_top(
    ceiling_m: float | None, height_m: float, top_m: float
) -> None:
    assert list(barriers_of(floor(ceiling_m, height_m)).drawn.heights_m) == [top_m]


@pytest.mark.parametrize(
    ("height_m", "behind_m2"), [(3.6, 0.0), (3.0, 3.0 * (24.0 - 0.1 - 1.9 * 3.7 / 0.7))]
)
def test_nobody_looks_over_a_wall_up_to_the_ceiling(height_m: float, behind_m2: float) -> None:
    """An eye 3.7 m high, as one drawn a little too high may be; the floor behind x = 2.

    Over a wall of 3 m, 1.9 m away, sight meets the floor again at 1.9 x 3.7 / 0.7 m.
    """
    eye = Eye(0.1, 1.5, 3.7, 0.0)
    region = visible_region(barriers_of(floor(3.6, height_m)), eye)
    assert region.intersection(box(2, 0, 24, 3)).area == pytest.approx(behind_m2, abs=0.01)


def test_a_door_in_a_wall_up_to_the_ceiling() -> None:
    """The wall is drawn with a gap: shut, the door fills it; open, a lintel hangs in it."""
    door = Door("d", NAME, (2.0, 1.0), (2.0, 2.0), "shut")
    walls = (Wall(((2.0, 0.0), (2.0, 1.0)), 3.6), Wall(((2.0, 2.0), (2.0, 3.0)), 3.6))
    hall = replace(floor(3.6, 3.6), walls=walls, doors=(door,))
    assert list(barriers_of(hall).drawn.heights_m) == [math.inf] * 3
    opened = barriers_of(hall, all_open=True)
    assert len(opened.drawn) == 2
    assert list(opened.lintels.heights_m) == [2.1]
