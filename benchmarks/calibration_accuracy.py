"""How far off a place 20 m away is after a calibration from three or four clicked pairs.

    python -m benchmarks.calibration_accuracy --json

Random cameras (2.5 to 6 m high, tilt 5 to 40 degrees, field of view 50 to 100 degrees, roll with a
standard deviation of 1 degree, 1920x1080) are calibrated from simulated clicks: 4 px of noise on
each pixel axis and 0.1 m on each plan axis. What is known before is wrong by up to 0.5 m in
position, 0.1 m in height and 5 % in focal length. Pairs are placed as the tool advises: one near,
the others 14 to 24 m away and apart in the picture. The figure of the target is the error on the
plan, at 20 m straight ahead, of cameras with three pairs (every second) and four; the error over
the whole width of the picture, and with pairs placed anyhow, stand beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.report import EXIT_TARGET_MISSED, Report, parser
from vision.arrays import Float64Array
from vision.errors import CalibrationError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import LEVEL_FLOOR
from vision.pose.calibration import PointPair, PosePriors, calibrate

TARGET_P90_M = 0.7
RANGE_M = 20.0
CLICK_PX, PLAN_M = 4.0, 0.1
POSITION_M, HEIGHT_M, FOCAL = 0.5, 0.1, 0.05
# Standard deviation of a uniform error within its bounds.
UNIFORM = 1.0 / math.sqrt(3.0)


@dataclass(frozen=True, slots=True)
class Trial:
    """Errors of one calibrated camera at 20 m: straight ahead, and over the picture's width."""

    ahead_m: float
    across_m: Float64Array
    residual_px: float


def random_camera(rng: np.random.Generator) -> Camera:
    """A camera that has the place 20 m ahead in its picture."""
    while True:
        lens = Lens.from_hfov(1920, 1080, rng.uniform(50.0, 100.0))
        x_m, y_m = rng.uniform(-5.0, 5.0, 2)
        pan_deg, tilt_deg = rng.uniform(-180.0, 180.0), rng.uniform(5.0, 40.0)
        pose = Pose(x_m, y_m, rng.uniform(2.5, 6.0), pan_deg, tilt_deg, rng.normal(0.0, 1.0))
        camera = Camera(pose, lens)
        if camera.project(at_distance(camera, np.array([RANGE_M]), np.array([0.0])))[1][0]:
            return camera


def at_distance(camera: Camera, range_m: Float64Array, side_deg: Float64Array) -> Float64Array:
    """Floor points (N, 3) at a plan distance and an angle beside the optical axis."""
    angle = np.radians(camera.pose.pan_deg + side_deg)
    x_m = camera.pose.x_m + range_m * np.cos(angle)
    y_m = camera.pose.y_m + range_m * np.sin(angle)
    return np.column_stack([x_m, y_m, np.zeros(len(angle))])


def placed_pairs(
    camera: Camera, count: int, rng: np.random.Generator, *, advised: bool
) -> tuple[Float64Array, Float64Array] | None:
    """Plan points (N, 3) and their exact pixels (N, 2), or `None` where the draw does not fit."""
    half_deg = camera.lens.hfov_deg / 2.0
    near = rng.uniform(3.0, 12.0, count - 2)
    far = rng.uniform(14.0, 24.0, 2)
    ranges = np.concatenate([near, far]) if advised else rng.uniform(3.0, 24.0, count)
    points = at_distance(camera, ranges, rng.uniform(-half_deg, half_deg, count))
    uv_px, inside = camera.project(points)
    apart_px = abs(uv_px[-1, 0] - uv_px[-2, 0])
    if not inside.all() or np.ptp(uv_px, axis=0).max() < 0.1 * camera.lens.width_px:
        return None
    if advised and apart_px < 0.25 * camera.lens.width_px:
        return None
    return points, uv_px


