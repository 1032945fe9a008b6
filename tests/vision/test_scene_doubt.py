"""Cameras that cannot be believed, or are lost, beside others of the same zone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from config.profiles import load_profiles
from tests.vision.scene_cases import (
    BESIDE,
    FACING,
    LENS,
    STAIR,
    START,
    frame,
    heads,
    scene,
    stream,
)
from vision.crowd.zone_view import ZoneView
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Line, Zone, ZoneType
from vision.health.count_sanity import Counts, Sanity, SanityState, judge
from vision.observations import CrowdObservation
from vision.risk.readings import Level, ZoneReading
from vision.scene import SceneAnalyser

NOBODY = np.zeros((0, 2))
_LANES, _ROWS = np.meshgrid(np.linspace(0.15, 3.45, 6), np.linspace(0.2, 2.8, 6))
CROWD = np.column_stack([_LANES.ravel(), _ROWS.ravel()])
CORRIDOR = Zone(
    "corridor", "f1", ZoneType.CORRIDOR, box(0, 0, 20, 3), Plane(0.0), 1.35, width_m=3.0
)
_L_CORNERS = [(0, 0), (12, 0), (12, 15), (9, 15), (9, 3), (0, 3)]
ALONG = Camera(Pose(-3, 1.5, 3.5, 0, 22), LENS)
FAR_END = Camera(Pose(23, 1.5, 3.5, 180, 33), LENS)


@pytest.mark.parametrize("every_s", [0.2, 0.4])
def test_a_covered_camera_does_not_hide_the_crush_that_another_one_sees(every_s: float) -> None:
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    levels = []
    for step in range(150):
        t = step * 0.2
        levels += [one.level for one in analyser.observe(frame(t), heads(NOBODY), "covered")]
        if t % every_s < 0.1:
            seen = heads(CROWD, BESIDE)
            levels += [one.level for one in analyser.observe(frame(t + 0.05, "cam-b"), seen)]
    assert levels[-1] is Level.L4
    assert set(levels[len(levels) // 2 :]) == {Level.L4}


def test_a_crush_that_two_covered_cameras_still_show_is_a_crush() -> None:
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    for step in range(60):
        analyser.observe(frame(step * 0.2), heads(CROWD), "covered")
        (told,) = analyser.observe(
            frame(step * 0.2 + 0.05, "cam-b"), heads(CROWD, BESIDE), "blurred"
        )
    assert told.level.severity >= Level.L3.severity
    assert told.measurement is not None
    assert told.measurement.visible_share > 0.9


def test_what_only_a_covered_camera_saw_is_not_calm() -> None:
    analyser = scene({"cam-a": ALONG, "cam-b": FAR_END}, CORRIDOR)
    told: list[ZoneReading] = []
    for step in range(50):
        t = step * 0.2
        analyser.observe(frame(t), heads(NOBODY, ALONG, CORRIDOR), "covered")
        told += analyser.observe(frame(t + 0.1, "cam-b"), heads(NOBODY, FAR_END, CORRIDOR))
    assert {(one.level, one.reasons[0].rule) for one in told} == {(Level.UNKNOWN, "partly_lost")}


def two_looks(heads_found: float, persons: float) -> Sanity:
    first = judge(SanityState(), Counts(heads_found, 0.05, persons=persons), START)
    return judge(first.state, Counts(heads_found, 0.05, persons=persons), START.plus(10.0))


@pytest.mark.parametrize(("persons", "level"), [(12.0, Level.UNKNOWN), (4.0, Level.L0)])
def test_a_stair_that_reads_empty_while_whole_people_are_found_on_it_is_unknown(
    persons: float, level: Level
) -> None:
    """Twelve under umbrellas: the head network finds none of them."""
    analyser = scene()
    told: list[ZoneReading] = []
    for step in range(50):
        if step == 25:
            analyser.second_count("cam-a", two_looks(0.0, persons), START.plus(5.0))
        told += analyser.observe(frame(step * 0.2), heads(NOBODY))
    assert {one.level for one in told[:25]} == {Level.L0}
    assert {one.level for one in told[25:]} == {level}
    if level is Level.UNKNOWN:
        assert told[-1].reasons[0].rule == "second_count"
    # A look that agrees, or none for three minutes: nobody is nobody again.
    analyser.second_count("cam-a", two_looks(0.0, 0.0), START.plus(10.0))
    (after,) = analyser.observe(frame(10.2), heads(NOBODY))
    assert after.level is Level.L0


def test_a_camera_that_is_blind_to_people_neither_hides_nor_lowers_a_crush() -> None:
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    levels = []
    for step in range(100):
        t = step * 0.2
        analyser.second_count("cam-a", two_looks(0.0, 12.0), START.plus(t))
        levels += [one.level for one in analyser.observe(frame(t), heads(NOBODY))]
        seen = heads(CROWD, BESIDE)
        levels += [one.level for one in analyser.observe(frame(t + 0.05, "cam-b"), seen)]
    assert set(levels[len(levels) // 2 :]) == {Level.L4}
    alone = scene()
    for step in range(100):
        alone.second_count("cam-a", two_looks(0.0, 60.0), START.plus(step * 0.2))
        (reading,) = alone.observe(frame(step * 0.2), heads(CROWD))
    assert reading.level.severity >= Level.L3.severity


def test_a_crowd_in_one_zone_of_a_covered_camera_makes_the_other_zone_no_calm_one() -> None:
    yard = dataclasses.replace(CORRIDOR, id="yard", polygon_xy_m=box(3.8, 0, 6.0, 3))
    analyser = SceneAnalyser(
        cameras={"cam-a": FACING},
        zones=[STAIR, yard],
        zone_cameras={"stair-a": ("cam-a",), "yard": ("cam-a",)},
        profiles=load_profiles(),
    )
    found = {}
    for step in range(100):
        for one in analyser.observe(frame(step * 0.2), heads(CROWD), "covered"):
            found[one.zone_id] = one
    assert found["stair-a"].level.severity >= Level.L3.severity
    assert (found["yard"].level, found["yard"].reasons[0].rule) == (Level.UNKNOWN, "covered")
    assert found["yard"].measurement is None


def test_a_part_that_only_a_lost_camera_saw_is_not_calm_for_the_others() -> None:
    analyser = scene({"cam-a": ALONG, "cam-b": FAR_END}, CORRIDOR)
    crush = np.column_stack([0.3 + _LANES.ravel(), _ROWS.ravel()])
    for step in range(100):
        t = step * 0.2
        analyser.observe(frame(t), heads(crush, ALONG, CORRIDOR))
        (reading,) = analyser.observe(frame(t + 0.1, "cam-b"), heads(crush, FAR_END, CORRIDOR))
    assert reading.level.severity >= Level.L3.severity
    assert analyser.camera_lost("cam-a", START.plus(20.0), "connection_lost") == ()
    for step in range(100, 500):
        seen = heads(crush, FAR_END, CORRIDOR)
        (reading,) = analyser.observe(frame(step * 0.2 + 0.1, "cam-b"), seen)
        assert reading.level not in (Level.L0, Level.L1)
    assert (reading.level, reading.reasons[0].rule) == (Level.UNKNOWN, "partly_lost")
    assert reading.measurement is not None
    assert 0.5 < reading.measurement.lost_share < 0.7


def test_a_nearer_camera_that_looks_at_a_wall_does_not_hide_what_is_behind_it() -> None:
    """An L of two legs: `cam-a` looks along the first, `cam-b` along the second, full of people."""
    outline = Polygon([(0, 0), (10, 0), (10, 12), (7, 12), (7, 3), (0, 3)])
    legs = dataclasses.replace(CORRIDOR, polygon_xy_m=outline)
    wide = Lens.from_hfov(640, 360, 90)
    first = Camera(Pose(0.3, 1.5, 2.8, 25, 18), wide)
    second = Camera(Pose(8.5, 22.0, 4.5, 270, 14), wide)
    walls = Barriers.of([([(0, 3), (7, 3), (7, 12)], 3.0)])
    crush = np.column_stack([7.05 + 0.8 * _LANES.ravel(), 4.1 + 0.8 * _ROWS.ravel()])
    levels = {}
    for known in (walls, None):
        analyser = SceneAnalyser(
            cameras={"cam-a": first, "cam-b": second},
            zones=[legs],
            zone_cameras={legs.id: ("cam-a", "cam-b")},
            profiles=load_profiles(),
            walls={} if known is None else {"cam-a": known, "cam-b": known},
        )
        for step in range(75):
            t = step * 0.2
            analyser.observe(frame(t), heads(NOBODY))
            (told,) = analyser.observe(frame(t + 0.1, "cam-b"), heads(crush, second, legs))
        levels[known is not None] = told.level
    # Without the walls the plan says that the nearer one sees it all, and it sees nobody.
    assert levels[False] is Level.L0
    assert levels[True].severity >= Level.L3.severity


@pytest.mark.parametrize("jitter_s", [0.0, 0.004, 0.05])
def test_one_picture_a_second_tells_movement_whatever_its_jitter(jitter_s: float) -> None:
    """30 people stand at a gate: standing is known only from heads that are followed."""
    gate = dataclasses.replace(STAIR, type=ZoneType.GATE)
    analyser, rng = scene(zone=gate), np.random.default_rng(1)
    known = []
    for step in range(60):
        t = step + float(rng.uniform(-jitter_s, jitter_s)) + 1.0
        (reading,) = analyser.observe(frame(t), heads(CROWD[:30]))
        assert reading.measurement is not None
        known.append(reading.measurement)
    assert all(one.speed_mps == pytest.approx(0.0, abs=0.05) for one in known[2:])
    assert all(one.pressure_per_s2 is not None for one in known[12:])


def test_a_covered_camera_says_nothing_of_the_outflow() -> None:
    """One a second walks down; the camera with more pixels is covered from 20 s on."""
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    for step in range(200):
        t = step * 0.2
        bag = "covered" if t >= 20.0 else ""
        analyser.observe(frame(t), heads(NOBODY if bag else stream(t)), bag)
        (told,) = analyser.observe(frame(t, "cam-b"), heads(stream(t), BESIDE))
        if t >= 16.0:
            assert told.measurement is not None
            assert told.measurement.outflow_per_s == pytest.approx(1.0, abs=0.26), t
    assert told.level is Level.L0


LONG = dataclasses.replace(
    CORRIDOR, type=ZoneType.STAIRS, exits=(Line("out", (20.0, 0.0), (20.0, 3.0)),), axis_deg=0.0
)
ENTRY = Camera(Pose(-1.0, 1.5, 4.0, 0, 33), LENS)
EXIT = Camera(Pose(23.0, 1.5, 4.0, 180, 33), LENS)


def in_file(t: float) -> np.ndarray:
    """One a second walks through the long zone at 1 m/s, from x = -2 to x = 22."""
    x = t - np.arange(0.0, 200.0)
    return np.column_stack([x, np.full(200, 1.5)])[(x >= 0.0) & (x <= 24.0)] - [2.0, 0.0]


def test_each_end_of_a_zone_is_counted_by_the_camera_that_shows_it() -> None:
    analyser = scene({"cam-a": ENTRY, "cam-b": EXIT}, LONG)
    for step in range(200):
        t = step * 0.2
        analyser.observe(frame(t), heads(in_file(t), ENTRY, LONG))
        (told,) = analyser.observe(frame(t, "cam-b"), heads(in_file(t), EXIT, LONG))
    assert told.measurement is not None
    assert told.measurement.outflow_per_s == pytest.approx(1.0, abs=0.13)
    assert told.measurement.inflow_per_s == pytest.approx(1.0, abs=0.26)


@pytest.mark.parametrize("lost", [True, False])
def test_an_exit_that_no_camera_shows_leaves_the_outflow_unknown(*, lost: bool) -> None:
    """The camera at the exit is lost, or there is none."""
    analyser = scene({"cam-a": ENTRY, "cam-b": EXIT} if lost else {"cam-a": ENTRY}, LONG)
    for step in range(100):
        t = step * 0.2
        (told,) = analyser.observe(frame(t), heads(in_file(t), ENTRY, LONG))
    assert told.measurement is not None
    assert told.measurement.outflow_per_s is None
    assert told.measurement.outflow_per_m_s is None


@pytest.mark.parametrize("apart_s", [0.9, 1.6])
def test_a_crush_that_one_slow_camera_sees_is_told_with_the_picture_of_the_other(
    apart_s: float,
) -> None:
    analyser = scene({"cam-a": ENTRY, "cam-b": EXIT}, LONG)
    crush = np.column_stack([16.0 + _LANES.ravel(), _ROWS.ravel()])
    told: list[ZoneReading] = []
    for step in range(15):
        t = step * 2.0 * apart_s
        analyser.observe(frame(t, "cam-b"), heads(crush, EXIT, LONG))
        told += analyser.observe(frame(t + apart_s), heads(crush, ENTRY, LONG))
    assert [one.measurement is not None and one.measurement.people > 30 for one in told] == (
        [True] * len(told)
    )
    assert told[-1].level.severity >= Level.L3.severity


def test_an_old_bright_picture_does_not_light_a_stair_that_went_dark() -> None:
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    analyser.observe(frame(0.0, "cam-b"), heads(CROWD[:8], BESIDE))
    (told,) = analyser.observe(frame(1.5, brightness=2), heads(NOBODY))
    assert told.measurement is not None
    assert told.measurement.luminance == pytest.approx(2 / 255, abs=1e-3)


def test_a_stair_that_one_camera_shows_in_the_light_is_not_dark() -> None:
    """`cam-b` is exposed for the window behind the stair."""
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    analyser.observe(frame(0.0), heads(CROWD[:8]))
    (told,) = analyser.observe(frame(0.1, "cam-b", brightness=12), heads(NOBODY, BESIDE))
    assert told.measurement is not None
    assert told.measurement.luminance == pytest.approx(120 / 255, abs=1e-3)


def test_a_bright_cloth_over_one_camera_does_not_light_a_dark_stair() -> None:
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    for step in range(20):
        t = step * 0.2
        analyser.observe(frame(t, "cam-a", brightness=150), heads(NOBODY), "covered")
        (told,) = analyser.observe(frame(t + 0.1, "cam-b", brightness=10), heads(CROWD[:6], BESIDE))
    assert any(reason.rule == "dark_occupied" for reason in told.reasons)
    assert told.level is Level.L2


@pytest.mark.parametrize("night_bgr", [(9, 5, 3), (30, 22, 18), (3, 3, 3)])
def test_infrared_light_is_no_light_though_another_camera_shows_the_dark_in_colours(
    night_bgr: tuple[int, int, int],
) -> None:
    """`cam-a` lights the stair by infrared; `cam-b` has none, and its dark picture has a cast."""
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    night = {"cam-a": (110, 110, 110), "cam-b": night_bgr}
    told: list[ZoneReading] = []
    for step in range(20):
        t = step * 0.2
        for camera_id, found in (("cam-a", heads(CROWD[:6])), ("cam-b", heads(NOBODY))):
            grey = frame(t, camera_id)
            image = np.broadcast_to(
                np.array(night[camera_id] if step >= 10 else (90, 120, 140), np.uint8),
                (360, 640, 3),
            )
            told += analyser.observe(dataclasses.replace(grey, image_bgr=image), found)
    dark = [any(one.rule == "dark_occupied" for one in reading.reasons) for reading in told]
    assert not any(dark[:20])
    assert all(dark[22:])
    assert told[-1].level is Level.L2


def test_one_camera_s_infrared_light_darkens_no_stair_that_another_one_shows_lit() -> None:
    """`cam-a` looks into a corner and thinks it is night."""
    analyser = scene({"cam-a": FACING, "cam-b": BESIDE})
    daylight, infrared = (90, 120, 140), (110, 110, 110)
    told: list[ZoneReading] = []
    for step in range(20):
        for camera_id, camera in (("cam-a", FACING), ("cam-b", BESIDE)):
            colour = infrared if camera_id == "cam-a" and step >= 10 else daylight
            image = np.broadcast_to(np.array(colour, np.uint8), (360, 640, 3))
            seen = dataclasses.replace(frame(step * 0.2, camera_id), image_bgr=image)
            told += analyser.observe(seen, heads(CROWD[:6], camera))
    assert not any(one.rule == "dark_occupied" for reading in told for one in reading.reasons)
    measured = told[-1].measurement
    assert measured is not None
    assert measured.infrared == 0.0


SHORT_WAY = Camera(Pose(-1.5, 1.5, 3.5, 0, 16), LENS)
OTHER_WAY = Camera(Pose(21.5, 1.5, 3.5, 180, 16), LENS)
# The network finds no smaller head: each camera finds those of its own half of the corridor.
_LEAST_HEAD_PX = 8.0


def found_by(camera: Camera, people_xy_m: np.ndarray) -> CrowdObservation:
    sizes_px = ZoneView.build(camera, CORRIDOR).expected_head_px(people_xy_m)
    return heads(people_xy_m[sizes_px >= _LEAST_HEAD_PX], camera, CORRIDOR)


@pytest.mark.parametrize("every_s", [0.2, 1.0])
@pytest.mark.parametrize("behind_s", [0.0, 0.9, 1.5, 4.5, -4.5])
def test_a_crush_counts_by_the_camera_that_sees_it_well_however_far_its_clock_is_behind(
    behind_s: float, every_s: float
) -> None:
    """Both cameras show the whole corridor; one of them far off, where it finds nobody."""
    analyser = scene({"cam-a": SHORT_WAY, "cam-b": OTHER_WAY}, CORRIDOR)
    crush = np.column_stack([16.0 + 0.8 * _LANES.ravel(), _ROWS.ravel()])
    near, far = found_by(OTHER_WAY, crush), found_by(SHORT_WAY, crush)
    assert (len(near.heads), len(far.heads)) == (30, 0)
    told: list[ZoneReading] = []
    for step in range(25):
        t = step * 0.2 + 5.0
        told += analyser.observe(frame(t), far)
        if step % round(every_s / 0.2) == 0:
            told += analyser.observe(frame(t + 0.1 - behind_s, "cam-b"), near)
    people = [one.measurement.people for one in told[2:] if one.measurement is not None]
    assert people == [30.0] * len(told[2:])


def test_a_camera_that_was_late_and_is_not_any_more_makes_the_other_one_no_older() -> None:
    analyser = scene({"cam-a": OTHER_WAY, "cam-b": SHORT_WAY}, CORRIDOR)
    crush = np.column_stack([16.0 + 0.8 * _LANES.ravel(), _ROWS.ravel()])
    near, far = found_by(OTHER_WAY, crush), found_by(SHORT_WAY, crush)
    for camera_id, at, seen in (("cam-a", 10.0, near), ("cam-b", 8.1, far), ("cam-a", 11.0, near)):
        analyser.observe(frame(at, camera_id), seen)
    (told,) = analyser.observe(frame(10.9, "cam-b"), far)
    assert told.measurement is not None
    assert told.measurement.people == 30.0


@pytest.mark.parametrize("ahead_s", [0.0, 3.5, -3.5])
@pytest.mark.parametrize("stops", ["cam-a", "cam-b"])
def test_clocks_that_are_apart_lose_no_camera_and_hide_none_that_stopped(
    stops: str, ahead_s: float
) -> None:
    """Of the corridor `cam-a` alone sees 62 %, and `cam-b` nothing that `cam-a` does not see."""
    analyser = scene({"cam-a": ALONG, "cam-b": FAR_END}, CORRIDOR)
    told: list[ZoneReading] = []
    for step in range(45):
        t = step * 0.2 + 5.0
        for camera_id, at in (("cam-a", t), ("cam-b", t + 0.1 + ahead_s)):
            if camera_id != stops or step < 25:
                told += analyser.observe(frame(at, camera_id), heads(NOBODY))
    # Once both are known and until one stops, nothing is lost; 3.5 s later its part is.
    assert {one.level for one in told[2:50]} == {Level.L0}
    lost = stops == "cam-a"
    assert {one.level for one in told[-2:]} == {Level.UNKNOWN if lost else Level.L0}
    if lost:
        assert {one.reasons[0].rule for one in told[-2:]} == {"partly_lost"}
