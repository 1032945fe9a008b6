"""The console's calibration: the pose comes back from its own projections, nonsense does not."""

from __future__ import annotations

import numpy as np
import pytest

from api.routes.calibration import CalibrationRequest, fit
from streams.virtual.scenarios import sample_camera
from vision.errors import CalibrationError

CAMERA = sample_camera("cam-hall")
PLACES = np.array(
    [[6.0, 0.0, 0.0], [9.0, 3.0, 0.0], [10.0, 0.5, 0.0], [7.0, 3.5, 0.0], [8.0, 1.5, 0.0]]
)


def request(shift_px: float = 0.0, count: int = 5) -> CalibrationRequest:
    uv_px, inside = CAMERA.project(PLACES)
    assert inside.all()
    pairs = [
        {"pixel": [float(u), float(v)], "plan": [float(x), float(y)]}
        for (u, v), (x, y, _) in zip(uv_px, PLACES, strict=True)
    ][:count]
    pairs[0]["pixel"][0] += shift_px
    return CalibrationRequest.model_validate(
        {
            "width_px": 1280,
            "height_px": 720,
            "hfov_deg": 95.0,
            "x_m": 3.7,
            "y_m": -1.4,
            "z_m": 3.9,
            "pairs": pairs,
        }
    )


def test_the_pose_comes_back() -> None:
    found = fit(request(), "2026-03-02")
    assert (found.pan_deg % 360.0, found.tilt_deg) == pytest.approx((41.0, 36.0), abs=0.3)
    assert found.rms_px < 0.5
    assert len(found.pairs) == 5
    assert all(pair.left_out_m is not None and pair.left_out_m < 0.2 for pair in found.pairs)
    assert [one.range_m for one in found.expected][:1] == [5.0]
    assert "pose" in found.block


def test_three_pairs_leave_nothing_to_check_with() -> None:
    assert all(pair.left_out_m is None for pair in fit(request(count=3), "2026-03-02").pairs)


def test_a_wrong_click_is_refused_with_the_reason() -> None:
    with pytest.raises(CalibrationError, match=r"px|m"):
        fit(request(shift_px=250.0), "2026-03-02")
