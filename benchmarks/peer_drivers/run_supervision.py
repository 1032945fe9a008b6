"""supervision: its frame reader, detections and polygon zone over the detector file.

Its ByteTrack runs where the installed version still has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from benchmarks.peer_drivers.drive import drive, options
from benchmarks.peer_drivers.yolox import Yolox


def counts() -> Iterator[float]:
    given = options()
    np, sv = import_module("numpy"), import_module("supervision")
    detector, zone = Yolox(given.detector), None
    tracker = sv.ByteTrack() if hasattr(sv, "ByteTrack") else None
    for image in sv.get_video_frames_generator(str(given.clip)):
        height, width = image.shape[:2]
        if zone is None:
            corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
            zone = sv.PolygonZone(polygon=corners, triggering_anchors=[sv.Position.CENTER])
        boxes, scores = detector.persons(image)
        found = sv.Detections(
            xyxy=boxes.reshape(-1, 4), confidence=scores, class_id=np.zeros(len(scores), int)
        )
        if tracker is not None:
            tracker.update_with_detections(found)
        yield int(zone.trigger(found).sum())


drive("supervision", counts(), options().frames)
