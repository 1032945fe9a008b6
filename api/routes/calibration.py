"""A camera's pose from points clicked on the console: fitted and shown, never stored here.

The page sends what was clicked and measured; the answer holds the pose, how well each pair fits,
what each pair would be off by if the others alone were believed, and the block for the site file.
"""

from __future__ import annotations

import asyncio
import math
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import Field

from api.access.guard import needs
from api.access.rights import Right
from api.problems import Problem, responses
from api.schemas import Body, with_examples
from api.service import ServiceDep
from config.calibration_file import calibration_block
from vision.errors import CalibrationError, GeometryError
from vision.geometry.camera import Lens
from vision.geometry.planes import Plane
from vision.pose.calibration import Calibration, calibrate
from vision.pose.priors import PointPair, PosePriors, StandingPerson

router = APIRouter(prefix="/api/v1", tags=["calibration"])

_EXPECTED_RANGES_M = (5.0, 10.0, 20.0)
Pixel = Annotated[float, Field(ge=0.0, le=20_000.0)]
Metres = Annotated[float, Field(ge=-100_000.0, le=100_000.0)]


class PairBody(Body):
    """One place clicked in the picture and found on the plan."""

    pixel: tuple[Pixel, Pixel]
    plan: tuple[Metres, Metres]
    z_m: Metres = 0.0


class PersonBody(Body):
    """Head and foot of somebody who stands upright; the height is left free."""

    head: tuple[Pixel, Pixel]
    foot: tuple[Pixel, Pixel]


class CalibrationRequest(Body):
    """What is known of the camera, and what was clicked."""

    model_config = with_examples(
        {
            "width_px": 1280,
            "height_px": 720,
            "hfov_deg": 80.0,
            "x_m": 2.0,
            "y_m": 1.5,
            "z_m": 3.2,
            "pairs": [
                {"pixel": [212.0, 540.0], "plan": [4.0, 1.0]},
                {"pixel": [1010.0, 560.0], "plan": [4.0, 3.0]},
                {"pixel": [640.0, 300.0], "plan": [9.0, 2.0]},
            ],
        }
    )

    width_px: Annotated[int, Field(ge=64, le=16_384)]
    height_px: Annotated[int, Field(ge=64, le=16_384)]
    hfov_deg: Annotated[float, Field(ge=1.0, le=170.0)]
    x_m: Metres
    y_m: Metres
    z_m: Annotated[float, Field(gt=0.0, le=200.0)]
    pairs: Annotated[tuple[PairBody, ...], Field(min_length=3, max_length=64)]
    people: Annotated[tuple[PersonBody, ...], Field(max_length=200)] = ()
    floor_z_m: Metres = 0.0


class PairFitBody(Body):
    """How well one pair fits; `left_out_m` is empty with three pairs."""

    residual_px: float
    residual_m: float
    click_error_px: float
    plan_error_m: float
    left_out_m: float | None


class ExpectedErrorBody(Body):
    """The expected error on the plan, so far ahead of the camera."""

    range_m: float
    error_m: float


class CalibrationBody(Body):
    """A fitted pose with what speaks for and against it; `block` goes into the site file."""

    x_m: float
    y_m: float
    z_m: float
    pan_deg: float
    tilt_deg: float
    roll_deg: float
    focal_px: float
    rms_px: float
    rms_m: float
    pairs: tuple[PairFitBody, ...]
    expected: tuple[ExpectedErrorBody, ...]
    person_height_m: float | None
    block: dict[str, str]


@router.post("/cameras/{camera_id}/calibration", responses=responses(401, 403, 404, 422))
async def fit_calibration(
    camera_id: str,
    request: CalibrationRequest,
    service: ServiceDep,
    actor: Annotated[object, Depends(needs(Right.CALIBRATE_CAMERA))],
) -> CalibrationBody:
    """Fit the pose and answer with its residuals; refused above 8 px or 0.5 m.

    Nothing is stored: `xiaoan calibrate --site` writes the site file.
    """
    del actor
    if camera_id not in service.desk.board.site.camera:
        raise Problem(404, "camera_unknown", camera=camera_id)
    today = service.desk.clock.utc().to_datetime().date().isoformat()
    try:
        return await asyncio.to_thread(fit, request, today)
    except (CalibrationError, GeometryError) as error:
        raise Problem(422, "calibration_refused", detail=str(error)) from None


def fit(request: CalibrationRequest, date: str) -> CalibrationBody:
    """The answer to one request.

    Raises:
        CalibrationError, GeometryError: when the points do not make a calibration.
    """
    plane = Plane(request.floor_z_m)
    lens = Lens.from_hfov(request.width_px, request.height_px, request.hfov_deg)
    found = calibrate(
        [PointPair(pair.pixel, pair.plan, pair.z_m) for pair in request.pairs],
        PosePriors(request.x_m, request.y_m, request.z_m, lens),
        people=[StandingPerson(person.head, person.foot) for person in request.people],
        plane=plane,
    )
    pose = found.camera.pose
    return CalibrationBody(
        x_m=pose.x_m,
        y_m=pose.y_m,
        z_m=pose.z_m,
        pan_deg=pose.pan_deg,
        tilt_deg=pose.tilt_deg,
        roll_deg=pose.roll_deg,
        focal_px=found.camera.lens.focal_px,
        rms_px=found.rms_px,
        rms_m=found.rms_m,
        pairs=_pairs(found),
        expected=_expected(found, plane),
        person_height_m=found.person_height_m,
        block=calibration_block(found, date=date),
    )


def _pairs(found: Calibration) -> tuple[PairFitBody, ...]:
    left_out = found.leave_one_out_m
    return tuple(
        PairFitBody(
            residual_px=float(found.residuals_px[index]),
            residual_m=float(found.residuals_m[index]),
            click_error_px=float(found.click_errors_px[index]),
            plan_error_m=float(found.plan_errors_m[index]),
            left_out_m=float(left_out[index]) if len(left_out) else None,
        )
        for index in range(len(found.residuals_px))
    )


def _expected(found: Calibration, plane: Plane) -> tuple[ExpectedErrorBody, ...]:
    pose = found.camera.pose
    pan = math.radians(pose.pan_deg)
    expected = []
    for range_m in _EXPECTED_RANGES_M:
        place = (pose.x_m + range_m * math.cos(pan), pose.y_m + range_m * math.sin(pan))
        error_m = float(found.error_at_m(np.array([place]), plane)[0])
        if math.isfinite(error_m):
            expected.append(ExpectedErrorBody(range_m=range_m, error_m=error_m))
    return tuple(expected)
