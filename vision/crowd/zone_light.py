"""How bright a camera's zones are, so that a dark place is told and never read as empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from vision.arrays import BoolArray, Float64Array, UInt8Array, median
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Lens
from vision.instants import Utc
from vision.observations import Frame

# A patch of this many pixels of the lens a side is judged dark as one, so that a black coat is not
# "dark".
_PATCH_PX = 32
_THINNED_PX = 8
DARK_LUMINANCE = 0.03
# The light of a place is judged again after so long, or when pixels from all over the picture have
# changed by so many grey levels in the mean or in most places: people who walk change a few.
_LIGHT_HOLDS_S = 0.95
_LIGHT_CHANGES = 8
_PROBE = (9, 16)


@dataclass(frozen=True, slots=True, eq=False)
class ZoneLight:
    """Which seen cells of a zone are not black (rows, columns), and their mean brightness 0..1."""

    lit: BoolArray
    luminance: float


@dataclass(frozen=True, slots=True, eq=False)
class PictureLight:
    """The light of one picture.

    Attributes:
        probe: some of its pixels.
        chroma: mean spread of the three colours, 0..1.
    """

    at: Utc
    probe: UInt8Array
    chroma: float
    zones: Mapping[str, ZoneLight]

    def holds(self, at: Utc, probe: UInt8Array) -> bool:
        """Whether it still holds for a picture with this probe."""
        if not 0.0 <= at - self.at < _LIGHT_HOLDS_S or probe.shape != self.probe.shape:
            return False
        change = cv2.absdiff(probe, self.probe)
        if float(np.mean(change)) >= _LIGHT_CHANGES:
            return False
        return int(median(change.ravel())) < _LIGHT_CHANGES


class LightWatch:
    """The light of one camera's zones: judged once a second, and at once when it changes."""

    def __init__(self, views: Mapping[str, ZoneView], lens: Lens) -> None:
        """`lens`: the camera's, for which `views` are built; pictures may have another size."""
        self._views = views
        self._patches = (max(1, lens.width_px // _PATCH_PX), max(1, lens.height_px // _PATCH_PX))
        self._known: PictureLight | None = None

    def of(self, frame: Frame) -> PictureLight:
        """The light of a picture; the one judged before while that holds."""
        probe = _probe(frame.image_bgr)
        if self._known is not None and self._known.holds(frame.captured_at, probe):
            return self._known
        brightness, chroma = _brightness(frame.image_bgr, self._patches)
        zones = {zone_id: _zone_light(v, brightness) for zone_id, v in self._views.items()}
        self._known = PictureLight(frame.captured_at, probe, chroma, zones)
        return self._known


def _zone_light(view: ZoneView, brightness: Float64Array) -> ZoneLight:
    luminance = _cell_luminance(view, brightness)
    seen = view.seen.ravel()
    area = view.grid.area_m2.ravel()[seen]
    return ZoneLight(
        (seen & (luminance >= DARK_LUMINANCE)).reshape(view.grid.shape),
        float(np.average(luminance[seen], weights=area)),
    )


def _probe(image_bgr: UInt8Array) -> UInt8Array:
    """Pixels from all over the picture, about a hundred and fifty."""
    height, width = image_bgr.shape[:2]
    rows, columns = max(1, height // _PROBE[0]), max(1, width // _PROBE[1])
    return np.ascontiguousarray(image_bgr[rows // 2 :: rows, columns // 2 :: columns])


def _brightness(image_bgr: UInt8Array, size: tuple[int, int]) -> tuple[Float64Array, float]:
    """Mean brightness 0..1 of the picture cut into `size` (columns, rows) patches: (rows, columns).

    Second the mean spread of the three colours over the patches, 0..1.
    """
    height, width = image_bgr.shape[:2]
    # One pixel in sixteen gives the mean of a patch of a thousand to well below a grey level.
    # A whole number of them a patch: OpenCV takes means over other ratios four times as slowly.
    few = (min(width, size[0] * _THINNED_PX), min(height, size[1] * _THINNED_PX))
    thinned = cv2.resize(image_bgr, few, interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(thinned, size, interpolation=cv2.INTER_AREA)
    if small.ndim == 2:
        small = small[:, :, None]
    spread = small.max(axis=2).astype(np.int16) - small.min(axis=2)
    brightness = np.asarray(small.mean(axis=2) / 255.0, dtype=np.float64)
    return brightness, float(spread.mean()) / 255.0


def _cell_luminance(view: ZoneView, brightness: Float64Array) -> Float64Array:
    """Brightness of the patch in which each plan cell lies: (rows * columns,)."""
    rows, columns = brightness.shape
    lens = view.camera.lens
    uv_px = np.nan_to_num(view.cell_uv_px) * [columns / lens.width_px, rows / lens.height_px]
    at = np.clip(uv_px, 0, [columns - 1, rows - 1]).astype(np.int64)
    return np.asarray(brightness[at[:, 1], at[:, 0]])


__all__ = ["DARK_LUMINANCE", "LightWatch", "PictureLight", "ZoneLight"]
