"""From a pydantic refusal to problems that name line, key and mend."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.secret_reference import REFERENCE_WANTED, SecretReference
from config.yaml_source import KeyPath, YamlSource

_Model = TypeVar("_Model", bound=BaseModel)

_EXPECTED = {
    "float_type": ("a number", "write a number without quotes"),
    "float_parsing": ("a number", "write a number without quotes"),
    "int_type": ("a whole number", "write a whole number without quotes"),
    "int_parsing": ("a whole number", "write a whole number without quotes"),
    "int_from_float": ("a whole number", "write a whole number"),
    "string_type": ("text", "write text; put quotes round numbers and yes/no"),
    "bool_type": ("true or false", "write true or false"),
    "bool_parsing": ("true or false", "write true or false"),
    "tuple_type": ("a list", "write a list: [..., ...] or lines that start with `- `"),
    "model_type": ("keys with values", "write `key: value` lines below it, indented"),
    "dataclass_type": ("keys with values", "write `key: value` lines below it, indented"),
    "dict_type": ("keys with values", "write `key: value` lines below it, indented"),
    "date_type": ("a day", "write a day as 2026-09-01"),
    "date_parsing": ("a day", "write a day as 2026-09-01"),
    "date_from_datetime_parsing": ("a day", "write a day as 2026-09-01"),
}
# The same refusal of a model and of a dataclass.
_KINDS = {
    "unexpected_keyword_argument": "extra_forbidden",
    "missing_argument": "missing",
    "missing_keyword_only_argument": "missing",
    "enum": "literal_error",
}
CORRECT = "correct the value"
_MENDS = {"month_day": "write it as MM-DD in quotes, such as '07-15'"}
# What a pattern asks for, in words: who writes a file need not read patterns.
_FORMS = {
    r"^[a-z0-9][a-z0-9._-]{0,62}$": "write up to 63 of a-z, 0-9, dot, _ and -, beginning with a-z "
    "or 0-9",
    r"^[a-z0-9][a-z0-9-]{0,39}$": "write up to 40 of a-z, 0-9 and -, beginning with a-z or 0-9",
    r"^[0-9+ \-]{0,24}$": "write up to 24 digits, spaces, + and -",
    r"^[0-9]{20}$": "write 20 digits, in quotes",
    r"^([01]\d|2[0-3]):[0-5]\d$": "write a time of the clock as '07:05'",
    r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$": "write a time of the clock as '07:05'",
    r"^[A-Za-z0-9.:_-]{1,255}$": "write an address or a name such as 192.168.1.20",
    r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$": "write the hours as 07:20-08:00",
}


def validated(
    model: type[_Model], data: object, *, at: KeyPath, source: YamlSource
) -> _Model | None:
    """`data` as `model`, or `None` with every problem reported to `source`."""
    try:
        return model.model_validate(data)
    except ValidationError as refusal:
        report_refusal(refusal, model, at=at, source=source)
        return None


def report_refusal(
    refusal: ValidationError, shape: object, *, at: KeyPath, source: YamlSource
) -> None:
    """Report every problem of a refusal.

    Args:
        shape: the type that was asked for: a model, a pydantic dataclass, or a type that holds
            some.
        at: where in the file the refused value stands.
    """
    for error in refusal.errors(include_url=False):
        _report(shape, error, at, source)


def _report(shape: object, error: ErrorDetails, at: KeyPath, source: YamlSource) -> None:
    path: KeyPath = (*at, *error["loc"])
    kind = _KINDS.get(error["type"], error["type"])
    if kind == "extra_forbidden":
        known = _keys_at(shape, error["loc"][:-1])
        source.report(path, "unknown key", _suggestion(str(error["loc"][-1]), known))
    elif kind == "missing":
        source.report(path, "is missing", f"add `{error['loc'][-1]}:`")
    elif kind in _EXPECTED and _holds_a_secret(shape, error["loc"]):
        # The value is not shown: it may be the secret itself, a password of digits alone.
        source.report(path, *REFERENCE_WANTED)
    elif told := fault_and_mend(error):
        source.report(path, *told)


def fault_and_mend(error: ErrorDetails) -> tuple[str, str] | None:
    """What is wrong with a value, and the mend; `None` where other problems tell it."""
    kind = _KINDS.get(error["type"], error["type"])
    given, limits = error["input"], error.get("ctx", {})
    if kind in _EXPECTED:
        expected, mend = _EXPECTED[kind]
        return f"expected {expected}, got {_shown(given)}", mend
    if kind == "literal_error":
        words = _words(str(limits.get("expected", "")))
        return f"{_shown(given)} is not known here", _suggestion(str(given), words)
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
        bounds = " and ".join(f"{sign[name]} {value:g}" for name, value in limits.items())
        return f"{_shown(given)} is out of range", f"write a number {bounds}"
    if kind == "too_short" and isinstance(given, tuple):
        least = limits["min_length"]
        # Entries that were refused themselves are told by themselves.
        message = f"needs at least {least} entries, got {len(given)}"
        return (message, "add what is missing") if len(given) < least else None
    if kind == "value_error":
        message, _, mend = str(limits.get("error", error["msg"])).partition(" — ")
        return message, mend or CORRECT
    return _of_text(kind, error)


def _of_text(kind: str, error: ErrorDetails) -> tuple[str, str]:
    given, limits = error["input"], error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        pattern = str(limits.get("pattern", ""))
        if pattern in _FORMS:
            return f"{_shown(given)} is not written in the form that is read here", _FORMS[pattern]
        return f"{_shown(given)} does not fit the pattern {pattern}", CORRECT
    if kind == "string_too_short":
        return "is empty", "write a text"
    if kind == "string_too_long":
        return f"is longer than {limits['max_length']} characters", "shorten it"
    if kind in _MENDS:
        return error["msg"], _MENDS[kind]
    return f"{error['msg']}, got {_shown(given)}", CORRECT


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a group of keys"
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _suggestion(given: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if not names:
        return "remove the key or correct its spelling"
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"use one of: {', '.join(names)}"


def nearest(given: str, known: Iterable[str]) -> str:
    """A mend for an unknown name: the nearest known one, or all of them."""
    return _suggestion(given, known)


def _words(expected: str) -> list[str]:
    """The words of pydantic's `'a', 'b' or 'c'`."""
    return [part for part in expected.split("'") if part.strip(" ,") not in ("", "or")]


