"""Recorded measurements judged again with another profile, and the alarms of both side by side.

Pure: equal measurements and profile give equal levels, whatever the speed at which they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vision.instants import Utc
from vision.risk.levels import RiskState, advance
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level, ZoneReading

# An alarm that starts within this time of the old one has not moved.
SAME_START_S = 1.0


@dataclass(frozen=True, slots=True)
class Spell:
    """One time at L2 or above: what an alarm is made of.

    Attributes:
        ends_at: the first reading below L2 again, or the last reading.
        peak: the highest level reached.
        rules: the rules that were among the reasons when the peak was first reached.
    """

    zone_id: str
    starts_at: Utc
    ends_at: Utc
    peak: Level
    rules: tuple[str, ...]


class Change(StrEnum):
    """What a new profile does to one alarm."""

    SAME = "same"
    MOVED = "moved"
    RAISED = "raised"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Pair:
    """An old and a new alarm that belong together; one is `None` where there is no partner."""

    change: Change
    old: Spell | None
    new: Spell | None

    @property
    def moved_s(self) -> float | None:
        """How much later the new one starts; negative when earlier."""
        if self.old is None or self.new is None:
            return None
        return self.new.starts_at - self.old.starts_at


def judged_again(readings: Sequence[ZoneReading], profile: ZoneProfile) -> tuple[ZoneReading, ...]:
    """The readings of one zone, in order of time, as `profile` would have judged them.

    Readings without a measurement stay UNKNOWN.

    Raises:
        ValueError: when time runs backwards.
    """
    state = RiskState()
    again: list[ZoneReading] = []
    for reading in readings:
        if reading.measurement is None:
            again.append(reading)
            continue
        judged = advance(state, reading.measurement, profile, reading.captured_at)
        state = judged.state
        again.append(
            ZoneReading(
                reading.zone_id,
                reading.captured_at,
                judged.level,
                judged.reasons,
                reading.measurement,
                judged.could_be,
                profile.id,
                reading.model_id,
            )
        )
    return tuple(again)


def spells(readings: Sequence[ZoneReading]) -> tuple[Spell, ...]:
    """The times at L2 or above of one zone; UNKNOWN neither starts nor ends one."""
    found: list[Spell] = []
    current: Spell | None = None
    for reading in readings:
        if reading.level is Level.UNKNOWN:
            continue
        high = reading.level.severity >= Level.L2.severity
        if high:
            rules = tuple(reason.rule for reason in reading.reasons)
            if current is None:
                at = reading.captured_at
                current = Spell(reading.zone_id, at, at, reading.level, rules)
            elif reading.level.severity > current.peak.severity:
                current = Spell(
                    current.zone_id, current.starts_at, current.ends_at, reading.level, rules
                )
        if current is not None:
            current = Spell(
                current.zone_id,
                current.starts_at,
                reading.captured_at,
                current.peak,
                current.rules,
            )
            if not high:
                found.append(current)
                current = None
    return (*found, current) if current is not None else tuple(found)


def compared(old: Sequence[Spell], new: Sequence[Spell]) -> tuple[Pair, ...]:
    """Alarms of one zone side by side, in order of time; partners overlap in time."""
    left = list(new)
    pairs: list[Pair] = []
    for spell in old:
        partner = next((other for other in left if _overlap(spell, other)), None)
        if partner is None:
            pairs.append(Pair(Change.MISSED, spell, None))
            continue
        left.remove(partner)
        near = abs(partner.starts_at - spell.starts_at) <= SAME_START_S
        same = near and partner.peak is spell.peak
        pairs.append(Pair(Change.SAME if same else Change.MOVED, spell, partner))
    pairs += [Pair(Change.RAISED, None, spell) for spell in left]
    return tuple(sorted(pairs, key=_start))


def _start(pair: Pair) -> Utc:
    starts = [spell.starts_at for spell in (pair.old, pair.new) if spell is not None]
    return min(starts)


def _overlap(one: Spell, other: Spell) -> bool:
    return one.starts_at <= other.ends_at and other.starts_at <= one.ends_at


__all__ = ["SAME_START_S", "Change", "Pair", "Spell", "compared", "judged_again", "spells"]
