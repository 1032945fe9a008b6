"""Packets that begin anew, in streams as real encoders make them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from streams.decoding.keyframes import Keyframes, begins_anew, length_bytes_of


def film(path: Path, codec: str, given_options: dict[str, str], pix_fmt: str = "yuv420p") -> Path:
    """Forty moving pictures."""
    rng = np.random.default_rng(5)
    still = rng.integers(0, 256, (96, 128, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=given_options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pix_fmt
        for n in range(40):
            frame = av.VideoFrame.from_ndarray(np.roll(still, 3 * n, axis=1), format="bgr24")
            frame.pts, frame.time_base = n, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def where_it_begins(path: Path) -> tuple[list[int], list[int]]:
    """The pictures that begin anew, and those that FFmpeg marks."""
    anew, marked = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        length_bytes = length_bytes_of(codec, stream.codec_context.extradata)
        for number, packet in enumerate(container.demux(stream)):
            if packet.is_keyframe and packet.size:
                marked.append(number)
            if begins_anew(packet, codec, length_bytes):
                anew.append(number)
    return anew, marked


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"g": "10", "bf": "0", "sc_threshold": "0"}),
        ("libx265", {"x265-params": "keyint=10:min-keyint=10:scenecut=0:bframes=0:log-level=none"}),
    ],
)
def test_whole_pictures_begin_anew_behind_lengths_and_behind_start_codes(
    tmp_path: Path, codec: str, options: dict[str, str], suffix: str
) -> None:
    found = where_it_begins(film(tmp_path / f"film.{suffix}", codec, options))
    assert found == ([0, 10, 20, 30], [0, 10, 20, 30])


def test_a_stream_renewed_strip_by_strip_begins_anew_once_whatever_is_marked(
    tmp_path: Path,
) -> None:
    options = {"g": "10", "bf": "0", "x264-params": "intra-refresh=1:scenecut=0"}
    anew, marked = where_it_begins(film(tmp_path / "film.ts", "libx264", options))
    assert anew == [0]
    assert len(marked) > 1


def test_every_picture_of_motion_jpeg_begins_anew(tmp_path: Path) -> None:
    anew, _ = where_it_begins(film(tmp_path / "film.avi", "mjpeg", {}, "yuvj420p"))
    assert anew == list(range(40))


@pytest.mark.parametrize(("slice_header", "anew"), [(0x65, True), (0x41, False)])
def test_a_length_that_looks_like_a_start_code_is_a_length(slice_header: int, anew: bool) -> None:
    """A message of 0x145 bytes: read as start code 00 00 01 its length would be an IDR slice."""
    message = b"\x06" + bytes(0x144)
    units = b"\x00\x00\x01\x45" + message + b"\x00\x00\x00\x03" + bytes([slice_header, 1, 2])
    assert begins_anew(marked(units), "h264", 4) is anew
    short = (len(message)).to_bytes(2, "big") + message + b"\x00\x03" + bytes([slice_header, 1, 2])
    assert begins_anew(marked(short), "h264", 2) is anew


@pytest.mark.parametrize(
    ("codec", "extradata", "length_bytes"),
    [
        ("h264", bytes([1, 100, 0, 31, 0xFF]), 4),
        ("h264", bytes([1, 100, 0, 31, 0xFD]), 2),
        ("h264", bytes([0, 0, 0, 1, 0x67]), 0),
        ("h264", None, 0),
        ("h264", bytes([1]), 0),
        ("hevc", bytes([1]) + bytes(20) + bytes([0x0F]), 4),
        ("mjpeg", bytes([1, 1, 1, 1, 1, 1]), 0),
    ],
)
def test_lengths_by_hand(codec: str, extradata: bytes | None, length_bytes: int) -> None:
    assert length_bytes_of(codec, extradata) == length_bytes


@given(st.binary(max_size=200), st.sampled_from(["h264", "hevc"]), st.integers(0, 4))
def test_damaged_packets_are_judged_without_a_fault(
    payload: bytes, codec: str, length_bytes: int
) -> None:
    assert begins_anew(marked(payload), codec, length_bytes) in (True, False)


@pytest.mark.parametrize(
    ("second", "pts", "kept"),
    [
        # A keyframe 1.0 s after the last is late by a third after 1.33 s.
        (10, [11, 20, 23, 24, 25], 3),
        # One 0.4 s after the last may come within 1.2 s.
        (4, [5, 15, 17], 2),
        (10, [11, None, 12], 1),
        (10, [11, 9], 1),
        # Nobody takes more than a hundred pictures in a tenth of a second.
        (10, [11] * 200, 100),
        (10, [22] * 200, 120),
    ],
)
def test_packets_are_kept_while_their_times_say_that_the_next_keyframe_is_due(
    tmp_path: Path, second: int, pts: list[int | None], kept: int
) -> None:
    with av.open(str(film(tmp_path / "film.mp4", "libx264", {"bf": "0"}))) as container:
        stream = container.streams.video[0]
        keyframes = Keyframes()
        for at in (0, second):
            whole = timed(at)
            assert list(keyframes.due(whole, stream, 1.2, anew=True)) == [whole]
        given = [keyframes.due(timed(at), stream, 1.2, anew=False) for at in pts]
    assert [len(one) for one in given[: kept + 1]] == [0] * kept + [kept + 1]
    # From there on all are decoded.
    assert {len(one) for one in given[kept + 1 :]} <= {1}
    assert keyframes.left_out == 0


def timed(pts: int | None) -> Packet[VideoStream]:
    packet = cast("Packet[VideoStream]", Packet(b"slice"))
    packet.pts, packet.time_base = pts, Fraction(1, 10)
    return packet


def marked(payload: bytes) -> Packet[VideoStream]:
    packet = cast("Packet[VideoStream]", Packet(payload))
    packet.is_keyframe = True
    return packet
