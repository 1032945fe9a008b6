"""Where a moved camera looks now, from how its picture shifted against its baseline.

The place of the mount is taken as unchanged: a camera that is knocked or turned changes its
direction first. The old optical axis now stands at another pixel, which gives pan and tilt; the
picture's own rotation gives roll. It tells what the camera still shows; it is no calibration.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from vision.errors import GeometryError
from vision.geometry.camera import Camera, Pose
from vision.pose.landmarks import PictureShift


def observed_pose(camera: Camera, shift: PictureShift) -> Pose:
    """The pose that explains `shift`, at the place where the camera hung.

    Raises:
        GeometryError: when the shift is no number.
    """
    values = (shift.right_share, shift.down_share, shift.turn_deg)
    if not all(math.isfinite(value) for value in values):
        raise GeometryError("a picture shift needs finite numbers")
    width_px, focal_px = camera.lens.width_px, camera.lens.focal_px
    # Old forward, right and down as the new camera sees them.
    forward = np.array(
        [shift.right_share * width_px / focal_px, shift.down_share * width_px / focal_px, 1.0]
    )
    forward /= np.linalg.norm(forward)
    turn = math.radians(shift.turn_deg)
    right = np.array([math.cos(turn), math.sin(turn), 0.0])
    right -= (right @ forward) * forward
    right /= np.linalg.norm(right)
    old_in_new = np.column_stack([right, np.cross(forward, right), forward])
    return _pose_of(camera.pose, old_in_new @ camera.pose.axes())


def _pose_of(old: Pose, axes: np.ndarray) -> Pose:
    """Angles of a camera from its axes (3, 3): rows right, down, forward."""
    right, forward = axes[0], axes[2]
    tilt = math.asin(min(1.0, max(-1.0, -float(forward[2]))))
    pan = math.atan2(float(forward[1]), float(forward[0]))
    level = Pose(0.0, 0.0, 0.0, math.degrees(pan), math.degrees(tilt)).axes()
    roll = math.atan2(float(right @ level[1]), float(right @ level[0]))
    return replace(
        old,
        pan_deg=math.degrees(pan),
        tilt_deg=math.degrees(tilt),
        roll_deg=math.degrees(roll),
    )


__all__ = ["observed_pose"]
