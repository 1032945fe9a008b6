"""Demand of the next minute, and which zone leads to which."""

import pytest
from shapely.geometry import box

from vision.geometry.zones import Line, Zone, ZoneType
from vision.risk.demand import Upstream, arrivals_per_s, upstream_zones, walk_s


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


@pytest.mark.parametrize(
    ("exit_x", "along_m", "leads"),
    [
        (10.29, 3.0, True),
        (10.31, 3.0, False),
        (9.71, 3.0, True),
        (9.69, 3.0, False),
        (10.0, 1.55, True),  # a little more than half of the line lies at the other zone
        (10.0, 1.45, False),
    ],
)
def test_half_of_an_exit_within_a_foot_s_length_leads_on(
    exit_x: float, along_m: float, leads: bool
) -> None:
    """The other zone begins at x = 10 and is `along_m` wide; 0.3 m past its corner still counts."""
    source = zone("a", 0, 10, exit_x)
    target = Zone("b", "f1", ZoneType.CORRIDOR, box(10.0, 0.0, 14.0, along_m - 0.3))
    assert upstream_zones([source, target])["b"] == (("a",) if leads else ())


def test_the_way_through_a_zone_at_the_pace_of_a_full_flow() -> None:
    flight = Zone("s", "f1", ZoneType.STAIRS, box(0, 0, 3.6, 3),
                  exits=(Line("foot", (3.6, 0.0), (3.6, 3.0)),))  # fmt: skip
    top = Line("top", (0.0, 0.0), (0.0, 3.0))
    assert walk_s(flight, [top], flight.exits) == pytest.approx(3.6 / 0.55)
    assert walk_s(flight, [], flight.exits) == 0.0
    # The shortest of all ways: a full flow is there no later.
    side = Line("side", (2.5, 0.0), (3.5, 0.0))
    assert walk_s(flight, [top, side], flight.exits) == pytest.approx(0.1 / 0.55)
    assert walk_s(zone("hall", 0, 10, None), [top], ()) == 0.0


def test_of_a_zone_that_is_led_to_as_well_only_who_walks_here_is_on_the_way() -> None:
    """The others there, and who comes in there, may have left by the common border just now."""
    there = Upstream(60.0, 2.0, coming=6, leads_back=True)
    assert arrivals_per_s(None, [there]) == pytest.approx(6 / 60)
    assert arrivals_per_s(0.5, [there, Upstream(60.0, 2.0)]) == pytest.approx((6 + 120) / 60)
