"""People at the border between the places of two cameras that look at each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from tests.vision.scene_cases import LENS, frame, scene
from tests.vision.test_scene_doubt import CORRIDOR
from vision.arrays import BoolArray, Float64Array
from vision.crowd.seams import Placed, regained
from vision.geometry.camera import Camera, Pose
from vision.geometry.grid import CELL_M, PlanGrid
from vision.observations import CrowdObservation, DensityMap, HeadPoints
from vision.risk.readings import Level, ZoneReading

HALL = dataclasses.replace(CORRIDOR, polygon_xy_m=box(0, 0, 10, 3))
# Each 6 m from the middle, where their turns change, and 1.65 m above the head plane.
TO_EAST = Camera(Pose(-1.0, 1.5, 3.0, 0, 25), LENS)
TO_WEST = Camera(Pose(11.0, 1.5, 3.0, 180, 25), LENS)
BOTH = {"cam-a": TO_EAST, "cam-b": TO_WEST}
_X, _Y = np.meshgrid(np.linspace(4.5, 5.5, 4), np.linspace(1.0, 2.0, 4))
CRUSH = np.column_stack([_X.ravel(), _Y.ravel()])
NOBODY = np.zeros((0, 2))


def seen_by(
    camera: Camera, people_xy_m: Float64Array, rise_m: float = 0.0, *, as_map: bool = False
) -> CrowdObservation:
    """What a perfect network says of people whose heads are `rise_m` above the zone's plane."""
    plane_m = HALL.head_plane.z_at(people_xy_m)
    uv_px, inside = camera.project(np.column_stack([people_xy_m, plane_m + rise_m]))
    found = uv_px[inside].astype(np.float32)
    if as_map:
        cells = np.zeros((90, 160), np.float32)
        for u, v in found:
            cells[int(v // 4), int(u // 4)] += 1.0
        return CrowdObservation(HeadPoints.none(), DensityMap(cells, 4.0, 4.0), 0.05)
    sizes_px = np.full(len(found), np.nan, np.float32)
    return CrowdObservation(
        HeadPoints(found, sizes_px, np.full(len(found), 0.95, np.float32)), None, 0.05
    )


def told(seen: dict[str, CrowdObservation], lasts_s: float = 10.0) -> ZoneReading:
    """The last reading after `lasts_s` of the same pictures, two a second."""
    analyser = scene({camera_id: BOTH[camera_id] for camera_id in seen}, HALL)
    for step in range(round(lasts_s / 0.5)):
        for camera_id, observation in seen.items():
            (reading,) = analyser.observe(frame(step * 0.5, camera_id), observation)
    return reading


@pytest.mark.parametrize("as_map", [False, True])
@pytest.mark.parametrize("rise_m", [0.0, 0.05, 0.1, 0.15, 0.2])
def test_a_crush_that_either_camera_sees_is_none_that_both_together_miss(
    rise_m: float, as_map: bool
) -> None:
    seen = {
        camera_id: seen_by(camera, CRUSH, rise_m, as_map=as_map)
        for camera_id, camera in BOTH.items()
    }
    for alone in BOTH:
        measured = told({alone: seen[alone]}, 0.5).measurement
        assert measured is not None
        assert measured.people > 13.0
    together = told(seen)
    assert together.level.severity >= Level.L3.severity
    assert together.measurement is not None
    assert 10.0 <= together.measurement.people <= 18.0


def test_neighbours_in_a_crush_are_not_one_head_for_standing_near() -> None:
    """They stand 0.33 m apart, and the border runs between them."""
    together = told({one: seen_by(camera, CRUSH) for one, camera in BOTH.items()}, 0.5)
    assert together.measurement is not None
    assert together.measurement.people == 16.0


@pytest.mark.parametrize("rise_m", [0.0, 0.15])
def test_who_walks_from_one_camera_s_place_into_the_other_s_is_never_nobody(rise_m: float) -> None:
    """The two cameras take their pictures by turns."""
    analyser = scene(BOTH, HALL)
    people: list[float] = []
    for step in range(40):
        t = step * 0.1
        camera_id = ("cam-a", "cam-b")[step % 2]
        walker = np.array([[3.0 + t, 1.5]])
        (reading,) = analyser.observe(frame(t, camera_id), seen_by(BOTH[camera_id], walker, rise_m))
        assert reading.measurement is not None
        people.append(reading.measurement.people)
    assert min(people[1:]) == 1.0
    assert max(people) <= 2.0


@pytest.mark.parametrize(("count", "as_map"), [(4, False), (45, False), (120, False), (120, True)])
def test_a_crowd_all_over_is_not_counted_twice(count: int, as_map: bool) -> None:
    """A map does not count where few stand."""
    people = np.random.default_rng(2).uniform([0.3, 0.2], [9.7, 2.8], (count, 2))
    seen = {one: seen_by(camera, people, as_map=as_map) for one, camera in BOTH.items()}
    measured = told(seen, 0.5).measurement
    assert measured is not None
    assert measured.people == pytest.approx(count, rel=0.15 if as_map else 0.05)


def test_what_only_the_worse_camera_sees_far_off_stays_uncounted() -> None:
    """Posters that one network takes for heads; the camera that hangs before them finds nobody."""
    posters = CRUSH + np.array([3.0, 0.0])
    seen = {"cam-a": seen_by(TO_EAST, posters), "cam-b": seen_by(TO_WEST, NOBODY)}
    measured = told(seen, 0.5).measurement
    assert measured is not None
    assert measured.people == 0.0


def test_a_packed_crowd_that_one_of_two_cameras_alone_sees_is_counted_from_its_map() -> None:
    """`cam-a` looks away from it."""
    behind = CRUSH - np.array([3.5, 0.0])
    away = Camera(Pose(4.0, 1.5, 3.0, 0, 40), LENS)
    analyser = scene({"cam-a": away, "cam-b": TO_WEST}, HALL)
    analyser.observe(frame(0.0), seen_by(away, behind, as_map=True))
    (reading,) = analyser.observe(frame(0.1, "cam-b"), seen_by(TO_WEST, behind, as_map=True))
    assert reading.measurement is not None
    assert reading.measurement.people == pytest.approx(16.0, rel=0.1)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_on_a_large_yard_around_no_place_fewer_count_than_two_cameras_show(seed: int) -> None:
    """Groups 12 m apart, each shown by two cameras a little off; some of them count already."""
    random = np.random.default_rng(seed)
    yard = PlanGrid.over(box(0, 0, 60, 48))
    corners_xy_m = np.array([(12.0 * x, 12.0 * y) for x in range(5) for y in range(4)])
    groups = []
    for corner in corners_xy_m[random.permutation(20)[:4]]:
        people = corner + random.uniform(4.5, 6.5, (int(random.integers(1, 9)), 2))
        groups += [people + random.normal(0.0, 0.3, people.shape) for _ in range(2)]
    xy_m = np.concatenate(groups)
    origin = np.concatenate([np.full(len(one), n % 2) for n, one in enumerate(groups)])
    counts = random.random(len(xy_m)) < 0.3
    cell = yard.cell_of(xy_m)
    kept = regained(yard, Placed(cell, np.ones(len(xy_m)), origin, counts), (0, 1))

    def around(which: BoolArray) -> Float64Array:
        """By the common area of two discs of 1 m, which is that of one for the place itself."""
        per_cell = np.bincount(cell[which], minlength=yard.area_m2.size).astype(np.float64)
        twice = yard.disc_sum(yard.disc_sum(per_cell.reshape(yard.shape)))
        return twice * CELL_M**2 / np.pi

    both = np.minimum(around(origin == 0), around(origin == 1))
    assert (both - around(kept)).max() < 0.5 + 1e-6
    assert (kept >= counts).all()


YARD = PlanGrid.over(box(0, 0, 60, 48))


def placed(grid: PlanGrid, *shown: tuple[Float64Array, int, bool]) -> Placed:
    """Heads of some cameras: where they stand, who shows them, and whether they count."""
    return Placed(
        grid.cell_of(np.concatenate([xy_m for xy_m, _, _ in shown])),
        np.ones(sum(len(xy_m) for xy_m, _, _ in shown)),
        np.concatenate([np.full(len(xy_m), camera) for xy_m, camera, _ in shown]),
        np.concatenate([np.full(len(xy_m), counts) for xy_m, _, counts in shown]),
    )


@pytest.mark.parametrize("size_m", [(12, 8), (60, 48)])
def test_who_stands_out_of_reach_of_those_that_are_missing_does_not_come_with_them(
    size_m: tuple[float, float],
) -> None:
    """Two are missing; five metres off one camera shows twenty whom another one counts."""
    grid = PlanGrid.over(box(0, 0, *size_m))
    two = np.array([[3.1, 4.1], [3.6, 4.1]])
    others = 0.4 * np.column_stack(np.divmod(np.arange(20), 5)) + [8.6, 3.1]
    heads = placed(grid, (two, 0, False), (two, 1, False), (others, 0, False), (others, 1, True))
    kept = regained(grid, heads, (0, 1))
    assert kept.sum() == 22
    assert kept[:4].sum() == 2


@pytest.mark.parametrize("size_m", [(12, 8), (60, 48)])
def test_whom_two_cameras_miss_where_nobody_may_be_regained_stays_uncounted(
    size_m: tuple[float, float],
) -> None:
    """Those who may be are elsewhere, and count there."""
    grid = PlanGrid.over(box(0, 0, *size_m))
    three = np.array([[0.6, 0.6], [0.9, 0.6], [0.6, 0.9]])
    far = three + np.array([6.0, 3.0])
    heads = placed(grid, (three, 0, False), (three, 1, False), (far, 0, False), (far, 1, True))
    may = np.arange(12) >= 6
    kept = regained(grid, heads, (0, 1), may)
    assert (kept == heads.counts).all()


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_a_group_counts_on_a_large_yard_as_it_does_in_a_small_place(seed: int) -> None:
    """Of the yard only the parts are looked at where somebody may be missing."""
    random = np.random.default_rng(seed)
    small = PlanGrid.over(box(0, 0, 12, 8))
    people = random.uniform([3.0, 3.0], [9.0, 5.0], (int(random.integers(4, 24)), 2))
    shown = [np.clip(people + random.normal(0.0, 0.4, people.shape), 2.5, 9.5) for _ in range(3)]
    counts = random.random(len(people)) < 0.3
    in_small = placed(small, *((xy_m, camera, False) for camera, xy_m in enumerate(shown)))
    on_yard = placed(YARD, *((xy_m + 21.0, camera, False) for camera, xy_m in enumerate(shown)))
    few = np.tile(counts, 3)
    kept = regained(small, dataclasses.replace(in_small, counts=few), range(3))
    assert (kept == regained(YARD, dataclasses.replace(on_yard, counts=few), range(3))).all()


def people_of_all_heights(seed: int, cameras: list[Camera]) -> tuple[Placed, int]:
    """Heads 0.1 m above or below the plane, one in ten missed; how many some camera shows."""
    random = np.random.default_rng(seed)
    yard = PlanGrid.over(box(0, 0, 30, 20))
    xy_m = random.uniform([0.5, 0.5], [29.5, 19.5], (100, 2))
    heads_xyz_m = np.column_stack([xy_m, HALL.head_height_m + random.normal(0.0, 0.1, 100)])
    cells_xyz_m = np.column_stack(
        [yard.centres_xy_m, np.full(len(yard.centres_xy_m), HALL.head_height_m)]
    )
    shown, near, whom = [], [], set[int]()
    for camera in cameras:
        uv_px, inside = camera.project(heads_xyz_m)
        found = np.flatnonzero(inside & (random.random(100) < 0.9))
        there = camera.to_plane(uv_px[found], HALL.head_plane)
        whom |= set(found.tolist())
        shown.append(there[yard.cell_of(there) >= 0])
        away_m = np.linalg.norm(cells_xyz_m - camera.position_xyz_m, axis=1)
        near.append(np.where(camera.project(cells_xyz_m)[1], away_m, np.inf))
    owner = np.argmin(near, axis=0)
    heads = placed(yard, *((there, n, False) for n, there in enumerate(shown)))
    return dataclasses.replace(heads, counts=owner[heads.cell] == heads.origin), len(whom)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_people_of_all_heights_on_a_yard_are_as_many_as_they_are(count: int) -> None:
    """Each camera places them elsewhere: 0.1 m too high at 20 m is a metre."""
    poses = [(-1.0, 10.0, 0.0), (31.0, 10.0, 180.0), (15.0, -1.0, 90.0), (15.0, 21.0, -90.0)]
    cameras = [Camera(Pose(x_m, y_m, 4.5, pan, 20), LENS) for x_m, y_m, pan in poses[:count]]
    yard, off = PlanGrid.over(box(0, 0, 30, 20)), []
    for seed in range(12):
        heads, people = people_of_all_heights(seed, cameras)
        off.append(regained(yard, heads, range(count)).sum() / people - 1.0)
    assert np.mean(off) == pytest.approx(0.0, abs=0.12)
    assert max(off) < 0.3
