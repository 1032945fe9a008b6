"""What the places of a site are called where nothing but the name says which one is meant.

An alarm is read on a telephone: of two corridors in two buildings each is then called with its
building and floor. A name that nothing else bears stays as the school writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.site import Floor, LocalText, RequiredArea, Site


@dataclass(frozen=True, slots=True)
class Name:
    """A name in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        return self.en if language == "en" else self.zh


@dataclass(frozen=True, slots=True)
class PlaceNames:
    """Names by id, each telling its place from the others of its kind."""

    floors: Mapping[str, Name]
    zones: Mapping[str, Name]
    cameras: Mapping[str, Name]
    areas: Mapping[str, Name]

    @classmethod
    def of(cls, site: Site) -> PlaceNames:
        by_id = {floor.id: floor for floor in site.floors}
        areas = [area for area in site.areas if isinstance(area, RequiredArea)]
        return cls(
            floors=_told_apart((one.id, _name(one.name), _building(one)) for one in site.floors),
            zones=_told_apart(
                (one.id, _name(site.zone_name(one.id)), _where(by_id[one.floor_id]))
                for one in site.zones
            ),
            cameras=_told_apart(
                (one.id, _name(one.name), _where(by_id[one.floor_id])) for one in site.cameras
            ),
            areas=_told_apart(
                (one.id, _name(one.name), _where(by_id[one.floor_id])) for one in areas
            ),
        )


def _told_apart(places: Iterable[tuple[str, Name, Name | None]]) -> dict[str, Name]:
    """The names by id; `where` stands before one that is equal in either language to another."""
    listed = tuple(places)
    equal = {
        language: Counter(name.in_language(language) for _, name, _ in listed)
        for language in ("zh", "en")
    }
    return {
        place_id: _within(where, name)
        if where is not None and max(equal["zh"][name.zh], equal["en"][name.en]) > 1
        else name
        for place_id, name, where in listed
    }


def _where(floor: Floor) -> Name:
    return _within(_building(floor), _name(floor.name))


def _building(floor: Floor) -> Name | None:
    return None if floor.building is None else _name(floor.building)


def _within(where: Name | None, name: Name) -> Name:
    """`where` and the name; schools also write the building into the names of its floors."""
    if where is None:
        return name
    return Name(
        name.zh if name.zh.startswith(where.zh) else f"{where.zh} {name.zh}",
        name.en if name.en.startswith(where.en) else f"{where.en}, {name.en}",
    )


def _name(text: LocalText) -> Name:
    return Name(zh=text.zh, en=text.en)


__all__ = ["Name", "PlaceNames"]
