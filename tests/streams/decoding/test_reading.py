"""Times of the first packets, which FFmpeg does not tell."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from streams.decoding.reading import Read, reordered_timed
from tests.streams.recording.films import make_film


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("b_frames", [1, 2, 3])
def test_the_first_key_picture_of_a_reordered_stream_has_its_time(
    tmp_path: Path, codec: str, b_frames: int
) -> None:
    """Without it the recording began with the second one, ten seconds later with some cameras."""
    film = make_film(tmp_path / "f.mp4", 3.0, gop=30, b_frames=b_frames, codec=codec)
    with av.open(str(film)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        sent = [(packet.pts, packet.dts) for packet in packets]
        as_ffmpeg_tells(packets)
        assert packets[0].pts is None
        reads = list(reordered_timed(Read(packet, True, None) for packet in packets))
    assert [(one.packet.pts, one.packet.dts) for one in reads] == sent


def as_ffmpeg_tells(packets: list[Packet[VideoStream]]) -> None:
    """As it reads them from a camera: nothing of the first, and no time of decoding of so many more
    as pictures are moved by."""
    first, then = packets[0], packets[1]
    moved = ((first.pts or 0) - (first.dts or 0)) // ((then.dts or 0) - (first.dts or 0))
    for packet in packets[: moved + 1]:
        packet.dts = None
    first.pts = None


def test_a_stream_that_ends_at_once_is_passed_on(tmp_path: Path) -> None:
    film = make_film(tmp_path / "f.mp4", 0.2, b_frames=2)
    with av.open(str(film)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        as_ffmpeg_tells(packets)
        reads = list(reordered_timed(Read(packet, True, None) for packet in packets))
    assert [one.packet for one in reads] == packets
