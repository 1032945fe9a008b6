"""What hides on a floor: walls to the ceiling have nothing above them."""

import math
from dataclasses import replace

import pytest
from shapely.geometry import box

from config.barriers import barriers_of, by_walking_surface
from config.site import Door, Floor, LocalText, Wall
from vision.geometry.planes import LEVEL_FLOOR, Plane
from vision.geometry.visibility import Eye, visible_region
from vision.geometry.zones import Zone, ZoneType

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


def gallery(zone_id: str, left: float, right: float, plane: Plane, floor_id: str = "f") -> Zone:
    return Zone(zone_id, floor_id, ZoneType.CORRIDOR, box(left, 0, right, 3), plane)


def test_nobody_looks_through_a_gallery_from_above() -> None:
    """4.8 m high, 2 m behind the edge of a gallery of 3.6 m: the floor shows from 8 m on."""
    open_floor = replace(floor(None, 3.0), walls=())
    zones = [gallery("up", 0, 4, Plane(3.6)), gallery("down", 4, 24, LEVEL_FLOOR)]
    eye = Eye(2.0, 1.5, 4.8)
    region = visible_region(barriers_of(open_floor, zones), eye)
    hall = region.intersection(box(4, 1.4, 24, 1.6))
    assert hall.bounds[0] == pytest.approx(2.0 + 2.0 * 4.8 / 1.2)
    heads = visible_region(barriers_of(open_floor, zones), eye, plane=Plane(1.5))
    assert heads.intersection(box(4, 1.4, 24, 1.6)).bounds[0] == pytest.approx(2 + 2 * 3.3 / 1.2)
    # Who stands on the gallery is seen; zones of another floor hide nothing here.
    up = visible_region(barriers_of(open_floor, zones), eye, plane=Plane(5.1))
    assert up.intersection(box(0, 0, 4, 3)).area == pytest.approx(12.0)
    elsewhere = [gallery("up", 0, 4, Plane(3.6), "other")]
    assert barriers_of(open_floor, elsewhere).slabs == ()


def test_a_level_floor_hides_a_pit_beside_it() -> None:
    """2.8 m high, 2 m before the edge of a pool 1.2 m deep: its bottom shows 0.86 m further in."""
    open_floor = replace(floor(None, 3.0), walls=())
    zones = [gallery("pool", 4, 24, Plane(-1.2))]
    region = visible_region(barriers_of(open_floor, zones), Eye(2.0, 1.5, 2.8), plane=Plane(-1.2))
    pool = region.intersection(box(4, 1.4, 24, 1.6))
    assert pool.bounds[0] == pytest.approx(2.0 + 2.0 * 4.0 / 2.8)


def test_where_zones_overlap_the_first_says_what_one_stands_on() -> None:
    zones = [gallery("a", 0, 5, Plane(1.0)), gallery("b", 4, 8, Plane(2.0))]
    parts = by_walking_surface(box(0, 0, 10, 3), "f", zones)
    assert [(shape.area, plane.z0_m) for shape, plane in parts] == [
        (15.0, 1.0), (9.0, 2.0), (6.0, 0.0),
    ]  # fmt: skip
