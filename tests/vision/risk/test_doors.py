"""How much of an exit stands open, by its doors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from vision.geometry.zones import Line, Zone, ZoneType
from vision.risk.doors import DoorState, Leaf, ZoneDoors

FOOT = Line("foot", (3.6, 0.0), (3.6, 3.0))
WIDE = Leaf("wide", (3.6, 0.0), (3.6, 2.0))
NARROW = Leaf("narrow", (3.65, 3.0), (3.6, 2.0))
OPEN, SHUT, UNKNOWN = DoorState.OPEN, DoorState.SHUT, DoorState.UNKNOWN


def stair(*exits: Line) -> Zone:
    return Zone("stair", "f1", ZoneType.STAIRS, box(0, 0, 3.6, 3), exits=exits or (FOOT,))


@pytest.mark.parametrize(
    ("states", "share", "shut", "unknown"),
    [
        ({"wide": OPEN, "narrow": OPEN}, 1.0, (), ()),
        ({"wide": SHUT, "narrow": OPEN}, 1 / 3, ("wide",), ()),
        ({"wide": SHUT, "narrow": SHUT}, 0.0, ("narrow", "wide"), ()),
        # What is not known bars nothing, and is told.
        ({"wide": SHUT}, 1 / 3, ("wide",), ("narrow",)),
        ({"narrow": UNKNOWN}, 1.0, (), ("narrow", "wide")),
    ],
)
def test_a_shut_leaf_bars_its_part(
    states: dict[str, DoorState], share: float, shut: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    opening = ZoneDoors(stair(), [WIDE, NARROW]).opening(states)
    assert opening is not None
    assert opening.share == pytest.approx(share)
    assert (opening.shut, opening.unknown) == (shut, unknown)


@pytest.mark.parametrize(
    "leaf",
    [
        Leaf("far", (5.0, 0.0), (5.0, 2.0)),
        Leaf("across", (2.6, 1.0), (4.6, 1.0)),
        Leaf("beside", (3.6, 3.0), (3.6, 4.0)),
    ],
)
def test_a_door_elsewhere_says_nothing_of_the_exit(leaf: Leaf) -> None:
    assert ZoneDoors(stair(), [leaf]).opening({leaf.id: SHUT}) is None


def test_the_width_of_all_exits_counts() -> None:
    other = Line("top", (0.0, 0.0), (0.0, 1.0))
    opening = ZoneDoors(stair(FOOT, other), [WIDE]).opening({"wide": SHUT})
    assert opening is not None
    assert opening.share == pytest.approx(2.0 / 4.0)
    assert list(opening.exits) == [pytest.approx(1 / 3), 1.0]


@pytest.mark.parametrize(
    ("states", "exits"),
    [
        ({}, (None, None)),
        ({"wide": SHUT}, (pytest.approx(1 / 3), None)),
        ({"wide": UNKNOWN, "narrow": OPEN, "up": OPEN}, (None, 1.0)),
        ({"wide": UNKNOWN, "narrow": SHUT, "up": SHUT}, (pytest.approx(2 / 3), 0.0)),
    ],
)
def test_each_exit_has_its_own_doors(
    states: dict[str, DoorState], exits: tuple[float | None, ...]
) -> None:
    top, up = Line("top", (0.0, 0.0), (0.0, 1.0)), Leaf("up", (0.0, 0.0), (0.0, 1.0))
    opening = ZoneDoors(stair(FOOT, top), [WIDE, NARROW, up]).opening(states)
    assert opening is not None
    assert opening.exits == exits


@given(
    st.lists(st.tuples(st.floats(-1.0, 4.0), st.floats(-1.0, 4.0)), min_size=1, max_size=5),
    st.data(),
)
def test_shutting_one_more_door_never_opens_anything(
    ends: list[tuple[float, float]], data: st.DataObject
) -> None:
    leaves = [Leaf(f"d{n}", (3.6, a), (3.6, b)) for n, (a, b) in enumerate(ends)]
    doors = ZoneDoors(stair(), leaves)
    states = {leaf.id: data.draw(st.sampled_from([OPEN, SHUT, UNKNOWN])) for leaf in leaves}
    before = doors.opening(states)
    if before is None:
        assert not doors.ids
        return
    assert 0.0 <= before.share <= 1.0
    one = data.draw(st.sampled_from(sorted(doors.ids)))
    after = doors.opening(states | {one: SHUT})
    assert after is not None
    assert after.share <= before.share + 1e-9
    # A leaf bars no more than its own part of the line.
    part_m = next(abs(b - a) for n, (a, b) in enumerate(ends) if f"d{n}" == one)
    assert before.share - after.share <= part_m / 3.0 + 1e-9
