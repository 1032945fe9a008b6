"""Who will arrive at a zone before they are there.

Demand over the next minute has three sources, the largest of which counts: the zone's own inflow,
the people who are already in the zones that lead to it, and what the timetable says. Source of the
comparison with capacity: rule 3 of the threshold profile.

Arrivals at an exit are foretold from who walks to it now, in the zone and in those that lead to it
(`vision.risk.arrivals`). Who stands, or walks elsewhere, does not arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shapely.geometry import LineString

from vision.geometry.zones import Line, Zone, ZoneType
from vision.risk.arrivals import Arrivals

HORIZON_S = 60.0
# IMO MSC.1/Circ.1533: speeds at the greatest flow, down a stair and on the level.
_PACE_ON_STAIRS_MPS, _PACE_ON_LEVEL_MPS = 0.55, 0.67
# A flight and the corridor before it are drawn by hand: their lines lie this near to each other.
_TOUCH_M = 0.3


@dataclass(frozen=True, slots=True)
class Upstream:
    """What a zone that leads here holds now, and how fast it fills.

    Attributes:
        underway: when those who walk here will be at the exits to which the way leads on.
        coming: who walks here now, as far as can be told.
        leads_back: this zone leads there too: who is there, or comes in there, may have come from
            here, and only who walks here is on the way.
    """

    people: float
    inflow_per_s: float
    underway: Arrivals = field(default_factory=Arrivals)
    coming: float = 0.0
    leads_back: bool = False

    @property
    def within_a_minute(self) -> float:
        """Everybody there, and what flows in there for half of the minute: a corridor of 30 m takes
        25 to 30 s at a walk. An upper estimate, as a warning should be."""
        if self.leads_back:
            return self.coming
        return self.people + self.inflow_per_s * HORIZON_S / 2.0


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


def walk_s(zone: Zone, entries: Sequence[Line], exits: Sequence[Line]) -> float:
    """Seconds that a full flow takes from some lines to the nearest of these exits of `zone`.

    0 without an exit.
    """
    if not exits or not entries:
        return 0.0
    pace_mps = _PACE_ON_STAIRS_MPS if zone.type is ZoneType.STAIRS else _PACE_ON_LEVEL_MPS
    way_m = min(_drawn(a).distance(_drawn(b)) for a in entries for b in exits)
    return way_m / pace_mps


def arrivals_per_s(
    own_inflow_per_s: float | None,
    upstream: Sequence[Upstream],
    expected_per_s: float | None = None,
) -> float | None:
    """Mean arrivals a second over the next minute; `None` where nothing is known."""
    known: list[float] = []
    if own_inflow_per_s is not None:
        known.append(own_inflow_per_s)
    if upstream:
        known.append(sum(zone.within_a_minute for zone in upstream) / HORIZON_S)
    if expected_per_s is not None:
        known.append(expected_per_s)
    return max(known) if known else None


__all__ = [
    "HORIZON_S",
    "Upstream",
    "arrivals_per_s",
    "exits_to",
    "upstream_zones",
    "walk_s",
]
