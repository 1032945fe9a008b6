"""Capacities, emptying times, the staggered timetable and the search for the fastest calm one."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from api.dismissal.capacity import arrival_s, capacity_per_s, emptying
from api.dismissal.check import FINEST, LOADS, Walked, calmest_fast, stair_scenario, walked_stairs
from api.dismissal.first_fit import first_fit, work_bound_s
from api.dismissal.stagger import StaggerError, staggered
from api.dismissal.timetable import SLOT_S, Stagger, all_at_once, flow_per_s
from config import sample_school_directory
from config.dismissal import DismissalFile, Place, PlaceKind, Room, load_dismissal
from config.plan.errors import PlanFileError
from tests.api.dismissal.cases import DOOR, NARROW, WIDE, room, school


def test_capacity_is_width_times_specific_flow() -> None:
    assert capacity_per_s(WIDE) == pytest.approx(2.2)
    assert capacity_per_s(NARROW) == pytest.approx(1.1)
    assert capacity_per_s(DOOR) == pytest.approx(2.6)


def test_way_times() -> None:
    # 10 m at 1 m/s to the stair, then 5.5 m at 0.55 m/s.
    assert arrival_s(school(), school().rooms[0], "wide") == pytest.approx(10.0)
    assert arrival_s(school(), school().rooms[0], "door") == pytest.approx(20.0)


def test_a_floor_empties_over_what_is_left() -> None:
    top, both = emptying(school())
    # 10 s walk, 88 or 176 pupils at 1.1 a second, 10 s on the flight.
    assert (top.pupils, top.blocked) == (88, "wide")
    assert top.seconds == pytest.approx(10.0 + 80.0 + 10.0)
    assert both.seconds == pytest.approx(10.0 + 160.0 + 10.0)


def test_two_classes_at_half_load_follow_one_another() -> None:
    plan = school(room("a", "f2"), room("b", "f2"))
    found = staggered(plan, 0.5)
    # Each class gets the whole half load, 1.1 a second, so it takes 40 s; the second cannot start
    # before the slot in which the first has ended.
    assert sorted(d.start_s for d in found.departures) == [0.0, 45.0]
    assert {d.rate_per_s for d in found.departures} == {1.1}
    assert found.ends_s == pytest.approx(45.0 + 40.0 + 21.0)
    assert found.bound_s == pytest.approx(found.ends_s, abs=0.1)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.9])
def test_no_place_ever_carries_more_than_its_share(load: float) -> None:
    plan = school()
    found = staggered(plan, load)
    flow = flow_per_s(plan, found)
    for place in plan.places:
        assert flow[place.id].max() <= load * capacity_per_s(place) + 1e-6
    # Nobody is lost: the flow over the stair, summed over time, is the roster.
    assert flow["wide"].sum() * SLOT_S == pytest.approx(176.0)
    assert found.bound_s <= found.ends_s + 1e-6


def ordinary_school() -> DismissalFile:
    """36 classes on four floors over three equal stairs, as in a district's middling school."""
    floors = ("f5", "f4", "f3", "f2")
    stairs = [Place(f"s{n}", "梯", "S", PlaceKind.STAIR, 1.65, 3.6, floors) for n in range(3)]
    gate = Place("gate", "门", "Gate", PlaceKind.DOOR, 4.0, 1.0)
    rooms = tuple(
        Room(f"c{floor}{n}", "班", "C", floor, 45, 5.0 + 4.0 * n, (f"s{n % 3}", "gate"))
        for floor in floors
        for n in range(9)
    )
    return DismissalFile(1, "16:30", floors, (*stairs, gate), rooms)


def test_an_ordinary_school_has_a_good_plan_when_the_solver_is_cut_short() -> None:
    plan = ordinary_school()
    found = staggered(plan, 0.5, 0.1)
    flow = flow_per_s(plan, found)
    for place in plan.places:
        assert flow[place.id].max() <= 0.5 * capacity_per_s(place) + 1e-6
    # Each stair has 540 pupils to pass at 0.9 a second.
    assert 595.0 < found.bound_s < found.ends_s < 1.4 * found.bound_s


@pytest.mark.parametrize("load", [0.2, 0.5, 0.9])
def test_no_timetable_ends_before_the_work_of_its_places_is_done(load: float) -> None:
    plan = school()
    assert work_bound_s(plan, load) <= staggered(plan, load).ends_s
    starts = first_fit(plan, load)
    assert len(starts) == 4
    assert min(starts) == 0


