"""Readings of one zone over a recording, and the periods in which it was crowded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision.instants import Utc
from vision.risk.readings import Level, Reason, ZoneReading

_ALARM_SEVERITY = Level.L2.severity


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time at L2 or above.

    Attributes:
        ends_at: first reading below L2, or `None` when it still held at the end.
        peak_level: highest level reached.
        peak_density_per_m2: largest density measured in it.
        reasons: those given when the highest level was reached.
    """

    zone_id: str
    starts_at: Utc
    ends_at: Utc | None
    peak_level: Level
    peak_density_per_m2: float
    reasons: tuple[Reason, ...]


def crowded_periods(readings: Sequence[ZoneReading]) -> tuple[Period, ...]:
    """Periods at L2 or above in the readings of one zone, which are in order of capture time.

    UNKNOWN neither starts nor ends a period: nobody can say that the crowd has gone.
    """
    periods: list[Period] = []
    current: list[ZoneReading] = []
    for reading in readings:
        if reading.level is Level.UNKNOWN:
            continue
        if reading.level.severity >= _ALARM_SEVERITY:
            current.append(reading)
        elif current:
            periods.append(_period(current, reading.captured_at))
            current = []
    if current:
        periods.append(_period(current, None))
    return tuple(periods)


def _period(readings: Sequence[ZoneReading], ends_at: Utc | None) -> Period:
    worst = max(readings, key=lambda reading: reading.level.severity)
    densities = [r.measurement.density_peak_per_m2 for r in readings if r.measurement is not None]
    return Period(
        zone_id=worst.zone_id,
        starts_at=readings[0].captured_at,
        ends_at=ends_at,
        peak_level=worst.level,
        peak_density_per_m2=max(densities, default=0.0),
        reasons=worst.reasons,
    )


def unknown_share(readings: Sequence[ZoneReading]) -> float:
    """Share of readings whose level is UNKNOWN, 0..1; 1 when there are none."""
    if not readings:
        return 1.0
    unknown = sum(1 for reading in readings if reading.level is Level.UNKNOWN)
    return unknown / len(readings)
