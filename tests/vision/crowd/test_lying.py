"""Something that lies on a stair, in pictures drawn with a ruler."""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from config.profiles import load_profiles
from tests.vision.scene_cases import FACING, LENS, STAIR, START, frame, heads
from vision.arrays import Float64Array, UInt8Array
from vision.crowd.lying import LyingWatch
from vision.crowd.zone_view import ZoneView
from vision.geometry.zones import ZoneType
from vision.observations import CrowdObservation, HeadPoints
from vision.risk.readings import ZoneMeasurement
from vision.scene import SceneAnalyser

NOBODY = np.zeros((0, 2))
SAME = np.ones(2)


def picture(
    blocks: list[tuple[float, float, float, float, float, int]], light: int = 120
) -> UInt8Array:
    """A grey stair with upright blocks (x0, y0, x1, y1, height, grey level) on it."""
    image = np.full((LENS.height_px, LENS.width_px, 3), light, np.uint8)
    for x0, y0, x1, y1, height_m, grey in blocks:
        base = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        z_m = STAIR.plane.z_at(base)
        corners = np.vstack([np.column_stack([base, z_m]), np.column_stack([base, z_m + height_m])])
        uv_px, _ = FACING.project(corners)
        hull = cv2.convexHull(uv_px.astype(np.float32)).astype(np.int32)
        cv2.fillConvexPoly(image, hull, (grey, grey, grey))
    return image


LIES = (1.2, 0.6, 1.7, 1.8, 0.2, 40)
STANDS = (1.4, 1.2, 1.7, 1.5, 1.45, 40)


def answers(
    course: Sequence[tuple[float, UInt8Array, Float64Array]],
) -> list[int | None]:
    """Five pictures a second; parts of (seconds, picture, heads)."""
    watch = LyingWatch(ZoneView.build(FACING, STAIR))
    found, number = [], 0
    for lasts_s, image, uv_px in course:
        for _ in range(round(lasts_s * 5)):
            found.append(watch.update(image, uv_px, SAME, START.plus(0.2 * number)))
            number += 1
    return found


def test_what_comes_to_lie_is_found_after_two_seconds() -> None:
    found = answers([(10, picture([]), NOBODY), (6, picture([LIES]), NOBODY)])
    assert found[0] is None  # the empty stair is not known yet
    assert found[49] == 0
    assert found[50:59] == [0] * 9
    assert found[61:] == [1] * 19


def test_a_sub_stream_shows_what_lies_as_the_main_stream_does() -> None:
    whole = [(10.0, picture([]), NOBODY), (6.0, picture([LIES]), NOBODY)]
    watch = LyingWatch(ZoneView.build(FACING, STAIR))
    found, number = [], 0
    for lasts_s, image, uv_px in whole:
        size_px = (LENS.width_px // 2, LENS.height_px // 2)
        half = np.asarray(cv2.resize(image, size_px, interpolation=cv2.INTER_AREA), np.uint8)
        for _ in range(round(lasts_s * 5)):
            found.append(watch.update(half, uv_px, 2 * SAME, START.plus(0.2 * number)))
            number += 1
    assert found == answers(whole)


def test_a_person_who_stands_is_none_that_lies() -> None:
    person = np.array([[1.55, 1.35]])
    head = heads(person).heads.centres_uv_px.astype(np.float64)
    found = answers([(10, picture([]), NOBODY), (6, picture([STANDS]), head)])
    assert set(found[50:]) == {0}


def test_who_lay_there_from_the_beginning_is_taken_for_the_stair() -> None:
    assert set(answers([(12, picture([LIES]), NOBODY)])) == {None, 0}


def test_another_light_is_no_answer() -> None:
    found = answers([(10, picture([]), NOBODY), (6, picture([], light=60), NOBODY)])
    assert set(found[51:]) == {None}


@pytest.mark.parametrize("enabled", [True, False])
def test_the_scene_looks_only_where_the_profile_asks(enabled: bool) -> None:
    profiles = dict(load_profiles())
    stairs = profiles[ZoneType.STAIRS]
    rule = dataclasses.replace(stairs.rules.fallen_person, enabled=enabled)
    rules = dataclasses.replace(stairs.rules, fallen_person=rule)
    profiles[ZoneType.STAIRS] = dataclasses.replace(stairs, rules=rules)
    analyser = SceneAnalyser(
        cameras={"cam-a": FACING},
        zones=[STAIR],
        zone_cameras={STAIR.id: ("cam-a",)},
        profiles=profiles,
    )
    nobody = CrowdObservation(HeadPoints.none(), None, 0.05)
    measured: ZoneMeasurement | None = None
    for number in range(70):
        image = picture([LIES] if number >= 40 else [])
        shown = dataclasses.replace(frame(0.2 * number), image_bgr=image)
        (reading,) = analyser.observe(shown, nobody)
        measured = reading.measurement
    assert measured is not None
    assert measured.fallen_people == (1 if enabled else None)
