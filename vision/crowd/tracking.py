"""Heads followed from picture to picture on the plan.

Matching is by distance on the plan (Hungarian method) to where each head is expected after its
last velocity. Ids count up from 1 and are never used twice by one tracker; an unmatched head gets
a new id, never a placeholder.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from vision.arrays import Float32Array, Float64Array, IntArray, read_only
from vision.instants import Utc

MAX_SPEED_MPS = 3.0
MAX_CHANGE_MPS = 1.0
# How far a head centre may be off on the plan by itself.
POSITION_NOISE_M = 0.35
COAST_S = 1.0
# Two places of one head usually differ by less than this while it stands.
_JITTER_M = 0.2
# A machine that is short of time looks once a second, give or take: no head is lost between two
# such pictures, nor when one between them missed it.
_LONGEST_STEP_S = 2.2
# Velocity is displacement over this long: head centres jitter by some cm from picture to picture.
VELOCITY_WINDOW_S = 1.0
_VELOCITY_LEAST_S = 0.4
# Over less than this the jitter of the places is a pace.
_TOLD_AFTER_S = 0.75
# Which of several heads went where is a guess until a third place lies where it was expected.
_FEWEST_PLACES = 3


@dataclass(frozen=True, slots=True, eq=False)
class TrackedHeads:
    """The heads of one picture with their identity and movement.

    Attributes:
        ids: (N,) int64, from 1.
        centres_uv_px: (N, 2) float32.
        sizes_px: (N,) float32; NaN where unknown.
        xy_m: (N, 2) plan position; NaN for heads that lie in no zone's plane.
        velocity_mps: (N, 2) plan velocity; NaN until a head was followed for 0.75 s and seen three
            times, and where its place may be another head's.
        scores: (N,) float32.
        zone_ids: the zone each head lies in; empty text outside all zones.
    """

    captured_at: Utc
    ids: IntArray
    centres_uv_px: Float32Array
    sizes_px: Float32Array
    xy_m: Float64Array
    velocity_mps: Float64Array
    scores: Float32Array
    zone_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.ids)
        ids = read_only(self.ids, name="ids", dtype=np.int64, shape=(count,))
        object.__setattr__(self, "ids", ids)
        for name in ("xy_m", "velocity_mps"):
            plan = read_only(getattr(self, name), name=name, dtype=np.float64, shape=(count, 2))
            object.__setattr__(self, name, plan)
        uv_px = read_only(
            self.centres_uv_px, name="centres_uv_px", dtype=np.float32, shape=(count, 2)
        )
        object.__setattr__(self, "centres_uv_px", uv_px)
        for name in ("sizes_px", "scores"):
            column = read_only(getattr(self, name), name=name, dtype=np.float32, shape=(count,))
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(slots=True)
class _Track:
    id: int
    seen_at: Utc
    xy_m: tuple[float, float]
    sure: bool = False
    past: deque[tuple[Utc, tuple[float, float]]] = field(default_factory=lambda: deque(maxlen=64))

    def velocity_mps(self) -> tuple[float, float] | None:
        """Displacement over the velocity window, or `None` for a head just found."""
        start_at, (start_x, start_y) = self.past[0]
        lasted_s = self.seen_at - start_at
        if lasted_s < _VELOCITY_LEAST_S:
            return None
        # Two plain numbers: an array of two would cost ten times as much.
        x, y = self.xy_m
        return (x - start_x) / lasted_s, (y - start_y) / lasted_s

    def expected_at(self, at: Utc) -> tuple[float, float]:
        """Where the head should be; one that may just stand is expected amid its last places."""
        velocity = self.velocity_mps()
        if velocity is None:
            return self.xy_m
        # What may be jitter alone tells little of where the next step leads.
        moved_m = math.dist(self.xy_m, self.past[0][1])
        walks = max(0.0, 1.0 - (_JITTER_M / max(moved_m, 1e-9)) ** 2)
        waited_s, count = at - self.seen_at, len(self.past)
        amid_x = sum(place[0] for _, place in self.past) / count
        amid_y = sum(place[1] for _, place in self.past) / count
        ahead_x = self.xy_m[0] + velocity[0] * waited_s
        ahead_y = self.xy_m[1] + velocity[1] * waited_s
        return amid_x + walks * (ahead_x - amid_x), amid_y + walks * (ahead_y - amid_y)

    def reach_m(self, at: Utc) -> float:
        """How far from the expected place the head may be found."""
        waited_s = at - self.seen_at
        # A head whose velocity is known strays only as far as it can change it.
        speed = MAX_SPEED_MPS if len(self.past) < 3 else MAX_CHANGE_MPS
        return min(POSITION_NOISE_M + speed * waited_s, 1.5)

    def move(self, at: Utc, xy_m: tuple[float, float], *, clear: bool) -> None:
        """Go on at `xy_m`; where that is not clearly this head's place, velocity starts anew."""
        if not clear:
            self.past.clear()
            self.past.append((self.seen_at, self.xy_m))
        self.seen_at = at
        self.xy_m = xy_m
        self.past.append((at, xy_m))
        while len(self.past) > _FEWEST_PLACES and at - self.past[1][0] >= VELOCITY_WINDOW_S:
            self.past.popleft()
        long_enough = at - self.past[0][0] >= _TOLD_AFTER_S
        self.sure = clear and long_enough and len(self.past) >= _FEWEST_PLACES


