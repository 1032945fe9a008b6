"""Whether a camera hangs and looks as the plan says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vision.coverage.pixel_density import footprint
from vision.geometry.camera import Camera
from vision.geometry.planes import Plane

MOST_TURN_DEG = 3.0
MOST_FOOTPRINT_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class PoseDeviation:
    """How far a camera as built is from its plan.

    Attributes:
        turn_deg: angle between the planned and the built optical axis.
        moved_m: distance between the planned and the built place.
        footprint_share: area seen by one of the two and not by the other, over the planned area,
            without walls.
    """

    turn_deg: float
    moved_m: float
    footprint_share: float

    @property
    def differs(self) -> bool:
        """More than 3 degrees, or more than 10 % of the footprint: this project's limits."""
        return self.turn_deg > MOST_TURN_DEG or self.footprint_share > MOST_FOOTPRINT_SHARE


def pose_deviation(
    planned: Camera, built: Camera, plane: Plane, *, least_px_per_m: float = 25.0
) -> PoseDeviation:
    """Compare two states of one camera on the surface that it watches."""
    cosine = float(planned.pose.axes()[2] @ built.pose.axes()[2])
    wanted = footprint(planned, plane, least_px_per_m=least_px_per_m)
    found = footprint(built, plane, least_px_per_m=least_px_per_m)
    either = float(wanted.symmetric_difference(found).area)
    return PoseDeviation(
        turn_deg=math.degrees(math.acos(min(1.0, max(-1.0, cosine)))),
        moved_m=float(np.linalg.norm(planned.position_xyz_m - built.position_xyz_m)),
        footprint_share=either / wanted.area if wanted.area else float(either > 0.0),
    )
