"""Whether a place that was empty a moment ago still shows the same picture.

A camera over an empty place is looked at once a second. Most of what that costs is the network, and
it finds in an unchanged picture what it found before. So nobody counts as found again when all
of this holds:

- the network found nobody, neither a head nor a fifth of a person in its density map;
- that was at most `HOLDS_S` ago: a person whom no difference shows is found then at the latest;
- no part of the picture as large as a third of the smallest head has changed visibly against the
  picture in which nobody was found. Not against the last one: who comes in slowly adds up.

It is no proof of life. A camera that sends one picture for ever is found by its health check
(`vision.health.picture`), which compares all bytes, and the light of a place is judged in every
picture (`vision.crowd.zone_light`). All limits are our judgement;
`benchmarks/unchanged_pictures.py` prints what they leave out and what they miss.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision.arrays import UInt8Array
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, Region
from vision.resizing import shrunk

HOLDS_S = 2.5
# The smallest head is about so many compared pixels high.
_PIXELS_A_HEAD = 3.5
# What counts as a visible change: so many grey levels and this share of what was there. Noise and
# compression of a place at rest stay below it; people before the dark differ by less than in light.
_LEVELS, _LEVEL_SHARE = 4.0, 0.05
_NOBODY_PEOPLE = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class _Empty:
    """A picture in which nobody was found, made small, and how far another may differ from it."""

    at: Utc
    region: Region
    small: UInt8Array
    limit: UInt8Array
    observation: CrowdObservation


class StillPlace:
    """Remembers the newest picture of one camera in which the network found nobody."""

    def __init__(self) -> None:
        self._empty: _Empty | None = None

    def known(self, frame: Frame, region: Region | None) -> CrowdObservation | None:
        """What the network said of the same empty place; `None` where it has to look.

        Args:
            region: the part of the picture that is judged; where all of it is, it is looked at.
        """
        empty = self._empty
        if empty is None or region != empty.region or region is None:
            return None
        if not 0.0 <= frame.captured_at - empty.at <= HOLDS_S:
            return None
        changed = cv2.absdiff(_small(frame.image_bgr, region), empty.small)
        return None if bool((changed > empty.limit).any()) else empty.observation

    def looked(self, frame: Frame, region: Region | None, found: CrowdObservation) -> None:
        """Take what the network found in a picture."""
        people = 0.0 if found.density is None else found.density.count
        if region is None or len(found.heads) or people >= _NOBODY_PEOPLE:
            self._empty = None
            return
        small = _small(frame.image_bgr, region)
        limit = np.floor(_LEVELS + _LEVEL_SHARE * small).astype(np.uint8)
        self._empty = _Empty(frame.captured_at, region, small, limit, found)


def _small(image_bgr: UInt8Array, region: Region) -> UInt8Array:
    """The region so small that its smallest head has `_PIXELS_A_HEAD`: (height, width, 3)."""
    part = image_bgr[region.top_px : region.bottom_px, region.left_px : region.right_px]
    height, width = part.shape[:2]
    factor = min(1.0, _PIXELS_A_HEAD / region.least_head_px)
    return shrunk(part, (max(1, round(width * factor)), max(1, round(height * factor))))


__all__ = ["HOLDS_S", "StillPlace"]
