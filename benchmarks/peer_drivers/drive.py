"""Runs one counter over one clip and prints what it counted and what it cost."""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

# One core: what a peer may start besides would be counted all the same, as CPU time.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

CONFIDENCE, IOU = 0.3, 0.65
"""Thresholds with which every detector counts a person."""


def options() -> argparse.Namespace:
    """The clip, the detector file, and how many frames of the clip are counted."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--clip", type=Path, required=True)
    arguments.add_argument("--detector", type=Path, required=True)
    arguments.add_argument("--frames", type=int, required=True)
    arguments.add_argument("--head-px", type=float, required=True)
    return arguments.parse_args()


def drive(package: str, counts: Iterable[float], frames: int, precision: str = "f32") -> None:
    """Take `counts`, one a frame, until `frames` of them are there; then print the result.

    `precision` tells in which numbers the network computes.

    The first frame pays for loading and compiling and is not timed.
    """
    found: list[float] = []
    began_cpu_s = began_s = 0.0
    for count in counts:
        found.append(float(count))
        if len(found) == 1:
            began_cpu_s, began_s = time.process_time(), time.monotonic()
        if len(found) >= frames:
            break
    result = {
        "version": metadata.version(package),
        "precision": precision,
        "counts": found,
        "timed_frames": len(found) - 1,
        "cpu_s": time.process_time() - began_cpu_s,
        "wall_s": time.monotonic() - began_s,
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(result))


def film(read: Callable[[], tuple[bool, Any]]) -> Iterator[Any]:
    """The frames of an opened `cv2.VideoCapture`."""
    while True:
        there, frame = read()
        if not there:
            return
        yield frame
