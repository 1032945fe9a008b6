"""The pinhole camera in the plan frame.

Axes: the plan frame has x right, y up, z up from the floor, in metres. Pixels are (u right,
v down) with the origin at the top left corner of the picture. `pan_deg` is the direction of the
optical axis on the plan, counter-clockwise from +x; `tilt_deg` is how far it looks below the
horizon; `roll_deg` turns the camera clockwise as seen from behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vision.arrays import BoolArray, Float64Array
from vision.errors import GeometryError
from vision.geometry.planes import Plane

_UNDISTORT_STEPS = 20
# A step this small, in focal lengths, is rounding: four or five lead there in a valid field.
_SETTLED = 1e-15


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a camera hangs and where it looks (see the module for the axes)."""

    x_m: float
    y_m: float
    z_m: float
    pan_deg: float
    tilt_deg: float
    roll_deg: float = 0.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x_m, self.y_m, self.z_m, self.pan_deg)):
            raise GeometryError("a pose needs finite numbers")
        if not -90.0 <= self.tilt_deg <= 90.0:
            raise GeometryError(f"tilt must lie in -90..90 degrees, got {self.tilt_deg:g}")

    def axes(self) -> Float64Array:
        """Rows right, down, forward of the camera in the plan frame: shape (3, 3), orthonormal."""
        pan, tilt, roll = (math.radians(a) for a in (self.pan_deg, self.tilt_deg, self.roll_deg))
        forward = np.array(
            [math.cos(tilt) * math.cos(pan), math.cos(tilt) * math.sin(pan), -math.sin(tilt)]
        )
        level_right = np.array([math.sin(pan), -math.cos(pan), 0.0])
        # forward x level_right, written out: audits take many thousand poses.
        level_down = np.array(
            [-math.sin(tilt) * math.cos(pan), -math.sin(tilt) * math.sin(pan), -math.cos(tilt)]
        )
        right = math.cos(roll) * level_right + math.sin(roll) * level_down
        down = -math.sin(roll) * level_right + math.cos(roll) * level_down
        return np.stack([right, down, forward])


@dataclass(frozen=True, slots=True)
class Lens:
    """Focal length and radial distortion for one picture size.

    `k1` and `k2` are the Brown coefficients on normalised image coordinates:
    distorted = ideal * (1 + k1 r^2 + k2 r^4). Square pixels, principal point at the centre unless
    stated.
    """

    width_px: int
    height_px: int
    focal_px: float
    k1: float = 0.0
    k2: float = 0.0
    centre_u_px: float | None = None
    centre_v_px: float | None = None

    def __post_init__(self) -> None:
        if self.width_px < 16 or self.height_px < 16:
            raise GeometryError(f"picture of {self.width_px}x{self.height_px} px is too small")
        if not (math.isfinite(self.focal_px) and self.focal_px > 0):
            raise GeometryError(f"focal length must be positive, got {self.focal_px:g} px")

    @classmethod
    def from_hfov(
        cls, width_px: int, height_px: int, hfov_deg: float, k1: float = 0.0, k2: float = 0.0
    ) -> Lens:
        """A lens from its horizontal field of view, 1 to 170 degrees (ideal, before distortion)."""
        if not 1.0 <= hfov_deg <= 170.0:
            raise GeometryError(
                f"horizontal field of view must lie in 1..170 degrees, got {hfov_deg:g}"
            )
        focal_px = width_px / (2.0 * math.tan(math.radians(hfov_deg) / 2.0))
        return cls(width_px, height_px, focal_px, k1, k2)

    @property
    def hfov_deg(self) -> float:
        return math.degrees(2.0 * math.atan(self.width_px / (2.0 * self.focal_px)))

    @property
    def vfov_deg(self) -> float:
        return math.degrees(2.0 * math.atan(self.height_px / (2.0 * self.focal_px)))

    @property
    def centre_uv_px(self) -> Float64Array:
        return np.array(
            [
                self.width_px / 2.0 if self.centre_u_px is None else self.centre_u_px,
                self.height_px / 2.0 if self.centre_v_px is None else self.centre_v_px,
            ]
        )

    def distort(self, ideal: Float64Array) -> Float64Array:
        """Ideal normalised coordinates (N, 2) to distorted ones (N, 2)."""
        r2 = np.sum(ideal**2, axis=-1, keepdims=True)
        return np.asarray(ideal * (1.0 + self.k1 * r2 + self.k2 * r2**2))

    def undistort(self, distorted: Float64Array) -> Float64Array:
        """Inverse of `distort`, by Newton's method on the radius; within the lens's valid field."""
        bent = np.array(distorted, dtype=np.float64)
        if self.k1 == 0.0 and self.k2 == 0.0:
            return bent
        target = np.linalg.norm(bent, axis=-1, keepdims=True)
        radius = target.copy()
        for _ in range(_UNDISTORT_STEPS):
            r2 = radius**2
            error = radius * (1.0 + self.k1 * r2 + self.k2 * r2**2) - target
            slope = 1.0 + 3.0 * self.k1 * r2 + 5.0 * self.k2 * r2**2
            # Past the fold of a barrel lens the slope turns; hold the step inside the valid field.
            step = error / np.maximum(slope, 0.05)
            radius = radius - step
            if not np.any(np.abs(step) > _SETTLED):
                break
        scale = np.divide(radius, target, out=np.ones_like(radius), where=target > 0)
        return np.asarray(bent * scale)

    def in_field(self, ideal: Float64Array) -> BoolArray:
        """Whether ideal coordinates (N, 2) lie inside the fold of the distortion: shape (N,).

        Past the fold the polynomial maps outside points back into the picture, where they are not.
        """
        r2 = np.sum(ideal**2, axis=-1)
        with np.errstate(invalid="ignore"):
            return np.asarray(1.0 + 3.0 * self.k1 * r2 + 5.0 * self.k2 * r2**2 > 0.05)

    def scaled_to(self, width_px: int, height_px: int) -> Lens:
        """The same lens for another picture size of the same field of view."""
        scale = width_px / self.width_px
        centre = self.centre_uv_px * [scale, height_px / self.height_px]
        return Lens(
            width_px,
            height_px,
            self.focal_px * scale,
            self.k1,
            self.k2,
            float(centre[0]),
            float(centre[1]),
        )


