"""What is kept of a camera's health: whole, or as good as nothing."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.cameras.health_memory import HealthMemory, Remembered
from vision.health.features import Baseline, Mode
from vision.instants import Utc

NOON = Utc.from_iso("2026-09-01T12:00:00Z")
DAY = Baseline(
    mode=Mode.DAY,
    sharpness=12.5,
    luminance=0.4,
    noise=0.01,
    cast=0.02,
    tile_variation=np.linspace(0.0, 1.0, 64).reshape(8, 8),
    points_uv_px=np.array([[3.5, 7.25], [11.0, 2.0]], np.float32),
    descriptors=np.arange(64, dtype=np.uint8).reshape(2, 32),
    width_px=320,
    height_px=180,
    confirmed_by="he",
)
# The central directory's entry of the first member: versions, flags, way of packing.
_ENTRY = b"PK\x01\x02"
_VERSION_NEEDED, _FLAGS, _PACKED, _CRC = 6, 8, 10, 16


def kept_file(folder: Path) -> Path:
    HealthMemory(folder).save("cam", Remembered().with_baseline(DAY, NOON))
    return folder / "cam.npz"


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    memory = HealthMemory(tmp_path)
    night = replace(DAY, mode=Mode.INFRARED, luminance=0.1, confirmed_by="")
    kept = Remembered().with_baseline(DAY, NOON).with_baseline(night, NOON.plus(60.0))
    kept = replace(kept, suspended_since=NOON.plus(90.0))
    memory.save("cam", kept)
    found = memory.load("cam")
    assert found.learnt_at == {Mode.DAY: NOON, Mode.INFRARED: NOON.plus(60.0)}
    assert found.suspended_since == NOON.plus(90.0)
    for mode, baseline in kept.baselines.items():
        for name in Baseline.__slots__:
            np.testing.assert_array_equal(
                getattr(found.baselines[mode], name), getattr(baseline, name), strict=True
            )
    memory.save("cam", found.without_baselines())
    assert memory.load("cam").baselines == {}
    assert memory.load("cam").suspended_since == NOON.plus(90.0)
    assert memory.load("another") == Remembered()


@pytest.mark.parametrize(
    ("place", "bit"),
    [
        (_VERSION_NEEDED, 0x80),  # to be read by a later program only
        (_FLAGS, 0x01),  # locked by a password
        (_PACKED, 0x40),  # packed in an unknown way
        (_CRC, 0x01),
        (0, 0xFF),  # no entry at all
    ],
)
def test_one_damaged_byte_is_as_good_as_no_file_and_ends_no_worker(
    tmp_path: Path, place: int, bit: int
) -> None:
    """A worker that ended here would end at each start, and none of its cameras be watched."""
    path = kept_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[content.index(_ENTRY) + place] ^= bit
    path.write_bytes(content)
    assert HealthMemory(tmp_path).load("cam") == Remembered()


@pytest.mark.parametrize("length", [0, 1, 100, 1_000])
def test_a_file_that_is_cut_short_is_as_good_as_none(tmp_path: Path, length: int) -> None:
    path = kept_file(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    assert HealthMemory(tmp_path).load("cam") == Remembered()


def test_a_file_of_another_format_or_without_a_part_is_as_good_as_none(tmp_path: Path) -> None:
    path = kept_file(tmp_path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for changed in (
        {"head": np.array(str(arrays["head"]).replace('"format": 2', '"format": 1'))},
        {"head": np.array("[]")},
        {"head": np.array('{"format": 2, "modes": [], "suspended_ns": null}')},
    ):
        np.savez(path, **(arrays | changed))
        assert HealthMemory(tmp_path).load("cam") == Remembered()
    np.savez(path, head=arrays["head"])
    assert HealthMemory(tmp_path).load("cam") == Remembered()
    assert zipfile.is_zipfile(path)


def test_a_disk_that_takes_nothing_stops_no_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    HealthMemory(tmp_path / "file").save("cam", Remembered())
    assert HealthMemory(tmp_path / "file").load("cam") == Remembered()
