"""Makes people in a film unrecognisable, and whole pictures where it cannot be sure.

Four signs say where people are; what any of them marks is blurred: heads that the network finds (at
a low threshold), its density map, what differs from the place without moving people, and all of
these again for half a second before and after. A picture that the network fails on, that is too
dark or flat to judge, or whose density map counts people that no mark covers, is blurred whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from models.errors import ModelError
from models.heads.network import OwnHeadNetwork
from models.loading import open_checked
from models.registry import default_head_network_id, find_card
from vision.arrays import UInt8Array
from vision.errors import VisionError
from vision.instants import Utc
from vision.observations import CrowdObservation, HeadNetwork

# The mask is made at a quarter of the picture's size.
_SHRINK = 4
_FLATTEST_STD = 6.0
_DARKEST_MEAN = 12.0
_BACKGROUND_PICTURES = 25

DETECTOR_FAILED = "detector failed"
"""How the reason of a picture begins that the network failed on."""


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """How much is blurred.

    Attributes:
        hold_s: marks count so long before and after their picture, in seconds of the film.
        score_threshold: of heads; far below that of counting, as a miss costs more than a mark.
        head_factor: radius of the mark, in head heights.
        smallest_head_px: heads without a size, and smaller ones, are taken as so large.
        cell_people: a cell of the density map with more people is blurred.
        uncovered_people: so many people outside all marks make the picture whole.
        difference_levels: grey levels by which a moving thing differs from the place.
        blocks_across: mosaic blocks over the picture's width, at most; fewer hide more.
        blocks_a_head: over the height of the largest head, at most: a near face of seventeen
            blocks can be recognised. Our judgement.
        blocks_of_whole: over the width of a picture that is blurred whole: nobody knows how near
            somebody stands in it.
    """

    hold_s: float = 0.6
    score_threshold: float = 0.08
    head_factor: float = 1.1
    smallest_head_px: float = 22.0
    cell_people: float = 0.01
    uncovered_people: float = 0.5
    difference_levels: int = 14
    blocks_across: int = 56
    blocks_a_head: int = 6
    blocks_of_whole: int = 20


@dataclass(frozen=True, slots=True)
class TimedImage:
    """A (height, width, 3) uint8 BGR picture and its capture time."""

    captured: Utc
    image_bgr: UInt8Array


@dataclass(slots=True)
class FilmTime:
    """Seconds along a film. A clock that is set back while it is taken stops it for one picture, so
    that pictures which follow each other stay neighbours."""

    _last: Utc | None = None
    _at_s: float = 0.0

    def at(self, captured: Utc) -> float:
        """Where the next picture stands, by its capture time."""
        step_s = 0.0 if self._last is None else captured - self._last
        self._last = captured
        self._at_s += max(step_s, 0.0)
        return self._at_s


@dataclass(frozen=True, slots=True)
class RedactedImage:
    """A picture that may leave, and how much of it is blurred.

    Attributes:
        share: of the picture's area that is blurred.
        mask: (height, width) uint8 at a quarter of the size, 255 where it is blurred.
        why_whole: empty unless the whole picture is blurred because it could not be judged.
    """

    captured: Utc
    image_bgr: UInt8Array
    mask: UInt8Array
    share: float
    why_whole: str = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    picture: TimedImage
    at_s: float
    mask: UInt8Array
    why_whole: str
    largest_head_px: float = 0.0


@dataclass(slots=True)
class Redactor:
    """Blurs the pictures of one film, taken by one camera that does not move.

    `background` is the place without moving people, (height, width) uint8 grey, as `background_of`
    makes it; without one a film is blurred whole.
    """

    network: HeadNetwork
    background: UInt8Array | None
    settings: RedactionSettings = field(default_factory=RedactionSettings)

    def redact(self, pictures: Iterable[TimedImage]) -> Iterator[RedactedImage]:
        """Each picture once, in order, `hold_s` of the film later than it came."""
        window: deque[_Judged] = deque()
        waiting: deque[_Judged] = deque()
        film = FilmTime()
        for picture in pictures:
            judged = self._judge(picture, film.at(picture.captured))
            window.append(judged)
            waiting.append(judged)
            while judged.at_s - waiting[0].at_s > self.settings.hold_s:
                yield self._finish(waiting.popleft(), window)
        while waiting:
            yield self._finish(waiting.popleft(), window)

    def _judge(self, picture: TimedImage, at_s: float) -> _Judged:
        image = picture.image_bgr
        mask = np.zeros((-(-image.shape[0] // _SHRINK), -(-image.shape[1] // _SHRINK)), np.uint8)
        why = self._cannot_judge(image)
        if why:
            return _Judged(picture, at_s, mask, why)
        try:
            seen = self.network.observe(image)
        except (ModelError, VisionError, ValueError, RuntimeError) as error:
            return _Judged(picture, at_s, mask, f"{DETECTOR_FAILED}: {type(error).__name__}")
        why = self._untrusted(seen)
        if not why:
            self._mark_heads(mask, seen)
            self._mark_density(mask, seen)
            self._mark_moving(mask, image)
            why = self._uncovered(mask, seen)
        return _Judged(picture, at_s, mask, why, self._largest_px(seen))

    def _cannot_judge(self, image: UInt8Array) -> str:
        if self.background is None or self.background.shape != image.shape[:2]:
            return "no picture of the empty place"
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if float(grey.mean()) < _DARKEST_MEAN:
            return "too dark"
        return "too flat" if float(grey.std()) < _FLATTEST_STD else ""

    def _untrusted(self, seen: CrowdObservation) -> str:
        if seen.heads.saturated:
            return "more heads than the network can list"
        numbers = [seen.heads.centres_uv_px, seen.heads.scores]
        if seen.density is None:
            return "no density map"
        if not all(np.isfinite(n).all() for n in (*numbers, seen.density.people_per_cell)):
            return "numbers that are none"
        return ""

    def _mark_heads(self, mask: UInt8Array, seen: CrowdObservation) -> None:
        for centre, size in zip(seen.heads.centres_uv_px, seen.heads.sizes_px, strict=True):
            height_px = max(float(np.nan_to_num(size)), self.settings.smallest_head_px)
            radius = round(self.settings.head_factor * height_px / _SHRINK) + 1
            at = (round(float(centre[0]) / _SHRINK), round(float(centre[1]) / _SHRINK))
            cv2.circle(mask, at, radius, 255, -1)

    def _largest_px(self, seen: CrowdObservation) -> float:
        sizes = np.nan_to_num(seen.heads.sizes_px, posinf=0.0)
        return float(sizes.max(initial=0.0))

    def _mark_density(self, mask: UInt8Array, seen: CrowdObservation) -> None:
        density = seen.density
        if density is None:
            return
        crowded = (density.people_per_cell > self.settings.cell_people).astype(np.uint8) * 255
        width = round(density.people_per_cell.shape[1] * density.cell_width_px / _SHRINK)
        height = round(density.people_per_cell.shape[0] * density.cell_height_px / _SHRINK)
        scaled = cv2.resize(crowded, (width, height), interpolation=cv2.INTER_NEAREST)
        rows, columns = min(len(mask), height), min(mask.shape[1], width)
        grown = np.asarray(cv2.dilate(scaled, np.ones((5, 5), np.uint8)), np.uint8)
        mask[:rows, :columns] |= grown[:rows, :columns]

    def _mark_moving(self, mask: UInt8Array, image: UInt8Array) -> None:
        if self.background is None:
            return
        size = (mask.shape[1], mask.shape[0])
        now = cv2.resize(
            cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA
        )
        place = cv2.resize(self.background, size, interpolation=cv2.INTER_AREA)
        differs = cv2.absdiff(cv2.GaussianBlur(now, (3, 3), 0), cv2.GaussianBlur(place, (3, 3), 0))
        moving = (differs > self.settings.difference_levels).astype(np.uint8) * 255
        opened = cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask |= np.asarray(cv2.dilate(opened, np.ones((9, 9), np.uint8)), np.uint8)

    def _uncovered(self, mask: UInt8Array, seen: CrowdObservation) -> str:
        density = seen.density
        if density is None:
            return "no density map"
        centres = (density.cell_centres_uv_px() / _SHRINK).astype(np.int64)
        inside = (centres[:, 1] < mask.shape[0]) & (centres[:, 0] < mask.shape[1])
        people = density.people_per_cell.ravel()
        covered = np.zeros(len(people), dtype=bool)
        covered[inside] = mask[centres[inside, 1], centres[inside, 0]] > 0
        left = float(people[~covered & inside].sum())
        return "people outside all marks" if left > self.settings.uncovered_people else ""

    def _finish(self, judged: _Judged, window: deque[_Judged]) -> RedactedImage:
        while judged.at_s - window[0].at_s > self.settings.hold_s:
            window.popleft()
        mask, largest_px = judged.mask.copy(), 0.0
        for other in window:
            if other.at_s - judged.at_s > self.settings.hold_s:
                break
            mask |= other.mask
            largest_px = max(largest_px, other.largest_head_px)
        if judged.why_whole:
            mask[:] = 255
        blocks = self._blocks(judged, largest_px)
        image = _blurred(judged.picture.image_bgr, mask, blocks)
        share = float(np.count_nonzero(mask)) / mask.size
        return RedactedImage(judged.picture.captured, image, mask, share, judged.why_whole)

    def _blocks(self, judged: _Judged, largest_head_px: float) -> int:
        """Mosaic blocks over the width, so that no face has too many."""
        most = self.settings.blocks_across
        if judged.why_whole:
            most = min(most, self.settings.blocks_of_whole)
        if largest_head_px <= 0.0:
            return most
        width = judged.picture.image_bgr.shape[1]
        return max(1, min(most, int(self.settings.blocks_a_head * width / largest_head_px)))


def background_of(pictures: Sequence[UInt8Array]) -> UInt8Array | None:
    """The place without moving people: the median of pictures spread over the film, in grey.

    Args:
        pictures: (height, width, 3) uint8 BGR of one size; fewer than five tell nothing.
    """
    if len(pictures) < 5:
        return None
    step = max(1, len(pictures) // _BACKGROUND_PICTURES)
    greys = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in pictures[::step]]
    return np.asarray(np.median(np.stack(greys), axis=0), np.uint8)


def redaction_network(
    settings: RedactionSettings | None = None, model_id: str | None = None
) -> HeadNetwork:
    """Our head network at the low threshold of redaction, always as the picture is: a small face
    among large ones is a face, and so is a large one among small ones.

    Raises:
        ModelError: it cannot be loaded; then nothing may be exported.
    """
    threshold = (settings or RedactionSettings()).score_threshold
    card = find_card(model_id or default_head_network_id())
    decoding = replace(
        card.decoding, score_threshold=threshold, largest_head_px=0.0, smallest_head_px=0.0
    )
    card = replace(card, decoding=decoding)
    return OwnHeadNetwork(open_checked(card, "onnxruntime", 1), card)


def _blurred(image: UInt8Array, mask: UInt8Array, blocks_across: int) -> UInt8Array:
    """A mosaic of large blocks, softened, wherever the mask says so."""
    height, width = image.shape[:2]
    small = (blocks_across, max(1, round(blocks_across * height / width)))
    mosaic = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(mosaic, (width, height), interpolation=cv2.INTER_LINEAR)
    where = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    result = image.copy()
    result[where] = hidden[where]
    return result.astype(np.uint8)


__all__ = [
    "DETECTOR_FAILED",
    "FilmTime",
    "RedactedImage",
    "RedactionSettings",
    "Redactor",
    "TimedImage",
    "background_of",
    "redaction_network",
]
