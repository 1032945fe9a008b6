"""RTSP cameras and recordings, decoded by FFmpeg through PyAV in the calling thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import av
import av.error
import structlog
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from config.errors import ConfigError
from streams.clock import SystemClock
from streams.cores import Turns
from streams.decoding.av_errors import COPY_AGAIN, hung, lost, no_stream, source_error
from streams.decoding.av_picture import AvPicture
from streams.decoding.giving_up import NEAR_TIMEOUT, Patience, Undecodable
from streams.decoding.hardware import HardwareKind, accelerator, refusal_of
from streams.decoding.keyframes import Keyframes, begins_anew, length_bytes_of
from streams.decoding.reading import (
    PARSED,
    WHOLE,
    Read,
    first_timed,
    reordered_timed,
    told_by_the_next,
)
from streams.decoding.sources import SourceUri, Thrift, Timeouts
from streams.decoding.tap import SourceTap
from streams.decoding.video_streams import stream_start_s, video_stream
from streams.errors import (
    MissingFileError,
    NoVideoError,
    TruncatedFileError,
    WrongCredentialsError,
)
from vision.instants import Monotonic, Utc

_log = structlog.get_logger(__name__)

_LIVE_SCHEMES = frozenset({"rtsp", "rtsps"})
# A recording that ends this much before the length in its header has been cut.
_MISSING_TAIL_S = 1.0
_MISSING_TAIL_SHARE = 0.02
# FFmpeg follows playlists and other addresses named inside a stream unless it is told not to.
_LIVE_PROTOCOLS = "rtsp,rtsps,rtp,tcp,tls"
_FILE_PROTOCOLS = "file"
# A packet that came this soon lay ready: the reader is behind, or the sender sends in bursts.
_READY_S = 0.001
# Pictures wait for a wanted one at most this long: a camera's sign of life must not come late. It
# is past the longest slot of `streams.pacing.sampling` up to a picture where decoding can begin.
_HELD_S = 0.55
_CLOCK = SystemClock()
_TURNS = Turns()


class AvContainer:
    """An opened camera or recording; see `streams.decoding.sources.Container`."""

    def __init__(
        self,
        container: InputContainer,
        where: str,
        *,
        live: bool,
        read_s: float,
        first_s: float = 0.0,
        quick: bool = False,
    ) -> None:
        """A live source that sends no video for `read_s`, or at first `first_s`, counts as hung."""
        self._container = container
        self._where = where
        self._live = live
        self._read_s = read_s
        self._first_s = first_s
        self._undecodable = Undecodable(where, live=live)
        self.tap: SourceTap | None = None
        self.thrift: Thrift | None = None
        self.arrived: Callable[[float, bool, bool, float | None], bool] | None = None
        self.heard: Callable[[float, bool, float | None], None] | None = None
        self._keyframes = Keyframes()
        # One converter for all pictures, in one thread: by default each picture would start and
        # end a pool of threads.
        self._converter = VideoReformatter()
        self._stream = video_stream(container, where, quick=quick)
        self._codec = self._stream.codec_context.name
        self._timed = live and self._codec in PARSED | WHOLE
        self._length_bytes = length_bytes_of(self._codec, self._stream.codec_context.extradata)
        self._start_s = 0.0 if live else stream_start_s(self._stream)
        base = self._stream.time_base
        # Two whole numbers: sums of fractions for each packet cost as much as copying it.
        self._tick = None if base is None else (base.numerator, base.denominator)

    @property
    def live(self) -> bool:
        return self._live

    @property
    def decoded_by_hardware(self) -> bool:
        return bool(self._stream.codec_context.is_hwaccel)

    @property
    def corrupt(self) -> int:
        return self._undecodable.corrupt

    @property
    def undecoded(self) -> int:
        return self._keyframes.left_out

    @property
    def started_at(self) -> Utc | None:
        text = self._container.metadata.get("creation_time") or self._stream.metadata.get(
            "creation_time"
        )
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return Utc.from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    @property
    def duration_s(self) -> float | None:
        if self._live:
            return None
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        duration_us = self._container.duration
        return None if duration_us is None else duration_us / 1e6

    def pictures(self) -> Iterator[AvPicture]:
        last_pts_s: float | None = None
        try:
            for frame in self._frames():
                picture = AvPicture(frame, self._start_s, self._converter)
                last_pts_s = picture.pts_s or last_pts_s or 0.0
                yield picture
        except av.error.FFmpegError as error:
            # Not chained: FFmpeg's own text repeats the address with its password.
            raise source_error(error, self._where, live=self._live) from None
        if self._live:
            raise lost(self._where)
        if last_pts_s is None:
            # A file cut right after its index opens without complaint and holds nothing.
            raise TruncatedFileError(
                self._where, "the recording holds no picture", "copy or export it again"
            )
        self._refuse_missing_tail(last_pts_s)

    def _frames(self) -> Iterator[VideoFrame]:
        held: list[Packet[VideoStream]] = []
        first: Packet[VideoStream] | None = None
        for packet, waited, at in self._reads():
            if self.tap is not None:
                self.tap.packet(packet, self._stream, self._start_s)
            within_s = 0.0 if self.thrift is None else self.thrift.keyframes_within_s
            anew = begins_anew(packet, self._codec, self._length_bytes)
            due = self._keyframes.due(packet, self._stream, within_s, anew=anew)
            if held and anew:
                # Nobody wanted those that wait, and from here on nothing refers to them.
                self._keyframes.left_out += len(held)
                held.clear()
            for one in due:
                held.append(one)
                # One that was dropped counts: where every picture begins anew they would wait for
                # ever.
                first = one if first is None else first
                # Those that were left out before this one have lain ready since.
                newest = one is packet
                arrival = (waited, at) if newest else (False, None)
                may_wait = self._may_wait(one, *arrival, anew=anew and newest)
                if may_wait and self._between_s(first, one) < _HELD_S:
                    continue
                for waiting in held:
                    yield from self._decoded(waiting)
                held.clear()
                first = None

    def _reads(self) -> Iterator[Read]:
        """Packets of the video, each with when it arrived where that is known."""
        if not self._live:
            return self._packets()
        if self._stream.codec_context.has_b_frames:
            reads = reordered_timed(self._packets())
        else:
            reads = first_timed(self._packets())
        return told_by_the_next(reads) if self._codec in PARSED else reads

    def _packets(self) -> Iterator[Read]:
        """Packets of the video.

        Others are skipped here: while PyAV skips them, sound that goes on without the video begins
        its time limit anew with each packet, and it would never come back.
        """
        video = self._stream.index
        asked = tried = _CLOCK.monotonic()
        patience = Patience(self._where, read_s=self._read_s, first_s=self._first_s, opened=tried)
        while True:
            try:
                for packet in self._container.demux():
                    read_at = _CLOCK.monotonic()
                    waited_s = read_at - asked
                    if packet.stream_index == video:
                        patience.begun = True
                        at = read_at if self._timed else None
                        yield Read(cast("Packet[VideoStream]", packet), waited_s > _READY_S, at)
                        asked = _CLOCK.monotonic()
                    elif self._live and waited_s > patience.limit_s:
                        raise hung(self._where)
            except av.error.FFmpegError:
                failed = _CLOCK.monotonic()
                if not self._live or not patience.goes_on(failed - max(asked, tried), failed):
                    raise
                tried = failed
            else:
                return

    def _may_wait(
        self, packet: Packet[VideoStream], waited: bool, at: Monotonic | None, *, anew: bool
    ) -> bool:
        """Tell that a picture has come; whether it may be decoded with later ones.

        One of reordered pictures may not: the decoder hands it out late enough. Between keyframes
        that alone are decoded too much time passes.
        """
        if packet.pts is None or self._tick is None:
            return False
        pts_s = packet.pts * self._tick[0] / self._tick[1] - self._start_s
        since_s = None if at is None else _CLOCK.monotonic() - at
        if since_s is not None and since_s > NEAR_TIMEOUT * self._read_s:
            # No next one came: FFmpeg hands out what it has when its time limit is over.
            since_s = None
        if self._stream.codec_context.has_b_frames:
            if self.heard is not None:
                self.heard(pts_s, waited, since_s)
            return False
        if self.arrived is None:
            return False
        wanted = self.arrived(pts_s, waited, anew, since_s)
        return not wanted and not self._keyframes.leaving

    def _between_s(self, first: Packet[VideoStream], last: Packet[VideoStream]) -> float:
        """Time between two packets, past all bounds where one has none."""
        if first.pts is None or last.pts is None or self._tick is None:
            return math.inf
        return abs(last.pts - first.pts) * self._tick[0] / self._tick[1]

    def _decoded(self, packet: Packet[VideoStream]) -> Iterator[VideoFrame]:
        try:
            with _TURNS:
                frames = packet.decode()
        except av.error.InvalidDataError:
            self._undecodable.nothing(_CLOCK.monotonic(), corrupt=True)
            return
        if not frames:
            self._undecodable.nothing(_CLOCK.monotonic(), corrupt=False)
        for frame in frames:
            self._undecodable.shown()
            yield frame

    def _refuse_missing_tail(self, last_pts_s: float) -> None:
        duration_s = self.duration_s
        if duration_s is None:
            return
        missing_s = duration_s - last_pts_s
        if missing_s > max(_MISSING_TAIL_S, _MISSING_TAIL_SHARE * duration_s):
            raise TruncatedFileError(
                self._where,
                f"the recording ends at {last_pts_s:.1f} s of {duration_s:.1f} s",
                COPY_AGAIN,
            )

    def close(self) -> None:
        self._container.close()


def open_quickly(
    uri: SourceUri, timeouts: Timeouts, hardware: HardwareKind | None = None
) -> AvContainer:
    """As `open_with_av`, with H.264's and H.265's loop filter left out.

    It saves a fifth of the decoding. Block edges show a little more in what the network sees:
    `benchmarks/quick_decoding.py` prints what that does to the counts.
    """
    return open_with_av(uri, timeouts, quick=True, hardware=hardware)


def open_with_av(
    uri: SourceUri,
    timeouts: Timeouts,
    *,
    quick: bool = False,
    hardware: HardwareKind | None = None,
) -> AvContainer:
    """Open an `rtsp:`, `rtsps:` or `file:` address; see `streams.decoding.sources.Opener`.

    With `hardware` it decodes, a stream of a codec that it does not know is decoded in software,
    and the log says so.
    """
    where = str(uri)
    live = uri.scheme in _LIVE_SCHEMES
    # The machine's own clock: FFmpeg's timeouts run on it whatever clock the caller simulates.
    began = _CLOCK.monotonic()
    try:
        by = None if hardware is None else accelerator(hardware)
        container = _open_live(uri, timeouts, by) if live else _open_file(uri, by)
    except ConfigError as error:
        raise WrongCredentialsError(
            where, str(error), "correct what the site file's `credentials` refers to"
        ) from error
    except av.error.FFmpegError as error:
        if hardware is not None and (reason := refusal_of(hardware)):
            # A device that was lost on the way must not take the cameras with it.
            _log.warning("the hardware decoder is gone: software", kind=hardware, reason=reason)
            return open_with_av(uri, timeouts, quick=quick)
        # FFmpeg calls an RTSP answer that never comes "invalid data", as it does a wrong one.
        took_s = _CLOCK.monotonic() - began
        if live and took_s >= NEAR_TIMEOUT * timeouts.socket_s:
            raise hung(where) from None
        if live and isinstance(error, av.error.InvalidDataError):
            raise no_stream(where) from None
        raise source_error(error, where, live=live) from None
    with ExitStack() as undone:
        undone.callback(container.close)
        opened = AvContainer(
            container,
            where,
            live=live,
            read_s=timeouts.read_s,
            first_s=timeouts.first_s,
            quick=quick,
        )
        undone.pop_all()
    if hardware is not None and not opened.decoded_by_hardware:
        _log.warning("this stream is decoded in software", where=where, hardware=hardware)
    return opened


def _open_live(uri: SourceUri, timeouts: Timeouts, by: HWAccel | None) -> InputContainer:
    options = {
        "rtsp_transport": "tcp",
        "timeout": str(round(timeouts.socket_s * 1e6)),
        "analyzeduration": "500000",
        # FFmpeg would look at twenty pictures for their rate, which nobody asks for, and at some
        # for their times. Of few pictures a second that takes longer than an opening may, and one
        # that is interrupted loses a picture's time: no recording had that picture.
        "fpsprobesize": "0",
        "max_ts_probe": "1",
        "protocol_whitelist": _LIVE_PROTOCOLS,
    }
    limits = (timeouts.open_s, timeouts.read_s)
    # What pupils say is not asked for, nor is a camera's own metadata.
    video = options | {"allowed_media_types": "video"}
    try:
        return av.open(uri.reveal(), "r", options=video, timeout=limits, hwaccel=by)
    except (av.error.HTTPBadRequestError, av.error.HTTPOtherClientError):
        # One without video is asked to play nothing, and one may refuse to send less than all.
        return av.open(uri.reveal(), "r", options=options, timeout=limits, hwaccel=by)


def _open_file(uri: SourceUri, by: HWAccel | None) -> InputContainer:
    path = Path(uri.reveal())
    if not path.exists():
        raise MissingFileError(str(uri), "no such file", "check the path, and that its disk is on")
    if not path.is_file():
        raise NoVideoError(str(uri), "not a file", "name one video file")
    return av.open(str(path), "r", options={"protocol_whitelist": _FILE_PROTOCOLS}, hwaccel=by)


__all__ = ["AvContainer", "open_quickly", "open_with_av"]
