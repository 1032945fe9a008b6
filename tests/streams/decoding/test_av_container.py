"""Real files, made here by PyAV and decoded again."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from streams.decoding import av_container
from streams.decoding.av_container import AvContainer, open_with_av
from streams.decoding.sources import Timeouts
from streams.decoding.tap import TappedPicture
from streams.errors import (
    ConnectionLostError,
    HungError,
    MissingFileError,
    NoVideoError,
    SourceError,
    TruncatedFileError,
    WrongCredentialsError,
)
from tests.streams.camera_films import FPS, Turning, file_uri, write_camera
from tests.streams.recording.films import make_film
from vision.instants import Utc

FRAMES = 50


def write_clip(path: Path, *, options: dict[str, str] | None = None) -> None:
    """Five seconds at 10 fps; picture n is grey 4 * n."""
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata["creation_time"] = "2026-03-02T07:40:00.000000Z"
        stream = container.add_stream("libx264", rate=FPS, options={"g": "10", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(FRAMES):
            picture = np.full((48, 64, 3), 4 * n, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), np.int16), format="s16", layout="mono"
        )
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    write_clip(path)
    return path


def play(path: Path) -> Iterator[tuple[float | None, np.ndarray]]:
    container = open_with_av(file_uri(path), Timeouts())
    try:
        for picture in container.pictures():
            yield picture.pts_s, picture.bgr(picture.size_px)
    finally:
        container.close()


def test_every_picture_comes_once_in_order_with_its_time(clip: Path) -> None:
    found = list(play(clip))
    assert [pts for pts, _ in found] == pytest.approx([n / FPS for n in range(FRAMES)])
    greys = [float(image.mean()) for _, image in found]
    assert greys == pytest.approx([4.0 * n for n in range(FRAMES)], abs=6.0)


def test_what_a_recording_says_of_itself(clip: Path) -> None:
    container = open_with_av(file_uri(clip), Timeouts())
    assert container.started_at == Utc.from_iso("2026-03-02T07:40:00Z")
    assert container.duration_s == pytest.approx(FRAMES / FPS)
    assert not container.live
    container.close()


def test_a_picture_is_scaled_while_it_is_converted(clip: Path) -> None:
    container = open_with_av(file_uri(clip), Timeouts())
    picture = next(iter(container.pictures()))
    assert picture.size_px == (64, 48)
    assert picture.bgr((128, 96)).shape == (96, 128, 3)
    container.close()


def test_a_missing_file_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError) as caught:
        open_with_av(file_uri(tmp_path / "none.mp4"), Timeouts())
    assert str(caught.value) == (
        f"file://{tmp_path}/none.mp4: no such file (mend: check the path, and that its disk is on)"
    )


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(NoVideoError, match="not a file"):
        open_with_av(file_uri(tmp_path), Timeouts())


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    write_sound(path)
    with pytest.raises(NoVideoError, match="carries audio and no video"):
        open_with_av(file_uri(path), Timeouts())


@pytest.mark.parametrize("content", [b"", b"this is not a video\n" * 50, b"\x00" * 5000])
def test_what_is_no_video_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.mp4"
    path.write_bytes(content)
    with pytest.raises(TruncatedFileError, match="cut off, damaged or not a video file"):
        list(play(path))


def test_a_file_cut_before_its_index_is_refused(clip: Path, tmp_path: Path) -> None:
    """MP4 keeps its index at the end by default, so a cut file cannot be opened at all."""
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(TruncatedFileError):
        list(play(cut))


@pytest.mark.parametrize("share", [0.6, 0.75])
def test_a_file_with_its_index_in_front_plays_up_to_the_cut_and_says_so(
    tmp_path: Path, share: float
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    write_clip(whole, options={"movflags": "faststart"})
    data = whole.read_bytes()
    media = data.index(b"mdat")
    cut.write_bytes(data[: media + round((len(data) - media) * share)])
    played: list[float | None] = []
    with pytest.raises(TruncatedFileError):
        played.extend(pts_s for pts_s, _ in play(cut))
    assert 0 < len(played) < FRAMES


def test_any_cut_of_a_file_gives_pictures_or_a_typed_error(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    write_clip(whole, options={"movflags": "faststart"})
    data = whole.read_bytes()
    outcomes: set[str] = set()
    for length in range(0, len(data), max(len(data) // 60, 1)):
        cut.write_bytes(data[:length])
        try:
            outcomes.add("pictures" if list(play(cut)) else "nothing")
        except SourceError as error:
            outcomes.add(error.cause)
    assert outcomes <= {"pictures", "truncated_file", "no_video"}
    assert "truncated_file" in outcomes


def test_a_secret_that_cannot_be_read_is_a_matter_of_credentials(tmp_path: Path) -> None:
    from config.camera_uri import CameraUri

    uri = CameraUri.parse(
        "rtsp://127.0.0.1:1/live", directory=tmp_path, credentials="env:XIAOAN_TEST_ABSENT"
    )
    with pytest.raises(WrongCredentialsError, match="XIAOAN_TEST_ABSENT is not set"):
        open_with_av(uri, Timeouts())


def test_a_site_s_file_address_is_relative_to_the_site_folder(clip: Path) -> None:
    from config.camera_uri import CameraUri

    uri = CameraUri.parse(f"file:{clip.name}", directory=clip.parent)
    container = open_with_av(uri, Timeouts())
    assert sum(1 for _ in container.pictures()) == FRAMES
    container.close()


def write_with_sound(path: Path, *, sound_s: float) -> None:
    """Two seconds of pictures, and from their first on sound, fifty packets a second."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=FPS, options={"bf": "0"})
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for n in range(2 * FPS):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(pictures.encode(frame))
        for n in range(round(sound_s * 50)):
            heard = av.AudioFrame.from_ndarray(
                np.zeros((1, 160), np.int16), format="s16", layout="mono"
            )
            heard.rate, heard.pts, heard.time_base = 8000, 160 * n, Fraction(1, 8000)
            container.mux(sound.encode(heard))
        container.mux(pictures.encode())
        container.mux(sound.encode())


