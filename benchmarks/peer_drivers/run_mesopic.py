"""mesopic: its detector and tracker with the detector file, which is the family it ships for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from inspect import signature

from benchmarks.peer_drivers.drive import drive, film, options


def counts() -> Iterator[float]:
    given = options()
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    types = import_module("mesopic.types")
    detector = import_module("mesopic.detector.onnx_detector").OnnxDetector(
        given.detector, intra_op_threads=1
    )
    tracker = import_module("mesopic.tracker.bytetrack").ByteTrackTracker()
    started = datetime(2026, 3, 2, tzinfo=UTC)
    for index, image in enumerate(film(cv2.VideoCapture(str(given.clip)).read)):
        known = {
            "camera_id": "clip",
            "ts": started + timedelta(seconds=index / 10),
            "image": image,
            "width": image.shape[1],
            "height": image.shape[0],
        }
        wanted = signature(types.DecodedFrame).parameters
        frame = types.DecodedFrame(**{name: known[name] for name in wanted if name in known})
        people = detector.detect(frame)
        tracker.update(frame, people)
        yield len(people)


drive("mesopic", counts(), options().frames)
