"""The audit of a whole site, floor by floor, as a document."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from api.coverage import document as doc
from api.coverage.floors import FloorScene, plane_under, scenes_of
from api.coverage.underlay import underlay_part
from config import Floor, ForbiddenArea, LocalText, RequiredArea, Site, SiteCamera
from config.key_areas import filled_key_areas
from vision.as_built import pose_deviation
from vision.blind_causes import BlindCause, blind_causes
from vision.coverage import (
    ASSURED_CHANCE,
    AreaCoverage,
    CoverageArea,
    ForbiddenView,
    Sights,
    Surface,
    audit_area,
    forbidden_views,
    weighted_share,
)
from vision.coverage_chance import CALIBRATED, DRAWS, PoseError
from vision.instants import Utc
from vision.pixel_density import (
    DORI_2014,
    Ladder,
    dead_zone_m,
    depth_at_px_per_m,
    face_pitch_deg,
)
from vision.visibility import polygonal

CELL_M = 0.25
_FACE_PX_PER_M = 250.0
_PLAIN_M = 0.02


@dataclasses.dataclass(frozen=True, slots=True)
class JudgedArea:
    """An area with what is seen of it, and why each of its blind spots is blind."""

    area: CoverageArea
    found: AreaCoverage
    causes: tuple[BlindCause, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class FloorFindings:
    """What the geometry says of one floor, before names and rounding."""

    areas: tuple[JudgedArea, ...]
    views: tuple[tuple[str, ForbiddenView, bool], ...]


def audit_site(
    site: Site,
    made_at: Utc,
    *,
    ladder: Ladder = DORI_2014,
    processes: int = 1,
    progress: Callable[[str], None] = lambda _floor_id: None,
) -> doc.AuditDocument:
    """Audit all floors of a site against its cameras as drawn.

    Args:
        processes: floors audited at a time; each in a process of its own when more than 1.
        progress: called with the id of each floor that is done.

    Raises:
        GeometryError: when a level is in no ladder, or the site asks for no area at all.
    """
    scenes = scenes_of(site)
    judge = functools.partial(_judge, ladder=ladder)
    findings = []
    if processes > 1 and len(scenes) > 1:
        with ProcessPoolExecutor(processes) as pool:
            for scene, found in zip(scenes, pool.map(judge, scenes), strict=True):
                findings.append(found)
                progress(scene.floor.id)
    else:
        for scene in scenes:
            findings.append(judge(scene))
            progress(scene.floor.id)
    numbers = count(1)
    floors = [
        _floor(site, scene, found, ladder, numbers)
        for scene, found in zip(scenes, findings, strict=True)
    ]
    return doc.AuditDocument(
        site_id=site.id,
        site_name=_name(site.name),
        site_sha256=site.sha256,
        made_at=made_at.iso(),
        timezone=site.timezone,
        ladder_id=ladder.id,
        ladder_edition=ladder.edition,
        method=_method(),
        totals=_totals(floors),
        buildings=_buildings(floors),
        floors=floors,
        key_areas=_key_areas(site),
    ).sealed()


def _judge(scene: FloorScene, *, ladder: Ladder) -> FloorFindings:
    coarsest = min((area.least_px_per_m for area in scene.areas), default=None)
    sights = Sights(scene.barriers, scene.cameras, coarsest_px_per_m=coarsest)
    areas = []
    for area in scene.areas:
        found = audit_area(area, sights, ladder=ladder, cell_m=CELL_M)
        areas.append(JudgedArea(area, found, blind_causes(area, found, sights)))
    views = []
    open_sights = Sights(scene.open_barriers, scene.cameras)
    for place, surface in scene.forbidden:
        shut = {view.camera_id for view in forbidden_views(place.id, surface, sights)}
        views += [
            (place.id, view, view.camera_id in shut)
            for view in forbidden_views(place.id, surface, open_sights)
        ]
    return FloorFindings(tuple(areas), tuple(views))


def _floor(
    site: Site, scene: FloorScene, found: FloorFindings, ladder: Ladder, numbers: count[int]
) -> doc.FloorPart:
    floor = scene.floor
    required = {area.id: area for area in floor.areas if isinstance(area, RequiredArea)}
    areas = [
        _area(required[judged.area.id], judged, scene, ladder, numbers) for judged in found.areas
    ]
    forbidden = [_forbidden(area, surface, found) for area, surface in scene.forbidden]
    return doc.FloorPart(
        id=floor.id,
        name=_name(floor.name),
        building=_name(floor.building) if floor.building else None,
        totals=_sums(areas, sum(len(place.views) for place in forbidden)),
        outline=_rings(floor.outline),
        lines=_lines(floor),
        obstacles=[_rings(obstacle.polygon_xy_m) for obstacle in floor.obstacles],
        areas=areas,
        forbidden=forbidden,
        cameras=[
            _camera(site, camera, ladder) for camera in site.cameras if camera.floor_id == floor.id
        ],
        underlay=underlay_part(floor.underlay) if floor.underlay is not None else None,
    )


def _key_areas(site: Site) -> list[doc.KeyAreaPart]:
    return [
        doc.KeyAreaPart(
            id=one.kind.id,
            name=_name(one.kind.name),
            area_ids=list(one.area_ids),
            absent_because=one.absent_because,
            filled=one.is_filled,
        )
        for one in filled_key_areas(site)
    ]


def _area(
    keys: RequiredArea,
    judged: JudgedArea,
    scene: FloorScene,
    ladder: Ladder,
    numbers: count[int],
) -> doc.AreaPart:
    area, found = judged.area, judged.found
    density = {step.name: step.px_per_m for step in ladder.steps}
    blind_m2 = found.area_m2 - found.assured_m2
    return doc.AreaPart(
        id=area.id,
        name=_name(keys.name),
        level=keys.level,
        least_px_per_m=area.least_px_per_m,
        planes=list(keys.planes),
        redundancy=area.redundancy,
        weight=area.weight,
        critical=area.critical,
        retention_days=keys.retention_days,
        area_m2=_m(found.area_m2),
        seen_m2=_m(found.seen_m2),
        seen_twice_m2=_m(found.seen_twice_m2),
        single_m2=_m(found.single_m2),
        assured_m2=_m(found.assured_m2),
        assured_share=round(found.assured_share, 4),
        blind_m2=_m(max(0.0, blind_m2)),
        met=not found.blind,
        steepest_face_deg=_steepest_face(area, found, scene),
        steps=[
            doc.StepSeen(
                name=name, px_per_m=density[name], seen_m2=_m(shape.area), polygons=_faces(shape)
            )
            for name, shape in found.steps
        ],
        only_by=[
            doc.OnlyBy(camera_id=camera_id, area_m2=_m(area_m2))
            for camera_id, area_m2 in found.only_by_m2
        ],
        blind=[
            doc.Spot(
                number=next(numbers),
                area_m2=_m(spot.area_m2),
                radius_m=_m(spot.radius_m),
                centre_xy_m=_point(spot.centre_xy_m),
                polygon=_rings(spot.polygon_xy_m),
                cause=cause,
            )
            for spot, cause in zip(found.blind, judged.causes, strict=True)
        ],
        slivers_m2=_m(found.slivers_m2),
        polygon=_rings(keys.polygon_xy_m),
    )


def _steepest_face(area: CoverageArea, found: AreaCoverage, scene: FloorScene) -> float | None:
    """Where faces matter: the least angle at which some camera looks down on the worst place."""
    if area.least_px_per_m < _FACE_PX_PER_M or found.seen.is_empty or not scene.cameras:
        return None
    corners = shapely.get_coordinates(found.seen)
    pitch = np.stack([face_pitch_deg(camera.camera, corners) for camera in scene.cameras])
    return round(float(pitch.min(axis=0).max()), 1)


def _forbidden(area: ForbiddenArea, surface: Surface, found: FloorFindings) -> doc.ForbiddenPart:
    return doc.ForbiddenPart(
        id=area.id,
        name=_name(area.name),
        kind=area.kind,
        polygon=_rings(polygonal(surface.polygon_xy_m).geoms[0]),
        views=[
            doc.ForbiddenSeen(
                camera_id=view.camera_id,
                seen_m2=_m(view.seen_m2),
                most_px_per_m=round(view.most_px_per_m, 1),
                doors_as_drawn=shut,
            )
            for area_id, view, shut in found.views
            if area_id == area.id
        ],
    )


def _camera(site: Site, camera: SiteCamera, ladder: Ladder) -> doc.CameraPart:
    pose, lens = camera.camera.pose, camera.camera.lens
    plane = plane_under(site, camera)
    ground_m = float(plane.z_at(np.array([[pose.x_m, pose.y_m]]))[0])
    deviation = None
    if camera.planned_pose is not None:
        planned = dataclasses.replace(camera.camera, pose=camera.planned_pose)
        found = pose_deviation(planned, camera.camera, plane)
        deviation = doc.Deviation(
            turn_deg=round(found.turn_deg, 2),
            moved_m=_m(found.moved_m),
            footprint_share=round(found.footprint_share, 4),
            differs=found.differs,
        )
    return doc.CameraPart(
        id=camera.id,
        name=_name(camera.name),
        x_m=_m(pose.x_m),
        y_m=_m(pose.y_m),
        z_m=_m(pose.z_m),
        pan_deg=round(pose.pan_deg, 2),
        tilt_deg=round(pose.tilt_deg, 2),
        roll_deg=round(pose.roll_deg, 2),
        hfov_deg=round(lens.hfov_deg, 2),
        width_px=lens.width_px,
        height_px=lens.height_px,
        dead_zone_floor_m=_finite(dead_zone_m(camera.camera, ground_m)),
        dead_zone_head_m=_finite(dead_zone_m(camera.camera, ground_m + 1.5)),
        reach_m={
            step.name: _m(depth_at_px_per_m(camera.camera, step.px_per_m)) for step in ladder.steps
        },
        calibrated=camera.calibration is not None,
        deviation=deviation,
        ptz=camera.ptz,
    )


def _sums(areas: Sequence[doc.AreaPart], views: int) -> doc.Totals:
    required = sum(area.area_m2 for area in areas)
    assured = sum(area.assured_m2 for area in areas)
    parts = [(area.weight, area.assured_m2, area.area_m2) for area in areas]
    critical = [area.assured_share for area in areas if area.critical]
    spots = [spot.area_m2 for area in areas for spot in area.blind]
    return doc.Totals(
        areas=len(areas),
        areas_met=sum(area.met for area in areas),
        required_m2=_m(required),
        seen_m2=_m(sum(area.seen_m2 for area in areas)),
        seen_twice_m2=_m(sum(area.seen_twice_m2 for area in areas)),
        single_m2=_m(sum(area.single_m2 for area in areas)),
        assured_m2=_m(assured),
        blind_m2=_m(sum(area.blind_m2 for area in areas)),
        assured_share=round(assured / required, 4) if required else 0.0,
        weighted_share=round(weighted_share(parts), 4) if parts else 0.0,
        least_critical_share=min(critical) if critical else None,
        largest_blind_m2=max(spots, default=0.0),
        forbidden_views=views,
    )


def _totals(floors: Sequence[doc.FloorPart]) -> doc.Totals:
    areas = [area for floor in floors for area in floor.areas]
    return _sums(areas, sum(floor.totals.forbidden_views for floor in floors))


def _buildings(floors: Sequence[doc.FloorPart]) -> list[doc.BuildingPart]:
    by_name: dict[str, list[doc.FloorPart]] = defaultdict(list)
    for floor in floors:
        if floor.building is not None:
            by_name[floor.building.zh].append(floor)
    return [
        doc.BuildingPart(name=members[0].building or members[0].name, totals=_totals(members))
        for members in by_name.values()
    ]


def _method() -> doc.Method:
    return doc.Method(
        assured_chance=ASSURED_CHANCE,
        draws=DRAWS,
        cell_m=CELL_M,
        pose_error=dataclasses.asdict(PoseError()),
        calibrated_error=dataclasses.asdict(CALIBRATED),
    )


def _lines(floor: Floor) -> list[doc.WallPart]:
    lines = [
        doc.WallPart(
            points=[_point(point) for point in wall.points_xy_m],
            kind="glass" if wall.material == "glass" else "wall",
        )
        for wall in floor.walls
    ]
    lines += [
        doc.WallPart(
            points=[_point(door.start_xy_m), _point(door.end_xy_m)],
            kind="door_open" if door.state == "open" else "door_shut",
        )
        for door in floor.doors
    ]
    return lines


def _faces(shape: BaseGeometry) -> list[doc.Rings]:
    return [_rings(part) for part in polygonal(shape.simplify(_PLAIN_M)).geoms]


def _rings(polygon: Polygon) -> doc.Rings:
    return [
        [_point((x, y)) for x, y, *_ in ring.coords]
        for ring in (polygon.exterior, *polygon.interiors)
    ]


def _point(point: tuple[float, float]) -> doc.Point:
    return (_m(point[0]), _m(point[1]))


def _m(value: float) -> float:
    return round(float(value), 3)


def _finite(value: float) -> float | None:
    return _m(value) if np.isfinite(value) else None


def _name(text: LocalText) -> doc.Name:
    return doc.Name(zh=text.zh, en=text.en)


__all__ = ["CELL_M", "audit_site"]
