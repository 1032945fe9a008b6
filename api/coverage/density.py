"""How finely each camera shows the required areas of a floor, for the console page."""

from __future__ import annotations

from typing import Any

import shapely

from api.coverage.figures import polygons
from api.coverage.floors import FloorScene
from vision.coverage.audit import Sights
from vision.coverage.pixel_density import Ladder


def density_of(scene: FloorScene, ladder: Ladder) -> dict[str, Any]:
    """The steps of a ladder, coarse to fine, each with what every camera shows at it or finer.

    As drawn, on the planes that each area asks for, and whatever level it asks for.
    """
    sights = Sights(scene.barriers, scene.cameras)
    return {
        "floor_id": scene.floor.id,
        "ladder_id": ladder.id,
        "ladder_edition": ladder.edition,
        "steps": [
            {
                "name": step.name,
                "px_per_m": step.px_per_m,
                "views": _views(scene, sights, step.px_per_m),
            }
            for step in ladder.steps
        ],
    }


def _views(scene: FloorScene, sights: Sights, px_per_m: float) -> list[dict[str, Any]]:
    found = []
    for camera in scene.cameras:
        shape = shapely.union_all(
            [
                sights.seen(camera, surface, px_per_m)
                for area in scene.areas
                for surface in area.surfaces
            ]
        )
        if not shape.is_empty:
            found.append({"camera_id": camera.id, "polygons": polygons(shape)})
    return found


__all__ = ["density_of"]
