"""What the network should answer for one crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.datasets import HeadArray

HEAT_STRIDE_PX = 4
DENSITY_STRIDE_PX = 8
_UNKNOWN_SIZE_SIGMA_CELLS = 1.2


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of one crop of height H and width W pixels.

    Attributes:
        density: (H/8, W/8) float32, heads per 8x8-pixel cell.
        heat: (H/4, W/4) float32 in 0..1, 1 exactly at the cell of a head centre.
        log_size: (H/4, W/4) float32, natural log of the head height in pixels; NaN where there
            is no head or its size is unknown.
        offset: (2, H/4, W/4) float32, centre u and v in cells from the corner of its cell; NaN
            where there is no head or its size is unknown, since then it is only pointed at.
    """

    density: NDArray[np.float32]
    heat: NDArray[np.float32]
    log_size: NDArray[np.float32]
    offset: NDArray[np.float32]


def targets_for(heads: HeadArray, size_px: tuple[int, int]) -> Targets:
    """Targets for heads (N, 3) of u, v, height in pixels, all inside a crop of (width, height)."""
    width, height = size_px
    density = np.zeros((height // DENSITY_STRIDE_PX, width // DENSITY_STRIDE_PX), np.float32)
    column_row = (heads[:, :2] // DENSITY_STRIDE_PX).astype(int)
    np.add.at(density, (column_row[:, 1], column_row[:, 0]), 1.0)
    heat = np.zeros((height // HEAT_STRIDE_PX, width // HEAT_STRIDE_PX), np.float32)
    log_size = np.full(heat.shape, np.nan, np.float32)
    offset = np.full((2, *heat.shape), np.nan, np.float32)
    for u, v, tall in heads:
        column, row = int(u // HEAT_STRIDE_PX), int(v // HEAT_STRIDE_PX)
        _splat(heat, log_size, (column, row), float(tall))
        if np.isfinite(tall):
            offset[:, row, column] = u / HEAT_STRIDE_PX - column, v / HEAT_STRIDE_PX - row
    return Targets(density, heat, log_size, offset)


def _splat(
    heat: NDArray[np.float32],
    log_size: NDArray[np.float32],
    centre: tuple[int, int],
    height_px: float,
) -> None:
    """Draw the soft disc of one head (Zhou et al., Objects as Points, 2019, section 3)."""
    column, row = centre
    known = np.isfinite(height_px)
    sigma = (
        float(np.clip(height_px / HEAT_STRIDE_PX / 6, 0.7, 6))
        if known
        else (_UNKNOWN_SIZE_SIGMA_CELLS)
    )
    reach = int(np.ceil(3 * sigma))
    top, bottom = max(0, row - reach), min(heat.shape[0], row + reach + 1)
    left, right = max(0, column - reach), min(heat.shape[1], column + reach + 1)
    rows = np.arange(top, bottom)[:, None] - row
    columns = np.arange(left, right)[None, :] - column
    disc = np.exp(-(rows**2 + columns**2) / (2 * sigma**2)).astype(np.float32)
    patch = heat[top:bottom, left:right]
    np.maximum(patch, disc, out=patch)
    if known:
        log_size[row, column] = np.log(max(height_px, 1.0))
