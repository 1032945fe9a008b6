"""Several cameras on one zone: each place counts once, from the camera that sees it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.crowd.camera_watch import WatchedPicture, ZonePart
from vision.crowd.density import CrowdField, combine_points_and_density
from vision.crowd.seams import Placed, regained
from vision.geometry.grid import PlanGrid
from vision.instants import Utc

# A camera whose picture came and was taken longer than this before the newest one counts only what
# no fresher one shows: people walk on. What only it sees stands still at the most.
FRESH_WITHIN_S = 1.0
# Two cameras place one head this far apart at most; nearer heads of two cameras are one head.
SAME_HEAD_M = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class FusedZone:
    """The people of one zone from the newest picture of each camera that sees it.

    Attributes:
        field: heads and density, each place from one camera.
        velocity_mps: (N, 2) of the field's heads; NaN where unknown.
        walkers_xy_m, walkers_mps: (M, 2) places and velocities of heads and of cells of packed
            people, the latter by each camera that sees them.
        walkers_people: (M,) for how many of the field's people each stands.
        seen: (rows, columns) cells that some camera sees by geometry.
        visible_share: share of the zone's area that some believed picture shows: in sight of its
            camera, behind no wall, not black.
        black_share: share of what the zone's cameras are meant to see of it that is black in all
            believed pictures that show it.
        luminance: mean brightness of the zone, from the brightest fresh picture that is believed.
        infrared: 1 when these pictures were taken by infrared light, but for those that show a
            dark zone; 0 when one shows it in the light; `None` where no camera can tell.
        lying: the most things that one camera sees lying; `None` where none can tell.
        oldest_at: capture time of the oldest picture used.
    """

    field: CrowdField
    velocity_mps: Float64Array
    walkers_xy_m: Float64Array
    walkers_mps: Float64Array
    walkers_people: Float64Array
    seen: BoolArray
    visible_share: float
    black_share: float
    luminance: float
    infrared: float | None
    oldest_at: Utc
    lying: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Who counts in one zone by the newest picture of each camera that sees it.

    Attributes:
        xy_m, heads: places (N, 2) of the heads that may stand in the zone, and which count.
        head: (N,) index of each among the heads of its picture.
        cells: cells of the pictures' density maps that hold somebody, and which count.
        asked: indices of the pictures that are believed and fresh.
    """

    zone_id: str
    grid: PlanGrid
    pictures: Sequence[WatchedPicture]
    xy_m: Float64Array
    heads: Placed
    head: IntArray
    cells: Placed
    asked: Sequence[int]


@dataclass(frozen=True, slots=True, eq=False)
class BroughtBack:
    """Who counts in a zone beside those that its own pictures show there; see
    `vision.crowd.borders`.

    Attributes:
        xy_m, shares, scores, velocity_mps: (N, 2), (N,), (N,), (N, 2) of heads.
        map_people: (rows, columns) people of density maps.
    """

    xy_m: Float64Array
    shares: Float64Array
    scores: Float64Array
    velocity_mps: Float64Array
    map_people: Float64Array


def count(zone_id: str, grid: PlanGrid, pictures: Sequence[WatchedPicture]) -> Counted:
    """Give each place of `zone_id` to one of the pictures (one a camera, at least one)."""
    parts = [picture.parts[zone_id] for picture in pictures]
    believed, fresh = believed_of(pictures), fresh_of(pictures)
    owner = _owners(pictures, zone_id, believed)
    asked = [index for index, one in enumerate(pictures) if one in believed and one in fresh]
    origin = np.repeat(np.arange(len(parts)), [len(part.standing) for part in parts])
    xy_m = np.concatenate([part.standing_xy_m for part in parts])
    share = np.concatenate([part.shares for part in parts])
    head = np.concatenate([part.standing for part in parts])
    cell = grid.cell_of(xy_m)
    scores = _of_heads(pictures, head, origin)[0]
    counts = _without_twins(xy_m, scores, origin, _owned(cell, owner, origin))
    heads = _all_that_count(grid, Placed(cell, share, origin, counts), asked)
    cells = _all_that_count(grid, _map_cells(parts, owner), asked)
    return Counted(zone_id, grid, pictures, xy_m, heads, head, cells, asked)


def _all_that_count(grid: PlanGrid, placed: Placed, asked: Sequence[int]) -> Placed:
    return replace(placed, counts=regained(grid, placed, asked))


