"""Reads `timetable.yaml` of a site and answers what is on at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from config.plan.plan_file import read_values, refuse_problems
from config.plan.school_calendar import SchoolCalendar, load_calendar
from config.plan.values import DayKind
from config.site import Site
from config.timetable.values import Drill, Entry, Group, TimetableFile
from config.yaml_source import YamlSource
from vision.instants import Utc
from vision.occasions import Occasion, OccasionKind, tightened
from vision.profiles import ProfileError, ZoneProfile
from vision.readings import Level
from vision.zones import ZoneType

TIMETABLE_FILE = "timetable.yaml"
_LEVELS = ("L1", "L2", "L3", "L4")
_ADAPTER = TypeAdapter(TimetableFile)


@dataclass(frozen=True, slots=True)
class _Slot:
    """One entry or drill as it stands in the day."""

    start: time
    end: time
    weekdays: tuple[int, ...]
    day: date | None
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class Hours:
    """When an occasion is on: clock times of its days, the end excluded."""

    occasion: Occasion
    start: time
    end: time


class Timetable:
    """What the school does at an instant; implements `vision.occasions.Schedule`.

    Entries hold on school days of the calendar only, drills on their own day whatever it is.
    Where two entries overlap, the one that stands first in the file counts; a drill wins.
    """

    def __init__(
        self,
        slots: Iterable[_Slot],
        calendar: SchoolCalendar,
        zone: ZoneInfo,
        groups: tuple[Group, ...],
    ) -> None:
        self._slots = tuple(sorted(slots, key=lambda slot: slot.day is None))
        self._calendar = calendar
        self._zone = zone
        self.groups = groups

    def at(self, instant: Utc) -> Occasion | None:
        """The occasion at an instant, none outside of all entries."""
        local = instant.to_datetime().astimezone(self._zone)
        school_day = self._calendar.is_day(local.date(), DayKind.SCHOOL_DAYS)
        for slot in self._slots:
            if _is_on(slot, local, school_day=school_day):
                return slot.occasion
        return None

    @property
    def occasions(self) -> tuple[Occasion, ...]:
        """Every entry and drill once."""
        return tuple(slot.occasion for slot in self._slots)

    @property
    def hours(self) -> tuple[Hours, ...]:
        """Every entry and drill with its clock times."""
        return tuple(Hours(slot.occasion, slot.start, slot.end) for slot in self._slots)

    def is_drill(self, instant: Utc) -> bool:
        """Whether statistics leave this instant out."""
        occasion = self.at(instant)
        return occasion is not None and occasion.is_drill


def load_timetable(site: Site, profiles: Mapping[ZoneType, ZoneProfile]) -> Timetable | None:
    """The timetable beside the site file, `None` where the site has none.

    Raises:
        PlanFileError: with every fault, each with line, key and mend: an unknown zone or group,
            times that do not fit, a limit above the zone's hard limit.
    """
    path = site.file(TIMETABLE_FILE)
    return parse_timetable(path, site, profiles) if path.exists() else None


def parse_timetable(path: Path, site: Site, profiles: Mapping[ZoneType, ZoneProfile]) -> Timetable:
    """Read one timetable file. Raises `PlanFileError` as `load_timetable` does."""
    values, source = read_values(path, _ADAPTER)
    _check_groups(values, site, source)
    _check_times(values, source)
    _check_limits(values, site, profiles, source)
    refuse_problems(source)
    calendar = load_calendar(path.with_name(values.calendar) if values.calendar else None)
    slots = [_entry_slot(entry, values.groups) for entry in values.entries]
    slots += [_drill_slot(drill, values.groups) for drill in values.drills]
    return Timetable(slots, calendar, ZoneInfo(site.timezone), values.groups)


def expected_flow_per_s(
    groups: Iterable[Group], over_s: float, only: tuple[str, ...] = ()
) -> dict[str, float]:
    """Arrivals a second at each zone when the groups come evenly over `over_s`.

    Everybody on the roster is counted: absent pupils make the true flow smaller.
    """
    flow: dict[str, float] = {}
    for group in groups:
        if only and group.id not in only:
            continue
        for zone_id in group.zones:
            flow[zone_id] = flow.get(zone_id, 0.0) + group.pupils / over_s
    return flow


def _is_on(slot: _Slot, local: datetime, *, school_day: bool) -> bool:
    if not slot.start <= local.time() < slot.end:
        return False
    if slot.day is not None:
        return slot.day == local.date()
    return school_day and (not slot.weekdays or local.isoweekday() in slot.weekdays)


def _seconds(start: time, end: time) -> float:
    return (datetime.combine(date.min, end) - datetime.combine(date.min, start)).total_seconds()


def _entry_slot(entry: Entry, groups: tuple[Group, ...]) -> _Slot:
    start, end = entry.start_time, entry.end_time
    limits = {
        zone_id: {Level(level): limit for level, limit in levels.items()}
        for zone_id, levels in entry.limits.items()
    }
    flow = expected_flow_per_s(groups, entry.over_s or _seconds(start, end), entry.groups)
    return _Slot(start, end, entry.weekdays, None, Occasion(entry.id, entry.kind, limits, flow))


def _drill_slot(drill: Drill, groups: tuple[Group, ...]) -> _Slot:
    start, end = time.fromisoformat(drill.start), time.fromisoformat(drill.end)
    flow = expected_flow_per_s(groups, drill.over_s or _seconds(start, end), drill.groups)
    return _Slot(start, end, (), drill.day, Occasion(drill.id, OccasionKind.DRILL, {}, flow))


def _check_groups(values: TimetableFile, site: Site, source: YamlSource) -> None:
    zones = {zone.id for zone in site.zones}
    known: set[str] = set()
    for number, group in enumerate(values.groups):
        if group.id in known:
            source.report(("groups", number, "id"), f"{group.id} is there twice", "rename one")
        known.add(group.id)
        for place, zone_id in enumerate(group.zones):
            if zone_id not in zones:
                source.report(
                    ("groups", number, "zones", place),
                    f"the site has no zone {zone_id}",
                    f"use one of {', '.join(sorted(zones))}",
                )
    movers: list[tuple[str, int, tuple[str, ...]]] = [
        ("entries", number, entry.groups) for number, entry in enumerate(values.entries)
    ]
    movers += [("drills", number, drill.groups) for number, drill in enumerate(values.drills)]
    for key, number, named in movers:
        for place, group_id in enumerate(named):
            if group_id not in known:
                source.report(
                    (key, number, "groups", place),
                    f"no group {group_id}",
                    f"use one of {', '.join(sorted(known)) or 'the groups you list'}",
                )


def _check_times(values: TimetableFile, source: YamlSource) -> None:
    seen: set[str] = set()
    both: list[tuple[str, int, Entry | Drill]] = [
        ("entries", number, entry) for number, entry in enumerate(values.entries)
    ]
    both += [("drills", number, drill) for number, drill in enumerate(values.drills)]
    for key, number, item in both:
        if item.id in seen:
            source.report((key, number, "id"), f"{item.id} is there twice", "rename one")
        seen.add(item.id)
        if time.fromisoformat(item.end) <= time.fromisoformat(item.start):
            source.report(
                (key, number, "end"),
                f"ends at {item.end}, not after its start at {item.start}",
                "write a later end; split what runs over midnight",
            )
    for number, entry in enumerate(values.entries):
        if entry.kind is OccasionKind.DRILL:
            source.report(
                ("entries", number, "kind"),
                "a drill has a day of its own",
                "move it to drills, with day: YYYY-MM-DD",
            )


def _check_limits(
    values: TimetableFile,
    site: Site,
    profiles: Mapping[ZoneType, ZoneProfile],
    source: YamlSource,
) -> None:
    kinds = {zone.id: zone.type for zone in site.zones}
    for number, entry in enumerate(values.entries):
        for zone_id, levels in entry.limits.items():
            at = ("entries", number, "limits", zone_id)
            if zone_id not in kinds:
                known = ", ".join(sorted(kinds))
                source.report(at, f"the site has no zone {zone_id}", f"use one of {known}")
                continue
            wrong = [level for level in levels if level not in _LEVELS]
            for level in wrong:
                source.report((*at, level), f"no level {level}", "use L1, L2, L3 or L4")
            if wrong:
                continue
            limits = {Level(level): limit for level, limit in levels.items()}
            try:
                tightened(profiles[kinds[zone_id]], limits, entry.id)
            except ProfileError as error:
                level = error.key.removeprefix("levels.").split(".")[0]
                path = (*at, level) if level in levels else at
                source.report(path, error.text, "write a number at or below the hard limit")


__all__ = [
    "TIMETABLE_FILE",
    "Timetable",
    "expected_flow_per_s",
    "load_timetable",
    "parse_timetable",
]
