"""Ultralytics: stream prediction with yolo11n built from its own description, random weights.

Its weights come from a download that is not at hand: the speed is its own, the count says nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module

from benchmarks.peer_drivers.drive import CONFIDENCE, drive, options


def counts() -> Iterator[float]:
    given = options()
    os.environ["YOLO_OFFLINE"] = "true"
    torch = import_module("torch")
    torch.set_num_threads(1)
    model = import_module("ultralytics").YOLO("yolo11n.yaml")
    stream = model.predict(
        str(given.clip), stream=True, classes=[0], conf=CONFIDENCE, device="cpu", verbose=False
    )
    for result in stream:
        yield len(result.boxes)


drive("ultralytics", counts(), options().frames)
