"""Persons per m² on the plan: local maximum, classic, Voronoi, and the blend of two estimators.

All densities are per m² of horizontally projected area.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import MultiPoint, Polygon

from vision.arrays import BoolArray, Float64Array
from vision.errors import GeometryError
from vision.geometry.grid import KERNEL_RADIUS_M, PlanGrid, disc_area_m2

# Between these densities of the map, trust moves from single heads to the map: below 2 per m²
# heads are found one by one, above 3 they hide each other. Our judgement, measured in
# benchmarks/network_accuracy.py, not a standard.
SPARSE_PER_M2 = 2.0
PACKED_PER_M2 = 3.0
# A density map spreads each person over some cells: the count in a disc of n people scatters by
# about sqrt(0.1 n) around the map's own bias. Our judgement.
MAP_SCATTER = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class CrowdField:
    """Where the people of one zone are: single heads and a remainder spread over the grid.

    Attributes:
        points_xy_m: (N, 2) heads inside the seen part of the zone.
        point_people: (N,) share of each head that counts here, 0..1.
        point_variance: (N,) variance of that share.
        cell_people: (rows, columns) people of the density map that count here.
        between_variance: (rows, columns) variance of the disc count because the two estimators
            disagree.
        relative_error: of the count as a whole, one standard deviation.
    """

    points_xy_m: Float64Array
    point_people: Float64Array
    point_variance: Float64Array
    cell_people: Float64Array
    between_variance: Float64Array
    relative_error: float

    @property
    def people(self) -> float:
        return float(self.point_people.sum() + self.cell_people.sum())

    @property
    def people_std(self) -> float:
        own = float(self.point_variance.sum() + MAP_SCATTER * self.cell_people.sum())
        return math.sqrt(own + (self.relative_error * self.people) ** 2)


@dataclass(frozen=True, slots=True)
class DensityPeak:
    """The largest local density of a zone, its standard error and its place."""

    density_per_m2: float
    std_per_m2: float
    xy_m: tuple[float, float] | None


def points_in_disc(grid: PlanGrid, points_xy_m: Float64Array, people: Float64Array) -> Float64Array:
    """Sum of `people` (N,) of the points (N, 2) within 1 m of each cell centre: (rows, columns)."""
    if not len(points_xy_m):
        return np.zeros(grid.shape)
    centres = grid.centres_xy_m
    dx = centres[:, 0:1] - points_xy_m[None, :, 0]
    dy = centres[:, 1:2] - points_xy_m[None, :, 1]
    near = dx * dx + dy * dy <= KERNEL_RADIUS_M**2 + 1e-9
    counts: Float64Array = near.astype(np.float64) @ np.asarray(people, dtype=np.float64)
    return counts.reshape(grid.shape)


def kernel_density(grid: PlanGrid, points_xy_m: Float64Array, seen: BoolArray) -> Float64Array:
    """Local density at each cell from points alone: (rows, columns) per m², 0 outside the zone.

    Adding a point never lowers any value. Definition: see `vision.geometry.grid`.
    """
    counts = points_in_disc(grid, points_xy_m, np.ones(len(points_xy_m)))
    local = counts / disc_area_m2(grid, seen)
    return np.where((grid.area_m2 > 1e-9) & seen, local, 0.0)


def kernel_field(grid: PlanGrid, points_xy_m: Float64Array) -> CrowdField:
    """The field of people whose places are known exactly, such as simulated truth: (N, 2)."""
    points = np.asarray(points_xy_m, dtype=np.float64).reshape(-1, 2)
    empty = np.zeros(grid.shape)
    return CrowdField(points, np.ones(len(points)), np.zeros(len(points)), empty, empty, 0.0)


def combine_points_and_density(
    grid: PlanGrid,
    points_xy_m: Float64Array,
    scores: Float64Array,
    map_people: Float64Array | None,
    *,
    seen: BoolArray,
    relative_error: float,
    saturated: bool = False,
    shares: Float64Array | None = None,
) -> CrowdField:
    """Blend single heads and the projected density map of one zone.

    At each cell the map's own local density decides: below `SPARSE_PER_M2` only heads count,
    above `PACKED_PER_M2` only the map, in between a straight line. The weight depends on the map
    alone, so another head never lowers the result. A saturated list of heads is not used where
    there is a map.

    Args:
        points_xy_m: (N, 2) heads inside the seen part of the zone.
        scores: (N,) in 0..1; a head counts as one person with variance score x (1 - score).
        map_people: (rows, columns) people from the density map, or `None` without a map.
        seen: (rows, columns) seen cells.
        shares: (N,) with which each head stands in the zone at all, 0..1; `None` for all 1.
    """
    points = np.asarray(points_xy_m, dtype=np.float64).reshape(-1, 2)
    score = np.clip(np.asarray(scores, dtype=np.float64), 0.0, 1.0)
    share = np.ones(len(points)) if shares is None else np.clip(shares, 0.0, 1.0)
    variance = share**2 * score * (1.0 - score) + share * (1.0 - share)
    if map_people is None:
        empty = np.zeros(grid.shape)
        return CrowdField(points, share, variance, empty, empty, relative_error)
    map_disc = grid.disc_sum(map_people)
    packed = np.clip(
        (map_disc / disc_area_m2(grid, seen) - SPARSE_PER_M2) / (PACKED_PER_M2 - SPARSE_PER_M2),
        0.0,
        1.0,
    )
    if saturated:
        packed = np.ones(grid.shape)
    at = grid.cell_of(points)
    weight = np.where(at >= 0, 1.0 - packed.ravel()[np.maximum(at, 0)], 1.0)
    head_disc = points_in_disc(grid, points, share)
    return CrowdField(
        points_xy_m=points,
        point_people=weight * share,
        point_variance=weight**2 * variance,
        cell_people=packed * map_people,
        between_variance=packed * (1.0 - packed) * (head_disc - map_disc) ** 2,
        relative_error=relative_error,
    )


def local_density(
    grid: PlanGrid, field: CrowdField, seen: BoolArray
) -> tuple[Float64Array, Float64Array]:
    """Local density and its standard error at each cell, both (rows, columns) per m²."""
    area_m2 = disc_area_m2(grid, seen)
    from_map = grid.disc_sum(field.cell_people)
    people = points_in_disc(grid, field.points_xy_m, field.point_people) + from_map
    variance = (
        points_in_disc(grid, field.points_xy_m, field.point_variance)
        + MAP_SCATTER * from_map
        + field.between_variance
        + (field.relative_error * people) ** 2
    )
    inside = (grid.area_m2 > 1e-9) & seen
    return (
        np.where(inside, people / area_m2, 0.0),
        np.where(inside, np.sqrt(variance) / area_m2, 0.0),
    )


def density_peak(grid: PlanGrid, field: CrowdField, seen: BoolArray) -> DensityPeak:
    """The largest local density of a field; its place is `None` where nobody is."""
    return highest(grid, *local_density(grid, field, seen))


def highest(grid: PlanGrid, density_per_m2: Float64Array, std_per_m2: Float64Array) -> DensityPeak:
    """The largest of the local densities that `local_density` gave: both (rows, columns)."""
    flat = density_per_m2.ravel()
    most = float(flat.max(initial=0.0))
    if most <= 1e-9:
        return DensityPeak(0.0, 0.0, None)
    # Discs that hold the same heads tie; the middle one of them is the place.
    tied = np.flatnonzero(flat >= most * (1.0 - 1e-6))
    centres = grid.centres_xy_m[tied]
    middle = int(np.argmin(np.sum((centres - centres.mean(axis=0)) ** 2, axis=1)))
    x_m, y_m = centres[middle]
    return DensityPeak(most, float(std_per_m2.ravel()[tied[middle]]), (float(x_m), float(y_m)))


def classic_density(points_xy_m: Float64Array, area: Polygon) -> float:
    """Persons inside `area` over its area, per m² (PedPy `compute_classic_density`)."""
    points = np.asarray(points_xy_m, dtype=np.float64).reshape(-1, 2)
    inside = shapely.contains_xy(area, points[:, 0], points[:, 1])
    return float(np.count_nonzero(inside)) / float(area.area)


def voronoi_cells(
    points_xy_m: Float64Array, walkable: Polygon, cutoff_m: float | None = None
) -> list[Polygon]:
    """The part of `walkable` nearest to each point (N, 2), within `cutoff_m` of it.

    Where a wall cuts a cell in pieces only the piece that holds the person counts.

    Raises:
        GeometryError: for a point outside `walkable`, or two points at one place.
    """
    points = np.asarray(points_xy_m, dtype=np.float64).reshape(-1, 2)
    if not len(points):
        return []
    if len(np.unique(points, axis=0)) != len(points):
        raise GeometryError("two people at one place have no Voronoi cells")
    if not np.all(shapely.intersects_xy(walkable, points[:, 0], points[:, 1])):
        raise GeometryError("a person outside the walkable area has no Voronoi cell")
    if len(points) == 1:
        cells = [walkable]
    else:
        # GEOS clips the diagram to the envelope of this frame, which must hold the whole area.
        frame = walkable.buffer(1.0).envelope
        diagram = shapely.voronoi_polygons(MultiPoint(points), extend_to=frame)
        parts = shapely.get_parts(diagram)
        tree = shapely.STRtree(parts)
        order = np.atleast_1d(tree.nearest(shapely.points(points)))
        cells = [parts[index] for index in order]
    return [
        _own_piece(cell, walkable, point, cutoff_m)
        for cell, point in zip(cells, points, strict=True)
    ]


def _own_piece(
    cell: Polygon, walkable: Polygon, point: Float64Array, cutoff_m: float | None
) -> Polygon:
    place = shapely.Point(point)
    piece = shapely.intersection(cell, walkable)
    if piece.geom_type != "Polygon":
        polygons = [part for part in shapely.get_parts(piece) if part.geom_type == "Polygon"]
        piece = min(polygons, key=place.distance)
    if cutoff_m is not None:
        # 12 edges a circle, as PedPy's default cut-off (quad_segments=3).
        piece = shapely.intersection(piece, place.buffer(cutoff_m, quad_segs=3))
    if not isinstance(piece, Polygon):
        raise GeometryError("a Voronoi cell fell apart")
    return piece


def voronoi_density(
    points_xy_m: Float64Array, walkable: Polygon, area: Polygon, cutoff_m: float | None = None
) -> float:
    """Mean Voronoi density over `area`, per m² (PedPy `compute_voronoi_density`).

    Each person spreads 1/A over a cell of area A; the value is the integral over `area` divided
    by its size (Steffen and Seyfried 2010).
    """
    cells = voronoi_cells(points_xy_m, walkable, cutoff_m)
    if not cells:
        return 0.0
    own = np.asarray(shapely.area(cells))
    shared = np.asarray(shapely.area(shapely.intersection(cells, area)))
    return float(np.sum(shared / own) / area.area)


__all__ = [
    "CrowdField",
    "DensityPeak",
    "classic_density",
    "combine_points_and_density",
    "density_peak",
    "highest",
    "kernel_density",
    "kernel_field",
    "local_density",
    "points_in_disc",
    "voronoi_cells",
    "voronoi_density",
]
