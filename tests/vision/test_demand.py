"""Arrivals of the next minute, and which zone leads to which."""

import pytest
from shapely.geometry import box

from vision.demand import Upstream, arrivals_per_s, upstream_zones
from vision.zones import Line, Zone, ZoneType


def zone(name: str, x0: float, x1: float, exit_x: float | None, floor: str = "f1") -> Zone:
    exits = () if exit_x is None else (Line("out", (exit_x, 0.0), (exit_x, 3.0)),)
    return Zone(name, floor, ZoneType.CORRIDOR, box(x0, 0.0, x1, 3.0), exits=exits)


@pytest.mark.parametrize(
    ("own", "upstream", "expected", "answer"),
    [
        (None, [], None, None),
        (0.5, [], None, 0.5),
        # 30 people upstream, and 0.4 a second for half of the minute: 42 in 60 s
        (0.5, [Upstream(30.0, 0.4)], None, 0.7),
        (0.5, [Upstream(12.0, 0.0), Upstream(6.0, 0.0)], None, 0.5),
        (None, [Upstream(12.0, 0.0)], None, 0.2),
        (0.5, [Upstream(30.0, 0.4)], 1.5, 1.5),
    ],
)
def test_the_largest_source_counts(
    own: float | None, upstream: list[Upstream], expected: float | None, answer: float | None
) -> None:
    found = arrivals_per_s(own, upstream, expected)
    assert found == (None if answer is None else pytest.approx(answer))


def test_a_zone_leads_to_the_one_that_its_exit_touches() -> None:
    zones = [zone("corridor", 0, 10, 10), zone("stair", 10, 14, 14), zone("hall", 14.2, 20, None)]
    assert upstream_zones(zones) == {
        "corridor": (),
        "stair": ("corridor",),
        "hall": ("stair",),
    }


def test_another_floor_or_a_far_line_leads_nowhere() -> None:
    zones = [zone("a", 0, 10, 10), zone("b", 10, 14, None, "f2"), zone("c", 10.5, 14, None)]
    assert upstream_zones(zones) == {"a": (), "b": (), "c": ()}
