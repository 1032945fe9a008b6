"""What a calibration starts from: clicked pairs, standing people, and what is known before."""

from __future__ import annotations

from dataclasses import dataclass

from vision.errors import GeometryError
from vision.geometry.camera import Lens


@dataclass(frozen=True, slots=True)
class PointPair:
    """One place that was found in the picture and on the plan; `z_m` in the plan frame."""

    uv_px: tuple[float, float]
    xy_m: tuple[float, float]
    z_m: float = 0.0

    @property
    def xyz_m(self) -> tuple[float, float, float]:
        return (*self.xy_m, self.z_m)


@dataclass(frozen=True, slots=True)
class StandingPerson:
    """Head top and foot of a person who stands upright on the plane given to `calibrate`."""

    head_uv_px: tuple[float, float]
    foot_uv_px: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PosePriors:
    """What is known before the fit, each value with one standard deviation.

    Attributes:
        x_m, y_m, z_m: where the camera hangs, as measured on the plan.
        lens: picture size, focal length and distortion as far as known.
        pan_deg, tilt_deg: a first guess; `None` searches all directions.
        k1_sigma: 0 keeps the lens's own k1.
        click_sigma_px, plan_sigma_m: of the pairs themselves, per axis.
    """

    x_m: float
    y_m: float
    z_m: float
    lens: Lens
    pan_deg: float | None = None
    tilt_deg: float | None = None
    position_sigma_m: float = 0.5
    height_sigma_m: float = 0.1
    roll_sigma_deg: float = 1.5
    focal_sigma: float = 0.05
    k1_sigma: float = 0.0
    click_sigma_px: float = 4.0
    plan_sigma_m: float = 0.1

    def __post_init__(self) -> None:
        sigmas = (self.position_sigma_m, self.height_sigma_m, self.roll_sigma_deg, self.focal_sigma)
        if min(*sigmas, self.click_sigma_px, self.plan_sigma_m) <= 0.0 or self.k1_sigma < 0.0:
            raise GeometryError("every standard deviation of a calibration must be positive")
