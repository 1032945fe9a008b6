"""A camera's pose from a few clicked points: a constrained fit, not a bare homography.

Position, height, focal length and roll are known about; pan and tilt are not. The fit minimises
the pixel errors of the pairs, each weighted by the uncertainty of the click and of the measured
plan point, together with the distance from what is known. Three or four pairs are enough for that,
where a homography of four noisy points is off by metres at 20 m.

People standing in the picture can refine the fit: each gives a line from head to foot. Their mean
height is left free, because pupils are not of a height that could be assumed; scale comes from the
camera's own height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vision.arrays import Float64Array
from vision.errors import CalibrationError
from vision.geometry.camera import Camera
from vision.geometry.planes import LEVEL_FLOOR, Plane
from vision.pose.fit import (
    PARAMETERS,
    PoseProblem,
    camera_of,
    first_guesses,
    fit_pose,
    known_values,
    pair_covariances,
    pixels_of,
    values_of,
)
from vision.pose.priors import PointPair, PosePriors, StandingPerson

MAX_RESIDUAL_PX = 8.0
MAX_RESIDUAL_M = 0.5
MAX_PRIOR_SIGMAS = 4.0
MIN_PAIRS = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted camera with what speaks for and against it.

    Attributes:
        residuals_px: (N,) distance between each click and its projected plan point.
        residuals_m: (N,) distance between each plan point and its click's place on the plan.
        click_errors_px, plan_errors_m: (N,) the same disagreement, shared out between the click
            and the measured point by their uncertainties; the limits are laid on these.
        leave_one_out_m: (N,) error on the plan of each pair when it takes no part in the fit;
            empty where that was not asked for or only three pairs were given.
        person_height_m: mean height of the people; `None` without them.
        covariance: (8, 8) of x, y, z (m), pan, tilt, roll (degrees), log focal length, k1.
    """

    camera: Camera
    residuals_px: Float64Array
    residuals_m: Float64Array
    click_errors_px: Float64Array
    plan_errors_m: Float64Array
    leave_one_out_m: Float64Array
    person_height_m: float | None
    covariance: Float64Array = field(repr=False)

    @property
    def rms_px(self) -> float:
        return float(np.sqrt(np.mean(self.residuals_px**2)))

    @property
    def rms_m(self) -> float:
        return float(np.sqrt(np.mean(self.residuals_m**2)))

    def error_at_m(self, points_xy_m: Float64Array, plane: Plane = LEVEL_FLOOR) -> Float64Array:
        """Expected error (N,) in metres, one standard deviation, of places on `plane` (N, 2)."""
        points = np.atleast_2d(np.asarray(points_xy_m, dtype=np.float64))
        uv_px, _ = self.camera.project(np.column_stack([points, plane.z_at(points)]))
        values = values_of(self.camera)
        moved = []
        for index, step in enumerate((1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-5, 1e-5)):
            shifted = values.copy()
            shifted[index] += step
            at = camera_of(shifted, self.camera.lens).to_plane(uv_px, plane)
            moved.append((at - points) / step)
        jacobian = np.stack(moved, axis=2)
        spread = np.einsum("nip,pq,niq->n", jacobian, self.covariance, jacobian)
        return np.asarray(np.sqrt(spread))


def calibrate(
    pairs: Sequence[PointPair],
    priors: PosePriors,
    *,
    people: Sequence[StandingPerson] = (),
    plane: Plane = LEVEL_FLOOR,
    leave_one_out: bool = True,
) -> Calibration:
    """Fit pose, focal length and, where wanted, k1 to point pairs.

    Args:
        pairs: three or more, spread over the picture.
        people: standing people, to refine tilt, roll and focal length.
        plane: the walking surface under them, and of the residuals where pairs have its height.
        leave_one_out: also fit without each pair in turn (from four pairs on).

    Raises:
        CalibrationError: fewer than three pairs, pairs in one spot, no pose that fits, a click
            off by more than 8 px or a plan point by more than 0.5 m beyond what the other's
            uncertainty explains, or a result far from what was known; the text names the pair.
    """
    _check_pairs(pairs, priors)
    problem = PoseProblem(tuple(pairs), priors, tuple(people), plane)
    fitted, covariance = fit_pose(problem, first_guesses(problem))
    camera = camera_of(fitted, priors.lens)
    residuals_px, residuals_m, clicks_px, plans_m = _residuals(camera, pairs, priors)
    _check_limits(clicks_px, plans_m, residuals_m)
    _check_priors(fitted, priors)
    left_out = np.zeros(0)
    if leave_one_out and len(pairs) > MIN_PAIRS:
        left_out = _leave_one_out(problem, fitted)
    return Calibration(
        camera=camera,
        residuals_px=residuals_px,
        residuals_m=residuals_m,
        click_errors_px=clicks_px,
        plan_errors_m=plans_m,
        leave_one_out_m=left_out,
        person_height_m=float(fitted[8]) if people else None,
        covariance=covariance[:8, :8],
    )