def test_all_at_once_passes_the_capacity_that_a_timetable_keeps() -> None:
    plan = school()
    flow = flow_per_s(plan, all_at_once(plan))
    assert flow["wide"].max() == pytest.approx(4 * 1.3)
    assert all(d.start_s == 0.0 for d in all_at_once(plan).departures)


def test_the_fastest_load_that_stays_calm_is_taken() -> None:
    tried = []

    def walk(plan: DismissalFile, timetable: Stagger, seed: int) -> Mapping[str, Walked]:
        tried.append(timetable.load)
        ends_s = timetable.ends_s
        return {"wide": Walked(2.5 * timetable.load, ends_s), "narrow": Walked(0.0, 0.0)}

    # The limit is 1.5: 0.6 x 2.5 = 1.5 is not below it, so every load below 0.6 is calm.
    found = calmest_fast(school(), 1, walk)
    assert found.highest_per_m2 < 1.5
    assert found.cleared_s == found.timetable.ends_s
    calm, failed = [x for x in tried if x < 0.6], [x for x in tried if x >= 0.6]
    assert min(failed) - max(calm) <= FINEST
    assert found.timetable.ends_s == min(staggered(school(), load).ends_s for load in calm)


def test_a_school_that_cannot_be_kept_calm_is_told() -> None:
    with pytest.raises(StaggerError, match=f"{LOADS[-1]:.0%}"):
        calmest_fast(school(), 1, lambda plan, timetable, seed: {"wide": Walked(9.0, 99.0)})


def test_a_class_walks_its_stair_and_is_gone() -> None:
    pytest.importorskip("jupedsim")
    plan = school(room("a", "f2", pupils=6))
    together = all_at_once(plan)
    walked = walked_stairs(plan, together, 1)
    # Six pupils at 1.3 a second, 12 m at about 1.15 m/s, the flight at 65 % of it, 6 m of hall.
    assert 20.0 < walked["wide"].cleared_s < 45.0
    assert 0.3 < walked["wide"].peak_per_m2 < 2.5
    assert walked["narrow"] == Walked(0.0, 0.0)
    stopped = walked_stairs(plan, together, 1, stop_at_per_m2=0.1)["wide"]
    assert stopped.cleared_s == math.inf


def test_the_story_of_a_stair_holds_its_classes_only() -> None:
    plan = school(room("a", "f2"), room("b", "f2", route=("narrow", "door")))
    story = stair_scenario(plan, WIDE, all_at_once(plan))
    assert [flow.most for flow in story.flows] == [44]
    assert story.walkable_xy_m.is_valid
    # 12 x 4 before, 5.5 x 2 flight, 6 x 4 hall, 1.5 x 2 door.
    assert story.walkable_xy_m.area == pytest.approx(48.0 + 11.0 + 24.0 + 3.0)


def test_the_sample_school_has_a_plan() -> None:
    plan = load_dismissal(sample_school_directory())
    assert sum(r.pupils for r in plan.rooms) == 340
    found = staggered(plan, 0.5, 5.0)
    assert np.isfinite(found.ends_s)
    assert len(found.departures) == len(plan.rooms)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("width_m: 3.0", "width_m: 0", "0 is out of range"),
        ("route: [stair-b, exit-b]}\n  - {id: c501", "route: [stair-c, exit-b]}\n  - {id: c501",
         "no place stair-c"),
        ("floor: f2, pupils: 45", "floor: f9, pupils: 45", "no floor f9"),
        ("id: c402", "id: c401", "c401 is there twice"),
        ("length_m: 3.6, floors: [f3, f2]}", "length_m: 3.6}", "a stair serves no floor"),
        ("route: [stair-a, exit-a]", "route: [exit-a, stair-a]", "the way ends on stair-a"),
        ("route: [stair-a, exit-a]", "route: [stair-a, stair-a, exit-a]", "is passed twice"),
        ("name_zh: 楼梯甲", "name_zh: ''", "is empty"),
        ("name_en: Stair A", "name_en: '  '", "there are only blanks"),
        ("floors: [f3, f2]\nplaces", "floors: [f3, f2, f3]\nplaces", "f3 is there twice"),
    ],
)  # fmt: skip
def test_refusals_name_the_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (sample_school_directory() / "dismissal.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "dismissal.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PlanFileError) as refusal:
        load_dismissal(tmp_path)
    assert any(said in p.message and p.line > 1 for p in refusal.value.problems)
