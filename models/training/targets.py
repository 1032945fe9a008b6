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
        log_size: (H/4, W/4) float32, natural log of the head height in pixels, in the cell of the
            centre and its eight neighbours, from which it is read at run time; NaN elsewhere and
            where the size is unknown.
    """

    density: NDArray[np.float32]
    heat: NDArray[np.float32]
    log_size: NDArray[np.float32]


def targets_for(heads: HeadArray, size_px: tuple[int, int]) -> Targets:
    """Targets for heads (N, 3) of u, v, height in pixels, all inside a crop of (width, height)."""
    width, height = size_px
    density = np.zeros((height // DENSITY_STRIDE_PX, width // DENSITY_STRIDE_PX), np.float32)
    column_row = (heads[:, :2] // DENSITY_STRIDE_PX).astype(int)
    np.add.at(density, (column_row[:, 1], column_row[:, 0]), 1.0)
    heat = np.zeros((height // HEAT_STRIDE_PX, width // HEAT_STRIDE_PX), np.float32)
    log_size = np.full(heat.shape, np.nan, np.float32)
    nearest = np.full(heat.shape, np.inf)
    for u, v, tall in heads:
        column, row = int(u // HEAT_STRIDE_PX), int(v // HEAT_STRIDE_PX)
        _splat(heat, (column, row), float(tall))
        if np.isfinite(tall):
            around = _around(heat.shape, column, row)
            centres = (np.arange(extent) + 0.5 for extent in heat.shape)
            v_cells, u_cells = (c[part] for c, part in zip(centres, around, strict=True))
            distance = np.hypot(
                v_cells[:, None] - v / HEAT_STRIDE_PX, u_cells[None, :] - u / HEAT_STRIDE_PX
            )
            closer = distance < nearest[around]
            nearest[around][closer] = distance[closer]
            log_size[around][closer] = np.log(max(float(tall), 1.0))
    return Targets(density, heat, log_size)


def _around(shape: tuple[int, ...], column: int, row: int) -> tuple[slice, slice]:
    """A cell and its eight neighbours, as far as they lie in the map."""
    return (
        slice(max(0, row - 1), min(shape[0], row + 2)),
        slice(max(0, column - 1), min(shape[1], column + 2)),
    )


def _splat(heat: NDArray[np.float32], centre: tuple[int, int], height_px: float) -> None:
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
