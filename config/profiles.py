"""Threshold profiles as written by people: YAML in, `vision.risk.profiles.ZoneProfile` out.

Every wrong value is refused with file, line, key and mend; nothing is guessed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from config.errors import ConfigFileError, FileProblem
from vision.geometry.zones import ZoneType
from vision.risk.profiles import LevelThreshold, ProfileError, Rules, ZoneProfile
from vision.risk.readings import Level

_Built = TypeVar("_Built")
_FILE_KEYS = ("format", "id", "reviewer", "defaults", "profiles")
_LEVELS = ("L1", "L2", "L3", "L4")
_DEFAULTS = ("leave_ratio", "leave_s", "confidence_sigma", "smoothing_s", "max_gap_s")
_ZONE_KEYS = ("levels", "rules", *_DEFAULTS)


class ProfileFileError(ConfigFileError):
    """A profile file that cannot be used; its problem names file, line, key and mend."""

    def __init__(self, file: str, line: int, key: str, message: str, mend: str) -> None:
        super().__init__([FileProblem(file, line, key, message, mend)])


@dataclass(frozen=True, slots=True)
class _Node:
    """A mapping of the file with the way to it, for error texts."""

    file: str
    path: str
    values: CommentedMap

    def line(self, key: str | None = None) -> int:
        if key is not None and key in self.values.lc.data:
            return int(self.values.lc.data[key][0]) + 1
        return int(self.values.lc.line) + 1

    def way(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, message: str, mend: str) -> ProfileFileError:
        return ProfileFileError(self.file, self.line(key), self.way(key), message, mend)

    def check_keys(self, allowed: tuple[str, ...], required: tuple[str, ...] = ()) -> None:
        for key in self.values:
            if key not in allowed:
                near = get_close_matches(str(key), allowed, n=1)
                hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(allowed)}"
                raise self.refuse(str(key), "unknown key", hint)
        for key in required:
            if key not in self.values:
                raise self.refuse(key, "is missing", f"add {key}")

    def child(self, key: str) -> _Node:
        value = self.values.get(key)
        if not isinstance(value, CommentedMap):
            raise self.refuse(key, "must be a mapping", f"write the keys of {key} below it")
        return _Node(self.file, self.way(key), value)

    def number(self, key: str) -> float:
        value = self.values[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(key, f"must be a number, got {value!r}", "write a plain number")
        try:
            return float(value)
        except OverflowError:
            raise self.refuse(key, "must be a number of usual size", "write fewer digits") from None

    def text(self, key: str) -> str:
        value = self.values[key]
        if not isinstance(value, str):
            raise self.refuse(key, f"must be text, got {value!r}", "put it in quotes")
        return str(value)


def load_profiles(path: Path | None = None) -> Mapping[ZoneType, ZoneProfile]:
    """Read threshold profiles, one for each kind of zone.

    Args:
        path: a profile file; `None` reads the packaged `config/profiles/default.yaml`.

    Raises:
        ProfileFileError: naming file, line, key and mend.
    """
    if path is None:
        packaged = resources.files("config") / "profiles" / "default.yaml"
        return parse_profiles(packaged.read_text("utf-8"), "config/profiles/default.yaml")
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ProfileFileError(path.name, 1, "file", reason, "check the path") from error
    except UnicodeDecodeError as error:
        raise ProfileFileError(path.name, 1, "file", "is not UTF-8", "save it as UTF-8") from error
    return parse_profiles(text, path.name)


def parse_profiles(text: str, file: str) -> Mapping[ZoneType, ZoneProfile]:
    """Read the text of a profile file; `file` is how errors call it.

    Raises:
        ProfileFileError: naming file, line, key and mend.
    """
    root = _read_yaml(text, file)
    root.check_keys(_FILE_KEYS, required=("format", "id", "reviewer", "profiles"))
    if root.values["format"] != 1:
        raise root.refuse("format", f"unknown format {root.values['format']!r}", "write 1")
    profiles = root.child("profiles")
    kinds = tuple(kind.value for kind in ZoneType)
    profiles.check_keys(kinds, required=kinds)
    shared = root.child("defaults") if "defaults" in root.values else None
    if shared is not None:
        shared.check_keys(_DEFAULTS)
    return MappingProxyType(
        {kind: _zone_profile(root, shared, profiles.child(kind.value), kind) for kind in ZoneType}
    )


def _read_yaml(text: str, file: str) -> _Node:
    try:
        values = YAML(typ="rt", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = int(mark.line) + 1 if mark is not None else 1
        problem = str(getattr(error, "problem", None) or "is not YAML")
        raise ProfileFileError(file, line, "file", problem, "mend the YAML syntax") from error
    except (ValueError, OverflowError) as error:
        # A date that is none, a tag that its value does not fit, a number of thousands of digits.
        message = f"holds a value that cannot be read: {error}"
        raise ProfileFileError(file, 1, "file", message, "write plain values") from error
    except RecursionError:
        message, mend = "is nested too deeply", "write the keys as in the packaged profiles"
        raise ProfileFileError(file, 1, "file", message, mend) from None
    if not isinstance(values, CommentedMap):
        raise ProfileFileError(
            file, 1, "file", "must be a mapping", "start from config/profiles/default.yaml"
        )
    return _Node(file, "", values)


def _zone_profile(root: _Node, shared: _Node | None, node: _Node, kind: ZoneType) -> ZoneProfile:
    node.check_keys(_ZONE_KEYS, required=("levels",))
    numbers: dict[str, float] = {}
    for source in (shared, node):
        if source is not None:
            numbers |= {key: source.number(key) for key in _DEFAULTS if key in source.values}
    levels = node.child("levels")
    levels.check_keys(_LEVELS, required=_LEVELS)
    thresholds = tuple(_build(LevelThreshold, levels.child(name)) for name in _LEVELS)
    try:
        return ZoneProfile(
            id=f"{root.text('id')}/{kind.value}",
            zone_type=kind,
            levels=thresholds,  # type: ignore[arg-type]  # four, by check_keys
            rules=_rules(node),
            reviewer=root.text("reviewer"),
            **numbers,
        )
    except ProfileError as error:
        first = error.key.split(".")[0]
        raise ProfileFileError(
            node.file, node.line(first), node.way(error.key), error.text, "change this number"
        ) from error


def _rules(node: _Node) -> Rules:
    if "rules" not in node.values:
        return Rules()
    rules = node.child("rules")
    names = tuple(item.name for item in dataclasses.fields(Rules))
    rules.check_keys(names)
    defaults = Rules()
    built = {
        name: _build(type(getattr(defaults, name)), rules.child(name))
        for name in names
        if name in rules.values
    }
    return dataclasses.replace(defaults, **built)


def _build(kind: type[_Built], node: _Node) -> _Built:
    """Build the dataclass `kind` from a mapping whose keys are its fields."""
    fields = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    required = tuple(n for n, item in fields.items() if item.default is dataclasses.MISSING)
    node.check_keys(tuple(fields), required)
    values = {key: _value(node, key, str(fields[key].type)) for key in node.values}
    return kind(**values)


def _value(node: _Node, key: str, wanted: str) -> Any:
    if wanted == "str":
        return node.text(key)
    if wanted == "bool":
        if not isinstance(node.values[key], bool):
            raise node.refuse(key, "must be true or false", "write true or false")
        return node.values[key]
    if wanted == "Level":
        if node.values[key] not in _LEVELS:
            raise node.refuse(key, f"unknown level {node.values[key]!r}", "write L1, L2, L3 or L4")
        return Level(node.values[key])
    number = node.number(key)
    if not 0.0 <= number < 10_000.0:
        raise node.refuse(key, f"must not be negative or huge, got {number:g}", "change it")
    return number


__all__ = ["ProfileFileError", "load_profiles", "parse_profiles"]
