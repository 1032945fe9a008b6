"""Where cameras should look or hang: set cover over points of the plan, with a proven bound.

A candidate is one way in which one camera could hang, look and be equipped. Choosing the fewest
that cover everything is set cover: greedy is within ln n of the best and takes milliseconds,
HiGHS (in SciPy) usually finds better and says how far from the best it can be at most. The answer
is the better of the two, so it is never worse than greedy. Optimise on a grid of 0.5 m, then
audit the proposal on exact polygons: a 1 m grid leaves blind strips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.coverage.pixel_density import px_per_m_at
from vision.errors import GeometryError
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera
from vision.geometry.planes import Plane
from vision.geometry.visibility import Eye, visible_region


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way in which a camera could be.

    Attributes:
        group: the camera or mount that it belongs to; of one group at most one is chosen when
            covering the most.
        cost: in any unit, positive; a re-aimed camera is cheap, a new one dear.
        range_m: on the plan, beyond which nothing that it shows counts.
    """

    group: str
    camera: Camera
    cost: float = 1.0
    range_m: float = 100.0


@dataclass(frozen=True, slots=True)
class Demand:
    """What seeing each point is worth, and by how many cameras it is asked for.

    A point that two cameras must see is worth half as much while one does. So the first camera
    over it counts, and the second still has something to gain.

    Attributes:
        per_camera: (P,) worth of each camera that sees the point, up to the number asked for.
        cameras: (P,) number asked for; 0 where nothing is left to ask for.
    """

    per_camera: Float64Array
    cameras: Float64Array

    @classmethod
    def of(cls, weights: Float64Array, cameras: Float64Array | None = None) -> Demand:
        """From the worth (P,) of each point seen as often as asked for; once, unless told."""
        asked = np.ones(len(weights)) if cameras is None else np.asarray(cameras, np.float64)
        return cls(np.asarray(weights, np.float64) / asked, asked)

    @property
    def total(self) -> float:
        return float(self.per_camera @ self.cameras)

    def met(self, times: Float64Array) -> float:
        """The worth of points that are seen `times` (P,) times."""
        return float(self.per_camera @ np.minimum(times, self.cameras))

    def after(self, times: Float64Array) -> Demand:
        """What is left when each point is seen `times` times already."""
        return Demand(self.per_camera, np.maximum(self.cameras - times, 0.0))


@dataclass(frozen=True, slots=True)
class Choice:
    """A selection of candidates.

    Attributes:
        chosen: (K,) int64 indices, ascending.
        cost: sum of their costs.
        bound: no selection that does the same can cost less (or, when covering the most, cover
            more weight) than this.
        covered_weight: weight of the points covered.
    """

    chosen: IntArray
    cost: float
    bound: float
    covered_weight: float

    @property
    def gap_share(self) -> float:
        """How far the cost may be above the best possible at most, as a share of the bound."""
        return self.cost / self.bound - 1.0 if self.bound > 0 else 0.0


def seen_points(
    candidates: Sequence[Candidate],
    barriers: Barriers,
    points_xy_m: Float64Array,
    planes: Sequence[Plane],
    least_px_per_m: float,
) -> BoolArray:
    """Which candidate shows which point (P, 2) on all planes, at the density: (C, P)."""
    seen = np.zeros((len(candidates), len(points_xy_m)), dtype=np.bool_)
    open_sight: dict[tuple[float, float, float], BoolArray] = {}
    for row, candidate in enumerate(candidates):
        camera, pose = candidate.camera, candidate.camera.pose
        away_m = np.hypot(*(points_xy_m - camera.position_xyz_m[:2]).T)
        reach = min(candidate.range_m, 3.0 * camera.lens.focal_px / least_px_per_m)
        mount = (pose.x_m, pose.y_m, pose.z_m)
        if mount not in open_sight:
            open_sight[mount] = np.logical_and.reduce(
                [_open_sight(barriers, camera, plane, points_xy_m) for plane in planes]
            )
        # Walls hide most of a floor: only the rest is put into the picture.
        near = np.flatnonzero(open_sight[mount] & (away_m <= reach))
        for plane in planes:
            points = np.column_stack([points_xy_m[near], plane.z_at(points_xy_m[near])])
            near = near[px_per_m_at(camera, points) >= least_px_per_m]
        seen[row, near] = True
    return seen


