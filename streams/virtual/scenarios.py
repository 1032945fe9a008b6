"""What happens at the virtual school: who comes when, where they go, and what is shut.

The geometry is that of the sample school (`config/sample_school/site.yaml`): floor `f1` holds the
upper corridor (z 1.8 m), the flight `stair-a` and the ground hall; `yard` the gate square; `f3` a
corridor. Plan frames: x right, y up, metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from streams.virtual.places import classroom_corridor, stair_hall, yard_gate
from streams.virtual.stage import Stage
from vision.errors import VisionError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane

_Xy = tuple[float, float]
_Rect = tuple[float, float, float, float]  # x0, y0, x1, y1
STEP_S = 0.04


class UnknownScenarioError(VisionError):
    """A scenario or camera name that the virtual campus does not have."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A part of the walking surface with its plane and the share of free speed kept on it."""

    rect_xy_m: _Rect
    plane: Plane
    speed_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Flow:
    """A stream of people: they appear at `entry_xy_m`, cross each goal line, then are gone.

    Attributes:
        entry_xy_m: rectangle in which they appear.
        goals_xy_m: lines from start to end; each person keeps to an own share of every line.
        rate_per_s: mean of the arrivals.
        start_s, stop_s: when arrivals begin and end.
        most: at most so many people, `None` for no limit.
        even: they come at even gaps, as a class comes out of its door, and not as a Poisson stream.
    """

    entry_xy_m: _Rect
    goals_xy_m: tuple[tuple[_Xy, _Xy], ...]
    rate_per_s: float
    start_s: float = 0.0
    stop_s: float = math.inf
    most: int | None = None
    even: bool = False

    def come(self, t_s: float, step_s: float, rng: np.random.Generator) -> int:
        """How many appear in the step that begins at `t_s`."""
        if not self.even:
            return int(rng.poisson(self.rate_per_s * step_s))
        since_s = t_s - self.start_s
        after = math.floor((since_s + step_s) * self.rate_per_s + 1e-9)
        return after - math.floor(since_s * self.rate_per_s + 1e-9)


