"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config import whole_files
from config.whole_files import replace_whole, write_once


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_new_file_and_its_folder_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    replace_whole(path, b"one")
    assert path.read_bytes() == b"one"
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(path.parent) == ["b.json"]


def test_an_old_file_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    path.chmod(0o604)
    replace_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o604
    replace_whole(path, b"three", mode=0o600, durable=False)
    assert path.read_bytes() == b"three"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_link_points_to_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"one")
    link = tmp_path / "link"
    link.symlink_to(target)
    replace_whole(link, b"two")
    assert link.is_symlink()
    assert target.read_bytes() == b"two"


def test_a_write_that_fails_leaves_the_old_content_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_whole(path, b"two")
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a"]


def test_of_two_writers_the_first_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_once(path, b"one", mode=0o600)
    write_once(path, b"two", mode=0o600)
    assert path.read_bytes() == b"one"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["key"]


def test_drafts_that_a_killed_process_left_are_swept_once_they_are_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_files, "_swept", set())
    old, young, other = (tmp_path / n for n in (".key.draft-aa", ".key.draft-bb", ".key.keep"))
    for path in (old, young, other):
        path.write_bytes(b"secret")
    for path in (old, other):
        os.utime(path, (0, 0))
    replace_whole(tmp_path / "another", b"one")
    assert sorted(names(tmp_path)) == [".key.draft-bb", ".key.keep", "another"]
    os.utime(young, (0, 0))
    replace_whole(tmp_path / "another", b"two")
    assert ".key.draft-bb" in names(tmp_path)
