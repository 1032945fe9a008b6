"""The part of the site that the desk shows: which zones and cameras there are, and their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from api.place_names import Name, PlaceNames
from config.response import SiteResponse
from config.site import LocalText, RequiredArea, Site
from vision.geometry.zones import ZoneType


@dataclass(frozen=True, slots=True)
class WatchedZone:
    """A zone on the desk.

    Attributes:
        camera_ids: the cameras that measure it.
        doors: names of the doors of its floor, by id.
    """

    id: str
    name: Name
    type: ZoneType
    floor: Name
    area_m2: float
    camera_ids: tuple[str, ...]
    doors: Mapping[str, Name] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WatchedCamera:
    """A camera on the desk."""

    id: str
    name: Name
    zone_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WatchedArea:
    """A place that must be seen; where it is critical, an alarm may be about it."""

    id: str
    name: Name
    critical: bool


@dataclass(frozen=True)
class WatchedSite:
    """Zones, cameras and required areas of one site, in the order of the site file.

    Attributes:
        things: names of what else an alarm may be about: buttons, outputs, modules, recorders.
    """

    id: str
    name: Name
    timezone: str
    zones: tuple[WatchedZone, ...]
    cameras: tuple[WatchedCamera, ...]
    areas: tuple[WatchedArea, ...] = ()
    things: Mapping[str, Name] = field(default_factory=dict)

    @cached_property
    def zone(self) -> Mapping[str, WatchedZone]:
        return MappingProxyType({zone.id: zone for zone in self.zones})

    @cached_property
    def camera(self) -> Mapping[str, WatchedCamera]:
        return MappingProxyType({camera.id: camera for camera in self.cameras})

    @cached_property
    def area(self) -> Mapping[str, WatchedArea]:
        return MappingProxyType({area.id: area for area in self.areas})

    @classmethod
    def of(cls, site: Site) -> WatchedSite:
        """The desk's view of a loaded site."""
        names = PlaceNames.of(site)
        zones = tuple(
            WatchedZone(
                id=zone.id,
                name=names.zones[zone.id],
                type=zone.type,
                floor=names.floors[zone.floor_id],
                area_m2=zone.area_m2,
                camera_ids=tuple(camera.id for camera in site.cameras_of(zone.id)),
                doors={one.id: _name(one.name) for one in site.floor(zone.floor_id).doors},
            )
            for zone in site.zones
        )
        cameras = tuple(
            WatchedCamera(camera.id, names.cameras[camera.id], tuple(camera.zone_ids))
            for camera in site.cameras
        )
        areas = tuple(
            WatchedArea(area.id, names.areas[area.id], area.critical)
            for floor in site.floors
            for area in floor.areas
            if isinstance(area, RequiredArea)
        )
        return cls(site.id, _name(site.name), site.timezone, zones, cameras, areas)

    def with_things(self, response: SiteResponse) -> WatchedSite:
        """The same, knowing the names of the site's panels and recorders."""
        panels = response.panels
        things = {one.id: _name(one.name) for one in response.desk.recorders}
        things |= {one.id: _name(one.name) for one in panels.devices}
        things |= {one.id: _name(one.name) for one in panels.onvif}
        things |= {one.id: _name(one.name) for one in panels.inputs}
        things |= {one.id: _name(one.name) for one in panels.outputs}
        return replace(self, things=things)


def _name(text: LocalText) -> Name:
    return Name(zh=text.zh, en=text.en)


__all__ = ["Name", "WatchedArea", "WatchedCamera", "WatchedSite", "WatchedZone"]
