"""The detector file in ONNX Runtime, for peers that bring tools but no detector of their own.

Decoding after Megvii's `demo_utils.py` (Apache-2.0), in numpy.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peer_drivers.drive import CONFIDENCE, IOU


class Yolox:
    """Persons as (N, 4) boxes and (N,) scores."""

    def __init__(self, file: Path) -> None:
        self._np, self._cv2 = import_module("numpy"), import_module("cv2")
        runtime = import_module("onnxruntime")
        settings = runtime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        self._session = runtime.InferenceSession(
            str(file), settings, providers=["CPUExecutionProvider"]
        )
        port = self._session.get_inputs()[0]
        self._name, self._side = port.name, port.shape[2]
        self._cv2.setNumThreads(1)
        self._grid, self._stride = self._cells()

    def persons(self, image: Any) -> tuple[Any, Any]:
        """Boxes left, top, right, bottom in pixels of the picture, with their scores."""
        np, cv2, side = self._np, self._cv2, self._side
        ratio = min(side / image.shape[0], side / image.shape[1])
        size = (int(image.shape[1] * ratio), int(image.shape[0] * ratio))
        canvas = np.full((side, side, 3), 114, np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(image, size)
        feed = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], dtype=np.float32)
        raw = self._session.run(None, {self._name: feed})[0][0]
        scores = raw[:, 4] * raw[:, 5]
        likely = (scores >= CONFIDENCE) & (raw[:, 5:].argmax(axis=1) == 0)
        raw, scores = raw[likely], scores[likely]
        centre = (raw[:, :2] + self._grid[likely]) * self._stride[likely]
        half = np.exp(raw[:, 2:4]) * self._stride[likely] / 2
        corner = (centre - half) / ratio
        extent = 2 * half / ratio
        kept = cv2.dnn.NMSBoxes(
            np.hstack([corner, extent]).tolist(), scores.tolist(), CONFIDENCE, IOU
        )
        index = np.asarray(kept, dtype=int).ravel()
        return np.hstack([corner, corner + extent])[index], scores[index]

    def _cells(self) -> tuple[Any, Any]:
        np, corners, strides = self._np, [], []
        for stride in (8, 16, 32):
            cells = self._side // stride
            rows, columns = np.mgrid[:cells, :cells]
            corners.append(np.column_stack([columns.ravel(), rows.ravel()]))
            strides.append(np.full((cells * cells, 1), stride))
        return np.concatenate(corners), np.concatenate(strides)
