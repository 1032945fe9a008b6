"""A start on a full disk has room that an earlier start laid aside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog

from api.room_for_a_start import FILE, give_room, lay_aside
from api.run_folder import owned_run_folder
from config.settings import load_settings


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def _disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    def usage(folder: Path) -> _Usage:
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        return _Usage(10**12, 10**12 - free, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)


def test_room_is_laid_aside_once_on_a_disk_with_plenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _disk(monkeypatch, 500_000_000)
    lay_aside(tmp_path)
    assert list(tmp_path.iterdir()) == []
    _disk(monkeypatch, 5_000_000_000)
    lay_aside(tmp_path)
    file = tmp_path / FILE
    made = file.stat()
    assert made.st_blocks * 512 >= made.st_size == 32 * 1024 * 1024
    lay_aside(tmp_path)
    assert file.stat().st_mtime_ns == made.st_mtime_ns


def test_a_start_takes_it_only_on_a_full_disk_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _disk(monkeypatch, 5_000_000_000)
    lay_aside(tmp_path)
    assert not give_room(tmp_path)
    _disk(monkeypatch, 0)
    settings = load_settings(run_dir=tmp_path)
    with structlog.testing.capture_logs() as logs, owned_run_folder(settings):
        assert not (tmp_path / FILE).exists()
    (told,) = logs
    assert told["event"] == "start.disk_is_full"
    assert str(tmp_path) in told["given_up"]
    assert not give_room(tmp_path)


def test_a_folder_that_is_not_there_yet_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _disk(monkeypatch, 0)
    assert not give_room(tmp_path / "new")
    with owned_run_folder(load_settings(run_dir=tmp_path / "new")):
        assert (tmp_path / "new").is_dir()


def test_a_disk_that_refuses_leaves_no_empty_file_that_would_stand_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    _disk(monkeypatch, 5_000_000_000)
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with structlog.testing.capture_logs() as logs:
        lay_aside(tmp_path)
    assert not (tmp_path / FILE).exists()
    assert logs[0]["reason"] == "No space left on device"
