"""False alarms on ordinary school days, with all rules, with density alone, and with corridors that
know no ceiling (docs/decisions/0008-warning-before-density.md).

Days, zones and walking are those of `benchmarks.ordinary_hours` and `benchmarks.ordinary_day`: a
light model, made at reading level; nothing is blocked. One zone of the sample school stands for one
camera. An alarm is false when the truth of its hour never had that level by threshold and dwell.

    python -m benchmarks.school_days --days 30 --jobs 2 --json
    python -m benchmarks.school_days --days 30 --results days.jsonl --minutes 60
    python -m benchmarks.school_days --days 2 --zone stair-a

With `--results` each day is a line of that file as soon as it is done, and a run that was broken
off goes on there; the report says how many camera-days it has.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from benchmarks.ordinary_day import Looked, watched
from benchmarks.ordinary_hours import day
from benchmarks.report import (
    EXIT_TARGET_MISSED,
    Report,
    keep_line,
    kept_lines,
    no_data,
    parser,
)
from config import load_site, sample_school_directory
from config.profiles import load_profiles
from vision.geometry.zones import Zone, ZoneType
from vision.instants import Utc
from vision.risk.levels import RiskState, advance
from vision.risk.profiles import Rules, ZoneProfile
from vision.risk.readings import Level

BEGAN = Utc.from_iso("2026-03-02T00:00:00+08:00")
TARGET_L3_A_CAMERA_DAY = 0.1
_DAY_S = 86_400.0
_VARIANTS = ("all rules", "density only", "corridors without ceilings")


@dataclass(slots=True)
class Day:
    """What one day came to.

    Attributes:
        seed, number, zone_ids, only: which day it is.
        hours, dense_hours: hours with people, and those whose truth itself reaches L3.
        false: "variant: level" to the hours in which it was said without being true.
        causes: what named a false L2 or L3 with all rules.
    """

    seed: int
    number: int
    zone_ids: tuple[str, ...]
    only: str | None = None
    hours: int = 0
    dense_hours: int = 0
    false: dict[str, int] = field(default_factory=dict)
    causes: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[int, int, tuple[str, ...], str | None]:
        return self.seed, self.number, tuple(self.zone_ids), self.only


def main() -> None:
    options = parser(__doc__ or "", seed=1)
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--zone", default=None, help="only this zone")
    options.add_argument("--hour", default=None, help="only hours of this name, such as dismissal")
    options.add_argument("--jobs", type=int, default=1, help="days at a time")
    options.add_argument("--minutes", type=float, default=None, help="start no day after these")
    options.add_argument("--results", type=Path, default=None, help="a line a day; goes on there")
    arguments = options.parse_args()
    site = load_site(sample_school_directory())
    zones = [zone for zone in site.zones if arguments.zone in (None, zone.id)]
    if not zones:
        options.error(f"no zone {arguments.zone}; there are {', '.join(z.id for z in site.zones)}")
    judge = partial(judged_day, zones=zones, seed=arguments.seed, only=arguments.hour)
    days = list(_days(judge, zones, arguments))
    if not days:
        no_data("no day was done in this time")
    report = Report("school_days", arguments.seed, ("numpy",))
    false = Counter[str]()
    for one in days:
        false.update(one.false)
    missed = _publish(report, false, len(days) * len(zones), sum(one.hours for one in days))
    dense_hours = sum(one.dense_hours for one in days)
    report.row("hours whose truth itself reaches L3 (a class lines up)", dense_hours, "")
    report.figures |= {"days": len(days), "hours_truly_l3": dense_hours}
    causes = Counter(cause for one in days for cause in one.causes)
    for cause, count in causes.most_common():
        report.row(f"false {cause}", f"{count} hours", "")
    report.figures["causes"] = dict(causes)
    report.publish(as_json=arguments.json)
    if missed:
        raise SystemExit(EXIT_TARGET_MISSED)


def _days(
    judge: Callable[[int], Day], zones: Sequence[Zone], arguments: argparse.Namespace
) -> Iterator[Day]:
    """Days of the results file, then those that are missing, as far as `--minutes` carries."""
    zone_ids = tuple(zone.id for zone in zones)
    wanted = {
        Day(arguments.seed, number, zone_ids, arguments.hour).key: number
        for number in range(arguments.days)
    }
    for kept in _read(arguments.results):
        if wanted.pop(kept.key, None) is not None:
            yield kept
    ends = None if arguments.minutes is None else time.monotonic() + 60.0 * arguments.minutes
    left = list(wanted.values())
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for first in range(0, len(left), arguments.jobs):
            if ends is not None and time.monotonic() >= ends:
                return
            for one in pool.map(judge, left[first : first + arguments.jobs]):
                if arguments.results is not None:
                    keep_line(arguments.results, json.dumps(asdict(one), ensure_ascii=False))
                yield one


def _read(path: Path | None) -> Iterator[Day]:
    for kept in kept_lines(path):
        yield Day(**(kept | {"zone_ids": tuple(kept["zone_ids"])}))


def judged_day(number: int, *, zones: Sequence[Zone], seed: int, only: str | None) -> Day:
    """One day: its hours, those whose truth reaches L3, false alarms, and what named them."""
    profiles = load_profiles()
    judged = Day(seed, number, tuple(zone.id for zone in zones), only)
    false = Counter[str]()
    for zone, looked in _hours(zones, number, seed, only):
        judged.hours += 1
        truly = _true_level(looked, profiles[zone.type])
        judged.dense_hours += truly >= Level.L3.severity
        said: dict[ZoneProfile, tuple[int, tuple[str, ...]]] = {}
        for variant in _VARIANTS:
            profile = _profile(profiles[zone.type], variant)
            if profile not in said:
                said[profile] = _said(looked, profile)
            level, rules = said[profile]
            for one in (Level.L2, Level.L3):
                if level >= one.severity > truly:
                    false[f"{variant}: {one.value}"] += 1
                    if variant == _VARIANTS[0]:
                        by = ", ".join(rules) or "density"
                        judged.causes.append(f"{one.value} of {zone.type.value} by {by}")
    judged.false = dict(false)
    return judged


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
            looked = watched(zone, hour.people, began, rng, shut_until_s=hour.shut_until_s)
            yield zone, list(looked)


def _profile(profile: ZoneProfile, variant: str) -> ZoneProfile:
    if variant == _VARIANTS[0]:
        return profile
    if variant == _VARIANTS[2]:
        return _without_ceilings(profile)
    off = {
        item.name: replace(getattr(profile.rules, item.name), enabled=False)
        for item in fields(Rules)
    }
    return replace(profile, rules=Rules(**off))


def _without_ceilings(profile: ZoneProfile) -> ZoneProfile:
    """Corridors with the levels that the same rules give at a gate; other places as they are."""
    rules = profile.rules
    if profile.zone_type is not ZoneType.CORRIDOR:
        return profile
    freed = replace(
        rules,
        slow_dense_queue=replace(rules.slow_dense_queue, stopped_share=0.0),
        outflow_stop=replace(rules.outflow_stop, level=Level.L3),
        narrowed_exit=replace(rules.narrowed_exit, level=Level.L2),
        jam_density=replace(rules.jam_density, ceiling=Level.L4),
        time_to_next_level=replace(rules.time_to_next_level, ceiling=Level.L4),
        counter_flow=replace(rules.counter_flow, ceiling=Level.L4),
        blocked_exit=replace(rules.blocked_exit, level=Level.L3),
        pressure=replace(rules.pressure, ceiling=Level.L4),
    )
    return replace(profile, rules=freed)


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


def _publish(report: Report, false: Counter[str], camera_days: int, hours: int) -> bool:
    report.row("camera-days", camera_days, "")
    report.row("hours with many people", hours, "")
    report.figures |= {"camera_days": camera_days, "hours": hours}
    for variant in _VARIANTS:
        for level in (Level.L2, Level.L3):
            count = false[f"{variant}: {level.value}"]
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
    return false[f"{_VARIANTS[0]}: {Level.L3.value}"] / camera_days > TARGET_L3_A_CAMERA_DAY


if __name__ == "__main__":
    main()
