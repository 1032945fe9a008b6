"""Who the plan binds: the bureau and its schools, with what sets their duties apart."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

from config.plan.plan_file import read_values, refuse_problems
from config.plan.values import AppliesTo, Rule

BUREAU_ZONE = ZoneInfo("Asia/Shanghai")
"""The district's time, by which an instant belongs to a day, wherever the machine thinks it is."""
SAMPLE_UNITS = Path(__file__).with_name("sample_units.yaml")

_STRICT = ConfigDict(extra="forbid")
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_HOURS = rf"^({_CLOCK}-{_CLOCK})?$"
UnitName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class UnitKind(StrEnum):
    """What a unit is."""

    BUREAU = "bureau"
    PRIMARY = "primary"
    MIDDLE = "middle"
    KINDERGARTEN = "kindergarten"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Unit:
    """The bureau or one school.

    Attributes:
        id: short and stable; part of file names and addresses.
        has_buses: the school runs or hires school buses.
        classes: number of classes; duties that count per class multiply by it.
        calendar: file name of its own calendar beside the units file; empty for the shared one.
        site: id of the site whose cameras watch it; empty when none does.
        gate_hours: when the gates are open for many, such as `07:20-08:00`; cameras look whether
            somebody stays there at other times. Empty: gates are not checked.
        fire_lanes: zone ids of the site that are to be free at all times.
        switched_off: measure or rule ids that do not bind this unit.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    name_zh: UnitName
    name_en: UnitName
    kind: UnitKind
    has_buses: bool = False
    classes: Annotated[int, Field(ge=0, le=300)] = 0
    calendar: str = ""
    site: str = ""
    gate_hours: Annotated[str, Field(pattern=_HOURS)] = ""
    fire_lanes: tuple[str, ...] = ()
    switched_off: tuple[str, ...] = ()

    @property
    def is_school(self) -> bool:
        return self.kind is not UnitKind.BUREAU


def applies(rule: Rule, unit: Unit) -> bool:
    """Whether `rule` binds `unit`."""
    if rule.id in unit.switched_off or rule.measure_id in unit.switched_off:
        return False
    match rule.applies_to:
        case AppliesTo.BUREAU:
            return not unit.is_school
        case AppliesTo.ALL_SCHOOLS:
            return unit.is_school
        case AppliesTo.PRIMARY_MIDDLE:
            return unit.kind in (UnitKind.PRIMARY, UnitKind.MIDDLE)
        case AppliesTo.KINDERGARTEN:
            return unit.kind is UnitKind.KINDERGARTEN
        case AppliesTo.BUS_SCHOOLS:
            return unit.is_school and unit.has_buses
        case AppliesTo.EACH_CLASS:
            return unit.is_school and unit.classes > 0


def needed(rule: Rule, unit: Unit) -> int:
    """How many records one window of `rule` needs from `unit`."""
    return rule.quota * (unit.classes if rule.applies_to is AppliesTo.EACH_CLASS else 1)


_ADAPTER = TypeAdapter(dict[str, tuple[Unit, ...]])


def load_units(path: Path | None = None) -> tuple[Unit, ...]:
    """The units under the key `units` of `path`, or the sample's.

    Raises `PlanFileError`: unknown keys, equal ids, hours that do not fit, no unit at all.
    """
    data, source = read_values(SAMPLE_UNITS if path is None else path, _ADAPTER)
    for key in data:
        if key != "units":
            source.report((key,), "an unknown key", "write units:")
    units = data.get("units", ())
    if not units:
        source.report(("units",), "no unit is listed", "list at least one school")
    for number, unit in enumerate(units):
        start, _, end = unit.gate_hours.partition("-")
        if unit.gate_hours and end <= start:
            message = f"the gates close at {end}, not after they open at {start}"
            source.report(("units", number, "gate_hours"), message, "write a later time to close")
    for identity, count in Counter(unit.id for unit in units).items():
        if count > 1:
            message = f"the id {identity} stands {count} times"
            source.report(("units",), message, "give each its own")
    refuse_problems(source)
    return units
