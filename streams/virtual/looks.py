"""How a virtual person looks: height, hair, clothes and bag, drawn from a seeded generator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from vision.arrays import Float64Array

_CHILD_BELOW_M = 1.42


class Material(IntEnum):
    """What a point of a body is made of; indexes a palette."""

    NONE = 0
    SKIN = 1
    HAIR = 2
    TOP = 3
    TRIM = 4
    SLEEVE = 5
    BOTTOM = 6
    SHOE = 7
    BAG = 8
    HAT = 9
    FEATURE = 10


class Hair(IntEnum):
    """What covers the head."""

    SHORT = 0
    BOB = 1
    PONYTAIL = 2
    CAP = 3
    HOOD = 4
    CROP = 5


@dataclass(frozen=True, slots=True)
class Build:
    """The part of a look that changes the shape, so that bodies can be shared between people."""

    child: bool = False
    hair: Hair = Hair.SHORT
    bag: bool = False
    bulky: bool = False

    @property
    def head_ratio(self) -> float:
        """Head height over body height: small children have larger heads for their size."""
        return 0.158 if self.child else 0.134


@dataclass(frozen=True, slots=True)
class Look:
    """One person as drawn.

    Attributes:
        height_m: body height without hat.
        build: shape.
        palette_bgr: (11 materials, 3) reflectance 0..1 in BGR order, as nested tuples so that a
            look is a value.
    """

    height_m: float
    build: Build
    palette_bgr: tuple[tuple[float, float, float], ...]

    @property
    def head_size_m(self) -> float:
        """Chin to crown."""
        return self.build.head_ratio * self.height_m

    @property
    def head_centre_m(self) -> float:
        """Height of the head's centre above the walking surface."""
        return self.height_m - self.head_size_m / 2.0


_UNIFORMS_BGR = (  # top, trim, bottom
    ((0.62, 0.22, 0.10), (0.88, 0.88, 0.86), (0.50, 0.17, 0.09)),
    ((0.85, 0.86, 0.86), (0.60, 0.20, 0.10), (0.40, 0.14, 0.08)),
    ((0.20, 0.16, 0.62), (0.88, 0.88, 0.88), (0.16, 0.15, 0.17)),
    ((0.22, 0.42, 0.16), (0.86, 0.88, 0.88), (0.18, 0.30, 0.13)),
    ((0.30, 0.20, 0.16), (0.20, 0.55, 0.85), (0.22, 0.17, 0.15)),
    ((0.72, 0.48, 0.25), (0.90, 0.90, 0.90), (0.28, 0.17, 0.10)),
)
_HAIR_BGR = ((0.05, 0.05, 0.06), (0.07, 0.08, 0.10), (0.06, 0.09, 0.14), (0.10, 0.16, 0.24))
_OTHER_HAIR_BGR = ((0.28, 0.44, 0.58), (0.55, 0.56, 0.58), (0.12, 0.22, 0.42))


def draw_look(
    rng: np.random.Generator,
    *,
    height_range_m: tuple[float, float] = (1.2, 1.7),
    uniform: int | None = None,
) -> Look:
    """Draw one person.

    Args:
        rng: the only source of chance.
        height_range_m: body height, uniform.
        uniform: number of the school uniform that most people wear; `None` for free clothes.
    """
    height_m = float(rng.uniform(*height_range_m))
    hair = Hair(int(rng.choice(6, p=[0.34, 0.16, 0.2, 0.09, 0.07, 0.14])))
    build = Build(
        child=height_m < _CHILD_BELOW_M,
        hair=hair,
        bag=bool(rng.random() < 0.4),
        bulky=bool(rng.random() < 0.25),
    )
    return Look(height_m, build, _draw_palette(rng, uniform))


def _draw_palette(
    rng: np.random.Generator, uniform: int | None
) -> tuple[tuple[float, float, float], ...]:
    palette = np.zeros((len(Material), 3))
    skin = np.array([0.50, 0.62, 0.82]) * rng.uniform(0.45, 1.08)
    palette[Material.SKIN] = skin
    palette[Material.FEATURE] = skin * 0.42
    pool = _HAIR_BGR if rng.random() < 0.88 else _OTHER_HAIR_BGR
    palette[Material.HAIR] = np.array(pool[int(rng.integers(len(pool)))]) * rng.uniform(0.7, 1.5)
    if uniform is not None and rng.random() < 0.86:
        top, trim, bottom = (np.array(c) for c in _UNIFORMS_BGR[uniform % len(_UNIFORMS_BGR)])
        top, bottom = top * rng.uniform(0.7, 1.25), bottom * rng.uniform(0.7, 1.25)
        palette[Material.TOP] = top
        palette[Material.TRIM] = trim
        palette[Material.SLEEVE] = trim if uniform % 2 else top
        palette[Material.BOTTOM] = bottom
    else:
        palette[Material.TOP] = _cloth(rng)
        palette[Material.TRIM] = _cloth(rng) if rng.random() < 0.5 else palette[Material.TOP]
        palette[Material.SLEEVE] = palette[Material.TOP]
        palette[Material.BOTTOM] = _cloth(rng) * 0.6
    palette[Material.SHOE] = np.full(3, rng.choice([0.08, 0.2, 0.8])) * rng.uniform(0.7, 1.1)
    palette[Material.BAG] = _cloth(rng) * 0.8
    palette[Material.HAT] = _cloth(rng)
    palette *= rng.uniform(0.9, 1.1, (len(Material), 1))
    clipped = np.clip(palette, 0.02, 0.95)
    return tuple((float(b), float(g), float(r)) for b, g, r in clipped)


def _cloth(rng: np.random.Generator) -> Float64Array:
    grey = rng.uniform(0.06, 0.85)
    tint = rng.normal(0.0, 0.16 if rng.random() < 0.6 else 0.03, 3)
    return np.asarray(np.clip(grey + tint, 0.03, 0.95))


def near_infrared(look: Look) -> Look:
    """The same person under a near-infrared lamp: grey, dyes mostly bright, hair mid grey."""
    palette = np.array(look.palette_bgr)
    grey = palette.mean(axis=1)
    # Most textile dyes are transparent above 800 nm, so cloth reflects far more than its colour
    # suggests; the spread by hue keeps garments apart.
    tint = 0.16 * np.sin(40.0 * palette @ np.array([1.0, 2.3, 3.7]))
    grey = np.clip(0.45 + 0.35 * grey + tint, 0.15, 0.9)
    grey[Material.HAIR] = 0.18 + 0.5 * palette[Material.HAIR].mean()
    grey[Material.SKIN] = 0.78
    grey[Material.FEATURE] = 0.35
    return Look(look.height_m, look.build, tuple((float(g),) * 3 for g in grey))


__all__ = ["Build", "Hair", "Look", "Material", "draw_look", "near_infrared"]
