"""Pictures from a camera, a recording or the virtual campus, each with its capture time.

`open_source` is the one way in. What opens the URI is injected (`Opener`): PyAV for RTSP and files
(`streams.decoding.av_container`), the virtual campus (`streams.decoding.virtual_source`), or a fake
in tests. The chain after it is the same for all: capture time, pacing, and only then, for the
pictures that are wanted, conversion to BGR.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from streams.clock import Clock
from streams.decoding.arrivals import Arrivals
from streams.decoding.capture_time import CaptureTimes, LiveTimes, PacedTimes, RecordingTimes
from streams.decoding.tap import SourceTap, Tapped
from vision.arrays import UInt8Array
from vision.instants import Utc


class SourceUri(Protocol):
    """A source's address, as `config.CameraUri`. `str()` never shows a password."""

    @property
    def scheme(self) -> str:
        """`rtsp`, `rtsps`, `file` or `virtual`."""
        ...

    def reveal(self) -> str:
        """The full address with its secrets; for a file, its path.

        Raises:
            config.ConfigError: when a secret cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class PlainUri:
    """An address without secrets: a recording, or a camera in a test."""

    text: str

    @property
    def scheme(self) -> str:
        return self.text.partition(":")[0]

    def reveal(self) -> str:
        if self.scheme == "file":
            return self.text.removeprefix("file:").removeprefix("//")
        return self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds of one network operation, so that a blocked thread always comes back.

    Attributes:
        socket_s: FFmpeg's own socket timeout; it ends a hung read.
        open_s, read_s: PyAV's interrupt on a whole open or read; it ends what the first misses.
            A camera that sends sound but no video is given up after `read_s` too.
        first_s: so long after it was opened, which waits for `open_s` first, a camera may send no
            picture: some begin with their next key picture, and ten seconds between two exist.
    """

    socket_s: float = 4.0
    open_s: float = 4.0
    read_s: float = 4.0
    first_s: float = 8.0


class RawPicture(Protocol):
    """A decoded picture that is not yet converted."""

    @property
    def pts_s(self) -> float | None:
        """Seconds since the start of the stream; `None` when the picture carries no time."""
        ...

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        ...

    def bgr(self, size_px: tuple[int, int]) -> UInt8Array:
        """The picture scaled to (width, height): (height, width, 3) uint8 BGR."""
        ...


_A_SECOND_S, _ABOUT_A_SECOND_S = 1.02, 1.2


class Thrift:
    """Whether a source may leave pictures undecoded; set by one thread and read by another.

    Attributes:
        calm: one picture a second or so is enough for now.
        short: the machine is short of time; one picture a second must come, and no more.
    """

    __slots__ = ("calm", "short")

    def __init__(self) -> None:
        self.calm = False
        self.short = False

    @property
    def keyframes_within_s(self) -> float:
        """How far apart keyframes may lie to be enough by themselves; 0 where all are wanted."""
        if self.short:
            return _A_SECOND_S
        return _ABOUT_A_SECOND_S if self.calm else 0.0


class Container(Protocol):
    """An opened source of decoded pictures."""

    @property
    def live(self) -> bool:
        """Whether pictures arrive at their own pace (a camera) or on demand (a recording)."""
        ...

    @property
    def started_at(self) -> Utc | None:
        """When the recording began, where it says so."""
        ...

    @property
    def duration_s(self) -> float | None: ...

    @property
    def corrupt(self) -> int:
        """Packets so far that could not be decoded."""
        ...

    def pictures(self) -> Iterator[RawPicture]:
        """Pictures in order. Ends at the end of a recording.

        Raises:
            SourceError: when the source fails.
        """
        ...

    def close(self) -> None: ...


class Opener(Protocol):
    """Opens an address; raises `SourceError`."""

    def __call__(self, uri: SourceUri, timeouts: Timeouts) -> Container: ...


