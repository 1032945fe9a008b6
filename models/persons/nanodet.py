"""NanoDet and NanoDet-Plus: class scores and box sides as distributions, one output.

The output is (1, cells, classes + 4 x bins). The four sides' distances from the cell's centre are
the expected bin under a softmax, in strides (Li et al., Generalized Focal Loss, 2020). Pictures are
stretched to the input's size and normalised as NanoDet's own configurations do. Checked against the
published layout by hand-made outputs; no NanoDet weights are at hand here.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.cards import ModelCard
from models.errors import WrongFamilyError
from models.persons.boxes import best_apart
from models.sessions import Session
from vision.arrays import Float32Array, UInt8Array, picture
from vision.observations import PersonBoxes

BINS = 8
# NanoDet-Plus, and the first NanoDet.
NANODET_STRIDES_PX = ((8, 16, 32, 64), (8, 16, 32))
# Where in its cell a prior's centre lies, in strides: `nanodet_plus_head.py` counts from the
# corner, `gfl_head.py` of the first NanoDet from the middle.
_CENTRE_WITHIN = (0.0, 0.5)
_MOST_BOXES = 300
_MEAN_BGR = np.array([103.53, 116.28, 123.675], np.float32)
_STD_BGR = np.array([57.375, 57.12, 58.395], np.float32)


class NanodetDetector:
    """A `vision.observations.PersonDetector` over a NanoDet graph of fixed size."""

    def __init__(self, session: Session, card: ModelCard) -> None:
        """Raises `WrongFamilyError` when the input is not (1, 3, height, width) float32."""
        ports = session.inputs
        shape = ports[0].shape if ports else ()
        if len(ports) != 1 or len(shape) != 4 or shape[1] != 3 or not (shape[2] and shape[3]):
            raise WrongFamilyError(
                f"{card.weights_file}: not a NanoDet graph (one float32 input (1, 3, height, "
                f"width) of fixed size); it has {ports}"
            )
        self._height_px, self._width_px = int(shape[2]), int(shape[3])
        self._session = session
        self._card = card
        self._grids = {
            len(centres): (centres, strides)
            for centres, strides in (
                cell_centres(self._width_px, self._height_px, s, within)
                for s, within in zip(NANODET_STRIDES_PX, _CENTRE_WITHIN, strict=True)
            )
        }

    @property
    def model_id(self) -> str:
        return self._card.versioned_id

    @property
    def input_shape(self) -> str:
        """Shape of the graph's input, for people."""
        return f"1x3x{self._height_px}x{self._width_px}"

    def detect(self, image_bgr: UInt8Array) -> PersonBoxes:
        """Persons in picture pixels.

        Raises:
            WrongFamilyError: when the output has not the family's layout.
        """
        image = picture(image_bgr)
        shown = cv2.resize(image, (self._width_px, self._height_px)).astype(np.float32)
        planes = ((shown - _MEAN_BGR) / _STD_BGR).transpose(2, 0, 1)[None]
        raw = self._session.run(np.ascontiguousarray(planes))[self._session.output_names[0]]
        person = self._card.decoding.person_class
        grid = self._grids.get(raw.shape[1]) if raw.ndim == 3 else None
        if grid is None or raw.shape[2] <= 4 * BINS + person:
            raise WrongFamilyError(
                f"{self._card.weights_file}: an output {raw.shape} is not NanoDet's for an input "
                f"of {self._width_px}x{self._height_px}; import the file again"
            )
        by_class = raw[0, :, : -4 * BINS]
        scores, best = by_class.max(axis=1), by_class.argmax(axis=1)
        mine = (scores >= self._card.decoding.score_threshold) & (best == person)
        boxes = decode(raw[0, mine, -4 * BINS :], grid[0][mine], grid[1][mine])
        kept = best_apart(boxes, scores[mine], best[mine], self._card.decoding.iou_threshold)
        kept = kept[:_MOST_BOXES]
        height, width = image.shape[:2]
        back = np.array([width / self._width_px, height / self._height_px] * 2, np.float32)
        inside = np.clip(boxes[kept] * back, 0, [width, height, width, height])
        found = scores[mine][kept]
        return PersonBoxes(inside.astype(np.float32), found, saturated=len(found) >= _MOST_BOXES)


def cell_centres(
    width_px: int, height_px: int, strides_px: tuple[int, ...], within: float
) -> tuple[Float32Array, Float32Array]:
    """Prior centres (N, 2) and strides (N, 1) in pixels, in the graph's order.

    Args:
        within: where in its cell a centre lies, in strides from the upper left corner.
    """
    centres, strides = [], []
    for stride in strides_px:
        rows, columns = np.mgrid[: -(-height_px // stride), : -(-width_px // stride)]
        centres.append((np.column_stack([columns.ravel(), rows.ravel()]) + within) * stride)
        strides.append(np.full((rows.size, 1), stride))
    return (
        np.concatenate(centres).astype(np.float32),
        np.concatenate(strides).astype(np.float32),
    )


def decode(sides: Float32Array, centres: Float32Array, strides: Float32Array) -> Float32Array:
    """Boxes (N, 4) left, top, right, bottom from the distributions (N, 4 x 8) of the sides."""
    bins = sides.reshape(len(sides), 4, BINS)
    likely = np.exp(bins - bins.max(axis=2, keepdims=True))
    likely /= likely.sum(axis=2, keepdims=True)
    reach = (likely @ np.arange(BINS, dtype=np.float32)) * strides
    return np.hstack([centres - reach[:, :2], centres + reach[:, 2:]]).astype(np.float32)
