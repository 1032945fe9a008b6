"""Why a blind spot is blind: too few cameras, an unsure pose, too coarse, hidden, or in no picture.

A director mends each of these otherwise: a camera more, a calibration, a longer lens, moving the
cupboard, turning a camera. A spot may have several causes; that of its largest part is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from vision.coverage.audit import AreaCoverage, CoverageArea, CoverageCamera, Sights
from vision.coverage.pixel_density import footprint
from vision.geometry.overlap import layers

# Below this nothing of a person can be told, as for forbidden places.
LEAST_PX_PER_M = 5.0


class BlindCause(StrEnum):
    """What keeps most of a blind spot from being assured, the nearest to being seen first."""

    UNSURE = "unsure"
    TOO_FEW = "too_few"
    TOO_COARSE = "too_coarse"
    HIDDEN = "hidden"
    NO_PICTURE = "no_picture"


def blind_causes(area: CoverageArea, found: AreaCoverage, sights: Sights) -> tuple[BlindCause, ...]:
    """The cause of each of `found.blind`, in its order.

    As drawn a place is seen by enough cameras (then only the errors of pose and lens leave it
    unsure), by some, by one at a lower density, lies in a picture behind something, or in none.
    """
    if not found.blind:
        return ()
    fine = [_seen(area, sights, camera, area.least_px_per_m) for camera in sights.cameras]
    shapes = {
        BlindCause.UNSURE: layers(fine, area.redundancy)[-1],
        BlindCause.TOO_FEW: found.seen,
        BlindCause.TOO_COARSE: _union(
            sights.cameras, lambda camera: _seen(area, sights, camera, LEAST_PX_PER_M)
        ),
        BlindCause.HIDDEN: _union(sights.cameras, lambda camera: _in_picture(area, camera)),
    }
    return tuple(_cause(spot.polygon_xy_m, shapes) for spot in found.blind)


def _cause(spot: BaseGeometry, shapes: dict[BlindCause, BaseGeometry]) -> BlindCause:
    shares, left = {}, spot
    for cause, shape in shapes.items():
        shares[cause] = float(shapely.intersection(left, shape).area)
        left = shapely.difference(left, shape)
    shares[BlindCause.NO_PICTURE] = float(left.area)
    return max(shares, key=lambda cause: shares[cause])


def _seen(
    area: CoverageArea, sights: Sights, camera: CoverageCamera, px_per_m: float
) -> BaseGeometry:
    return shapely.union_all([sights.seen(camera, surface, px_per_m) for surface in area.surfaces])


def _in_picture(area: CoverageArea, camera: CoverageCamera) -> BaseGeometry:
    """What would be seen with nothing in the way, on all planes of each surface."""
    parts = []
    for surface in area.surfaces:
        shape: BaseGeometry = surface.polygon_xy_m
        for plane in surface.planes:
            picture = footprint(
                camera.camera, plane, least_px_per_m=LEAST_PX_PER_M, range_m=camera.range_m
            )
            shape = shapely.intersection(shape, picture)
        parts.append(shape)
    return shapely.union_all(parts)


def _union(
    cameras: Sequence[CoverageCamera], shape_of: Callable[[CoverageCamera], BaseGeometry]
) -> BaseGeometry:
    return shapely.union_all([*(shape_of(camera) for camera in cameras), MultiPolygon()])


__all__ = ["LEAST_PX_PER_M", "BlindCause", "blind_causes"]
