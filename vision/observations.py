"""What a network says about one picture, before any plan geometry.

Coordinates are pixels of the picture that was given to the network, whatever size the network
works at inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vision.arrays import Float32Array, UInt8Array, picture, read_only
from vision.errors import ShapeError
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture with the time at which the camera took it.

    Attributes:
        camera_id: the id in the site file.
        sequence: counts the frames that this source delivered, from 0.
        captured_at: capture time; never decreases within one source run.
        image_bgr: (height, width, 3) uint8, read-only.
    """

    camera_id: str
    sequence: int
    captured_at: Utc
    image_bgr: UInt8Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_bgr", picture(self.image_bgr))


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a camera's picture that is to be judged.

    Attributes:
        left_px, top_px, right_px, bottom_px: whole picture pixels, right and bottom excluded.
        least_head_px: height of the smallest heads in it, by geometry.
    """

    left_px: int
    top_px: int
    right_px: int
    bottom_px: int
    least_head_px: float

    def __post_init__(self) -> None:
        if not (0 <= self.left_px < self.right_px and 0 <= self.top_px < self.bottom_px):
            raise ShapeError("Region: needs 0 <= left < right and 0 <= top < bottom")
        if not self.least_head_px > 0.0:
            raise ShapeError("Region: least_head_px must be positive")

    def scaled(self, factor_u: float, factor_v: float) -> Region:
        """The same part of a picture whose sides are larger by these factors."""
        return Region(
            math.floor(self.left_px * factor_u),
            math.floor(self.top_px * factor_v),
            max(math.floor(self.right_px * factor_u), 1),
            max(math.floor(self.bottom_px * factor_v), 1),
            self.least_head_px * factor_v,
        )


@dataclass(frozen=True, slots=True)
class HeadPoints:
    """Heads found one by one.

    Attributes:
        centres_uv_px: (N, 2) float32, head centres.
        sizes_px: (N,) float32, head heights; NaN where the network gives none.
        scores: (N,) float32 in 0..1.
        saturated: the network reached its cap, so there may be more heads than points.
    """

    centres_uv_px: Float32Array
    sizes_px: Float32Array
    scores: Float32Array
    saturated: bool = False

    def __post_init__(self) -> None:
        centres = read_only(
            self.centres_uv_px, name="centres_uv_px", dtype=np.float32, shape=(None, 2)
        )
        count = len(centres)
        object.__setattr__(self, "centres_uv_px", centres)
        for name in ("sizes_px", "scores"):
            column = read_only(getattr(self, name), name=name, dtype=np.float32, shape=(count,))
            object.__setattr__(self, name, column)

    @classmethod
    def none(cls) -> HeadPoints:
        return cls(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class DensityMap:
    """People per cell of a regular grid over the picture; its sum is the count.

    Attributes:
        people_per_cell: (rows, columns) float32, not negative.
        cell_width_px, cell_height_px: size of one cell in picture pixels.
        left_px, top_px: where cell (0, 0) starts in the picture.
    """

    people_per_cell: Float32Array
    cell_width_px: float
    cell_height_px: float
    left_px: float = 0.0
    top_px: float = 0.0

    def __post_init__(self) -> None:
        cells = read_only(
            self.people_per_cell, name="people_per_cell", dtype=np.float32, shape=(None, None)
        )
        # What is no number would be counted as nobody further on.
        if not np.isfinite(cells).all():
            raise ShapeError("people_per_cell: a density map has finite cells")
        if cells.size and float(cells.min()) < 0.0:
            raise ShapeError("people_per_cell: a density map has no negative cells")
        object.__setattr__(self, "people_per_cell", cells)

    @property
    def count(self) -> float:
        return float(self.people_per_cell.sum(dtype=np.float64))

    def cell_centres_uv_px(self) -> Float32Array:
        """Pixel centres of all cells in row order: (rows * columns, 2)."""
        rows, columns = self.people_per_cell.shape
        u = (np.arange(columns, dtype=np.float32) + 0.5) * self.cell_width_px + self.left_px
        v = (np.arange(rows, dtype=np.float32) + 0.5) * self.cell_height_px + self.top_px
        grid_u, grid_v = np.meshgrid(u, v)
        return np.column_stack([grid_u.ravel(), grid_v.ravel()]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class CrowdObservation:
    """What a head network says of one picture.

    Attributes:
        heads: points, trustworthy where people are apart.
        density: density map, trustworthy where they are packed; `None` for a network without one.
        relative_error: expected relative error of the density map's count (one standard
            deviation), from the model card.
        model_id: of the file that computed it, as `HeadNetwork.model_id`; a network may go on with
            another one than it began with. Empty where that was not told.
    """

    heads: HeadPoints
    density: DensityMap | None
    relative_error: float
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class PersonBoxes:
    """Whole people found one by one.

    Attributes:
        boxes_xyxy_px: (N, 4) float32 left, top, right, bottom.
        scores: (N,) float32 in 0..1.
        saturated: the detector reached its cap.
    """

    boxes_xyxy_px: Float32Array
    scores: Float32Array
    saturated: bool = False

    def __post_init__(self) -> None:
        boxes = read_only(
            self.boxes_xyxy_px, name="boxes_xyxy_px", dtype=np.float32, shape=(None, 4)
        )
        object.__setattr__(self, "boxes_xyxy_px", boxes)
        scores = read_only(self.scores, name="scores", dtype=np.float32, shape=(len(boxes),))
        object.__setattr__(self, "scores", scores)

    def __len__(self) -> int:
        return len(self.scores)


class HeadNetwork(Protocol):
    """A network that finds heads and density. Implementations live in `models`."""

    @property
    def model_id(self) -> str:
        """Name and short hash, as stored with every reading, e.g. `xiaoan-heads-2@3f2a9c10`."""
        ...

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        """Judge one (height, width, 3) uint8 BGR picture. Deterministic for equal input.

        Args:
            region: the part to judge, and how small heads are there; `None` for all of it. What
                is found is given in pixels of the whole picture.
        """
        ...


class PersonDetector(Protocol):
    """A network that finds whole people. Implementations live in `models`."""

    @property
    def model_id(self) -> str: ...

    def detect(self, image_bgr: UInt8Array) -> PersonBoxes:
        """Judge one (height, width, 3) uint8 BGR picture. Deterministic for equal input."""
        ...
