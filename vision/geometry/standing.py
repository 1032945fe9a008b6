"""Where somebody stands whose head is seen at a pixel, when people differ in height.

On level floor a head taken for 0.15 m too high is misplaced a little, as often one way as the
other. At the ends of a stair flight it is not so: behind the upper edge the walking surface goes on
level, and a camera that looks up the flight sees that landing at a grazing angle. The heads of
short people far back on it lie on the same rays as heads at the top of the flight, and would pile
up there. So a head near an end of a flight counts on it with its share:

    share = sum over heights k of p_k J_k [hit on the flight] / sum over k, surface of p_k J_k [hit]

with p_k a normal distribution around the zone's head height and J = t² / |rate| the plan area that
a pixel covers at distance t (people are taken as equally likely on every square metre). The flight
ends in level landings at its upper and lower edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from vision.arrays import BoolArray, Float64Array
from vision.geometry.camera import Camera
from vision.geometry.planes import Plane
from vision.geometry.zones import Zone

# Pupils of several grades and their teachers, one standard deviation: our judgement.
HEIGHT_SD_M = 0.15
# A plane that rises less than this is a floor or a ramp and has no landings.
_LEAST_SLOPE = 0.2
_STEPS = np.linspace(-2.0, 2.0, 9)
_CHANCE = np.exp(-0.5 * _STEPS**2) / np.exp(-0.5 * _STEPS**2).sum()
# A landing is taken as wide as the flight and a metre on each side.
_BESIDE_M = 1.0


@dataclass(frozen=True, eq=False)
class Standing:
    """Shares of heads on one zone as one camera sees them."""

    camera: Camera
    zone: Zone

    @property
    def has_landings(self) -> bool:
        return float(np.hypot(self.zone.plane.slope_x, self.zone.plane.slope_y)) >= _LEAST_SLOPE

    def shares(self, rays: Float64Array) -> tuple[Float64Array, Float64Array]:
        """The share (N,), 0..1, with which heads on rays (N, 3) stand in the zone, and where.

        Where is the mean place in the zone (N, 2), NaN where the share is 0.
        """
        if not len(rays):
            return np.zeros(0), np.zeros((0, 2))
        # All heights and planes at once: a picture has few heads, and single calls would cost more
        # than they.
        raised_m = _STEPS * HEIGHT_SD_M
        landings = [one.raised(self.zone.head_height_m) for one in (self._lower, self._upper)]
        planes = (self.zone.head_plane, *landings)
        x_m, y_m, area = self._hits(rays, planes, raised_m)
        here = _CHANCE[:, None] * np.where(self._on_flight(x_m[0], y_m[0]), area[0], 0.0)
        weight = here.sum(axis=0)
        place = np.column_stack([(here * x_m[0]).sum(axis=0), (here * y_m[0]).sum(axis=0)])
        total = weight.copy()
        for n, beyond in ((1, -1.0), (2, 1.0)):
            on_it = self._on_landing(x_m[n], y_m[n], beyond)
            total += (_CHANCE[:, None] * np.where(on_it, area[n], 0.0)).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0.0, weight / total, 0.0)
            mean = np.where(weight[:, None] > 0.0, place / weight[:, None], np.nan)
        return share, mean

    def _hits(
        self, rays: Float64Array, planes: Sequence[Plane], raised_m: Float64Array
    ) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Where rays (N, 3) meet P planes raised by K heights: x, y and t² / |rate|, each
        (P, K, N).

        A ray that does not meet it has an area of 0.
        """
        origin = self.camera.position_xyz_m
        slopes = np.array([(plane.slope_x, plane.slope_y) for plane in planes])
        above_m = np.array([origin[2] - float(plane.z_at(origin[None, :2])[0]) for plane in planes])
        rate = (rays[:, 2] - slopes @ rays[:, :2].T)[:, None, :]
        gap = (above_m[:, None] - raised_m)[:, :, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = -gap / rate
            hit = np.isfinite(distance) & (distance > 1e-6)
            distance = np.where(hit, distance, 0.0)
            area = np.where(hit, distance * distance / np.abs(rate), 0.0)
        return origin[0] + distance * rays[:, 0], origin[1] + distance * rays[:, 1], area

    def _on_flight(self, x_m: Float64Array, y_m: Float64Array) -> BoolArray:
        """Whether places lie in the zone."""
        inside = shapely.intersects_xy(self.zone.polygon_xy_m, x_m, y_m)
        return np.asarray(inside, dtype=np.bool_)

    def _on_landing(self, x_m: Float64Array, y_m: Float64Array, beyond: float) -> BoolArray:
        """Whether places lie past the upper (1) or lower (-1) edge, about as wide."""
        up, across = self._uphill, np.array([-self._uphill[1], self._uphill[0]])
        corners = self._corners
        edge = beyond * (corners @ up)
        side = corners @ across
        along, beside = x_m * up[0] + y_m * up[1], x_m * across[0] + y_m * across[1]
        past = beyond * along > edge.max()
        past &= beside >= side.min() - _BESIDE_M
        past &= beside <= side.max() + _BESIDE_M
        return np.asarray(past)

    @cached_property
    def _corners(self) -> Float64Array:
        return np.asarray(self.zone.polygon_xy_m.exterior.coords, dtype=np.float64)[:, :2]

    @cached_property
    def _uphill(self) -> Float64Array:
        slope = np.array([self.zone.plane.slope_x, self.zone.plane.slope_y])
        return np.asarray(slope / np.hypot(*slope))

    @cached_property
    def _lower(self) -> Plane:
        return Plane(float(self.zone.plane.z_at(self._corners).min()))

    @cached_property
    def _upper(self) -> Plane:
        return Plane(float(self.zone.plane.z_at(self._corners).max()))


__all__ = ["HEIGHT_SD_M", "Standing"]
