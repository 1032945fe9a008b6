"""Which opener plays which kind of address."""

from __future__ import annotations

from collections.abc import Iterator

from streams.av_container import open_with_av
from streams.camera_loop import CameraSpec
from streams.errors import MissingFileError
from streams.sources import Opener, SourceUri
from streams.virtual_source import TimedPicture, made_opener


def opener_for(spec: CameraSpec) -> Opener:
    """PyAV for cameras and recordings, the virtual campus for `virtual:` addresses."""
    if spec.uri.scheme != "virtual":
        return open_with_av

    def film(uri: SourceUri) -> Iterator[TimedPicture]:
        return _virtual_film(uri, spec)

    return made_opener(film)


def _virtual_film(uri: SourceUri, spec: CameraSpec) -> Iterator[TimedPicture]:
    del spec
    raise MissingFileError(str(uri), "the virtual campus is not installed", "install xiaoan[sim]")


__all__ = ["opener_for"]
