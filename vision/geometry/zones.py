"""Places on the plan: zones that are measured, and what kind of place each is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry import Polygon

from vision.errors import GeometryError
from vision.geometry.planes import LEVEL_FLOOR, Plane


class ZoneType(StrEnum):
    """Kinds of place, each with thresholds of its own."""

    STAIRS = "stairs"
    CORRIDOR = "corridor"
    GATE = "gate"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Line:
    """A counting line on the plan from `start_xy_m` to `end_xy_m`.

    Crossing from its left to its right side (looking from start to end) counts as out of the
    zone, right to left as in.
    """

    id: str
    start_xy_m: tuple[float, float]
    end_xy_m: tuple[float, float]

    def __post_init__(self) -> None:
        if self.start_xy_m == self.end_xy_m:
            raise GeometryError(f"line {self.id}: start and end are the same point")


@dataclass(frozen=True, slots=True)
class Zone:
    """An area whose crowding is measured.

    Attributes:
        id: unique in the site.
        floor_id: the floor whose plan frame the polygon uses.
        type: selects the threshold profile.
        polygon_xy_m: simple polygon in the plan frame, metres; for a stair flight its
            horizontal projection.
        plane: walking surface; a stair flight is a sloped plane of its own.
        head_height_m: height of head centres above the walking surface.
        width_m: clear width across the walking direction, for specific flow (persons per metre
            and second).
        axis_deg: walking direction that counts as "out" (towards the exit; down a stair),
            counter-clockwise from plan +x; `None` where people walk anyhow.
        exits: counting lines through which people leave the zone.
    """

    id: str
    floor_id: str
    type: ZoneType
    polygon_xy_m: Polygon
    plane: Plane = LEVEL_FLOOR
    head_height_m: float = 1.5
    width_m: float | None = None
    axis_deg: float | None = None
    exits: tuple[Line, ...] = ()

    def __post_init__(self) -> None:
        polygon = self.polygon_xy_m
        if not polygon.is_valid or polygon.is_empty or polygon.area < 0.25:
            raise GeometryError(f"zone {self.id}: needs a simple polygon of at least 0.25 m²")
        if not 0.5 <= self.head_height_m <= 2.2:
            raise GeometryError(
                f"zone {self.id}: head height must lie in 0.5..2.2 m, got {self.head_height_m:g}"
            )
        if self.width_m is not None and not self.width_m > 0.0:
            raise GeometryError(f"zone {self.id}: width must be positive, got {self.width_m:g} m")

    @property
    def head_plane(self) -> Plane:
        return self.plane.raised(self.head_height_m)

    @property
    def area_m2(self) -> float:
        """Horizontally projected area in m²."""
        return float(self.polygon_xy_m.area)
