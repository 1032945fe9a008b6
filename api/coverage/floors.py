"""From the site file to the geometry of an audit: barriers, areas and cameras of each floor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from config import Floor, ForbiddenArea, RequiredArea, Site, SiteCamera
from config.barriers import barriers_of, by_walking_surface
from config.site import RANGE_M
from config.site_places import LEAST_LEFT_M2
from vision.coverage.audit import CoverageArea, CoverageCamera, Surface
from vision.coverage.chance import CALIBRATED, PoseError
from vision.coverage.pixel_density import step_named
from vision.geometry.barriers import Barriers
from vision.geometry.planes import LEVEL_FLOOR, Plane

# Above what people stand on: the floor, somebody who sits, and the face of somebody who stands.
FORBIDDEN_HEIGHTS_M = (0.0, 1.2, 1.65)


@dataclass(frozen=True, slots=True)
class PresetView:
    """A camera as it looks at one of its presets."""

    camera_id: str
    preset_id: str
    camera: CoverageCamera


@dataclass(frozen=True, slots=True)
class FloorScene:
    """One floor as the audit takes it.

    Attributes:
        barriers: doors as drawn.
        open_barriers: every door open, for forbidden places: the worst that can be.
        forbidden: forbidden places, each cut where the walking surface changes, with the planes on
            which nobody may be seen.
        presets: where cameras turn to besides their home preset. Coverage counts none of them.
    """

    floor: Floor
    barriers: Barriers
    open_barriers: Barriers
    areas: tuple[CoverageArea, ...]
    forbidden: tuple[tuple[ForbiddenArea, tuple[Surface, ...]], ...]
    cameras: tuple[CoverageCamera, ...]
    presets: tuple[PresetView, ...] = ()


def scenes_of(site: Site) -> tuple[FloorScene, ...]:
    """All floors of a site.

    Raises:
        GeometryError: for an area whose level no ladder knows.
    """
    return tuple(_scene(site, floor) for floor in site.floors)


def _scene(site: Site, floor: Floor) -> FloorScene:
    return FloorScene(
        floor=floor,
        barriers=barriers_of(floor, site.zones),
        open_barriers=barriers_of(floor, site.zones, all_open=True),
        areas=tuple(
            _area(site, floor, area) for area in floor.areas if isinstance(area, RequiredArea)
        ),
        forbidden=tuple(
            (area, _forbidden(site, area))
            for area in floor.areas
            if isinstance(area, ForbiddenArea)
        ),
        cameras=tuple(
            coverage_camera(camera) for camera in site.cameras if camera.floor_id == floor.id
        ),
        presets=tuple(
            PresetView(camera.id, one.id, CoverageCamera(f"{camera.id}/{one.id}", one.camera))
            for camera in site.cameras
            if camera.floor_id == floor.id
            for one in camera.presets
        ),
    )


def _area(site: Site, floor: Floor, area: RequiredArea) -> CoverageArea:
    """A required area, cut where the walking surface changes.

    What stands on the floor and what no camera may see are not asked for.
    """
    shapes = [obstacle.polygon_xy_m for obstacle in floor.obstacles]
    shapes += [one.polygon_xy_m for one in floor.areas if isinstance(one, ForbiddenArea)]
    taken = shapely.union_all(shapes)
    rest: BaseGeometry = shapely.difference(area.polygon_xy_m, taken)
    parts = by_walking_surface(rest, floor.id, site.zones)
    return CoverageArea(
        id=area.id,
        surfaces=tuple(
            Surface(shape, _planes(area, plane), plane)
            for shape, plane in parts
            if shape.area >= LEAST_LEFT_M2
        ),
        least_px_per_m=step_named(area.level).px_per_m,
        redundancy=area.redundancy,
        weight=area.weight,
        critical=area.critical,
    )


def _forbidden(site: Site, area: ForbiddenArea) -> tuple[Surface, ...]:
    """A forbidden place at the heights of who may be in it, above what they stand on there."""
    return tuple(
        Surface(shape, tuple(plane.raised(height_m) for height_m in FORBIDDEN_HEIGHTS_M), plane)
        for shape, plane in by_walking_surface(area.polygon_xy_m, area.floor_id, site.zones)
        if shape.area >= LEAST_LEFT_M2
    )


def _planes(area: RequiredArea, walking: Plane) -> tuple[Plane, ...]:
    raised = {"floor": walking, "head": walking.raised(area.head_height_m)}
    return tuple(raised[name] for name in area.planes)


def coverage_camera(camera: SiteCamera) -> CoverageCamera:
    """A site camera with the errors that its calibration leaves."""
    error = CALIBRATED if camera.calibration is not None else PoseError()
    return CoverageCamera(camera.id, camera.camera, error, camera.range_m)


def by_day(camera: CoverageCamera) -> CoverageCamera:
    """The camera as it sees by daylight, which reaches further than its own lamps."""
    return replace(camera, range_m=max(camera.range_m, RANGE_M))


def ground_m(site: Site, floor_id: str, place: Point) -> float:
    """Height of what one stands on at a place: a zone's surface there, or the floor."""
    under = (
        zone.plane
        for zone in site.zones
        if zone.floor_id == floor_id and zone.polygon_xy_m.covers(place)
    )
    return float(next(under, LEVEL_FLOOR).z_at(np.array([place.x, place.y])))


def plane_under(site: Site, camera: SiteCamera) -> Plane:
    """The walking surface that a camera watches: its first zone's, or the level floor."""
    zones = site.zones_of(camera.id)
    return zones[0].plane if zones else LEVEL_FLOOR
