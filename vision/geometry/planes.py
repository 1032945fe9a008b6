"""Planes of the plan frame: floors, landings and stair flights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision.arrays import Float64Array
from vision.errors import GeometryError


@dataclass(frozen=True, slots=True)
class Plane:
    """The surface z = slope_x * x + slope_y * y + z0_m in the metric plan frame.

    x right, y up on the plan, z up from the floor's zero level, all in metres. A level floor has
    both slopes 0; a stair flight is the plane through its nosings.
    """

    z0_m: float = 0.0
    slope_x: float = 0.0
    slope_y: float = 0.0

    @classmethod
    def through(cls, points_xyz_m: Float64Array) -> Plane:
        """The plane through three or more points (N, 3); least squares when more than three.

        Raises:
            GeometryError: when the points lie on one line in plan, or the plane is steeper than
                45 degrees (no stair is).
        """
        points = np.asarray(points_xyz_m, dtype=np.float64)
        design = np.column_stack([points[:, :2], np.ones(len(points))])
        if len(points) < 3 or np.linalg.matrix_rank(design, tol=1e-9) < 3:
            raise GeometryError("a plane needs three points that are not on one line in plan")
        slope_x, slope_y, z0_m = np.linalg.lstsq(design, points[:, 2], rcond=None)[0]
        if np.hypot(slope_x, slope_y) > 1.0:
            raise GeometryError("the plane is steeper than 45 degrees")
        return cls(z0_m=float(z0_m), slope_x=float(slope_x), slope_y=float(slope_y))

    def z_at(self, points_xy_m: Float64Array) -> Float64Array:
        """Height in metres above plan points of shape (N, 2); returns (N,)."""
        points = np.asarray(points_xy_m, dtype=np.float64)
        return self.slope_x * points[..., 0] + self.slope_y * points[..., 1] + self.z0_m

    def raised(self, height_m: float) -> Plane:
        """The plane `height_m` vertically above this one: the head plane of standing people."""
        return Plane(self.z0_m + height_m, self.slope_x, self.slope_y)


LEVEL_FLOOR = Plane()
