"""A camera that sends what a test says, when the test says it: RTSP with RTP in its connection.

GStreamer's server behaves as a good camera does; this one need not.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from types import MappingProxyType
from typing import Self, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

TICKS_A_SECOND = 90_000
_START_CODE = b"\x00\x00\x01"
_MOST_BYTES = 1200
_ENCODERS = {"h264": "libx264", "hevc": "libx265"}
_SDP_NAMES = {"h264": "H264", "hevc": "H265"}


@dataclass(frozen=True, slots=True)
class Coded:
    """One coded picture in the order of sending.

    Attributes:
        number: when it is shown.
        units: its NAL units, without start codes.
    """

    number: int
    key: bool
    units: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Film:
    """What a camera has to send."""

    codec: str
    fps: int
    pictures: tuple[Coded, ...]
    size_px: tuple[int, int] = (64, 48)


def film(
    count: int,
    *,
    fps: int = 10,
    codec: str = "h264",
    options: Mapping[str, str] = MappingProxyType({}),
    size_px: tuple[int, int] = (64, 48),
) -> Film:
    """Picture n is grey 60 + n (modulo 100), with parameter sets before each key picture."""
    context = cast("VideoCodecContext", VideoCodecContext.create(_ENCODERS[codec], "w"))
    context.width, context.height, context.pix_fmt = *size_px, "yuv420p"
    context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
    quiet = {"x265-params": "log-level=none:" + options.get("x265-params", "")}
    context.options = {"preset": "ultrafast", **options, **(quiet if codec == "hevc" else {})}
    coded: list[Coded] = []
    for number in range(count + 1):
        frame = None
        if number < count:
            picture = np.full((size_px[1], size_px[0], 3), 60 + number % 100, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
        for packet in context.encode(frame):
            units = tuple(u.rstrip(b"\x00") for u in bytes(packet).split(_START_CODE)[1:])
            coded.append(Coded(packet.pts or 0, packet.is_keyframe, units))
    return Film(codec, fps, tuple(coded), size_px)


@dataclass(slots=True)
class Sender:
    """The way to one watcher."""

    _connection: socket.socket
    codec: str
    _sequence: int = 65_500
    sent: int = 0

    def picture(self, coded: Coded, rtp_time: int) -> None:
        """One picture with its time in ticks, which wraps as RTP's does."""
        packets = [part for unit in coded.units for part in _packets(unit, self.codec)]
        for index, payload in enumerate(packets):
            marker = 0x80 if index == len(packets) - 1 else 0
            self._sequence = (self._sequence + 1) & 0xFFFF
            head = struct.pack(
                "!BBHII", 0x80, marker | 96, self._sequence, rtp_time & 0xFFFFFFFF, 0x1234
            )
            self._frame(0, head + payload)
        self.sent += 1

    def report(self) -> None:
        """A sender report, as cameras send them all the time."""
        self._frame(1, struct.pack("!BBHIIIIII", 0x80, 200, 6, 0x1234, 0, 0, 0, 0, 0))

    def hang_up(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)

    def _frame(self, channel: int, data: bytes) -> None:
        self._connection.sendall(struct.pack("!cBH", b"$", channel, len(data)) + data)


Script = Callable[[Sender, threading.Event], None]


