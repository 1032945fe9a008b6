"""How finely a camera shows a place: pixels per metre, footprints, dead zone and face pitch.

Pixel density is focal length in pixels over the depth along the optical axis, px/m = f / depth,
for detail across the line of sight; detail along an upright body shrinks further with the cosine
of the angle at which the camera looks down.

The steps of density that a purpose needs are named by standards that change. A ladder is one
edition as a value; nothing else in the program knows a number of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from vision.arrays import Float64Array
from vision.camera import Camera, Lens
from vision.errors import GeometryError
from vision.planes import Plane
from vision.visibility import polygonal

_BORDER_POINTS_A_SIDE = 24


@dataclass(frozen=True, slots=True)
class Step:
    """One purpose and the pixel density that it needs, in pixels per metre."""

    name: str
    px_per_m: float


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of one edition of a standard, coarse to fine."""

    id: str
    edition: str
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        """The step called `name`.

        Raises:
            GeometryError: when the ladder has none of that name; the text lists those it has.
        """
        for step in self.steps:
            if step.name == name:
                return step
        known = ", ".join(step.name for step in self.steps)
        raise GeometryError(f"{self.edition} has no step {name!r}; it has {known}")


DORI_2014 = Ladder(
    "dori-2014",
    "IEC 62676-4:2014",
    (
        Step("detect", 25.0),
        Step("observe", 62.5),
        Step("recognise", 125.0),
        Step("identify", 250.0),
    ),
)
IEC_2025 = Ladder(
    "iec-2025",
    "IEC 62676-4:2025",
    (
        Step("overview", 20.0),
        Step("outline", 40.0),
        Step("discern", 80.0),
        Step("perceive", 125.0),
        Step("characterise", 250.0),
        Step("validate", 500.0),
        Step("scrutinise", 1500.0),
    ),
)
LADDERS = (DORI_2014, IEC_2025)


def step_named(name: str) -> Step:
    """The step called `name` in whichever ladder has it; no two ladders share a name.

    Raises:
        GeometryError: when no ladder knows it.
    """
    for ladder in LADDERS:
        for step in ladder.steps:
            if step.name == name:
                return step
    known = ", ".join(step.name for ladder in LADDERS for step in ladder.steps)
    raise GeometryError(f"no ladder has a step {name!r}; there are {known}")


def depth_at_px_per_m(camera: Camera, px_per_m: float) -> float:
    """The depth along the optical axis, in metres, up to which the density is reached."""
    if not (math.isfinite(px_per_m) and px_per_m > 0.0):
        raise GeometryError(f"a pixel density must be positive, got {px_per_m:g} px/m")
    return camera.lens.focal_px / px_per_m


def px_per_m_at(
    camera: Camera, points_xyz_m: Float64Array, *, upright: bool = False
) -> Float64Array:
    """Pixels per metre at plan-frame points (N, 3): (N,); 0 where the camera does not look.

    Args:
        upright: for detail along an upright body instead of across the line of sight.
    """
    points = np.atleast_2d(np.asarray(points_xyz_m, dtype=np.float64))
    _, inside = camera.project(points)
    offset = points - camera.position_xyz_m
    depth = offset @ camera.pose.axes()[2]
    density = np.zeros(len(points))
    density[inside] = camera.lens.focal_px / depth[inside]
    if upright:
        plan_m = np.hypot(offset[:, 0], offset[:, 1])
        density *= plan_m / np.maximum(np.linalg.norm(offset, axis=1), 1e-9)
    return density


def face_pitch_deg(
    camera: Camera, points_xy_m: Float64Array, faces_z_m: float | Float64Array = 1.6
) -> Float64Array:
    """How steeply the camera looks down on faces at plan points (N, 2), degrees: (N,).

    Args:
        faces_z_m: height of the faces in the plan frame, one for all or (N,).
    """
    offset = np.atleast_2d(np.asarray(points_xy_m, dtype=np.float64)) - camera.position_xyz_m[:2]
    drop = camera.pose.z_m - faces_z_m
    return np.asarray(np.degrees(np.arctan2(drop, np.hypot(offset[:, 0], offset[:, 1]))))


def dead_zone_m(camera: Camera, height_m: float = 0.0) -> float:
    """Plan distance straight ahead of the mount that stays below the picture, metres.

    At height z under a camera at height h: (h - z) / tan(tilt + VFOV / 2); 0 when the lower edge
    of the picture looks straight down or behind.
    """
    steepest = camera.pose.tilt_deg + camera.lens.vfov_deg / 2.0
    drop = camera.pose.z_m - height_m
    if steepest >= 90.0 or drop <= 0.0:
        return 0.0
    if steepest <= 0.0:
        return math.inf
    return drop / math.tan(math.radians(steepest))


