"""The key places of a school that each site fills in, or says that it has none of.

The list is this project's reading and no clause of a standard; every form in which it is shown
says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.errors import ConfigFileError
from config.schema_problems import validated
from config.site import LocalText, RequiredArea, Site
from config.site_schema import AreaLevel, Id, Keys, TextKeys
from config.yaml_source import read_yaml

_FILE = Path(__file__).with_name("key_areas.yaml")


@dataclass(frozen=True, slots=True)
class KeyArea:
    """A kind of place; `level` is what we would ask for at first."""

    id: str
    name: LocalText
    level: str


@dataclass(frozen=True, slots=True)
class FilledKeyArea:
    """What a site says of one kind of place.

    Attributes:
        area_ids: its required areas of that kind, in the order of the site file.
        absent_because: why the site has no such place; empty unless it says so.
    """

    kind: KeyArea
    area_ids: tuple[str, ...]
    absent_because: str

    @property
    def is_filled(self) -> bool:
        return bool(self.area_ids or self.absent_because)


class _KindKeys(Keys):
    id: Id
    name: TextKeys
    level: AreaLevel


class _FileKeys(Keys):
    format: Literal[1]
    edition: str
    key_areas: Annotated[tuple[_KindKeys, ...], Field(min_length=1)]


@cache
def key_areas() -> tuple[KeyArea, ...]:
    """The packaged list.

    Raises:
        ConfigFileError: when the packaged file is damaged.
    """
    source = read_yaml(_FILE)
    keys = validated(_FileKeys, source.data, at=(), source=source)
    if keys is None:
        raise ConfigFileError(source.problems)
    return tuple(
        KeyArea(kind.id, LocalText(kind.name.zh, kind.name.en), kind.level)
        for kind in keys.key_areas
    )


def filled_key_areas(site: Site) -> tuple[FilledKeyArea, ...]:
    """What a site says of each kind, in the order of the list."""
    required = [area for area in site.areas if isinstance(area, RequiredArea)]
    absent = dict(site.absent_key_areas)
    return tuple(
        FilledKeyArea(
            kind,
            tuple(area.id for area in required if kind.id in area.key_areas),
            absent.get(kind.id, ""),
        )
        for kind in key_areas()
    )


__all__ = ["FilledKeyArea", "KeyArea", "filled_key_areas", "key_areas"]
