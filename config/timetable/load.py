"""Reads `timetable.yaml` of a site and answers what is on at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from config.named_files import is_there
from config.plan.edition import CALENDAR_FILE
from config.plan.plan_file import read_values, refuse_problems
from config.plan.school_calendar import SchoolCalendar, load_calendar
from config.plan.values import DayKind
from config.site import Site
from config.site_copy import PLAN_FOLDER, goes_along
from config.timetable.entered import FollowedCalendar, entered_file, entered_name
from config.timetable.values import Drill, Entry, Group, TimetableFile
from config.yaml_source import YamlSource
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.occasions import Occasion, OccasionKind, tightened
from vision.risk.profiles import ProfileError, ZoneProfile
from vision.risk.readings import Level

TIMETABLE_FILE = "timetable.yaml"
_LEVELS = ("L1", "L2", "L3", "L4")
_ADAPTER = TypeAdapter(TimetableFile)


@dataclass(frozen=True, slots=True)
class _Slot:
    """One entry or drill as it stands in the day.

    Attributes:
        over_s: group id -> seconds in which it comes, of the groups that move.
    """

    start: time
    end: time
    weekdays: tuple[int, ...]
    day: date | None
    occasion: Occasion
    over_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Hours:
    """When an occasion is on: clock times of its days, the end excluded.

    Attributes:
        weekdays: 1 is Monday; empty for all of them.
    """

    occasion: Occasion
    start: time
    end: time
    weekdays: tuple[int, ...] = ()


class Timetable:
    """What the school does at an instant; implements `vision.risk.occasions.Schedule`.

    Entries hold on school days of the calendar only, drills on their own day whatever it is.
    Entries that overlap hold together: for each zone the lowest limits, and everybody who is on
    the way. A drill wins over entries.
    """

    def __init__(
        self,
        slots: Iterable[_Slot],
        calendar: FollowedCalendar,
        zone: ZoneInfo,
        groups: tuple[Group, ...],
    ) -> None:
        self._slots = tuple(sorted(slots, key=lambda slot: slot.day is None))
        self._zone = zone
        self._joined: dict[tuple[str, ...], Occasion] = {}
        self._calendar = calendar
        self.groups = groups

    @property
    def calendar(self) -> SchoolCalendar:
        """The calendar that holds now: a year that is entered in the service holds at once."""
        return self._calendar.current()

    def at(self, instant: Utc) -> Occasion | None:
        """The occasion at an instant, none outside of all entries."""
        local = instant.to_datetime().astimezone(self._zone)
        school_day = self.calendar.is_day(local.date(), DayKind.SCHOOL_DAYS)
        on = [slot for slot in self._slots if _is_on(slot, local, school_day=school_day)]
        drills = [slot for slot in on if slot.day is not None]
        return self._together(drills or on)

    def _together(self, slots: list[_Slot]) -> Occasion | None:
        if len(slots) < 2:
            return slots[0].occasion if slots else None
        ids = tuple(slot.occasion.id for slot in slots)
        if ids not in self._joined:
            self._joined[ids] = _joined(slots, self.groups)
        return self._joined[ids]

    @property
    def occasions(self) -> tuple[Occasion, ...]:
        """Every entry and drill once."""
        return tuple(slot.occasion for slot in self._slots)

    @property
    def hours(self) -> tuple[Hours, ...]:
        """Every entry and drill with its clock times."""
        return tuple(
            Hours(slot.occasion, slot.start, slot.end, slot.weekdays) for slot in self._slots
        )

    def is_drill(self, instant: Utc) -> bool:
        """Whether statistics leave this instant out."""
        occasion = self.at(instant)
        return occasion is not None and occasion.is_drill


def load_timetable(
    site: Site, profiles: Mapping[ZoneType, ZoneProfile], entered: Path | None = None
) -> Timetable | None:
    """The timetable beside the site file, `None` where the site has none.

    Args:
        entered: folder of the calendars that were entered in the service; without it the
            timetable goes by the site's files alone.

    Raises:
        PlanFileError: with every fault, each with line, key and mend: an unknown zone or group,
            times that do not fit, a limit above the zone's hard limit.
    """
    path = site.file(TIMETABLE_FILE)
    return parse_timetable(path, site, profiles, entered) if path.exists() else None


def parse_timetable(
    path: Path,
    site: Site,
    profiles: Mapping[ZoneType, ZoneProfile],
    entered: Path | None = None,
) -> Timetable:
    """Read one timetable file. Raises `PlanFileError` as `load_timetable` does."""
    values, source = read_values(path, _ADAPTER, TimetableFile)
    _check_groups(values, site, source)
    _check_times(values, source)
    _check_limits(values, site, profiles, source)
    calendar_file = _calendar_file(values.calendar, path.parent, source)
    refuse_problems(source)
    name = entered_name(values.calendar)
    followed = None if entered is None or name is None else entered_file(entered, name)
    calendar = FollowedCalendar(load_calendar(calendar_file), followed)
    slots = [_entry_slot(entry, values.groups) for entry in values.entries]
    slots += [_drill_slot(drill, values.groups) for drill in values.drills]
    return Timetable(slots, calendar, ZoneInfo(site.timezone), values.groups)


def expected_flow_per_s(groups: Iterable[Group], over_s: Mapping[str, float]) -> dict[str, float]:
    """Arrivals a second at each zone when each group comes evenly over its `over_s`.

    Everybody on the roster is counted: absent pupils make the true flow smaller.

    Args:
        over_s: by the ids of the groups that move; the others stay where they are.
    """
    flow: dict[str, float] = {}
    for group in groups:
        if group.id in over_s:
            for zone_id in group.zones:
                flow[zone_id] = flow.get(zone_id, 0.0) + group.pupils / over_s[group.id]
    return flow


def _calendar_file(name: str, folder: Path, source: YamlSource) -> Path | None:
    """The file of the calendar; `None` for the shipped one, or with the reason reported."""
    if not name:
        own = folder / PLAN_FOLDER / CALENDAR_FILE
        return own if own.is_file() else None
    if not goes_along(name):
        message = f"{name!r} is no calendar of this folder"
        mend = "name a .yaml file beside the timetable, or one in plan as plan/NAME.yaml"
        source.report(("calendar",), message, mend)
        return None
    if not is_there(folder / name):
        message = f"there is no file {name!r} beside the timetable"
        source.report(("calendar",), message, "correct the name, or leave the key out")
        return None
    return folder / name


def _joined(slots: Sequence[_Slot], groups: tuple[Group, ...]) -> Occasion:
    """Several entries as one; a group that is in two walks once, in the shorter of the times."""
    limits: dict[str, dict[Level, float]] = {}
    over_s: dict[str, float] = {}
    for slot in slots:
        for zone_id, levels in slot.occasion.limits.items():
            lowest = limits.setdefault(zone_id, {})
            for level, limit in levels.items():
                lowest[level] = min(limit, lowest.get(level, limit))
        for group_id, lasts_s in slot.over_s.items():
            over_s[group_id] = min(lasts_s, over_s.get(group_id, lasts_s))
    ids = "+".join(slot.occasion.id for slot in slots)
    flow = expected_flow_per_s(groups, over_s)
    return Occasion(ids, slots[0].occasion.kind, limits, flow)


def _is_on(slot: _Slot, local: datetime, *, school_day: bool) -> bool:
    if not slot.start <= local.time() < slot.end:
        return False
    if slot.day is not None:
        return slot.day == local.date()
    return school_day and (not slot.weekdays or local.isoweekday() in slot.weekdays)


def _over_s(item: Entry | Drill, groups: tuple[Group, ...]) -> dict[str, float]:
    start, end = (datetime.combine(date.min, one) for one in (item.start_time, item.end_time))
    over_s = item.over_s or (end - start).total_seconds()
    moving = item.groups or tuple(group.id for group in groups)
    return dict.fromkeys(moving, over_s)


def _entry_slot(entry: Entry, groups: tuple[Group, ...]) -> _Slot:
    limits = {
        zone_id: {Level(level): limit for level, limit in levels.items()}
        for zone_id, levels in entry.limits.items()
    }
    over_s = _over_s(entry, groups)
    occasion = Occasion(entry.id, entry.kind, limits, expected_flow_per_s(groups, over_s))
    return _Slot(entry.start_time, entry.end_time, entry.weekdays, None, occasion, over_s)


def _drill_slot(drill: Drill, groups: tuple[Group, ...]) -> _Slot:
    over_s = _over_s(drill, groups)
    flow = expected_flow_per_s(groups, over_s)
    occasion = Occasion(drill.id, OccasionKind.DRILL, {}, flow)
    return _Slot(drill.start_time, drill.end_time, (), drill.day, occasion, over_s)


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
        if item.end_time <= item.start_time:
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
