"""The least-squares fit behind `vision.calibration`.

Nine parameters: x, y, z (m), pan, tilt, roll (degrees), log of the focal length (px), k1, and the
mean height of standing people (m).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from vision.arrays import BoolArray, Float64Array
from vision.camera import Camera, Lens, Pose
from vision.errors import CalibrationError
from vision.planes import Plane
from vision.pose_priors import PointPair, PosePriors, StandingPerson

PARAMETERS = ("x_m", "y_m", "z_m", "pan_deg", "tilt_deg", "roll_deg", "log_focal", "k1", "person_m")
_ROUNDS = 3
_BEHIND_PX = 3000.0
_STEP_M = 1e-3
_PERSON_PRIOR_M, _PERSON_SIGMA_M, _PERSON_SPREAD = 1.5, 0.5, 0.08
_HUBER = 2.0


@dataclass(frozen=True, slots=True)
class PoseProblem:
    """What is fitted to what; `plane` is the walking surface under the people."""

    pairs: tuple[PointPair, ...]
    priors: PosePriors
    people: tuple[StandingPerson, ...]
    plane: Plane

    @property
    def points_xyz_m(self) -> Float64Array:
        return np.array([pair.xyz_m for pair in self.pairs])

    @property
    def clicks_uv_px(self) -> Float64Array:
        return np.array([pair.uv_px for pair in self.pairs])


def camera_of(values: Float64Array, lens: Lens) -> Camera:
    """The camera that the first eight parameters describe; tilt is held in -90..90 degrees."""
    x_m, y_m, z_m, pan_deg, tilt_deg, roll_deg, log_focal, k1 = (float(v) for v in values[:8])
    pose = Pose(x_m, y_m, z_m, pan_deg, min(max(tilt_deg, -90.0), 90.0), roll_deg)
    # A trial step may ask for any focal length; the clip keeps it a lens.
    return Camera(pose, replace(lens, focal_px=math.exp(min(max(log_focal, 0.0), 14.0)), k1=k1))


def values_of(camera: Camera) -> Float64Array:
    """The first eight parameters (8,) of `camera`."""
    pose, lens = camera.pose, camera.lens
    angles = (pose.pan_deg, pose.tilt_deg, pose.roll_deg)
    return np.array([pose.x_m, pose.y_m, pose.z_m, *angles, math.log(lens.focal_px), lens.k1])


def known_values(priors: PosePriors) -> tuple[Float64Array, Float64Array]:
    """Prior values and standard deviations (9,); infinite where nothing is known, 0 where fixed."""
    log_focal = math.log(priors.lens.focal_px)
    values = [priors.x_m, priors.y_m, priors.z_m, 0.0, 0.0, 0.0, log_focal, priors.lens.k1]
    position = priors.position_sigma_m
    sigmas = [position, position, priors.height_sigma_m, math.inf, math.inf, priors.roll_sigma_deg]
    sigmas += [priors.focal_sigma, priors.k1_sigma, _PERSON_SIGMA_M]
    return np.array([*values, _PERSON_PRIOR_M]), np.array(sigmas)


def first_guesses(problem: PoseProblem) -> list[Float64Array]:
    """Pan and tilt whose rays come nearest to the plan points, best three first."""
    priors = problem.priors
    values, _ = known_values(priors)
    pans = np.arange(0.0, 360.0, 15.0) if priors.pan_deg is None else [priors.pan_deg]
    tilts = np.arange(-15.0, 90.0, 15.0) if priors.tilt_deg is None else [priors.tilt_deg]
    towards = problem.points_xyz_m - values[:3]
    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-9)
    scored = []
    for pan_deg in pans:
        for tilt_deg in tilts:
            guess = values.copy()
            guess[3:5] = pan_deg, tilt_deg
            rays = camera_of(guess, priors.lens).rays(problem.clicks_uv_px)
            scored.append((float(np.sum((rays - towards) ** 2)), len(scored), guess))
    return [guess for _, _, guess in sorted(scored, key=lambda item: item[:2])[:3]]


def fit_pose(
    problem: PoseProblem, guesses: Sequence[Float64Array]
) -> tuple[Float64Array, Float64Array]:
    """Best values (9,) and their covariance (9, 9), starting from each guess.

    Raises:
        CalibrationError: when no start leads to finite values.
    """
    _, sigmas = known_values(problem.priors)
    free = sigmas > 0.0
    free[8] = bool(problem.people)
    tried = [_descend(problem, guess, free) for guess in guesses]
    cost, values, jacobian = min(tried, key=lambda item: item[0])
    for _ in range(_ROUNDS - 1):
        # The weights depend on where the camera is, so they are taken anew where the fit ended.
        cost, values, jacobian = _descend(problem, values, free)
    if not (math.isfinite(cost) and np.isfinite(values).all()):
        raise CalibrationError("no pose fits the pairs; check the plan points and their order")
    covariance = np.zeros((len(PARAMETERS), len(PARAMETERS)))
    covariance[np.ix_(free, free)] = np.linalg.pinv(jacobian.T @ jacobian)
    values[3] = (values[3] + 180.0) % 360.0 - 180.0
    return values, covariance


def _descend(
    problem: PoseProblem, start: Float64Array, free: BoolArray
) -> tuple[float, Float64Array, Float64Array]:
    """One least-squares descent: cost, values (9,) and Jacobian of the free parameters.

    The cost is taken with the weights of where the descent ended, so that two can be compared.
    """
    errors = _error_function(problem, start, free)
    result = least_squares(errors, start[free], method="lm", x_scale=_scales(free))
    values = start.copy()
    values[free] = result.x
    ended = _error_function(problem, values, free)(values[free])
    return float(ended @ ended), values, np.asarray(result.jac)


def _scales(free: BoolArray) -> Float64Array:
    return np.array([0.5, 0.5, 0.1, 5.0, 5.0, 2.0, 0.05, 0.05, 0.2])[free]


def _error_function(
    problem: PoseProblem, around: Float64Array, free: BoolArray
) -> Callable[[Float64Array], Float64Array]:
    """Whitened errors as a function of the free parameters; weights are taken at `around`."""
    priors = problem.priors
    known, sigmas = known_values(priors)
    judged = free & np.isfinite(sigmas)
    points, clicks = problem.points_xyz_m, problem.clicks_uv_px
    whitening = _whitening(camera_of(around, priors.lens), points, priors)
    line_scale = _line_scale(problem)

    def errors(chosen: Float64Array) -> Float64Array:
        values = around.copy()
        values[free] = chosen
        camera = camera_of(values, priors.lens)
        gaps = pixels_of(camera, points) - clicks
        parts = [np.einsum("nij,nj->ni", whitening, gaps).ravel()]
        parts.append((values[judged] - known[judged]) / sigmas[judged])
        if problem.people:
            parts.append(_line_errors(problem, camera, float(values[8]), line_scale))
        return np.concatenate(parts)

    return errors


def pixels_of(camera: Camera, points_xyz_m: Float64Array) -> Float64Array:
    """Projected pixels (N, 2); far outside where the camera would have to look backwards."""
    uv_px, _ = camera.project(points_xyz_m)
    return np.clip(np.nan_to_num(uv_px, nan=-_BEHIND_PX), -_BEHIND_PX, 3 * _BEHIND_PX)


def pair_covariances(
    camera: Camera, points_xyz_m: Float64Array, priors: PosePriors
) -> tuple[Float64Array, Float64Array]:
    """Covariance (N, 2, 2) in px² of click and plan errors together, and d(uv)/d(xy) (N, 2, 2)."""
    here = pixels_of(camera, points_xyz_m)
    columns = [
        (pixels_of(camera, points_xyz_m + step) - here) / _STEP_M
        for step in (np.array([_STEP_M, 0, 0]), np.array([0, _STEP_M, 0]))
    ]
    slopes = np.stack(columns, axis=2)
    plan = slopes @ np.swapaxes(slopes, 1, 2) * priors.plan_sigma_m**2
    return plan + np.eye(2) * priors.click_sigma_px**2, slopes


def _whitening(camera: Camera, points_xyz_m: Float64Array, priors: PosePriors) -> Float64Array:
    covariances, _ = pair_covariances(camera, points_xyz_m, priors)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariances)))


def _line_scale(problem: PoseProblem) -> Float64Array:
    """Standard deviation (P,) in px of each head: the click, and how people differ in height."""
    if not problem.people:
        return np.zeros(0)
    heads = np.array([person.head_uv_px for person in problem.people])
    feet = np.array([person.foot_uv_px for person in problem.people])
    lengths_px = np.linalg.norm(heads - feet, axis=1)
    return np.hypot(problem.priors.click_sigma_px, _PERSON_SPREAD * lengths_px)


def _line_errors(
    problem: PoseProblem, camera: Camera, person_m: float, scale_px: Float64Array
) -> Float64Array:
    """Errors (2 P,) of the heads expected above the feet, with a long tail held down."""
    heads = np.array([person.head_uv_px for person in problem.people])
    feet = np.array([person.foot_uv_px for person in problem.people])
    standing = camera.to_plane(feet, problem.plane)
    standing = np.nan_to_num(standing, nan=1e6)
    tops = np.column_stack([standing, problem.plane.z_at(standing) + person_m])
    gaps = (pixels_of(camera, tops) - heads) / scale_px[:, None]
    # Huber: a person who bends or was found wrongly must not turn the camera.
    length = np.maximum(np.linalg.norm(gaps, axis=1, keepdims=True), _HUBER)
    weight = np.sqrt(2.0 * _HUBER * length - _HUBER**2) / length
    return np.asarray((gaps * weight).ravel())
