"""Coloured pictures of people, kept in bounded caches because neighbours in time share them.

Traced bodies are shared by all cameras of a process: there are few builds, and a body costs twenty
times what its colours do.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import cv2
import numpy as np

from streams.virtual.bodies import PX_PER_HEIGHT, View, trace_body
from streams.virtual.looks import Build, Look, Material
from streams.virtual.stage import GAMMA
from vision.arrays import Float32Array, UInt8Array

ELEVATION_STEP_DEG = 10.0
YAW_STEP_DEG = 22.5
_LEVELS = 4
_BODIES_MIB = 300
_SPRITES_KEPT = 2500
_Value = TypeVar("_Value")


class _Kept(Generic[_Value]):
    """A bounded cache that drops what was used longest ago."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[Hashable, _Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        if key in self._items:
            self._items.move_to_end(key)
            return self._items[key]
        value = self._items[key] = make()
        if len(self._items) > self._limit:
            self._items.popitem(last=False)
        return value


@dataclass(frozen=True, slots=True)
class _Body:
    material: UInt8Array
    shade: UInt8Array  # 128 means 1.0
    facing: UInt8Array
    feet_column: float
    feet_row: float


class _SharedBodies:
    """The traced bodies of a process, by build, view and size; any thread may ask.

    Two threads that miss the same body trace it twice and get equal ones.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._items: OrderedDict[tuple[Build, View, int], _Body] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, build: Build, view: View, px_per_height: int) -> _Body:
        key = build, view, px_per_height
        with self._lock:
            known = self._items.get(key)
            if known is not None:
                self._items.move_to_end(key)
                return known
        body = _flatten(build, view, px_per_height)
        with self._lock:
            if key not in self._items:
                self._items[key] = body
                self._bytes += 3 * body.material.nbytes
            while self._bytes > self._limit_bytes and len(self._items) > 1:
                _, oldest = self._items.popitem(last=False)
                self._bytes -= 3 * oldest.material.nbytes
        return body


_BODIES = _SharedBodies(_BODIES_MIB * 2**20)


@dataclass(frozen=True, slots=True)
class Sprite:
    """A person as premultiplied BGRA, the pixel of the feet's middle, scale and line of sight."""

    bgra: UInt8Array
    feet_column: float
    feet_row: float
    px_per_height: float
    elevation_deg: float


class Wardrobe:
    """Makes and keeps sprites.

    Args:
        lamp_at_camera: lights bodies from the camera (near-infrared).
        px_per_height: size in which bodies are traced; half the size costs a third.
    """

    def __init__(self, *, lamp_at_camera: bool = False, px_per_height: int = PX_PER_HEIGHT) -> None:
        self._lamp_at_camera = lamp_at_camera
        self._px_per_height = px_per_height
        self._sprites: _Kept[Sprite] = _Kept(_SPRITES_KEPT)

    def sprite(self, look: Look, view: View, px_per_height: float) -> Sprite:
        """The sprite nearest in view whose scale is at least `px_per_height` where there is one."""
        near = _nearest_view(view)
        level = 0
        while level + 1 < _LEVELS and self._px_per_height / 2 ** (level + 1) >= px_per_height:
            level += 1
        return self._sprites.get((look, near, level), lambda: self._colour(look, near, level))

    def _colour(self, look: Look, view: View, level: int) -> Sprite:
        size_px = self._px_per_height
        body = _BODIES.get(look.build, view, size_px)
        strength = body.facing if self._lamp_at_camera else body.shade
        codes = body.material.astype(np.intp) * 256 + strength
        bgra = np.take(_colours(look), codes, axis=0)
        scale = 2**level
        rows, columns = body.material.shape
        if level:
            size = (math.ceil(columns / scale), math.ceil(rows / scale))
            padded = np.zeros((size[1] * scale, size[0] * scale, 4), np.float32)
            padded[:rows, :columns] = bgra
            bgra = cv2.resize(padded, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        return Sprite(
            np.ascontiguousarray(bgra + 0.5, np.uint8),
            body.feet_column / scale,
            body.feet_row / scale,
            self._px_per_height / scale,
            view.elevation_deg,
        )


@lru_cache(maxsize=500)
def _colours(look: Look) -> Float32Array:
    """BGRA (materials * 256, 4) of every material under every light, 128 means 1.0."""
    palette = np.array(look.palette_bgr, np.float32)
    light = np.arange(256, dtype=np.float32) / 128.0
    table = np.zeros((len(palette), 256, 4), np.float32)
    table[..., :3] = (palette[:, None] * light[None, :, None]).clip(0, 1) ** GAMMA * 255.0
    table[..., 3] = 255.0
    table[Material.NONE] = 0.0
    return table.reshape(-1, 4)


def _nearest_view(view: View) -> View:
    elevation = ELEVATION_STEP_DEG * round(view.elevation_deg / ELEVATION_STEP_DEG)
    turns = round(view.yaw_deg / YAW_STEP_DEG) % round(360.0 / YAW_STEP_DEG)
    return View(min(90.0, max(0.0, elevation)), YAW_STEP_DEG * turns, view.pose)


def _flatten(build: Build, view: View, px_per_height: int) -> _Body:
    """Trace a body, light it from above and a little from the left, and crop it."""
    picture = trace_body(build, view, px_per_height)
    shade = (
        0.50 + 0.38 * picture.normal_up + 0.14 * picture.facing - 0.10 * picture.normal_right
    ) + picture.wrinkle
    # Little light reaches the legs of a person indoors: the floor and neighbours block it.
    rows = np.arange(picture.material.shape[0], dtype=np.float32)
    above_feet = np.clip((picture.origin_row - rows) / px_per_height, 0.0, 1.0)
    shade = shade * (0.8 + 0.2 * above_feet)[:, None]
    facing = 0.25 + 0.8 * picture.facing + picture.wrinkle
    solid = picture.material > 0
    used_rows, used_columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    r0, r1 = max(0, int(used_rows[0]) - 2), int(used_rows[-1]) + 3
    c0, c1 = max(0, int(used_columns[0]) - 2), int(used_columns[-1]) + 3
    crop = np.s_[r0:r1, c0:c1]
    return _Body(
        picture.material[crop].copy(),
        np.clip(shade[crop] * 128.0, 12, 255).astype(np.uint8),
        np.clip(facing[crop] * 128.0, 12, 255).astype(np.uint8),
        picture.origin_column - c0,
        picture.origin_row - r0,
    )


__all__ = ["ELEVATION_STEP_DEG", "YAW_STEP_DEG", "Sprite", "Wardrobe"]
