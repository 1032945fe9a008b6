"""False alarms on ordinary school days, with all rules and with density alone.

Days, zones and walking are those of `benchmarks.ordinary_hours` and `benchmarks.ordinary_day`: a
light model, made at reading level; nothing is blocked. One zone of the sample school stands for one
camera. An alarm is false when the truth of its hour never had that level by threshold and dwell.

    python -m benchmarks.school_days --days 30 --jobs 2 --json
    python -m benchmarks.school_days --days 2 --zone stair-a
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from functools import partial

import numpy as np
from scipy.stats import chi2

from benchmarks.ordinary_day import Looked, watched
from benchmarks.ordinary_hours import day
from benchmarks.report import EXIT_TARGET_MISSED, Report, parser
from config import load_site, sample_school_directory
from config.profiles import load_profiles
from vision.instants import Utc
from vision.profiles import Rules, ZoneProfile
from vision.readings import Level
from vision.risk import RiskState, advance
from vision.zones import Zone

BEGAN = Utc.from_iso("2026-03-02T00:00:00+08:00")
TARGET_L3_A_CAMERA_DAY = 0.1
_DAY_S = 86_400.0
_VARIANTS = ("all rules", "density only")
DayCounts = tuple[int, int, Counter[tuple[str, Level]], Counter[str]]


def main() -> None:
    options = parser(__doc__ or "", seed=1)
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--zone", default=None, help="only this zone")
    options.add_argument("--hour", default=None, help="only hours of this name, such as dismissal")
    options.add_argument("--jobs", type=int, default=1, help="days at a time")
    arguments = options.parse_args()
    site = load_site(sample_school_directory())
    zones = [zone for zone in site.zones if arguments.zone in (None, zone.id)]
    if not zones:
        options.error(f"no zone {arguments.zone}; there are {', '.join(z.id for z in site.zones)}")
    counts: Counter[tuple[str, Level]] = Counter()
    causes: Counter[str] = Counter()
    hours = dense_hours = 0
    judge = partial(judged_day, zones=zones, seed=arguments.seed, only=arguments.hour)
    for day_hours, day_dense, day_counts, day_causes in _days(judge, arguments):
        hours += day_hours
        dense_hours += day_dense
        counts.update(day_counts)
        causes.update(day_causes)
    report = Report("school_days", arguments.seed, ("numpy",))
    missed = _publish(report, counts, arguments.days * len(zones), hours)
    report.row("hours whose truth itself reaches L3 (a class lines up)", dense_hours, "")
    report.figures["hours_truly_l3"] = dense_hours
    for cause, times in causes.most_common(12):
        report.row(f"a false L3 named {cause}", times, "")
    report.publish(as_json=arguments.json)
    if missed:
        raise SystemExit(EXIT_TARGET_MISSED)


def _days(judge: Callable[[int], DayCounts], arguments: argparse.Namespace) -> Iterator[DayCounts]:
    if arguments.jobs == 1:
        yield from map(judge, range(arguments.days))
        return
    with ProcessPoolExecutor(arguments.jobs) as pool:
        yield from pool.map(judge, range(arguments.days))


def judged_day(number: int, *, zones: Sequence[Zone], seed: int, only: str | None) -> DayCounts:
    """One day: its hours, those whose truth reaches L3, false alarms, and what named them."""
    profiles = load_profiles()
    counts: Counter[tuple[str, Level]] = Counter()
    causes: Counter[str] = Counter()
    hours = dense_hours = 0
    for zone, looked in _hours(zones, number, seed, only):
        hours += 1
        truly = _true_level(looked, profiles[zone.type])
        dense_hours += truly >= Level.L3.severity
        for variant in _VARIANTS:
            level, rules = _said(looked, _profile(profiles[zone.type], variant))
            for one in (Level.L2, Level.L3):
                if level >= one.severity > truly:
                    counts[variant, one] += 1
                    if one is Level.L3 and variant == _VARIANTS[0]:
                        causes.update(f"{zone.id} day {number}: {rule}" for rule in rules)
    return hours, dense_hours, counts, causes


def _hours(
    zones: Sequence[Zone], number: int, seed: int, only: str | None
) -> Iterator[tuple[Zone, list[Looked]]]:
    """What is measured in each hour of each zone; every hour has random numbers of its own."""
    for index, zone in enumerate(zones):
        hours = day(zone, np.random.default_rng((seed, number, index)))
        for slot, hour in enumerate(hours):
            if only is not None and hour.name != only:
                continue
            rng = np.random.default_rng((seed, number, index, slot))
            began = BEGAN.plus(number * _DAY_S + hour.clock_s)
            yield zone, list(watched(zone, hour.people, began, rng))


def _profile(profile: ZoneProfile, variant: str) -> ZoneProfile:
    if variant == _VARIANTS[0]:
        return profile
    off = {
        item.name: replace(getattr(profile.rules, item.name), enabled=False)
        for item in fields(Rules)
    }
    return replace(profile, rules=Rules(**off))


def _said(looked: Sequence[Looked], profile: ZoneProfile) -> tuple[int, tuple[str, ...]]:
    """The highest severity that was said, and the rules that were named when it first was."""
    state, highest = RiskState(), 0
    rules: tuple[str, ...] = ()
    for look in looked:
        judged = advance(state, look.measurement, profile, look.measurement.captured_at)
        state = judged.state
        if judged.level is not Level.UNKNOWN and judged.level.severity > highest:
            highest = judged.level.severity
            rules = tuple(reason.rule for reason in judged.reasons if reason.rule != "density")
    return highest, rules


def _true_level(looked: Sequence[Looked], profile: ZoneProfile) -> int:
    """The highest severity that the true density held for the dwell."""
    highest = 0
    for severity, limit in enumerate(profile.levels, start=1):
        since: float | None = None
        for look in looked:
            if look.truth_per_m2 < limit.threshold_per_m2:
                since = None
                continue
            since = look.t_s if since is None else since
            if look.t_s - since >= limit.dwell_s:
                highest = severity
                break
    return highest


def poisson_interval(count: int) -> tuple[float, float]:
    """Exact 95 % interval of a Poisson mean (Garwood 1936)."""
    low = chi2.ppf(0.025, 2 * count) / 2.0 if count else 0.0
    return float(low), float(chi2.ppf(0.975, 2 * (count + 1)) / 2.0)


def _publish(
    report: Report, counts: Counter[tuple[str, Level]], camera_days: int, hours: int
) -> bool:
    report.row("camera-days", camera_days, "")
    report.row("hours with many people", hours, "")
    report.figures |= {"camera_days": camera_days, "hours": hours}
    for variant in _VARIANTS:
        for level in (Level.L2, Level.L3):
            count = counts[variant, level]
            low, high = (end / camera_days for end in poisson_interval(count))
            target = f"{TARGET_L3_A_CAMERA_DAY:g}" if level is Level.L3 else "1"
            report.row(
                f"{variant}: hours with a false {level.value}+ a camera-day (95 %)",
                f"{count / camera_days:.3f} ({low:.3f} to {high:.3f}), n={count}",
                target,
            )
            name = f"{variant.replace(' ', '_')}_false_{level.value.lower()}_per_camera_day"
            report.figures[name] = round(count / camera_days, 4)
            report.figures[f"{name}_high"] = round(high, 4)
    return counts[_VARIANTS[0], Level.L3] / camera_days > TARGET_L3_A_CAMERA_DAY


if __name__ == "__main__":
    main()
