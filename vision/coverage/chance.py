"""How sure it is that a camera sees a place, when its pose and lens are known only roughly.

A camera hung one degree off its plan sees another strip of the yard. So a place counts as covered
where the chance of seeing it, over the errors of pose and lens, is at least 0.95. The chance is
counted by projecting points through many cameras drawn from the errors; the draws are fixed by
the camera's id, so the same site gives the same figures and another camera changes none of them.
Errors of different cameras are taken as independent of each other.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.special import ndtri
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from vision.arrays import BoolArray, Float64Array
from vision.coverage.pixel_density import depth_at_px_per_m, fineness, is_ideal
from vision.errors import GeometryError
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera, Pose
from vision.geometry.planes import Plane
from vision.geometry.visibility import Eye, GeometryArray, polygonal, visible_region

DRAWS = 128
_EYES = 8
# Small enough that the BLAS library does not wake a thread pool for each product.
_POINTS_AT_ONCE = 96


@dataclass(frozen=True, slots=True)
class PoseError:
    """Standard errors of a camera's pose and lens.

    The defaults are for a camera that hangs as drawn and was never calibrated; `CALIBRATED` is
    for one whose pose was fitted to clicked points. Both are this project's reading of what
    installers reach, not a standard.
    """

    pan_deg: float = 1.5
    tilt_deg: float = 1.5
    roll_deg: float = 0.5
    place_m: float = 0.1
    height_m: float = 0.1
    hfov_deg: float = 1.0

    def __post_init__(self) -> None:
        for name in ("pan_deg", "tilt_deg", "roll_deg", "place_m", "height_m", "hfov_deg"):
            if not 0.0 <= getattr(self, name) < 45.0:
                raise GeometryError(f"the standard error {name} must lie in 0..45")


CALIBRATED = PoseError(0.3, 0.3, 0.3, 0.05, 0.05, 0.5)
EXACT = PoseError(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class CameraDraws:
    """One camera drawn many times from its errors.

    Attributes:
        axes: (S, 3, 3) float64, rows right, down, forward of each draw.
        focal_px: (S,) float64.
        eyes_xyz_m: (E, 3) float64; draw s hangs at eye s modulo E, so that occlusion, which
            depends on the place alone, is worked out E times instead of S.
    """

    camera: Camera
    axes: Float64Array
    focal_px: Float64Array
    eyes_xyz_m: Float64Array

    @classmethod
    def of(cls, camera_id: str, camera: Camera, error: PoseError) -> CameraDraws:
        """The draws of a camera, equal for an equal id, pose and error."""
        seed = zlib.crc32(camera_id.encode())
        turns = _normal(4, DRAWS, seed) * [
            error.pan_deg,
            error.tilt_deg,
            error.roll_deg,
            error.hfov_deg,
        ]
        moves = _normal(3, _EYES, seed + 1) * [error.place_m, error.place_m, error.height_m]
        pose, lens = camera.pose, camera.lens
        poses = [
            Pose(
                pose.x_m,
                pose.y_m,
                pose.z_m,
                pose.pan_deg + float(pan),
                min(90.0, max(-90.0, pose.tilt_deg + float(tilt))),
                pose.roll_deg + float(roll),
            )
            for pan, tilt, roll, _ in turns
        ]
        hfov = np.clip(lens.hfov_deg + turns[:, 3], 1.0, 170.0)
        focal_px = lens.width_px / (2.0 * np.tan(np.radians(hfov) / 2.0))
        axes = np.stack([drawn.axes() for drawn in poses])
        return cls(camera, axes, focal_px, camera.position_xyz_m + moves)

    def visible(self, barriers: Barriers, plane: Plane, range_m: float) -> list[MultiPolygon]:
        """What each drawn eye could see of `plane` all round, within `range_m`."""
        pose = self.camera.pose
        drawn_at = _before_walls(barriers, self.camera.position_xyz_m[:2], self.eyes_xyz_m[:, :2])
        off_x, off_y = Eye(pose.x_m, pose.y_m, pose.z_m, pose.pan_deg).off_walls(barriers)
        hung = (float(off_x), float(off_y))
        eyes = [
            Eye(float(x), float(y), float(z), pose.pan_deg, hung)
            for (x, y), z in zip(drawn_at, self.eyes_xyz_m[:, 2], strict=True)
        ]
        return [visible_region(barriers, eye, plane=plane, range_m=range_m) for eye in eyes]

    def hits(
        self,
        points_xyz_m: Float64Array,
        px_per_m: float,
        visible: Sequence[MultiPolygon],
        *,
        range_m: float = math.inf,
    ) -> BoolArray:
        """Which draw sees which point (N, 3) at that density or better: (S, N).

        Args:
            visible: what each drawn eye could see all round.
            range_m: on the plan, beyond which nothing counts.
        """
        seen = np.zeros((len(self.axes), len(points_xyz_m)), dtype=np.bool_)
        near = np.flatnonzero(self._may_see(points_xyz_m, px_per_m))
        if not len(near):
            return seen
        x_m, y_m = points_xyz_m[near, 0], points_xyz_m[near, 1]
        open_sight = np.stack([shapely.contains_xy(region, x_m, y_m) for region in visible])
        eyes = self.eyes_xyz_m[:, :, None]
        open_sight &= np.hypot(x_m - eyes[:, 0], y_m - eyes[:, 1]) <= range_m
        # Walls hide most of a floor, and are quick to ask: only the rest is put into pictures.
        shown = open_sight.any(axis=0)
        near, open_sight = near[shown], open_sight[:, shown]
        eye_of_draw = np.arange(len(self.axes)) % len(self.eyes_xyz_m)
        for start in range(0, len(near), _POINTS_AT_ONCE):
            part = slice(start, start + _POINTS_AT_ONCE)
            inside = self._in_picture(points_xyz_m[near[part]], px_per_m)
            seen[:, near[part]] = inside & open_sight[eye_of_draw, part]
        return seen

    def in_shapes(
        self, points_xy_m: Float64Array, shapes_of_eyes: Sequence[BaseGeometry]
    ) -> BoolArray:
        """Which point (N, 2) lies in the shape of the eye of which draw: (S, N)."""
        held = np.zeros((len(self.eyes_xyz_m), len(points_xy_m)), dtype=np.bool_)
        for row, shape in enumerate(shapes_of_eyes):
            if not shape.is_empty:
                held[row] = shapely.intersects_xy(shape, points_xy_m[:, 0], points_xy_m[:, 1])
        return np.asarray(held[np.arange(len(self.axes)) % len(held)])

    def _may_see(self, points_xyz_m: Float64Array, px_per_m: float) -> np.ndarray:
        """Points that some draw could see, judged roughly and generously."""
        lens = self.camera.lens
        offset = points_xyz_m - self.camera.position_xyz_m
        reach = float(self.focal_px.max()) / px_per_m + 1.0
        half_wide = math.hypot(lens.width_px, lens.height_px) / (2.0 * float(self.focal_px.min()))
        # Barrel distortion shows more than the ideal lens would; then only depth is judged.
        half_rad = math.atan(half_wide) + math.radians(10.0) if is_ideal(lens) else math.pi / 2.0
        distance = np.linalg.norm(offset, axis=1)
        depth = offset @ self.camera.pose.axes()[2]
        near = distance < 1.0
        return np.asarray(near | ((depth < reach) & (depth > distance * math.cos(half_rad))))

    def _in_picture(self, points_xyz_m: Float64Array, px_per_m: float) -> BoolArray:
        """Whether each point (N, 3) falls into the picture of each draw at the density: (S, N)."""
        if is_ideal(self.camera.lens):
            return self._within_sides(points_xyz_m, px_per_m)
        lens = self.camera.lens
        centre_u, centre_v = lens.centre_uv_px
        focal = self.focal_px[:, None]
        turned = np.matmul(points_xyz_m[None] - self._eyes()[:, None], self.axes.transpose(0, 2, 1))
        depth = turned[..., 2]
        inside = (depth > 1e-6) & (depth * px_per_m <= focal)
        ideal = turned[..., :2] / np.where(inside, depth, 1.0)[..., None]
        inside &= depth * px_per_m <= focal * fineness(lens, np.sum(ideal**2, axis=-1))
        bent = lens.distort(ideal) * focal[..., None] + [centre_u, centre_v]
        inside &= lens.in_field(ideal)
        inside &= np.all((bent >= 0) & (bent <= [lens.width_px, lens.height_px]), axis=-1)
        return np.asarray(inside)

    def _within_sides(self, points_xyz_m: Float64Array, px_per_m: float) -> BoolArray:
        """The same for an ideal lens: a picture is four planes through the eye and one of depth.

        Five linear forms a draw, so that all draws are one matrix product.
        """
        lens = self.camera.lens
        centre_u, centre_v = lens.centre_uv_px
        right, down, forward = self.axes[:, 0], self.axes[:, 1], self.axes[:, 2]
        per_px = forward / self.focal_px[:, None]
        normals = np.stack(
            [
                right + centre_u * per_px,
                (lens.width_px - centre_u) * per_px - right,
                down + centre_v * per_px,
                (lens.height_px - centre_v) * per_px - down,
                -forward,
            ],
            axis=1,
        )
        # About the drawn place, where single precision is finer than any wall is straight.
        origin = self.camera.position_xyz_m
        offsets = -np.einsum("sk,sjk->sj", self._eyes() - origin, normals)
        offsets[:, 4] += self.focal_px / px_per_m
        forms = np.concatenate([normals, offsets[:, :, None]], axis=2).reshape(-1, 4)
        places = np.column_stack([points_xyz_m - origin, np.ones(len(points_xyz_m))])
        values = forms.astype(np.float32) @ places.T.astype(np.float32)
        return np.asarray((values >= 0.0).reshape(len(self.axes), 5, -1).all(axis=1))

    def _eyes(self) -> Float64Array:
        """The eye of each draw: (S, 3)."""
        return np.asarray(self.eyes_xyz_m[np.arange(len(self.axes)) % len(self.eyes_xyz_m)])


def _before_walls(
    barriers: Barriers, place_xy_m: Float64Array, moved_xy_m: Float64Array
) -> Float64Array:
    """Moved places (E, 2), stopped where the way from the drawn place meets a barrier.

    A camera drawn 0.1 m before a wall may hang nearer to it, never inside it.
    """
    segments = barriers.drawn.segments_xyxy_m
    way = moved_xy_m - place_xy_m
    start, along = segments[:, :2] - place_xy_m, segments[:, 2:] - segments[:, :2]
    across = way[:, :1] * along[:, 1] - way[:, 1:] * along[:, 0]
    offset = start[:, 0] * along[:, 1] - start[:, 1] * along[:, 0]
    u_offset = way[:, 1:] * start[:, 0] - way[:, :1] * start[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share, u = offset / across, u_offset / across
    meets = (share >= 0.0) & (share <= 1.0) & (u >= 0.0) & (u <= 1.0)
    allowed = np.where(meets, 0.95 * share, 1.0).min(axis=1, initial=1.0)
    return np.asarray(place_xy_m + allowed[:, None] * way)


def _normal(dimensions: int, count: int, seed: int) -> Float64Array:
    """Standard normal draws (count, dimensions) spread evenly (Sobol), equal for equal seed."""
    # scipy.stats takes a second to load; only audits with chance draw these.
    from scipy.stats import qmc

    uniform = qmc.Sobol(dimensions, rng=np.random.default_rng(seed)).random(count)
    return np.asarray(ndtri(np.clip(uniform, 1e-6, 1.0 - 1e-6)))


@dataclass(frozen=True, slots=True)
class Cells:
    """A polygon cut into squares, each with a point inside it that stands for it.

    Attributes:
        outlines: (N,) shapely polygons; squares cut at the polygon's edge.
        points_xy_m: (N, 2) float64, inside the outlines.
    """

    outlines: GeometryArray
    points_xy_m: Float64Array

    @classmethod
    def of(cls, polygon: BaseGeometry, side_m: float) -> Cells:
        """Cut `polygon` at multiples of `side_m`."""
        left, low, right, high = polygon.bounds if not polygon.is_empty else (0, 0, 0, 0)
        xs = np.arange(math.floor(left / side_m), math.ceil(right / side_m)) * side_m
        ys = np.arange(math.floor(low / side_m), math.ceil(high / side_m)) * side_m
        x, y = (axis.ravel() for axis in np.meshgrid(xs, ys))
        squares = shapely.box(x, y, x + side_m, y + side_m)
        shapely.prepare(polygon)
        whole = shapely.contains_properly(polygon, squares)
        cut = shapely.intersection(squares[~whole & shapely.intersects(polygon, squares)], polygon)
        cut = cut[shapely.area(cut) > 1e-9]
        inside = shapely.point_on_surface(cut)
        points = np.concatenate(
            [
                np.column_stack([x[whole], y[whole]]) + side_m / 2.0,
                np.column_stack([shapely.get_x(inside), shapely.get_y(inside)]),
            ]
        )
        return cls(np.concatenate([squares[whole], cut]), points)

    def union_where(self, keep: np.ndarray) -> MultiPolygon:
        """The cells marked in `keep` (N,) as one shape."""
        if not keep.any():
            return MultiPolygon()
        return polygonal(shapely.union_all(_merged_rows(self.outlines[keep])))


def _merged_rows(outlines: GeometryArray) -> GeometryArray:
    """Cells with equal lower and upper edge that touch side by side, joined into strips."""
    bounds = shapely.bounds(outlines)
    square = np.isclose(
        shapely.area(outlines), (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
    )
    rest, bounds = outlines[~square], bounds[square]
    bounds = bounds[np.lexsort((bounds[:, 0], bounds[:, 3], bounds[:, 1]))]
    if not len(bounds):
        return np.asarray(rest)
    joined = (
        np.isclose(bounds[1:, 0], bounds[:-1, 2])
        & (bounds[1:, 1] == bounds[:-1, 1])
        & (bounds[1:, 3] == bounds[:-1, 3])
    )
    first = np.flatnonzero(np.concatenate([[True], ~joined]))
    last = np.append(first[1:], len(bounds)) - 1
    strips = shapely.box(bounds[first, 0], bounds[first, 1], bounds[last, 2], bounds[first, 3])
    return np.asarray(np.concatenate([strips, rest]), dtype=np.object_)


def chance_of_at_least(chances: Float64Array, count: int) -> Float64Array:
    """Chance that at least `count` of the cameras see each place.

    Args:
        chances: (cameras, N) chance of each camera by itself, independent of the others.
        count: 1 or more.
    """
    fewer = np.zeros((count, chances.shape[1]))
    fewer[0] = 1.0
    for chance in chances:
        fewer[1:] = fewer[1:] * (1.0 - chance) + fewer[:-1] * chance
        fewer[0] *= 1.0 - chance
    return np.asarray(1.0 - fewer.sum(axis=0))


def reach_m(camera: Camera, px_per_m: float, range_m: float) -> float:
    """Plan distance beyond which the camera cannot show that density, errors included."""
    lens = camera.lens
    wide = math.hypot(1.0, lens.width_px / (2.0 * lens.focal_px))
    return min(range_m, 1.15 * wide * depth_at_px_per_m(camera, px_per_m) + 1.0)


__all__ = [
    "CALIBRATED",
    "DRAWS",
    "EXACT",
    "CameraDraws",
    "Cells",
    "PoseError",
    "chance_of_at_least",
    "reach_m",
]