@dataclass(frozen=True, slots=True)
class Closure:
    """A gate that shuts at `from_s`, as soon as nobody stands in it.

    Attributes:
        barrier_xy_m: plan rectangle that cuts the walkable area in two.
        goal: number of the goal line at which it stands; people who have not crossed it wait.
        hold_back_m: how far before the line they are held.
        room_m: how much more than a body's radius people keep around them when they come to wait.
            Nobody presses against a stranger while the stair behind is empty.
        closing_up_s: that room shrinks with the wait, to 1/e in this time. Room and time are our
            judgement of how a waiting crowd closes up; no source gives them for pupils.
    """

    barrier_xy_m: _Rect
    goal: int
    from_s: float
    hold_back_m: float = 0.3
    room_m: float = 0.0
    closing_up_s: float = 90.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story on one floor, complete for the simulation and the renderer.

    `shut_leaf_y_m` is the part of the stair's foot that a shut leaf bars from the start.
    """

    name: str
    floor_id: str
    walkable_xy_m: Polygon
    grounds: tuple[Ground, ...]
    flows: tuple[Flow, ...]
    duration_s: float
    camera_ids: tuple[str, ...]
    closure: Closure | None = None
    height_range_m: _Xy = (1.2, 1.7)
    free_speed_mps: float = 1.15
    body_radius_m: float = 0.2
    uniform: int | None = 0
    light: str = "day"
    shut_leaf_y_m: _Xy | None = None

    def stage(self, *, closed: bool) -> Stage:
        """The empty place, with the gate shut or open."""
        if self.floor_id == "yard":
            return yard_gate(gate_closed=closed)
        if self.floor_id == "f3":
            return classroom_corridor()
        return stair_hall(gate_closed=closed, shut_leaf_y_m=self.shut_leaf_y_m)

    def at_rate(self, factor: float) -> Scenario:
        """The same story with all arrival rates multiplied."""
        flows = tuple(replace(flow, rate_per_s=flow.rate_per_s * factor) for flow in self.flows)
        return replace(self, flows=flows)


_UPPER: _Rect = (-17.0, 0.0, 0.0, 3.0)
_FLIGHT: _Rect = (0.0, 0.0, 3.6, 3.0)
_HALL: _Rect = (3.6, -1.5, 11.6, 4.5)
_STAIR_GROUNDS = (
    Ground(_UPPER, Plane(1.8)),
    Ground(_FLIGHT, Plane(1.8, slope_x=-0.5), speed_share=0.65),
    Ground(_HALL, Plane()),
    Ground((11.6, 0.6, 13.2, 2.4), Plane()),
)
_STAIR_AREA = Polygon(
    unary_union([box(*ground.rect_xy_m) for ground in _STAIR_GROUNDS]).boundary.coords
)
_TOP = ((0.0, 0.3), (0.0, 2.7))
_FOOT = ((3.6, 0.3), (3.6, 2.7))
_DOOR = ((11.6, 0.85), (11.6, 2.15))
_AWAY = ((12.9, 0.9), (12.9, 2.1))
_DOWN = Flow((-16.6, 0.4, -15.4, 2.6), (_TOP, _FOOT, _DOOR, _AWAY), rate_per_s=1.7, stop_s=150.0)
_STAIR_CAMERAS = ("cam-stair", "cam-hall", "cam-upper")

_DISMISSAL = Scenario(
    "dismissal_stair", "f1", _STAIR_AREA, _STAIR_GROUNDS, (_DOWN,), 180.0, _STAIR_CAMERAS
)
_BLOCKED = replace(
    _DISMISSAL,
    name="blocked_stair",
    flows=(replace(_DOWN, rate_per_s=0.65, most=49),),
    closure=Closure((3.5, -0.1, 3.62, 3.1), goal=1, from_s=25.0),
)
# Both streams keep to their right at the narrow door; without that they lock there for good.
_DOOR_OUT = ((11.6, 0.85), (11.6, 1.35))
_DOOR_IN = ((11.6, 2.15), (11.6, 1.65))
_BOTH_WAYS = replace(
    _DISMISSAL,
    name="bidirectional_stair",
    flows=(
        replace(
            _DOWN,
            goals_xy_m=(_TOP, _FOOT, _DOOR_OUT, ((12.9, 0.85), (12.9, 1.25))),
            rate_per_s=0.75,
        ),
        Flow(
            (12.2, 1.65, 12.9, 2.1),
            (_DOOR_IN, _FOOT[::-1], _TOP[::-1], ((-16.5, 2.6), (-16.5, 0.4))),
            rate_per_s=0.4,
            stop_s=150.0,
        ),
    ),
)
_GATE = Scenario(
    "two_way_gate",
    "yard",
    Polygon(
        [
            (-3, 0.3),
            (5.9, 0.3),
            (5.9, 2.5),
            (6.1, 2.5),
            (6.1, 0.3),
            (15, 0.3),
            (15, 7.7),
            (6.1, 7.7),
            (6.1, 5.5),
            (5.9, 5.5),
            (5.9, 7.7),
            (-3, 7.7),
        ]
    ),
    (Ground((-3.0, 0.0, 15.0, 8.0), Plane()),),
    (
        Flow((-2.6, 1.0, -1.8, 7.0), (((6.0, 2.8), (6.0, 5.2)), ((14.6, 1.0), (14.6, 7.0))), 0.55),
        Flow((13.8, 1.0, 14.6, 7.0), (((6.0, 2.8), (6.0, 5.2)), ((-2.6, 1.0), (-2.6, 7.0))), 0.4),
    ),
    180.0,
    ("cam-gate",),
    height_range_m=(1.2, 1.8),
)
_QUIET = Scenario(
    "quiet_corridor",
    "f3",
    box(-3.0, 0.0, 27.0, 3.0),
    (Ground((-3.0, 0.0, 27.0, 3.0), Plane()),),
    (
        Flow((-2.6, 0.4, -2.0, 2.6), (((26.6, 0.4), (26.6, 2.6)),), 0.12),
        Flow((26.0, 0.4, 26.6, 2.6), (((-2.6, 0.4), (-2.6, 2.6)),), 0.1),
    ),
    180.0,
    ("cam-corridor3",),
)

# Stories in which a place fills as fast as people arrive. The gate shuts while one class after the
# other still comes down; a bolted leaf lets fewer through than arrive; the school gate is not yet
# open in the morning.
_LATE_GATE = replace(
    _DISMISSAL,
    name="late_gate",
    flows=(replace(_DOWN, rate_per_s=0.45, stop_s=math.inf, most=70),),
    closure=Closure((3.5, -0.1, 3.62, 3.1), goal=1, from_s=20.0, room_m=0.24),
    duration_s=240.0,
)
_LEAF: _Rect = (3.5, -0.1, 3.62, 2.0)
_HALF_LEAF = replace(
    _DISMISSAL,
    name="half_leaf",
    walkable_xy_m=Polygon(_STAIR_AREA.difference(box(*_LEAF)).boundary.coords),
    flows=(
        replace(
            _DOWN,
            goals_xy_m=(_TOP, ((3.56, 2.3), (3.56, 2.7)), _DOOR, _AWAY),
            rate_per_s=1.3,
            stop_s=math.inf,
            most=150,
        ),
    ),
    duration_s=240.0,
    shut_leaf_y_m=(0.0, 2.0),
)
_SHUT_GATE = replace(
    _GATE,
    name="shut_gate",
    flows=(
        Flow(
            (-2.6, 1.0, -1.8, 7.0),
            (((6.0, 2.8), (6.0, 5.2)), ((14.6, 1.0), (14.6, 7.0))),
            0.5,
            most=90,
        ),
    ),
    closure=Closure((5.9, 2.4, 6.1, 5.6), goal=0, from_s=20.0, room_m=0.24),
    duration_s=240.0,
)

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        _QUIET,
        _DISMISSAL,
        _BLOCKED,
        _GATE,
        _BOTH_WAYS,
        _LATE_GATE,
        _HALF_LEAF,
        _SHUT_GATE,
        replace(
            _DISMISSAL, name="dark_stair", flows=(replace(_DOWN, rate_per_s=1.0),), light="dim"
        ),
    )
}

_CAMERAS: dict[str, tuple[Pose, float]] = {
    "cam-stair": (Pose(8.2, 1.5, 4.0, 180.0, 22.0), 62.0),
    "cam-hall": (Pose(3.7, -1.4, 3.9, 41.0, 36.0), 95.0),
    "cam-upper": (Pose(2.0, 1.5, 4.6, 180.0, 22.0), 70.0),
    "cam-gate": (Pose(6.0, -2.2, 5.5, 90.0, 38.0), 80.0),
    "cam-corridor3": (Pose(0.1, 1.5, 2.9, 0.0, 20.0), 62.0),
}


def scenario_named(name: str) -> Scenario:
    """Raises `UnknownScenarioError` with the names there are."""
    if name not in SCENARIOS:
        raise UnknownScenarioError(f"no scenario {name}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def sample_camera(camera_id: str, *, width_px: int = 1280, height_px: int = 720) -> Camera:
    """A camera of the sample school as its site file places it.

    Raises:
        UnknownScenarioError: with the names there are.
    """
    if camera_id not in _CAMERAS:
        raise UnknownScenarioError(f"no camera {camera_id}; there are {', '.join(_CAMERAS)}")
    pose, hfov_deg = _CAMERAS[camera_id]
    return Camera(pose, Lens.from_hfov(width_px, height_px, hfov_deg))


__all__ = [
    "SCENARIOS",
    "STEP_S",
    "Closure",
    "Flow",
    "Ground",
    "Scenario",
    "UnknownScenarioError",
    "sample_camera",
    "scenario_named",
]
