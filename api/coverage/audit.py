"""The audit of a whole site, floor by floor, as a document."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count

from api.coverage import document as doc
from api.coverage.camera_part import camera_part
from api.coverage.figures import metres, name_part, point, polygons, rings
from api.coverage.floors import FloorScene, by_day, scenes_of
from api.coverage.underlay import underlay_part
from config import Floor, ForbiddenArea, RequiredArea, Site
from config.key_areas import filled_key_areas
from vision.coverage.audit import (
    ASSURED_CHANCE,
    AreaCoverage,
    CoverageArea,
    ForbiddenView,
    Sights,
    audit_area,
    forbidden_views,
    weighted_share,
)
from vision.coverage.blind_causes import BlindCause, blind_causes
from vision.coverage.chance import CALIBRATED, DRAWS, PoseError
from vision.coverage.faces import MOST_FACE_PITCH_DEG, FaceViews, face_views
from vision.coverage.pixel_density import DORI_2014, Ladder
from vision.instants import Utc

CELL_M = 0.25


@dataclasses.dataclass(frozen=True, slots=True)
class JudgedArea:
    """An area with what is seen of it, and why each of its blind spots is blind."""

    area: CoverageArea
    found: AreaCoverage
    causes: tuple[BlindCause, ...]
    faces: FaceViews | None


@dataclasses.dataclass(frozen=True, slots=True)
class JudgedView:
    """A view into a forbidden place; `preset_id` is empty for the home preset."""

    place_id: str
    camera_id: str
    preset_id: str
    view: ForbiddenView
    doors_as_drawn: bool


@dataclasses.dataclass(frozen=True, slots=True)
class FloorFindings:
    """What the geometry says of one floor, before names and rounding."""

    areas: tuple[JudgedArea, ...]
    views: tuple[JudgedView, ...]


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
        GeometryError: when a level is in no ladder.
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
        site_name=name_part(site.name),
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
        causes = blind_causes(area, found, sights)
        areas.append(JudgedArea(area, found, causes, face_views(area, sights)))
    return FloorFindings(tuple(areas), tuple(_views(scene)))


def _views(scene: FloorScene) -> Iterator[JudgedView]:
    """Views into forbidden places, of cameras at home and at each other preset."""
    who = {camera.id: (camera.id, "") for camera in scene.cameras}
    who |= {one.camera.id: (one.camera_id, one.preset_id) for one in scene.presets}
    cameras = [by_day(one) for one in scene.cameras] + [one.camera for one in scene.presets]
    sights, open_sights = Sights(scene.barriers, cameras), Sights(scene.open_barriers, cameras)
    for place, surfaces in scene.forbidden:
        shut = {view.camera_id for view in forbidden_views(place.id, surfaces, sights)}
        for view in forbidden_views(place.id, surfaces, open_sights):
            yield JudgedView(place.id, *who[view.camera_id], view, view.camera_id in shut)


def _floor(
    site: Site, scene: FloorScene, found: FloorFindings, ladder: Ladder, numbers: count[int]
) -> doc.FloorPart:
    floor = scene.floor
    required = {area.id: area for area in floor.areas if isinstance(area, RequiredArea)}
    areas = [_area(required[judged.area.id], judged, ladder, numbers) for judged in found.areas]
    forbidden = [_forbidden(area, found) for area, _ in scene.forbidden]
    return doc.FloorPart(
        id=floor.id,
        name=name_part(floor.name),
        building=name_part(floor.building) if floor.building else None,
        totals=_sums(areas, sum(len(place.views) for place in forbidden)),
        outline=rings(floor.outline),
        lines=_lines(floor),
        obstacles=[rings(obstacle.polygon_xy_m) for obstacle in floor.obstacles],
        areas=areas,
        forbidden=forbidden,
        cameras=[
            camera_part(site, camera, ladder)
            for camera in site.cameras
            if camera.floor_id == floor.id
        ],
        underlay=underlay_part(floor.underlay) if floor.underlay is not None else None,
    )


def _key_areas(site: Site) -> list[doc.KeyAreaPart]:
    return [
        doc.KeyAreaPart(
            id=one.kind.id,
            name=name_part(one.kind.name),
            area_ids=list(one.area_ids),
            absent_because=one.absent_because,
            filled=one.is_filled,
        )
        for one in filled_key_areas(site)
    ]


def _area(
    keys: RequiredArea,
    judged: JudgedArea,
    ladder: Ladder,
    numbers: count[int],
) -> doc.AreaPart:
    area, found, faces = judged.area, judged.found, judged.faces
    density = {step.name: step.px_per_m for step in ladder.steps}
    blind_m2 = found.area_m2 - found.assured_m2
    return doc.AreaPart(
        id=area.id,
        name=name_part(keys.name),
        level=keys.level,
        least_px_per_m=area.least_px_per_m,
        planes=list(keys.planes),
        redundancy=area.redundancy,
        weight=area.weight,
        critical=area.critical,
        retention_days=keys.retention_days,
        area_m2=metres(found.area_m2),
        seen_m2=metres(found.seen_m2),
        seen_twice_m2=metres(found.seen_twice_m2),
        single_m2=metres(found.single_m2),
        assured_m2=metres(found.assured_m2),
        assured_share=round(found.assured_share, 4),
        blind_m2=metres(max(0.0, blind_m2)),
        met=found.area_m2 > 0.0 and not found.blind,
        steepest_face_deg=None if faces is None else round(faces.steepest_deg, 1),
        steep_faces_m2=None if faces is None else metres(faces.steep_m2),
        steps=[
            doc.StepSeen(
                name=name,
                px_per_m=density[name],
                seen_m2=metres(shape.area),
                polygons=polygons(shape),
            )
            for name, shape in found.steps
        ],
        seen_by=_by_camera(found.seen_by_m2),
        only_by=_by_camera(found.only_by_m2),
        blind=[
            doc.Spot(
                number=next(numbers),
                area_m2=metres(spot.area_m2),
                radius_m=metres(spot.radius_m),
                centre_xy_m=point(spot.centre_xy_m),
                polygon=rings(spot.polygon_xy_m),
                cause=cause,
            )
            for spot, cause in zip(found.blind, judged.causes, strict=True)
        ],
        slivers_m2=metres(found.slivers_m2),
        polygon=rings(keys.polygon_xy_m),
    )


def _by_camera(areas_m2: Sequence[tuple[str, float]]) -> list[doc.OnlyBy]:
    return [doc.OnlyBy(camera_id=name, area_m2=metres(area_m2)) for name, area_m2 in areas_m2]


def _forbidden(area: ForbiddenArea, found: FloorFindings) -> doc.ForbiddenPart:
    return doc.ForbiddenPart(
        id=area.id,
        name=name_part(area.name),
        kind=area.kind,
        polygon=rings(area.polygon_xy_m),
        views=[
            doc.ForbiddenSeen(
                camera_id=one.camera_id,
                preset=one.preset_id,
                seen_m2=metres(one.view.seen_m2),
                most_px_per_m=round(one.view.most_px_per_m, 1),
                doors_as_drawn=one.doors_as_drawn,
            )
            for one in found.views
            if one.place_id == area.id
        ],
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
        required_m2=metres(required),
        seen_m2=metres(sum(area.seen_m2 for area in areas)),
        seen_twice_m2=metres(sum(area.seen_twice_m2 for area in areas)),
        single_m2=metres(sum(area.single_m2 for area in areas)),
        assured_m2=metres(assured),
        blind_m2=metres(sum(area.blind_m2 for area in areas)),
        assured_share=round(assured / required, 4) if required else 0.0,
        weighted_share=round(weighted_share(parts), 4) if required else 0.0,
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
        most_face_pitch_deg=MOST_FACE_PITCH_DEG,
    )


def _lines(floor: Floor) -> list[doc.WallPart]:
    lines = [
        doc.WallPart(
            points=[point(place) for place in wall.points_xy_m],
            kind="glass" if wall.material == "glass" else "wall",
        )
        for wall in floor.walls
    ]
    lines += [
        doc.WallPart(
            points=[point(door.start_xy_m), point(door.end_xy_m)],
            kind="door_open" if door.state == "open" else "door_shut",
        )
        for door in floor.doors
    ]
    return lines


__all__ = ["CELL_M", "audit_site"]
