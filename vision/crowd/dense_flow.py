"""Movement of a packed crowd, whose heads are not found one by one, from the pictures themselves.

Dense inverse search optical flow (Kroeger et al. 2016, in OpenCV) between two pictures, taken only
where the density map sees people, and carried to the plan on the head plane. It tells the pace of a
crowd; it does not tell people apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision.arrays import Float32Array, Float64Array, UInt8Array
from vision.crowd.zone_view import ZoneView
from vision.instants import Utc
from vision.observations import Region
from vision.resizing import shrunk

# Heads of this height are enough to follow a crowd; the search costs by the pixel.
WORKING_HEAD_PX = 8.0
_LARGEST_SIDE_PX = 640
MAX_INTERVAL_S = 0.6
# A crowd's pace changes over tenths of a second; between two searches the last one stands.
_EVERY_S = 0.35
# A plan cell of 1/16 m² counts as peopled above this share of a person (0.8 per m²).
_LEAST_PEOPLE = 0.05
_MAX_SPEED_MPS = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class FlowField:
    """Movement in a part of a picture since the one before.

    Attributes:
        moved_px: (rows, columns, 2) float32, movement (u, v) in steps of the field.
        left_px, top_px: where the field starts in the picture.
        step_uv_px: picture pixels a step.
        lasted_s: time between the two pictures.
    """

    moved_px: Float32Array
    left_px: float
    top_px: float
    step_uv_px: tuple[float, float]
    lasted_s: float

    def at(self, uv_px: Float64Array) -> Float64Array:
        """Movement in picture pixels at picture points (N, 2)."""
        step = np.array(self.step_uv_px)
        rows, columns = self.moved_px.shape[:2]
        place = ((uv_px - [self.left_px, self.top_px]) / step).astype(np.int64)
        place = np.clip(place, 0, [columns - 1, rows - 1])
        return np.asarray(self.moved_px[place[:, 1], place[:, 0]] * step)


class DenseFlow:
    """Keeps the last picture of one camera, small and grey, and the last movement."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._before: tuple[Utc, UInt8Array] | None = None
        self._found: tuple[Utc, FlowField] | None = None

    def update(self, image_bgr: UInt8Array, at: Utc, region: Region | None) -> FlowField | None:
        """Movement in the region (`None`: in all of the picture) since the last picture.

        A movement found a moment ago is given again. `None` for a first picture, or one too long
        after the last.
        """
        height, width = image_bgr.shape[:2]
        part = region or Region(0, 0, width, height, WORKING_HEAD_PX)
        grey = _small_grey(image_bgr, part)
        before, self._before = self._before, (at, grey)
        if before is None or before[1].shape != grey.shape:
            return None
        lasted_s = at - before[0]
        if not 0.0 < lasted_s <= MAX_INTERVAL_S:
            return None
        if self._found is not None and 0.0 <= at - self._found[0] < _EVERY_S:
            return self._found[1]
        moved = self._search.calc(before[1], grey, None)  # type: ignore[call-overload]
        step_u = (part.right_px - part.left_px) / grey.shape[1]
        step_v = (part.bottom_px - part.top_px) / grey.shape[0]
        field = FlowField(
            np.asarray(moved, dtype=np.float32),
            part.left_px,
            part.top_px,
            (step_u, step_v),
            lasted_s,
        )
        self._found = (at, field)
        return field


def plan_velocities(
    view: ZoneView, map_people: Float64Array, field: FlowField
) -> tuple[Float64Array, Float64Array]:
    """Places (N, 2) and velocities (N, 2) in m/s of the peopled cells of a zone.

    Args:
        map_people: (rows, columns) people of each plan cell.
        field: in pixels of the calibrated lens.
    """
    peopled = (map_people.ravel() >= _LEAST_PEOPLE) & view.seen.ravel()
    if not peopled.any():
        return np.zeros((0, 2)), np.zeros((0, 2))
    uv_px = view.cell_uv_px[peopled]
    # The flow starts in the earlier picture; at walking pace the difference is far below a cell.
    before_xy_m = view.locate(uv_px - field.at(uv_px))
    velocity = (view.cell_xy_m[peopled] - before_xy_m) / field.lasted_s
    fine = np.isfinite(velocity).all(axis=1)
    fine &= np.linalg.norm(np.nan_to_num(velocity), axis=1) <= _MAX_SPEED_MPS
    return view.grid.centres_xy_m[peopled][fine], velocity[fine]


def _small_grey(image_bgr: UInt8Array, part: Region) -> UInt8Array:
    cut = image_bgr[part.top_px : part.bottom_px, part.left_px : part.right_px]
    height, width = cut.shape[:2]
    factor = min(1.0, WORKING_HEAD_PX / part.least_head_px, _LARGEST_SIDE_PX / max(width, height))
    if factor < 1.0:
        # Colour goes last: turning all pixels grey first costs more than all the rest.
        cut = shrunk(cut, (max(1, round(width * factor)), max(1, round(height * factor))))
    return np.asarray(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


__all__ = ["DenseFlow", "FlowField", "plan_velocities"]
