"""What one picture says about the camera's own health, by itself and against a baseline.

All features are taken from a grey picture 320 px wide. Choices, each measured on degraded
pictures before:

- Sharpness is the variance of the Laplacian over the grey variance, after a 3x3 median: the raw
  variance takes a dimmed picture for a blurred one. The quietest tenth of the blocks says how much
  of the Laplacian is noise, which would otherwise pass for detail.
- A tile is lost when the grey in it varies little against its mean, in a middle band: dimming keeps
  that ratio and blur most of it, only a cover takes it away. Finer detail goes with blur too, and
  coarser light falls on a cover as well. What counts of the healthy camera is what stays when
  people go: a low quantile over its pictures.
- A moved camera is found by landmarks: `vision.pose.landmarks`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np

from vision.arrays import Float64Array, IntArray, UInt8Array, read_only
from vision.errors import ShapeError
from vision.pose.landmarks import (
    LEAST_INLIERS,
    Landmarks,
    PictureShift,
    landmarks_of,
    lasting_landmarks,
    shift_between,
)

WIDTH_PX = 320
TILES = 8
_MANY_POINTS = 100
_INFRARED_SATURATION = 6.0
_BAND_PX = (3.0, 12.0)
# What sensor noise and compression leave of themselves in that band, in grey levels.
_BAND_NOISE = 0.8
_TILE_VARIES = 0.02
_TILE_LOST_SHARE = 0.3
_LASTS_QUANTILE = 0.2
_LEAST_TILES = 16
_LEAST_HALF_SHARE = 0.35


class Mode(StrEnum):
    """How the camera takes pictures: in colour, or grey with infrared light."""

    DAY = "day"
    INFRARED = "infrared"


@dataclass(frozen=True, slots=True)
class Features:
    """What one picture shows, without any baseline.

    Attributes:
        luminance: mean grey, 0..1; contrast: standard deviation of grey, 0..1.
        glare_share: share of burnt-out pixels.
        sharpness: Laplacian variance over grey variance.
        noise: median absolute difference from the 3x3 median, 0..1.
        cast: distance of the mean colour from grey in Lab units.
        tile_variation: (8, 8) float64, standard deviation of grey over its mean in each tile, in
            the band between 3 and 12 pixels.
        digest: of all the picture's bytes: equal for equal pictures.
        grey: (H, 320) uint8, what the features were taken from.
    """

    mode: Mode
    luminance: float
    contrast: float
    glare_share: float
    sharpness: float
    noise: float
    cast: float
    tile_variation: Float64Array
    digest: int
    grey: UInt8Array

    def __post_init__(self) -> None:
        tiles = read_only(
            self.tile_variation, name="tile_variation", dtype=np.float64, shape=(TILES, TILES)
        )
        object.__setattr__(self, "tile_variation", tiles)


def features_of(image_bgr: UInt8Array) -> Features:
    """Measure a (height, width, 3) uint8 BGR picture.

    Raises:
        ShapeError: for a picture of another form, or smaller than 64 px.
    """
    if image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or min(image_bgr.shape[:2]) < 64:
        raise ShapeError(
            f"expected a picture (height, width, 3) of 64 px up, got {image_bgr.shape}"
        )
    height = max(64, round(image_bgr.shape[0] * WIDTH_PX / image_bgr.shape[1]))
    small = cv2.resize(np.asarray(image_bgr), (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    calm = cv2.medianBlur(grey, 3)
    lab = cv2.mean(cv2.cvtColor(small, cv2.COLOR_BGR2LAB))
    blue, green, red = cv2.split(small)
    brightest = cv2.max(cv2.max(blue, green), red)
    saturation = cv2.mean(cv2.subtract(brightest, cv2.min(cv2.min(blue, green), red)))[0]
    noise = float(np.mean(cv2.absdiff(grey, calm)))
    return Features(
        mode=Mode.INFRARED if saturation < _INFRARED_SATURATION else Mode.DAY,
        luminance=float(grey.mean()) / 255.0,
        contrast=float(grey.std()) / 255.0,
        glare_share=float((grey >= 250).mean()),
        sharpness=_sharpness(np.asarray(calm, dtype=np.uint8)),
        noise=noise / 255.0,
        cast=float(np.hypot(lab[1] - 128.0, lab[2] - 128.0)),
        tile_variation=_tile_variation(np.asarray(calm, dtype=np.uint8)),
        digest=zlib.crc32(np.ascontiguousarray(image_bgr).data),
        grey=np.asarray(grey, dtype=np.uint8),
    )


def _sharpness(calm: UInt8Array) -> float:
    """Laplacian energy above the noise, over the grey variance."""
    laplacian = cv2.Laplacian(calm, cv2.CV_32F)
    energy = cv2.blur(laplacian * laplacian, (9, 9))[4:-4:8, 4:-4:8]
    detail = float(energy.mean()) - float(np.percentile(energy, 10.0))
    return max(0.0, detail) / max(float(calm.var()), 4.0)


def _tile_variation(calm: UInt8Array) -> Float64Array:
    """Spread of the middle band of grey over the mean grey in each of 8 x 8 tiles."""
    grey = np.asarray(calm, dtype=np.float32)
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma_px) for sigma_px in _BAND_PX)
    band = np.asarray(fine - coarse, dtype=np.float64)
    variance = _tile_means(band**2) - _tile_means(band) ** 2
    mean = _tile_means(np.asarray(grey, dtype=np.float64))
    return np.sqrt(np.maximum(0.0, variance - _BAND_NOISE**2)) / np.maximum(mean, 8.0)


def _tile_means(values: Float64Array) -> Float64Array:
    """The mean of each of 8 x 8 tiles; where a side does not divide, the first are a pixel more."""
    starts, sizes = zip(*(_tiled(extent) for extent in values.shape), strict=True)
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    return np.asarray(sums / np.outer(*sizes))


@lru_cache(maxsize=16)
def _tiled(extent: int) -> tuple[IntArray, IntArray]:
    """Where 8 tiles of a side begin, and how long each is."""
    sizes = np.array([len(part) for part in np.array_split(np.arange(extent), TILES)])
    return np.cumsum(sizes) - sizes, sizes


@dataclass(frozen=True, slots=True)
class Baseline:
    """How a healthy camera looks in one mode.

    Attributes:
        sharpness, luminance, noise, cast: medians over the pictures it was learnt from.
        tile_variation: (8, 8) lower fifths over those pictures.
        points_uv_px: (N, 2) float32 places of landmarks on the small picture.
        descriptors: (N, 32) uint8, of those landmarks.
        width_px, height_px: of the small picture.
        confirmed_by: the person who looked at it and found it right; empty until then.
    """

    mode: Mode
    sharpness: float
    luminance: float
    noise: float
    cast: float
    tile_variation: Float64Array
    points_uv_px: Float64Array
    descriptors: UInt8Array
    width_px: int
    height_px: int
    confirmed_by: str = ""

    @property
    def watches_movement(self) -> bool:
        """Whether enough lasting landmarks were found to notice that the camera was moved.

        About half of them are found again in a picture; with fewer than twice what a verdict
        needs, chance matches have given shifts of a camera at rest.
        """
        return len(self.points_uv_px) >= 2 * LEAST_INLIERS

    @property
    def watches_turning(self) -> bool:
        """Whether the landmarks are so many that their absence means another view.

        Up to 7 agree between two places by chance; of a healthy camera a crowd leaves a seventh.
        """
        return len(self.points_uv_px) >= _MANY_POINTS

    @property
    def watches_cover(self) -> bool:
        """Whether a cover over half of the picture, from any side, would be noticed.

        Over plain ground a cover takes nothing away that could be missed.
        """
        varies = self.tile_variation >= _TILE_VARIES
        half = TILES // 2
        halves = (varies[:half], varies[half:], varies[:, :half], varies[:, half:])
        total = int(varies.sum())
        least = min(int(part.sum()) for part in halves)
        return total >= _LEAST_TILES and least >= _LEAST_HALF_SHARE * total


def learn_baseline(samples: Sequence[Features]) -> Baseline:
    """The baseline of one mode from pictures of a healthy camera, spread over minutes.

    Landmarks are taken from the median picture, in which people who pass are gone, and kept when
    at least half of the samples show them at the same place. With fewer than 40 left, as over bare
    ground, movement cannot be told; `Baseline.watches_movement` says so.

    Raises:
        ShapeError: when there are no samples, or they differ in mode or size.
    """
    if not samples:
        raise ShapeError("a baseline needs at least one picture")
    first = samples[0]
    if any(s.mode is not first.mode or s.grey.shape != first.grey.shape for s in samples):
        raise ShapeError("a baseline needs pictures of one mode and one size")
    median = np.median(np.stack([s.grey for s in samples]), axis=0).astype(np.uint8)
    landmarks = lasting_landmarks(landmarks_of(median), [s.grey for s in samples])
    return Baseline(
        mode=first.mode,
        sharpness=float(np.median([s.sharpness for s in samples])),
        luminance=float(np.median([s.luminance for s in samples])),
        noise=float(np.median([s.noise for s in samples])),
        cast=float(np.median([s.cast for s in samples])),
        tile_variation=np.quantile([s.tile_variation for s in samples], _LASTS_QUANTILE, axis=0),
        points_uv_px=landmarks.points_uv_px,
        descriptors=landmarks.descriptors,
        width_px=first.grey.shape[1],
        height_px=first.grey.shape[0],
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One picture against the baseline of its mode.

    Attributes:
        sharpness_ratio: of the baseline's.
        lost_share: share of the tiles with something in them that lost most of it.
        shift_share: largest corner shift over the picture's width; `None` when fewer than 20
            landmarks agree on a similarity.
        inliers: landmarks that agree.
        landmarks: found in this picture.
        shift: how the landmarks moved together; `None` like `shift_share`.
    """

    sharpness_ratio: float
    lost_share: float
    shift_share: float | None
    inliers: int
    landmarks: int
    shift: PictureShift | None = None


