"""How the people of a zone move: speed, direction, and who comes in and goes out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon

from vision.arrays import Float64Array, IntArray, median
from vision.crowd.density import voronoi_cells
from vision.geometry.segments import Segments
from vision.geometry.zones import Line
from vision.instants import Utc

STOPPED_MPS = 0.2
FLOW_WINDOW_S = 8.0
# A head must be this far past a line before it counts, so that somebody who stands on it does not
# count again and again.
BAND_M = 0.15
_FEWEST_WALKERS = 4
_FORGET_S = 5.0
_ROUNDING = 1e-9
_FORGET_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class DirectionShares:
    """Shares of the walking people along and against an axis; both 0 where nobody walks.

    `walkers`: heads and cells of a density map that tell of them.
    """

    along: float
    against: float
    walkers: int

    @property
    def minority(self) -> float | None:
        """0..0.5, or `None` with fewer than four walkers."""
        return min(self.along, self.against) if self.walkers >= _FEWEST_WALKERS else None


def median_speed_mps(
    velocity_mps: Float64Array, people: Float64Array | None = None
) -> float | None:
    """Median speed of people with velocities (N, 2); `None` where none is known.

    Args:
        people: (N,) for how many each stands; `None` for one each.
    """
    speeds, each = _known_speeds(velocity_mps, people)
    if not len(speeds):
        return None
    if people is None:
        return median(speeds)
    order = np.argsort(speeds)
    slower = np.cumsum(each[order]) / each.sum()
    # As the plain median, the middle between two people where a half of all is no slower.
    low, high = (np.searchsorted(slower, 0.5 + off) for off in (-_ROUNDING, _ROUNDING))
    return float(speeds[order[[low, high]]].mean())


def stopped_share(velocity_mps: Float64Array, people: Float64Array | None = None) -> float | None:
    """Share of people slower than 0.2 m/s; `None` where no velocity is known.

    Args:
        people: (N,) for how many each stands; `None` for one each.
    """
    speeds, each = _known_speeds(velocity_mps, people)
    return float(each[speeds < STOPPED_MPS].sum() / each.sum()) if len(speeds) else None


def _known_speeds(
    velocity_mps: Float64Array, people: Float64Array | None
) -> tuple[Float64Array, Float64Array]:
    """Speeds (K,) that are known, and for how many people each stands (K,)."""
    each = np.ones(len(velocity_mps)) if people is None else people
    told = np.isfinite(velocity_mps).all(axis=1) & (each > 0.0)
    return np.linalg.norm(velocity_mps[told], axis=1), each[told]


def direction_shares(
    velocity_mps: Float64Array, axis_deg: float | None, people: Float64Array | None = None
) -> DirectionShares:
    """How many walk along and how many against an axis.

    Only those faster than 0.2 m/s along it count. Without an axis the main one of the movement
    itself is taken (the eigenvector of the summed outer products of the velocities).

    Args:
        velocity_mps: (N, 2), NaN where unknown.
        people: (N,) for how many each stands; `None` for one each.
    """
    each = np.ones(len(velocity_mps)) if people is None else people
    told = np.isfinite(velocity_mps).all(axis=1) & (each > 0.0)
    known, each = velocity_mps[told], each[told]
    if not len(known):
        return DirectionShares(0.0, 0.0, 0)
    if axis_deg is None:
        axis = np.linalg.eigh(known.T @ (known * each[:, None]))[1][:, -1]
    else:
        axis = np.array([math.cos(math.radians(axis_deg)), math.sin(math.radians(axis_deg))])
    pace = known @ axis
    ahead, back = pace >= STOPPED_MPS, pace <= -STOPPED_MPS
    walkers = int(np.count_nonzero(ahead | back))
    if not walkers:
        return DirectionShares(0.0, 0.0, 0)
    along, against = float(each[ahead].sum()), float(each[back].sum())
    return DirectionShares(along / (along + against), against / (along + against), walkers)


def meeting_share(shares: DirectionShares, may_meet: float | None) -> float | None:
    """Share of those who walk against the others, as far as they may have come in where others go.

    Who turns on a landing walks against those behind and meets nobody.

    Args:
        may_meet: share of those who walk that may have come in where others go out; `None` where
            that cannot be told, and walking against is all there is to know.

    Returns:
        0..0.5, or `None` with fewer than four walkers.
    """
    minority = shares.minority
    if minority is None or may_meet is None:
        return minority
    return min(minority, may_meet)


def specific_flow(flow_per_s: float, width_m: float) -> float:
    """Persons per metre of width and second."""
    return flow_per_s / width_m


def side_of(line: Line, points_xy_m: Float64Array) -> Float64Array:
    """Signed distance in metres of points (N, 2) from the line; positive on its left side.

    NaN beside the ends of the line, so that going round it is not crossing it.
    """
    start, end = np.array(line.start_xy_m), np.array(line.end_xy_m)
    along = end - start
    length = float(np.hypot(*along))
    unit = along / length
    offset = points_xy_m - start
    distance = unit[0] * offset[:, 1] - unit[1] * offset[:, 0]
    position = offset @ unit
    beside = (position < -BAND_M) | (position > length + BAND_M)
    return np.asarray(np.where(beside, np.nan, distance))


class CrossingCounter:
    """Counts heads that change from one side of a border to the other.

    A head's side is known once it is at least `BAND_M` from the border; in between it keeps its
    last side. Sides are +1 (inside, or left of a line) and -1.
    """

    def __init__(self) -> None:
        self._sides: dict[int, tuple[int, Utc]] = {}
        self._events: deque[tuple[Utc, int]] = deque()
        self._started_at: Utc | None = None
        self._forgot_at: Utc | None = None
        self._newest: set[int] = set()

    @property
    def newest(self) -> frozenset[int]:
        """The heads that crossed with the newest picture, either way."""
        return frozenset(self._newest)

    def update(
        self,
        ids: IntArray,
        signed_m: Float64Array,
        at: Utc,
        speed_mps: Float64Array | None = None,
    ) -> tuple[int, int]:
        """Take the signed distances (N,) of heads `ids` (N,) from the border.

        Args:
            speed_mps: (N,), NaN where unknown. Who stands keeps the last side: at a grazing angle
                the place of a head that stands jitters by more than the band.

        Returns:
            how many crossed to the + side and how many to the - side with this picture.
        """
        if self._started_at is None:
            self._started_at = at
        to_plus = to_minus = 0
        self._newest.clear()
        speeds = np.full(len(ids), np.nan) if speed_mps is None else speed_mps
        for head, distance, pace in zip(
            ids.tolist(), signed_m.tolist(), speeds.tolist(), strict=True
        ):
            before = self._sides.get(head)
            if math.isnan(distance):
                # Beside the end of a line: walking round it is not crossing it.
                self._sides.pop(head, None)
                continue
            if abs(distance) < BAND_M or pace < STOPPED_MPS:
                if before is not None:
                    self._sides[head] = (before[0], at)
                continue
            side = 1 if distance > 0 else -1
            if before is not None and before[0] != side:
                self._events.append((at, side))
                self._newest.add(head)
                to_plus += side > 0
                to_minus += side < 0
            self._sides[head] = (side, at)
        self._forget(at)
        return to_plus, to_minus

    def rates_per_s(self, at: Utc) -> tuple[float, float] | None:
        """Crossings a second to the + and to the - side over the last `FLOW_WINDOW_S`.

        `None` until the border was watched for that long.
        """
        if self._started_at is None or at - self._started_at < FLOW_WINDOW_S:
            return None
        self._forget(at)
        plus = sum(1 for _, side in self._events if side > 0)
        return plus / FLOW_WINDOW_S, (len(self._events) - plus) / FLOW_WINDOW_S

    def restart(self) -> None:
        """Forget everything: there was a gap in the pictures."""
        self._sides.clear()
        self._events.clear()
        self._newest.clear()
        self._started_at = None

    def _forget(self, at: Utc) -> None:
        while self._events and at - self._events[0][0] > FLOW_WINDOW_S:
            self._events.popleft()
        if self._forgot_at is not None and 0.0 <= at - self._forgot_at < _FORGET_EVERY_S:
            return
        self._forgot_at = at
        self._sides = {
            head: entry for head, entry in self._sides.items() if at - entry[1] <= _FORGET_S
        }


def border_of(polygon: Polygon) -> Segments:
    """The sides of a polygon, for `border_distance`."""
    return Segments.of_ring(shapely.get_coordinates(polygon.exterior))


def border_distance(
    polygon: Polygon, points_xy_m: Float64Array, sides: Segments | None = None
) -> Float64Array:
    """Signed distance (N,) in metres of points from a polygon's border; positive inside.

    `sides` are its own, for who asks again and again.
    """
    if not len(points_xy_m):
        return np.zeros(0)
    distance = (sides or border_of(polygon)).to_nearest(points_xy_m)[1]
    inside = np.asarray(shapely.contains_xy(polygon, points_xy_m[:, 0], points_xy_m[:, 1]))
    return np.where(inside, distance, -distance)


@dataclass(frozen=True, slots=True)
class LineFlow:
    """Persons a second across a line, to each side, both positive."""

    to_left_per_s: float
    to_right_per_s: float


def line_flow_per_s(
    line: Line, points_xy_m: Float64Array, velocity_mps: Float64Array, walkable: Polygon
) -> LineFlow:
    """Instantaneous flow: density x speed across the line x length, cell by Voronoi cell.

    Each person stands for the density 1/A of a Voronoi cell of area A and carries it across the
    part of the line in that cell with the speed across it (PedPy `compute_line_flow`, Tordeux et
    al. 2015, times the line's length). It needs no crossing, so it also tells a flow that stops.

    Args:
        points_xy_m: (N, 2) positions inside `walkable`.
        velocity_mps: (N, 2); people with unknown velocity carry nothing.
    """
    start, end = np.array(line.start_xy_m), np.array(line.end_xy_m)
    along = (end - start) / np.hypot(*(end - start))
    segment = shapely.LineString([start, end])
    cells = voronoi_cells(points_xy_m, walkable)
    lengths = np.asarray(shapely.length(shapely.intersection(cells, segment)))
    areas = np.asarray(shapely.area(cells))
    to_left = np.nan_to_num(along[0] * velocity_mps[:, 1] - along[1] * velocity_mps[:, 0])
    flow = to_left * lengths / areas if len(cells) else np.zeros(0)
    return LineFlow(float(flow[flow > 0].sum()), float(-flow[flow < 0].sum()))


def balance_error(
    before: float, after: float, came_in: Iterable[float], went_out: Iterable[float]
) -> float:
    """How far the counter is from N(t + dt) = N(t) + in - out, in persons."""
    return after - (before + sum(came_in) - sum(went_out))


__all__ = [
    "CrossingCounter",
    "DirectionShares",
    "LineFlow",
    "balance_error",
    "border_distance",
    "border_of",
    "direction_shares",
    "line_flow_per_s",
    "meeting_share",
    "median_speed_mps",
    "side_of",
    "specific_flow",
    "stopped_share",
]
