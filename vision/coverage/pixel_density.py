"""How finely a camera shows a place: pixels per metre, footprints, dead zone and face pitch.

Pixel density is focal length in pixels over the depth along the optical axis, px/m = f / depth,
for detail across the line of sight; detail along an upright body shrinks further with the cosine
of the angle at which the camera looks down. A bent lens draws finer at the centre than at the
edge: there the density is less by `fineness`.

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

from vision.arrays import BoolArray, Float64Array
from vision.errors import GeometryError
from vision.geometry.camera import Camera, Lens
from vision.geometry.planes import Plane
from vision.geometry.visibility import polygonal

_BORDER_POINTS_A_SIDE = 24
_RADII = 96
_ARC_POINTS = 64
_WIDE_STEP_RAD = 0.05
# Below every fineness within the picture, which ends at the fold.
_LEAST_FINENESS = 0.01
# Finer than any corner of a picture; joins the halves of a shape along their common edge.
_JOIN = 1e-9


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


def fineness(lens: Lens, ideal_r2: Float64Array) -> Float64Array:
    """How finely a bent lens draws at squared ideal radii, against its centre: 0..1, any shape.

    The Brown polynomial r (1 + k1 r^2 + k2 r^4) stretches by 1 + k1 r^2 + k2 r^4 round the centre
    and by its slope, 1 + 3 k1 r^2 + 5 k2 r^4, away from it; the smaller of the two counts. Never
    more than 1, so that focal length over depth bounds the density of every lens.
    """
    r4 = ideal_r2**2
    around = 1.0 + lens.k1 * ideal_r2 + lens.k2 * r4
    outwards = 1.0 + 3.0 * lens.k1 * ideal_r2 + 5.0 * lens.k2 * r4
    return np.asarray(np.clip(np.minimum(around, outwards), 0.0, 1.0))


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
    in_camera = offset[inside] @ camera.pose.axes().T
    depth = in_camera[:, 2]
    density = np.zeros(len(points))
    density[inside] = camera.lens.focal_px / depth
    if not is_ideal(camera.lens):
        ideal_r2 = np.sum((in_camera[:, :2] / depth[:, None]) ** 2, axis=1)
        density[inside] *= fineness(camera.lens, ideal_r2)
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

    With ray direction x right + y down + forward, depth is gap / q(x, y) with q linear in x and y,
    so on the picture of an ideal lens both limits, like the horizon, are straight lines. The part
    of the picture within them is thrown onto the plane; without distortion that is exact. Nothing
    stands in the way here, see `vision.geometry.visibility` for that; and a plane is seen from
    below too, see `vision.geometry.undersides`.

    Raises:
        GeometryError: when the range or the density is not positive.
    """
    if not (math.isfinite(range_m) and range_m > 0.0):
        raise GeometryError(f"the range must be a positive number of metres, got {range_m:g}")
    finest = math.inf if least_px_per_m is None else depth_at_px_per_m(camera, least_px_per_m)
    axes, place = camera.pose.axes(), camera.position_xyz_m
    gap = place[2] - float(plane.z_at(place[None, :2])[0])
    if abs(gap) < 1e-6:
        return MultiPolygon()
    # q is the rate at which a ray sinks to the plane (or rises to it, from below).
    sink = np.sign(gap) * (plane.slope_x * axes[:, 0] + plane.slope_y * axes[:, 1] - axes[:, 2])
    part = _shown_part(camera, sink, abs(gap) / range_m, abs(gap) / finest)

    def thrown(xy: Float64Array) -> Float64Array:
        depth = abs(gap) / (xy @ sink[:2] + sink[2])
        rays = np.column_stack([xy, np.ones(len(xy))]) @ axes[:, :2]
        return np.asarray(place[:2] + depth[:, None] * rays)

    shape = _valid(shapely.transform(part, thrown))
    offset = shapely.get_coordinates(shape) - place[:2]
    if len(offset) and np.hypot(offset[:, 0], offset[:, 1]).max() > range_m:
        shape = shapely.intersection(shape, Point(place[:2]).buffer(range_m, quad_segs=32))
    return polygonal(shape)


def _shown_part(
    camera: Camera, sink: Float64Array, least_for_range: float, least_for_density: float
) -> BaseGeometry:
    """The picture in ideal coordinates where rays sink fast enough for the range and the density.

    Args:
        sink: (3,) q(x, y) = sink . (x, y, 1).
        least_for_range, least_for_density: the least q for either, at the centre of the picture.
    """
    border = picture_border(camera)
    if is_ideal(camera.lens) or least_for_density == 0.0:
        least = max(least_for_range, least_for_density)
        return _polygon(_cut(border, border @ sink[:2] + sink[2] - least))
    radii = np.linspace(0.0, 1.05 * float(np.hypot(*border.T).max()), _RADII)
    fine = np.maximum(fineness(camera.lens, radii**2), _LEAST_FINENESS)
    steep = _steep_part(sink, radii, np.maximum(least_for_range, least_for_density / fine))
    return shapely.intersection(_polygon(border), steep)


