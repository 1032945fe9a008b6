"""YOLOX with its raw head: grid decoding as in Megvii's `demo_utils.py` (Apache-2.0)."""

from __future__ import annotations

import numpy as np

from models.canvas import square
from models.cards import ModelCard
from models.errors import WrongFamilyError
from models.persons.boxes import best_apart
from models.sessions import Session
from vision.arrays import Float32Array, UInt8Array
from vision.observations import PersonBoxes

_STRIDES_PX = (8, 16, 32)
_MOST_BOXES = 300
_BEFORE_CLASSES = 5  # centre u, centre v, log width, log height, objectness


class YoloxDetector:
    """A `vision.observations.PersonDetector` over a YOLOX graph with a fixed square input."""

    def __init__(self, session: Session, card: ModelCard) -> None:
        """Raises `WrongFamilyError` when the graph's input is not (1, 3, side, side) float32."""
        shape = session.inputs[0].shape if session.inputs else ()
        side = shape[2] if len(shape) == 4 else None
        fits = side is not None and shape[1] == 3 and shape[3] == side and side % 32 == 0
        if len(session.inputs) != 1 or not fits or session.inputs[0].element != "float32":
            raise WrongFamilyError(
                f"{card.weights_file}: not a YOLOX graph (one float32 input (1, 3, side, side), "
                f"side a multiple of 32); it has {session.inputs}"
            )
        assert side is not None  # noqa: S101 - narrowed by `fits`
        self._side_px = side
        self._session = session
        self._card = card
        self._grid, self._stride = grid(side)

    @property
    def model_id(self) -> str:
        return self._card.versioned_id

    @property
    def input_shape(self) -> str:
        """Shape of the graph's input, for people."""
        return f"1x3x{self._side_px}x{self._side_px}"

    def detect(self, image_bgr: UInt8Array) -> PersonBoxes:
        """Persons in picture pixels.

        Raises:
            WrongFamilyError: when the output is not the raw head (1, cells, 5 + classes).
        """
        canvas = square(image_bgr, self._side_px)
        feed = np.ascontiguousarray(canvas.pixels.transpose(2, 0, 1)[None], dtype=np.float32)
        raw = next(iter(self._session.run(feed).values()))
        person = _BEFORE_CLASSES + self._card.decoding.person_class
        if raw.ndim != 3 or raw.shape[1] != len(self._grid) or raw.shape[2] <= person:
            raise WrongFamilyError(
                f"{self._card.weights_file}: expected an output (1, {len(self._grid)}, "
                f"5 + classes), got {raw.shape}; export YOLOX without its decoder"
            )
        boxes, scores = self._persons(raw[0], person)
        back = np.array([canvas.scale_u, canvas.scale_v] * 2, np.float32)
        height, width = image_bgr.shape[:2]
        limits = np.array([width, height] * 2, np.float32)
        inside = np.clip(boxes / back, 0, limits).astype(np.float32)
        return PersonBoxes(inside, scores, saturated=len(scores) >= _MOST_BOXES)

    def _persons(self, raw: Float32Array, person: int) -> tuple[Float32Array, Float32Array]:
        decoding = self._card.decoding
        best_class = raw[:, _BEFORE_CLASSES:].argmax(axis=1) + _BEFORE_CLASSES
        scores = raw[:, 4] * raw[:, person]
        likely = (scores >= decoding.score_threshold) & (best_class == person)
        boxes = decode(raw[likely], self._grid[likely], self._stride[likely])
        scores = scores[likely]
        kept = best_apart(boxes, scores, best_class[likely], decoding.iou_threshold)[:_MOST_BOXES]
        return boxes[kept], scores[kept]


def grid(side_px: int) -> tuple[Float32Array, Float32Array]:
    """Cell corners (N, 2) in cells and strides (N, 1) in pixels, in the graph's order."""
    corners, strides = [], []
    for stride in _STRIDES_PX:
        cells = side_px // stride
        rows, columns = np.mgrid[:cells, :cells]
        corners.append(np.column_stack([columns.ravel(), rows.ravel()]))
        strides.append(np.full((cells * cells, 1), stride))
    return (
        np.concatenate(corners).astype(np.float32),
        np.concatenate(strides).astype(np.float32),
    )


def decode(raw: Float32Array, corners: Float32Array, stride: Float32Array) -> Float32Array:
    """Boxes (N, 4) left, top, right, bottom in canvas pixels."""
    centre = (raw[:, :2] + corners) * stride
    half = np.exp(np.clip(raw[:, 2:4], -10, 10)) * stride / 2
    return np.hstack([centre - half, centre + half]).astype(np.float32)
