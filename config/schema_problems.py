"""From a pydantic refusal to problems that name line, key and mend."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.yaml_source import KeyPath, YamlSource

_Model = TypeVar("_Model", bound=BaseModel)

_EXPECTED = {
    "float_type": ("a number", "write a number without quotes"),
    "int_type": ("a whole number", "write a whole number without quotes"),
    "int_from_float": ("a whole number", "write a whole number"),
    "string_type": ("text", "write text; put quotes round numbers and yes/no"),
    "bool_type": ("true or false", "write true or false"),
    "tuple_type": ("a list", "write a list: [..., ...] or lines that start with `- `"),
    "model_type": ("keys with values", "write `key: value` lines below it, indented"),
    "dict_type": ("keys with values", "write `key: value` lines below it, indented"),
}


def validated(
    model: type[_Model], data: object, *, at: KeyPath, source: YamlSource
) -> _Model | None:
    """`data` as `model`, or `None` with every problem reported to `source`."""
    try:
        return model.model_validate(data)
    except ValidationError as refusal:
        for error in refusal.errors(include_url=False):
            _report(model, error, at, source)
        return None


def _report(model: type[BaseModel], error: ErrorDetails, at: KeyPath, source: YamlSource) -> None:
    path: KeyPath = (*at, *error["loc"])
    kind, given, limits = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(model, error["loc"][:-1])
        source.report(path, "unknown key", _suggestion(str(error["loc"][-1]), known))
    elif kind == "missing":
        source.report(path, "is missing", f"add `{error['loc'][-1]}:`")
    elif kind in _EXPECTED:
        expected, mend = _EXPECTED[kind]
        source.report(path, f"expected {expected}, got {_shown(given)}", mend)
    elif kind == "literal_error":
        words = _words(str(limits.get("expected", "")))
        source.report(path, f"{_shown(given)} is not known here", _suggestion(str(given), words))
    elif kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
        bounds = " and ".join(f"{sign[name]} {value:g}" for name, value in limits.items())
        source.report(path, f"{_shown(given)} is out of range", f"write a number {bounds}")
    elif kind == "string_pattern_mismatch":
        message = f"{_shown(given)} does not fit the pattern {limits.get('pattern', '')}"
        source.report(path, message, "correct the value")
    elif kind == "too_short" and isinstance(given, tuple):
        # Entries that were refused themselves are told by themselves.
        if len(given) < limits["min_length"]:
            message = f"needs at least {limits['min_length']} entries, got {len(given)}"
            source.report(path, message, "add what is missing")
    elif kind == "value_error":
        message, _, mend = str(limits.get("error", error["msg"])).partition(" — ")
        source.report(path, message, mend or "correct the value")
    else:
        source.report(path, f"{error['msg']}, got {_shown(given)}", "correct the value")


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


def _keys_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys that `model` allows at `loc`."""
    here: Any = model
    for step in loc:
        if isinstance(step, str):
            owner = _model_in(here)
            field = _field(owner, step) if owner else None
            if field is None:
                return []
            here = field
    owner = _model_in(here)
    if owner is None:
        return []
    return [info.alias or name for name, info in owner.model_fields.items()]


def _field(model: type[BaseModel], key: str) -> Any:
    for name, info in model.model_fields.items():
        if key in (name, info.alias):
            return info.annotation
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model`, `Model | None`, `tuple[Model, ...]` or `Annotated[...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, Union, types.UnionType, Annotated):
        for part in get_args(annotation):
            found = _model_in(part)
            if found is not None:
                return found
    return None
