"""The empty scene: flat surfaces, lamps, and their picture through a camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from streams.virtual.textures import TEXTURES, is_open
from vision.arrays import Float32Array, Float64Array
from vision.geometry.camera import Camera

GAMMA = 0.6
_LIGHT_STEP_PX = 4
_Vec = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Surface:
    """A parallelogram `origin + a * along + b * across`, a and b in 0..1.

    Attributes:
        reflectance_bgr: base colour 0..1.
        texture: name in `TEXTURES`; its two coordinates are metres along both edges.
        occludes: whether it may stand between the camera and a person.
    """

    origin_xyz_m: _Vec
    along_xyz_m: _Vec
    across_xyz_m: _Vec
    reflectance_bgr: _Vec
    texture: str = "plain"
    occludes: bool = False


@dataclass(frozen=True, slots=True)
class Lamp:
    """A point light; `power` is its irradiance at one metre."""

    xyz_m: _Vec
    power: float


@dataclass(frozen=True, slots=True)
class Stage:
    """Surfaces and lamps of one place.

    Attributes:
        ambient: irradiance from everywhere.
        sky_bgr: colour where no surface is met.
        seed: chooses the textures' details.
    """

    surfaces: tuple[Surface, ...]
    lamps: tuple[Lamp, ...]
    ambient: float = 0.5
    sky_bgr: _Vec = (0.75, 0.72, 0.70)
    seed: int = 0

    def irradiance(self, points_xyz_m: Float64Array, normals: Float64Array) -> Float64Array:
        """Light that falls on points (N, 3) with unit normals (N, 3): (N,), about 1 indoors."""
        total = np.full(len(points_xyz_m), self.ambient)
        for lamp in self.lamps:
            to_lamp = np.array(lamp.xyz_m) - points_xyz_m
            square = np.maximum(np.sum(to_lamp**2, axis=1), 0.25)
            cosine = np.abs(np.sum(to_lamp * normals, axis=1)) / np.sqrt(square)
            total += lamp.power * cosine / square
        return total


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The empty scene through one camera.

    Attributes:
        reflected_bgr: (height, width, 3) float32, reflectance times irradiance, linear.
        occluder_m: (height, width) float32, distance to the nearest occluding surface, inf where
            there is none; `None` when no such surface is in view.
    """

    reflected_bgr: Float32Array
    occluder_m: Float32Array | None


