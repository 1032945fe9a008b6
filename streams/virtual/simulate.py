"""Runs a scenario in JuPedSim and gives exact trajectories.

Collision-free speed model V2 (Tordeux et al. 2016, arXiv 1512.05597) in plan view. Speed on a
flight is the free speed times the scenario's share; height comes from the surface below. Equal
scenario and seed give equal numbers. JuPedSim is optional: it is imported on the first run.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from shapely.geometry import MultiPolygon, Point, Polygon, box

from streams.virtual.scenarios import STEP_S, Closure, Flow, Scenario
from vision.arrays import Float64Array, IntArray
from vision.errors import VisionError

_TIME_GAP_S = 1.0
_REPULSION, _REPULSION_RANGE_M = 8.0, 0.1
_SMOOTH_S = 0.4
_TRIES = 12
_STORIES_KEPT = 3
_STANDING_MPS = 0.25
_ENTRY_RADIUS_M = 0.02


class SimulationMissingError(VisionError):
    """JuPedSim is not installed."""


@dataclass(frozen=True, slots=True)
class Step:
    """Everybody at one instant; arrays run along people, sorted by id.

    Attributes:
        t_s: seconds since the scenario began.
        closed: whether the scenario's gate is shut.
        ids: (N,) int64, never reused.
        feet_xyz_m: (N, 3) on the walking surface.
        speed_mps: (N,) horizontal speed, smoothed over 0.4 s.
        heading_rad: (N,) direction of the last movement.
        path_m: (N,) distance walked since the person appeared.
    """

    t_s: float
    closed: bool
    ids: IntArray
    feet_xyz_m: Float64Array
    speed_mps: Float64Array
    heading_rad: Float64Array
    path_m: Float64Array


@dataclass(slots=True)
class _Walker:
    id: int
    flow: Flow
    lane: float
    free_speed_mps: float
    radius_m: float
    x_m: float
    y_m: float
    goal: int = 0
    agent: int = -1
    region: int = -1
    velocity: tuple[float, float] = (0.0, 0.0)
    heading_rad: float = 0.0
    path_m: float = 0.0
    waited_s: float = 0.0
    aim: tuple[float, float] | None = None

    def target(self, goal: int) -> tuple[float, float]:
        (ax, ay), (bx, by) = self.flow.goals_xy_m[goal]
        return ax + self.lane * (bx - ax), ay + self.lane * (by - ay)


def load_jupedsim() -> ModuleType:
    """The optional library.

    Raises:
        SimulationMissingError: when the extra `sim` is not installed.
    """
    try:
        return import_module("jupedsim")
    except ImportError as error:
        raise SimulationMissingError(
            "the virtual campus needs JuPedSim, which is not installed; "
            'install the extra with: pip install "xiaoan[sim]"'
        ) from error


def simulate(scenario: Scenario, seed: int) -> Iterator[Step]:
    """Yield one `Step` every `STEP_S` seconds, from 0 to the scenario's duration.

    Raises:
        SimulationMissingError: at the first step, when the extra `sim` is not installed.
    """
    run = _Run(scenario, np.random.default_rng((seed, 0x51A)), load_jupedsim())
    for number in range(round(scenario.duration_s / STEP_S) + 1):
        yield run.step(number * STEP_S)


class Story:
    """The steps of one simulation, made on demand and kept for every reader, on any thread."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._source = simulate(scenario, seed)
        self._steps: list[Step] = []
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Step]:
        number = 0
        while (step := self._at(number)) is not None:
            yield step
            number += 1

    def _at(self, number: int) -> Step | None:
        with self._lock:
            if number == len(self._steps):
                step = next(self._source, None)
                if step is None:
                    return None
                self._steps.append(step)
            return self._steps[number]


@lru_cache(maxsize=_STORIES_KEPT)
def story(scenario: Scenario, seed: int) -> Story:
    """The shared simulation of a scenario: several cameras see the same people.

    Raises:
        SimulationMissingError: when the extra `sim` is not installed.
    """
    load_jupedsim()
    return Story(scenario, seed)


