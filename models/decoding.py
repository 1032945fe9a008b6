"""How a network's answers are read: the `decoding` part of its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import CardError


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the network's answers are read.

    Attributes:
        working_long_side_px: a larger picture is shrunk to this long side first.
        enlarge_below_px: a picture with a smaller long side is doubled; 0 for never.
        wanted_head_px: where geometry tells how small the heads of a picture are, the picture is
            scaled so that these have this height; smaller ones are counted less well.
        largest_head_px: a whole picture whose middle head is larger is counted in a smaller
            picture, in which it has this height; 0 for never. Head networks only.
        smallest_head_px: a whole picture whose middle head is smaller is looked at once more in a
            larger one, in which it has this height, and its heads are told from there; 0 for never.
        enlarged_score: scores of that look are multiplied with it, so that one threshold suits
            both.
        score_threshold: points or boxes below it are dropped.
        iou_threshold: overlap above which the weaker of two boxes is dropped; persons only.
        person_class: index of the person class; persons only.
        class_count: classes of the detector, 0 where the graph alone tells; persons only.
    """

    working_long_side_px: int = 960
    enlarge_below_px: int = 0
    wanted_head_px: float = 14.0
    largest_head_px: float = 0.0
    smallest_head_px: float = 0.0
    enlarged_score: float = 1.0
    score_threshold: float = 0.35
    iou_threshold: float = 0.5
    person_class: int = 0
    class_count: int = 0


def read_decoding(values: Mapping[str, Any], path: Path) -> Decoding:
    """Check the `decoding` part of a card file.

    Raises:
        CardError: the text names the file, the key and the limits.
    """
    try:
        decoding = Decoding(**values)
    except TypeError as error:
        known = ", ".join(Decoding.__slots__)
        raise CardError(f"{path}: decoding: {error}; known keys are {known}") from error
    for key, value in values.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise CardError(f"{path}: decoding: {key} is not a number")
    _check_classes(decoding, path)
    if decoding.working_long_side_px < 64 or not 0 < decoding.score_threshold < 1:
        raise CardError(
            f"{path}: decoding: working_long_side_px must be at least 64 and score_threshold "
            "between 0 and 1"
        )
    if not 4 <= decoding.wanted_head_px <= 200:
        raise CardError(f"{path}: decoding: wanted_head_px must be between 4 and 200")
    if decoding.largest_head_px and not 20 <= decoding.largest_head_px <= 200:
        raise CardError(f"{path}: decoding: largest_head_px must be 0 or between 20 and 200")
    if decoding.smallest_head_px and not 8 <= decoding.smallest_head_px <= 40:
        raise CardError(f"{path}: decoding: smallest_head_px must be 0 or between 8 and 40")
    if not 0.5 <= decoding.enlarged_score <= 1.5:
        raise CardError(f"{path}: decoding: enlarged_score must be between 0.5 and 1.5")
    return decoding


def _check_classes(decoding: Decoding, path: Path) -> None:
    for key in ("person_class", "class_count"):
        value = getattr(decoding, key)
        if not isinstance(value, int) or value < 0:
            raise CardError(f"{path}: decoding: {key} must be a whole number and not negative")
    if decoding.class_count and decoding.person_class >= decoding.class_count:
        raise CardError(
            f"{path}: decoding: person_class must be below class_count ({decoding.class_count})"
        )
    if not 0 <= decoding.iou_threshold <= 1:
        raise CardError(f"{path}: decoding: iou_threshold must be between 0 and 1")


__all__ = ["Decoding", "read_decoding"]
