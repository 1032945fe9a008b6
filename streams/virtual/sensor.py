"""What lens and sensor add to a picture: vignette, softness and noise."""

from __future__ import annotations

import cv2
import numpy as np

from vision.arrays import Float32Array, Float64Array, UInt8Array

_PAD_PX = 64
_BANK = 3


class Sensor:
    """Finishes pictures of one size; the noise of a frame depends on seed and frame index only."""

    def __init__(
        self, width_px: int, height_px: int, seed: int, *, strength: float, blur_px: float = 0.6
    ) -> None:
        """`strength` is the noise's standard deviation in grey levels."""
        self._size = (width_px, height_px)
        self._seed, self._blur_px = seed, blur_px
        rng = np.random.default_rng((seed, 0x5E45))
        across = (np.arange(width_px, dtype=np.float32) + 0.5) / width_px * 2 - 1
        down = (np.arange(height_px, dtype=np.float32) + 0.5) / height_px * 2 - 1
        depth = float(rng.uniform(0.08, 0.2))
        self._depth = depth
        self.vignette: Float32Array = (
            1.0 - depth * (across[None, :] ** 2 + down[:, None] ** 2) / 2.0
        ).astype(np.float32)
        self._noise = [self._field(rng, strength) for _ in range(_BANK)]

    def vignette_at(self, uv_px: Float64Array) -> float:
        """The vignette's factor at one pixel, also a little outside the picture."""
        x = float(uv_px[0]) / self._size[0] * 2 - 1
        y = float(uv_px[1]) / self._size[1] * 2 - 1
        return max(0.3, 1.0 - self._depth * (x * x + y * y) / 2.0)

    def _field(self, rng: np.random.Generator, strength: float) -> np.ndarray:
        shape = (self._size[1] + _PAD_PX, self._size[0] + _PAD_PX)
        grey = rng.standard_normal(shape, dtype=np.float32)
        colour = rng.standard_normal((*shape, 3), dtype=np.float32)
        # Denoising and compression leave grain that is soft in colour.
        colour = cv2.GaussianBlur(colour, (0, 0), 1.4) * 2.0
        field = strength * (
            0.85 * cv2.GaussianBlur(grey, (0, 0), 0.5)[..., None] * 1.5 + 0.35 * colour
        )
        return np.clip(np.rint(field), -60, 60).astype(np.int16)

    def finish(self, image_bgr: UInt8Array, frame_index: int) -> UInt8Array:
        """Blur a little and add this frame's noise; returns a new picture."""
        rng = np.random.default_rng((self._seed, frame_index))
        down, across = (int(k) for k in rng.integers(0, _PAD_PX, 2))
        width, height = self._size
        field = self._noise[int(rng.integers(_BANK))][down : down + height, across : across + width]
        soft = cv2.GaussianBlur(image_bgr, (0, 0), self._blur_px) if self._blur_px else image_bgr
        return np.asarray(cv2.add(soft, field, dtype=cv2.CV_8U), dtype=np.uint8)


__all__ = ["Sensor"]
