"""Reading the catalogue and filling its texts."""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from config.errors import ConfigFileError, TextError
from config.yaml_source import YamlSource, read_yaml
from vision.risk.readings import Reason

LANGUAGES = ("zh", "en")
_KEY = re.compile(r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_/²·()-]+)*$")
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One text in both languages and the names of its placeholders."""

    zh: str
    en: str
    placeholders: frozenset[str]

    def in_language(self, language: str) -> str:
        return self.en if language == "en" else self.zh


def load_catalogue(directory: Path) -> Mapping[str, Entry]:
    """Read all YAML files of `directory`.

    Raises:
        ConfigFileError: an entry without both languages, with unequal placeholders, or twice.
    """
    entries: dict[str, Entry] = {}
    owners: dict[str, str] = {}
    problems = []
    for path in sorted(directory.glob("*.yaml")):
        source = read_yaml(path)
        for key, entry in _entries(source):
            if key in owners:
                source.report((key,), f"the key also stands in {owners[key]}", "rename one of them")
                continue
            owners[key] = path.name
            entries[key] = entry
        problems.extend(source.problems)
    if problems:
        raise ConfigFileError(problems)
    return MappingProxyType(entries)


def _entries(source: YamlSource) -> list[tuple[str, Entry]]:
    if not isinstance(source.data, dict):
        source.report((), "expected entries", "write `key: {zh: ..., en: ...}`")
        return []
    found = []
    for key, value in source.data.items():
        entry = _entry(str(key), value, source)
        if entry is not None:
            found.append((str(key), entry))
    return found


def _entry(key: str, value: object, source: YamlSource) -> Entry | None:
    if not _KEY.match(key):
        source.report((key,), "not a text key", "use words joined by dots")
        return None
    if not isinstance(value, dict) or set(value) != set(LANGUAGES):
        source.report((key,), "needs exactly zh and en", "write {zh: ..., en: ...}")
        return None
    zh, en = value["zh"], value["en"]
    if not (isinstance(zh, str) and isinstance(en, str) and zh.strip() and en.strip()):
        source.report((key,), "both languages need text", "write text, in quotes if need be")
        return None
    names = {language: frozenset(_PLACEHOLDER.findall(value[language])) for language in LANGUAGES}
    if names["zh"] != names["en"]:
        odd = ", ".join(sorted(names["zh"] ^ names["en"]))
        source.report((key,), f"placeholders differ: {odd}", "use the same names in both languages")
        return None
    if any(mark in _PLACEHOLDER.sub("", zh + en) for mark in "{}"):
        source.report((key,), "a brace that is no placeholder", "write {name}, lower case")
        return None
    return Entry(zh, en, names["zh"])


@functools.cache
def _packaged() -> Mapping[str, Entry]:
    return load_catalogue(Path(str(importlib.resources.files("config.texts"))))


def text(key: str, lang: str, /, **values: object) -> str:
    """The text of `key` in `lang` (`zh` or `en`), its placeholders filled.

    Raises:
        TextError: for an unknown key or language, or values that are not the placeholders.
    """
    if lang not in LANGUAGES:
        raise TextError(f"no language {lang!r}; use one of {', '.join(LANGUAGES)}")
    entry = _packaged().get(key)
    if entry is None:
        raise TextError(f"the catalogue has no text {key!r}; add it to a file in config/texts")
    if entry.placeholders != values.keys():
        wanted = ", ".join(sorted(entry.placeholders)) or "none"
        given = ", ".join(sorted(values)) or "none"
        raise TextError(f"text {key!r} takes the values {wanted}; got {given}")
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), entry.in_language(lang))


def known(key: str) -> bool:
    """Whether the catalogue has `key`."""
    return key in _packaged()


def catalogue(lang: str) -> dict[str, str]:
    """All texts of one language with their placeholders, for the browser.

    Raises:
        TextError: for an unknown language.
    """
    if lang not in LANGUAGES:
        raise TextError(f"no language {lang!r}; use one of {', '.join(LANGUAGES)}")
    return {key: entry.in_language(lang) for key, entry in _packaged().items()}


def reason_text(reason: Reason, lang: str) -> str:
    """A reason of a level in words, with its numbers; an unknown rule is shown by its key.

    A zone that cannot be seen carries the cause of its camera as its rule.
    """
    keys = (f"rule.{reason.rule}", f"cause.{reason.rule}")
    name = next((text(key, lang) for key in keys if known(key)), reason.rule)
    if reason.measured is None:
        return name
    measured = _with_unit(reason.measured, reason.unit, lang)
    if reason.threshold is None:
        return text("reason.measured", lang, rule=name, measured=measured)
    threshold = _with_unit(reason.threshold, reason.unit, lang)
    key = "reason.held" if reason.held_s >= 1.0 else "reason.compared"
    values = {"rule": name, "measured": measured, "threshold": threshold}
    if key == "reason.held":
        values["held"] = f"{reason.held_s:.0f}"
    return text(key, lang, **values)


def _with_unit(number: float, unit: str, lang: str) -> str:
    shown = f"{number:.0f}" if unit == "s" or number == int(number) else f"{number:.2f}"
    if not unit:
        return shown
    localised = text(f"unit.{unit}", lang) if known(f"unit.{unit}") else unit
    return f"{shown} {localised}"
