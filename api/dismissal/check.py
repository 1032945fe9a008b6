"""The timetable in JuPedSim: the peak density on each stair, and the largest load that stays calm.

Each stair is walked by itself: a corridor of 12 m before it, the flight in its width and length, a
hall of 6 m behind it and the exit door in its width. Other stairs' people do not meet there.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import shapely
from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from api.dismissal.capacity import WALK_MPS
from api.dismissal.stagger import SOLVE_S, StaggerError, staggered
from api.dismissal.timetable import Stagger
from config.dismissal import DismissalFile, Place, PlaceKind
from streams.virtual.scenarios import STEP_S, Flow, Ground, Scenario
from streams.virtual.simulate import simulate
from vision.crowd.density import density_peak, kernel_field
from vision.geometry.grid import PlanGrid
from vision.geometry.planes import Plane

# Shares of capacity that are tried, from the fastest, and how near to the first that stays calm the
# search then closes in: our steps.
LOADS = (0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1)
FINEST = 0.03
# A peak counts when it lasts as long as the dwell of L3: near a wall two people who pass are 2.5
# persons per m² for a moment, as the disc around them is cut there.
HELD_S = 5.0
_BEFORE_M, _HALL_M, _DOOR_M, _SIDE_M = 12.0, 6.0, 1.5, 1.0
# A walk that is stuck ends here.
_LONGEST_S = 900.0
_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Walked:
    """One stair in simulation.

    Attributes:
        peak_per_m2: highest local density that is held for `HELD_S`.
        cleared_s: when the last pupil was through the exit behind it; `inf` when the walk was
            ended before that.
    """

    peak_per_m2: float
    cleared_s: float


WalkOf = Callable[[DismissalFile, Stagger, int], Mapping[str, Walked]]


@dataclass(frozen=True, slots=True)
class Checked:
    """A timetable and how its stairs were walked in simulation; empty where they were not."""

    timetable: Stagger
    stairs: Mapping[str, Walked]

    @property
    def highest_per_m2(self) -> float:
        return max((walked.peak_per_m2 for walked in self.stairs.values()), default=0.0)

    @property
    def cleared_s(self) -> float:
        return max((walked.cleared_s for walked in self.stairs.values()), default=0.0)


def walked_stairs(
    plan: DismissalFile, timetable: Stagger, seed: int, stop_at_per_m2: float = math.inf
) -> Mapping[str, Walked]:
    """Every stair while the timetable runs; a walk that reaches `stop_at_per_m2` ends there.

    Raises:
        SimulationMissingError: when JuPedSim is not installed.
    """
    stairs = [place for place in plan.places if place.kind is PlaceKind.STAIR]
    return {stair.id: _walk(plan, stair, timetable, seed, stop_at_per_m2) for stair in stairs}


def calmest_fast(
    plan: DismissalFile, seed: int, walk: WalkOf | None = None, solve_s: float = SOLVE_S
) -> Checked:
    """The earliest end that was found whose stairs all stay below the plan's limit.

    `LOADS` are tried from the fastest; then the gap to the last one that failed is halved until it
    is below `FINEST`. Density need not fall evenly with load, so it is the best that was found.

    Raises:
        StaggerError: when not even the smallest load does.
    """
    limit = plan.stair_limit_per_m2
    failed, seen = 1.0, math.inf
    for load in LOADS:
        checked = _checked(plan, load, seed, walk, solve_s)
        seen = checked.highest_per_m2
        if seen < limit:
            break
        failed = load
    else:
        raise StaggerError(
            f"even at {LOADS[-1]:.0%} of capacity a stair reaches {seen:.2f} per m², not below "
            f"{limit:g}; send fewer classes over it"
        )
    best, calm = checked, load
    while failed - calm > FINEST:
        middle = (failed + calm) / 2.0
        checked = _checked(plan, middle, seed, walk, solve_s)
        if checked.highest_per_m2 >= limit:
            failed = middle
            continue
        calm = middle
        if checked.timetable.ends_s < best.timetable.ends_s:
            best = checked
    return best


def _checked(
    plan: DismissalFile, load: float, seed: int, walk: WalkOf | None, solve_s: float
) -> Checked:
    timetable = staggered(plan, load, solve_s)
    if walk is not None:
        return Checked(timetable, walk(plan, timetable, seed))
    return Checked(timetable, walked_stairs(plan, timetable, seed, plan.stair_limit_per_m2))


def _outline(parts: Iterable[tuple[float, float, float, float]]) -> Polygon:
    """The outer border of rectangles that touch."""
    whole = unary_union([box(*rect) for rect in parts])
    if not isinstance(whole, Polygon):
        raise StaggerError("the parts of a stair do not touch; check its width and its exit's")
    return Polygon(whole.exterior)


def stair_scenario(plan: DismissalFile, stair: Place, timetable: Stagger) -> Scenario:
    """One stair with its classes as a story of the virtual campus."""
    rooms = {room.id: room for room in plan.rooms}
    users = [d for d in timetable.departures if stair.id in rooms[d.room_id].route]
    width, length = stair.width_m, stair.length_m
    exits = {rooms[d.room_id].route[-1] for d in users}
    door_m = min((plan.place(one).width_m for one in exits), default=width)
    foot, wall = length, length + _HALL_M
    middle = width / 2.0
    parts = (
        (-_BEFORE_M, -_SIDE_M, 0.0, width + _SIDE_M),
        (0.0, 0.0, foot, width),
        (foot, -_SIDE_M, wall, width + _SIDE_M),
        (wall, middle - door_m / 2.0, wall + _DOOR_M, middle + door_m / 2.0),
    )
    share = 0.65
    grounds = tuple(
        Ground(rect, Plane(), share if number == 1 else 1.0) for number, rect in enumerate(parts)
    )
    edge = 0.25
    low, high = middle - door_m / 2.0 + edge, middle + door_m / 2.0 - edge
    goals = (
        ((0.0, edge), (0.0, width - edge)),
        ((foot, edge), (foot, width - edge)),
        ((wall, low), (wall, high)),
        ((wall + _DOOR_M - 0.3, low), (wall + _DOOR_M - 0.3, high)),
    )
    entry = (-_BEFORE_M + 0.3, -_SIDE_M + 0.3, -_BEFORE_M + 2.3, width + _SIDE_M - 0.3)
    flows = tuple(
        Flow(
            entry,
            goals,
            departure.rate_per_s,
            start_s=departure.start_s
            + max(0.0, (rooms[departure.room_id].walk_m - _BEFORE_M) / WALK_MPS),
            most=rooms[departure.room_id].pupils,
            even=True,
        )
        for departure in users
    )
    return Scenario(
        f"dismissal-{stair.id}",
        "dismissal",
        _outline(parts),
        grounds,
        flows,
        timetable.ends_s + _LONGEST_S,
        (),
    )


def _walk(
    plan: DismissalFile, stair: Place, timetable: Stagger, seed: int, stop_at_per_m2: float
) -> Walked:
    scenario = stair_scenario(plan, stair, timetable)
    if not scenario.flows:
        return Walked(0.0, 0.0)
    flight = box(0.0, 0.0, stair.length_m, stair.width_m)
    grid = PlanGrid.over(flight)
    seen = grid.in_zone.reshape(grid.shape)
    every = round(_EVERY_S / STEP_S)
    wanted = sum(flow.most or 0 for flow in scenario.flows)
    past: deque[float] = deque(maxlen=round(HELD_S / _EVERY_S) + 1)
    highest, last_id = 0.0, -1
    for number, step in enumerate(simulate(scenario, seed)):
        if number % every:
            continue
        if not len(step.ids):
            past.clear()
            if last_id + 1 >= wanted:
                return Walked(highest, step.t_s)
            continue
        last_id = max(last_id, int(step.ids.max()))
        xy_m = step.feet_xyz_m[:, :2]
        inside = xy_m[shapely.contains_xy(flight, xy_m)]
        past.append(density_peak(grid, kernel_field(grid, inside), seen).density_per_m2)
        if len(past) == past.maxlen:
            highest = max(highest, min(past))
        if highest >= stop_at_per_m2:
            break
    return Walked(highest, math.inf)


__all__ = [
    "FINEST",
    "HELD_S",
    "LOADS",
    "Checked",
    "Walked",
    "calmest_fast",
    "stair_scenario",
    "walked_stairs",
]
