"""All training pictures decoded once into one flat file of bytes, mapped into memory."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from models.datasets import Sample
from models.errors import DatasetError
from vision.arrays import UInt8Array


def cache_folder() -> Path:
    """`$XIAOAN_CACHE`, or a folder of the system's temporary directory."""
    named = os.environ.get("XIAOAN_CACHE")
    return Path(named) if named else Path(tempfile.gettempdir()) / "xiaoan-cache"


class PixelCache:
    """BGR pictures by position in the list of samples; built on first use, then only mapped."""

    def __init__(self, samples: Sequence[Sample], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = "\n".join(f"{s.picture}:{s.picture.stat().st_size}" for s in samples)
        key = hashlib.sha256(names.encode()).hexdigest()[:16]
        pixels, index = folder / f"{key}.pixels", folder / f"{key}.json"
        if not index.exists():
            _build(samples, pixels, index)
        self._shapes: list[list[int]] = json.loads(index.read_text())
        sizes = [height * width * 3 for height, width in self._shapes]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._bytes = np.memmap(pixels, dtype=np.uint8, mode="r")

    def picture(self, position: int) -> UInt8Array:
        """(height, width, 3) uint8 BGR view; read-only."""
        height, width = self._shapes[position]
        start = int(self._starts[position])
        flat = self._bytes[start : start + height * width * 3]
        return np.asarray(flat).reshape(height, width, 3)


def _build(samples: Sequence[Sample], pixels: Path, index: Path) -> None:
    shapes = []
    with pixels.open("wb") as out:
        for sample in samples:
            image = cv2.imread(str(sample.picture), cv2.IMREAD_COLOR)
            if image is None:
                raise DatasetError(f"{sample.picture}: not a readable picture; copy it again")
            shapes.append([image.shape[0], image.shape[1]])
            out.write(np.ascontiguousarray(image).tobytes())
    index.write_text(json.dumps(shapes))
