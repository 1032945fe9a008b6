"""Where key pictures alone are decoded, and when all are again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from streams.decoding import av_container
from streams.decoding.av_container import open_with_av
from streams.decoding.keyframes import Keyframes
from streams.decoding.sources import Thrift, Timeouts
from streams.decoding.tap import TappedPicture
from tests.streams.camera_films import FPS, Turning, file_uri, write_camera
from vision.instants import Utc


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
    # The calm that begins with the picture at 3.0 s is acted on at the next keyframe, its end at
    # 6.0 s at once.
    assert times == [t for t in whole if t <= 4.0] + [5.0] + [t for t in whole if t >= 6.0]
    assert left_out == 18


class Stir:
    """A tap that ends a calm between two keyframes."""

    def __init__(self, thrift: Thrift, at_s: float) -> None:
        self._thrift = thrift
        self._at_s = at_s

    def packet(self, packet: Packet[VideoStream], stream: VideoStream, start_s: float) -> None:
        if packet.pts is not None and packet.time_base is not None:
            self._thrift.calm = float(packet.pts * packet.time_base) < self._at_s

    def picture(self, raw: TappedPicture, captured_at: Utc) -> None: ...

    def ended(self) -> None: ...


def test_a_calm_that_ends_between_keyframes_gives_out_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=10)
    container = open_with_av(file_uri(path), Timeouts())
    container.thrift = thrift = Thrift()
    container.tap = Stir(thrift, 5.55)
    times = [round(picture.pts_s or 0.0, 2) for picture in container.pictures()]
    container.close()
    whole = [n / 10 for n in range(100)]
    assert times == [t for t in whole if t <= 1.0] + [2.0, 3.0, 4.0] + [t for t in whole if t >= 5]
    assert container.undecoded == 36


def test_a_keyframe_that_does_not_come_when_it_is_due_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One every four seconds and another, as when somebody else connects, over a calm place."""
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=100, keyframes=(0, 40, 50, 90))
    monkeypatch.setattr(av_container, "_CLOCK", Turning(0.05))
    container = open_with_av(file_uri(path), Timeouts())
    container.thrift = Thrift()
    container.thrift.calm = True
    seen: list[str] = []
    ready: list[int] = []

    def arrived(pts_s: float, waited: bool, anew: bool, since_s: float | None) -> bool:
        n = round(pts_s * FPS)
        seen.append(f"a{n}")
        ready.extend([] if waited else [n])
        return n % 5 == 0

    container.arrived = arrived
    for picture in container.pictures():
        at_s = picture.pts_s or 0.0
        assert float(picture.bgr((64, 48)).mean()) == pytest.approx(20 * at_s, abs=5.0)
        seen.append(f"d{round(at_s * FPS)}")
    container.close()
    # The next key picture after that at 5.0 s was relied on for a second and a third: the packet at
    # 6.4 s brings out those before it, told as they came.
    assert [int(one[1:]) for one in seen if one[0] == "a"] == list(range(100))
    # The four before each key picture are wanted by nobody.
    left_out = {36, 37, 38, 39, 46, 47, 48, 49, 86, 87, 88, 89}
    came = [int(one[1:]) for one in seen if one[0] == "d"]
    assert came == sorted(set(range(100)) - left_out)
    # Their arrival says nothing of the camera's delay.
    assert ready == list(range(51, 64))


def test_times_that_run_too_slowly_tell_of_no_near_keyframe(tmp_path: Path) -> None:
    """Milliseconds counted as ticks of 1/90000 s: what takes a second seems to take 11 ms."""
    path = tmp_path / "camera.mkv"
    write_camera(path, keyframe_every=50)
    with av.open(str(path)) as camera:
        stream = camera.streams.video[0]
        keyframes, due = Keyframes(), []
        for n, packet in enumerate(camera.demux(stream)):
            if packet.size:
                packet.pts, packet.time_base = 40 * n, Fraction(1, 90_000)
                anew = packet.is_keyframe
                due.append(len(keyframes.due(packet, stream, 1.2, anew=anew)))
    assert due == [1] * 100


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


@pytest.mark.parametrize(("keyframe_every", "reordered"), [(20, 0), (10, 2)])
def test_far_keyframes_or_reordered_pictures_are_decoded_whole(
    tmp_path: Path, keyframe_every: int, reordered: int
) -> None:
    path = tmp_path / "camera.mp4"
    write_camera(path, keyframe_every=keyframe_every, reordered=reordered)
    times, left_out = decoded(path, 0.0, 10.0)
    assert (len(times), left_out) == (100, 0)
