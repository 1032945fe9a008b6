"""Who comes into a zone and who leaves it, from the tracks of one camera."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from vision.arrays import median
from vision.exit_use import ExitUse, UsedWidth
from vision.forecast import robust_slope
from vision.instants import Utc
from vision.movement import FLOW_WINDOW_S, CrossingCounter, border_distance, border_of, side_of
from vision.segments import Segments
from vision.tracking import TrackedHeads
from vision.zones import Zone

_MOST_COUNTS = 40
_FIRST_S = FLOW_WINDOW_S / 4.0


@dataclass(frozen=True, slots=True)
class FlowRates:
    """Persons a second into and out of a zone over the last `FLOW_WINDOW_S`.

    `balance_people` is how many the crossings say are there now: N(t - window) + in - out.
    `used` is the exit of which people use the smallest part.
    """

    inflow_per_s: float
    outflow_per_s: float
    balance_people: float | None = None
    used: UsedWidth | None = None


class ZoneFlow:
    """Counts the crossings of one zone's border and exits, and keeps its balance.

    Outflow is what leaves the polygon, or what crosses the exit lines outwards where that is more
    (an exit may lie inside). People who walk up a stair leave it by its other end, so the exits
    alone would call it blocked. Inflow is what enters the polygon, or what the balance
    N(t) - N(t - w) + out asks for where that is more: a head first found inside came in unseen.
    """

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._sides = border_of(zone.polygon_xy_m)
        self._border = CrossingCounter()
        self._exits = tuple(CrossingCounter() for _ in zone.exits)
        self._uses = tuple(ExitUse(line) for line in zone.exits)
        self._counts: deque[tuple[Utc, float]] = deque()

    def update(self, heads: TrackedHeads, people: float) -> FlowRates | None:
        """Take the heads of one picture and the people in the zone at that time.

        Returns:
            `None` until the zone was watched for `FLOW_WINDOW_S` without a gap.
        """
        at = heads.captured_at
        if self._counts and at - self._counts[-1][0] > FLOW_WINDOW_S / 2.0:
            self._restart()
        placed = np.isfinite(heads.xy_m).all(axis=1)
        ids, xy_m = heads.ids[placed], heads.xy_m[placed]
        speed_mps = np.linalg.norm(heads.velocity_mps[placed], axis=1)
        to_border_m = border_distance(self._zone.polygon_xy_m, xy_m, self._sides)
        self._border.update(ids, to_border_m, at, speed_mps)
        for line, counter, use in zip(self._zone.exits, self._exits, self._uses, strict=True):
            counter.update(ids, side_of(line, xy_m), at, speed_mps)
            use.update(ids, xy_m, to_border_m > 0.0, counter.newest, at)
        self._counts.append((at, people))
        while at - self._counts[0][0] > FLOW_WINDOW_S:
            self._counts.popleft()
        return self._rates(at)

    def _restart(self) -> None:
        self._border.restart()
        for counter in self._exits:
            counter.restart()
        for use in self._uses:
            use.restart()
        self._counts.clear()

    def _rates(self, at: Utc) -> FlowRates | None:
        border = self._border.rates_per_s(at)
        if border is None:
            return None
        inflow, outflow = border
        if self._exits:
            # Left of an exit line is inside, so a crossing to the - side goes out.
            rates = [counter.rates_per_s(at) for counter in self._exits]
            outflow = max(outflow, sum(rate[1] for rate in rates if rate is not None))
        growth = max(0.0, self._growth_per_s())
        used = [part for use in self._uses if (part := use.used()) is not None]
        return FlowRates(
            max(inflow, outflow + growth),
            outflow,
            self._balance(*border),
            min(used, key=lambda part: part.share) if used else None,
        )

    def _balance(self, came_in_per_s: float, went_out_per_s: float) -> float | None:
        """From the counts of the window's first quarter; crossings are those since its middle."""
        start, newest = self._counts[0][0], self._counts[-1][0]
        first = [people for at, people in self._counts if at - start <= _FIRST_S]
        lasted_s = newest - start
        if lasted_s < 0.9 * FLOW_WINDOW_S:
            return None
        since_s = lasted_s - _FIRST_S / 2.0
        return median(first) + (came_in_per_s - went_out_per_s) * since_s

    def _growth_per_s(self) -> float:
        """Robust slope of the count; thinned so that it stays cheap."""
        step = -(-len(self._counts) // _MOST_COUNTS)
        counts = list(self._counts)[::-1][::step][::-1]
        if len(counts) < 3:
            return 0.0
        start = counts[0][0]
        return robust_slope([t - start for t, _ in counts], [n for _, n in counts])


def exit_width_m(zone: Zone) -> float | None:
    """Clear width that people leave through: of the exit lines, or else of the zone."""
    if zone.exits:
        return sum(
            float(np.hypot(*(np.array(line.end_xy_m) - np.array(line.start_xy_m))))
            for line in zone.exits
        )
    return zone.width_m


def to_exit_m(zone: Zone, place_xy_m: tuple[float, float] | None) -> float | None:
    """From a place to the nearest exit line of its zone; `None` without a place or an exit."""
    if place_xy_m is None or not zone.exits:
        return None
    return float(Segments.of_lines(zone.exits).to_nearest(np.array([place_xy_m]))[1][0])


__all__ = ["FlowRates", "ZoneFlow", "exit_width_m", "to_exit_m"]