def live(
    of: Film, *, begin: int = 0, before_s: float = 0.0, rtp_zero: int = 0, reports: bool = False
) -> Script:
    """Send a film at its own pace from picture `begin` on, after a silence of `before_s`."""

    def script(to: Sender, ended: threading.Event) -> None:
        began = time.monotonic()
        while time.monotonic() - began < before_s:
            if reports:
                to.report()
            if ended.wait(min(0.5, before_s)):
                return
        zero = time.monotonic()
        for index, coded in enumerate(islice(of.pictures, begin, None)):
            if ended.wait(max(0.0, zero + index / of.fps - time.monotonic())):
                return
            to.picture(coded, rtp_zero + coded.number * TICKS_A_SECOND // of.fps)
        ended.wait()

    return script


@dataclass(slots=True)
class ScriptedCamera:
    """Serves one watcher after the other; a context manager.

    Attributes:
        scripts: what each connection that plays is sent; the last one serves all that follow.
        played: when each of them was answered to its PLAY.
    """

    scripts: Sequence[Script]
    codec: str = "h264"
    parameter_sets: tuple[bytes, ...] = ()
    played: list[float] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)
    _listener: socket.socket = field(init=False)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10.0)

    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/live"

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        gone = threading.Event()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(0.2)
            for request in self._requests(connection):
                method = request.partition(" ")[0]
                number = request.partition("CSeq: ")[2].partition("\r\n")[0]
                connection.sendall(self._answer(method, number))
                if method == "PLAY":
                    self.played.append(time.monotonic())
                    sender = Sender(connection, self.codec)
                    script = self.scripts[min(len(self.senders), len(self.scripts) - 1)]
                    self.senders.append(sender)
                    self._start(_run, script, sender, gone)
        gone.set()

    def _requests(self, connection: socket.socket) -> Iterator[str]:
        waiting = b""
        while not self._ended.is_set():
            try:
                data = connection.recv(4096)
            except TimeoutError:
                continue
            if not data:
                return
            waiting += data
            while waiting[:1] == b"$" and len(waiting) >= 4:
                waiting = waiting[4 + int.from_bytes(waiting[2:4], "big") :]
            while b"\r\n\r\n" in waiting:
                request, _, waiting = waiting.partition(b"\r\n\r\n")
                yield request.decode() + "\r\n"

    def _answer(self, method: str, number: str) -> bytes:
        head, body = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n", ""
        if method == "OPTIONS":
            head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        elif method == "DESCRIBE":
            body = self._description()
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n"
        else:
            head += "Session: 1\r\n"
        return f"{head}\r\n{body}".encode()

    def _description(self) -> str:
        lines = [
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=camera",
            "t=0 0",
            "m=video 0 RTP/AVP 96",
            f"a=rtpmap:96 {_SDP_NAMES[self.codec]}/90000",
            "a=control:track1",
        ]
        sets = ",".join(base64.b64encode(one).decode() for one in self.parameter_sets)
        if self.codec == "h264":
            lines.append(
                "a=fmtp:96 packetization-mode=1" + (f";sprop-parameter-sets={sets}" if sets else "")
            )
        elif sets:
            names = ("sprop-vps", "sprop-sps", "sprop-pps")
            told = (
                f"{n}={base64.b64encode(s).decode()}"
                for n, s in zip(names, self.parameter_sets, strict=True)
            )
            lines.append(f"a=fmtp:96 {'; '.join(told)}")
        return "\r\n".join(lines) + "\r\n"


def parameter_sets_of(of: Film) -> tuple[bytes, ...]:
    """Those of its first key picture, as a camera's description tells them."""
    if of.codec == "h264":
        return tuple(u for u in of.pictures[0].units if u[0] & 0x1F in (7, 8))
    return tuple(u for u in of.pictures[0].units if u[0] >> 1 & 0x3F in (32, 33, 34))


def _run(script: Script, sender: Sender, gone: threading.Event) -> None:
    with contextlib.suppress(OSError):
        script(sender, gone)


def _packets(unit: bytes, codec: str) -> Iterator[bytes]:
    """RTP payloads of a NAL unit: whole, or in parts (RFC 6184 FU-A, RFC 7798 FU)."""
    if len(unit) <= _MOST_BYTES:
        yield unit
        return
    header = 1 if codec == "h264" else 2
    body = unit[header:]
    for at in range(0, len(body), _MOST_BYTES):
        mark = (0x80 if at == 0 else 0) | (0x40 if at + _MOST_BYTES >= len(body) else 0)
        if codec == "h264":
            yield bytes([unit[0] & 0xE0 | 28, mark | unit[0] & 0x1F]) + body[at : at + _MOST_BYTES]
        else:
            kind = unit[0] >> 1 & 0x3F
            yield (
                bytes([unit[0] & 0x81 | 49 << 1, unit[1], mark | kind])
                + body[at : at + _MOST_BYTES]
            )
