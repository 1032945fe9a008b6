"""What an export decodes of the segments that were kept."""

from __future__ import annotations

import zipfile
from pathlib import Path

import av
import pytest

from api.evidence.export_job import CameraFiles, ExportJob, export, pictures_of
from api.evidence.signing import verify_package
from streams.recording import Segment, parts_of, segments
from streams.recording.muxing import Shapes
from tests.api.evidence.test_redaction import FakeNetwork, seen
from tests.streams.recording.films import CAMERA, START, changing_film, make_film, record_film

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


@pytest.mark.parametrize("redacted", [False, True])
def test_pictures_of_another_size_within_a_segment_are_a_film_of_their_own(
    tmp_path: Path, redacted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As earlier versions recorded them, and as those of a codec without parameter sets are."""
    monkeypatch.setattr(Shapes, "of", lambda *_: None)
    record_film(changing_film(tmp_path), tmp_path / "ring", segment_s=30.0)
    (segment,) = segments(tmp_path / "ring", CAMERA, START, END)
    job = ExportJob(
        (CameraFiles(CAMERA, str(segment.path.parent)),), ((START.ns, END.ns),), redacted,
        ("li",), {}, {}, str(tmp_path), str(tmp_path / "out.zip"),
    )  # fmt: skip
    export(job, FakeNetwork(lambda _: seen([])))
    found = verify_package(tmp_path / "out.zip")
    assert found.good
    assert [film["pictures"] for film in found.manifest["films"]] == [20, 40]
    with zipfile.ZipFile(tmp_path / "out.zip") as package:
        package.extractall(tmp_path / "out")
    widths = []
    for number in (1, 2):
        with av.open(str(tmp_path / "out" / f"{CAMERA}-{number}.mp4")) as film:
            widths.append(film.streams.video[0].width)
    assert widths == [160, 320]