def _check_pairs(pairs: Sequence[PointPair], priors: PosePriors) -> None:
    if len(pairs) < MIN_PAIRS:
        raise CalibrationError(f"a calibration needs at least {MIN_PAIRS} pairs, got {len(pairs)}")
    numbers = np.array([(*pair.uv_px, *pair.xyz_m) for pair in pairs])
    if not np.isfinite(numbers).all():
        raise CalibrationError("a pair holds a number that is not finite")
    size = (priors.lens.width_px, priors.lens.height_px)
    for index, pair in enumerate(pairs):
        if not (0 <= pair.uv_px[0] <= size[0] and 0 <= pair.uv_px[1] <= size[1]):
            raise CalibrationError(f"pair {index + 1}: its pixel lies outside the picture")
    if np.ptp(numbers[:, :2], axis=0).max() < 0.05 * size[0]:
        raise CalibrationError("all pairs lie in one spot of the picture; spread them over it")


def _residuals(
    camera: Camera, pairs: Sequence[PointPair], priors: PosePriors
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """Residuals in px and m, and their shares of click (px) and plan (m): four of (N,)."""
    points = np.array([pair.xyz_m for pair in pairs])
    clicks = np.array([pair.uv_px for pair in pairs])
    gaps = clicks - pixels_of(camera, points)
    covariances, slopes = pair_covariances(camera, points, priors)
    # Least squares with errors in both: each side takes its part of the gap by its covariance.
    pulls = np.linalg.solve(covariances, gaps[:, :, None])
    click_part = pulls[:, :, 0] * priors.click_sigma_px**2
    plan_part = (np.swapaxes(slopes, 1, 2) @ pulls)[:, :, 0] * priors.plan_sigma_m**2
    return (
        np.linalg.norm(gaps, axis=1),
        _plan_gaps_m(camera, pairs),
        np.linalg.norm(click_part, axis=1),
        np.linalg.norm(plan_part, axis=1),
    )


def _plan_gaps_m(camera: Camera, pairs: Sequence[PointPair]) -> Float64Array:
    """Distance (N,) on the plan between each pair's click and point; infinite above the horizon."""
    gaps = []
    for pair in pairs:
        at = camera.to_plane(np.array([pair.uv_px]), Plane(z0_m=pair.z_m))[0]
        gap = float(np.hypot(*(at - pair.xy_m)))
        gaps.append(gap if math.isfinite(gap) else math.inf)
    return np.array(gaps)


def _check_limits(clicks_px: Float64Array, plans_m: Float64Array, gaps_m: Float64Array) -> None:
    worst = int(np.argmax(clicks_px))
    if clicks_px[worst] > MAX_RESIDUAL_PX:
        raise CalibrationError(
            f"pair {worst + 1} is off by {clicks_px[worst]:.1f} px, more than {MAX_RESIDUAL_PX:g} "
            "px; click it again, or check its plan point"
        )
    worst = int(np.argmax(plans_m))
    if plans_m[worst] > MAX_RESIDUAL_M:
        raise CalibrationError(
            f"pair {worst + 1} is off by {plans_m[worst]:.2f} m on the plan, more than "
            f"{MAX_RESIDUAL_M:g} m; measure it again, or check which point was clicked"
        )
    if not np.isfinite(gaps_m).all():
        beyond = int(np.argmax(~np.isfinite(gaps_m)))
        raise CalibrationError(f"pair {beyond + 1} was clicked above the horizon")


def _check_priors(values: Float64Array, priors: PosePriors) -> None:
    known, sigmas = known_values(priors)
    for index, name in enumerate(PARAMETERS[:8]):
        if not (sigmas[index] > 0.0 and math.isfinite(sigmas[index])):
            continue
        if abs(values[index] - known[index]) > MAX_PRIOR_SIGMAS * sigmas[index]:
            raise CalibrationError(
                f"the fit puts {name} at {values[index]:.2f}, but {known[index]:.2f} was given "
                f"(standard deviation {sigmas[index]:g}); check the pairs, then what was given"
            )


def _leave_one_out(problem: PoseProblem, fitted: Float64Array) -> Float64Array:
    errors = []
    for index, pair in enumerate(problem.pairs):
        others = problem.pairs[:index] + problem.pairs[index + 1 :]
        values, _ = fit_pose(replace(problem, pairs=others), [fitted])
        camera = camera_of(values, problem.priors.lens)
        errors.append(_plan_gaps_m(camera, [pair])[0])
    return np.array(errors)


__all__ = [
    "MAX_RESIDUAL_M",
    "MAX_RESIDUAL_PX",
    "MIN_PAIRS",
    "Calibration",
    "PointPair",
    "PosePriors",
    "StandingPerson",
    "calibrate",
]
