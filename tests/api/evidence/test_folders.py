"""Joined films of a clip: whole whoever asks, and gone when their time is over."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.evidence.folders import EvidenceFolder
from tests.streams.recording.films import CAMERA, START, frames_in, make_film, record_film

SPAN = (START, START.plus(20.0))


def collected(tmp_path: Path) -> EvidenceFolder:
    """Twenty seconds of a camera, kept for alarm 1."""
    record_film(make_film(tmp_path / "film.mp4", 20.0), tmp_path / "ring", segment_s=5.0)
    folder = EvidenceFolder(tmp_path / "ring", tmp_path / "evidence")
    folder.collect(1, CAMERA, SPAN)
    return folder


def test_people_who_play_a_clip_at_once_all_get_a_whole_film(tmp_path: Path) -> None:
    folder = collected(tmp_path)
    ((part, version),) = folder.parts(1, CAMERA, SPAN)

    def play(_: int) -> Path:
        return folder.joined(1, CAMERA, part, SPAN, version)

    with ThreadPoolExecutor(4) as people:
        films = set(people.map(play, range(4)))
    (film,) = films
    assert frames_in(film) == 200
    assert list(film.parent.iterdir()) == [film]


def test_a_film_that_a_kill_cut_short_goes_with_its_alarm_or_after_its_time(tmp_path: Path) -> None:
    folder = collected(tmp_path)
    joined = folder.root / "joined"
    joined.mkdir()
    names = [f".1-{CAMERA}-a.mp4.b.part", f".12-{CAMERA}-a.mp4.b.part", f"12-{CAMERA}-a.mp4"]
    for name in names:
        (joined / name).write_bytes(b"pictures")
        os.utime(joined / name, (START.ns / 1e9, START.ns / 1e9))
    folder.delete_alarm(1)
    assert sorted(path.name for path in joined.iterdir()) == names[1:]
    folder.forget_joined(START.plus(3_000.0))
    assert len(list(joined.iterdir())) == 2
    folder.forget_joined(START.plus(4_000.0))
    assert list(joined.iterdir()) == []


def test_a_clip_that_grows_leaves_no_film_for_each_viewing(tmp_path: Path) -> None:
    folder = collected(tmp_path)

    def film_until(end_s: float) -> Path:
        span = (START, START.plus(end_s))
        ((part, version),) = folder.parts(1, CAMERA, span)
        return folder.joined(1, CAMERA, part, span, version)

    first, second = film_until(8.0), film_until(12.0)
    for film in (first, second):
        old_s = film.stat().st_mtime - 400.0
        os.utime(film, (old_s, old_s))
    # Somebody still plays the second one.
    version = second.stem.rpartition("-")[2]
    assert folder.made(1, CAMERA, version) == second
    third = film_until(16.0)
    assert sorted(second.parent.iterdir()) == sorted([second, third])
    assert folder.made(1, CAMERA, first.stem.rpartition("-")[2]) is None


def test_scraps_of_exports_go_and_packages_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = EvidenceFolder(tmp_path / "ring", tmp_path / "evidence")
    folder.forget_scraps()
    package = folder.export_file(7)
    film = package.parent / "export-abc" / "cam-1.mp4"
    draft = package.with_name(".8.zip.part")
    film.parent.mkdir(parents=True)
    for path in (package, film, draft):
        path.write_bytes(b"pictures")

    def refuse(self: Path, *, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", refuse)
        folder.forget_scraps()
    assert (film.exists(), draft.exists()) == (False, True)
    folder.forget_scraps()
    assert list(package.parent.iterdir()) == [package]
