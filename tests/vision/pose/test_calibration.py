"""Calibration: exact pairs give the exact camera, noise is told, and bad pairs are refused."""

import dataclasses
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.arrays import Float64Array
from vision.errors import CalibrationError, GeometryError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.pose.calibration import (
    MAX_RESIDUAL_M,
    MAX_RESIDUAL_PX,
    Calibration,
    PointPair,
    PosePriors,
    StandingPerson,
    calibrate,
)
from vision.pose.fit import camera_of, pixels_of, project_many

LENS = Lens.from_hfov(1280, 720, 80.0)
CAMERA = Camera(Pose(6.0, -2.2, 5.5, 90.0, 38.0, 1.0), LENS)
CORNERS = np.array([[2.0, 1.0, 0.0], [10.0, 1.0, 0.0], [10.0, 7.0, 0.0], [2.0, 7.0, 0.0]])


def pairs_of(camera: Camera, points_xyz_m: Float64Array) -> list[PointPair]:
    uv_px, inside = camera.project(points_xyz_m)
    assert inside.all()
    return [
        PointPair((float(u), float(v)), (float(x), float(y)), float(z))
        for (u, v), (x, y, z) in zip(uv_px, points_xyz_m, strict=True)
    ]


def priors_of(camera: Camera, **changes: float) -> PosePriors:
    pose = camera.pose
    known = PosePriors(pose.x_m, pose.y_m, pose.z_m, camera.lens)
    return dataclasses.replace(known, **changes)  # type: ignore[arg-type]


def error_m(found: Calibration, camera: Camera, points_xyz_m: Float64Array) -> float:
    uv_px, _ = camera.project(points_xyz_m)
    at = found.camera.to_plane(uv_px, Plane())
    return float(np.max(np.linalg.norm(at - points_xyz_m[:, :2], axis=1)))


def test_exact_pairs_and_priors_give_the_camera_back() -> None:
    camera = Camera(dataclasses.replace(CAMERA.pose, roll_deg=0.0), LENS)
    found = calibrate(pairs_of(camera, CORNERS), priors_of(camera))
    pose = found.camera.pose
    assert (pose.pan_deg, pose.tilt_deg, pose.roll_deg) == pytest.approx(
        (90.0, 38.0, 0.0), abs=1e-4
    )
    assert (pose.x_m, pose.y_m, pose.z_m) == pytest.approx((6.0, -2.2, 5.5), abs=1e-4)
    assert found.rms_px == pytest.approx(0.0, abs=1e-3)
    assert found.leave_one_out_m == pytest.approx(np.zeros(4), abs=1e-3)
    assert found.person_height_m is None


@settings(max_examples=12, deadline=None)
@given(
    pan_deg=st.floats(-180.0, 180.0),
    tilt_deg=st.floats(15.0, 60.0),
    height_m=st.floats(2.6, 8.0),
    hfov_deg=st.floats(50.0, 100.0),
)
def test_any_camera_is_found_from_exact_pairs(
    pan_deg: float, tilt_deg: float, height_m: float, hfov_deg: float
) -> None:
    """Pan and tilt are searched from nothing; four corners of the picture's lower part suffice."""
    camera = Camera(
        Pose(1.0, 2.0, height_m, pan_deg, tilt_deg), Lens.from_hfov(1280, 720, hfov_deg)
    )
    clicks = np.array([[200.0, 700.0], [1080.0, 700.0], [900.0, 420.0], [350.0, 420.0]])
    on_floor = camera.to_plane(clicks, Plane())
    reachable = np.isfinite(on_floor).all()
    if not reachable or np.linalg.norm(on_floor - [1.0, 2.0], axis=1).max() > 60.0:
        return
    points = np.column_stack([on_floor, np.zeros(4)])
    found = calibrate(pairs_of(camera, points), priors_of(camera), leave_one_out=False)
    assert found.camera.pose.tilt_deg == pytest.approx(tilt_deg, abs=1e-2)
    turned = (found.camera.pose.pan_deg - pan_deg + 180.0) % 360.0 - 180.0
    assert turned == pytest.approx(0.0, abs=1e-2)


