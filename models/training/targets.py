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
    """Targets of one crop of side S pixels.

    Attributes:
        density: (S/8, S/8) float32, heads per 8x8-pixel cell.
        heat: (S/4, S/4) float32 in 0..1, 1 exactly at the cell of a head centre.
        log_size: (S/4, S/4) float32, natural log of the head height in pixels; NaN where there
            is no head or its size is unknown.
    """

    density: NDArray[np.float32]
    heat: NDArray[np.float32]
    log_size: NDArray[np.float32]


def targets_for(heads: HeadArray, side_px: int) -> Targets:
    """Targets for heads (N, 3) of u, v, height in pixels, all inside the crop."""
    cells = side_px // DENSITY_STRIDE_PX
    density = np.zeros((cells, cells), np.float32)
    column_row = (heads[:, :2] // DENSITY_STRIDE_PX).astype(int)
    np.add.at(density, (column_row[:, 1], column_row[:, 0]), 1.0)
    fine = side_px // HEAT_STRIDE_PX
    heat = np.zeros((fine, fine), np.float32)
    log_size = np.full((fine, fine), np.nan, np.float32)
    for u, v, height in heads:
        _splat(heat, log_size, (int(u // HEAT_STRIDE_PX), int(v // HEAT_STRIDE_PX)), float(height))
    return Targets(density, heat, log_size)


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
