"""The crossings of a zone's border and exits by the heads of one camera."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.crowd.border_places import BorderPlaces
from vision.crowd.exit_use import ExitUse, UsedWidth
from vision.crowd.movement import (
    BAND_M,
    FLOW_WINDOW_S,
    STOPPED_MPS,
    CrossingCounter,
    border_distance,
    border_of,
    side_of,
)
from vision.crowd.tracking import TrackedHeads
from vision.crowd.ways_in import Way, WaysIn, WaysOut
from vision.geometry.zones import Zone
from vision.instants import Utc


class CameraFlow:
    """Where and when the heads of one camera crossed the border (line 0) and the exits (1, ...).

    Args:
        lines: the places of the border and of each exit.
    """

    def __init__(self, zone: Zone, lines: Sequence[BorderPlaces]) -> None:
        self._zone = zone
        self._sides = border_of(zone.polygon_xy_m)
        self._lines = tuple(_Crossings(places) for places in lines)
        self._uses = tuple(ExitUse(line) for line in zone.exits)
        self._ways = WaysIn()
        self._ways_out = WaysOut()
        self._walkers: Counter[Way | None] = Counter()
        self._left: Counter[Way] = Counter()
        self._at: Utc | None = None

    def update(self, heads: TrackedHeads) -> None:
        """Take the heads of one picture; one that was taken before changes nothing."""
        at = heads.captured_at
        if self._at is not None and at <= self._at:
            return
        if self._at is not None and at - self._at > FLOW_WINDOW_S / 2.0:
            self.restart()
        self._at = at
        placed = np.isfinite(heads.xy_m).all(axis=1)
        ids, xy_m = heads.ids[placed], heads.xy_m[placed]
        speed_mps = np.linalg.norm(heads.velocity_mps[placed], axis=1)
        to_border_m = border_distance(self._zone.polygon_xy_m, xy_m, self._sides)
        border, *exits = self._lines
        border.update(ids, xy_m, to_border_m, speed_mps, at)
        for line, crossings, use in zip(self._zone.exits, exits, self._uses, strict=True):
            # Left of an exit line is inside, so a crossing to the - side goes out.
            crossings.update(ids, xy_m, side_of(line, xy_m), speed_mps, at)
            use.update(ids, xy_m, to_border_m > 0.0, crossings.newest, at)
        self._note_ways(ids, xy_m, at)
        for head, place, depth_m in zip(ids.tolist(), xy_m, to_border_m.tolist(), strict=True):
            if depth_m > -BAND_M:
                self._ways.stands(head, depth_m, at, partial(self._nearest_way, place))
        self._walkers = self._ways.of(ids[(to_border_m > 0.0) & (speed_mps >= STOPPED_MPS)], at)

    def _note_ways(self, ids: IntArray, xy_m: Float64Array, at: Utc) -> None:
        border, *exits = self._lines
        places = dict(zip(ids.tolist(), xy_m, strict=True))
        for head, side, place in border.newest_crossings:
            way = self._beyond(places[head]) or Way(0, border.line_of(place))
            if side > 0:
                self._ways.came_in(head, way, at)
            else:
                self._ways.went_out(head)
                self._ways_out.went_out(head, way, at)
        for number, crossings in enumerate(exits, start=1):
            for head, side, _ in crossings.newest_crossings:
                if side > 0:
                    self._ways.came_in(head, Way(number, 0), at)
                else:
                    self._ways_out.went_out(head, Way(number, 0), at)
        self._left = self._ways_out.counted(at)

    def _beyond(self, xy_m: Float64Array) -> Way | None:
        """The exit on whose outer side a point (2,) of the zone or its border lies."""
        for number, line in enumerate(self._zone.exits, start=1):
            if side_of(line, xy_m[None])[0] < -BAND_M:
                return Way(number, 0)
        return None

    def _nearest_way(self, xy_m: Float64Array) -> Way:
        beyond = self._beyond(xy_m)
        if beyond is not None:
            return beyond
        border, *exits = self._lines
        to_border_m, side = border.nearest(xy_m)
        for number, crossings in enumerate(exits, start=1):
            if crossings.nearest(xy_m)[0] <= to_border_m + BAND_M:
                return Way(number, 0)
        return Way(0, side)

    @property
    def left(self) -> Counter[Way]:
        """How many went out by each way within the last `FLOW_WINDOW_S`."""
        return self._left

    @property
    def walkers(self) -> Counter[Way | None]:
        """How many who walk in the zone came in by each way; `None` for those not seen to."""
        return self._walkers

    @property
    def is_ready(self) -> bool:
        """Whether the border was watched for `FLOW_WINDOW_S` without a gap."""
        return self._at is not None and self._lines[0].is_ready(self._at)

    def crossed(self, line: int, mine: BoolArray) -> tuple[int, int]:
        """How many crossed a line in and out within the window, at the places (P,) of `mine`."""
        return self._lines[line].crossed(mine)

    def used(self, line: int) -> UsedWidth | None:
        """The part of an exit that people use."""
        return self._uses[line - 1].used()

    def restart(self) -> None:
        """Forget everything: there was a gap in the pictures, or they are not believed."""
        for crossings in self._lines:
            crossings.restart()
        for use in self._uses:
            use.restart()
        self._ways.restart()
        self._ways_out.restart()
        self._walkers.clear()
        self._left.clear()


class _Crossing(NamedTuple):
    """One head: to the + side (1) or to the - side (-1), and the place it is nearest to."""

    head: int
    side: int
    place: int


class _Crossings:
    """The crossings of one line within the newest window, each with its place."""

    def __init__(self, places: BorderPlaces) -> None:
        self._places = places
        self._counter = CrossingCounter()
        self._newest: deque[tuple[Utc, int, int]] = deque()
        self.newest_crossings: list[_Crossing] = []

    @property
    def newest(self) -> frozenset[int]:
        """The heads that crossed with the newest picture."""
        return self._counter.newest

    def update(
        self,
        ids: IntArray,
        xy_m: Float64Array,
        signed_m: Float64Array,
        speed_mps: Float64Array,
        at: Utc,
    ) -> None:
        self._counter.update(ids, signed_m, at, speed_mps)
        self.newest_crossings.clear()
        for index in np.flatnonzero(np.isin(ids, list(self._counter.newest))).tolist():
            side, place = 1 if signed_m[index] > 0.0 else -1, self._places.nearest(xy_m[index])
            self._newest.append((at, side, place))
            self.newest_crossings.append(_Crossing(int(ids[index]), side, place))
        while self._newest and at - self._newest[0][0] > FLOW_WINDOW_S:
            self._newest.popleft()

    def nearest(self, xy_m: Float64Array) -> tuple[float, int]:
        """How far the nearest place is from a point (2,), and on which of the lines it lies."""
        place = self._places.nearest(xy_m)
        return float(np.hypot(*(self._places.xy_m[place] - xy_m))), self.line_of(place)

    def line_of(self, place: int) -> int:
        return int(self._places.lines[place])

    def is_ready(self, at: Utc) -> bool:
        return self._counter.rates_per_s(at) is not None

    def crossed(self, mine: BoolArray) -> tuple[int, int]:
        sides = [side for _, side, place in self._newest if mine[place]]
        return sides.count(1), sides.count(-1)

    def restart(self) -> None:
        self._counter.restart()
        self._newest.clear()
        self.newest_crossings.clear()


__all__ = ["CameraFlow"]
