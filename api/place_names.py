"""What the places of a site are called where nothing but the name says which one is meant.

An alarm is read on a telephone: of two corridors in two buildings each is then called with its
building and floor, and of two cameras on one floor with its id, which the site file and the label
on the wall bear. A name that nothing else bears stays as the school writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.site import Floor, LocalText, RequiredArea, Site
from config.texts import text


@dataclass(frozen=True, slots=True)
class Name:
    """A name in both languages."""

    zh: str
    en: str

    @classmethod
    def said(cls, key: str) -> Name:
        """A text of the catalogue, as a value of another one."""
        return cls(zh=text(key, "zh"), en=text(key, "en"))

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
            floors=told_apart((one.id, _name(one.name), _building(one)) for one in site.floors),
            zones=told_apart(
                (one.id, _name(site.zone_name(one.id)), _where(by_id[one.floor_id]))
                for one in site.zones
            ),
            cameras=told_apart(
                (one.id, _name(one.name), _where(by_id[one.floor_id])) for one in site.cameras
            ),
            areas=told_apart(
                (one.id, _name(one.name), _where(by_id[one.floor_id])) for one in areas
            ),
        )


def told_apart(places: Iterable[tuple[str, Name, Name | None]]) -> dict[str, Name]:
    """The names by id, of triples of id, name and where it is.

    Where it is stands before a name that is equal in either language to another; behind one that
    is equal all the same stands the id.
    """
    listed = tuple(places)
    alike = _alike([(place_id, name) for place_id, name, _ in listed])
    placed = [
        (place_id, _within(where, name) if where is not None and place_id in alike else name)
        for place_id, name, where in listed
    ]
    alike = _alike(placed)
    return {
        place_id: Name(f"{name.zh}（{place_id}）", f"{name.en} ({place_id})")
        if place_id in alike
        else name
        for place_id, name in placed
    }


def _alike(named: Sequence[tuple[str, Name]]) -> frozenset[str]:
    """Ids of those whose name another bears too, in either language."""
    zh = Counter(name.zh for _, name in named)
    en = Counter(name.en for _, name in named)
    return frozenset(place_id for place_id, name in named if max(zh[name.zh], en[name.en]) > 1)


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


__all__ = ["Name", "PlaceNames", "told_apart"]
