"""Small films and rings for the tests of the recording."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from config.recording import RingSettings
from streams.clock import SimulatedClock
from streams.decoding.av_container import open_with_av
from streams.decoding.sources import Pace, PlainUri, Playback, Timeouts, open_source
from streams.recording.recorder import CameraRecorder
from streams.recording.values import Anchor, EndCause, How
from streams.recording.writer import RingWriter
from vision.instants import Utc

START = Utc.from_iso("2026-09-01T12:00:00Z")
CAMERA = "cam-1"


def make_film(
    path: Path, seconds: float = 6.0, *, fps: int = 10, size: tuple[int, int] = (160, 120),
    gop: int = 10, b_frames: int = 0, codec: str = "libx264",
) -> Path:  # fmt: skip
    """A film in which picture n is n grey steps brighter, and moves a little."""
    rng = np.random.default_rng(1)
    base = rng.integers(0, 60, (size[1], size[0], 3), dtype=np.uint8)
    with av.open(str(path), "w", format="mp4") as container:
        options = {} if codec == "mjpeg" else {"preset": "ultrafast"}
        if codec == "libx265":
            options["x265-params"] = f"log-level=none:keyint={gop}:scenecut=0:bframes={b_frames}"
        stream = container.add_stream(codec, rate=fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.time_base = Fraction(1, 90_000)
        for index in range(round(seconds * fps)):
            image = np.roll(base, index, axis=1) + np.uint8(index % 100)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def changing_film(folder: Path, codec: str = "libx264") -> Path:
    """Two seconds of 160 x 120 and four of 320 x 240 in one stream, as a camera sends them that is
    set to another size."""
    form = "h264" if codec == "libx264" else "hevc"
    raw = folder / f"raw.{form}"
    with raw.open("wb") as joined:
        for width, seconds in ((160, 2.0), (320, 4.0)):
            size = (width, width * 3 // 4)
            film = make_film(folder / f"{width}.mp4", seconds, size=size, codec=codec)
            one = folder / f"{width}.{form}"
            with av.open(str(film)) as source, av.open(str(one), "w", format=form) as out:
                stream = out.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.size:
                        packet.stream = stream
                        out.mux(packet)
            joined.write(one.read_bytes())
    changing = folder / "changing.ts"
    with av.open(str(raw)) as source, av.open(str(changing), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(one for one in source.demux(video=0) if one.size):
            copy = Packet(bytes(packet))
            copy.pts = copy.dts = index * 9_000
            copy.time_base, copy.is_keyframe = Fraction(1, 90_000), packet.is_keyframe
            copy.stream = stream
            out.mux(copy)
    return changing


def packets(path: Path) -> list[bytes]:
    """The packets of a film in the order of decoding."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def frames_in(path: Path) -> int:
    """How many pictures a decoder gets out of a file."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def ring_settings(
    *, segment_s: float = 2.0, keep_s: float = 86_400.0, floor_s: float = 60.0,
    camera_bytes: int = 10**9, reserve_bytes: int = 0,
) -> RingSettings:  # fmt: skip
    return RingSettings(
        camera_ids=frozenset({CAMERA}), keep_s=keep_s, floor_s=floor_s,
        camera_bytes=camera_bytes, reserve_bytes=reserve_bytes, segment_s=segment_s,
    )  # fmt: skip


def record_film(
    film: Path, root: Path, *, segment_s: float = 2.0, start: Utc = START, camera_id: str = CAMERA
) -> None:
    """Play a film through the source chain into a ring, as a worker does, but at once."""
    clock = SimulatedClock(start, self_advancing=True)
    writer = RingWriter(root, ring_settings(segment_s=segment_s), clock, camera_ids=[camera_id])
    writer.prepare()
    tap = CameraRecorder(camera_id, writer, clock, segment_s=segment_s)
    playback = Playback(clock, threading.Event(), pace=Pace.UNPACED, recording_start=start, tap=tap)
    uri = PlainUri(f"file:{film}")
    with open_source(uri, opener=open_with_av, timeouts=Timeouts(), playback=playback) as source:
        for _ in source.pictures():
            writer.drain()
    writer.drain()


@dataclass
class FakeSink:
    """Keeps what a recorder hands out; `room_bytes` bounds it, `refused` stops it."""

    room_bytes: int = 10**9
    refused: EndCause | None = None
    opened: list[tuple[Utc, How]] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    closed: list[tuple[Utc, EndCause]] = field(default_factory=list)

    def refusal(self, camera_id: str) -> EndCause | None:
        return self.refused

    def open(self, camera_id: str, opened: Utc, how: How) -> None:
        self.opened.append((opened, how))

    def write(self, camera_id: str, data: bytes) -> bool:
        if len(data) > self.room_bytes:
            return False
        self.room_bytes -= len(data)
        self.data.append(data)
        return True

    def anchor(self, camera_id: str, anchor: Anchor) -> None:
        self.anchors.append(anchor)

    def close_segment(self, camera_id: str, end: Utc, cause: EndCause) -> None:
        self.closed.append((end, cause))

    def unrecordable(self, camera_id: str) -> None:
        self.refused = EndCause.NOT_RECORDABLE