@pytest.mark.parametrize(
    ("sound_s", "read_s", "ends"),
    # A hundred packets after the last picture take five seconds and more of this clock.
    [(4.0, 4.0, HungError), (4.0, 60.0, ConnectionLostError), (2.0, 4.0, ConnectionLostError)],
)
def test_a_camera_that_sends_sound_alone_is_given_up(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sound_s: float,
    read_s: float,
    ends: type[SourceError],
) -> None:
    path = tmp_path / "camera.mkv"
    write_with_sound(path, sound_s=sound_s)
    monkeypatch.setattr(av_container, "_CLOCK", Turning(0.05))
    camera = AvContainer(av.open(str(path)), "rtsp://camera/live", live=True, read_s=read_s)
    pictures = camera.pictures()
    assert [round((next(pictures).pts_s or 0.0) * FPS) for _ in range(20)] == list(range(20))
    with pytest.raises(ends):
        next(pictures)
    camera.close()


def test_a_wait_with_sound_in_between_is_one_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each packet takes 0.6 ms, less than a wait; five of sound come before each picture."""
    path = tmp_path / "camera.mkv"
    write_with_sound(path, sound_s=2.0)
    monkeypatch.setattr(av_container, "_CLOCK", Turning(0.0006))
    camera = AvContainer(av.open(str(path)), "rtsp://camera/live", live=True, read_s=4.0)
    waits: list[bool] = []
    since: list[float | None] = []

    def arrived(pts_s: float, waited: bool, anew: bool, since_s: float | None) -> bool:
        waits.append(waited)
        since.append(since_s)
        return True

    camera.arrived = arrived
    with pytest.raises(ConnectionLostError):
        list(camera.pictures())
    camera.close()
    # That the next one came after a wait is told with the next one.
    assert waits == [False] * 2 + [True] * 18
    # A picture arrived when the one before it was handed out: that of the first is not known.
    assert since[0] is None
    assert since[2:] == pytest.approx([9 * 0.0006] * 18)


def test_a_recording_whose_sound_is_longer_plays_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "recording.mov"
    write_with_sound(path, sound_s=4.0)
    container = open_with_av(file_uri(path), Timeouts(read_s=0.0))
    assert sum(1 for _ in container.pictures()) == 20
    container.close()


class Untimed:
    """A container whose first packet has no time, as FFmpeg's first of an RTSP camera."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self) -> Iterator[Packet[VideoStream]]:
        for number, packet in enumerate(self._container.demux(video=0)):
            if not number:
                packet.pts = packet.dts = None
            yield packet


