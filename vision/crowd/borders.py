"""Whom cameras that look at each other over the border of two zones each place in the other zone.

Within a zone `vision.crowd.seams` mends this. Where a corridor is cut in two, or a landing and a
hall touch, one camera's people lie beyond the border, in a zone that may not be its own, the
other's on this side of it: neither zone would count them. So the places near a common border are
looked at as one, with what each camera shows on either side of it. Who is missing there counts in
one of the two zones, the one that is judged more strictly while some picture of it is believed, so
that nobody counts twice; in it the camera that places the most of them there brings them back.

Zones touch where their borders run within `TOUCH_M` of each other and their head planes differ by
`LEVEL_M` at most. What a wall hides from a camera it does not show here, on neither side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import shapely
from shapely.geometry import MultiPoint, box

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.crowd.beyond import Beyond, BeyondView
from vision.crowd.camera_watch import WatchedPicture
from vision.crowd.fusion import BroughtBack, Counted, believed_of, fresh_of
from vision.crowd.seams import Placed, regained
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Camera
from vision.geometry.grid import CELL_M, PlanGrid
from vision.geometry.zones import Zone

# Drawn by hand, or with a wall between them that has a door.
TOUCH_M = 0.3
# A head that is 0.3 m off its plane is placed about a metre off.
LEVEL_M = 0.3
_STEP_M = 0.25
# A common corner is no border.
_LEAST_POINTS = 4
# At a right angle one camera's people may lie beyond the border, and the other's do not.
_ELSEWHERE_DEG = 60.0
# Halfway between where two cameras place a group lies the border, or nearly.
_LOOKED_M = 1.0
# What weighs there lies up to 2 m off, and some cells.
_REACH_M = 3.25
# One head of one picture is at one place, whichever border is looked at.
_SAME_PLACE_M = 1e-6


# How one camera sees the head plane of a zone on a grid; `None` where it sees nothing of it.
Look = Callable[[str, Zone, PlanGrid], ZoneView | None]
BothZones = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Border:
    """Where two zones touch.

    Attributes:
        zone_ids: the two; the first is the one in which who is brought back counts.
        grid: over both sides.
        looked: (rows * columns,) places of the grid near the common border.
        views: how a camera, by its id, sees the head plane of either zone, by its id.
    """

    zone_ids: BothZones
    grid: PlanGrid
    looked: BoolArray
    views: Mapping[tuple[str, str], ZoneView]

    @property
    def camera_ids(self) -> tuple[str, ...]:
        """The cameras that see it."""
        return tuple(dict.fromkeys(camera_id for camera_id, _ in self.views))

    @classmethod
    def between(
        cls, first: Zone, second: Zone, camera_ids: Collection[str], look: Look
    ) -> Border | None:
        """The border of two zones; `None` where no two of their cameras see it from both sides."""
        places_xy_m = _common(first, second)
        if len(places_xy_m) < _LEAST_POINTS or len(camera_ids) < 2:
            return None
        common = MultiPoint(places_xy_m)
        grid = PlanGrid.over(box(*common.buffer(_REACH_M).bounds))
        looked = shapely.dwithin(common, shapely.points(grid.centres_xy_m), _LOOKED_M)
        views: dict[tuple[str, str], ZoneView] = {}
        times = np.zeros(grid.area_m2.size, dtype=np.int64)
        for camera_id in camera_ids:
            seen = {zone.id: look(camera_id, zone, grid) for zone in (first, second)}
            known = {key: view for key, view in seen.items() if view is not None}
            views |= {(camera_id, key): view for key, view in known.items()}
            if len(known) == 2:
                times += np.all([view.shown for view in known.values()], axis=0).ravel()
        seen_twice = bool((times[looked] >= 2).any())
        return cls((first.id, second.id), grid, np.asarray(looked), views) if seen_twice else None

    def shows(self, camera_id: str, zone_id: str, cell: IntArray) -> BoolArray:
        """Whether nothing hides places of a zone, in these cells (N,) of the grid, from a camera.

        What no camera shows cannot be told apart from what stands before it.
        """
        view = self.views.get((camera_id, zone_id))
        if view is None:
            return np.zeros(len(cell), dtype=np.bool_)
        return np.asarray((cell >= 0) & view.shown.ravel()[np.maximum(cell, 0)])


def _common(first: Zone, second: Zone) -> Float64Array:
    """Places (N, 2) on the border of `first`, `_STEP_M` apart, where `second` touches it."""
    none = np.zeros((0, 2))
    if first.floor_id != second.floor_id:
        return none
    if not shapely.dwithin(first.polygon_xy_m, second.polygon_xy_m, TOUCH_M):
        return none
    along = shapely.segmentize(first.polygon_xy_m.exterior, _STEP_M)
    places = shapely.get_coordinates(along)[:-1]
    near = shapely.dwithin(second.polygon_xy_m, shapely.points(places), TOUCH_M)
    apart_m = first.head_plane.z_at(places) - second.head_plane.z_at(places)
    return np.asarray(places[near & (np.abs(apart_m) <= LEVEL_M)])


def is_faced(
    first: Zone, second: Zone, cameras: Collection[Camera], apart_deg: float = 120.0
) -> bool:
    """Whether two of the cameras of two zones look at each other over their common border.

    Both have a stretch of it in their pictures, from directions that differ by more than
    `apart_deg`. Walls are not asked.
    """
    places_xy_m = _common(first, second)
    if len(places_xy_m) < _LEAST_POINTS:
        return False
    heads_xyz_m = np.column_stack([places_xy_m, first.head_plane.z_at(places_xy_m)])
    seen = [
        (camera.project(heads_xyz_m)[1], places_xy_m - camera.position_xyz_m[:2])
        for camera in cameras
    ]
    for (shown, way), (shown_too, way_back) in combinations(seen, 2):
        length_m2 = np.linalg.norm(way, axis=1) * np.linalg.norm(way_back, axis=1)
        opposite = np.sum(way * way_back, axis=1) < math.cos(math.radians(apart_deg)) * length_m2
        if np.count_nonzero(shown & shown_too & opposite) >= _LEAST_POINTS:
            return True
    return False


class Borders:
    """All borders of some zones.

    Args:
        zones: in the order in which they take who is brought back.
        zone_cameras: zone id to the ids of the cameras that see it.
        cameras: by their ids. Those that look over a border in about the same direction misplace
            people to the same side: only where two look from elsewhere is anything to be joined.
    """

    def __init__(
        self,
        zones: Sequence[Zone],
        zone_cameras: Mapping[str, Sequence[str]],
        cameras: Mapping[str, Camera],
        look: Look,
    ) -> None:
        self._zone_cameras = zone_cameras
        self._borders: list[Border] = []
        for first, second in combinations(zones, 2):
            camera_ids = dict.fromkeys((*zone_cameras[first.id], *zone_cameras[second.id]))
            through = [cameras[camera_id] for camera_id in camera_ids]
            if not is_faced(first, second, through, _ELSEWHERE_DEG):
                continue
            border = Border.between(first, second, camera_ids, look)
            if border is not None:
                self._borders.append(border)

    def beside(self, zone_id: str) -> frozenset[str]:
        """The zones that have a border with this one, and itself; empty without a border."""
        pairs = [border.zone_ids for border in self._borders if zone_id in border.zone_ids]
        return frozenset(one for pair in pairs for one in pair)

    def beyond(self, camera_id: str) -> dict[Beyond, BeyondView]:
        """What a camera sees beyond the borders of its zones, in zones that are not its own."""
        return {
            (border.zone_ids, zone_id): BeyondView(border.views[camera_id, zone_id], border.looked)
            for border in self._borders
            for zone_id in border.zone_ids
            if (camera_id, zone_id) in border.views and camera_id not in self._zone_cameras[zone_id]
        }

    def brought_back(
        self,
        zone_id: str,
        counted: Mapping[str, Counted],
        pictures: Mapping[str, WatchedPicture],
    ) -> BroughtBack | None:
        """Who counts in a zone beside those that count there by its own pictures.

        Args:
            counted: who counts in each zone that has pictures now.
            pictures: the newest one of each camera that is not lost.
        """
        heads: list[_Shown] = []
        cells: list[_Shown] = []
        for border in self._borders:
            if zone_id == _taker(border.zone_ids, counted):
                new_heads, new_cells = _at(border, zone_id, counted, pictures, (heads, cells))
                heads, cells = heads + new_heads, cells + new_cells
        if not heads and not cells:
            return None
        return _joined(counted[zone_id].grid, pictures, heads, cells)


def _taker(zone_ids: BothZones, counted: Mapping[str, Counted]) -> str | None:
    """The first of two zones that has a picture which is believed."""
    for zone_id in zone_ids:
        if zone_id in counted and any(not one.doubt for one in counted[zone_id].pictures):
            return zone_id
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """N heads, or N cells of density maps, that one camera places in one zone near a border.

    Attributes:
        number: (N,) which head of its picture each is; 0 for cells.
        counts: (N,) whether it counts there.
    """

    camera_id: str
    zone_id: str
    xy_m: Float64Array
    people: Float64Array
    number: IntArray
    counts: BoolArray

    def only(self, some: BoolArray) -> _Shown:
        """Those (N,) of them."""
        return replace(
            self,
            xy_m=self.xy_m[some],
            people=self.people[some],
            number=self.number[some],
            counts=self.counts[some],
        )


def _at(
    border: Border,
    taker: str,
    counted: Mapping[str, Counted],
    pictures: Mapping[str, WatchedPicture],
    before: tuple[Sequence[_Shown], Sequence[_Shown]],
) -> tuple[list[_Shown], list[_Shown]]:
    """Heads, and cells of maps, that are brought back at one border to the zone `taker`.

    Args:
        before: those brought back to it at its other borders. Near a corner they are shown here
            too, and count already.
    """
    every = [pictures[one] for one in border.camera_ids if one in pictures]
    if len(every) < 2:
        return [], []
    believed, fresh = believed_of(every), fresh_of(every)
    asked = [one.camera_id for one in every if one in believed and one in fresh]
    zones = [counted[zone_id] for zone_id in border.zone_ids if zone_id in counted]
    heads = [one for zone in zones for one in _heads_of(zone)]
    cells = [one for zone in zones for one in _cells_of(zone)]
    for picture in every:
        heads += _heads_beyond(border, picture)
        cells += _cells_beyond(border, picture)
    heads = [_beside(one, before[0], _SAME_PLACE_M) for one in heads]
    cells = [_beside(one, before[1], CELL_M / 2.0) for one in cells]
    return _missing(border, taker, heads, asked), _missing(border, taker, cells, asked)


def _beside(shown: _Shown, before: Sequence[_Shown], within_m: float) -> _Shown:
    """What one camera shows in one zone, where that of it which was brought back before counts."""
    places = [
        one.xy_m
        for one in before
        if (one.camera_id, one.zone_id) == (shown.camera_id, shown.zone_id)
    ]
    if not places or not len(shown.xy_m):
        return shown
    away_m = np.abs(shown.xy_m[:, None] - np.concatenate(places)[None]).max(axis=2)
    return replace(shown, counts=shown.counts | (away_m.min(axis=1) <= within_m))


def _joined(
    grid: PlanGrid,
    pictures: Mapping[str, WatchedPicture],
    heads: Sequence[_Shown],
    cells: Sequence[_Shown],
) -> BroughtBack:
    """Heads and cells of maps that are brought back to the zone with this grid."""
    # Each with its camera's picture, so that an empty list joins too.
    of = [(one, pictures[one.camera_id].heads) for one in heads]
    return BroughtBack(
        np.concatenate([np.zeros((0, 2)), *(one.xy_m for one in heads)]),
        np.concatenate([np.zeros(0), *(one.people for one in heads)]),
        np.concatenate([np.zeros(0), *(known.scores[one.number] for one, known in of)]),
        np.concatenate([np.zeros((0, 2)), *(known.velocity_mps[one.number] for one, known in of)]),
        _as_map(grid, cells),
    )


def _as_map(grid: PlanGrid, cells: Sequence[_Shown]) -> Float64Array:
    """People of cells of density maps on a zone's grid: (rows, columns)."""
    people = np.zeros(grid.area_m2.size)
    for one in cells:
        cell = grid.cell_of(one.xy_m)
        np.add.at(people, cell[cell >= 0], one.people[cell >= 0])
    return people.reshape(grid.shape)


