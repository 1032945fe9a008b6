"""Kinds of records with the forms that people and cameras fill in.

A form is checked in one place, so that the page, the API and a phone that was offline agree. The
kinds are data: a bureau adds a field in its own `record_kinds.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from config.plan.errors import RecordFormError
from config.plan.plan_file import read_values, refuse_problems

SHIPPED_KINDS = Path(__file__).with_name("record_kinds.yaml")
MOST_LONG_CHARACTERS = 20_000
MOST_TEXT_CHARACTERS = 200
MOST_CURVE_POINTS = 2_000
MOST_CURVES = 40

_STRICT = ConfigDict(extra="forbid")
_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class FieldType(StrEnum):
    """What a field of a form holds."""

    TEXT = "text"
    LONG = "long"
    PEOPLE = "people"
    COUNT = "count"
    NUMBER = "number"
    DAY = "day"
    TIME = "time"
    CHOICE = "choice"
    YES = "yes"
    CURVE = "curve"
    CURVES = "curves"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Named:
    """A name in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class FormField:
    """One field. `choices` belong to the type `choice` alone."""

    zh: str
    en: str
    type: FieldType
    required: bool = False
    choices: dict[str, Named] | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class RecordKind:
    """One kind of record. Without types it has none, with some one must be chosen."""

    zh: str
    en: str
    group: Annotated[str, Field(pattern=r"^[a-z]+$")]
    fields: dict[str, FormField]
    types: dict[str, Named] | None = None


@dataclass(frozen=True, slots=True)
class RecordKinds:
    """All kinds by id."""

    by_id: Mapping[str, RecordKind]

    def check(self, kind_id: str, type_id: str, details: Mapping[str, Any]) -> dict[str, Any]:
        """The details as they are stored: only known fields, of their types, empty ones left out.

        Raises `RecordFormError` with every field that is wrong.
        """
        kind = self.by_id.get(kind_id)
        if kind is None:
            raise RecordFormError(kind_id, (("kind", "unknown"),))
        faults: list[tuple[str, str]] = []
        known_types = set(kind.types or {}) or {""}
        if type_id not in known_types:
            faults.append(("kind_type", "unknown"))
        faults += [(name, "unknown") for name in details if name not in kind.fields]
        cleaned: dict[str, Any] = {}
        for name, one in kind.fields.items():
            value = details.get(name)
            if value is None or value in ("", []):
                if one.required:
                    faults.append((name, "missing"))
                continue
            try:
                cleaned[name] = _CHECKS[one.type](value)
            except ValueError as error:
                faults.append((name, str(error)))
                continue
            if one.type is FieldType.CHOICE and cleaned[name] not in (one.choices or {}):
                faults.append((name, "not_a_choice"))
        if faults:
            raise RecordFormError(kind_id, tuple(faults))
        return cleaned


def _text(value: Any, most: int = MOST_TEXT_CHARACTERS) -> str:
    if not isinstance(value, str) or _CONTROL.search(value):
        raise ValueError("not_text")
    if len(value) > most:
        raise ValueError("too_long")
    return value.strip()


def _long(value: Any) -> str:
    return _text(value, MOST_LONG_CHARACTERS)


def _people(value: Any) -> list[str]:
    if isinstance(value, str):
        value = re.split(r"[\n、,，;；]+", value)
    if not isinstance(value, list):
        raise ValueError("not_text")
    names = [_text(name) for name in value]
    return [name for name in names if name]


def _number(value: Any) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError("not_a_number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ValueError("not_a_number")
    if not -1e9 < value < 1e9:
        raise ValueError("not_a_number")
    return float(value)


def _count(value: Any) -> int:
    number = _number(value)
    if number < 0 or number != int(number):
        raise ValueError("not_a_count")
    return int(number)


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(_text(value)).isoformat()
    except ValueError:
        raise ValueError("not_a_day") from None


def _time(value: Any) -> str:
    if not isinstance(value, str) or not _TIME.match(value):
        raise ValueError("not_a_time")
    return value


def _yes(value: Any) -> bool:
    words = {"yes": True, "true": True, "on": True, "no": False, "false": False}
    if isinstance(value, str) and value in words:
        return words[value]
    if not isinstance(value, bool):
        raise ValueError("not_yes_or_no")
    return value


def _curve(value: Any) -> list[list[float]]:
    """Pairs of seconds and persons, the seconds rising; text has one pair a line."""
    if isinstance(value, str):
        value = [re.split(r"[,，\s]+", line.strip()) for line in value.splitlines() if line.strip()]
    if not isinstance(value, list) or len(value) > MOST_CURVE_POINTS:
        raise ValueError("not_a_curve")
    points = []
    for pair in value:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError("not_a_curve")
        points.append([_number(pair[0]), _number(pair[1])])
    seconds = [point[0] for point in points]
    if seconds != sorted(set(seconds)) or any(people < 0 for _, people in points):
        raise ValueError("not_a_curve")
    return points


def _curves(value: Any) -> dict[str, list[list[float]]]:
    """Name of a place -> its curve; cameras write it, forms leave it out."""
    if not isinstance(value, dict) or len(value) > MOST_CURVES:
        raise ValueError("not_a_curve")
    return {_text(name): _curve(curve) for name, curve in value.items()}


_CHECKS: dict[FieldType, Callable[[Any], Any]] = {
    FieldType.TEXT: _text,
    FieldType.LONG: _long,
    FieldType.PEOPLE: _people,
    FieldType.COUNT: _count,
    FieldType.NUMBER: _number,
    FieldType.DAY: _day,
    FieldType.TIME: _time,
    FieldType.CHOICE: _text,
    FieldType.YES: _yes,
    FieldType.CURVE: _curve,
    FieldType.CURVES: _curves,
}

_ADAPTER = TypeAdapter(dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")], RecordKind])


def load_record_kinds(path: Path | None = None) -> RecordKinds:
    """The kinds in `path`, or those that are shipped. Raises `PlanFileError` with every fault."""
    return _shipped() if path is None else _load(path)


@lru_cache(maxsize=1)
def _shipped() -> RecordKinds:
    return _load(SHIPPED_KINDS)


def _load(path: Path) -> RecordKinds:
    kinds, source = read_values(path, _ADAPTER)
    for kind_id, kind in kinds.items():
        for name, one in kind.fields.items():
            if (one.type is FieldType.CHOICE) != bool(one.choices):
                place = (kind_id, "fields", name)
                source.report(place, "a choice, and only a choice, has choices", "mend the field")
    refuse_problems(source)
    return RecordKinds(kinds)