@dataclass(slots=True)
class _Run:
    """The state of one simulation."""

    scenario: Scenario
    rng: np.random.Generator
    library: ModuleType
    closed: bool = False
    walkers: list[_Walker] = field(default_factory=list)
    regions: list[_Region] = field(default_factory=list)
    made: int = 0
    leaving_xy_m: list[tuple[float, float]] = field(default_factory=list)
    waiting: dict[int, int] = field(default_factory=dict)
    arrived: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.regions = [_Region(self.library, self.scenario.walkable_xy_m)]

    def step(self, t_s: float) -> Step:
        self._arrivals(t_s)
        self._steer(t_s)
        for region in self.regions:
            region.simulation.iterate()
        for walker in self.walkers:
            self._follow(walker)
        closure = self.scenario.closure
        if closure is not None and not self.closed and t_s >= closure.from_s:
            self._try_to_close(closure)
        return self._record(t_s)

    def _arrivals(self, t_s: float) -> None:
        for number, flow in enumerate(self.scenario.flows):
            if flow.start_s <= t_s < flow.stop_s:
                come = flow.come(t_s, STEP_S, self.rng)
                self.waiting[number] = self.waiting.get(number, 0) + come
            full = flow.most is not None and self.arrived.get(number, 0) >= flow.most
            if self.waiting.get(number, 0) and not full and self._admit(flow):
                self.waiting[number] -= 1
                self.arrived[number] = self.arrived.get(number, 0) + 1

    def _admit(self, flow: Flow) -> bool:
        x0, y0, x1, y1 = flow.entry_xy_m
        radius = self.scenario.body_radius_m * float(self.rng.uniform(0.92, 1.06))
        speed = self.scenario.free_speed_mps * float(np.clip(self.rng.normal(1.0, 0.1), 0.75, 1.3))
        lane = float(self.rng.uniform())
        for _ in range(_TRIES):
            x, y = float(self.rng.uniform(x0, x1)), float(self.rng.uniform(y0, y1))
            # JuPedSim takes people out at its next step, so those who leave still stand there.
            others = [(w.x_m, w.y_m) for w in self.walkers] + self.leaving_xy_m
            free = all(math.hypot(ox - x, oy - y) > 0.6 for ox, oy in others)
            region = self._region_at(x, y)
            if free and region is not None:
                walker = _Walker(self.made, flow, lane, speed, radius, x, y)
                (tx, ty) = walker.target(0)
                walker.heading_rad = math.atan2(ty - y, tx - x)
                self.regions[region].add(walker)
                walker.region = region
                self.walkers.append(walker)
                self.made += 1
                return True
        return False

    def _region_at(self, x_m: float, y_m: float) -> int | None:
        for number, region in enumerate(self.regions):
            if region.area.contains(Point(x_m, y_m)):
                return number
        return None

    def _steer(self, t_s: float) -> None:
        closure = self.scenario.closure
        for walker in self.walkers:
            agent = self.regions[walker.region].simulation.agent(walker.agent)
            agent.target = self._aim(walker, t_s)
            agent.model.desired_speed = walker.free_speed_mps * self._speed_share(walker)
            if closure is not None and closure.room_m > 0.0 and self._is_held(walker, t_s):
                agent.model.radius = self._waiting_radius_m(walker, closure)

    def _is_held(self, walker: _Walker, t_s: float) -> bool:
        closure = self.scenario.closure
        return closure is not None and t_s >= closure.from_s and walker.goal == closure.goal

    def _waiting_radius_m(self, walker: _Walker, closure: Closure) -> float:
        """The radius that somebody who waits keeps; the wait begins with standing still."""
        if math.hypot(*walker.velocity) < _STANDING_MPS or walker.waited_s > 0.0:
            walker.waited_s += STEP_S
        return walker.radius_m + closure.room_m * math.exp(-walker.waited_s / closure.closing_up_s)

    def _aim(self, walker: _Walker, t_s: float) -> tuple[float, float]:
        closure = self.scenario.closure
        if closure is not None and self._is_held(walker, t_s):
            x, y = walker.target(walker.goal)
            return x - closure.hold_back_m, y
        if walker.aim is None:
            walker.aim = self._beyond(walker)
        return walker.aim

    def _beyond(self, walker: _Walker) -> tuple[float, float]:
        """A place a little past the next line, so that nobody slows down or gathers at it."""
        x, y = walker.target(walker.goal)
        (ax, ay), (bx, by) = walker.flow.goals_xy_m[walker.goal]
        length = math.hypot(bx - ax, by - ay)
        across = (0.35 * (by - ay) / length, -0.35 * (bx - ax) / length)
        before = (walker.x_m - ax) * across[0] + (walker.y_m - ay) * across[1] < 0
        side = 1.0 if before else -1.0
        spot = (x + side * across[0], y + side * across[1])
        area = self.regions[walker.region].area
        return spot if area.contains(Point(*spot)) else (x, y)

    def _speed_share(self, walker: _Walker) -> float:
        return next(
            (
                ground.speed_share
                for ground in self.scenario.grounds
                if _inside(ground.rect_xy_m, walker.x_m, walker.y_m)
            ),
            1.0,
        )

    def _follow(self, walker: _Walker) -> None:
        """Take over the new position and move on to the next goal when a line is crossed."""
        x, y = self.regions[walker.region].simulation.agent(walker.agent).position
        moved = (x - walker.x_m, y - walker.y_m)
        walker.path_m += math.hypot(*moved)
        share = STEP_S / _SMOOTH_S
        vx, vy = (
            old + share * (new / STEP_S - old)
            for old, new in zip(walker.velocity, moved, strict=True)
        )
        walker.velocity = (vx, vy)
        if math.hypot(vx, vy) > 0.15:
            walker.heading_rad = math.atan2(vy, vx)
        (ax, ay), (bx, by) = walker.flow.goals_xy_m[walker.goal]
        before = (bx - ax) * (walker.y_m - ay) - (by - ay) * (walker.x_m - ax)
        after = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        walker.x_m, walker.y_m = x, y
        if (before > 0) != (after > 0) or math.hypot(
            *_minus(walker.target(walker.goal), (x, y))
        ) < 0.08:
            self._next_goal(walker)

    def _next_goal(self, walker: _Walker) -> None:
        closure = self.scenario.closure
        held = closure is not None and self.closed and walker.goal == closure.goal
        if not held:
            walker.goal += 1
            walker.aim = None

    def _try_to_close(self, closure: Closure) -> None:
        """Shut the gate once its place is clear, by cutting the area into its parts."""
        x0, y0, x1, y1 = closure.barrier_xy_m
        reach = 1.25 * self.scenario.body_radius_m
        if any(_inside((x0 - reach, y0, x1 + reach, y1), w.x_m, w.y_m) for w in self.walkers):
            return
        rest = self.scenario.walkable_xy_m.difference(box(x0, y0, x1, y1))
        parts = list(rest.geoms) if isinstance(rest, MultiPolygon) else [rest]
        self.regions = [_Region(self.library, part) for part in parts if isinstance(part, Polygon)]
        for walker in self.walkers:
            number = self._region_at(walker.x_m, walker.y_m)
            # The barrier was clear, so everybody stands in one of the parts.
            walker.region, walker.aim = 0 if number is None else number, None
            self.regions[walker.region].add(walker)
        self.closed = True

    def _record(self, t_s: float) -> Step:
        self.leaving_xy_m.clear()
        for walker in [w for w in self.walkers if w.goal >= len(w.flow.goals_xy_m)]:
            self.leaving_xy_m.append((walker.x_m, walker.y_m))
            self.regions[walker.region].simulation.mark_agent_for_removal(walker.agent)
            self.walkers.remove(walker)
        rows = np.array(
            [(w.x_m, w.y_m, math.hypot(*w.velocity), w.heading_rad, w.path_m) for w in self.walkers]
        ).reshape(-1, 5)
        z_m = surface_z_m(self.scenario, rows[:, :2])
        return Step(
            t_s,
            self.closed,
            np.array([w.id for w in self.walkers], np.int64),
            np.column_stack([rows[:, :2], z_m]),
            rows[:, 2],
            rows[:, 3],
            rows[:, 4],
        )


