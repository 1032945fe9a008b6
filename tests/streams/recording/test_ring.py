"""A film through the source chain into a ring and out again as a clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from streams.decoding.sources import PlainUri
from streams.recording import How, RemuxError, film_start, gaps_between, join, parts_of, segments
from streams.recording.clock_runs import ClockRun
from streams.recording.notes import notes_of
from streams.recording.remux import nal_units_sha256, packets_of
from streams.recording.values import Anchor, EndCause, Segment
from tests.streams.recording.films import (
    CAMERA,
    START,
    changing_film,
    frames_in,
    make_film,
    packets,
    record_film,
)
from vision.instants import Utc

END = START.plus(3_600.0)


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray() for frame in film.decode(video=0)]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_ring_holds_the_very_packets_of_the_source(tmp_path: Path, b_frames: int) -> None:
    film = make_film(tmp_path / "film.mp4", b_frames=b_frames)
    record_film(film, tmp_path / "ring")
    found = segments(tmp_path / "ring", CAMERA, START, END)
    assert len(found) == 3
    copied = [data for segment in found for data in packets(segment.path)]
    assert copied == packets(film)
    assert all(segment.how is How.COPIED and segment.closed for segment in found)
    assert gaps_between(found, START, START.plus(5.9)) == ()


def test_segments_know_when_their_pictures_were_taken(tmp_path: Path) -> None:
    record_film(make_film(tmp_path / "film.mp4", seconds=6.0, fps=10), tmp_path / "ring")
    found = segments(tmp_path / "ring", CAMERA, START, END)
    assert [segment.start - START for segment in found] == pytest.approx([0.0, 2.0, 4.0])
    assert found[-1].end - START == pytest.approx(5.9)
    taken = [timed.captured - START for timed in packets_of(found[1])]
    assert taken == pytest.approx([2.0 + n / 10 for n in range(20)], abs=1e-4)


def test_a_clip_begins_at_the_key_picture_before_its_start(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=6.0, fps=10, gop=10)
    record_film(film, tmp_path / "ring")
    (part,) = parts_of(segments(tmp_path / "ring", CAMERA, START, END))
    joined = join(part, START.plus(1.55), START.plus(4.0), tmp_path / "clip.mp4")
    # Key pictures stand at whole seconds: pictures 10 to 40 are the clip.
    assert joined.start - START == pytest.approx(1.0)
    assert joined.packets == 31
    assert packets(tmp_path / "clip.mp4") == packets(film)[10:41]
    assert frames_in(tmp_path / "clip.mp4") == 31


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(
    ("start_s", "begins_s"), [(1.55, 1.0), (2.0, 2.0), (3.85, 3.0), (-5.0, 0.0)]
)
def test_second_0_of_a_film_is_that_of_its_first_picture(
    tmp_path: Path, start_s: float, begins_s: float, b_frames: int
) -> None:
    record_film(make_film(tmp_path / "film.mp4", b_frames=b_frames), tmp_path / "ring")
    (part,) = parts_of(segments(tmp_path / "ring", CAMERA, START, END))
    joined = join(part, START.plus(start_s), END, tmp_path / "clip.mp4")
    assert film_start(part, START.plus(start_s)) == joined.start
    assert joined.start - START == pytest.approx(begins_s, abs=1e-3)
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        times = [frame.time for frame in clip.decode(video=0)]
    assert times == pytest.approx([n / 10 for n in range(len(times))], abs=1e-3)


@pytest.mark.parametrize("end_s", [3.3, 3.4, 3.5, 3.6, 3.7])
def test_a_clip_ends_with_pictures_as_the_camera_sent_them(tmp_path: Path, end_s: float) -> None:
    """Where pictures refer to later ones, those have to be in the clip too."""
    film, clip = make_film(tmp_path / "film.mp4", b_frames=2), tmp_path / "clip.mp4"
    record_film(film, tmp_path / "ring")
    (part,) = parts_of(segments(tmp_path / "ring", CAMERA, START, END))
    join(part, START, START.plus(end_s), clip)
    sent, kept = pictures(film), pictures(clip)
    assert len(kept) >= round(10 * end_s)
    assert all(any(np.array_equal(one, other) for other in sent) for one in kept)


def test_a_gap_keeps_its_length_in_the_clip(tmp_path: Path) -> None:
    record_film(make_film(tmp_path / "film.mp4"), tmp_path / "ring")
    first, second, third = segments(tmp_path / "ring", CAMERA, START, END)
    second.path.unlink()
    left = segments(tmp_path / "ring", CAMERA, START, END)
    assert left == (first, third)
    (gap,) = gaps_between(left, START, START.plus(5.9), tolerance_s=1.0)
    assert (gap.start - START, gap.end - START) == pytest.approx((1.9, 4.0))
    (part,) = parts_of(left)
    join(part, START, END, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        times = [frame.time for frame in clip.decode(video=0)]
    assert times[19] == pytest.approx(1.9)
    assert times[20] == pytest.approx(4.0)


def test_a_torn_segment_gives_its_whole_fragments(tmp_path: Path) -> None:
    record_film(make_film(tmp_path / "film.mp4"), tmp_path / "ring", segment_s=60.0)
    (whole,) = segments(tmp_path / "ring", CAMERA, START, END)
    content = whole.path.read_bytes()
    for share in (0.3, 0.6, 0.95):
        whole.path.write_bytes(content[: round(len(content) * share)])
        lines = notes_of(whole.path).read_bytes().splitlines(keepends=True)
        # The closing line never came, and the last anchor is torn.
        notes_of(whole.path).write_bytes(b"".join(lines[:-2]) + lines[-2][:9])
        (torn,) = segments(tmp_path / "ring", CAMERA, START, END)
        assert not torn.closed
        (part,) = parts_of([torn])
        joined = join(part, START, END, tmp_path / "clip.mp4")
        assert joined.packets >= 60 * share - 12
        assert frames_in(tmp_path / "clip.mp4") == joined.packets
        notes_of(whole.path).write_bytes(b"".join(lines))


def test_another_size_is_another_part(tmp_path: Path) -> None:
    record_film(make_film(tmp_path / "a.mp4", 2.0), tmp_path / "ring")
    record_film(make_film(tmp_path / "b.mp4", 2.0, size=(320, 240)), tmp_path / "other")
    both = (
        *segments(tmp_path / "ring", CAMERA, START, END),
        *segments(tmp_path / "other", CAMERA, START, END),
    )
    parts = parts_of(both)
    assert [(part.coding.width_px, len(part.segments)) for part in parts] == [(160, 1), (320, 1)]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("segment_s", [2.0, 30.0])
def test_a_camera_that_is_set_to_another_size_in_its_stream_begins_a_part(
    tmp_path: Path, codec: str, segment_s: float
) -> None:
    """Also in the middle of a segment; each one's head tells the size of its pictures."""
    record_film(changing_film(tmp_path, codec), tmp_path / "ring", segment_s=segment_s)
    parts = parts_of(segments(tmp_path / "ring", CAMERA, START, END))
    assert [part.coding.width_px for part in parts] == [160, 320]
    assert parts[1].start - START == pytest.approx(2.0, abs=0.05)
    for part, count in zip(parts, (20, 40), strict=True):
        join(part, START, END, tmp_path / "clip.mp4")
        with av.open(str(tmp_path / "clip.mp4")) as film:
            sizes = [picture.width for picture in film.decode(video=0)]
        assert sizes == [part.coding.width_px] * count