def fuse(
    counted: Counted,
    planned: BoolArray,
    dark_luminance: float,
    brought_back: BroughtBack | None = None,
) -> FusedZone:
    """The people of a zone and what its pictures say of it.

    Args:
        planned: (rows, columns) cells that some camera of the zone sees while all is well.
        dark_luminance: a zone whose picture is not as bright as this is dark, 0..1.
    """
    pictures, zone_id, grid = counted.pictures, counted.zone_id, counted.grid
    parts = [picture.parts[zone_id] for picture in pictures]
    believed = believed_of(pictures)
    keep = counted.heads.counts
    xy_m, share = counted.xy_m[keep], counted.heads.people[keep]
    score, velocity_mps = _of_heads(pictures, counted.head[keep], counted.heads.origin[keep])
    map_people = _joined_map(grid, parts, counted.cells)
    if brought_back is not None:
        xy_m = np.concatenate([xy_m, brought_back.xy_m])
        share = np.concatenate([share, brought_back.shares])
        score = np.concatenate([score, brought_back.scores])
        velocity_mps = np.concatenate([velocity_mps, brought_back.velocity_mps])
        if map_people is not None or brought_back.map_people.any():
            map_people = (0.0 if map_people is None else map_people) + brought_back.map_people
    # A cloth over one lens may be bright while the others show the dark.
    light = [pictures[index] for index in counted.asked] or fresh_of(pictures)
    seen = np.any([part.view.seen for part in parts], axis=0)
    lit = np.any([shows(picture, zone_id) for picture in believed], axis=0)
    shown = np.any([picture.parts[zone_id].view.shown for picture in believed], axis=0)
    field = combine_points_and_density(
        grid,
        xy_m,
        score,
        map_people,
        seen=seen,
        relative_error=max(picture.relative_error for picture in pictures),
        saturated=any(picture.saturated for picture in pictures),
        shares=share,
    )
    # Whose head more likely stands on the landing tells nothing of how people walk here.
    walks = share >= 0.5
    packed_xy_m = np.concatenate([part.packed_xy_m for part in parts])
    packed_mps = np.concatenate([part.packed_velocity_mps for part in parts])
    return FusedZone(
        field=field,
        velocity_mps=velocity_mps,
        walkers_xy_m=np.concatenate([xy_m[walks], packed_xy_m]),
        walkers_mps=np.concatenate([velocity_mps[walks], packed_mps]),
        walkers_people=_walkers_people(grid, field, share, packed_xy_m)[
            np.concatenate([walks, np.ones(len(packed_xy_m), dtype=np.bool_)])
        ],
        seen=seen,
        visible_share=_share(grid, lit, np.ones_like(lit)),
        black_share=_share(grid, shown & ~lit, planned),
        luminance=max(picture.parts[zone_id].luminance for picture in light),
        infrared=_infrared(light, zone_id, dark_luminance),
        oldest_at=min(picture.captured_at for picture in pictures),
        lying=max((p.lying[zone_id] for p in pictures if zone_id in p.lying), default=None),
    )


def believed_of(pictures: Sequence[WatchedPicture]) -> list[WatchedPicture]:
    """Those that are not doubted; all where each is, and whoever asks judges what they say."""
    return [picture for picture in pictures if not picture.doubt] or list(pictures)


def fresh_of(pictures: Sequence[WatchedPicture]) -> list[WatchedPicture]:
    """Those that came, or were taken by the cameras' own clocks, not long before the newest one."""
    came_at = max(picture.came_at for picture in pictures)
    captured_at = max(picture.captured_at for picture in pictures)
    return [
        one
        for one in pictures
        if min(came_at - one.came_at, captured_at - one.captured_at) <= FRESH_WITHIN_S
    ]


def _walkers_people(
    grid: PlanGrid, field: CrowdField, shares: Float64Array, packed_xy_m: Float64Array
) -> Float64Array:
    """For how many people the heads (N,) and the cells of packed people (M,) stand: (N + M,).

    A head counts as in the field only where the map's movement tells of its place too: without
    dense flow, as at one picture a second, heads are all that is known to walk. A cell that two
    cameras tell of stands for half of its people twice.
    """
    cell = grid.cell_of(packed_xy_m)
    told = np.bincount(cell, minlength=grid.area_m2.size)
    at = grid.cell_of(field.points_xy_m)
    of_heads = np.where((at >= 0) & (told[at] > 0), field.point_people, shares)
    return np.concatenate([of_heads, field.cell_people.ravel()[cell] / told[cell]])


def _share(grid: PlanGrid, some: BoolArray, of: BoolArray) -> float:
    """Area of `some` cells over that of others, both (rows, columns); 0 where these have none."""
    whole_m2 = float(grid.area_m2[of].sum())
    return float(grid.area_m2[some].sum()) / whole_m2 if whole_m2 > 0.0 else 0.0


def _infrared(
    pictures: Sequence[WatchedPicture], zone_id: str, dark_luminance: float
) -> float | None:
    """See `FusedZone`: a dark picture in colours does not say that the bright one shows light."""
    told = [picture for picture in pictures if picture.infrared is not None]
    if not told:
        return None
    others = [picture for picture in told if not picture.infrared]
    dark = all(one.parts[zone_id].luminance < dark_luminance for one in others)
    return float(dark and len(others) < len(told))


