"""Something that lies on a stair: a person or an object, from what stays where nobody stands.

The picture is read at points of the walking surface, 0.1 m apart. Each point remembers the colour
that it showed for long (the empty stair). A point that shows another colour without change for
`STAYS_S` is covered by something that stays. People who stand there cover points too: those between
the feet of a found head and the place where the ray through that head meets the stair are left out.
What remains, in one piece of at least `LEAST_M2`, lies there.

It tells nothing of what it is, nothing where people hide the stair, and takes somebody who stands
still and whose head is not found for something that lies. All numbers are our judgement;
`benchmarks/lying.py` says how well it works.
"""

from __future__ import annotations

import cv2
import numpy as np
import shapely

from vision.arrays import BoolArray, Float32Array, Float64Array, UInt8Array
from vision.crowd.zone_view import ZoneView
from vision.instants import Utc

STAYS_S = 2.0
LEAST_M2 = 0.25
_STEP_M = 0.1
# A colour counts as another above this difference of its farthest channel, in grey levels.
_DIFFERENT = 20.0
# The stair itself: at the beginning what holds for 5 s, later what holds for two minutes.
_FIRST_S, _LEARNT_S = 5.0, 120.0
_FOLLOW = 0.1
# Somebody who stands hides this much to each side.
_BODY_M = 0.35
# Longer along the line of sight than this is an upright body whose head was not found.
_LONGEST_M = 1.7
# With so much of the stair changed at once the light has changed, or a crowd hides it.
_MOST_CHANGED = 0.4


class LyingWatch:
    """Remembers the walking surface of one flight as one camera sees it."""

    def __init__(self, view: ZoneView) -> None:
        self._view = view
        left, bottom, right, top = view.zone.polygon_xy_m.bounds
        x = np.arange(left + _STEP_M / 2.0, right, _STEP_M)
        y = np.arange(bottom + _STEP_M / 2.0, top, _STEP_M)
        grid_x, grid_y = np.meshgrid(x, y)
        self._shape = grid_x.shape
        self._xy_m = np.column_stack([grid_x.ravel(), grid_y.ravel()])
        inside = shapely.intersects_xy(view.zone.polygon_xy_m, self._xy_m)
        surface = np.column_stack([self._xy_m, view.zone.plane.z_at(self._xy_m)])
        self._uv_px, in_picture = view.camera.project(surface)
        self._used: BoolArray = np.asarray(inside & in_picture)
        count = len(self._xy_m)
        self._shown = np.zeros((count, 3), np.float32)
        self._since_s = np.zeros(count)
        self._stair = np.zeros((count, 3), np.float32)
        self._known = np.zeros(count, dtype=np.bool_)
        self._began: Utc | None = None

    def update(
        self, image_bgr: UInt8Array, heads_uv_px: Float64Array, scale: Float64Array, at: Utc
    ) -> int | None:
        """How many things lie on the flight; `None` where that cannot be told.

        Args:
            heads_uv_px: (N, 2) all heads of the picture, in pixels of the calibrated lens.
            scale: factors (u, v) from picture pixels to those of the lens.
        """
        now = self._read(image_bgr, scale)
        if self._began is None:
            self._began, self._shown = at, now
        t_s = at - self._began
        changed = np.abs(now - self._shown).max(axis=1) > _DIFFERENT
        self._since_s[changed] = t_s
        self._shown = np.where(
            changed[:, None], now, self._shown + np.float32(_FOLLOW) * (now - self._shown)
        )
        held_s = t_s - self._since_s
        learn = np.where(self._known, held_s >= _LEARNT_S, held_s >= _FIRST_S)
        self._stair[learn] = self._shown[learn]
        self._known |= learn
        other = np.abs(self._shown - self._stair).max(axis=1) > _DIFFERENT
        covered = self._used & self._known & other
        if not self._known[self._used].any():
            return None
        if covered.sum() + changed[self._used].sum() > _MOST_CHANGED * self._used.sum():
            return None
        stays = covered & (held_s >= STAYS_S) & ~self._behind(heads_uv_px)
        return self._pieces(stays)

    def _read(self, image_bgr: UInt8Array, scale: Float64Array) -> Float32Array:
        """Colours (points, 3), each the mean of five places around its point, 2 px of the lens."""
        uv_px = np.nan_to_num(self._uv_px / scale, nan=-1.0)
        total = np.zeros((len(uv_px), 3), np.float32)
        for du, dv in ((0, 0), (2, 0), (-2, 0), (0, 2), (0, -2)):
            where = (uv_px + np.array([du, dv]) / scale).astype(np.float32)
            total += cv2.remap(
                image_bgr,
                where[:, 0].reshape(-1, 1),
                where[:, 1].reshape(-1, 1),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ).reshape(-1, 3)
        return total / np.float32(5.0)

    def _behind(self, heads_uv_px: Float64Array) -> BoolArray:
        """Which points somebody hides whose head was found: (points,)."""
        hidden = np.zeros(len(self._xy_m), dtype=np.bool_)
        if not len(heads_uv_px):
            return hidden
        feet = self._view.locate(heads_uv_px)
        shadow = self._view.camera.to_plane(heads_uv_px, self._view.zone.plane)
        fine = np.isfinite(feet).all(axis=1) & np.isfinite(shadow).all(axis=1)
        for start, end in zip(feet[fine], shadow[fine], strict=True):
            along = end - start
            square = max(float(along @ along), 1e-9)
            share = np.clip((self._xy_m - start) @ along / square, 0.0, 1.0)
            nearest = start + share[:, None] * along
            hidden |= np.linalg.norm(self._xy_m - nearest, axis=1) < _BODY_M
        return hidden

    def _pieces(self, stays: BoolArray) -> int:
        """Pieces that are large enough and not drawn out along the line of sight."""
        raster = stays.reshape(self._shape).astype(np.uint8)
        count, labels = cv2.connectedComponents(raster, connectivity=8)
        eye = self._view.camera.position_xyz_m[:2]
        found = 0
        for label in range(1, count):
            xy_m = self._xy_m[(labels == label).ravel()]
            if len(xy_m) * _STEP_M**2 < LEAST_M2:
                continue
            sight = xy_m.mean(axis=0) - eye
            depth_m = xy_m @ (sight / np.linalg.norm(sight))
            found += float(np.ptp(depth_m)) <= _LONGEST_M
        return found


__all__ = ["LEAST_M2", "STAYS_S", "LyingWatch"]
