"""The keys of a driver as a form: what kind of value each takes, what is needed, what is secret."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from config.delivery.drivers import DRIVERS, AnyDriverKeys
from config.secret_reference import SecretReference

Kind = Literal["text", "whole", "number", "yes", "choice", "secret"]
_KINDS: Mapping[type, Kind] = {str: "text", int: "whole", float: "number", bool: "yes"}


@dataclass(frozen=True, slots=True)
class FormKey:
    """One key.

    Attributes:
        kind: `whole` and `number` are numbers, `yes` is true or false, `choice` one of `choices`; a
            `secret` is entered and never shown.
        default: what holds where the key is not written; `None` for nothing.
    """

    name: str
    kind: Kind
    needed: bool
    default: str | int | float | bool | None = None
    choices: tuple[str | int, ...] = ()


def form_of(driver: str) -> tuple[FormKey, ...]:
    """The keys of a driver, in the order of its definition. Raises `KeyError`."""
    model = DRIVERS[driver]
    hints = get_type_hints(model, include_extras=True)
    return tuple(_key(model, name, hints[name]) for name in model.model_fields)


def secret_keys(driver: str) -> frozenset[str]:
    """Names of the keys that refer to a secret. Raises `KeyError`."""
    return frozenset(key.name for key in form_of(driver) if key.kind == "secret")


def _key(model: type[AnyDriverKeys], name: str, hint: Any) -> FormKey:
    info = model.model_fields[name]
    needed = info.is_required()
    default = None if needed else info.default
    for part in _parts(hint):
        if part == SecretReference:
            return FormKey(name, "secret", needed)
        plain = get_args(part)[0] if get_origin(part) is Annotated else part
        if get_origin(plain) is Literal:
            return FormKey(name, "choice", needed, default, get_args(plain))
        if plain in _KINDS:
            return FormKey(name, _KINDS[plain], needed, default)
    raise TypeError(f"{model.__name__}.{name}: no form for {hint}")


def _parts(hint: Any) -> tuple[Any, ...]:
    """The types of `A | None`, or the one type."""
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(part for part in get_args(hint) if part is not type(None))
    return (hint,)
