"""People of an ordinary school day in one zone of the sample school, and what would be measured.

A light model of walking, made to be fast and pure; it is not JuPedSim and knows no crush. Everybody
walks along waypoints at an own pace, keeps a time gap to whoever is ahead in the same lane, steps
aside for who stands or comes the other way, and may wait at a waypoint. Time gaps are set so that a
lane carries about what IMO MSC.1/Circ.1533 gives (1.1 per m and s on stairs, 1.3 on the level).

Measured from them by the measuring core's own functions: density, flow over the borders, speeds,
directions, pressure. Misses, false heads and noise are stated here. Heads keep their identity, and
nobody behind a side door is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from vision.arrays import BoolArray, Float64Array
from vision.crowd.density import points_in_disc
from vision.crowd.movement import direction_shares, median_speed_mps, meeting_share, stopped_share
from vision.crowd.pressure import LocalPressure
from vision.crowd.tracking import TrackedHeads
from vision.crowd.zone_flow import Seen, ZoneFlow, exit_width_m, to_exit_m
from vision.geometry.grid import PlanGrid, disc_area_m2
from vision.geometry.zones import Zone, ZoneType
from vision.instants import Utc
from vision.risk.arrivals import arrivals, densest_per_s
from vision.risk.readings import ZoneMeasurement

STEP_S = 0.5
# Every other step is looked at: one picture a second, as of a calm camera of the sample school.
LOOK_EVERY = 2
MISSED_HEADS = 0.08
FALSE_HEADS_A_PICTURE = 0.03
PLACE_NOISE_M = 0.06
SPEED_NOISE_MPS = 0.1
LUMINANCE = 0.45

_Xy = tuple[float, float]
_BODY_M = 0.4
_LANE_M = 0.4
# People side by side keep apart: a push of this pace at no distance, none at the reach. It is as
# strong as a walk, so that bodies do not pass through each other.
_PUSH_MPS, _REACH_M = 1.2, 0.7
_STEP_ASIDE_MPS = 0.35
# Who must pass somebody that stands keeps at least this share of the own pace.
_SQUEEZE = 0.3
_STAIR_SHARE, _STAIR_GAP_S, _LEVEL_GAP_S = 0.65, 1.0, 0.85


@dataclass(frozen=True, slots=True)
class Person:
    """One person: waypoints, and until when the person waits at each (seconds, 0 for not).

    `start_s` is when the person appears at the first waypoint.
    """

    start_s: float
    pace_mps: float
    path_xy_m: tuple[_Xy, ...]
    wait_until_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """One measurement and the truth behind it."""

    t_s: float
    measurement: ZoneMeasurement
    truth_per_m2: float


def watched(
    zone: Zone,
    people: Sequence[Person],
    began: Utc,
    rng: np.random.Generator,
    *,
    shut_until_s: float = 0.0,
) -> Iterator[Looked]:
    """What is measured of these people, once a second, until the last one is gone.

    The doors of the zone's exits have contacts; they are shut until `shut_until_s`.
    """
    desk = _Desk(zone, rng, shut_until_s)
    crowd = _Crowd(sorted(people, key=lambda person: person.start_s), zone)
    while not crowd.over:
        for _ in range(LOOK_EVERY):
            crowd.step()
        yield desk.look(crowd, began)


class _Crowd:
    """Everybody who is there now; arrays run along people."""

    def __init__(self, people: Sequence[Person], zone: Zone) -> None:
        self._coming = list(people)
        self.t_s = self._coming[0].start_s if people else 0.0
        on_stairs = zone.type is ZoneType.STAIRS
        self._share = _STAIR_SHARE if on_stairs else 1.0
        self._gap_s = _STAIR_GAP_S if on_stairs else _LEVEL_GAP_S
        _left, bottom, _right, top = zone.polygon_xy_m.bounds
        self._low_y, self._high_y = bottom + 0.2, top - 0.2
        self._people: list[Person] = []
        self._made = 0
        self.ids = np.zeros(0, np.int64)
        self.xy_m = np.zeros((0, 2))
        self.velocity_mps = np.zeros((0, 2))
        self._leg = np.zeros(0, np.int64)

    @property
    def over(self) -> bool:
        return not self._coming and not self._people

    def step(self) -> None:
        self.t_s += STEP_S
        while self._coming and self._coming[0].start_s <= self.t_s:
            self._enter(self._coming.pop(0))
        self._walk()
        self._turn()

    def _enter(self, person: Person) -> None:
        self._people.append(person)
        self.ids = np.append(self.ids, self._made)
        self._made += 1
        self.xy_m = np.vstack([self.xy_m, person.path_xy_m[0]])
        self.velocity_mps = np.vstack([self.velocity_mps, (0.0, 0.0)])
        self._leg = np.append(self._leg, 1)

    def _walk(self) -> None:
        if not self._people:
            return
        target = np.array([p.path_xy_m[k] for p, k in zip(self._people, self._leg, strict=True)])
        pace = self._share * np.array([person.pace_mps for person in self._people])
        away = target - self.xy_m
        distance = np.hypot(away[:, 0], away[:, 1])
        heading = away / np.maximum(distance, 1e-6)[:, None]
        waits = distance < 0.05
        forward, aside, towards = self._others(heading)
        lane = (forward > 0.01) & (np.abs(aside) < _LANE_M)
        follows = np.where(lane & (towards > 0.3) & ~waits[None, :], forward, np.inf).min(axis=1)
        stands = np.where(lane & ((towards < -0.3) | waits[None, :]), forward, np.inf).min(axis=1)
        speed = np.clip((follows - _BODY_M) / self._gap_s, 0.0, pace)
        must_pass = (stands < 1.2) & ~waits
        speed = np.where(must_pass, np.maximum(np.minimum(speed, stands), _SQUEEZE * pace), speed)
        speed = np.minimum(speed, distance / STEP_S)
        right = np.column_stack([heading[:, 1], -heading[:, 0]])
        self.velocity_mps = heading * speed[:, None]
        self.velocity_mps += right * (_STEP_ASIDE_MPS * must_pass)[:, None]
        self.velocity_mps += self._pushed(waits)
        before = self.xy_m
        moved = before + STEP_S * self.velocity_mps
        # Only who goes through a side door passes a side wall.
        inside = (before[:, 1] >= self._low_y) & (before[:, 1] <= self._high_y)
        inside &= (target[:, 1] >= self._low_y) & (target[:, 1] <= self._high_y)
        moved[inside, 1] = np.clip(moved[inside, 1], self._low_y, self._high_y)
        self.xy_m = moved
        self.velocity_mps = (moved - before) / STEP_S

    def _pushed(self, waits: BoolArray) -> Float64Array:
        """Velocity (N, 2) away from whoever is too near; nobody who waits is pushed."""
        apart = self.xy_m[:, None, :] - self.xy_m[None, :, :]
        distance = np.hypot(apart[..., 0], apart[..., 1])
        np.fill_diagonal(distance, np.inf)
        strength = _PUSH_MPS * np.clip(1.0 - distance / _REACH_M, 0.0, None)
        push = (apart / np.maximum(distance, 0.05)[..., None] * strength[..., None]).sum(axis=1)
        return np.where(waits[:, None], 0.0, push)

    def _others(self, heading: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Distance ahead, distance aside, and whether the other walks the same way, all (N, N)."""
        relative = self.xy_m[None, :, :] - self.xy_m[:, None, :]
        forward = np.einsum("ijk,ik->ij", relative, heading)
        across = np.column_stack([-heading[:, 1], heading[:, 0]])
        aside = np.einsum("ijk,ik->ij", relative, across)
        return forward, aside, heading @ heading.T

    def _turn(self) -> None:
        """Who has reached a waypoint and waited long enough goes on; at the last one is gone."""
        keep = np.ones(len(self._people), dtype=np.bool_)
        for index, person in enumerate(self._people):
            leg = int(self._leg[index])
            x_m, y_m = person.path_xy_m[leg]
            near = np.hypot(self.xy_m[index, 0] - x_m, self.xy_m[index, 1] - y_m) < 0.25
            if near and self.t_s >= person.wait_until_s[leg]:
                if leg + 1 == len(person.path_xy_m):
                    keep[index] = False
                else:
                    self._leg[index] += 1
        if not keep.all():
            self._people = [p for p, kept in zip(self._people, keep, strict=True) if kept]
            self.ids, self._leg = self.ids[keep], self._leg[keep]
            self.xy_m, self.velocity_mps = self.xy_m[keep], self.velocity_mps[keep]


