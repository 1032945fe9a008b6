"""What a set of cameras shows of the places that must be seen, and of those that must not.

Shares are exact polygon areas for the cameras as drawn. What counts as covered is the part where
the chance of seeing it, over the errors of pose and lens, is at least 0.95
(`vision.coverage.chance`); the rest is blind, and comes as a list of spots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from vision.arrays import Float64Array
from vision.coverage.blind_spots import SMALLEST_SPOT_M2, BlindSpot, blind_spots
from vision.coverage.chance import CameraDraws, Cells, PoseError, chance_of_at_least, reach_m
from vision.coverage.pixel_density import DORI_2014, Ladder, footprint, px_per_m_at
from vision.errors import GeometryError
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera
from vision.geometry.overlap import layers
from vision.geometry.planes import LEVEL_FLOOR, Plane
from vision.geometry.undersides import hidden_from_below
from vision.geometry.visibility import Eye, polygonal, visible_region

ASSURED_CHANCE = 0.95


@dataclass(frozen=True, slots=True)
class CoverageCamera:
    """A camera of one floor as the audit takes it.

    A camera that turns counts at its home preset alone: what it may see on a tour is not
    guaranteed at any moment.
    """

    id: str
    camera: Camera
    error: PoseError = field(default_factory=PoseError)
    range_m: float = 100.0


@dataclass(frozen=True, slots=True)
class Surface:
    """A part of an area with the planes on which it must be seen, e.g. floor and head plane.

    Attributes:
        planes: parallel to `walking`.
        walking: what people stand on there; it is solid.
    """

    polygon_xy_m: BaseGeometry
    planes: tuple[Plane, ...]
    walking: Plane = LEVEL_FLOOR

    def __post_init__(self) -> None:
        if not self.planes:
            raise GeometryError("a surface needs at least one plane on which it must be seen")
        slope = (self.walking.slope_x, self.walking.slope_y)
        if any((plane.slope_x, plane.slope_y) != slope for plane in self.planes):
            raise GeometryError("the planes of a surface run parallel to what people stand on")

    def hidden_from_below(self, plane: Plane, eye_xyz_m: Float64Array) -> BaseGeometry:
        """What the surface hides of one of its planes from an eye (3,) below it."""
        return hidden_from_below(self.polygon_xy_m, self.walking, plane, eye_xyz_m)


@dataclass(frozen=True, slots=True)
class CoverageArea:
    """An area that must be seen at a pixel density by a number of cameras at once."""

    id: str
    surfaces: tuple[Surface, ...]
    least_px_per_m: float
    redundancy: int = 1
    weight: float = 1.0
    critical: bool = False

    @property
    def area_m2(self) -> float:
        return float(sum(surface.polygon_xy_m.area for surface in self.surfaces))


@dataclass(frozen=True, slots=True)
class AreaCoverage:
    """What the cameras show of one area.

    Attributes:
        seen_m2: seen at the needed density by at least one camera, as drawn; exact.
        seen_twice_m2: by at least two.
        assured_m2: seen by as many cameras as the area asks for with a chance of 0.95 or more.
        steps: seen part at each step of a ladder, by name, whatever the area needs.
        seen_by_m2: what each camera shows at the needed density, by camera id.
        only_by_m2: what each camera shows alone: lost when it fails, by camera id.
        blind: spots that are not assured, largest first.
        slivers_m2: blind area in spots too small to list.
        seen, assured: the shapes themselves.
    """

    area_id: str
    area_m2: float
    seen_m2: float
    seen_twice_m2: float
    assured_m2: float
    steps: tuple[tuple[str, MultiPolygon], ...]
    seen_by_m2: tuple[tuple[str, float], ...]
    only_by_m2: tuple[tuple[str, float], ...]
    blind: tuple[BlindSpot, ...]
    slivers_m2: float
    seen: MultiPolygon
    assured: MultiPolygon

    @property
    def assured_share(self) -> float:
        return self.assured_m2 / self.area_m2 if self.area_m2 else 0.0

    @property
    def single_m2(self) -> float:
        """Seen area that depends on one camera."""
        return self.seen_m2 - self.seen_twice_m2


@dataclass(frozen=True, slots=True)
class ForbiddenView:
    """A camera that can see into a place where none may look."""

    area_id: str
    camera_id: str
    seen_m2: float
    most_px_per_m: float


class Sights:
    """The visible regions of the cameras of one floor, each worked out once.

    Args:
        coarsest_px_per_m: the least density that will be asked of `chance`. Known beforehand, the
            regions of drawn eyes are worked out once for all densities.
    """

    def __init__(
        self,
        barriers: Barriers,
        cameras: Sequence[CoverageCamera],
        *,
        coarsest_px_per_m: float | None = None,
    ) -> None:
        self._coarsest_px_per_m = coarsest_px_per_m
        self.barriers = barriers
        self.cameras = tuple(cameras)
        self._regions: dict[tuple[str, Plane], MultiPolygon] = {}
        self._draws: dict[str, CameraDraws] = {}
        self._drawn: dict[tuple[str, Plane, float], list[MultiPolygon]] = {}
        self._views: dict[tuple[str, tuple[Plane, ...], float], BaseGeometry] = {}

    def region(self, camera: CoverageCamera, plane: Plane) -> MultiPolygon:
        """What the camera could see of `plane` all round, as drawn."""
        key = (camera.id, plane)
        if key not in self._regions:
            pose = camera.camera.pose
            eye = Eye(pose.x_m, pose.y_m, pose.z_m, pose.pan_deg)
            self._regions[key] = visible_region(
                self.barriers, eye, plane=plane, range_m=camera.range_m
            )
        return self._regions[key]

    def seen(self, camera: CoverageCamera, surface: Surface, least_px_per_m: float) -> BaseGeometry:
        """The part of a surface that the camera, as drawn, shows on all its planes."""
        view = self._view(camera, surface.planes, least_px_per_m)
        left, low, right, high = view.bounds
        x0, y0, x1, y1 = surface.polygon_xy_m.bounds
        if view.is_empty or left >= x1 or right <= x0 or low >= y1 or high <= y0:
            return MultiPolygon()
        shape = shapely.intersection(surface.polygon_xy_m, view)
        for plane in surface.planes:
            hidden = surface.hidden_from_below(plane, camera.camera.position_xyz_m)
            if not hidden.is_empty:
                shape = shapely.difference(shape, hidden)
        return polygonal(shape)

    def _view(
        self, camera: CoverageCamera, planes: tuple[Plane, ...], least_px_per_m: float
    ) -> BaseGeometry:
        """What the camera, as drawn, shows on all of `planes` at once, whatever the area."""
        key = (camera.id, planes, least_px_per_m)
        if key not in self._views:
            pictures = [
                footprint(
                    camera.camera, plane, least_px_per_m=least_px_per_m, range_m=camera.range_m
                )
                for plane in planes
            ]
            regions = [self.region(camera, plane) for plane in planes]
            self._views[key] = shapely.intersection_all([*pictures, *regions])
        return self._views[key]

    def chance(
        self, camera: CoverageCamera, surface: Surface, points_xy_m: Float64Array, px_per_m: float
    ) -> Float64Array:
        """Chance (N,) that the camera shows each point (N, 2) on all planes of the surface."""
        if camera.id not in self._draws:
            self._draws[camera.id] = CameraDraws.of(camera.id, camera.camera, camera.error)
        draws = self._draws[camera.id]
        coarsest = min(px_per_m, self._coarsest_px_per_m or px_per_m)
        range_m = reach_m(camera.camera, coarsest, camera.range_m)
        chance = np.zeros(len(points_xy_m))
        left, hits = np.arange(len(points_xy_m)), np.ones((1, len(points_xy_m)), dtype=np.bool_)
        for plane in surface.planes:
            key = (camera.id, plane, range_m)
            if key not in self._drawn:
                self._drawn[key] = draws.visible(self.barriers, plane, range_m)
            points = np.column_stack([points_xy_m[left], plane.z_at(points_xy_m[left])])
            hits = hits & draws.hits(points, px_per_m, self._drawn[key], range_m=camera.range_m)
            hidden = [surface.hidden_from_below(plane, eye) for eye in draws.eyes_xyz_m]
            if not all(shape.is_empty for shape in hidden):
                hits &= ~draws.in_shapes(points_xy_m[left], hidden)
            # A point that one plane loses in every draw need not be asked on the next.
            some = hits.any(axis=0)
            left, hits = left[some], hits[:, some]
        chance[left] = hits.mean(axis=0, dtype=np.float64)
        return chance


def audit_area(
    area: CoverageArea,
    sights: Sights,
    *,
    ladder: Ladder = DORI_2014,
    cell_m: float = 0.25,
) -> AreaCoverage:
    """Judge one area against the cameras of its floor.

    Args:
        ladder: whose steps are told apart in `steps`.
        cell_m: side of the squares in which the chance is counted.
    """
    near = [camera for camera in sights.cameras if _near(camera, area, area.least_px_per_m)]
    by_camera = {
        camera.id: shape
        for camera in near
        if not (shape := _seen_of_area(area, sights, camera, area.least_px_per_m)).is_empty
    }
    once, twice = layers(list(by_camera.values()), 2)
    assured = shapely.union_all(
        [_assured(area, surface, sights, near, cell_m) for surface in area.surfaces]
    )
    whole = shapely.union_all([surface.polygon_xy_m for surface in area.surfaces])
    blind, slivers_m2 = blind_spots(shapely.difference(whole, assured))
    single = shapely.difference(once, twice)
    alone = {name: single.intersection(shape) for name, shape in by_camera.items()}
    return AreaCoverage(
        area_id=area.id,
        area_m2=area.area_m2,
        seen_m2=float(once.area),
        seen_twice_m2=float(twice.area),
        assured_m2=float(assured.area),
        steps=_steps(area, sights, ladder),
        seen_by_m2=_worth_listing(by_camera),
        only_by_m2=_worth_listing(alone),
        blind=blind,
        slivers_m2=slivers_m2,
        seen=polygonal(once),
        assured=polygonal(assured),
    )


def _worth_listing(shapes: Mapping[str, BaseGeometry]) -> tuple[tuple[str, float], ...]:
    areas_m2 = ((name, float(shape.area)) for name, shape in shapes.items())
    return tuple((name, m2) for name, m2 in areas_m2 if m2 >= SMALLEST_SPOT_M2)


def _seen_of_area(
    area: CoverageArea, sights: Sights, camera: CoverageCamera, px_per_m: float
) -> BaseGeometry:
    return shapely.union_all([sights.seen(camera, surface, px_per_m) for surface in area.surfaces])


def _steps(
    area: CoverageArea, sights: Sights, ladder: Ladder
) -> tuple[tuple[str, MultiPolygon], ...]:
    """Seen part at each step of the ladder."""
    found = []
    for step in ladder.steps:
        shapes = [
            _seen_of_area(area, sights, camera, step.px_per_m)
            for camera in sights.cameras
            if _near(camera, area, step.px_per_m)
        ]
        found.append((step.name, polygonal(shapely.union_all([*shapes, MultiPolygon()]))))
    return tuple(found)


def _near(camera: CoverageCamera, area: CoverageArea, px_per_m: float) -> bool:
    """Whether the camera could reach the area at all at that density."""
    place = shapely.Point(camera.camera.pose.x_m, camera.camera.pose.y_m)
    reach = reach_m(camera.camera, px_per_m, camera.range_m)
    return any(surface.polygon_xy_m.distance(place) <= reach for surface in area.surfaces)


def _assured(
    area: CoverageArea,
    surface: Surface,
    sights: Sights,
    near: Sequence[CoverageCamera],
    cell_m: float,
) -> MultiPolygon:
    """The part of a surface that enough cameras show with a chance of 0.95 or more."""
    cells = Cells.of(surface.polygon_xy_m, cell_m)
    if not near or not len(cells.points_xy_m):
        return MultiPolygon()
    chances = np.stack(
        [sights.chance(camera, surface, cells.points_xy_m, area.least_px_per_m) for camera in near]
    )
    return cells.union_where(chance_of_at_least(chances, area.redundancy) >= ASSURED_CHANCE)


def forbidden_views(
    area_id: str, surfaces: Sequence[Surface], sights: Sights, *, least_px_per_m: float = 5.0
) -> tuple[ForbiddenView, ...]:
    """Cameras that can see into a forbidden place, on any of its planes.

    Args:
        surfaces: the parts of the place, each with its planes in the same order.
        sights: with the doors as they are worst: open.
        least_px_per_m: below this nothing of a person can be told, and the view does not count.
    """
    found = []
    for camera in sights.cameras:
        most_m2, most_px_per_m = 0.0, 0.0
        for planes in zip(*(surface.planes for surface in surfaces), strict=True):
            seen_m2, densities = 0.0, [0.0]
            for surface, plane in zip(surfaces, planes, strict=True):
                flat = Surface(surface.polygon_xy_m, (plane,), surface.walking)
                shape = sights.seen(camera, flat, least_px_per_m)
                corners = shapely.get_coordinates(shape)
                points = np.column_stack([corners, plane.z_at(corners)])
                densities += list(px_per_m_at(camera.camera, points)) if len(points) else []
                seen_m2 += float(shape.area)
            if seen_m2 >= SMALLEST_SPOT_M2:
                most_m2 = max(most_m2, seen_m2)
                most_px_per_m = max(most_px_per_m, float(max(densities)))
        if most_m2:
            found.append(ForbiddenView(area_id, camera.id, most_m2, most_px_per_m))
    return tuple(found)


def weighted_share(parts: Sequence[tuple[float, float, float]]) -> float:
    """Sum of weight x covered over sum of weight x area, of (weight, covered m², area m²) rows.

    Raises:
        GeometryError: when there is nothing to weigh.
    """
    total = sum(weight * area_m2 for weight, _, area_m2 in parts)
    if total <= 0.0:
        raise GeometryError("there is no required area to weigh")
    return sum(weight * covered_m2 for weight, covered_m2, _ in parts) / total


__all__ = [
    "ASSURED_CHANCE",
    "AreaCoverage",
    "CoverageArea",
    "CoverageCamera",
    "ForbiddenView",
    "Sights",
    "Surface",
    "audit_area",
    "forbidden_views",
    "weighted_share",
]
