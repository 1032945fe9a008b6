"""Whether people can tell the zones of a site apart by what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from config.site import Floor
from config.site_schema import ZoneKeys
from config.texts import LANGUAGES
from config.yaml_source import KeyPath, YamlSource


def check_names(
    zones: Iterable[tuple[KeyPath, ZoneKeys]], floors: Mapping[str, Floor], source: YamlSource
) -> None:
    """Report zones that are equal in building, floor and name in one of the languages.

    Args:
        zones: each with its place in the file.
        floors: those that could be built.
    """
    known: dict[tuple[str, ...], str] = {}
    for at, keys in zones:
        floor = floors.get(keys.floor)
        if floor is None:
            continue
        for lang in LANGUAGES:
            building = floor.building.in_language(lang) if floor.building else ""
            name = str(getattr(keys.name, lang)).strip()
            other = known.setdefault((lang, building, floor.name.in_language(lang), name), keys.id)
            if other != keys.id:
                message = f"zone {other!r} has the same name on the same floor"
                source.report((*at, "name", lang), message, "give each its own name")


__all__ = ["check_names"]
