"""What one camera sees of one zone: which plan cells, how well, and where its pixels lie."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from scipy import sparse

from vision.arrays import BoolArray, Float64Array
from vision.errors import NotVisibleError
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera
from vision.geometry.grid import CELL_M, PlanGrid
from vision.geometry.standing import Standing
from vision.geometry.visibility import Eye, visible_region
from vision.geometry.zones import Zone
from vision.observations import DensityMap

_MAP_SUBSAMPLES = 4


@dataclass(frozen=True, slots=True, eq=False)
class ZoneView:
    """A zone through one camera; built once, used for every picture.

    Attributes:
        seen: (rows, columns) cells of the zone whose head-plane point lies in the picture.
        shown: (rows, columns) those of them that no wall hides: nobody there means nobody. A wall
            that is drawn where none stands loses no head: people are counted wherever they are
            seen.
        pixels_per_m2: (rows, columns) picture area of a square metre of head plane; 0 unseen.
        cell_uv_px: (rows * columns, 2) where each cell's head-plane point lies in the picture.
        cell_xy_m: (rows * columns, 2) `cell_uv_px` back on the plan; NaN at the horizon.
    """

    camera: Camera
    zone: Zone
    grid: PlanGrid
    seen: BoolArray
    shown: BoolArray
    pixels_per_m2: Float64Array
    cell_uv_px: Float64Array
    cell_xy_m: Float64Array
    _standing: Standing = field(repr=False)
    _projections: dict[tuple[float, ...], sparse.csr_matrix] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def build(
        cls,
        camera: Camera,
        zone: Zone,
        grid: PlanGrid | None = None,
        walls: Barriers | None = None,
    ) -> ZoneView:
        """Look at `zone` with `camera`.

        Args:
            grid: the zone's grid, where other views of the zone share it.
            walls: what hides parts of the zone from this camera.

        Raises:
            NotVisibleError: when no part of the zone's head plane lies in the picture.
        """
        own = PlanGrid.over(zone.polygon_xy_m) if grid is None else grid
        plane = zone.head_plane
        corners = own.centres_xy_m
        uv_px, inside = camera.project(np.column_stack([corners, plane.z_at(corners)]))
        # A head plane seen from below shows no heads from above: hats hide what is behind them.
        below = camera.pose.z_m <= float(plane.z_at(camera.position_xyz_m[None, :2])[0])
        seen = inside & own.in_zone & (not below)
        if not seen.any():
            raise NotVisibleError(
                f"zone {zone.id}: this camera does not see any of it at head height "
                f"({zone.head_height_m:g} m above the walking surface)"
            )
        # Every picture asks which places lie in the zone: prepared, that costs a fraction.
        shapely.prepare(zone.polygon_xy_m)
        density = np.where(seen, _pixels_per_m2(camera, zone, corners), 0.0)
        return cls(
            camera,
            zone,
            own,
            seen.reshape(own.shape),
            (seen & _unhidden(camera, zone, corners, walls)).reshape(own.shape),
            density.reshape(own.shape),
            uv_px,
            camera.to_plane(uv_px, plane),
            Standing(camera, zone),
        )

    @property
    def visible_share(self) -> float:
        """Shown share of the zone's area, 0..1."""
        area = self.grid.area_m2
        return float(area[self.shown].sum() / area.sum())

    def locate(self, uv_px: Float64Array) -> Float64Array:
        """Head pixels (N, 2) to plan points (N, 2) on the zone's head plane; NaN at the horizon."""
        if not len(uv_px):
            return np.zeros((0, 2))
        return self.locate_rays(self.camera.rays(uv_px))

    def locate_rays(self, rays: Float64Array) -> Float64Array:
        """As `locate`, for rays (N, 3) of the camera through those pixels."""
        return self.camera.rays_to_plane(rays, self.zone.head_plane)

    def holds(self, points_xy_m: Float64Array) -> BoolArray:
        """Whether each plan point (N, 2) lies in the zone."""
        if not len(points_xy_m):
            return np.zeros(0, dtype=np.bool_)
        safe = np.nan_to_num(points_xy_m, nan=np.inf)
        with np.errstate(invalid="ignore"):
            inside = shapely.intersects_xy(self.zone.polygon_xy_m, safe[:, 0], safe[:, 1])
        return np.asarray(inside & np.isfinite(points_xy_m).all(axis=1))

    def shares(self, uv_px: Float64Array) -> tuple[Float64Array, Float64Array]:
        """With which share (N,), 0..1, heads at pixels (N, 2) count in the zone, and where (N, 2).

        1 or 0 in a zone on level floor; near the ends of a stair flight see
        `vision.geometry.standing`. The place lies in the zone where the share is above 0.
        """
        if not len(uv_px):
            return np.zeros(0), np.zeros((0, 2))
        rays = self.camera.rays(uv_px)
        return self.shares_of(rays, self.locate_rays(rays))

    def shares_of(
        self, rays: Float64Array, xy_m: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """As `shares`, for rays (N, 3) and the plan points (N, 2) that `locate_rays` gave."""
        if self._standing.has_landings:
            return self._standing.shares(rays)
        return self.holds(xy_m).astype(np.float64), xy_m

    def expected_head_px(self, points_xy_m: Float64Array, head_m: float = 0.23) -> Float64Array:
        """Height in pixels (N,) that a head of `head_m` has at plan points (N, 2)."""
        z = self.zone.head_plane.z_at(points_xy_m)
        offset = np.column_stack([points_xy_m, z]) - self.camera.position_xyz_m
        return np.asarray(
            self.camera.lens.focal_px * head_m / np.maximum(np.linalg.norm(offset, axis=1), 0.1)
        )

    def project_map(self, density: DensityMap) -> Float64Array:
        """People per plan cell (rows, columns) from a density map of this camera's picture.

        Every map cell is cut in 4 x 4 parts; each part's share goes to the plan cell on which its
        middle falls. So the sum equals the people of the map parts that lie in the zone: mass is
        moved, never scaled. This is the division by the Jacobian of picture to plan, done by
        counting. At the ends of a flight a part counts with its share (`shares`).
        """
        rows, columns = density.people_per_cell.shape
        cell_px = (density.cell_width_px, density.cell_height_px)
        key = (rows, columns, *cell_px, density.left_px, density.top_px)
        matrix = self._projections.get(key)
        if matrix is None:
            matrix = self._projection(density)
            # One entry a picture size; a camera has one or two.
            self._projections[key] = matrix
        people = np.asarray(density.people_per_cell, dtype=np.float64).ravel()
        return np.asarray(matrix @ people).reshape(self.grid.shape)

    def _projection(self, density: DensityMap) -> sparse.csr_matrix:
        rows, columns = density.people_per_cell.shape
        parts = _MAP_SUBSAMPLES
        corner_px = np.array([density.left_px, density.top_px])
        u = (np.arange(columns * parts) + 0.5) * density.cell_width_px / parts + corner_px[0]
        v = (np.arange(rows * parts) + 0.5) * density.cell_height_px / parts + corner_px[1]
        u, v = self._near_zone(u, 0), self._near_zone(v, 1)
        grid_u, grid_v = np.meshgrid(u, v)
        uv_px = np.column_stack([grid_u.ravel(), grid_v.ravel()])
        shares, plan = self.shares(uv_px)
        map_px = uv_px - corner_px
        map_column = (map_px[:, 0] / density.cell_width_px).astype(np.int64)
        map_row = (map_px[:, 1] / density.cell_height_px).astype(np.int64)
        cell = self.grid.cell_of(plan)
        keep = (shares > 0.0) & (cell >= 0)
        keep[keep] &= self.seen.ravel()[cell[keep]]
        entries = shares[keep] / parts**2
        at = (cell[keep], (map_row * columns + map_column)[keep])
        size = (self.grid.area_m2.size, rows * columns)
        return sparse.csr_matrix((entries, at), shape=size)

    def _near_zone(self, values_px: Float64Array, axis: int) -> Float64Array:
        """The pixel rows or columns that can meet the zone; saves work, changes nothing."""
        seen_px = self.cell_uv_px[self.seen.ravel(), axis]
        scale_px = 4.0 * CELL_M * float(np.sqrt(self.pixels_per_m2.max()))
        low, high = seen_px.min() - scale_px - 16.0, seen_px.max() + scale_px + 16.0
        return np.asarray(values_px[(values_px >= low) & (values_px <= high)])


def _unhidden(
    camera: Camera, zone: Zone, places_xy_m: Float64Array, walls: Barriers | None
) -> BoolArray:
    """Which places (N, 2) on the zone's head plane no wall hides from the camera: (N,)."""
    if walls is None:
        return np.ones(len(places_xy_m), dtype=np.bool_)
    pose = camera.pose
    eye = Eye(pose.x_m, pose.y_m, pose.z_m, pose.pan_deg)
    region = visible_region(walls, eye, plane=zone.head_plane)
    return np.asarray(shapely.intersects_xy(region, places_xy_m[:, 0], places_xy_m[:, 1]))


def _pixels_per_m2(camera: Camera, zone: Zone, points_xy_m: Float64Array) -> Float64Array:
    """Jacobian of plan to picture on the head plane, by central differences: (N,) px²/m²."""
    step = CELL_M / 4.0
    columns = []
    for offset in ((step, 0.0), (0.0, step)):
        ends = []
        for sign in (1.0, -1.0):
            moved = points_xy_m + sign * np.array(offset)
            ends.append(camera.project(np.column_stack([moved, zone.head_plane.z_at(moved)]))[0])
        columns.append((ends[0] - ends[1]) / (2.0 * step))
    du, dv = columns
    jacobian = np.abs(du[:, 0] * dv[:, 1] - du[:, 1] * dv[:, 0])
    return np.asarray(np.nan_to_num(jacobian, nan=0.0))


__all__ = ["ZoneView"]
