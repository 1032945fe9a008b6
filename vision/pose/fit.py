"""The least-squares fit behind `vision.pose.calibration`.

Nine parameters: x, y, z (m), pan, tilt, roll (degrees), log of the focal length (px), k1, and the
mean height of standing people (m).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from vision.arrays import BoolArray, Float64Array
from vision.errors import CalibrationError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.pose.priors import PointPair, PosePriors, StandingPerson

PARAMETERS = ("x_m", "y_m", "z_m", "pan_deg", "tilt_deg", "roll_deg", "log_focal", "k1", "person_m")
_ROUNDS = 3
_BEHIND_PX = 3000.0
_STEP_M = 1e-3
_PERSON_PRIOR_M, _PERSON_SIGMA_M, _PERSON_SPREAD = 1.5, 0.5, 0.08
_HUBER = 2.0
_MAX_LOG_FOCAL = 14.0
_SCALES = np.array([0.5, 0.5, 0.1, 5.0, 5.0, 2.0, 0.05, 0.05, 0.2])


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
    return Camera(
        pose, replace(lens, focal_px=math.exp(min(max(log_focal, 0.0), _MAX_LOG_FOCAL)), k1=k1)
    )


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
    ahead = camera_of(values, priors.lens).rays(problem.clicks_uv_px)
    in_camera = ahead @ Pose(0.0, 0.0, 0.0, 0.0, 0.0).axes().T
    guesses = np.array([(pan_deg, tilt_deg) for pan_deg in pans for tilt_deg in tilts])
    rays = in_camera @ axes_of(guesses[:, 0], guesses[:, 1], np.zeros(len(guesses)))
    order = np.argsort(np.sum((rays - towards) ** 2, axis=(1, 2)), kind="stable")
    starts = []
    for pan_deg, tilt_deg in guesses[order[:3]]:
        start = values.copy()
        start[3:5] = pan_deg, tilt_deg
        starts.append(start)
    return starts


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
    errors = _Errors.around(problem, start, free)
    result = least_squares(
        errors, start[free], jac=errors.jacobian, method="lm", x_scale=_SCALES[free]
    )
    values = start.copy()
    values[free] = result.x
    ended = _Errors.around(problem, values, free)(values[free])
    return float(ended @ ended), values, np.asarray(result.jac)


@dataclass(frozen=True, slots=True)
class _Errors:
    """Whitened errors as a function of the free parameters; weights are taken at `centre`."""

    problem: PoseProblem
    centre: Float64Array
    free: BoolArray
    whitening: Float64Array
    line_scale_px: Float64Array

    @classmethod
    def around(cls, problem: PoseProblem, centre: Float64Array, free: BoolArray) -> _Errors:
        camera = camera_of(centre, problem.priors.lens)
        covariances, _ = pair_covariances(camera, problem.points_xyz_m, problem.priors)
        whitening = np.asarray(np.linalg.inv(np.linalg.cholesky(covariances)))
        return cls(problem, centre, free, whitening, _line_scale(problem))

    def __call__(self, chosen: Float64Array) -> Float64Array:
        values = self.centre.copy()
        values[self.free] = chosen
        return np.asarray(self._of(values[None, :])[0])

    def jacobian(self, chosen: Float64Array) -> Float64Array:
        """Forward differences, all parameters in one go: (errors, free)."""
        values = np.tile(self.centre, (len(chosen) + 1, 1))
        values[:, self.free] = chosen
        steps = _SCALES[self.free] * 1e-6
        values[np.arange(1, len(values)), np.flatnonzero(self.free)] += steps
        errors = self._of(values)
        return np.asarray(((errors[1:] - errors[0]) / steps[:, None]).T)

    def _of(self, values: Float64Array) -> Float64Array:
        """Errors (M, K) of M parameter sets (M, 9)."""
        problem = self.problem
        known, sigmas = known_values(problem.priors)
        judged = self.free & np.isfinite(sigmas)
        gaps = project_many(values, problem.priors.lens, problem.points_xyz_m)
        gaps -= problem.clicks_uv_px
        whitened = np.einsum("nij,mnj->mni", self.whitening, gaps).reshape(len(values), -1)
        parts = [whitened, (values[:, judged] - known[judged]) / sigmas[judged]]
        if problem.people:
            parts.append(np.stack([_line_errors(problem, v, self.line_scale_px) for v in values]))
        return np.concatenate(parts, axis=1)


def axes_of(pan_deg: Float64Array, tilt_deg: Float64Array, roll_deg: Float64Array) -> Float64Array:
    """`Pose.axes` for many directions at once: (M,) each to (M, 3, 3)."""
    pan, tilt, roll = np.radians(pan_deg), np.radians(tilt_deg), np.radians(roll_deg)
    flat = np.cos(tilt)
    forward = np.stack([flat * np.cos(pan), flat * np.sin(pan), -np.sin(tilt)], axis=1)
    level_right = np.stack([np.sin(pan), -np.cos(pan), np.zeros_like(pan)], axis=1)
    level_down = np.cross(forward, level_right)
    cos_roll, sin_roll = np.cos(roll)[:, None], np.sin(roll)[:, None]
    right = cos_roll * level_right + sin_roll * level_down
    down = -sin_roll * level_right + cos_roll * level_down
    return np.stack([right, down, forward], axis=1)


def project_many(values: Float64Array, lens: Lens, points_xyz_m: Float64Array) -> Float64Array:
    """Pixels (M, N, 2) of points (N, 3) for M parameter sets (M, 8 or more).

    As `pixels_of`, but for all parameter sets at once: this is where a fit spends its time.
    """
    axes = axes_of(values[:, 3], np.clip(values[:, 4], -90.0, 90.0), values[:, 5])
    offsets = points_xyz_m[None, :, :] - values[:, None, :3]
    in_camera = offsets @ np.swapaxes(axes, 1, 2)
    depth = in_camera[:, :, 2:3]
    ahead = depth > 1e-6
    ideal = np.divide(in_camera[:, :, :2], depth, out=np.zeros_like(offsets[:, :, :2]), where=ahead)
    r2 = np.sum(ideal**2, axis=2, keepdims=True)
    bent = ideal * (1.0 + values[:, None, 7:8] * r2 + lens.k2 * r2**2)
    focal_px = np.exp(np.clip(values[:, 6], 0.0, _MAX_LOG_FOCAL))[:, None, None]
    uv_px = np.where(ahead, bent * focal_px + lens.centre_uv_px, -_BEHIND_PX)
    return np.clip(uv_px, -_BEHIND_PX, 3 * _BEHIND_PX)


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


def _line_scale(problem: PoseProblem) -> Float64Array:
    """Standard deviation (P,) in px of each head: the click, and how people differ in height."""
    if not problem.people:
        return np.zeros(0)
    heads = np.array([person.head_uv_px for person in problem.people])
    feet = np.array([person.foot_uv_px for person in problem.people])
    lengths_px = np.linalg.norm(heads - feet, axis=1)
    return np.asarray(np.hypot(problem.priors.click_sigma_px, _PERSON_SPREAD * lengths_px))


def _line_errors(
    problem: PoseProblem, values: Float64Array, scale_px: Float64Array
) -> Float64Array:
    """Errors (2 P,) of the heads expected above the feet, with a long tail held down."""
    camera = camera_of(values, problem.priors.lens)
    heads = np.array([person.head_uv_px for person in problem.people])
    feet = np.array([person.foot_uv_px for person in problem.people])
    standing = camera.to_plane(feet, problem.plane)
    standing = np.nan_to_num(standing, nan=1e6)
    tops = np.column_stack([standing, problem.plane.z_at(standing) + values[8]])
    gaps = (pixels_of(camera, tops) - heads) / scale_px[:, None]
    # Huber: a person who bends or was found wrongly must not turn the camera.
    length = np.maximum(np.linalg.norm(gaps, axis=1, keepdims=True), _HUBER)
    weight = np.sqrt(2.0 * _HUBER * length - _HUBER**2) / length
    return np.asarray((gaps * weight).ravel())
