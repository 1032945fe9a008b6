"""roomtobreathe: what its edge loop does with each picture, without sending it.

Its density weights come from a download that is not at hand, so its own fallback counts (OpenCV's
HOG people detector); its Farneback flow runs on every picture as in its loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from benchmarks.peer_drivers.drive import drive, film, options


def counts() -> Iterator[float]:
    given = options()
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    pipeline = import_module("roomtobreathe.vision.pipeline")
    capture = cv2.VideoCapture(str(given.clip))
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    corners = [[0, 0], [width, 0], [width, height], [0, height]]
    ground = [[0, 20], [20, 20], [20, 0], [0, 0]]
    zones = [{"zone_id": "all", "image_polygon": corners}]
    calibration = pipeline.Calibration("clip", corners, ground, zones)
    estimator = pipeline.load_estimator(None)
    motion = pipeline.MotionAnalyzer(calibration)
    for index, image in enumerate(film(capture.read)):
        moved = motion.update(image, index / 10)
        people = estimator.density_map(image)
        told = pipeline.zone_observations(calibration, people, moved, 0.5, "clip", index / 10)
        yield told[0]["count"]


drive("roomtobreathe", counts(), options().frames)
