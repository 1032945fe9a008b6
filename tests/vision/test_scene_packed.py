"""People who walk so close together that heads and a density map both tell of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from shapely.geometry import box

from config.profiles import load_profiles
from tests.vision.scene_cases import BESIDE, FACING, STAIR, as_map, frame, heads, scene
from vision.arrays import Float64Array, UInt8Array
from vision.geometry.camera import Camera, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Line, Zone, ZoneType
from vision.observations import CrowdObservation, DensityMap, HeadPoints
from vision.risk.doors import DoorState, Leaf
from vision.risk.readings import Level, ZoneReading
from vision.scene import SceneAnalyser

PACE_MPS = 0.3
_M_PER_PX = 0.025
_NOISE = np.random.default_rng(3).uniform(0, 255, (800, 1600)).astype(np.float32)
_CLOTH = cv2.normalize(cv2.GaussianBlur(_NOISE, (0, 0), 3), None, 20, 235, cv2.NORM_MINMAX)  # type: ignore[call-overload]
GATE = Zone(
    "gate-a",
    "f1",
    ZoneType.GATE,
    box(0, 0, 8, 4),
    Plane(0.0, 0.0, 0.0),
    1.35,
    width_m=4.0,
    axis_deg=0.0,
    exits=(Line("gate", (8.0, 0.0), (8.0, 4.0)),),
)
BEFORE_GATE = Camera(Pose(13.0, 2.0, 5.0, 180, 26), FACING.lens)
ALONG_GATE = Camera(Pose(4.0, -5.5, 6.5, 90, 32), FACING.lens)


def nine(t: float) -> Float64Array:
    """They walk down in three rows, 0.62 m apart: 2.5 per m² at most."""
    row, lane = np.divmod(np.arange(9), 3)
    return np.column_stack([0.2 + PACE_MPS * t + 0.62 * row, 0.6 + 0.62 * lane])


def picture(camera: Camera, t: float, scale: float = 1.0, below_y_m: float = 3.0) -> UInt8Array:
    """All that is seen on the plane of the heads moves with them, below a line of the plan.

    `scale`: of the lens' size.
    """

    def walked_m(xy_m: Float64Array) -> Float64Array:
        return np.where(xy_m[:, 1:2] < below_y_m, PACE_MPS * t, 0.0) * [1.0, 0.0]

    return cloth(camera, STAIR, walked_m, scale)


def cloth(
    camera: Camera,
    zone: Zone,
    walked_m: Callable[[Float64Array], Float64Array],
    scale: float = 1.0,
) -> UInt8Array:
    """A cloth over the heads of a zone, each place of which (N, 2) has `walked_m` (N, 2)."""
    v, u = np.mgrid[0:360:2, 0:640:2].astype(np.float64)
    xy_m = camera.to_plane(np.column_stack([u.ravel(), v.ravel()]), zone.head_plane)
    at = np.nan_to_num(xy_m - walked_m(xy_m)) / _M_PER_PX
    across, up = (np.mod(at[:, n], side).reshape(u.shape) for n, side in ((0, 1600), (1, 800)))
    grey = cv2.remap(_CLOTH, across.astype(np.float32), up.astype(np.float32), cv2.INTER_LINEAR)
    sized = cv2.resize(grey, (round(640 * scale), round(360 * scale))).astype(np.uint8)
    return np.repeat(sized[:, :, None], 3, axis=2)


def found(camera: Camera, t: float, scale: float) -> CrowdObservation:
    density = spread(nine(t), camera, scale)
    return CrowdObservation(heads(nine(t), camera, scale=scale).heads, density, 0.05)


def spread(
    people_xy_m: Float64Array, camera: Camera, scale: float = 1.0, zone: Zone = STAIR
) -> DensityMap:
    sharp = as_map(people_xy_m, camera, zone).density
    assert sharp is not None
    cells = cv2.GaussianBlur(sharp.people_per_cell, (0, 0), 2.0)
    return DensityMap(np.asarray(cells, np.float32), 4.0 * scale, 4.0 * scale)


def walking_down(
    cameras: dict[str, Camera],
    every_s: float,
    shut_m: float,
    scale: float = 1.0,
    *,
    by_map_alone: bool = False,
) -> list[ZoneReading]:
    """Five seconds of nine people, before a foot of which so many metres are shut."""
    analyser = SceneAnalyser(
        cameras=cameras,
        zones=[STAIR],
        zone_cameras={STAIR.id: tuple(cameras)},
        profiles=load_profiles(),
        leaves={"f1": [Leaf("leaf", (3.6, 0.0), (3.6, shut_m))]},
    )
    analyser.note_doors({"leaf": DoorState.SHUT})
    told: list[ZoneReading] = []
    for step in range(round(5.0 / every_s)):
        t = step * every_s
        for camera_id, camera in cameras.items():
            seen = dataclasses.replace(frame(t, camera_id), image_bgr=picture(camera, t, scale))
            people = found(camera, t, scale)
            if by_map_alone:
                full = dataclasses.replace(HeadPoints.none(), saturated=True)
                people = dataclasses.replace(people, heads=full)
            told += analyser.observe(seen, people)
    return told


@pytest.mark.parametrize(
    ("cameras", "every_s"),
    [
        ({"cam-a": FACING}, 0.2),
        ({"cam-a": FACING, "cam-b": BESIDE}, 0.2),
        ({"cam-a": FACING}, 0.8),  # too seldom for the movement of the map: heads are all there is
    ],
)
def test_packed_people_who_come_to_an_exit_are_as_many_as_they_are(
    cameras: dict[str, Camera], every_s: float
) -> None:
    """Nine within eight seconds over 3 m, however many cells and cameras tell of them."""
    told = walking_down(cameras, every_s, 2.0)
    measured = told[-1].measurement
    assert measured is not None
    assert measured.people == pytest.approx(9.0, abs=0.5)
    assert measured.arriving_per_m_s == pytest.approx(9 / 8 / 3, abs=0.05)
    # A third of 3 m is open, and lets through 0.26 per metre of the whole.
    assert told[-1].level is Level.L2
    assert "shut_door" in {reason.rule for reason in told[-1].reasons}


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_the_pace_of_packed_people_is_that_on_the_plan_whatever_the_stream_s_size(
    scale: float,
) -> None:
    """By their density map and its movement alone, as where heads are too many to be listed."""
    told = walking_down({"cam-a": FACING}, 0.2, 1.0, scale, by_map_alone=True)
    measured = told[-1].measurement
    assert measured is not None
    assert measured.speed_mps == pytest.approx(PACE_MPS, abs=0.05)
    assert measured.people == pytest.approx(9.0, abs=0.5)
    assert measured.arriving_per_m_s == pytest.approx(9 / 8 / 3, abs=0.05)


def test_a_leaf_that_leaves_packed_people_room_enough_is_no_alarm() -> None:
    """Two thirds are open: for 0.51 per metre, where 0.38 come."""
    told = walking_down({"cam-a": FACING}, 0.2, 1.0)
    assert told[-1].measurement is not None
    assert told[-1].measurement.exit_open_share == pytest.approx(2 / 3)
    assert not any(reason.rule == "shut_door" for one in told for reason in one.reasons)


def test_who_comes_up_against_a_packed_class_is_as_many_of_those_who_walk_as_of_the_people() -> (
    None
):
    """Four in file against nine: two classes meet, whatever number of cells the nine fill."""
    analyser = scene()
    told: list[ZoneReading] = []
    for step in range(30):
        t = step * 0.2
        down = nine(t) * [1.0, 0.8] - [0.0, 0.2]
        file = np.arange(4)
        up = np.column_stack([2.5 - 0.4 * t + 0.9 * file, 2.4 + 0.3 * (file % 2)])
        people = heads(np.vstack([down, up])).heads
        seen = dataclasses.replace(frame(t), image_bgr=picture(FACING, t, below_y_m=1.75))
        told += analyser.observe(seen, CrowdObservation(people, spread(down, FACING), 0.05))
    shares = [one.measurement.minority_share for one in told if one.measurement is not None]
    assert shares[-1] == pytest.approx(4 / 13, abs=0.06)


def queue_and_comers(t: float) -> Float64Array:
    """Sixteen stand before the gate, 3.5 per m²; twelve walk in the room behind them."""
    row, lane = np.divmod(np.arange(16), 4)
    stand = np.column_stack([5.9 + 0.56 * lane, 1.2 + 0.56 * row])
    walker = np.arange(12)
    x_m = np.mod(1.3 * (walker // 3) + 2.0 * PACE_MPS * t, 5.2)
    return np.vstack([stand, np.column_stack([x_m, 0.6 + 1.3 * (walker % 3)])])


@pytest.mark.parametrize(
    "cameras",
    [
        {"cam-a": BEFORE_GATE},
        {"cam-b": ALONG_GATE},
        {"cam-a": BEFORE_GATE, "cam-b": ALONG_GATE},
    ],
)
def test_of_a_packed_queue_and_a_few_who_come_most_stand_though_these_take_more_room(
    cameras: dict[str, Camera],
) -> None:
    """16 of 28 stand close together: that is a queue that stands, and an alarm."""
    analyser = scene(cameras, GATE)
    told: list[ZoneReading] = []
    for step in range(75):
        t = step * 0.2
        for camera_id, camera in cameras.items():

            def walked_m(xy_m: Float64Array, t: float = t) -> Float64Array:
                return np.where(xy_m[:, :1] < 5.5, 2.0 * PACE_MPS * t, 0.0) * [1.0, 0.0]

            seen = dataclasses.replace(frame(t, camera_id), image_bgr=cloth(camera, GATE, walked_m))
            people = queue_and_comers(t)
            density = spread(people, camera, zone=GATE)
            found_heads = heads(people, camera, GATE).heads
            told += analyser.observe(seen, CrowdObservation(found_heads, density, 0.05))
    measured = told[-1].measurement
    assert measured is not None
    assert measured.people == pytest.approx(28.0, abs=1.5)
    assert measured.stopped_share == pytest.approx(16 / 28, abs=0.04)
    assert measured.speed_mps == pytest.approx(0.0, abs=0.05)
    assert told[-1].level is Level.L3
    assert "slow_dense_queue" in {reason.rule for reason in told[-1].reasons}