class _Region:
    """One connected walkable area with its own JuPedSim simulation."""

    def __init__(self, library: ModuleType, area: Polygon) -> None:
        self.area = area
        self._library = library
        self.simulation: Any = library.Simulation(
            model=library.CollisionFreeSpeedModelV2(), geometry=area, dt=STEP_S
        )
        self._stage = self.simulation.add_direct_steering_stage()
        journey = library.JourneyDescription([self._stage])
        self._journey = self.simulation.add_journey(journey)

    def add(self, walker: _Walker) -> None:
        """Enter a person at the own place.

        JuPedSim refuses a person whose circle overlaps another's, while its own people may come
        to overlap a little: who stands there already enters small and grows at once.
        """
        walker.agent = self.simulation.add_agent(
            self._library.CollisionFreeSpeedModelV2AgentParameters(
                position=(walker.x_m, walker.y_m),
                time_gap=_TIME_GAP_S,
                desired_speed=walker.free_speed_mps,
                radius=_ENTRY_RADIUS_M,
                journey_id=self._journey,
                stage_id=self._stage,
                strength_neighbor_repulsion=_REPULSION,
                range_neighbor_repulsion=_REPULSION_RANGE_M,
            )
        )
        self.simulation.agent(walker.agent).model.radius = walker.radius_m


def surface_z_m(scenario: Scenario, points_xy_m: Float64Array) -> Float64Array:
    """Height of the walking surface below plan points (N, 2): (N,) metres."""
    z_m = np.zeros(len(points_xy_m))
    for ground in reversed(scenario.grounds):
        x0, y0, x1, y1 = ground.rect_xy_m
        x, y = points_xy_m[:, 0], points_xy_m[:, 1]
        here = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
        z_m[here] = ground.plane.z_at(points_xy_m[here])
    return z_m


def _inside(rect: tuple[float, float, float, float], x_m: float, y_m: float) -> bool:
    return rect[0] <= x_m <= rect[2] and rect[1] <= y_m <= rect[3]


def _minus(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return a[0] - b[0], a[1] - b[1]


__all__ = [
    "SimulationMissingError",
    "Step",
    "Story",
    "load_jupedsim",
    "simulate",
    "story",
    "surface_z_m",
]