def test_noisy_pairs_lead_where_opencv_leads() -> None:
    """Twelve pairs with 2 px of noise, hardly anything known before, against `cv2.solvePnP`."""
    rng = np.random.default_rng(5)
    points = np.column_stack([rng.uniform([2, 1], [10, 8], (12, 2)), rng.uniform(0, 1.8, 12)])
    uv_px = CAMERA.project(points)[0] + rng.normal(0, 2.0, (12, 2))
    pairs = [
        PointPair((float(u), float(v)), (float(x), float(y)), float(z))
        for (u, v), (x, y, z) in zip(uv_px, points, strict=True)
    ]
    vague = priors_of(
        CAMERA, position_sigma_m=50.0, height_sigma_m=50.0, roll_sigma_deg=90.0,
        focal_sigma=1e-6, plan_sigma_m=1e-6, click_sigma_px=2.0,
    )  # fmt: skip
    found = calibrate(pairs, vague, leave_one_out=False).camera
    matrix = np.array([[LENS.focal_px, 0, 640.0], [0, LENS.focal_px, 360.0], [0, 0, 1.0]])
    ok, rotation, moved = cv2.solvePnP(points, uv_px, matrix, None)
    assert ok
    axes = cv2.Rodrigues(rotation)[0]
    assert found.position_xyz_m == pytest.approx((-axes.T @ moved).ravel(), abs=2e-3)
    assert found.pose.axes() == pytest.approx(axes, abs=2e-4)


def test_wrong_priors_are_corrected_by_the_pairs() -> None:
    """Position 0.4 m, height 0.1 m and focal length 4 % off: the floor still comes out right."""
    wrong = PosePriors(6.3, -1.9, 5.6, Lens(1280, 720, LENS.focal_px * 1.04))
    found = calibrate(pairs_of(CAMERA, CORNERS), wrong)
    assert error_m(found, CAMERA, CORNERS) < 0.05
    assert found.camera.pose.roll_deg == pytest.approx(1.0, abs=0.5)


def test_points_above_the_floor_keep_their_height() -> None:
    raised = CORNERS + np.array([[0, 0, 0.0], [0, 0, 1.0], [0, 0, 0.5], [0, 0, 0.0]])
    found = calibrate(pairs_of(CAMERA, raised), priors_of(CAMERA))
    assert error_m(found, CAMERA, CORNERS) < 0.05
    flattened = [dataclasses.replace(pair, z_m=0.0) for pair in pairs_of(CAMERA, raised)]
    wrong = calibrate(flattened, priors_of(CAMERA))
    assert error_m(wrong, CAMERA, CORNERS) > 0.2


def test_k1_is_found_when_it_is_set_free() -> None:
    bent = Camera(CAMERA.pose, dataclasses.replace(LENS, k1=-0.08))
    grid = np.array([[x, y, 0.0] for x in (2.0, 4.0, 6.0, 8.0, 10.0) for y in (1.0, 3.0, 7.0)])
    straight = dataclasses.replace(priors_of(bent, k1_sigma=0.2), lens=LENS)
    found = calibrate(pairs_of(bent, grid), straight, leave_one_out=False)
    assert found.camera.lens.k1 == pytest.approx(-0.08, abs=0.005)
    fixed = calibrate(pairs_of(CAMERA, CORNERS), priors_of(CAMERA))
    assert fixed.camera.lens.k1 == 0.0


def test_residuals_are_measured_on_picture_and_plan() -> None:
    """One click moved by 6 px while all else is held fast: the residual is those 6 px."""
    pairs = pairs_of(CAMERA, CORNERS)
    u_px, v_px = pairs[0].uv_px
    pairs[0] = dataclasses.replace(pairs[0], uv_px=(u_px + 6.0, v_px))
    tight = {"position_sigma_m": 1e-4, "height_sigma_m": 1e-4, "focal_sigma": 1e-5}
    found = calibrate(pairs, priors_of(CAMERA, **tight, roll_sigma_deg=1.0), leave_one_out=False)
    assert found.residuals_px[0] == pytest.approx(6.0, abs=2.0)
    assert found.residuals_px[0] == max(found.residuals_px)
    at = found.camera.to_plane(np.array([pairs[0].uv_px]), Plane())[0]
    assert found.residuals_m[0] == pytest.approx(math.dist(at, pairs[0].xy_m))


