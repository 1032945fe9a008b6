"""What an export decodes of the segments that were kept."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from api.evidence.export_job import pictures_of
from streams.recording import Segment, parts_of, segments
from tests.streams.recording.films import CAMERA, START, make_film, record_film

END = START.plus(20.0)


def spoil(segment: Segment, number: int) -> None:
    """Make one packet of a segment undecodable."""
    with av.open(str(segment.path)) as container:
        packet = [one for one in container.demux(video=0) if one.size][number]
        assert packet.pos is not None
        at, size = packet.pos, packet.size
    content = bytearray(segment.path.read_bytes())
    content[at : at + size] = b"\xff" * size
    segment.path.write_bytes(content)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_all_pictures_come_with_the_time_at_which_they_were_taken(
    tmp_path: Path, b_frames: int
) -> None:
    film = make_film(tmp_path / "film.mp4", 6.0, b_frames=b_frames)
    record_film(film, tmp_path / "ring")
    (part,) = parts_of(segments(tmp_path / "ring", CAMERA, START, END))
    taken = [picture.captured - START for picture in pictures_of(part, START, END)]
    assert taken == pytest.approx([n / 10 for n in range(60)], abs=1e-3)


# The first of ten is the key picture, without which the others of its second are nothing.
@pytest.mark.parametrize(("number", "lost"), [(5, [25]), (0, [*range(20, 30)])])
def test_a_packet_that_cannot_be_decoded_costs_nothing_behind_it(
    tmp_path: Path, number: int, lost: list[int]
) -> None:
    record_film(make_film(tmp_path / "film.mp4", 6.0), tmp_path / "ring")
    found = segments(tmp_path / "ring", CAMERA, START, END)
    spoil(found[1], number)
    (part,) = parts_of(found)
    taken = [picture.captured - START for picture in pictures_of(part, START, END)]
    left = [n / 10 for n in range(60) if n not in lost]
    assert taken == pytest.approx(left, abs=1e-3)
