"""Measurements and simulated time for the tests of risk and rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.levels import Judgement, RiskState, advance
from vision.risk.profiles import LevelThreshold, Rules, ZoneProfile
from vision.risk.readings import Level, ZoneMeasurement

START = Utc.from_iso("2026-03-02T08:00:00+08:00")
STEP_S = 0.2

CALM = ZoneMeasurement(
    zone_id="stair",
    captured_at=START,
    people=0.0,
    people_std=0.0,
    density_peak_per_m2=0.0,
    density_peak_std_per_m2=0.0,
    peak_xy_m=None,
    density_mean_per_m2=0.0,
    visible_share=1.0,
    luminance=0.5,
)


def calm(**changed: object) -> ZoneMeasurement:
    """A measurement of an empty, bright, fully seen zone, with `changed` numbers."""
    return dataclasses.replace(CALM, **changed)  # type: ignore[arg-type]


def crowd(density_per_m2: float, **changed: object) -> ZoneMeasurement:
    """A zone with this density peak and people to match."""
    return calm(density_peak_per_m2=density_per_m2, people=density_per_m2 * 5.0, **changed)


def no_rules() -> Rules:
    """All promotion rules switched off."""
    on = Rules()
    return Rules(
        **{
            item.name: dataclasses.replace(getattr(on, item.name), enabled=False)
            for item in dataclasses.fields(Rules)
        }
    )


def profile(**changed: object) -> ZoneProfile:
    """Stairs with thresholds 1.5, 2, 2.7 and 3.5 and no promotion rule."""
    limits = ((1.5, 20.0), (2.0, 10.0), (2.7, 5.0), (3.5, 3.0))
    levels = tuple(LevelThreshold(density, dwell_s, "test") for density, dwell_s in limits)
    base = ZoneProfile("test", ZoneType.STAIRS, levels, rules=no_rules())  # type: ignore[arg-type]
    return dataclasses.replace(base, **changed)  # type: ignore[arg-type]


def only(rule: str, **changed: object) -> ZoneProfile:
    """The profile with one rule switched on."""
    chosen = dataclasses.replace(getattr(Rules(), rule), **{"enabled": True, **changed})
    return profile(rules=dataclasses.replace(no_rules(), **{rule: chosen}))


def run(
    parts: Iterable[tuple[float, ZoneMeasurement | Callable[[float], ZoneMeasurement]]],
    chosen: ZoneProfile,
    state: RiskState | None = None,
) -> list[tuple[float, Judgement]]:
    """Judge a day made of parts (seconds, measurement), five pictures a second.

    Without a `state` the zone was watched and calm until then.

    Returns:
        seconds since the start and the judgement of every picture.
    """
    now = RiskState(at=START.plus(-STEP_S)) if state is None else state
    judged = []
    tick = 0
    for lasts_s, given in parts:
        first = tick
        for _ in range(round(lasts_s / STEP_S)):
            seconds = tick * STEP_S
            taken = given((tick - first) * STEP_S) if callable(given) else given
            judgement = advance(now, taken, chosen, START.plus(seconds))
            now = judgement.state
            judged.append((round(seconds, 3), judgement))
            tick += 1
    return judged


def first_at(judged: list[tuple[float, Judgement]], level: Level) -> float | None:
    """Seconds of the first judgement at `level` or above."""
    for seconds, judgement in judged:
        if judgement.level is not Level.UNKNOWN and judgement.level.severity >= level.severity:
            return seconds
    return None
