"""Movement of a packed crowd, whose heads are not found one by one, from the pictures themselves.

Dense inverse search optical flow (Kroeger et al. 2016, in OpenCV) between two pictures, taken only
where the density map sees people, and carried to the plan on the head plane. It tells the pace of a
crowd; it does not tell people apart.
"""

from __future__ import annotations

import cv2
import numpy as np

from vision.arrays import Float64Array, UInt8Array
from vision.instants import Utc
from vision.zone_view import ZoneView

WORKING_WIDTH_PX = 640
MAX_INTERVAL_S = 0.6
# A plan cell of 1/16 m² counts as peopled above this share of a person (0.8 per m²).
_LEAST_PEOPLE = 0.05
_MAX_SPEED_MPS = 3.0


class DenseFlow:
    """Keeps the last picture of one camera, small and grey."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._before: tuple[Utc, UInt8Array] | None = None

    def update(self, image_bgr: UInt8Array, at: Utc) -> tuple[Float64Array, float] | None:
        """Movement (rows, columns, 2) in working pixels since the last picture, and the seconds.

        `None` for a first picture, or one too long after the last.
        """
        grey = _small_grey(image_bgr)
        before, self._before = self._before, (at, grey)
        if before is None or before[1].shape != grey.shape:
            return None
        lasted_s = at - before[0]
        if not 0.0 < lasted_s <= MAX_INTERVAL_S:
            return None
        flow = self._search.calc(before[1], grey, None)  # type: ignore[call-overload]
        return np.asarray(flow, dtype=np.float64), lasted_s


def plan_velocities(
    view: ZoneView, map_people: Float64Array, flow_px: Float64Array, lasted_s: float
) -> tuple[Float64Array, Float64Array]:
    """Places (N, 2) and velocities (N, 2) in m/s of the peopled cells of a zone.

    Args:
        map_people: (rows, columns) people of each plan cell.
        flow_px: (rows, columns, 2) movement in pixels of a picture of the camera's field of view.
    """
    peopled = (map_people.ravel() >= _LEAST_PEOPLE) & view.seen.ravel()
    if not peopled.any():
        return np.zeros((0, 2)), np.zeros((0, 2))
    uv_px = view.cell_uv_px[peopled]
    rows, columns = flow_px.shape[:2]
    scale = np.array([view.camera.lens.width_px / columns, view.camera.lens.height_px / rows])
    at = np.clip((uv_px / scale).astype(np.int64), 0, [columns - 1, rows - 1])
    moved = flow_px[at[:, 1], at[:, 0]] * scale
    # The flow starts in the earlier picture; at walking pace the difference is far below a cell.
    velocity = (view.locate(uv_px) - view.locate(uv_px - moved)) / lasted_s
    fine = np.isfinite(velocity).all(axis=1)
    fine &= np.linalg.norm(np.nan_to_num(velocity), axis=1) <= _MAX_SPEED_MPS
    return view.grid.centres_xy_m[peopled][fine], velocity[fine]


def _small_grey(image_bgr: UInt8Array) -> UInt8Array:
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape[:2]
    if width > WORKING_WIDTH_PX:
        size = (WORKING_WIDTH_PX, max(1, round(height * WORKING_WIDTH_PX / width)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.uint8)


__all__ = ["DenseFlow", "plan_velocities"]
