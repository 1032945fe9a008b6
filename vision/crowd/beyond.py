"""What a picture says of zones that are not its camera's own, beyond the borders of those that are.

`vision.crowd.borders` asks it; nobody counts by it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.crowd.zone_view import ZoneView
from vision.observations import DensityMap

# A head counts where at least this share of it stands.
LEAST_SHARE = 0.02
# The two zones of a border, and the one of them that is not the camera's own.
Beyond = tuple[tuple[str, str], str]


@dataclass(frozen=True, slots=True, eq=False)
class BeyondView:
    """How a camera sees a zone beyond a border, on that border's grid.

    `near` are the (rows * columns,) cells that lie near the border.
    """

    view: ZoneView
    near: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class BeyondPart:
    """What one picture says of a zone beyond a border.

    Attributes:
        standing, xy_m, shares: (K,), (K, 2), (K,) as those of `ZonePart`, for what is left of the
            picture's heads by the zones that are its camera's own.
        map_people: (rows, columns) people of the density map on the border's grid, or `None`.
    """

    standing: IntArray
    xy_m: Float64Array
    shares: Float64Array
    map_people: Float64Array | None


def parts_beyond(
    views: Mapping[Beyond, BeyondView],
    rays: Float64Array,
    left: Float64Array,
    density: DensityMap | None,
) -> dict[Beyond, BeyondPart]:
    """What one picture says of zones beyond borders.

    Args:
        rays: (N, 3) through its heads.
        left: (N,) which share of each head counts in none of the camera's own zones.
        density: its density map in pixels of the lens.
    """
    parts = {}
    for key, one in views.items():
        shares, xy_m = one.view.shares_of(rays, one.view.locate_rays(rays))
        shares = np.minimum(shares, left)
        heads = np.flatnonzero((shares >= LEAST_SHARE) & (one.view.grid.cell_of(xy_m) >= 0))
        people = None if density is None else one.view.project_map(density)
        parts[key] = BeyondPart(heads, xy_m[heads], shares[heads], people)
    return parts


def near_px(beyond: BeyondView) -> Float64Array:
    """Where in the picture (N, 2) the places near a border lie."""
    return beyond.view.cell_uv_px[beyond.near & beyond.view.seen.ravel()]


__all__ = ["LEAST_SHARE", "Beyond", "BeyondPart", "BeyondView", "near_px", "parts_beyond"]
