"""Roboflow inference: its pipeline (reader thread, buffer, dispatch) around the detector file.

Its own models need its service; custom logic is what runs offline.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from benchmarks.peer_drivers.drive import drive, options
from benchmarks.peer_drivers.yolox import Yolox


def counts() -> Iterator[float]:
    given = options()
    detector = Yolox(given.detector)
    found: queue.Queue[float | None] = queue.Queue()

    def infer(frames: list[Any]) -> list[int]:
        return [len(detector.persons(frame.image)[1]) for frame in frames]

    def take(counted: Any, _frame: Any) -> None:
        for count in counted if isinstance(counted, list) else [counted]:
            found.put(count)

    pipeline = import_module("inference").InferencePipeline.init_with_custom_logic(
        video_reference=str(given.clip), on_video_frame=infer, on_prediction=take
    )
    pipeline.start(use_main_thread=False)

    def close() -> None:
        pipeline.join()
        found.put(None)

    threading.Thread(target=close, daemon=True).start()
    while (count := found.get()) is not None:
        yield count


drive("inference", counts(), options().frames)