def footprint(
    camera: Camera, plane: Plane, *, least_px_per_m: float | None = None, range_m: float = 100.0
) -> MultiPolygon:
    """The part of `plane` inside the picture, up to a range and down to a pixel density.

    On the picture both limits, like the horizon, are straight lines: with ray direction
    x right + y down + forward, depth is gap / q(x, y) with q linear in x and y. So the picture's
    border is cut by one line and then thrown onto the plane; without distortion that is exact.
    Nothing stands in the way here, see `vision.visibility` for that.

    Raises:
        GeometryError: when the range or the density is not positive.
    """
    if not (math.isfinite(range_m) and range_m > 0.0):
        raise GeometryError(f"the range must be a positive number of metres, got {range_m:g}")
    deepest = range_m
    if least_px_per_m is not None:
        deepest = min(deepest, depth_at_px_per_m(camera, least_px_per_m))
    axes, place = camera.pose.axes(), camera.position_xyz_m
    gap = place[2] - float(plane.z_at(place[None, :2])[0])
    if abs(gap) < 1e-6:
        return MultiPolygon()
    # q is the rate at which a ray sinks to the plane (or rises to it, from below).
    sink = np.sign(gap) * (plane.slope_x * axes[:, 0] + plane.slope_y * axes[:, 1] - axes[:, 2])
    border = picture_border(camera)
    rate = border @ sink[:2] + sink[2] - abs(gap) / deepest
    border, rate = _cut(border, rate)
    if len(border) < 3:
        return MultiPolygon()
    depth = abs(gap) / (rate + abs(gap) / deepest)
    rays = np.column_stack([border, np.ones(len(border))]) @ axes[:, :2]
    offset = depth[:, None] * rays
    shape: BaseGeometry = Polygon(place[:2] + offset)
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    if np.hypot(offset[:, 0], offset[:, 1]).max() > range_m:
        shape = shapely.intersection(shape, Point(place[:2]).buffer(range_m, quad_segs=32))
    return polygonal(shape)


def picture_border(camera: Camera) -> Float64Array:
    """The picture's edge in ideal normalised coordinates (M, 2), distortion undone."""
    lens = camera.lens
    bent = lens.k1 != 0.0 or lens.k2 != 0.0
    share = np.linspace(0.0, 1.0, _BORDER_POINTS_A_SIDE if bent else 1, endpoint=False)
    zero, one = np.zeros_like(share), np.ones_like(share)
    sides = [(share, zero), (one, share), (1.0 - share, one), (zero, 1.0 - share)]
    unit = np.vstack([np.column_stack(side) for side in sides])
    pixels = unit * [lens.width_px, lens.height_px]
    return lens.undistort(_within_fold(lens, (pixels - lens.centre_uv_px) / lens.focal_px))


def _within_fold(lens: Lens, distorted: Float64Array) -> Float64Array:
    """Distorted coordinates (N, 2), drawn in to the largest radius that the lens maps to.

    The corners of a strongly bent picture can lie past the fold, where nothing is depicted.
    """
    if lens.k1 == 0.0 and lens.k2 == 0.0:
        return distorted
    # The slope 1 + 3 k1 r^2 + 5 k2 r^4 falls to the limit of `Lens.in_field`, 0.05, at the fold.
    roots = np.roots([5.0 * lens.k2, 3.0 * lens.k1, 0.95])
    squares = [float(root.real) for root in roots if abs(root.imag) < 1e-12 and root.real > 0.0]
    if not squares:
        return distorted
    r2 = min(squares)
    largest = math.sqrt(r2) * (1.0 + lens.k1 * r2 + lens.k2 * r2**2)
    radius = np.linalg.norm(distorted, axis=1, keepdims=True)
    return np.asarray(distorted * np.minimum(1.0, largest / np.maximum(radius, 1e-12)))


def _cut(ring: Float64Array, value: Float64Array) -> tuple[Float64Array, Float64Array]:
    """The part of a ring (M, 2) where a value linear in place is not negative, and the value."""
    next_ring, next_value = np.roll(ring, -1, axis=0), np.roll(value, -1)
    points: list[Float64Array] = []
    values: list[float] = []
    for here, there, v, w in zip(ring, next_ring, value, next_value, strict=True):
        if v >= 0.0:
            points.append(here)
            values.append(float(v))
        if (v >= 0.0) != (w >= 0.0):
            points.append(here + v / (v - w) * (there - here))
            values.append(0.0)
    return np.array(points).reshape(-1, 2), np.array(values)


__all__ = [
    "DORI_2014",
    "IEC_2025",
    "LADDERS",
    "Ladder",
    "Step",
    "dead_zone_m",
    "depth_at_px_per_m",
    "face_pitch_deg",
    "footprint",
    "picture_border",
    "px_per_m_at",
    "step_named",
]
