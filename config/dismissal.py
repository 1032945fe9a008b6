"""`dismissal.yaml` of a site: places on the way out, rooms with their rosters, and the way of each.

Lengths are metres. Capacities come from `api.dismissal`; here is only what people measure.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from config.plan.plan_file import read_values, refuse_problems
from config.words import Words
from config.yaml_source import YamlSource

DISMISSAL_FILE = "dismissal.yaml"
_STRICT = ConfigDict(extra="forbid")
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
WidthM = Annotated[float, Field(ge=0.5, le=50.0)]
LengthM = Annotated[float, Field(gt=0.0, le=500.0)]


class PlaceKind(StrEnum):
    """What a place on the way out is."""

    STAIR = "stair"
    CORRIDOR = "corridor"
    DOOR = "door"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Place:
    """A stair, corridor or door on the way out.

    Attributes:
        width_m: clear width at the narrowest point.
        length_m: length along the way, horizontally; doors have about none.
        floors: floors whose pupils may leave by it; needed for stairs.
    """

    id: Id
    name_zh: Words
    name_en: Words
    kind: PlaceKind
    width_m: WidthM
    length_m: LengthM = 0.5
    floors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, config=_STRICT)
class Room:
    """One class with its room.

    Attributes:
        walk_m: way from the room's door to the first place of its route.
        route: places in the order in which they are passed, the exit last.
    """

    id: Id
    name_zh: Words
    name_en: Words
    floor: str
    pupils: Annotated[int, Field(ge=1, le=200)]
    walk_m: Annotated[float, Field(ge=0.0, le=500.0)]
    route: Annotated[tuple[str, ...], Field(min_length=1)]
    door_width_m: WidthM = 0.9


@dataclass(frozen=True, slots=True, config=_STRICT)
class DismissalFile:
    """The root of the file.

    Attributes:
        start: local clock time of the bell.
        floors: from the highest to the lowest.
        stair_limit_per_m2: density that no stair may pass in the check.
    """

    format: Annotated[int, Field(ge=1, le=1)]
    start: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    floors: Annotated[tuple[str, ...], Field(min_length=1)]
    places: Annotated[tuple[Place, ...], Field(min_length=1)]
    rooms: Annotated[tuple[Room, ...], Field(min_length=1)]
    stair_limit_per_m2: Annotated[float, Field(ge=0.3, le=2.0)] = 1.5

    def place(self, place_id: str) -> Place:
        """Raises `KeyError` for an unknown id."""
        for place in self.places:
            if place.id == place_id:
                return place
        raise KeyError(f"no place {place_id!r}")


_ADAPTER = TypeAdapter(DismissalFile)


def load_dismissal(directory: Path) -> DismissalFile:
    """Read `dismissal.yaml` in a site's folder.

    Raises:
        PlanFileError: with every fault, each with line, key and mend.
    """
    values, source = read_values(directory / DISMISSAL_FILE, _ADAPTER, DismissalFile)
    _check_ids(values, source)
    _check_floors(values, source)
    _check_routes(values, source)
    refuse_problems(source)
    return values


def _check_ids(values: DismissalFile, source: YamlSource) -> None:
    ids = {
        "places": [place.id for place in values.places],
        "rooms": [room.id for room in values.rooms],
    }
    for key, given in ids.items():
        for number, name in enumerate(given):
            if name in given[:number]:
                source.report((key, number, "id"), f"{name} is there twice", "rename one")


def _check_floors(values: DismissalFile, source: YamlSource) -> None:
    floors = ", ".join(values.floors)
    for number, floor in enumerate(values.floors):
        if floor in values.floors[:number]:
            source.report(("floors", number), f"{floor} is there twice", "name each floor once")
    for number, place in enumerate(values.places):
        if place.kind is PlaceKind.STAIR and not place.floors:
            source.report(
                ("places", number), "a stair serves no floor", f"add floors, some of {floors}"
            )
        for position, floor in enumerate(place.floors):
            if floor not in values.floors:
                source.report(
                    ("places", number, "floors", position), f"no floor {floor}", f"use {floors}"
                )
    for number, room in enumerate(values.rooms):
        if room.floor not in values.floors:
            source.report(("rooms", number, "floor"), f"no floor {room.floor}", f"use {floors}")


def _check_routes(values: DismissalFile, source: YamlSource) -> None:
    known = {place.id: place for place in values.places}
    for number, room in enumerate(values.rooms):
        for position, place_id in enumerate(room.route):
            at = ("rooms", number, "route", position)
            if place_id not in known:
                source.report(at, f"no place {place_id}", f"use one of {', '.join(known)}")
            elif place_id in room.route[:position]:
                source.report(at, f"{place_id} is passed twice", "name each place of the way once")
            elif known[place_id].floors and room.floor not in known[place_id].floors:
                source.report(
                    at, f"{place_id} does not serve {room.floor}", "correct the route or its floors"
                )
        last = known.get(room.route[-1])
        if last is not None and last.kind is PlaceKind.STAIR:
            source.report(
                ("rooms", number, "route"),
                f"the way ends on {last.id}, a stair",
                "name the places in the order in which they are passed, the exit last",
            )


__all__ = ["DISMISSAL_FILE", "DismissalFile", "Place", "PlaceKind", "Room", "load_dismissal"]
