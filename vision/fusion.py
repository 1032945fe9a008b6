"""Several cameras on one zone: each place counts once, from the camera that sees it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.camera_watch import WatchedPicture
from vision.density import CrowdField, combine_points_and_density
from vision.grid import PlanGrid
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
        walkers_xy_m, walkers_mps: (M, 2) places and velocities of heads and of packed people.
        seen: (rows, columns) cells that some camera sees by geometry.
        visible_share: share of the zone's area that some believed picture shows: in sight of its
            camera, behind no wall, not black.
        black_share: share of what the zone's cameras are meant to see of it that is black in all
            believed pictures that show it.
        luminance: mean brightness of the zone, from the brightest fresh picture.
        infrared: 1 when the fresh pictures were taken by infrared light, but for those that show a
            dark zone; 0 when one shows it in the light; `None` where no camera can tell.
        lying: the most things that one camera sees lying; `None` where none can tell.
        oldest_at: capture time of the oldest picture used.
    """

    field: CrowdField
    velocity_mps: Float64Array
    walkers_xy_m: Float64Array
    walkers_mps: Float64Array
    seen: BoolArray
    visible_share: float
    black_share: float
    luminance: float
    infrared: float | None
    oldest_at: Utc
    lying: int | None = None


def fuse(
    zone_id: str,
    grid: PlanGrid,
    pictures: Sequence[WatchedPicture],
    planned: BoolArray,
    dark_luminance: float,
) -> FusedZone:
    """Join the pictures (one a camera, at least one) that show `zone_id`.

    Args:
        planned: (rows, columns) cells that some camera of the zone sees while all is well.
        dark_luminance: a zone whose picture is not as bright as this is dark, 0..1.
    """
    parts = [picture.parts[zone_id] for picture in pictures]
    believed = believed_of(pictures)
    fresh = _fresh(pictures)
    owner = _owners(pictures, zone_id, believed)
    points, scores, shares, velocities, origins = [], [], [], [], []
    for index, (picture, part) in enumerate(zip(pictures, parts, strict=True)):
        mine = _owned(grid, part.standing_xy_m, owner, index)
        head = part.standing[mine]
        points.append(part.standing_xy_m[mine])
        shares.append(part.shares[mine])
        scores.append(picture.heads.scores[head])
        velocities.append(picture.heads.velocity_mps[head])
        origins.append(np.full(len(head), index))
    xy_m, score = np.concatenate(points), np.concatenate(scores).astype(np.float64)
    keep = _without_twins(xy_m, score, np.concatenate(origins))
    share = np.concatenate(shares)[keep]
    seen = np.any([part.view.seen for part in parts], axis=0)
    lit = np.any([shows(picture, zone_id) for picture in believed], axis=0)
    shown = np.any([picture.parts[zone_id].view.shown for picture in believed], axis=0)
    field = combine_points_and_density(
        grid,
        xy_m[keep],
        score[keep],
        _joined_map(pictures, zone_id, owner),
        seen=seen,
        relative_error=max(picture.relative_error for picture in pictures),
        saturated=any(picture.saturated for picture in pictures),
        shares=share,
    )
    velocity_mps = np.concatenate(velocities)[keep]
    # Whose head more likely stands on the landing tells nothing of how people walk here.
    walks = share >= 0.5
    return FusedZone(
        field=field,
        velocity_mps=velocity_mps,
        walkers_xy_m=np.concatenate([xy_m[keep][walks], *(part.packed_xy_m for part in parts)]),
        walkers_mps=np.concatenate(
            [velocity_mps[walks], *(part.packed_velocity_mps for part in parts)]
        ),
        seen=seen,
        visible_share=_share(grid, lit, np.ones_like(lit)),
        black_share=_share(grid, shown & ~lit, planned),
        luminance=max(picture.parts[zone_id].luminance for picture in fresh),
        infrared=_infrared(fresh, zone_id, dark_luminance),
        oldest_at=min(picture.captured_at for picture in pictures),
        lying=max((p.lying[zone_id] for p in pictures if zone_id in p.lying), default=None),
    )


def believed_of(pictures: Sequence[WatchedPicture]) -> list[WatchedPicture]:
    """Those that are not doubted; all where each is, and whoever asks judges what they say."""
    return [picture for picture in pictures if not picture.doubt] or list(pictures)


def _fresh(pictures: Sequence[WatchedPicture]) -> list[WatchedPicture]:
    """Those that came, or were taken by the cameras' own clocks, not long before the newest one."""
    came_at = max(picture.came_at for picture in pictures)
    captured_at = max(picture.captured_at for picture in pictures)
    return [
        one
        for one in pictures
        if min(came_at - one.came_at, captured_at - one.captured_at) <= FRESH_WITHIN_S
    ]


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
    quality, fresh = [], _fresh(pictures)
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


def _owned(grid: PlanGrid, xy_m: Float64Array, owner: IntArray, index: int) -> BoolArray:
    """Whether each head (N, 2) stands where camera `index` counts, or where no camera does."""
    cell = grid.cell_of(xy_m)
    of_cell = np.where(cell >= 0, owner[np.maximum(cell, 0)], -1)
    return np.asarray((of_cell == index) | (of_cell == -1))


def _without_twins(xy_m: Float64Array, scores: Float64Array, origins: IntArray) -> IntArray:
    """Indices to keep: of two heads of two cameras at one place the likelier stays."""
    if not len(xy_m) or (origins == origins[0]).all():
        return np.arange(len(xy_m))
    near = np.linalg.norm(xy_m[:, None, :] - xy_m[None, :, :], axis=2) < SAME_HEAD_M
    near &= origins[:, None] != origins[None, :]
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if not near[index, kept].any():
            kept.append(index)
    return np.array(sorted(kept), dtype=np.int64)


def _joined_map(
    pictures: Sequence[WatchedPicture], zone_id: str, owner: IntArray
) -> Float64Array | None:
    joined: Float64Array | None = None
    for index, picture in enumerate(pictures):
        own_map = picture.parts[zone_id].map_people
        if own_map is None:
            continue
        mine = np.where(owner.reshape(own_map.shape) == index, own_map, 0.0)
        joined = mine if joined is None else joined + mine
    return joined


__all__ = ["FusedZone", "believed_of", "fuse", "shows"]
