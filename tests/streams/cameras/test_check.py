"""The check of one camera in simulated time: learning, faults, suspension, what is kept."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from streams.cameras.check import Arrivals, CameraCheck, CheckedCamera, Checkup, Hiding
from streams.cameras.health_memory import HealthMemory
from vision.arrays import UInt8Array
from vision.geometry.camera import Camera, Lens, Pose
from vision.health.fault_course import Fault
from vision.health.features import Mode
from vision.instants import Utc
from vision.observations import Frame

START = Utc.from_iso("2026-09-01T08:00:00Z")
VIEW = Camera(Pose(0.0, 0.0, 3.0, 90.0, 20.0), Lens.from_hfov(480, 360, 62.0))


def room(seed: int = 0) -> UInt8Array:
    """Boxes of many colours on grey, 480 x 360."""
    rng = np.random.default_rng(seed)
    picture = np.full((360, 480, 3), 120, np.uint8)
    for _ in range(160):
        x, y = (int(v) for v in rng.integers(0, [480, 360]))
        wide, high = (int(v) for v in rng.integers(8, 60, 2))
        colour = tuple(int(v) for v in rng.integers(0, 255, 3))
        cv2.rectangle(picture, (x, y), (x + wide, y + high), colour, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), dtype=np.uint8)


ROOM = room()
NOISE = [np.random.default_rng(seed).normal(0, 2, ROOM.shape) for seed in range(4)]


def shifted(share: float) -> UInt8Array:
    move = np.array([[1, 0, 480 * share], [0, 1, 0]], np.float32)
    moved = cv2.warpAffine(ROOM, move, (480, 360), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.uint8)


def half_covered() -> UInt8Array:
    picture = ROOM.copy()
    picture[:, :300] = 90
    return picture


class Bench:
    """One camera that gives a picture each five seconds."""

    def __init__(self, folder: Path, *, live: bool = True) -> None:
        self.memory = HealthMemory(folder)
        self.t_s, self.sequence, self.pictures, self.live = 0.0, 0, 0, live
        self.rng = np.random.default_rng(1)
        self.start()

    def start(self) -> None:
        """As a new worker does."""
        self.check = CameraCheck(
            CheckedCamera("cam", VIEW, self.live), self.memory, lambda: Arrivals(self.pictures)
        )

    def play(
        self, picture: UInt8Array, seconds: float, *, frozen: bool = False, fps: float = 25.0
    ) -> list[Checkup]:
        told = []
        for _ in range(round(seconds / 5.0)):
            noise = 0 if frozen else NOISE[int(self.rng.integers(len(NOISE)))]
            if picture.shape != ROOM.shape:
                noise = 0
            # Each picture differs by a bit of its own; equal noise must not look frozen.
            image = np.clip(picture + noise, 0, 255).astype(np.uint8)
            image[0, 0] = 0 if frozen else self.sequence % 256
            frame = Frame("cam", self.sequence, START.plus(self.t_s), image)
            found = self.check.look(frame)
            if found is not None:
                told.append(found)
            self.t_s, self.sequence = self.t_s + 5.0, self.sequence + 1
            self.pictures += round(5.0 * fps)
        return told


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    told = made.play(ROOM, 145.0)
    (learnt,) = (one.learnt for one in told if one.learnt is not None)
    # Fifteen pictures, one each ten seconds: the last one at 140 s.
    assert learnt.at == START.plus(140.0)
    assert learnt.mode is Mode.DAY
    assert learnt.watches_movement
    return made


def faults(told: list[Checkup]) -> set[Fault]:
    return {one.fault for checkup in told for one in checkup.faults}


def test_a_healthy_camera_is_told_once_a_minute(bench: Bench) -> None:
    told = bench.play(ROOM, 300.0)
    assert faults(told) == set()
    assert 4 <= len(told) <= 6
    assert bench.check.hiding is None
    assert all(not checkup.jpeg for checkup in told)


def test_a_moved_camera_is_suspended_until_a_person_confirms(bench: Bench) -> None:
    told = bench.play(shifted(0.06), 40.0)
    (opened,) = (checkup for checkup in told if checkup.jpeg)
    assert faults(told) == {Fault.MOVED}
    assert opened.at - opened.faults[0].since == pytest.approx(20.0)
    assert opened.observed is not None
    # 6 % of 480 px at f = 399.4 px: the picture went right, so the camera turned left by 4.1
    # degrees across the axis; 20 degrees below the horizon that is 4.4 degrees of pan.
    assert opened.observed.pan_deg == pytest.approx(90.0 + 4.4, abs=0.4)
    assert bench.check.hiding == Hiding("moved", whole=True)
    # Turned back by itself: still suspended, and so after a new start of the worker.
    told = bench.play(ROOM, 60.0)
    assert told[-1].faults == ()
    assert told[-1].suspended_since == opened.suspended_since is not None
    bench.start()
    assert bench.check.hiding == Hiding("moved", whole=True)
    bench.check.resume()
    assert not bench.check.hiding
    assert bench.play(ROOM, 30.0)[0].suspended_since is None


def test_confirming_a_new_view_learns_it(bench: Bench) -> None:
    bench.play(shifted(0.06), 40.0)
    bench.check.resume()
    told = bench.play(shifted(0.06), 200.0)
    assert faults(told) == set()
    assert [one.learnt is not None for one in told].count(True) == 1


def test_a_covered_camera_hides_only_calm(bench: Bench) -> None:
    told = bench.play(half_covered(), 40.0)
    assert faults(told) == {Fault.COVERED}
    assert bench.check.hiding == Hiding("covered", whole=False)
    bench.play(ROOM, 60.0)
    assert not bench.check.hiding


def test_a_frozen_picture_hides_everything(bench: Bench) -> None:
    told = bench.play(ROOM, 60.0, frozen=True)
    assert faults(told) == {Fault.FROZEN}
    assert bench.check.hiding == Hiding("frozen", whole=True)


@pytest.mark.parametrize(("live", "expected"), [(True, {Fault.LOW_FPS}), (False, set())])
def test_fewer_pictures_than_usual(tmp_path: Path, live: bool, expected: set[Fault]) -> None:
    made = Bench(tmp_path, live=live)
    made.play(ROOM, 400.0)
    assert faults(made.play(ROOM, 60.0, fps=12.0)) == expected


def test_a_dark_picture_teaches_nothing(tmp_path: Path) -> None:
    made = Bench(tmp_path)
    told = made.play(np.asarray(ROOM // 16, dtype=np.uint8), 300.0)
    assert faults(told) == {Fault.DARK}
    assert all(checkup.learnt is None for checkup in told)


def test_a_baseline_is_kept_and_confirmed(bench: Bench, tmp_path: Path) -> None:
    learnt_at = START.plus(140.0)
    bench.check.confirm(Mode.DAY, START, "somebody")
    assert bench.memory.load("cam").baselines[Mode.DAY].confirmed_by == ""
    bench.check.confirm(Mode.DAY, learnt_at, "张老师")
    kept = HealthMemory(tmp_path).load("cam")
    assert kept.baselines[Mode.DAY].confirmed_by == "张老师"
    assert kept.learnt_at[Mode.DAY] == learnt_at
    bench.check.relearn()
    assert bench.memory.load("cam").baselines == {}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"not an archive"])
def test_a_torn_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cam.npz").write_bytes(content)
    kept = HealthMemory(tmp_path).load("cam")
    assert kept.baselines == {}
    assert kept.suspended_since is None


def test_another_picture_size_starts_anew(bench: Bench) -> None:
    wide = np.asarray(cv2.resize(ROOM, (640, 360)), dtype=np.uint8)
    assert faults(bench.play(wide, 60.0)) == set()
    assert bench.memory.load("cam").baselines == {}
