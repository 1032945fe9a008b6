"""Advice for a site: turn cameras, then change lenses, then add cameras.

What is proposed is searched on a 0.5 m grid. Audit the proposed site before buying anything: the
audit is exact, and counts the errors of pose and lens. Nothing is proposed that would look into a
forbidden place, even with every door open, or hang in one. A camera that measures a zone keeps it
in its picture: the proposal is a site file that loads and runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from api.coverage.errors import DrawingError
from api.coverage.floors import FloorScene, scenes_of
from api.coverage.mount_places import mounts
from config import Site
from config.site import RANGE_M
from vision.arrays import BoolArray, Float64Array
from vision.coverage.audit import Surface
from vision.coverage.chance import Cells
from vision.coverage.placement import Advice, Candidate, Demand, advise, seen_points
from vision.errors import NotVisibleError
from vision.geometry.camera import Camera, Lens
from vision.geometry.sight import visible_share
from vision.geometry.zones import Zone

CELL_M = 0.5
FORBIDDEN_CELL_M = 0.2
# As the audit's findings: below this nothing of a person can be told.
FORBIDDEN_PX_PER_M = 5.0
TURNS_DEG = (-60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0)
TILTS_DEG = (-10.0, 0.0, 10.0)
_STEPS_A_FLOOR = 4
HFOVS_DEG = (30.0, 45.0, 60.0, 75.0, 90.0, 100.0)
# A camera is not turned away from a zone in which it counts people.
_KEPT_OF_ZONE = 0.95


@dataclass(frozen=True, slots=True)
class AdviceTerms:
    """What an advice may ask for.

    Attributes:
        most_new: new cameras allowed on each floor.
        budget: new cameras allowed on the whole site; `None` without such a limit.
        no_mount: ids of floors, and of areas and zones, in which nothing may be mounted.
        limit_s: for the solver, each time that it is asked.
    """

    most_new: int
    budget: int | None = None
    no_mount: frozenset[str] = frozenset()
    limit_s: float = 20.0


@dataclass(frozen=True, slots=True)
class FloorAdvice:
    """What to change on one floor.

    Attributes:
        changed: camera as it should be, by id; turned or with another lens.
        re_lensed: ids whose lens changes.
        added: new cameras.
        required_weight, before_weight, after_weight, bound_weight: weighted m² of required area,
            in equal parts for each camera that an area asks for; `bound_weight` is what no choice
            of new cameras can exceed, given the other changes.
    """

    floor_id: str
    changed: dict[str, Camera]
    re_lensed: frozenset[str]
    added: tuple[Camera, ...]
    required_weight: float
    before_weight: float
    after_weight: float
    bound_weight: float


@dataclass(frozen=True, slots=True)
class _Goal:
    """Points that must be seen on the same planes at the same density by as many cameras."""

    points_xy_m: Float64Array
    surface: Surface
    px_per_m: float
    weights: Float64Array
    cameras: int


@dataclass(frozen=True, slots=True)
class _Options:
    """What could be done on one floor, and what each of it would show (candidates, points)."""

    scene: FloorScene
    demand: Demand
    current: dict[str, BoolArray]
    aims: tuple[Sequence[Candidate], BoolArray]
    lenses: tuple[Sequence[Candidate], BoolArray]
    new: tuple[Sequence[Candidate], BoolArray]


def advise_site(
    site: Site,
    terms: AdviceTerms,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[FloorAdvice, ...]:
    """Advice for every floor that has required areas.

    With a budget the new cameras go where they show most: among all ways to share it out over the
    floors, the best.

    Args:
        progress: called after each step with the number of those done and of all.

    Raises:
        DrawingError: `no_mount` names nothing on the site.
    """
    banned = _no_mount_shapes(site, terms.no_mount)
    scenes = [scene for scene in scenes_of(site) if any(area.surfaces for area in scene.areas)]
    done = itertools.count(1)

    def step() -> None:
        progress(next(done), _STEPS_A_FLOOR * len(scenes))

    plans = []
    for scene in scenes:
        options = _options(site, scene, terms, banned.get(scene.floor.id, MultiPolygon()), step)
        plans.append([_advise(options, count, terms.limit_s) for count in _counts(terms, options)])
        step()
    if terms.budget is None:
        return tuple(plan for (plan,) in plans)
    gains = [[plan.after_weight for plan in floor] for floor in plans]
    counts = shared_out(gains, terms.budget)
    return tuple(floor[count] for floor, count in zip(plans, counts, strict=True))


def _counts(terms: AdviceTerms, options: _Options) -> Sequence[int]:
    """For how many new cameras a floor is asked: with a budget for each number it may get."""
    if terms.budget is None:
        return (terms.most_new,)
    return range(min(terms.most_new, terms.budget) + 1 if options.new[0] else 1)


def shared_out(values: Sequence[Sequence[float]], budget: int) -> list[int]:
    """How many units each taker gets so that the sum of values is largest.

    Args:
        values: of 0, 1, 2 ... units for each taker.
        budget: units in all.
    """
    best: list[tuple[float, list[int]]] = [(0.0, [])] * (budget + 1)
    for taker in values:
        nexts: list[tuple[float, list[int]]] = []
        for units in range(budget + 1):
            ways = [
                (best[units - count][0] + value, [*best[units - count][1], count])
                for count, value in enumerate(taker[: units + 1])
            ]
            # Of equal sums the one that takes fewer units.
            nexts.append(max(ways, key=lambda way: (round(way[0], 9), -sum(way[1]))))
        best = nexts
    return best[budget][1]


def _no_mount_shapes(site: Site, ids: frozenset[str]) -> dict[str, BaseGeometry]:
    """Where nothing may hang, by floor: the named places and all forbidden ones."""
    shapes: dict[str, list[BaseGeometry]] = {}
    known: set[str] = set()
    for floor in site.floors:
        places = [(area.id, area.polygon_xy_m) for area in floor.areas]
        places += [(z.id, z.polygon_xy_m) for z in site.zones if z.floor_id == floor.id]
        known |= {floor.id, *(name for name, _ in places)}
        shapes[floor.id] = [shape for name, shape in places if name in ids]
        if floor.id in ids:
            shapes[floor.id].append(floor.outline.buffer(1.0))
    if missing := sorted(ids - known):
        raise DrawingError(
            f"--no-mount: no floor, area or zone is called {', '.join(missing)}; "
            f"the site has {', '.join(sorted(known))}"
        )
    return {name: shapely.union_all(parts) for name, parts in shapes.items()}


def _options(
    site: Site,
    scene: FloorScene,
    terms: AdviceTerms,
    banned: BaseGeometry,
    step: Callable[[], None],
) -> _Options:
    goals = list(_goals(scene))
    now = [Candidate(one.id, one.camera, range_m=one.range_m) for one in scene.cameras]
    others: list[tuple[Sequence[Candidate], BoolArray]] = []
    for candidates in (
        _keeping_zones([replace(one, camera=c) for one in now for c in _aims(one.camera)], site),
        _keeping_zones([replace(one, camera=c) for one in now for c in _lenses(one.camera)], site),
        list(mounts(site, scene, banned)) if terms.most_new else [],
    ):
        allowed = _discreet(candidates, scene)
        others.append((allowed, _seen(allowed, scene, goals)))
        step()
    aims, lenses, new = others
    return _Options(
        scene,
        Demand.of(
            np.concatenate([goal.weights for goal in goals]),
            np.concatenate([np.full(len(goal.weights), goal.cameras) for goal in goals]),
        ),
        dict(zip((one.group for one in now), _seen(now, scene, goals), strict=True)),
        aims,
        lenses,
        new,
    )


def _advise(options: _Options, most_new: int, limit_s: float) -> FloorAdvice:
    aims, lenses, new = options.aims, options.lenses, options.new
    advice = advise(
        options.current,
        ([one.group for one in aims[0]], aims[1]),
        ([one.group for one in lenses[0]], lenses[1]),
        new if most_new else ([], new[1][:0]),
        options.demand,
        float(most_new),
        limit_s=limit_s,
    )
    return _floor_advice(options, advice)


def _floor_advice(options: _Options, advice: Advice) -> FloorAdvice:
    changed = {name: options.aims[0][index].camera for name, index in advice.re_aimed.items()}
    changed |= {name: options.lenses[0][index].camera for name, index in advice.new_lenses.items()}
    return FloorAdvice(
        options.scene.floor.id,
        changed,
        frozenset(advice.new_lenses),
        tuple(options.new[0][index].camera for index in advice.added),
        options.demand.total,
        advice.before_weight,
        advice.after_weight,
        advice.bound,
    )


def _discreet(candidates: Sequence[Candidate], scene: FloorScene) -> list[Candidate]:
    """Those that see into no forbidden place by daylight, with every door open."""
    sees = np.zeros(len(candidates), dtype=np.bool_)
    by_day = [replace(one, range_m=max(one.range_m, RANGE_M)) for one in candidates]
    for surface in itertools.chain.from_iterable(surfaces for _, surfaces in scene.forbidden):
        points = Cells.of(surface.polygon_xy_m, FORBIDDEN_CELL_M).points_xy_m
        for plane in surface.planes:
            seen = seen_points(by_day, scene.open_barriers, points, (plane,), FORBIDDEN_PX_PER_M)
            sees |= seen.any(axis=1)
    return [one for one, bad in zip(candidates, sees, strict=True) if not bad]


def _keeping_zones(candidates: Sequence[Candidate], site: Site) -> list[Candidate]:
    """Those that show the zones which the camera measures as well as it does now, or nearly."""
    now = {
        (camera.id, zone.id): _zone_share(camera.camera, zone)
        for camera in site.cameras
        for zone in site.zones_of(camera.id)
    }
    return [
        one
        for one in candidates
        if all(
            _zone_share(one.camera, zone) >= _KEPT_OF_ZONE * now[one.group, zone.id]
            for zone in site.zones_of(one.group)
        )
    ]


def _zone_share(camera: Camera, zone: Zone) -> float:
    try:
        return visible_share(camera, zone)
    except NotVisibleError:
        return 0.0


def _goals(scene: FloorScene) -> Iterator[_Goal]:
    for area in scene.areas:
        for surface in area.surfaces:
            cells = Cells.of(surface.polygon_xy_m, CELL_M)
            weights = area.weight * shapely.area(cells.outlines)
            goal = (cells.points_xy_m, surface, area.least_px_per_m, weights)
            yield _Goal(*goal, area.redundancy)


def _seen(candidates: Sequence[Candidate], scene: FloorScene, goals: Sequence[_Goal]) -> BoolArray:
    parts = []
    for goal in goals:
        asked = (goal.points_xy_m, goal.surface.planes, goal.px_per_m)
        seen = seen_points(candidates, scene.barriers, *asked)
        for row, one in enumerate(candidates):
            seen[row] &= ~_hidden_from_below(one, goal)
        parts.append(seen)
    return np.concatenate(parts, axis=1)


def _hidden_from_below(candidate: Candidate, goal: _Goal) -> BoolArray:
    x_m, y_m = goal.points_xy_m.T
    hidden = np.zeros(len(x_m), dtype=np.bool_)
    for plane in goal.surface.planes:
        shape = goal.surface.hidden_from_below(plane, candidate.camera.position_xyz_m)
        if not shape.is_empty:
            hidden |= shapely.intersects_xy(shape, x_m, y_m)
    return hidden


def _aims(camera: Camera) -> Iterator[Camera]:
    """Other directions of a camera where it hangs."""
    for turn in TURNS_DEG:
        for tilt in TILTS_DEG:
            tilted = min(80.0, max(5.0, camera.pose.tilt_deg + tilt))
            pan = camera.pose.pan_deg + turn
            yield replace(camera, pose=replace(camera.pose, pan_deg=pan, tilt_deg=tilted))


def _lenses(camera: Camera) -> Iterator[Camera]:
    """Other focal lengths on the same sensor, in every direction of `_aims`."""
    for hfov in HFOVS_DEG:
        lens = Lens.from_hfov(camera.lens.width_px, camera.lens.height_px, hfov)
        for turned in _aims(camera):
            yield replace(turned, lens=lens)


__all__ = ["AdviceTerms", "FloorAdvice", "advise_site", "shared_out"]
