"""Pictures that a program makes, such as the virtual campus, as a source like any other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

import cv2

from streams.decoding.sources import Container, Opener, SourceUri, Timeouts
from vision.arrays import UInt8Array
from vision.instants import Utc

TimedPicture = tuple[float, UInt8Array]
PictureFactory = Callable[[SourceUri], Iterable[TimedPicture]]


@dataclass(frozen=True, slots=True)
class MadePicture:
    """A picture that was made at `pts_s` seconds: (height, width, 3) uint8 BGR."""

    pts_s: float
    image_bgr: UInt8Array

    @property
    def size_px(self) -> tuple[int, int]:
        return self.image_bgr.shape[1], self.image_bgr.shape[0]

    def bgr(self, size_px: tuple[int, int]) -> UInt8Array:
        if size_px == self.size_px:
            return self.image_bgr
        return cv2.resize(self.image_bgr, size_px, interpolation=cv2.INTER_AREA).astype("uint8")


class MadeContainer:
    """A `streams.decoding.sources.Container` over any pictures with times."""

    live = False
    started_at: Utc | None = None
    duration_s: float | None = None
    corrupt = 0

    def __init__(self, pictures: Iterable[TimedPicture]) -> None:
        self._pictures = iter(pictures)

    def pictures(self) -> Iterator[MadePicture]:
        for pts_s, image_bgr in self._pictures:
            yield MadePicture(pts_s, image_bgr)

    def close(self) -> None:
        if isinstance(self._pictures, Generator):
            # A generator that another thread is inside cannot be closed; it ends with its thread.
            with contextlib.suppress(ValueError):
                self._pictures.close()


def made_opener(factory: PictureFactory) -> Opener:
    """An opener that asks `factory` for the pictures of an address."""

    def open_made(uri: SourceUri, timeouts: Timeouts) -> Container:
        del timeouts
        return MadeContainer(factory(uri))

    return open_made


__all__ = ["MadeContainer", "MadePicture", "PictureFactory", "TimedPicture", "made_opener"]
