"""What the network says of frames, asked only where something may have changed."""

from __future__ import annotations

from collections.abc import Iterable

from vision.crowd.stillness import StillPlace
from vision.observations import CrowdObservation, Frame, HeadNetwork, Region


class Looks:
    """Asks the network, and counts the frames for which it needed not; one thread uses it."""

    def __init__(self, network: HeadNetwork) -> None:
        self._network = network
        self._places: dict[str, StillPlace] = {}
        self.unchanged = 0

    def at(self, frame: Frame, region: Region | None) -> CrowdObservation:
        """The network's answer, or its last of the same empty place (`vision.crowd.stillness`)."""
        place = self._places.setdefault(frame.camera_id, StillPlace())
        known = place.known(frame, region)
        if known is not None:
            self.unchanged += 1
            return known
        found = self._network.observe(frame.image_bgr, region)
        place.looked(frame, region, found)
        return found

    def forget(self, camera_ids: Iterable[str]) -> None:
        """Look anew at these cameras: they were lost, or went to another worker."""
        for camera_id in camera_ids:
            self._places.pop(camera_id, None)


__all__ = ["Looks"]
