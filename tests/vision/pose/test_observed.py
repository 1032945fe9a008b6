"""Where a turned camera looks, found again from the shift of its picture."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.errors import GeometryError
from vision.geometry.camera import Camera, Lens, Pose
from vision.pose.landmarks import PictureShift
from vision.pose.observed import observed_pose

LENS = Lens.from_hfov(1280, 720, 62.0)


def shift_between(old: Camera, new: Camera) -> PictureShift:
    """How the old axis, and a point right of it, stand in the new picture."""
    axes = old.pose.axes()
    far = np.stack([axes[2], axes[2] + 0.01 * axes[0]]) * 1e6 + old.position_xyz_m
    (u, v), (u_right, v_right) = new.project(far)[0]
    centre_u, centre_v = LENS.centre_uv_px
    return PictureShift(
        (u - centre_u) / LENS.width_px,
        (v - centre_v) / LENS.width_px,
        math.degrees(math.atan2(v_right - v, u_right - u)),
        1.0,
    )


def test_a_level_camera_turned_left_by_five_degrees() -> None:
    camera = Camera(Pose(0.0, 0.0, 3.0, 90.0, 0.0), LENS)
    # tan 5 degrees x f = 93.2 px of 1280: what was ahead now stands right of the middle.
    right_share = math.tan(math.radians(5.0)) * LENS.focal_px / 1280
    found = observed_pose(camera, PictureShift(right_share, 0.0, 0.0, 1.0))
    assert found.pan_deg == pytest.approx(95.0)
    assert found.tilt_deg == pytest.approx(0.0, abs=1e-9)


@given(st.floats(-8.0, 8.0), st.floats(-8.0, 8.0), st.floats(-6.0, 6.0), st.floats(10.0, 50.0))
def test_a_turned_camera_is_found_again(
    pan: float, tilt: float, roll: float, old_tilt: float
) -> None:
    old = Camera(Pose(1.0, 2.0, 3.5, 40.0, old_tilt), LENS)
    new = Camera(Pose(1.0, 2.0, 3.5, 40.0 + pan, old_tilt + tilt, roll), LENS)
    found = observed_pose(old, shift_between(old, new))
    assert found.pan_deg == pytest.approx(new.pose.pan_deg, abs=0.3)
    assert found.tilt_deg == pytest.approx(new.pose.tilt_deg, abs=0.3)
    assert found.roll_deg == pytest.approx(new.pose.roll_deg, abs=0.7)


def test_an_unmoved_camera_keeps_its_pose() -> None:
    pose = Pose(8.2, 1.5, 4.0, 180.0, 22.0, 1.0)
    found = observed_pose(Camera(pose, LENS), PictureShift(0.0, 0.0, 0.0, 1.0))
    assert found.axes() == pytest.approx(pose.axes())


def test_no_number_is_no_shift() -> None:
    camera = Camera(Pose(0.0, 0.0, 3.0, 0.0, 20.0), LENS)
    with pytest.raises(GeometryError, match="finite"):
        observed_pose(camera, PictureShift(math.nan, 0.0, 0.0, 1.0))
