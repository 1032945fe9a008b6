"""Who will arrive at a zone within the next minute.

Three sources, the largest of which counts: the zone's own inflow, the people who are already in the
zones that lead to it, and what the timetable says. Source of the comparison with capacity: rule 3
of the threshold profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shapely.geometry import LineString

from vision.zones import Zone

HORIZON_S = 60.0
# A flight and the corridor before it are drawn by hand: their lines lie this near to each other.
_TOUCH_M = 0.3


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a zone that leads here holds now, and how fast it fills."""

    people: float
    inflow_per_s: float


def upstream_zones(zones: Sequence[Zone]) -> Mapping[str, tuple[str, ...]]:
    """For each zone the ids of the zones that lead to it.

    A zone leads to another of its floor when one of its exit lines lies on the other's border (at
    least half of the line within 0.3 m) and the other does not lead back by that line.
    """
    return {
        zone.id: tuple(other.id for other in zones if other.id != zone.id and _leads(other, zone))
        for zone in zones
    }


def _leads(source: Zone, target: Zone) -> bool:
    if source.floor_id != target.floor_id:
        return False
    border = target.polygon_xy_m.exterior.buffer(_TOUCH_M)
    for line in source.exits:
        drawn = LineString([line.start_xy_m, line.end_xy_m])
        if drawn.intersection(border).length >= 0.5 * drawn.length:
            return True
    return False


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


__all__ = ["HORIZON_S", "Upstream", "arrivals_per_s", "upstream_zones"]