def moved(pairs: list[PointPair], index: int, **changes: tuple[float, float]) -> list[PointPair]:
    return [
        dataclasses.replace(pair, **changes) if at == index else pair  # type: ignore[arg-type]
        for at, pair in enumerate(pairs)
    ]


FIVE = np.vstack([CORNERS, [[6.0, 3.0, 0.0]]])


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (pairs_of(CAMERA, CORNERS)[:2], "at least 3 pairs, got 2"),
        ([], "at least 3 pairs, got 0"),
        (moved(pairs_of(CAMERA, FIVE), 0, uv_px=(1500.0, 10.0)), "pair 1: .*outside the picture"),
        (moved(pairs_of(CAMERA, FIVE), 4, xy_m=(math.nan, 0.0)), "not finite"),
        ([PointPair((600.0 + i, 400.0), (6.0, 3.0 + i / 10)) for i in range(4)], "one spot"),
        (moved(pairs_of(CAMERA, FIVE), 4, xy_m=(9.0, 6.0)), "pair 5 is off by .* (px|m)"),
        (moved(pairs_of(CAMERA, FIVE), 2, uv_px=(640.0, 600.0)), "off by|check the pairs"),
        (moved(pairs_of(CAMERA, FIVE), 0, xy_m=(10.0, 1.0)), "off by|check the pairs"),
    ],
)
def test_pairs_that_cannot_be_right_are_refused(pairs: list[PointPair], words: str) -> None:
    with pytest.raises(CalibrationError, match=words):
        calibrate(pairs, priors_of(CAMERA))


def test_a_mount_far_from_where_it_was_said_to_be_is_refused() -> None:
    elsewhere = PosePriors(6.0, -2.2, 3.0, LENS)
    with pytest.raises(CalibrationError, match="check"):
        calibrate(pairs_of(CAMERA, FIVE), elsewhere)


def test_an_accepted_calibration_keeps_the_limits() -> None:
    rng = np.random.default_rng(3)
    accepted = 0
    for _ in range(8):
        pairs = [
            dataclasses.replace(pair, uv_px=tuple(np.asarray(pair.uv_px) + rng.normal(0, 4, 2)))
            for pair in pairs_of(CAMERA, FIVE)
        ]
        try:
            found = calibrate(pairs, priors_of(CAMERA), leave_one_out=False)
        except CalibrationError:
            continue
        accepted += 1
        assert found.click_errors_px.max() <= MAX_RESIDUAL_PX
        assert found.plan_errors_m.max() <= MAX_RESIDUAL_M
    assert accepted >= 5


def test_the_expected_error_is_of_the_size_of_the_true_one() -> None:
    """Over 24 noisy fits, error² over expected² averages near 1: neither boast nor alarm."""
    rng = np.random.default_rng(11)
    place = np.array([[6.0, 9.0, 0.0]])
    uv_px, _ = CAMERA.project(place)
    ratios = []
    for _ in range(24):
        pairs = [
            PointPair(
                tuple(np.asarray(pair.uv_px) + rng.normal(0, 2, 2)),
                tuple(np.asarray(pair.xy_m) + rng.normal(0, 0.05, 2)),
            )
            for pair in pairs_of(CAMERA, CORNERS)
        ]
        priors = PosePriors(
            6.0 + rng.normal(0, 0.3),
            -2.2 + rng.normal(0, 0.3),
            5.5 + rng.normal(0, 0.1),
            Lens(1280, 720, LENS.focal_px * math.exp(rng.normal(0, 0.05))),
            position_sigma_m=0.3,
            click_sigma_px=2.0,
            plan_sigma_m=0.05,
        )
        found = calibrate(pairs, priors, leave_one_out=False)
        error = np.linalg.norm(found.camera.to_plane(uv_px, Plane())[0] - place[0, :2])
        ratios.append((error / found.error_at_m(place[:, :2])[0]) ** 2)
    assert 0.3 < float(np.mean(ratios)) < 1.8