def _steep_part(sink: Float64Array, radii: Float64Array, least: Float64Array) -> BaseGeometry:
    """Where q(x, y) = sink . (x, y, 1) is `least` or more, which varies with the radius alone.

    On the circle of radius r that is an arc about the direction in which q grows, of half angle
    acos((least - q(0)) / (r |grad q|)). So the shape's edge is known on each circle.

    Args:
        radii: (R,) ascending from 0, on the picture in ideal coordinates.
        least: (R,) for each radius.
    """
    # A camera that looks square at the plane has no such direction: any will do.
    slope, turn = max(float(np.hypot(*sink[:2])), 1e-9), math.atan2(sink[1], sink[0])
    # The circles on which the arc opens, and on which it closes to the whole circle, belong too.
    circles = np.column_stack([radii, least - sink[2]])
    circles = _with_roots(circles, circles[:, 1] - slope * circles[:, 0])
    circles = _with_roots(circles, circles[:, 1] + slope * circles[:, 0])
    half = _half_angle(circles, slope)
    circles = _refined(circles, np.abs(np.diff(half)) > _WIDE_STEP_RAD)
    half, radii = _half_angle(circles, slope), circles[:, 0]
    open_arc = circles[:, 1] - slope * radii <= 1e-12
    halves = []
    for run in np.split(np.arange(len(radii)), np.flatnonzero(np.diff(open_arc)) + 1):
        if not open_arc[run[0]] or len(run) < 2:
            continue
        last, first = (half[end] * np.linspace(0, 1, _ARC_POINTS) for end in (run[-1], run[0]))
        angle = np.concatenate([half[run], last[::-1], first])
        ends = np.repeat(radii[[run[-1], run[0]]], _ARC_POINTS)
        radius = np.concatenate([radii[run], ends])
        for side in (1.0, -1.0):
            spread = turn + side * angle
            ring = np.column_stack([radius * np.cos(spread), radius * np.sin(spread)])
            halves.append(_valid(Polygon(ring)))
    return shapely.union_all([*halves, MultiPolygon()], grid_size=_JOIN)


def _half_angle(circles: Float64Array, slope: float) -> Float64Array:
    """Half angle (R,) of the arc on each circle, rows (radius, least - q(0)) of `circles`."""
    radii, missing = circles.T
    return np.asarray(np.arccos(np.clip(missing / np.maximum(slope * radii, 1e-15), -1.0, 1.0)))


def _with_roots(circles: Float64Array, value: Float64Array) -> Float64Array:
    """Rows with those added between two of them at which `value` (R,) changes its sign."""
    at = np.flatnonzero((value[:-1] > 0.0) != (value[1:] > 0.0))
    share = (value[at] / (value[at] - value[at + 1]))[:, None]
    return np.insert(circles, at + 1, circles[at] + share * (circles[at + 1] - circles[at]), axis=0)


def _refined(circles: Float64Array, wide: BoolArray) -> Float64Array:
    """Rows with more of them between two where `wide` (R - 1,); closest to the ends."""
    share = (1.0 - np.cos(np.linspace(0.0, math.pi, _ARC_POINTS)[1:-1])) / 2.0
    at = np.flatnonzero(wide)
    step = circles[at + 1] - circles[at]
    more = circles[at][:, None] + share[:, None] * step[:, None]
    where = np.repeat(at + 1, len(share))
    return np.insert(circles, where, more.reshape(-1, circles.shape[1]), axis=0)


def _polygon(ring: Float64Array) -> BaseGeometry:
    return _valid(Polygon(ring)) if len(ring) >= 3 else MultiPolygon()


def _valid(shape: BaseGeometry) -> BaseGeometry:
    return shape if shape.is_valid else shapely.make_valid(shape)


def picture_border(camera: Camera) -> Float64Array:
    """The picture's edge in ideal normalised coordinates (M, 2), distortion undone."""
    lens = camera.lens
    points = 1 if is_ideal(lens) else _BORDER_POINTS_A_SIDE
    share = np.linspace(0.0, 1.0, points, endpoint=False)
    zero, one = np.zeros_like(share), np.ones_like(share)
    sides = [(share, zero), (one, share), (1.0 - share, one), (zero, 1.0 - share)]
    unit = np.vstack([np.column_stack(side) for side in sides])
    pixels = unit * [lens.width_px, lens.height_px]
    return lens.undistort(_within_fold(lens, (pixels - lens.centre_uv_px) / lens.focal_px))


def _within_fold(lens: Lens, distorted: Float64Array) -> Float64Array:
    """Distorted coordinates (N, 2), drawn in to the largest radius that the lens maps to.

    The corners of a strongly bent picture can lie past the fold, where nothing is depicted.
    """
    if is_ideal(lens):
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


def _cut(ring: Float64Array, value: Float64Array) -> Float64Array:
    """The part of a ring (M, 2) where a value (M,) that is linear in place is not negative."""
    next_ring, next_value = np.roll(ring, -1, axis=0), np.roll(value, -1)
    points: list[Float64Array] = []
    for here, there, v, w in zip(ring, next_ring, value, next_value, strict=True):
        if v >= 0.0:
            points.append(here)
        if (v >= 0.0) != (w >= 0.0):
            points.append(here + v / (v - w) * (there - here))
    return np.array(points).reshape(-1, 2)


def is_ideal(lens: Lens) -> bool:
    """Whether straight lines stay straight on its pictures."""
    return lens.k1 == 0.0 and lens.k2 == 0.0


__all__ = [
    "DORI_2014",
    "IEC_2025",
    "LADDERS",
    "Ladder",
    "Step",
    "dead_zone_m",
    "depth_at_px_per_m",
    "face_pitch_deg",
    "fineness",
    "footprint",
    "is_ideal",
    "picture_border",
    "px_per_m_at",
    "step_named",
]
