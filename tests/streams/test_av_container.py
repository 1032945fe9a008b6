"""Real files, made here by PyAV and decoded again."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
import pytest

from streams.av_container import open_with_av
from streams.errors import (
    MissingFileError,
    NoVideoError,
    SourceError,
    TruncatedFileError,
    WrongCredentialsError,
)
from streams.sources import PlainUri, SourceUri, Thrift, Timeouts
from vision.instants import Utc

FPS = 10
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


def file_uri(path: Path) -> SourceUri:
    return PlainUri(f"file://{path}")


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


def write_camera(
    path: Path,
    *,
    keyframe_every: int,
    reordered: int = 0,
    also: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Ten seconds at 10 fps as a camera sends them; picture n is grey 2 * n."""
    with av.open(str(path), "w") as container:
        given = {"g": str(keyframe_every), "bf": str(reordered), "sc_threshold": "0", **also}
        stream = container.add_stream("libx264", rate=FPS, options=given)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(100):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 2 * n, np.uint8), "bgr24")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def decoded(
    path: Path, calm_from: float, calm_to: float, *, name: str = "calm"
) -> tuple[list[float], int]:
    """Times of the pictures that came, and how many were left out."""
    container = open_with_av(file_uri(path), Timeouts())
    container.thrift = thrift = Thrift()
    times = []
    try:
        for picture in container.pictures():
            at = picture.pts_s or 0.0
            grey = float(picture.bgr((64, 48)).mean())
            assert grey == pytest.approx(20 * at, abs=5.0), "decoded without what it refers to"
            times.append(round(at, 2))
            setattr(thrift, name, calm_from <= at < calm_to)
    finally:
        container.close()
    return times, container.undecoded


def test_a_calm_place_is_decoded_at_keyframes_and_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=10)
    times, left_out = decoded(path, 3.0, 6.0)
    whole = [n / 10 for n in range(100)]
    # The calm that begins with the picture at 3.0 s is acted on at the next keyframe, and so is
    # its end at 6.0 s.
    assert times == [t for t in whole if t <= 4.0] + [5.0, 6.0] + [t for t in whole if t >= 7.0]
    assert left_out == 27


@pytest.mark.parametrize(
    ("keyframe_every", "name", "came"),
    # 1.1 s are near enough for a calm place; a machine that is short still owes one a second.
    [(10, "short", 19), (11, "calm", 20), (11, "short", 100)],
)
def test_a_machine_short_of_time_decodes_keyframes_that_come_each_second(
    tmp_path: Path, keyframe_every: int, name: str, came: int
) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=keyframe_every)
    times, left_out = decoded(path, 0.0, 10.0, name=name)
    assert (len(times), left_out) == (came, 100 - came)


def told_and_decoded(path: Path, *, calm: bool = False) -> list[str]:
    """`a7`: the seventh picture arrived; `d7`: it was decoded. Every fifth one is wanted."""
    container = open_with_av(file_uri(path), Timeouts())
    container.thrift = Thrift()
    container.thrift.calm = calm
    seen: list[str] = []

    def arrived(pts_s: float, waited: bool) -> bool:
        del waited
        seen.append(f"a{round(pts_s * FPS)}")
        return round(pts_s * FPS) % 5 == 0

    container.arrived = arrived
    seen.extend(f"d{round((one.pts_s or 0.0) * FPS)}" for one in container.pictures())
    container.close()
    return seen


def test_pictures_that_nobody_analyses_are_decoded_with_the_next_wanted_one(
    tmp_path: Path,
) -> None:
    """Three wait at most, for a quarter of a second."""
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=100)
    seen = told_and_decoded(path)
    assert seen[:11] == ["a0", "d0", "a1", "a2", "a3", "a4", "d1", "d2", "d3", "d4", "a5"]
    assert [one for one in seen if one[0] == "d"] == [f"d{n}" for n in range(100)]


def test_unwanted_pictures_before_one_that_begins_anew_are_never_decoded(tmp_path: Path) -> None:
    """Those that wait with it are dropped; the picture that they would have led to needs none."""
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=8)
    seen = told_and_decoded(path)
    came = {int(one[1:]) for one in seen if one[0] == "d"}
    # The key picture at 8 saves 6 and 7, that at 24 three, and the wanted one at 40 is one itself.
    # The fourth that waits (a9 after a6) is decoded with the others: a quarter of a second is over.
    left_out = [6, 7, 21, 22, 23, 31, 46, 47, 61, 62, 63, 71, 86, 87]
    assert sorted(set(range(100)) - came) == left_out


def test_a_stream_of_whole_pictures_is_decoded_where_wanted_and_as_a_sign_of_life(
    tmp_path: Path,
) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=1)
    seen = told_and_decoded(path)
    # Of the four between two wanted ones the last is decoded: a quarter of a second is over.
    came = [int(one[1:]) for one in seen if one[0] == "d"]
    assert came == [n for n in range(100) if n % 5 in (0, 4)]


def test_a_stream_renewed_strip_by_strip_is_decoded_whole(tmp_path: Path) -> None:
    path = tmp_path / "camera.ts"
    write_camera(path, keyframe_every=10, also={"x264-params": "intra-refresh=1"})
    times, left_out = decoded(path, 0.0, 10.0)
    assert (len(times), left_out) == (100, 0)
    assert sum(one[0] == "d" for one in told_and_decoded(path)) == 100


def test_where_keyframes_alone_are_decoded_none_waits_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=10)
    assert told_and_decoded(path, calm=True)[-4:] == ["a80", "d80", "a90", "d90"]


def test_reordered_pictures_are_timed_when_they_come_out_of_the_decoder(tmp_path: Path) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=100, reordered=2)
    assert told_and_decoded(path) == [f"d{n}" for n in range(100)]


@pytest.mark.parametrize(("keyframe_every", "reordered"), [(20, 0), (10, 2)])
def test_far_keyframes_or_reordered_pictures_are_decoded_whole(
    tmp_path: Path, keyframe_every: int, reordered: int
) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=keyframe_every, reordered=reordered)
    times, left_out = decoded(path, 0.0, 10.0)
    assert (len(times), left_out) == (100, 0)


def test_quick_decoding_gives_nearly_the_same_picture(clip: Path) -> None:
    pictures = []
    for quick in (False, True):
        container = open_with_av(file_uri(clip), Timeouts(), quick=quick)
        pictures.append([p.bgr((64, 48)).astype(float) for p in container.pictures()])
        container.close()
    off = [np.abs(a - b).mean() for a, b in zip(*pictures, strict=True)]
    assert len(off) == FRAMES
    assert max(off) < 4.0