@lru_cache(maxsize=8)
def draw_backdrop(stage: Stage, camera: Camera, *, oversample: int = 2) -> Backdrop:
    """Cast one ray per (sub)pixel and shade what it meets; the last few are kept, read-only."""
    lens = camera.lens
    width, height = lens.width_px * oversample, lens.height_px * oversample
    fine = Camera(camera.pose, lens.scaled_to(width, height))
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = fine.rays(np.column_stack([u.ravel(), v.ravel()]))
    cast = _Cast(stage, camera.position_xyz_m, rays, (height, width))
    for number, surface in enumerate(stage.surfaces):
        window = _window(surface, fine)
        if window is not None:
            cast.add(number, surface, window)
    lit = cast.colour * cast.light()[..., None]
    size = (lens.width_px, lens.height_px)
    reflected = cv2.resize(lit, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    occluder: Float32Array | None = None
    if np.isfinite(cast.occluder).any():
        occluder = np.ascontiguousarray(cast.occluder[::oversample, ::oversample])
        occluder.setflags(write=False)
    reflected.setflags(write=False)
    return Backdrop(reflected, occluder)


def _window(surface: Surface, camera: Camera) -> tuple[slice, slice] | None:
    """Rows and columns that may show `surface`, `None` when it is not in view."""
    origin, along, across = (
        np.array(v, float)
        for v in (surface.origin_xyz_m, surface.along_xyz_m, surface.across_xyz_m)
    )
    corners = np.array([origin, origin + along, origin + along + across, origin + across])
    depth = (corners - camera.position_xyz_m) @ camera.pose.axes()[2] - 0.05
    kept = [corner for corner, ahead in zip(corners, depth, strict=True) if ahead > 0]
    for k in range(4):
        # Where an edge crosses the plane just before the lens, its crossing bounds the picture.
        here, there = depth[k], depth[(k + 1) % 4]
        if (here > 0) != (there > 0):
            share = here / (here - there)
            kept.append(corners[k] + share * (corners[(k + 1) % 4] - corners[k]) + 0.0)
    if not kept:
        return None
    uv_px, _ = camera.project(np.array(kept))
    if not np.isfinite(uv_px).all():
        return slice(0, camera.lens.height_px), slice(0, camera.lens.width_px)
    low, high = np.floor(uv_px.min(axis=0)) - 1, np.ceil(uv_px.max(axis=0)) + 1
    columns = slice(int(max(low[0], 0)), int(min(high[0], camera.lens.width_px)))
    rows = slice(int(max(low[1], 0)), int(min(high[1], camera.lens.height_px)))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return None
    return rows, columns


class _Cast:
    """Depth-tested accumulation of surfaces over all rays."""

    def __init__(
        self, stage: Stage, eye: Float64Array, rays: Float64Array, shape: tuple[int, int]
    ) -> None:
        self._stage, self._eye = stage, eye
        self._rays = rays.astype(np.float32).reshape(*shape, 3)
        self._nearest = np.full(shape, np.inf, np.float32)
        self._normal = np.zeros((*shape, 3), np.float32)
        self._normal[..., 2] = 1.0
        self.colour: Float32Array = np.empty((*shape, 3), np.float32)
        self.colour[:] = stage.sky_bgr
        self.occluder: Float32Array = np.full(shape, np.inf, np.float32)

    def add(self, number: int, surface: Surface, window: tuple[slice, slice]) -> None:
        """Paint the rays of `window` that meet `surface` before anything met so far."""
        origin, along, across = (
            np.array(v, np.float64)
            for v in (surface.origin_xyz_m, surface.along_xyz_m, surface.across_xyz_m)
        )
        normal = np.cross(along, across)
        normal /= np.linalg.norm(normal)
        rays = self._rays[window]
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.float32((origin - self._eye) @ normal) / (
                rays @ normal.astype(np.float32)
            )
        met = (distance > 0.05) & (distance < self._nearest[window]) & np.isfinite(distance)
        if not met.any():
            return
        reach = distance[met].astype(np.float64)
        spot = self._eye - origin + reach[:, None] * rays[met]
        long_m, wide_m = float(np.linalg.norm(along)), float(np.linalg.norm(across))
        a_m, b_m = spot @ along / long_m, spot @ across / wide_m
        inside = (a_m >= 0) & (a_m <= long_m) & (b_m >= 0) & (b_m <= wide_m)
        if surface.texture == "bars":
            inside &= ~is_open(a_m, b_m, wide_m)
        met[met] = inside
        rng = np.random.default_rng((self._stage.seed, number))
        shade = TEXTURES[surface.texture](a_m[inside], b_m[inside], rng)
        flat = np.clip(shade[:, None] * np.array(surface.reflectance_bgr), 0.01, 1.0)
        self.colour[window][met] = flat
        self._nearest[window][met] = reach[inside]
        self._normal[window][met] = normal
        if surface.occludes:
            self.occluder[window][met] = reach[inside]
        else:
            self.occluder[window][met] = np.inf

    def light(self) -> Float32Array:
        """Irradiance per ray, computed on a coarse grid: light changes slowly over a picture."""
        rows, columns = self._nearest.shape
        grid = np.s_[::_LIGHT_STEP_PX, ::_LIGHT_STEP_PX]
        distance = self._nearest[grid].astype(np.float64)
        reach = np.where(np.isfinite(distance), distance, 1.0)
        points = self._eye + reach[..., None] * self._rays[grid]
        normals = self._normal[grid].reshape(-1, 3).astype(np.float64)
        light = self._stage.irradiance(points.reshape(-1, 3), normals)
        coarse = np.where(np.isfinite(distance), light.reshape(distance.shape), 1.0)
        return cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_LINEAR).astype(
            np.float32
        )


__all__ = ["GAMMA", "Backdrop", "Lamp", "Stage", "Surface", "draw_backdrop"]