def shown(root: Path, *runs: tuple[float, int]) -> tuple[Segment, ...]:
    """Segments of two seconds; a run begins so many seconds after START and has so many."""
    film = make_film(root / "film.mp4", 1.0)
    begun = sorted(START.plus(at_s + 2.0 * n) for at_s, count in runs for n in range(count))
    return tuple(
        Segment(
            CAMERA, film, start, start.plus(1.9), closed=True, cause=EndCause.FULL, how=How.COPIED,
            anchors=(Anchor(0.0, start),), size_bytes=1,
        )
        for start in begun
    )  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        # One run, and one with a gap: a gap stays in the film.
        ([(0.0, 3)], [[0.0, 2.0, 4.0]]),
        ([(0.0, 2), (60.0, 1)], [[0.0, 2.0, 60.0]]),
        # Set back by five seconds, for a moment that the first run had as well.
        ([(0.0, 4), (3.0, 3)], [[0.0, 2.0, 4.0, 6.0], [3.0, 5.0, 7.0]]),
        # And it goes on: what follows belongs to the run that ended last.
        ([(0.0, 2), (3.0, 2), (30.0, 1)], [[0.0, 2.0], [3.0, 5.0, 30.0]]),
        # Notes that end a segment a little late are no clock that was set back.
        ([(0.0, 1), (1.5, 1)], [[0.0, 1.5]]),
    ],
)
def test_a_clock_that_was_set_back_begins_a_part(
    tmp_path: Path, runs: list[tuple[float, int]], expected: list[list[float]]
) -> None:
    parts = parts_of(shown(tmp_path, *runs))
    begins = [[segment.start - START for segment in part.segments] for part in parts]
    assert begins == expected


def test_runs_of_two_clocks_are_never_mixed(tmp_path: Path) -> None:
    """The second one ends a segment just before the first one began its next."""
    zeros = {0: START, 1: START.plus(-600.0)}
    both = [
        replace(segment, clock=ClockRun(zeros[run], ""))
        for run, begun_s in enumerate((0.0, 3.7))
        for segment in shown(tmp_path, (begun_s, 4))
    ]
    parts = parts_of(sorted(both, key=lambda segment: segment.start))
    begins = [[segment.start - START for segment in part.segments] for part in parts]
    assert begins == [[0.0, 2.0, 4.0, 6.0], pytest.approx([3.7, 5.7, 7.7, 9.7])]
    # Notes of earlier versions do not tell their clock.
    assert len(parts_of([replace(segment, clock=None) for segment in both[:4]])) == 1


def test_a_span_without_pictures_is_refused(tmp_path: Path) -> None:
    record_film(make_film(tmp_path / "film.mp4", 2.0), tmp_path / "ring")
    (part,) = parts_of(segments(tmp_path / "ring", CAMERA, START, END))
    with pytest.raises(RemuxError, match="no picture was recorded"):
        join(part, Utc(0), START.plus(-1.0), tmp_path / "clip.mp4")
    assert not list(tmp_path.glob(".clip*"))


def test_nal_units_are_equal_whatever_their_framing(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", 1.0)
    with av.open(str(film)) as mp4, av.open(str(tmp_path / "raw.h264"), "w") as raw:
        stream = raw.add_stream_from_template(mp4.streams.video[0])
        by_length = []
        for packet in mp4.demux(video=0):
            if packet.size:
                by_length.append(nal_units_sha256(packet, length_prefixed=True))
                packet.stream = stream
                raw.mux(packet)
    assert len(set(by_length)) == 10
    with av.open(str(tmp_path / "raw.h264")) as again:
        by_code = [
            nal_units_sha256(p, length_prefixed=False) for p in again.demux(video=0) if p.size
        ]
    # A raw stream carries its parameter sets before each key picture; the other packets are equal.
    assert by_code[1:] == by_length[1:]


def test_plain_addresses_are_what_the_tests_play() -> None:
    assert PlainUri("file:/a/b.mp4").reveal() == "/a/b.mp4"