def compare(features: Features, baseline: Baseline) -> Comparison:
    """Compare a picture with a baseline of the same size.

    Raises:
        ShapeError: when the sizes differ.
    """
    size = (baseline.height_px, baseline.width_px)
    if features.grey.shape != size:
        raise ShapeError(f"expected a small picture of {size}, got {features.grey.shape}")
    varies = baseline.tile_variation >= _TILE_VARIES
    lost = features.tile_variation < _TILE_LOST_SHARE * baseline.tile_variation
    now = landmarks_of(features.grey)
    shift_px, inliers, shift = None, 0, None
    if baseline.watches_movement:
        was = Landmarks(baseline.points_uv_px, baseline.descriptors)
        size_px = (baseline.width_px, baseline.height_px)
        shift_px, inliers, shift = shift_between(was, now, size_px)
    return Comparison(
        sharpness_ratio=features.sharpness / max(baseline.sharpness, 1e-6),
        lost_share=float((lost & varies).sum() / max(1, varies.sum())),
        shift_share=None if shift_px is None else shift_px / baseline.width_px,
        inliers=inliers,
        landmarks=len(now.points_uv_px),
        shift=shift,
    )


__all__ = [
    "Baseline",
    "Comparison",
    "Features",
    "Mode",
    "compare",
    "features_of",
    "learn_baseline",
]