def guessed(camera: Camera, rng: np.random.Generator) -> PosePriors:
    """What an installer would write down, wrong within the stated bounds."""
    x_off, y_off = rng.uniform(-POSITION_M, POSITION_M, 2)
    focal_px = camera.lens.focal_px * (1.0 + rng.uniform(-FOCAL, FOCAL))
    return PosePriors(
        x_m=camera.pose.x_m + x_off,
        y_m=camera.pose.y_m + y_off,
        z_m=camera.pose.z_m + rng.uniform(-HEIGHT_M, HEIGHT_M),
        lens=Lens(camera.lens.width_px, camera.lens.height_px, focal_px),
        position_sigma_m=POSITION_M * UNIFORM,
        height_sigma_m=HEIGHT_M * UNIFORM,
        focal_sigma=FOCAL * UNIFORM,
        roll_sigma_deg=1.0,
        click_sigma_px=CLICK_PX,
        plan_sigma_m=PLAN_M,
    )


def trial(count: int, rng: np.random.Generator, *, advised: bool) -> Trial | None:
    """One camera calibrated from `count` pairs; `None` when the calibration was refused."""
    placed = None
    while placed is None:
        camera = random_camera(rng)
        placed = placed_pairs(camera, count, rng, advised=advised)
    points, uv_px = placed
    clicks = np.clip(uv_px + rng.normal(0.0, CLICK_PX, uv_px.shape), 0.0, [1920.0, 1080.0])
    measured = points[:, :2] + rng.normal(0.0, PLAN_M, (count, 2))
    pairs = [
        PointPair((float(u), float(v)), (float(x), float(y)))
        for (u, v), (x, y) in zip(clicks, measured, strict=True)
    ]
    try:
        found = calibrate(pairs, guessed(camera, rng), leave_one_out=False)
    except CalibrationError:
        return None
    sides = np.linspace(-camera.lens.hfov_deg / 2.0, camera.lens.hfov_deg / 2.0, 21)
    places = at_distance(camera, np.full(len(sides), RANGE_M), sides)
    seen_uv, seen = camera.project(places)
    at = found.camera.to_plane(seen_uv, LEVEL_FLOOR)
    errors = np.linalg.norm(at - places[:, :2], axis=1)
    errors = np.where(np.isfinite(errors), errors, np.inf)
    return Trial(float(errors[len(sides) // 2]), errors[seen], found.rms_px)


def measure(report: Report, cameras: int, seed: int) -> float:
    """Fill the report; the 90th percentile that the target is laid on."""
    target_p90 = math.inf
    for name, advised in (("advised", True), ("anyhow", False)):
        rng = np.random.default_rng([seed, int(advised)])
        trials = {
            count: [trial(count, rng, advised=advised) for _ in range(cameras // 2)]
            for count in (3, 4)
        }
        for label, counts in (("3", (3,)), ("4", (4,)), ("3_or_4", (3, 4))):
            tried = [found for count in counts for found in trials[count]]
            done = [found for found in tried if found is not None]
            ahead = np.array([found.ahead_m for found in done])
            across = np.concatenate([found.across_m for found in done])
            p50, p90 = np.percentile(ahead, [50, 90])
            key = f"{label}_pairs_{name}"
            report.figures[f"{key}_ahead_p50_m"] = round(float(p50), 3)
            report.figures[f"{key}_ahead_p90_m"] = round(float(p90), 3)
            report.figures[f"{key}_across_p90_m"] = round(float(np.percentile(across, 90)), 3)
            report.figures[f"{key}_refused"] = len(tried) - len(done)
            report.figures[f"{key}_cameras"] = len(tried)
            is_target = advised and label == "3_or_4"
            target_p90 = float(p90) if is_target else target_p90
            limit = f"p90 <= {TARGET_P90_M:g} m" if is_target else ""
            shown = f"p50 {p50:.2f}, p90 {p90:.2f}, across p90 {np.percentile(across, 90):.2f}"
            report.row(f"{label} pairs {name}, {len(done)}/{len(tried)} fitted", shown, limit)
    return target_p90


def main() -> int:
    arguments = parser(__doc__ or "", seed=20)
    arguments.add_argument("--cameras", type=int, default=1000)
    chosen = arguments.parse_args()
    report = Report("calibration_accuracy", chosen.seed, packages=("numpy", "scipy"))
    report.figures["cameras"] = chosen.cameras
    p90_m = measure(report, chosen.cameras, chosen.seed)
    report.figures["target_p90_m"] = TARGET_P90_M
    report.figures["passed"] = p90_m <= TARGET_P90_M
    report.publish(as_json=chosen.json)
    return 0 if p90_m <= TARGET_P90_M else EXIT_TARGET_MISSED


if __name__ == "__main__":
    raise SystemExit(main())
