"""What the school does at an hour: class change, dismissal, drill. It may tighten, never loosen.

The thresholds of a zone's profile are its hard limits. An occasion may put lower ones in their
place; one above its hard limit is refused where it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from vision.instants import Utc
from vision.risk.profiles import ProfileError, ZoneProfile
from vision.risk.readings import Level


class OccasionKind(StrEnum):
    """Kinds of hours that move many pupils at once."""

    ARRIVAL = "arrival"
    CLASS_CHANGE = "class_change"
    DISMISSAL = "dismissal"
    ASSEMBLY = "assembly"
    DRILL = "drill"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One entry of the timetable while it lasts.

    Attributes:
        id: unique in the timetable; stands behind the profile's id in every reading.
        limits: zone id -> level -> threshold in persons per m², not above the hard limit.
        expected_per_s: zone id -> arrivals a second that the rosters ask for.
    """

    id: str
    kind: OccasionKind
    limits: Mapping[str, Mapping[Level, float]] = field(default_factory=dict)
    expected_per_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_drill(self) -> bool:
        """What happens in a drill is marked, so that statistics can leave it out."""
        return self.kind is OccasionKind.DRILL

    def profile_for(self, zone_id: str, base: ZoneProfile) -> ZoneProfile:
        """The zone's profile while this lasts.

        Raises:
            ProfileError: when a limit lies above the hard limit, or the levels no longer rise.
        """
        return tightened(base, self.limits.get(zone_id, {}), self.id)


class Schedule(Protocol):
    """Answers what is on at an instant. Implementations live in `config`."""

    def at(self, instant: Utc) -> Occasion | None:
        """The occasion at an instant; a drill wins over everything else."""
        ...


def tightened(base: ZoneProfile, limits: Mapping[Level, float], suffix: str) -> ZoneProfile:
    """`base` with lower thresholds where `limits` names them; its id tells the occasion.

    Raises:
        ProfileError: when a limit lies above the hard limit, or the levels no longer rise.
    """
    levels = list(base.levels)
    for level, limit in limits.items():
        hard = base.threshold_of(level)
        if limit > hard.threshold_per_m2:
            raise ProfileError(
                f"{level.value}",
                f"{limit:g} per m² is above the hard limit of {hard.threshold_per_m2:g} "
                f"({base.id}); an occasion may only tighten",
            )
        levels[level.severity - 1] = replace(hard, threshold_per_m2=limit)
    return replace(
        base,
        id=f"{base.id}+{suffix}",
        levels=(levels[0], levels[1], levels[2], levels[3]),
    )


__all__ = ["Occasion", "OccasionKind", "Schedule", "tightened"]