@dataclass(frozen=True, slots=True)
class Camera:
    """A calibrated camera: pose and lens in one plan frame."""

    pose: Pose
    lens: Lens

    @property
    def position_xyz_m(self) -> Float64Array:
        return np.array([self.pose.x_m, self.pose.y_m, self.pose.z_m])

    def project(self, points_xyz_m: Float64Array) -> tuple[Float64Array, BoolArray]:
        """Plan-frame points (N, 3) to pixels (N, 2) and whether each lies in the picture (N,).

        Points behind the camera get NaN pixels.
        """
        points = np.atleast_2d(np.asarray(points_xyz_m, dtype=np.float64))
        in_camera = (points - self.position_xyz_m) @ self.pose.axes().T
        depth = in_camera[:, 2:3]
        ahead = depth[:, 0] > 1e-6
        ideal = np.full((len(points), 2), np.nan)
        ideal[ahead] = in_camera[ahead, :2] / depth[ahead]
        uv_px = self.lens.distort(ideal) * self.lens.focal_px + self.lens.centre_uv_px
        size = np.array([self.lens.width_px, self.lens.height_px])
        with np.errstate(invalid="ignore"):
            in_picture = np.all((uv_px >= 0) & (uv_px < size), axis=1)
        inside = ahead & self.lens.in_field(ideal) & in_picture
        return uv_px, inside

    def rays(self, uv_px: Float64Array) -> Float64Array:
        """Unit directions (N, 3) in the plan frame of the pixels (N, 2)."""
        pixels = np.atleast_2d(np.asarray(uv_px, dtype=np.float64))
        ideal = self.lens.undistort((pixels - self.lens.centre_uv_px) / self.lens.focal_px)
        directions = np.column_stack([ideal, np.ones(len(ideal))]) @ _axes_of(self.pose)
        return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))

    def to_plane(self, uv_px: Float64Array, plane: Plane) -> Float64Array:
        """Pixels (N, 2) to plan points (N, 2) in metres where their rays meet `plane`.

        NaN where the ray runs at or above the plane's horizon.
        """
        return self.rays_to_plane(self.rays(uv_px), plane)

    def rays_to_plane(self, rays: Float64Array, plane: Plane) -> Float64Array:
        """As `to_plane`, for rays (N, 3) that `rays` gave."""
        origin = self.position_xyz_m
        rate = rays[:, 2] - plane.slope_x * rays[:, 0] - plane.slope_y * rays[:, 1]
        gap = origin[2] - float(plane.z_at(origin[None, :2])[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = -gap / rate
        hit = np.isfinite(distance) & (distance > 1e-6)
        points = np.full((len(rays), 2), np.nan)
        points[hit] = origin[:2] + distance[hit, None] * rays[hit, :2]
        return points


@lru_cache(maxsize=256)
def _axes_of(pose: Pose) -> Float64Array:
    """`Pose.axes`, read-only: a camera asks for it several times a picture."""
    axes = pose.axes()
    axes.flags.writeable = False
    return axes
