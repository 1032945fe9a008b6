"""YOLOv5, YOLOv8, YOLO11 and YOLO26 as Ultralytics exports them to ONNX.

Three layouts of the one output:

- `yolo`: (1, 4 + classes, cells): centre, width, height in canvas pixels, then class scores.
- `yolov5`: (1, 3 x cells, 5 + classes): the same, with an objectness that multiplies the scores.
- `yolo-end2end`: (1, boxes, 6): left, top, right, bottom, score, class; already without doubles.

Input: (1, 3, height, width) float32 RGB in 0..1, the picture in the middle of a grey canvas.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.cards import ModelCard
from models.errors import WrongFamilyError
from models.persons.boxes import best_apart
from models.persons.letterbox import letterbox
from models.sessions import Session
from vision.arrays import Float32Array, UInt8Array
from vision.observations import PersonBoxes

YOLO_FAMILIES = ("yolo", "yolov5", "yolo-end2end")
_MOST_BOXES = 300
_DEFAULT_SIDE_PX = 640


class YoloDetector:
    """A `vision.observations.PersonDetector` over an Ultralytics graph."""

    def __init__(self, session: Session, card: ModelCard) -> None:
        """Raises `WrongFamilyError` when the graph's input is not (1, 3, height, width) float32."""
        ports = session.inputs
        shape = ports[0].shape if ports else ()
        fits = len(ports) == 1 and len(shape) == 4 and shape[1] == 3
        if not fits or ports[0].element != "float32" or card.family not in YOLO_FAMILIES:
            raise WrongFamilyError(
                f"{card.weights_file}: not a graph of family {card.family} (one float32 input "
                f"(1, 3, height, width)); it has {ports}"
            )
        self._height_px, self._width_px = (
            shape[2] or _DEFAULT_SIDE_PX,
            shape[3] or _DEFAULT_SIDE_PX,
        )
        self._session = session
        self._card = card

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
        shown = letterbox(image_bgr, self._width_px, self._height_px)
        planes = shown.pixels[:, :, ::-1].transpose(2, 0, 1)[None]
        feed = np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255.0)
        raw = self._session.run(feed)[self._session.output_names[0]]
        boxes, scores, classes = self._read(raw)
        mine = (scores > self._card.decoding.score_threshold) & (
            classes == self._card.decoding.person_class
        )
        boxes, scores = boxes[mine], scores[mine]
        if self._card.family != "yolo-end2end":
            kept = best_apart(boxes, scores, classes[mine], self._card.decoding.iou_threshold)
            boxes, scores = boxes[kept], scores[kept]
        boxes, scores = boxes[:_MOST_BOXES], scores[:_MOST_BOXES]
        return PersonBoxes(shown.back(boxes), scores, saturated=len(scores) >= _MOST_BOXES)

    def _read(self, raw: Float32Array) -> tuple[Float32Array, Float32Array, NDArray[np.int64]]:
        """Boxes (N, 4), score and class of the best class of each."""
        if raw.ndim != 3 or len(raw) != 1:
            raise self._wrong(raw)
        if self._card.family == "yolo-end2end":
            if raw.shape[2] != 6:
                raise self._wrong(raw)
            return raw[0, :, :4], raw[0, :, 4], raw[0, :, 5].astype(np.int64)
        rows = raw[0] if self._card.family == "yolov5" else raw[0].T
        first = 5 if self._card.family == "yolov5" else 4
        if rows.shape[1] <= first + self._card.decoding.person_class:
            raise self._wrong(raw)
        by_class = rows[:, first:]
        if self._card.family == "yolov5":
            by_class = by_class * rows[:, 4:5]
        half = rows[:, 2:4] / 2
        boxes = np.hstack([rows[:, :2] - half, rows[:, :2] + half]).astype(np.float32)
        return boxes, by_class.max(axis=1), by_class.argmax(axis=1)

    def _wrong(self, raw: Float32Array) -> WrongFamilyError:
        return WrongFamilyError(
            f"{self._card.weights_file}: an output {raw.shape} is not of family "
            f"{self._card.family}; import the file again"
        )