class Pace(StrEnum):
    """How fast a recording plays; a camera always plays at its own pace."""

    LIVE = "live"
    UNPACED = "unpaced"


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture with its capture time, not yet converted.

    Attributes:
        held_s: for how long it was held back because the next one was waited for.
    """

    captured_at: Utc
    raw: RawPicture
    held_s: float = 0.0


class Source(Protocol):
    """Yields pictures in order of capture time; a context manager that closes the connection."""

    @property
    def duration_s(self) -> float | None: ...

    @property
    def corrupt(self) -> int: ...

    def pictures(self) -> Iterator[Picture]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Playback:
    """How a source is played.

    Attributes:
        clock: for anchoring and pacing.
        stop: ends a paced wait at once.
        pace: of recordings.
        recording_start: overrides the recording's own start. With `Pace.LIVE` a recording plays
            as if it were taken now, unless this is given.
        tap: hears every packet and every capture time.
        thrift: where the source looks whether it may decode less.
        wants: whether the picture of a capture time will be analysed, told whether decoding can
            begin with it; `None` wants all.
    """

    clock: Clock
    stop: threading.Event
    pace: Pace = Pace.LIVE
    recording_start: Utc | None = None
    tap: SourceTap | None = None
    thrift: Thrift | None = None
    wants: Callable[[Utc, bool], bool] | None = None


@runtime_checkable
class Timely(Protocol):
    """A container that tells of each picture when it arrives, and decodes several at once.

    Attributes:
        arrived: called in order with a picture's PTS, whether the reader had to wait for it,
            whether decoding can begin with it, and how long ago it arrived (`None` where that is
            not known), before it is decoded; tells whether it must be decoded now. One that may
            wait is decoded with those after it: it costs a fifth less than one by one.
    """

    arrived: Callable[[float, bool, bool, float | None], bool] | None


@runtime_checkable
class Reordered(Protocol):
    """A live container whose pictures may come in another order than they are shown.

    Attributes:
        heard: called in the order of decoding with such a picture's PTS, whether the reader had to
            wait for it, and how long ago it arrived (`None` where that is not known).
    """

    heard: Callable[[float, bool, float | None], None] | None


@runtime_checkable
class Thrifty(Protocol):
    """A container that can leave pictures undecoded."""

    thrift: Thrift | None

    @property
    def undecoded(self) -> int:
        """Pictures so far that came and were not decoded."""
        ...


class PlayedSource:
    """The `Source` over any `Container`."""

    def __init__(self, container: Container, playback: Playback) -> None:
        self._container = container
        # Asked of each picture, and what a protocol asks of a class is too dear for that.
        self._thrifty = container if isinstance(container, Thrifty) else None
        self._playback = playback

    @property
    def duration_s(self) -> float | None:
        return self._container.duration_s

    @property
    def corrupt(self) -> int:
        return self._container.corrupt

    @property
    def undecoded(self) -> int:
        """Pictures so far that came and were not decoded, because the place is calm."""
        return 0 if self._thrifty is None else self._thrifty.undecoded

    def pictures(self) -> Iterator[Picture]:
        times, tap = self._capture_times(), self._playback.tap
        arrivals = Arrivals(times, self._playback.clock, self._playback.wants)
        if self._thrifty is not None:
            self._thrifty.thrift = self._playback.thrift
        if isinstance(self._container, Tapped):
            self._container.tap = tap
        if isinstance(self._container, Timely):
            self._container.arrived = arrivals.note
        if isinstance(self._container, Reordered):
            self._container.heard = arrivals.heard
        for raw in self._container.pictures():
            captured_at, held_s = arrivals.captured(raw.pts_s)
            if self._playback.stop.is_set():
                return
            if tap is not None:
                tap.picture(raw, captured_at)
            yield Picture(captured_at, raw, held_s)

    def _capture_times(self) -> CaptureTimes:
        playback = self._playback
        if self._container.live:
            return LiveTimes(playback.clock)
        if playback.pace is Pace.LIVE:
            return PacedTimes(playback.clock, playback.stop, playback.recording_start)
        # A recording that does not say when it began still has to give equal times in each run.
        return RecordingTimes(playback.recording_start or self._container.started_at or Utc(0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()
        if self._playback.tap is not None:
            self._playback.tap.ended()


def open_source(
    uri: SourceUri, *, opener: Opener, timeouts: Timeouts, playback: Playback
) -> PlayedSource:
    """Open `uri`; the caller closes the source by leaving its `with`.

    Raises:
        SourceError: with the cause and the mend, and without secrets.
    """
    return PlayedSource(opener(uri, timeouts), playback)


__all__ = [
    "Container",
    "Opener",
    "Pace",
    "Picture",
    "PlainUri",
    "Playback",
    "PlayedSource",
    "RawPicture",
    "Source",
    "SourceUri",
    "Thrift",
    "Thrifty",
    "Timely",
    "Timeouts",
    "open_source",
]
