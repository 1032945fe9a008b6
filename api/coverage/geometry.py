"""The plan of a live site for the console page: plain lists of points, millimetres kept."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry import Polygon

from api.coverage.document import Point
from api.coverage.figures import point, polygons, rings
from api.coverage.live import LiveSite
from api.coverage.underlay import picture_size
from api.place_names import Name, told_apart
from config import Floor, LocalText, RequiredArea
from vision.coverage.blind_spots import SMALLEST_SPOT_M2
from vision.geometry.overlap import layers
from vision.geometry.visibility import polygonal


def plan_of(live: LiveSite) -> list[dict[str, Any]]:
    """Floors with outline, walls, doors, areas, cameras, and each camera's part of each area."""
    return [
        _floor(live, scene.floor, [camera.id for camera in scene.cameras]) for scene in live.scenes
    ]


def _floor(live: LiveSite, floor: Floor, camera_ids: list[str]) -> dict[str, Any]:
    required = [area for area in floor.areas if isinstance(area, RequiredArea)]
    forbidden = [area for area in floor.areas if not isinstance(area, RequiredArea)]
    areas = _apart({area.id: area.name for area in required})
    cameras = _apart({one: live.site.camera(one).name for one in camera_ids})
    return {
        "id": floor.id,
        "name": _name(floor.name),
        "outline": rings(floor.outline),
        "walls": [[point(p) for p in wall.points_xy_m] for wall in floor.walls],
        "doors": [
            {
                "points": [point(door.start_xy_m), point(door.end_xy_m)],
                "open": door.state == "open",
            }
            for door in floor.doors
        ],
        "obstacles": [rings(one.polygon_xy_m) for one in floor.obstacles],
        "areas": [
            {
                "id": area.id,
                "name": areas[area.id],
                "level": area.level,
                "critical": area.critical,
                "polygon": rings(area.polygon_xy_m),
                "middle": _middle(area.polygon_xy_m),
            }
            for area in required
        ],
        "forbidden": [
            {
                "id": area.id,
                "name": _name(area.name),
                "polygon": rings(area.polygon_xy_m),
                "middle": _middle(area.polygon_xy_m),
            }
            for area in forbidden
        ],
        "blind": _blind(live, floor, camera_ids),
        "cameras": [_camera(live, one, cameras[one]) for one in camera_ids],
        "views": [
            {"area_id": area.id, "camera_id": name, "polygons": polygons(shape)}
            for area in required
            for name in camera_ids
            if not (shape := live.planned_shape(floor.id, area.id, name)).is_empty
        ],
        "underlay": _underlay(floor),
    }


def _blind(live: LiveSite, floor: Floor, camera_ids: list[str]) -> list[dict[str, Any]]:
    """What too few cameras show of each required area even when all are well, as drawn."""
    scene = next(one for one in live.scenes if one.floor.id == floor.id)
    found = []
    for area in scene.areas:
        shown = [live.planned_shape(floor.id, area.id, name) for name in camera_ids]
        whole = shapely.union_all([surface.polygon_xy_m for surface in area.surfaces])
        enough = layers(shown, area.redundancy)[-1]
        left = polygonal(shapely.difference(whole, enough))
        spots = [part for part in left.geoms if part.area >= SMALLEST_SPOT_M2]
        if spots:
            m2 = round(sum(part.area for part in spots), 3)
            found.append({"area_id": area.id, "m2": m2, "polygons": [rings(one) for one in spots]})
    return found


def _middle(polygon: Polygon) -> Point:
    """Where the name of a place is written: inside it."""
    centre = polygon.centroid
    return point(*(centre if polygon.contains(centre) else polygon.point_on_surface()).coords)


def _underlay(floor: Floor) -> dict[str, Any] | None:
    """The picture under the plan: its size, and the six numbers of an SVG matrix."""
    if floor.underlay is None:
        return None
    width_px, height_px = picture_size(floor.underlay.path)
    a, b, x0_m, y0_m = floor.underlay.matrix
    return {
        "href": f"/api/v1/coverage/floors/{floor.id}/underlay",
        "width_px": width_px,
        "height_px": height_px,
        "matrix": [a, b, b, -a, x0_m, y0_m],
    }


def _camera(live: LiveSite, camera_id: str, name: dict[str, str]) -> dict[str, Any]:
    camera = live.site.camera(camera_id)
    pose = camera.camera.pose
    return {
        "id": camera.id,
        "name": name,
        "at": point((pose.x_m, pose.y_m)),
        "pan_deg": round(pose.pan_deg, 1),
        "hfov_deg": round(camera.camera.lens.hfov_deg, 1),
    }


def _apart(names: dict[str, LocalText]) -> dict[str, dict[str, str]]:
    """Names by id as this floor's drawing writes them: no two alike."""
    found = told_apart((key, Name(name.zh, name.en), None) for key, name in names.items())
    return {key: {"zh": name.zh, "en": name.en} for key, name in found.items()}


def _name(text: LocalText) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