def test_the_expected_error_grows_with_distance() -> None:
    found = calibrate(pairs_of(CAMERA, CORNERS), priors_of(CAMERA))
    near, far, farther = found.error_at_m(np.array([[6.0, 3.0], [6.0, 10.0], [6.0, 20.0]]))
    assert 0.0 < near < far < farther


def standing(camera: Camera, places: Float64Array, heights_m: Float64Array) -> list[StandingPerson]:
    feet = np.column_stack([places, np.zeros(len(places))])
    feet_uv, _ = camera.project(feet)
    heads_uv, _ = camera.project(feet + np.column_stack([0 * places, heights_m]))
    return [
        StandingPerson((float(head[0]), float(head[1])), (float(foot[0]), float(foot[1])))
        for head, foot in zip(heads_uv, feet_uv, strict=True)
    ]


def test_people_of_unknown_height_refine_the_fit() -> None:
    """Pupils of 1.35 m: their height comes out, and roll and focal length get better known."""
    rng = np.random.default_rng(5)
    places = rng.uniform([2.0, 1.0], [10.0, 9.0], (30, 2))
    people = standing(CAMERA, places, np.full(30, 1.35))
    priors = dataclasses.replace(
        priors_of(CAMERA), lens=Lens(1280, 720, LENS.focal_px * 1.05), focal_sigma=0.05
    )
    pairs = pairs_of(CAMERA, CORNERS)[:3]
    alone = calibrate(pairs, priors)
    refined = calibrate(pairs, priors, people=people)
    assert refined.person_height_m == pytest.approx(1.35, rel=0.03)
    true_focal = LENS.focal_px
    assert abs(refined.camera.lens.focal_px - true_focal) < abs(
        alone.camera.lens.focal_px - true_focal
    )
    assert refined.covariance[6, 6] < alone.covariance[6, 6]


def test_one_person_found_wrongly_does_not_turn_the_camera() -> None:
    rng = np.random.default_rng(6)
    places = rng.uniform([2.0, 1.0], [10.0, 9.0], (30, 2))
    people = standing(CAMERA, places, np.full(30, 1.35))
    people[0] = dataclasses.replace(people[0], head_uv_px=(5.0, 5.0))
    found = calibrate(pairs_of(CAMERA, CORNERS), priors_of(CAMERA), people=people)
    assert error_m(found, CAMERA, CORNERS) < 0.15
    assert found.person_height_m == pytest.approx(1.35, rel=0.05)


def test_three_pairs_have_nothing_to_leave_out() -> None:
    found = calibrate(pairs_of(CAMERA, CORNERS)[:3], priors_of(CAMERA))
    assert len(found.leave_one_out_m) == 0


@given(
    values=st.tuples(
        *(st.floats(-5.0, 5.0) for _ in range(3)),
        st.floats(-180.0, 180.0),
        st.floats(-80.0, 80.0),
        st.floats(-20.0, 20.0),
        st.floats(6.0, 8.0),
        st.floats(-0.05, 0.05),
    )
)
def test_the_fit_projects_as_the_camera_does(values: tuple[float, ...]) -> None:
    points = np.array([[8.0, 1.0, 0.0], [1.0, 8.0, 2.0], [-8.0, 3.0, 1.0], [3.0, -8.0, 0.0]])
    many = project_many(np.array([values]), LENS, points)[0]
    assert many == pytest.approx(pixels_of(camera_of(np.array(values), LENS), points), abs=1e-6)


def test_uncertainty_must_be_positive() -> None:
    with pytest.raises(GeometryError, match="positive"):
        priors_of(CAMERA, click_sigma_px=0.0)