class Heard:
    """A tap that notes the times of packets, and which of them are key pictures."""

    def __init__(self) -> None:
        self.packets: list[tuple[int | None, int | None, bool]] = []

    def packet(self, packet: Packet[VideoStream], stream: VideoStream, start_s: float) -> None:
        if packet.size:
            self.packets.append((packet.pts, packet.dts, packet.is_keyframe))

    def picture(self, raw: TappedPicture, captured_at: Utc) -> None: ...

    def ended(self) -> None: ...


def heard_of(path: Path, *, live: bool) -> list[tuple[int | None, int | None, bool]]:
    where, untimed = "rtsp://camera/live", cast("InputContainer", Untimed(path))
    camera = AvContainer(untimed, where, live=live, read_s=4.0)
    camera.tap = heard = Heard()
    assert len(list(islice(camera.pictures(), 20))) == 20
    camera.close()
    return heard.packets


def test_the_first_picture_of_a_camera_has_the_time_before_the_second(tmp_path: Path) -> None:
    """It is a key picture, and a recording can begin with it."""
    path = tmp_path / "camera.mkv"
    write_camera(path, keyframe_every=100, first_pts=50)
    after = [(5100, 5100, False), (5200, 5200, False)]
    assert heard_of(path, live=True)[:3] == [(5000, 5000, True), *after]
    assert heard_of(path, live=False)[0] == (None, None, True)


def test_where_pictures_are_reordered_the_first_has_its_time_too(tmp_path: Path) -> None:
    path = tmp_path / "camera.mkv"
    write_camera(path, keyframe_every=100, reordered=2)
    # It is decoded two pictures before it is shown.
    assert heard_of(path, live=True)[0] == (0, -200, True)
    assert heard_of(path, live=False)[0] == (None, None, True)


def test_reordered_pictures_are_told_as_their_packets_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "camera.mkv"
    write_camera(path, keyframe_every=40, reordered=2, also={"b_strategy": "0"})
    monkeypatch.setattr(av_container, "_CLOCK", Turning(0.05))
    camera = AvContainer(av.open(str(path)), "rtsp://camera/live", live=True, read_s=4.0)
    told: list[tuple[float, float | None]] = []
    camera.heard = lambda pts_s, waited, since_s: told.append((pts_s, since_s))
    camera.arrived = lambda *_: pytest.fail("they are heard, and wait for nothing")
    shown = [picture.pts_s or 0.0 for picture in islice(camera.pictures(), 30)]
    camera.close()
    assert shown == sorted(shown)
    heard_s = [round(pts_s, 2) for pts_s, _ in told]
    assert heard_s[:7] == [0.0, 0.3, 0.1, 0.2, 0.6, 0.4, 0.5]
    # A packet is handed out with the next one. When the first arrived nobody knows.
    assert told[0][1] is None
    assert all(since_s is not None and since_s > 0.0 for _, since_s in told[1:])


def test_a_motion_jpeg_picture_arrives_when_it_is_handed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken for one that waits for the next, a slow camera's pictures could stay late for ever."""
    path = make_film(tmp_path / "camera.mp4", codec="mjpeg")
    monkeypatch.setattr(av_container, "_CLOCK", Turning(0.05))
    camera = AvContainer(av.open(str(path)), "rtsp://camera/live", live=True, read_s=4.0)
    since: list[float | None] = []

    def arrived(pts_s: float, waited: bool, anew: bool, since_s: float | None) -> bool:
        since.append(since_s)
        return True

    camera.arrived = arrived
    assert len(list(islice(camera.pictures(), 20))) == 20
    camera.close()
    # The next look at the clock.
    assert since == pytest.approx([0.05] * 20)


def test_quick_decoding_gives_nearly_the_same_picture(clip: Path) -> None:
    pictures = []
    for quick in (False, True):
        container = open_with_av(file_uri(clip), Timeouts(), quick=quick)
        pictures.append([p.bgr((64, 48)).astype(float) for p in container.pictures()])
        container.close()
    off = [np.abs(a - b).mean() for a, b in zip(*pictures, strict=True)]
    assert len(off) == FRAMES
    assert max(off) < 4.0