def _missing(
    border: Border, taker: str, shown: Sequence[_Shown], asked: Sequence[str]
) -> list[_Shown]:
    """Those in `taker` that do not count yet and have to."""
    if not shown:
        return []
    cells = [border.grid.cell_of(one.xy_m) for one in shown]
    origins = [
        np.where(
            border.shows(one.camera_id, one.zone_id, cell),
            asked.index(one.camera_id) if one.camera_id in asked else -1,
            -1,
        )
        for one, cell in zip(shown, cells, strict=True)
    ]
    counts = np.concatenate([one.counts for one in shown])
    placed = Placed(
        np.concatenate(cells),
        np.concatenate([one.people for one in shown]),
        np.concatenate(origins),
        counts,
    )
    lengths = [len(one.people) for one in shown]
    may = np.repeat([one.zone_id == taker for one in shown], lengths)
    new = regained(border.grid, placed, range(len(asked)), may, border.looked) & ~counts
    parts = zip(shown, np.split(new, np.cumsum(lengths)[:-1]), strict=True)
    return [one.only(some) for one, some in parts if some.any()]


def _heads_of(counted: Counted) -> Iterator[_Shown]:
    for index, picture in enumerate(counted.pictures):
        some = counted.heads.origin == index
        yield _Shown(
            picture.camera_id,
            counted.zone_id,
            counted.xy_m[some],
            counted.heads.people[some],
            counted.head[some],
            counted.heads.counts[some],
        )