class _Desk:
    """Turns people into measurements of one zone."""

    def __init__(self, zone: Zone, rng: np.random.Generator, shut_until_s: float) -> None:
        self._zone, self._rng, self._shut_until_s = zone, rng, shut_until_s
        self._grid = PlanGrid.over(zone.polygon_xy_m)
        self._counted: BoolArray = self._grid.area_m2 > 1e-9
        self._disc_m2 = disc_area_m2(self._grid, np.ones(self._grid.shape, dtype=np.bool_))
        self._area_m2 = float(self._grid.area_m2.sum())
        self._width_m = exit_width_m(zone)
        self._flow = ZoneFlow(zone)
        self._pressure = LocalPressure(self._grid)
        self._side_walls = zone.polygon_xy_m.bounds[1], zone.polygon_xy_m.bounds[3]

    def look(self, crowd: _Crowd, began: Utc) -> Looked:
        at = began.plus(crowd.t_s)
        true_xy_m = crowd.xy_m[_inside(self._zone, crowd.xy_m)]
        truth_per_m2 = self._local(true_xy_m)
        heads, velocity_mps = self._found(crowd, at)
        inside = _inside(self._zone, heads.xy_m)
        walkers_xy_m, walkers_mps = heads.xy_m[inside], velocity_mps[inside]
        people = float(inside.sum())
        self._pressure.update(walkers_xy_m, walkers_mps, at)
        density = self._local(walkers_xy_m)
        cell = int(np.argmax(density))
        peak_per_m2, area_m2 = float(density.ravel()[cell]), float(self._disc_m2.ravel()[cell])
        x_m, y_m = self._grid.centres_xy_m[cell]
        peak_xy_m = (float(x_m), float(y_m)) if people else None
        rates = self._flow.update({"camera": Seen(heads)}, people, at)
        inflow = None if rates is None else rates.inflow_per_s
        outflow = None if rates is None else rates.outflow_per_s
        shares = direction_shares(walkers_mps, self._zone.axis_deg)
        used = None if rates is None else rates.used
        coming = densest_per_s(arrivals(self._zone.exits, walkers_xy_m, walkers_mps).after_s)
        shut = crowd.t_s < self._shut_until_s
        measurement = ZoneMeasurement(
            zone_id=self._zone.id,
            captured_at=at,
            people=people,
            people_std=_std(people),
            density_peak_per_m2=peak_per_m2,
            density_peak_std_per_m2=_std(peak_per_m2 * area_m2) / area_m2,
            peak_xy_m=peak_xy_m,
            density_mean_per_m2=people / max(self._area_m2, 1.0),
            visible_share=1.0,
            speed_mps=median_speed_mps(walkers_mps),
            inflow_per_s=inflow,
            outflow_per_s=outflow,
            minority_share=meeting_share(shares, None if rates is None else rates.may_meet),
            pressure_per_s2=self._pressure.of_dense_per_s2(density),
            luminance=LUMINANCE,
            stopped_share=stopped_share(walkers_mps),
            outflow_per_m_s=self._per_metre(outflow),
            demand_per_m_s=self._per_metre(inflow),
            along_share=shares.along if shares.walkers else None,
            peak_to_exit_m=to_exit_m(self._zone, peak_xy_m),
            exit_used_share=None if used is None else used.share,
            exit_used_flow_per_m_s=None if used is None else used.flow_per_m_s,
            arriving_per_m_s=self._per_metre(coming) if self._zone.exits else None,
            exit_open_share=(0.0 if shut else 1.0) if self._zone.exits else None,
        )
        return Looked(crowd.t_s, measurement, float(truth_per_m2.max()))

    def _local(self, xy_m: Float64Array) -> Float64Array:
        """Kernel density of heads in the zone, (rows, columns); equals `vision.crowd.density`'s."""
        counts = points_in_disc(self._grid, xy_m, np.ones(len(xy_m)))
        return np.where(self._counted, counts / self._disc_m2, 0.0)

    def _per_metre(self, flow_per_s: float | None) -> float | None:
        return None if flow_per_s is None or self._width_m is None else flow_per_s / self._width_m

    def _found(self, crowd: _Crowd, at: Utc) -> tuple[TrackedHeads, Float64Array]:
        """Heads that are found, with noise; nobody behind a side wall is seen."""
        rng = self._rng
        low, high = self._side_walls
        y_m = crowd.xy_m[:, 1]
        found = (rng.random(len(y_m)) >= MISSED_HEADS) & (y_m >= low) & (y_m <= high)
        xy_m = crowd.xy_m[found] + rng.normal(0.0, PLACE_NOISE_M, (int(found.sum()), 2))
        velocity_mps = crowd.velocity_mps[found] + rng.normal(0.0, SPEED_NOISE_MPS, xy_m.shape)
        ids = crowd.ids[found]
        strays = int(rng.poisson(FALSE_HEADS_A_PICTURE))
        if strays:
            left, bottom, right, top = self._zone.polygon_xy_m.bounds
            xy_m = np.vstack([xy_m, rng.uniform([left, bottom], [right, top], (strays, 2))])
            velocity_mps = np.vstack([velocity_mps, np.full((strays, 2), np.nan)])
            ids = np.append(ids, 1_000_000 + rng.integers(0, 1_000_000, strays))
        count = len(ids)
        heads = TrackedHeads(
            at,
            ids.astype(np.int64),
            np.zeros((count, 2), np.float32),
            np.full(count, np.nan, np.float32),
            xy_m,
            velocity_mps,
            np.full(count, 0.9, np.float32),
            (self._zone.id,) * count,
        )
        return heads, velocity_mps


def _std(people: float) -> float:
    """Standard error of so many heads of score 0.9, with the network's relative error."""
    return float(np.sqrt(0.09 * people + (MISSED_HEADS * people) ** 2))


def _inside(zone: Zone, xy_m: Float64Array) -> BoolArray:
    if not len(xy_m):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(shapely.contains_xy(zone.polygon_xy_m, xy_m[:, 0], xy_m[:, 1]))


__all__ = ["STEP_S", "Looked", "Person", "watched"]
