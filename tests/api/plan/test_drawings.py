"""Drawings of the plan's pages: evacuation curves and the floors of the school's map."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plan.curves import HEIGHT, WIDTH, plot
from api.plan.wall_pages import floor_shapes
from config import load_site, sample_school_directory


def test_a_curve_fills_its_axes() -> None:
    found = plot({"楼梯": [[0, 30], [60, 0]]}, target_s=30)
    assert found is not None
    # 640 wide with 48 left and 8 right; 240 high with 8 above and 28 below.
    assert [line.points for line in found.lines] == ["48.0,8.0 632.0,212.0"]
    assert found.target_x == 340.0
    assert [tick.label for tick in found.x_ticks] == ["0", "10", "20", "30", "40", "50", "60"]
    assert [tick.label for tick in found.y_ticks] == ["0", "5", "10", "15", "20", "25", "30"]


def test_nothing_measured_is_no_picture_and_lines_differ_in_pattern() -> None:
    assert plot({}) is None
    assert plot({"楼梯": []}, 60) is None
    found = plot({name: [[0, 1]] for name in "abcde"})
    assert found is not None
    assert [line.style for line in found.lines] == [0, 1, 2, 3, 0]


@given(
    st.lists(st.tuples(st.floats(0, 7200), st.floats(0, 5000)), min_size=1, max_size=40),
    st.one_of(st.none(), st.integers(1, 7200)),
)
def test_every_point_lies_in_the_picture(
    curve: list[tuple[float, float]], target: int | None
) -> None:
    found = plot({"": curve}, target)
    assert found is not None
    for pair in found.lines[0].points.split():
        x, y = map(float, pair.split(","))
        assert 48 <= x <= WIDTH - 8
        assert 8 <= y <= HEIGHT - 28
    assert len(found.x_ticks) <= 9
    ats = [tick.at for tick in found.x_ticks]
    assert all(one < other for one, other in pairwise(ats))


@pytest.fixture(scope="module")
def floors() -> dict[str, list[str]]:
    site = load_site(sample_school_directory())
    return {floor.zh: [zone.zh for zone in floor.zones] for floor in floor_shapes(site)}


def test_each_zone_of_the_sample_school_is_drawn_on_its_floor(floors: dict[str, list[str]]) -> None:
    assert floors == {
        "教学楼一层与楼梯": ["二层走廊", "楼梯甲", "一层大厅"],
        "校门广场": ["校门"],
        "教学楼三层": ["三层走廊"],
    }


def test_words_stand_inside_their_zone() -> None:
    site = load_site(sample_school_directory())
    drawn = {zone.id: zone for floor in floor_shapes(site) for zone in floor.zones}
    for zone in site.zones:
        west, south, east, north = zone.polygon_xy_m.bounds
        assert west < drawn[zone.id].x_m < east
        assert south < -drawn[zone.id].y_m < north