def _cells_of(counted: Counted) -> Iterator[_Shown]:
    cells = counted.cells
    for index, picture in enumerate(counted.pictures):
        some = cells.origin == index
        xy_m = counted.grid.centres_xy_m[cells.cell[some]]
        yield _Shown(
            picture.camera_id,
            counted.zone_id,
            xy_m,
            cells.people[some],
            np.zeros(len(xy_m), dtype=np.int64),
            cells.counts[some],
        )


def _heads_beyond(border: Border, picture: WatchedPicture) -> Iterator[_Shown]:
    for zone_id in border.zone_ids:
        part = picture.beyond.get((border.zone_ids, zone_id))
        if part is not None:
            uncounted = np.zeros(len(part.standing), dtype=np.bool_)
            yield _Shown(
                picture.camera_id, zone_id, part.xy_m, part.shares, part.standing, uncounted
            )


def _cells_beyond(border: Border, picture: WatchedPicture) -> Iterator[_Shown]:
    for zone_id in border.zone_ids:
        part = picture.beyond.get((border.zone_ids, zone_id))
        if part is not None and part.map_people is not None:
            some = np.flatnonzero(part.map_people > 0.0)
            yield _Shown(
                picture.camera_id,
                zone_id,
                border.grid.centres_xy_m[some],
                part.map_people.ravel()[some],
                np.zeros(len(some), dtype=np.int64),
                np.zeros(len(some), dtype=np.bool_),
            )


__all__ = ["LEVEL_M", "TOUCH_M", "Borders", "Look", "is_faced"]
