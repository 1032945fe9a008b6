"""From a loaded site to the measuring core: which zones, cameras and profiles belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from config.barriers import barriers_of
from config.site import Site
from vision.geometry.barriers import Barriers
from vision.geometry.zones import Zone, ZoneType
from vision.risk.doors import Leaf
from vision.risk.occasions import Schedule
from vision.risk.profiles import ZoneProfile
from vision.scene import SceneAnalyser


def zones_of_cameras(site: Site, camera_ids: Iterable[str]) -> tuple[Zone, ...]:
    """The zones that these cameras measure, each once, in the order of the site file."""
    wanted = {zone.id for camera_id in camera_ids for zone in site.zones_of(camera_id)}
    return tuple(zone for zone in site.zones if zone.id in wanted)


def build_analyser(
    site: Site,
    camera_ids: Iterable[str],
    profiles: Mapping[ZoneType, ZoneProfile],
    model_id: str,
    schedule: Schedule | None = None,
    leaves: Mapping[str, Sequence[Leaf]] | None = None,
) -> SceneAnalyser:
    """The measuring core for some cameras of a site.

    Args:
        leaves: the doors with a contact, by floor; see `SceneAnalyser`.

    Raises:
        VisionError: when a camera does not see a zone that the site file gives it.
    """
    wanted = tuple(camera_ids)
    zones = zones_of_cameras(site, wanted)
    return SceneAnalyser(
        cameras={camera_id: site.camera(camera_id).camera for camera_id in wanted},
        zones=zones,
        zone_cameras={
            zone.id: tuple(c.id for c in site.cameras_of(zone.id) if c.id in wanted)
            for zone in zones
        },
        profiles=profiles,
        model_id=model_id,
        schedule=schedule,
        leaves=leaves,
        walls={camera_id: walls for camera_id in wanted if (walls := _walls(site, camera_id))},
    )


def _walls(site: Site, camera_id: str) -> Barriers | None:
    """What stands on a camera's floor. Doors count as open: one that is drawn shut may stand open.

    `None` for a camera with a zone on another floor: nothing tells what stands between them.
    """
    floor_id = site.camera(camera_id).floor_id
    if any(zone.floor_id != floor_id for zone in site.zones_of(camera_id)):
        return None
    return barriers_of(site.floor(floor_id), site.zones, all_open=True)