class HeadTracker:
    """Follows the heads of one camera. Deterministic: equal input gives equal ids."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._next_id = 1
        self._newest_at: deque[Utc] = deque(maxlen=2)

    def update(self, xy_m: Float64Array, at: Utc) -> tuple[IntArray, Float64Array]:
        """Match plan points (N, 2) of a picture taken at `at`.

        Points of NaN get an id of their own and no velocity.

        Returns:
            ids (N,) and velocities (N, 2) in m/s, NaN where a head is too new or may be another
            one: a head that is missed leaves its neighbour to be taken for it.
        """
        points = np.asarray(xy_m, dtype=np.float64).reshape(-1, 2)
        self._tracks = [track for track in self._tracks if self._goes_on(track, at)]
        self._newest_at.append(at)
        ids = np.zeros(len(points), dtype=np.int64)
        velocities = np.full((len(points), 2), np.nan)
        finite = np.asarray(np.isfinite(points).all(axis=1))
        placed, places = np.flatnonzero(finite), [(x, y) for x, y in points.tolist()]
        for row, column, clear in self._match(points[placed], at):
            track, index = self._tracks[row], int(placed[column])
            track.move(at, places[index], clear=clear)
            ids[index] = track.id
            velocity = track.velocity_mps() if track.sure else None
            if velocity is not None:
                velocities[index] = velocity
        for index in np.flatnonzero(ids == 0).tolist():
            ids[index] = self._next_id
            if finite[index]:
                self._start(places[index], at)
            self._next_id += 1
        return ids, velocities

    def _goes_on(self, track: _Track, at: Utc) -> bool:
        """Not lost yet: missed for a short time or by one picture only."""
        missed = track.seen_at not in self._newest_at
        return 0 <= at - track.seen_at <= (COAST_S if missed else _LONGEST_STEP_S)

    def _start(self, xy_m: tuple[float, float], at: Utc) -> None:
        track = _Track(self._next_id, at, xy_m)
        track.past.append((at, xy_m))
        self._tracks.append(track)

    def _match(self, points: Float64Array, at: Utc) -> list[tuple[int, int, bool]]:
        """Track, point, and whether that is clear: the point lies nearer to where the track is
        expected than half of the way to the next point."""
        if not self._tracks or not len(points):
            return []
        expected = np.array([track.expected_at(at) for track in self._tracks])
        reach_m = np.array([track.reach_m(at) for track in self._tracks])
        distance = np.linalg.norm(expected[:, None, :] - points[None, :, :], axis=2)
        # In units of the reach, and never above 1: leaving a head without a match costs as much as
        # its reach, so that a head that left is not mended by shifting a whole row of neighbours.
        cost = np.minimum(distance / reach_m[:, None], 1.0)
        rows, columns = linear_sum_assignment(cost)
        clear = distance[rows, columns] <= _to_next(points)[columns] / 2.0
        return [
            (int(row), int(column), bool(sure))
            for row, column, sure in zip(rows, columns, clear, strict=True)
            if cost[row, column] < 1.0
        ]


def _to_next(points: Float64Array) -> Float64Array:
    """From each of N points to the nearest other one: (N,), inf for a single one."""
    apart = np.linalg.norm(points[:, None, :] - points[None, :, :], axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart.min(axis=1, initial=np.inf))


__all__ = ["HeadTracker", "TrackedHeads"]