def _open_sight(
    barriers: Barriers, camera: Camera, plane: Plane, points_xy_m: Float64Array
) -> BoolArray:
    pose = camera.pose
    region = visible_region(barriers, Eye(pose.x_m, pose.y_m, pose.z_m, pose.pan_deg), plane=plane)
    shapely.prepare(region)
    return np.asarray(shapely.contains_xy(region, points_xy_m[:, 0], points_xy_m[:, 1]))


def greedy_cover(seen: BoolArray, costs: Float64Array) -> IntArray:
    """Candidates that cover every coverable point, best gain for its cost first: indices.

    Candidates that the later ones made needless are dropped again, dearest first.
    """
    left = seen.any(axis=0)
    chosen: list[int] = []
    matrix = seen.astype(np.float32)
    while left.any():
        gain = matrix @ left.astype(np.float32)
        best = int(np.argmax(gain / costs))
        chosen.append(best)
        left &= ~seen[best]
    times = seen[chosen].sum(axis=0)
    for index in sorted(chosen, key=lambda one: -costs[one]):
        if np.all(times[seen[index]] >= 2):
            times = times - seen[index]
            chosen.remove(index)
    return np.array(sorted(chosen), dtype=np.int64)


def cover_all(seen: BoolArray, costs: Float64Array, *, limit_s: float = 60.0) -> Choice:
    """The cheapest candidates that cover every point that any of them covers.

    Points seen by the same candidates are one point to the solver, and a candidate that sees no
    more than a cheaper one is left out: both change no answer.

    Args:
        seen: (C, P) which candidate sees which point.
        costs: (C,) positive.
        limit_s: for the solver; the bound holds whenever it stops.

    Raises:
        GeometryError: when no candidate sees any point.
    """
    if not seen.any():
        raise GeometryError("no candidate sees any of the points; allow more mounts or lenses")
    greedy = greedy_cover(seen, costs)
    signatures = np.unique(np.packbits(seen, axis=0), axis=1, return_index=True)[1]
    rows = seen[:, signatures][:, seen[:, signatures].any(axis=0)].T
    answer = milp(
        costs,
        constraints=LinearConstraint(sparse.csr_array(rows.astype(np.float64)), lb=1.0),
        integrality=np.ones(len(costs), dtype=np.int64),
        bounds=Bounds(0, 1),
        options={"time_limit": limit_s, "mip_rel_gap": 0.0},
    )
    bound = float(answer.mip_dual_bound) if answer.mip_dual_bound is not None else 0.0
    if np.allclose(costs, np.round(costs)):
        bound = float(np.ceil(bound - 1e-6))
    chosen = greedy
    if answer.x is not None:
        exact = np.flatnonzero(answer.x > 0.5)
        if costs[exact].sum() < costs[greedy].sum():
            chosen = exact
    return Choice(
        chosen.astype(np.int64),
        float(costs[chosen].sum()),
        bound,
        float(seen[chosen].any(axis=0).sum()),
    )


def cover_most(
    seen: BoolArray,
    groups: Sequence[str],
    costs: Float64Array,
    demand: Demand,
    budget: float,
    *,
    limit_s: float = 30.0,
) -> Choice:
    """The candidates that cover the most weight within a budget, at most one of each group.

    Args:
        seen: (C, P).

    Returns:
        A choice whose `bound` is the largest weight that any selection could cover.
    """
    greedy = _greedy_most(seen, groups, costs, demand, budget)
    candidates, points = seen.shape
    objective = np.concatenate([np.zeros(candidates), -demand.per_camera])
    # A point counts as often as chosen candidates see it, and at most as often as it is asked
    # for: y <= sum of x that see it.
    link = sparse.hstack([sparse.csr_array(-seen.T.astype(np.float64)), sparse.eye_array(points)])
    rows, limits = [np.concatenate([costs, np.zeros(points)])], [budget]
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    for indices in members.values():
        row = np.zeros(candidates + points)
        row[indices] = 1.0
        rows.append(row)
        limits.append(1.0)
    integrality = np.repeat(np.array([1, 0], dtype=np.int64), [candidates, points])
    most = np.concatenate([np.ones(candidates), demand.cameras])
    answer = milp(
        objective,
        constraints=[
            LinearConstraint(link, ub=0.0),
            LinearConstraint(sparse.csr_array(np.array(rows)), ub=np.array(limits)),
        ],
        integrality=integrality,
        bounds=Bounds(np.zeros(candidates + points), most),
        options={"time_limit": limit_s},
    )
    bound = -float(answer.mip_dual_bound) if answer.mip_dual_bound is not None else demand.total
    chosen = greedy
    if answer.x is not None:
        exact = np.flatnonzero(answer.x[:candidates] > 0.5)
        if demand.met(seen[exact].sum(axis=0)) > demand.met(seen[greedy].sum(axis=0)):
            chosen = exact
    return Choice(
        np.asarray(chosen, dtype=np.int64),
        float(costs[chosen].sum()),
        float(bound),
        demand.met(seen[chosen].sum(axis=0)),
    )


