"""Pictures that nobody will analyse wait, undecoded, for one that somebody will."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import av
import pytest

from streams.decoding.av_container import AvContainer, open_with_av
from streams.decoding.sources import Thrift, Timeouts
from tests.streams.camera_films import FPS, file_uri, write_camera
from tests.streams.decoding.test_keyframes_alone import decoded


def told_and_decoded(path: Path, *, calm: bool = False, every: int = 5) -> list[str]:
    """`a7`: the seventh picture arrived; `d7`: it was decoded. Each `every`th one is wanted."""
    container = open_with_av(file_uri(path), Timeouts())
    container.thrift = Thrift()
    container.thrift.calm = calm
    seen: list[str] = []

    def arrived(pts_s: float, waited: bool, anew: bool, since_s: float | None) -> bool:
        del waited
        seen.append(f"a{round(pts_s * FPS)}")
        return round(pts_s * FPS) % every == 0

    container.arrived = arrived
    seen.extend(f"d{round((one.pts_s or 0.0) * FPS)}" for one in container.pictures())
    container.close()
    return seen


def test_pictures_that_nobody_analyses_are_decoded_with_the_next_wanted_one(
    tmp_path: Path,
) -> None:
    """Four wait for the fifth, half a second after the last one."""
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=100)
    seen = told_and_decoded(path)
    five = [f"{told}{n}" for told in "ad" for n in range(1, 6)]
    assert seen[:13] == ["a0", "d0", *five, "a6"]
    # Those after the last wanted one wait for none.
    assert [one for one in seen if one[0] == "d"] == [f"d{n}" for n in range(100)]


def test_pictures_wait_for_a_wanted_one_no_longer_than_a_sign_of_life_may(tmp_path: Path) -> None:
    """Wanted once a second at ten a second: after half a second those that wait are decoded."""
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=100)
    seen = told_and_decoded(path, every=10)
    seven = [f"{told}{n}" for told in "ad" for n in range(1, 8)]
    assert seen[:16] == ["a0", "d0", *seven]


def test_pictures_that_nobody_wants_wait_no_longer_where_the_clock_is_set_back(
    tmp_path: Path,
) -> None:
    """The second film of the same camera begins a minute before the first."""
    parts = tmp_path / "later.ts", tmp_path / "earlier.ts"
    for path, first_pts in zip(parts, (600, 0), strict=True):
        write_camera(path, keyframe_every=100, first_pts=first_pts)
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(path.read_bytes() for path in parts))
    camera = AvContainer(av.open(str(both)), "rtsp://camera/live", live=True, read_s=4.0)
    told: list[float] = []

    def arrived(pts_s: float, waited: bool, anew: bool, since_s: float | None) -> bool:
        told.append(pts_s)
        # The seventh alone: then two wait where the clock is set back.
        return len(told) == 7

    camera.arrived = arrived
    waits = [len(told) - came for came, _ in enumerate(islice(camera.pictures(), 150), 1)]
    camera.close()
    assert min(b - a for a, b in pairwise(told)) == pytest.approx(-69.9)
    # Six wait while the first of seven comes out, and the two are never decoded.
    assert max(waits) == 8


def test_unwanted_pictures_before_one_that_begins_anew_are_never_decoded(tmp_path: Path) -> None:
    """Those that wait with it are dropped; the picture that they would have led to needs none."""
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=8)
    seen = told_and_decoded(path)
    came = {int(one[1:]) for one in seen if one[0] == "d"}
    # The key picture at 8 saves 6 and 7, that at 24 three, and the wanted one at 40 saves four.
    left_out = [
        6,
        7,
        21,
        22,
        23,
        31,
        36,
        37,
        38,
        39,
        46,
        47,
        61,
        62,
        63,
        71,
        76,
        77,
        78,
        79,
        86,
        87,
    ]
    assert sorted(set(range(100)) - came) == left_out


def test_a_stream_of_whole_pictures_is_decoded_where_wanted_and_as_a_sign_of_life(
    tmp_path: Path,
) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=1)
    seen = told_and_decoded(path)
    came = [int(one[1:]) for one in seen if one[0] == "d"]
    assert came == [*range(0, 100, 5), 99]  # the last one is a sign of life
    # Of the nine between two that are wanted once a second one is decoded: half a second is over.
    seen = told_and_decoded(path, every=10)
    came = [int(one[1:]) for one in seen if one[0] == "d"]
    assert came == [*(n for n in range(100) if n % 10 in (0, 7)), 99]


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
