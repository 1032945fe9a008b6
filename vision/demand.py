"""Who will arrive at a zone, and at its exits, before they are there.

Demand over the next minute has three sources, the largest of which counts: the zone's own inflow,
the people who are already in the zones that lead to it, and what the timetable says. Source of the
comparison with capacity: rule 3 of the threshold profile.

Arrivals at an exit are foretold from who walks to it now, in the zone and in those that lead to it,
each with the own way left and the own pace. Who stands, or walks elsewhere, does not arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from shapely.geometry import LineString

from vision.arrays import Float64Array, median
from vision.movement import FLOW_WINDOW_S, STOPPED_MPS
from vision.segments import Segments
from vision.zones import Line, Zone, ZoneType

HORIZON_S = 60.0
# IMO MSC.1/Circ.1533: speeds at the greatest flow, down a stair and on the level.
_PACE_ON_STAIRS_MPS, _PACE_ON_LEVEL_MPS = 0.55, 0.67
# A flight and the corridor before it are drawn by hand: their lines lie this near to each other.
_TOUCH_M = 0.3


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a zone that leads here holds now, and how fast it fills.

    `underway_s` are the seconds after which each of those who walk here reaches the exit of the
    zone that leads here; see `arrivals_s`.
    """

    people: float
    inflow_per_s: float
    underway_s: tuple[float, ...] = ()


def upstream_zones(zones: Sequence[Zone]) -> Mapping[str, tuple[str, ...]]:
    """For each zone the ids of the zones that lead to it.

    A zone leads to another of its floor when one of its exit lines lies on the other's border (at
    least half of the line within 0.3 m). Two that both draw an exit on their common border lead to
    each other.
    """
    return {
        zone.id: tuple(other.id for other in zones if other.id != zone.id and exits_to(other, zone))
        for zone in zones
    }


def exits_to(source: Zone, target: Zone) -> tuple[Line, ...]:
    """The exits of `source` that lead into `target`; see `upstream_zones`."""
    if source.floor_id != target.floor_id:
        return ()
    border = target.polygon_xy_m.exterior.buffer(_TOUCH_M)
    return tuple(
        line
        for line in source.exits
        if _drawn(line).intersection(border).length >= 0.5 * _drawn(line).length
    )


def _drawn(line: Line) -> LineString:
    return LineString([line.start_xy_m, line.end_xy_m])


def walk_s(zone: Zone, entries: Sequence[Line]) -> float:
    """Seconds that a full flow takes from these lines to the nearest exit of `zone`.

    0 where the zone has no exit.
    """
    if not zone.exits or not entries:
        return 0.0
    pace_mps = _PACE_ON_STAIRS_MPS if zone.type is ZoneType.STAIRS else _PACE_ON_LEVEL_MPS
    way_m = min(_drawn(a).distance(_drawn(b)) for a in entries for b in zone.exits)
    return way_m / pace_mps


def arrivals_s(
    lines: Sequence[Line], xy_m: Float64Array, velocity_mps: Float64Array
) -> Float64Array:
    """When people reach the nearest of some lines if they go on as they walk now.

    All who come are taken to walk at the median of their pace: that of one head, seen twice from
    afar, is the noise of its place. Those whose velocity is not known yet come where most of the
    others do.

    Args:
        xy_m, velocity_mps: (N, 2) places and velocities on the plan; unknown velocities are NaN.

    Returns:
        (M,) seconds from now, sorted, of those who come nearer to their line by at least 0.2 m/s.
    """
    if not lines or not len(xy_m):
        return np.zeros(0)
    away, left_m = Segments.of_lines(lines).to_nearest(xy_m)
    on_it = left_m < 1e-6
    pace = (away * velocity_mps).sum(axis=1) / np.where(on_it, 1.0, left_m)
    known = np.isfinite(pace) & ~on_it
    comes = known & (np.nan_to_num(pace) >= STOPPED_MPS)
    if not comes.any():
        return np.zeros(0)
    if comes.sum() > 0.5 * known.sum():
        comes |= ~np.isfinite(pace) & ~on_it
    return np.sort(left_m[comes] / median(pace[comes & known]))


def densest_per_s(times_s: Float64Array, window_s: float = FLOW_WINDOW_S) -> float:
    """The most arrivals a second within any `window_s` of the times (N,) of arrival."""
    times = np.sort(np.asarray(times_s, dtype=np.float64))
    if not len(times):
        return 0.0
    within = np.searchsorted(times, times + window_s, side="left") - np.arange(len(times))
    return float(within.max()) / window_s


def arrivals_per_s(
    own_inflow_per_s: float | None,
    upstream: Sequence[Upstream],
    expected_per_s: float | None = None,
) -> float | None:
    """Mean arrivals a second over the next minute; `None` where nothing is known.

    Everybody upstream arrives within the minute, and what flows in there follows for half of it:
    a corridor of 30 m takes 25 to 30 s at a walk. An upper estimate, as a warning should be.
    """
    known: list[float] = []
    if own_inflow_per_s is not None:
        known.append(own_inflow_per_s)
    if upstream:
        coming = sum(zone.people + zone.inflow_per_s * HORIZON_S / 2.0 for zone in upstream)
        known.append(coming / HORIZON_S)
    if expected_per_s is not None:
        known.append(expected_per_s)
    return max(known) if known else None


__all__ = [
    "HORIZON_S",
    "Upstream",
    "arrivals_per_s",
    "arrivals_s",
    "densest_per_s",
    "exits_to",
    "upstream_zones",
    "walk_s",
]