def _greedy_most(
    seen: BoolArray,
    groups: Sequence[str],
    costs: Float64Array,
    demand: Demand,
    budget: float,
) -> IntArray:
    times = np.zeros(seen.shape[1])
    names = np.array(groups)
    usable = np.ones(len(seen), dtype=np.bool_)
    chosen: list[int] = []
    while True:
        allowed = usable & (costs <= budget + 1e-9)
        left = np.where(times < demand.cameras, demand.per_camera, 0.0)
        gain = np.where(allowed, seen.astype(np.float64) @ left, 0.0)
        best = int(np.argmax(gain / costs))
        if gain[best] <= 0.0:
            return np.array(sorted(chosen), dtype=np.int64)
        chosen.append(best)
        budget -= float(costs[best])
        times[seen[best]] += 1.0
        usable &= names != names[best]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, gentlest first.

    Attributes:
        re_aimed, new_lenses: index of the candidate for each existing camera to be changed.
        added: indices of candidates for new cameras.
        before_weight, after_weight: covered weight without and with all advice.
        bound: no choice of new cameras within the budget covers more, given the other advice.
    """

    re_aimed: Mapping[str, int]
    new_lenses: Mapping[str, int]
    added: tuple[int, ...]
    before_weight: float
    after_weight: float
    bound: float


def advise(
    current: Mapping[str, BoolArray],
    aims: tuple[Sequence[str], BoolArray],
    lenses: tuple[Sequence[str], BoolArray],
    additions: tuple[Sequence[Candidate], BoolArray],
    demand: Demand,
    budget: float,
    *,
    limit_s: float = 30.0,
) -> Advice:
    """First turn cameras, then change lenses, then add cameras.

    Args:
        current: points (P,) seen now, by camera id.
        aims, lenses: camera id and seen points (C, P) of other aims, and of other lenses.
        additions: candidates for new cameras, and what they see (C, P).
        demand: what the points are worth.
        budget: for the new cameras.
    """
    state = dict(current)
    before = demand.met(_times(state, demand))
    re_aimed = _improve(state, aims, demand)
    new_lenses = _improve(state, lenses, demand)
    candidates, seen = additions
    times = _times(state, demand)
    rest, middle = demand.after(times), demand.met(times)
    if not len(candidates) or rest.total == 0.0:
        return Advice(re_aimed, new_lenses, (), before, middle, middle)
    choice = cover_most(
        seen,
        [candidate.group for candidate in candidates],
        np.array([candidate.cost for candidate in candidates]),
        rest,
        budget,
        limit_s=limit_s,
    )
    return Advice(
        {name: index for name, index in re_aimed.items() if name not in new_lenses},
        new_lenses,
        tuple(int(index) for index in choice.chosen),
        before,
        middle + choice.covered_weight,
        middle + choice.bound,
    )


def _times(state: Mapping[str, BoolArray], demand: Demand) -> Float64Array:
    """How many cameras see each point."""
    times = np.zeros(len(demand.cameras))
    for points in state.values():
        times += points
    return times


def _improve(
    state: dict[str, BoolArray], options: tuple[Sequence[str], BoolArray], demand: Demand
) -> dict[str, int]:
    """Change one camera at a time, the best change first, while that covers more."""
    names, seen = options
    taken: dict[str, int] = {}
    least = 1e-3 * demand.total
    while True:
        times, best, best_index = _times(state, demand), 0.0, -1
        now = demand.met(times)
        for index, name in enumerate(names):
            gain = demand.met(times - state[name] + seen[index]) - now
            if gain > best:
                best, best_index = gain, index
        if best_index < 0 or best <= least:
            return taken
        state[names[best_index]] = seen[best_index]
        taken[names[best_index]] = best_index


__all__ = [
    "Advice",
    "Candidate",
    "Choice",
    "Demand",
    "advise",
    "cover_all",
    "cover_most",
    "greedy_cover",
    "seen_points",
]