def _keys_at(shape: object, loc: tuple[str | int, ...]) -> list[str]:
    """The keys that `shape` allows at `loc`."""
    owner = _owner_at(shape, loc)
    if owner is None:
        return []
    return [info.alias or name for name, info in _fields_of(owner).items()]


def _holds_a_secret(shape: object, loc: tuple[str | int, ...]) -> bool:
    """Whether the key at `loc` refers to a secret."""
    owner = _owner_at(shape, loc[:-1]) if loc else None
    if owner is None or loc[-1] not in _fields_of(owner):
        return False
    hint = get_type_hints(owner, include_extras=True)[str(loc[-1])]
    return SecretReference in (hint, *get_args(hint))


def _owner_at(shape: object, loc: tuple[str | int, ...]) -> type | None:
    """The model or dataclass that stands at `loc` of `shape`."""
    here: Any = shape
    for step in loc:
        if isinstance(step, str):
            owner = _owner_in(here)
            here = None if owner is None else _field(owner, step)
    return _owner_in(here)


def _field(owner: type, key: str) -> Any:
    for name, info in _fields_of(owner).items():
        if key in (name, info.alias):
            return info.annotation
    return None


def _fields_of(owner: type) -> Mapping[str, FieldInfo]:
    if issubclass(owner, BaseModel):
        return owner.model_fields
    return owner.__pydantic_fields__ if is_pydantic_dataclass(owner) else {}


def _owner_in(annotation: Any) -> type | None:
    """What is in `Model`, `Model | None`, `tuple[Model, ...]` or `Annotated[Model, ...]`."""
    if isinstance(annotation, type):
        return annotation if _fields_of(annotation) else None
    if get_origin(annotation) in (tuple, Union, types.UnionType, Annotated):
        for part in get_args(annotation):
            found = _owner_in(part)
            if found is not None:
                return found
    return None
