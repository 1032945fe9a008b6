"""The school's day as people write it: who moves when, over which stairs, and the drills.

Clock times are the site's local time. Everything that must fit the site is checked in `load`.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from config.words import Words
from vision.risk.occasions import OccasionKind

_STRICT = ConfigDict(extra="forbid")
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$")]
Weekday = Annotated[int, Field(ge=1, le=7)]
DensityPerM2 = Annotated[float, Field(gt=0.0, le=10.0)]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Group:
    """Pupils who move together, a class or a grade.

    Attributes:
        pupils: how many are on the roster.
        zones: the measured places on their way out, from the room to the gate.
    """

    id: Id
    name_zh: Words
    name_en: Words
    pupils: Annotated[int, Field(ge=1, le=5000)]
    zones: Annotated[tuple[str, ...], Field(min_length=1)]


class _Timed:
    """What begins and ends at a clock time of its day."""

    __slots__ = ()
    start: str
    end: str

    @property
    def start_time(self) -> time:
        return time.fromisoformat(self.start)

    @property
    def end_time(self) -> time:
        return time.fromisoformat(self.end)


@dataclass(frozen=True, slots=True, config=_STRICT)
class Entry(_Timed):
    """One hour of the timetable, on every school day or on some weekdays of them.

    Attributes:
        start, end: local clock times, `HH:MM` or `HH:MM:SS`.
        weekdays: 1 is Monday; a make-up day on a weekend counts as its own weekday.
        groups: who moves; empty for everybody.
        over_s: the time in which they come; `None` takes the whole entry.
        limits: zone id -> level -> persons per m², never above the profile's.
    """

    id: Id
    kind: OccasionKind
    start: Clock
    end: Clock
    weekdays: tuple[Weekday, ...] = ()
    groups: tuple[str, ...] = ()
    over_s: Annotated[float, Field(gt=0.0, le=7200.0)] | None = None
    limits: dict[str, dict[str, DensityPerM2]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=_STRICT)
class Drill(_Timed):
    """A drill on one day; whatever happens in it is marked and left out of statistics."""

    id: Id
    day: date
    start: Clock
    end: Clock
    groups: tuple[str, ...] = ()
    over_s: Annotated[float, Field(gt=0.0, le=7200.0)] | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class TimetableFile:
    """The root of `timetable.yaml`.

    Attributes:
        calendar: file name of a school calendar beside it or in `plan`; empty for the plan's own,
            `plan/calendar.yaml`, or the shipped one where the plan has none.
    """

    format: Annotated[int, Field(ge=1, le=1)]
    groups: tuple[Group, ...] = ()
    entries: tuple[Entry, ...] = ()
    drills: tuple[Drill, ...] = ()
    calendar: str = ""


__all__ = ["Drill", "Entry", "Group", "TimetableFile"]