def _owners(
    pictures: Sequence[WatchedPicture], zone_id: str, believed: Sequence[WatchedPicture]
) -> IntArray:
    """Index of the camera that counts each cell, -1 for none: (rows * columns,).

    The camera with most pixels per m² wins; one that looks at a wall there, whose cell is black, or
    whose picture is doubted loses to any that shows it: nobody there must not hide what the other
    one sees. Of those that show it one whose picture is old loses to any fresh one.
    """
    if len(pictures) == 1:
        # Most zones have one camera, and it counts whatever it sees.
        return np.where(pictures[0].parts[zone_id].view.seen.ravel(), 0, -1)
    quality, fresh = [], fresh_of(pictures)
    for picture in pictures:
        part = picture.parts[zone_id]
        by_lens = np.where(part.view.seen, part.view.pixels_per_m2, -1.0)
        shown = shows(picture, zone_id) & (picture in believed)
        rank = 2e9 if picture in fresh else 1e9
        quality.append(np.where(shown, by_lens + rank, by_lens).ravel())
    stacked = np.stack(quality)
    best = np.argmax(stacked, axis=0)
    return np.where(stacked.max(axis=0) >= 0.0, best, -1)


def shows(picture: WatchedPicture, zone_id: str) -> BoolArray:
    """(rows, columns) cells that no wall hides from this picture and that are not black in it."""
    part = picture.parts[zone_id]
    return part.lit & part.view.shown


def _of_heads(
    pictures: Sequence[WatchedPicture], head: IntArray, origin: IntArray
) -> tuple[Float64Array, Float64Array]:
    """Scores (N,) and velocities (N, 2) of heads by their index (N,) in their pictures (N,)."""
    each = [(picture.heads, head[origin == n]) for n, picture in enumerate(pictures)]
    scores = np.concatenate([heads.scores[which] for heads, which in each])
    return scores.astype(np.float64), np.concatenate([h.velocity_mps[which] for h, which in each])


def _owned(cell: IntArray, owner: IntArray, origin: IntArray) -> BoolArray:
    """Whether each head (N,) stands where its camera counts, or where none does."""
    of_cell = np.where(cell >= 0, owner[np.maximum(cell, 0)], -1)
    return np.asarray((of_cell == origin) | (of_cell == -1))


def _without_twins(
    xy_m: Float64Array, scores: Float64Array, origin: IntArray, counts: BoolArray
) -> BoolArray:
    """Which of those that count stay: of two heads of two cameras at one place the likelier.

    They are one head only where each is the nearest to the other that its camera sees: in a crush
    the neighbour stands as near.
    """
    which = np.flatnonzero(counts)
    if not len(which) or (origin[which] == origin[which[0]]).all():
        return counts
    away_m = np.linalg.norm(xy_m[:, None, :] - xy_m[None, :, :], axis=2)
    near = (away_m < SAME_HEAD_M) & (origin[:, None] != origin[None, :])
    for camera in np.unique(origin):
        its = origin == camera
        near[:, its] &= away_m[:, its] <= away_m[:, its].min(axis=1, keepdims=True)
    near &= near.T
    kept: list[int] = []
    for index in which[np.argsort(-scores[which], kind="stable")].tolist():
        if not near[index, kept].any():
            kept.append(index)
    stay = np.zeros(len(xy_m), dtype=np.bool_)
    stay[kept] = True
    return stay


def _map_cells(parts: Sequence[ZonePart], owner: IntArray) -> Placed:
    """Cells of the parts' density maps that hold somebody; of each place one part's counts."""
    maps = {n: part.map_people for n, part in enumerate(parts) if part.map_people is not None}
    if not maps:
        none = np.zeros(0, dtype=np.int64)
        return Placed(none, np.zeros(0), none, np.zeros(0, dtype=np.bool_))
    people = np.concatenate([own_map.ravel() for own_map in maps.values()])
    cell, origin = np.tile(np.arange(len(owner)), len(maps)), np.repeat(list(maps), len(owner))
    some = people > 0.0
    people, cell, origin = people[some], cell[some], origin[some]
    return Placed(cell, people, origin, owner[cell] == origin)


def _joined_map(grid: PlanGrid, parts: Sequence[ZonePart], cells: Placed) -> Float64Array | None:
    """People of the density maps (rows, columns) that count; `None` without a map."""
    if all(part.map_people is None for part in parts):
        return None
    keep = cells.counts
    joined = np.bincount(cells.cell[keep], cells.people[keep], grid.area_m2.size)
    return np.asarray(joined, dtype=np.float64).reshape(grid.shape)


__all__ = [
    "BroughtBack",
    "Counted",
    "FusedZone",
    "believed_of",
    "count",
    "fresh_of",
    "fuse",
    "shows",
]
