"""A world of white dots: films of dots at true head positions, and a network that finds dots.

It stands in for people and for the head network wherever a test is about what lies between them.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from api.analysis.film import FilmWriter
from vision.arrays import Float64Array, UInt8Array
from vision.geometry.camera import Camera
from vision.geometry.planes import Plane
from vision.observations import CrowdObservation, HeadPoints, Region

HEAD_DIAMETER_M = 0.22


class DotNetwork:
    """Finds bright dots; implements `vision.observations.HeadNetwork`."""

    model_id = "dots@test"

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        del region
        bright = (image_bgr.min(axis=2) > 150).astype(np.uint8)
        count, _, stats, centres = cv2.connectedComponentsWithStats(bright)
        sizes_px = stats[1:count, cv2.CC_STAT_HEIGHT].astype(np.float32)
        heads = HeadPoints(
            centres[1:count].astype(np.float32), sizes_px, np.full(count - 1, 0.95, np.float32)
        )
        return CrowdObservation(heads, None, relative_error=0.05)


def dot_picture(camera: Camera, heads_xy_m: Float64Array, head_plane: Plane) -> UInt8Array:
    """A grey picture with a white dot for each head, as large as a head would look."""
    lens = camera.lens
    image = np.full((lens.height_px, lens.width_px, 3), 70, np.uint8)
    points = np.column_stack([heads_xy_m, head_plane.z_at(heads_xy_m)])
    uv_px, inside = camera.project(points)
    distances_m = np.linalg.norm(points - camera.position_xyz_m, axis=1)
    for (u_px, v_px), distance_m, seen in zip(uv_px, distances_m, inside, strict=True):
        if seen:
            radius = max(2, round(lens.focal_px * HEAD_DIAMETER_M / distance_m / 2))
            cv2.circle(image, (round(u_px), round(v_px)), radius, (255, 255, 255), -1)
    return image


def dot_film(
    path: Path, picture_at: Callable[[float], UInt8Array], *, seconds: float, fps: float = 5.0
) -> None:
    """An MP4 of `picture_at(seconds since its start)`."""
    with FilmWriter(path, crf=12) as film:
        for index in range(round(seconds * fps)):
            film.write(picture_at(index / fps), index / fps)
