"""The tap in the decode thread: where segments begin and end."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from streams.clock import SimulatedClock
from streams.decoding.av_container import AvContainer, open_with_av
from streams.decoding.sources import Pace, PlainUri, Playback, Timeouts, open_source
from streams.decoding.virtual_source import MadePicture
from streams.errors import ConnectionLostError
from streams.recording.recorder import CameraRecorder
from streams.recording.values import EndCause, How, Segment
from tests.streams.recording.films import CAMERA, START, FakeSink, make_film


def play(film: Path, sink: FakeSink, segment_s: float = 2.0) -> int:
    """How many pictures the source gave."""
    clock = SimulatedClock(START, self_advancing=True)
    tap = CameraRecorder(CAMERA, sink, clock, segment_s=segment_s)
    playback = Playback(clock, threading.Event(), Pace.UNPACED, START, tap)
    uri = PlainUri(f"file:{film}")
    with open_source(uri, opener=open_with_av, timeouts=Timeouts(), playback=playback) as source:
        return sum(1 for _ in source.pictures())


def test_segments_are_cut_at_key_pictures(tmp_path: Path) -> None:
    sink = FakeSink()
    play(make_film(tmp_path / "f.mp4", seconds=5.0, gop=15), sink)
    # Key pictures at 0, 1.5, 3.0 and 4.5 s: the first one at 2 s or later is that at 3.0 s.
    assert [cause for _, cause in sink.closed] == [EndCause.FULL, EndCause.STREAM_ENDED]
    assert [opened - START for opened, _ in sink.opened] == pytest.approx([0.0, 3.0], abs=0.11)
    # Nothing is lost between them: the first one ends where the second one begins.
    assert sink.closed[0][0] - START == pytest.approx(3.0, abs=0.11)


def test_capture_times_are_noted_each_second(tmp_path: Path) -> None:
    sink = FakeSink()
    play(make_film(tmp_path / "f.mp4", seconds=3.0), sink, segment_s=60.0)
    assert [anchor.offset_s for anchor in sink.anchors] == pytest.approx([0.0, 1.0, 2.0])
    assert [anchor.captured - START for anchor in sink.anchors] == pytest.approx([0.0, 1.0, 2.0])


def test_a_capture_time_that_shifts_is_noted_at_once() -> None:
    """The clock of a camera drifts, and its pictures are found to be half a second later."""
    sink = FakeSink()
    tap = CameraRecorder(CAMERA, sink, SimulatedClock(START), segment_s=60.0)
    image = np.zeros((90, 120, 3), np.uint8)
    for pts_s, shift_s in ((0.0, 0.0), (0.2, 0.001), (0.4, 0.5), (0.6, 0.5), (0.8, 0.5)):
        tap.picture(MadePicture(pts_s, image), START.plus(pts_s + shift_s))
    noted = [(anchor.offset_s, anchor.captured - START) for anchor in sink.anchors]
    assert noted == [(0.0, 0.0), (0.4, pytest.approx(0.9))]


def test_a_sink_without_room_ends_the_segment_and_not_the_source(tmp_path: Path) -> None:
    film = make_film(tmp_path / "f.mp4", seconds=6.0)
    sink = FakeSink(room_bytes=film.stat().st_size // 3)
    play(film, sink)
    assert EndCause.SLOW_DISK in [cause for _, cause in sink.closed]
    assert len(sink.opened) == len(sink.closed)


def unrecordable_film(folder: Path, count: int) -> Path:
    """Ten pictures a second of a codec that MP4 cannot hold."""
    film = folder / "f.mkv"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("vp8", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.gop_size = 10
        for index in range(count):
            image = np.full((120, 160, 3), index % 50 * 5, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return film


def test_a_stream_that_mp4_cannot_hold_is_given_up_once_and_the_source_goes_on(
    tmp_path: Path,
) -> None:
    sink = FakeSink()
    assert play(unrecordable_film(tmp_path, 20), sink) == 20
    assert [cause for _, cause in sink.closed] == [EndCause.NOT_RECORDABLE]
    assert len(sink.opened) == 1
    assert sink.refused is EndCause.NOT_RECORDABLE


def test_a_refusing_sink_gets_nothing(tmp_path: Path) -> None:
    sink = FakeSink(refused=EndCause.DISK_FULL)
    play(make_film(tmp_path / "f.mp4", seconds=2.0), sink)
    assert (sink.opened, sink.data, sink.closed) == ([], [], [])


def test_pictures_without_packets_are_encoded() -> None:
    sink = FakeSink()
    clock = SimulatedClock(START)
    tap = CameraRecorder(CAMERA, sink, clock, segment_s=2.0)
    for index in range(25):
        image = np.full((91, 121, 3), 10 * index % 250, np.uint8)
        tap.picture(MadePicture(index / 5, image), START.plus(index / 5))
    tap.ended()
    assert [how for _, how in sink.opened] == [How.ENCODED] * 3
    assert [cause for _, cause in sink.closed] == [
        EndCause.FULL, EndCause.FULL, EndCause.STREAM_ENDED,
    ]  # fmt: skip
    assert sink.closed[-1][0] - START == pytest.approx(4.8)
    with av.open(io.BytesIO(b"".join(sink.data)), "r") as made:
        frame = next(made.decode(video=0))
    assert (frame.width, frame.height) == (120, 90)


def test_time_stamps_that_go_back_begin_a_new_segment() -> None:
    sink = FakeSink()
    tap = CameraRecorder(CAMERA, sink, SimulatedClock(START), segment_s=60.0)
    image = np.zeros((90, 120, 3), np.uint8)
    for pts_s in (0.0, 0.2, 0.4, 0.1, 0.3):
        tap.picture(MadePicture(pts_s, image), START.plus(pts_s))
    tap.ended()
    assert [cause for _, cause in sink.closed] == [EndCause.TIMES_BROKEN, EndCause.STREAM_ENDED]


def heard(
    tmp_path: Path, pts_of: Callable[[int], float], wall_of: Callable[[int], float] = float
) -> FakeSink:
    """A camera of ten pictures a second and a key picture in two seconds, its time stamps in
    tenths of a second; the capture times are those at which pictures came."""
    sink, clock = FakeSink(), SimulatedClock(START)
    tap = CameraRecorder(CAMERA, sink, clock, segment_s=60.0)
    image = np.zeros((120, 160, 3), np.uint8)
    with av.open(str(make_film(tmp_path / "f.mp4", seconds=6.0, gop=20))) as camera:
        for index, packet in enumerate(p for p in camera.demux(video=0) if p.size):
            ticks = round(pts_of(index) * 9_000)
            packet.pts = packet.dts = ticks
            packet.time_base = Fraction(1, 90_000)
            tap.packet(packet, camera.streams.video[0], 0.0)
            tap.picture(MadePicture(ticks / 90_000, image), START.plus(wall_of(index) / 10))
            clock.advance(0.1)
    tap.ended()
    return sink


@pytest.mark.parametrize(
    "pts_of",
    [
        lambda n: n + (36_000 if n >= 25 else 0),
        lambda n: n + (36_000 if n < 25 else 0),
        lambda n: n + (80 if n >= 25 else 0),
        lambda n: n - (1.5 if n >= 25 else 0.0),
        lambda n: n - (1 if n == 25 else 0),
        lambda n: 7,
    ],
    ids=["an hour on", "an hour back", "a little on", "a little back", "twice", "stands still"],
)
def test_a_camera_whose_time_stamps_are_broken_is_recorded_whole(
    tmp_path: Path, pts_of: Callable[[int], float]
) -> None:
    """What comes before the next key picture could begin no segment."""
    sink = heard(tmp_path, pts_of)
    assert [cause for _, cause in sink.closed] == [EndCause.STREAM_ENDED]
    with av.open(io.BytesIO(b"".join(sink.data)), "r") as film:
        times = [frame.time for frame in film.decode(video=0)]
    assert len(times) == 60
    segment = Segment(
        CAMERA, tmp_path, START, START, closed=True, cause=None, how=How.COPIED,
        anchors=tuple(sink.anchors), size_bytes=0,
    )  # fmt: skip
    told = [segment.captured_at(at_s - times[0]) - START for at_s in times]
    assert told == pytest.approx([n / 10 for n in range(60)], abs=2e-3)


@pytest.mark.parametrize("step_s", [-3_600.0, -5.0, 60.0, 3_600.0])
def test_a_segment_is_of_one_time_where_the_wall_clock_is_set(
    tmp_path: Path, step_s: float
) -> None:
    """A segment that ended before it began was in no clip; one of an hour hid a gap."""
    sink = heard(tmp_path, float, lambda n: n + (10.0 * step_s if n >= 25 else 0.0))
    assert [cause for _, cause in sink.closed] == [EndCause.TIMES_BROKEN, EndCause.STREAM_ENDED]
    (first, _), (second, _) = sink.closed
    assert first - START == pytest.approx(2.4)
    assert second - START == pytest.approx(step_s + 5.9)
    begun = [opened - START for opened, _ in sink.opened]
    assert begun == pytest.approx([0.0, step_s + 4.0], abs=0.11)


@pytest.mark.parametrize(
    ("gop", "refused_s", "copied_s", "encoded_s"),
    [
        # A key picture each second: it goes on with the next one.
        (10, (2.0, 3.0), [0.0, *range(3, 60, 2)], []),
        # One after forty seconds, and none at all; also where the first one was refused already.
        (400, (2.0, 3.0), [0.0, 40.0], [22.1]),
        (1000, (2.0, 3.0), [0.0], [22.1]),
        (1000, (0.0, 30.0), [], [30.1]),
    ],
)
def test_a_camera_whose_segment_was_given_up_is_recorded_without_a_key_picture(
    tmp_path: Path,
    gop: int,
    refused_s: tuple[float, float],
    copied_s: list[float],
    encoded_s: list[float],
) -> None:
    film = make_film(tmp_path / "film.mp4", 60.0, gop=gop)
    clock, sink = SimulatedClock(START), FakeSink()
    tap = CameraRecorder(CAMERA, sink, clock, segment_s=2.0)
    playback = Playback(clock, threading.Event(), Pace.UNPACED, START, tap)
    uri = PlainUri(f"file:{film}")
    with open_source(uri, opener=open_with_av, timeouts=Timeouts(), playback=playback) as source:
        pictures = source.pictures()
        for _ in range(600):
            now_s = clock.utc() - START
            refused = refused_s[0] <= now_s < refused_s[1]
            sink.refused = EndCause.SLOW_DISK if refused else None
            next(pictures)
            clock.advance(0.1)
    opened = {how: [at - START for at, kind in sink.opened if kind is how] for how in How}
    assert opened[How.COPIED] == pytest.approx(copied_s, abs=0.15)
    assert opened[How.ENCODED][:1] == pytest.approx(encoded_s, abs=0.5)
    # From then on without a gap, up to the next key picture or the end.
    ends = [end - START for end, _ in sink.closed]
    begins = [at - START for at, _ in sink.opened]
    gaps = [begin - end for end, begin in zip(ends, begins[1:], strict=False)]
    assert max(gaps[1:], default=0.0) <= 0.6


def test_a_stream_that_mp4_cannot_hold_is_not_encoded_instead(tmp_path: Path) -> None:
    """Nor where a full disk refused it first: that it cannot be recorded is what is to be told."""
    clock, sink = SimulatedClock(START), FakeSink()
    tap = CameraRecorder(CAMERA, sink, clock, segment_s=2.0)
    playback = Playback(clock, threading.Event(), Pace.UNPACED, START, tap)
    uri = PlainUri(f"file:{unrecordable_film(tmp_path, 500)}")
    with open_source(uri, opener=open_with_av, timeouts=Timeouts(), playback=playback) as source:
        for number, _ in enumerate(source.pictures()):
            # The sink takes it again every ten seconds.
            if number % 100 == 0:
                sink.refused = EndCause.DISK_FULL if number == 0 else None
            clock.advance(0.1)
    assert {how for _, how in sink.opened} == {How.COPIED}
    assert {cause for _, cause in sink.closed} == {EndCause.NOT_RECORDABLE}


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_camera_that_tells_its_parameters_in_key_pictures_alone_is_recorded(
    tmp_path: Path, codec: str
) -> None:
    """It is opened between two of them; they come each second, and what follows is to be read."""
    path, sink = tmp_path / "camera.ts", FakeSink()
    options = {"preset": "ultrafast", "g": "10", "bf": "0", "forced-idr": "1"}
    if codec == "libx265":
        options["x265-params"] = "log-level=none:keyint=10:bframes=0:scenecut=0"
    with av.open(str(path), "w") as camera:
        stream = cast("VideoStream", camera.add_stream(codec, rate=10, options=options))
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        random = np.random.default_rng(1)
        coded: list[Packet[VideoStream]] = []
        for _ in range(60):
            image = random.integers(0, 255, (120, 160, 3), dtype=np.uint8)
            coded += stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24"))
        camera.mux([*coded, *stream.encode()][1:])
    opened = av.open(str(path), options={"probesize": "4096", "analyzeduration": "1"})
    source = AvContainer(opened, "rtsp://camera/live", live=True, read_s=4.0)
    assert opened.streams.video[0].width == 0
    source.tap = CameraRecorder(CAMERA, sink, SimulatedClock(START), segment_s=60.0)
    with pytest.raises(ConnectionLostError):
        list(source.pictures())
    source.tap.ended()
    source.close()
    assert (len(sink.opened), sink.refused) == (1, None)
    with av.open(io.BytesIO(b"".join(sink.data)), "r") as film:
        sizes = [(picture.width, picture.height) for picture in film.decode(video=0)]
    # The first key picture shows how large they are, and the recording begins with the second.
    assert sizes == [(160, 120)] * 40
