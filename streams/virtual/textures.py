"""Procedural surface textures: reflectance as a function of metres along a surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vision.arrays import BoolArray, Float64Array

Texture = Callable[[Float64Array, Float64Array, np.random.Generator], Float64Array]


def stains(
    a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator, *, size_m: float, waves: int = 7
) -> Float64Array:
    """Smooth random field about 0 with a standard deviation near 1, wavelength about `size_m`."""
    # Single precision is several times faster, and far finer than a grey level.
    a, b = a_m.astype(np.float32), b_m.astype(np.float32)
    total = np.zeros_like(a)
    for _ in range(waves):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        rate = 2 * np.pi / (size_m * rng.uniform(0.4, 1.8))
        along_a, along_b = np.float32(rate * np.cos(angle)), np.float32(rate * np.sin(angle))
        total += np.sin(along_a * a + along_b * b + np.float32(phase))
    return np.asarray(total / np.sqrt(waves / 2.0), np.float64)


def _hash(a: Float64Array, b: Float64Array, seed: float) -> Float64Array:
    mixed = np.sin(a * 12.9898 + b * 78.233 + seed) * 43758.5453
    return np.asarray(mixed - np.floor(mixed))


def _joints(coordinate_m: Float64Array, pitch_m: float, gap_m: float) -> BoolArray:
    return np.asarray(np.abs(np.mod(coordinate_m, pitch_m)) < gap_m)


def plain(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Even paint with faint stains."""
    return 1.0 + 0.03 * stains(a_m, b_m, rng, size_m=1.7)


def tiles(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Floor tiles with joints, each tile a little different."""
    pitch_m = float(rng.choice([0.3, 0.5, 0.6, 0.8]))
    seed = float(rng.uniform(0, 100))
    shade = 0.94 + 0.12 * _hash(np.floor(a_m / pitch_m), np.floor(b_m / pitch_m), seed)
    joint = _joints(a_m, pitch_m, 0.012) | _joints(b_m, pitch_m, 0.012)
    return np.where(joint, 0.68, shade) * (1.0 + 0.04 * stains(a_m, b_m, rng, size_m=2.5))


def terrazzo(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Ground stone chips between brass strips."""
    seed = float(rng.uniform(0, 100))
    chips = _hash(np.floor(a_m / 0.02), np.floor(b_m / 0.02), seed)
    strip = _joints(a_m, 1.2, 0.01) | _joints(b_m, 1.2, 0.01)
    speck = np.where(chips > 0.86, 1.16, np.where(chips < 0.12, 0.78, 1.0))
    return np.where(strip, 0.6, speck) * (1.0 + 0.05 * stains(a_m, b_m, rng, size_m=2.0))


def concrete(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Cast concrete or asphalt: stains at three scales and grain."""
    grain = _hash(np.floor(a_m / 0.015), np.floor(b_m / 0.015), float(rng.uniform(0, 100)))
    rough = sum(0.05 * stains(a_m, b_m, rng, size_m=s) for s in (0.25, 0.9, 3.5))
    return np.asarray(1.0 + rough + 0.14 * (grain - 0.5))


def boards(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Wooden boards along `a`."""
    row = np.floor(b_m / 0.14)
    seed = float(rng.uniform(0, 100))
    shade = 0.82 + 0.3 * _hash(row, np.floor(a_m / 1.4 + 0.37 * row), seed)
    return np.where(_joints(b_m, 0.14, 0.006), 0.6, shade) * (
        1.0 + 0.05 * np.sin(60 * b_m + 3 * stains(a_m, b_m, rng, size_m=1.5))
    )


def bricks(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Brick courses or paving stones."""
    row = np.floor(b_m / 0.1)
    shifted = a_m + 0.12 * np.mod(row, 2.0)
    shade = 0.8 + 0.36 * _hash(np.floor(shifted / 0.24), row, float(rng.uniform(0, 100)))
    joint = _joints(b_m, 0.1, 0.012) | _joints(shifted, 0.24, 0.012)
    return np.asarray(np.where(joint, 1.25, shade))


def dado(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """A painted wall: darker up to 1.2 m, a line, a skirting; `b` is the height."""
    lower = np.where(b_m < 1.2, 0.66, 1.0)
    lower = np.where(np.abs(b_m - 1.2) < 0.015, 0.4, lower)
    lower = np.where(b_m < 0.1, 0.4, lower)
    return lower * (1.0 + 0.035 * stains(a_m, b_m, rng, size_m=1.3))


def door(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """A leaf door with a frame and a glass strip; `b` is the height."""
    glass = (np.abs(a_m - 0.45) < 0.14) & (np.abs(b_m - 1.5) < 0.3)
    frame = (a_m < 0.05) | (a_m > 0.85) | (b_m > 2.0)
    shade = np.where(glass, 1.7, np.where(frame, 0.7, 1.0))
    return shade * (1.0 + 0.03 * stains(a_m, b_m, rng, size_m=0.4))


def window(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Bright panes between frames."""
    frame = _joints(a_m + 0.02, 0.75, 0.05) | _joints(b_m + 0.02, 0.7, 0.05)
    return np.where(frame, 0.75, 1.15 + 0.12 * stains(a_m, b_m, rng, size_m=1.4))


def poster(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """A notice board: patches of many shades, round spots among them."""
    seed = float(rng.uniform(0, 100))
    patch = 0.5 + 0.9 * _hash(np.floor(a_m / 0.21), np.floor(b_m / 0.16), seed)
    lines = np.where(np.mod(b_m, 0.03) < 0.009, 0.75, 1.0)
    spot = (np.mod(a_m, 0.42) - 0.2) ** 2 + (np.mod(b_m, 0.48) - 0.22) ** 2 < 0.009
    return np.asarray(np.where(spot, 0.35, patch * lines))


def nosed_tread(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """A stair tread; `b` runs from the riser behind to the nosing, which carries a dark strip."""
    strip = (b_m > 0.225) & (b_m < 0.275)
    return np.where(strip, 0.4, 1.0 + 0.05 * stains(a_m, b_m, rng, size_m=0.8))


def bars(a_m: Float64Array, b_m: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Bars of a gate or railing: even metal; `is_open` tells where there is none."""
    return 1.0 + 0.05 * stains(a_m, b_m, rng, size_m=0.5)


def is_open(a_m: Float64Array, b_m: Float64Array, height_m: float) -> BoolArray:
    """Where a barred surface lets the view through."""
    bar = np.mod(a_m, 0.12) < 0.03
    rail = (b_m < 0.04) | (b_m > height_m - 0.05) | (np.abs(b_m - height_m / 2) < 0.02)
    return np.asarray(~(bar | rail))


TEXTURES: dict[str, Texture] = {
    "plain": plain,
    "tiles": tiles,
    "terrazzo": terrazzo,
    "concrete": concrete,
    "boards": boards,
    "bricks": bricks,
    "dado": dado,
    "door": door,
    "window": window,
    "poster": poster,
    "nosed_tread": nosed_tread,
    "bars": bars,
}

__all__ = ["TEXTURES", "Texture", "is_open", "stains"]
