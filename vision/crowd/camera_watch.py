"""One camera's pictures on the plan: its heads with their zones and identity, its density map."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray, UInt8Array
from vision.crowd.beyond import LEAST_SHARE, Beyond, BeyondPart, BeyondView, near_px, parts_beyond
from vision.crowd.common_time import CommonTime
from vision.crowd.dense_flow import DenseFlow, FlowField, plan_velocities
from vision.crowd.density import SPARSE_PER_M2
from vision.crowd.looking import region_of
from vision.crowd.lying import LyingWatch
from vision.crowd.tracking import HeadTracker, TrackedHeads
from vision.crowd.zone_light import LightWatch, ZoneLight
from vision.crowd.zone_view import ZoneView
from vision.errors import ShapeError
from vision.geometry.camera import Camera
from vision.geometry.grid import disc_area_m2
from vision.instants import Utc
from vision.observations import CrowdObservation, DensityMap, Frame, Region

_ASPECT_TOLERANCE = 0.02
# Mean spread of the three colours over the patches, 0..1. A picture by infrared light is neutral;
# a grey stair in daylight is not quite. A camera that never showed colour says nothing.
_COLOURED = 6.0 / 255.0
_NEUTRAL = 2.0 / 255.0
# A head belongs to the zone that has at least this share of it, and counts where it has any.
_OWNS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ZonePart:
    """What one picture of one camera says of one zone.

    Attributes:
        standing: (K,) which of the picture's heads may stand in the zone.
        standing_xy_m: (K, 2) where in the zone.
        shares: (K,) with which share each counts, above 0 and at most 1.
        map_people: (rows, columns) people of the density map, or `None` without a map.
        lit: (rows, columns) seen cells that are not black.
        luminance: mean brightness of the seen cells, 0..1.
        packed_xy_m, packed_velocity_mps: (M, 2) places and velocities of packed people, from
            dense flow; empty where the zone is sparse.
    """

    view: ZoneView
    standing: IntArray
    standing_xy_m: Float64Array
    shares: Float64Array
    map_people: Float64Array | None
    lit: BoolArray
    luminance: float
    packed_xy_m: Float64Array
    packed_velocity_mps: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class WatchedPicture:
    """One picture of one camera, placed on the plan.

    `infrared` tells a picture taken by infrared light; `None` where this camera showed no colour
    yet. `lying` is how many things lie in a zone, for zones where something looks and can tell.
    `doubt` is why the picture's calm cannot be believed (a catalogue key), empty where it can: a
    crowd in it is a crowd, and nobody in it is no empty place. `came_at` is when it came on the
    time that all cameras share (`vision.crowd.common_time`): its age is told by that one alone.
    `beyond` is what it says of zones next to its own (`vision.crowd.borders`).
    """

    camera_id: str
    captured_at: Utc
    came_at: Utc
    heads: TrackedHeads
    saturated: bool
    relative_error: float
    parts: Mapping[str, ZonePart]
    infrared: bool | None = None
    lying: Mapping[str, int] = field(default_factory=dict)
    doubt: str = ""
    beyond: Mapping[Beyond, BeyondPart] = field(default_factory=dict)


class CameraWatch:
    """Places the pictures of one camera; keeps only its head tracks between pictures.

    A camera whose time is set back is watched anew from there: tracks and flow begin anew by
    themselves. `lying_in` names the zones in which it looks for something that lies
    (`vision.crowd.lying`), `beyond` what it sees of zones next to its own.
    """

    def __init__(
        self,
        camera_id: str,
        camera: Camera,
        views: Sequence[ZoneView],
        lying_in: Collection[str] = (),
        beyond: Mapping[Beyond, BeyondView] | None = None,
    ) -> None:
        self._camera_id = camera_id
        self._camera = camera
        self._views = {view.zone.id: view for view in views}
        self._beyond = dict(beyond or {})
        self._region = region_of(camera, views, [near_px(one) for one in self._beyond.values()])
        self._tracker = HeadTracker()
        self._flow = DenseFlow()
        self._lying_in = frozenset(lying_in)
        self._lying = self._lying_watches()
        self._last_at: Utc | None = None
        self._light = LightWatch(self._views, camera.lens)
        self._showed_colour = False

    def region_in(self, image_bgr: UInt8Array) -> Region | None:
        """The part of this picture that matters; `None` without zones.

        Raises:
            ShapeError: when the picture has another aspect than the calibrated lens.
        """
        if self._region is None:
            return None
        factor_u, factor_v = 1.0 / self._scale_to_lens(image_bgr)
        return self._region.scaled(float(factor_u), float(factor_v))

    def take(
        self, frame: Frame, observation: CrowdObservation, common: CommonTime, doubt: str = ""
    ) -> WatchedPicture:
        """Place what the network saw in `frame`, which comes now on the `common` time.

        `doubt` is that of the picture.

        Raises:
            ShapeError: when the picture has another aspect than the calibrated lens.
        """
        if self._last_at is not None and frame.captured_at < self._last_at:
            self._lying = self._lying_watches()
        self._last_at = frame.captured_at
        scale = self._scale_to_lens(frame.image_bgr)
        heads = observation.heads
        lens_uv_px = heads.centres_uv_px.astype(np.float64) * scale
        placed = self._place(lens_uv_px, heads.sizes_px.astype(np.float64) * scale[1])
        xy_m = placed.xy_m
        ids, velocity_mps = self._tracker.update(xy_m, frame.captured_at)
        tracked = TrackedHeads(
            frame.captured_at,
            ids,
            heads.centres_uv_px,
            heads.sizes_px,
            xy_m,
            velocity_mps,
            heads.scores,
            tuple(placed.zone_ids),
        )
        light = self._light.of(frame)
        self._showed_colour = self._showed_colour or light.chroma > _COLOURED
        in_lens = None if observation.density is None else _scaled(observation.density, scale)
        maps = self._maps(in_lens)
        packed = {zone_id for zone_id, view in self._views.items() if _packed(view, maps[zone_id])}
        moved = self._moved(frame, packed, scale)
        parts = {
            zone_id: _part(
                view,
                placed.standing[zone_id],
                maps[zone_id],
                light.zones[zone_id],
                moved if zone_id in packed else None,
            )
            for zone_id, view in self._views.items()
        }
        return WatchedPicture(
            self._camera_id,
            frame.captured_at,
            common.came(self._camera_id, frame.captured_at),
            tracked,
            heads.saturated,
            observation.relative_error,
            parts,
            light.chroma < _NEUTRAL if self._showed_colour else None,
            self._lies(frame, lens_uv_px, scale),
            doubt,
            parts_beyond(self._beyond, placed.rays, placed.left, in_lens),
        )

    def _lying_watches(self) -> dict[str, LyingWatch]:
        return {
            zone_id: LyingWatch(view)
            for zone_id, view in self._views.items()
            if zone_id in self._lying_in
        }

    def _lies(self, frame: Frame, lens_uv_px: Float64Array, scale: Float64Array) -> dict[str, int]:
        found = {
            zone_id: watch.update(frame.image_bgr, lens_uv_px, scale, frame.captured_at)
            for zone_id, watch in self._lying.items()
        }
        return {zone_id: count for zone_id, count in found.items() if count is not None}

    def _maps(self, density: DensityMap | None) -> dict[str, Float64Array | None]:
        """The density map, in pixels of the lens, on each zone's plan grid."""
        if density is None:
            return dict.fromkeys(self._views)
        return {zone_id: view.project_map(density) for zone_id, view in self._views.items()}

    def _moved(
        self, frame: Frame, packed: Collection[str], scale: Float64Array
    ) -> FlowField | None:
        """Dense flow in pixels of the calibrated lens, only when some zone is packed: it costs."""
        if not packed:
            return None
        image = frame.image_bgr
        moved = self._flow.update(image, frame.captured_at, self.region_in(image))
        return None if moved is None else _field_in_lens(moved, scale)

    def _scale_to_lens(self, image_bgr: UInt8Array) -> Float64Array:
        """Factors (u, v) from picture pixels to the pixels of the calibrated lens."""
        height, width = image_bgr.shape[:2]
        lens = self._camera.lens
        scale = np.array([lens.width_px / width, lens.height_px / height])
        if abs(scale[0] / scale[1] - 1.0) > _ASPECT_TOLERANCE:
            raise ShapeError(
                f"camera {self._camera_id}: a picture of {width}x{height} px has another aspect "
                f"than the calibrated {lens.width_px}x{lens.height_px} px"
            )
        return scale

    def _place(self, uv_px: Float64Array, sizes_px: Float64Array) -> _Placed:
        """The zone of each head, its plan position, and with which share it counts where.

        One ray can meet the head planes of two zones (a gallery above a hall). Then the zone wins
        in which a head would have the size that was seen; without a size, the nearer one. At the
        end of a flight a head counts there with a share, and with the rest where it stands
        otherwise. A head in no zone is placed on the plane of the zone it is nearest to.
        """
        count = len(uv_px)
        zone_ids, xy_m = [""] * count, np.full((count, 2), np.nan)
        best_inside, best_outside = np.full(count, np.inf), np.full(count, np.inf)
        shares: dict[str, Float64Array] = {}
        places: dict[str, Float64Array] = {}
        rays = self._camera.rays(uv_px)
        for zone_id, view in self._views.items():
            plan = view.locate_rays(rays)
            shares[zone_id], places[zone_id] = view.shares_of(rays, plan)
            misfit = _size_misfit(view, places[zone_id], sizes_px)
            wins = (shares[zone_id] >= _OWNS) & (misfit < best_inside)
            best_inside[wins] = misfit[wins]
            away_m = _distance_to_zone(view, plan)
            nearer = (best_inside == np.inf) & (away_m < best_outside)
            best_outside[nearer] = away_m[nearer]
            xy_m[wins | nearer] = plan[wins | nearer]
            for index in np.flatnonzero(wins).tolist():
                zone_ids[index] = zone_id
        return _Placed(zone_ids, xy_m, _standing(zone_ids, shares, places), rays)


@dataclass(frozen=True, slots=True)
class _Placed:
    """Heads on the plan: zones (empty outside all), places (N, 2), and who counts in each zone.

    `rays` (N, 3) are those through the heads.
    """

    zone_ids: list[str]
    xy_m: Float64Array
    standing: Mapping[str, _Standing]
    rays: Float64Array

    @property
    def left(self) -> Float64Array:
        """(N,) which share of each head counts in none of the zones."""
        left = np.ones(len(self.xy_m))
        for own in self.standing.values():
            left[own.heads] -= own.shares
        return left


@dataclass(frozen=True, slots=True)
class _Standing:
    """Which heads count in one zone, where, and with which share: (K,), (K, 2), (K,)."""

    heads: IntArray
    xy_m: Float64Array
    shares: Float64Array


def _standing(
    zone_ids: list[str],
    shares: Mapping[str, Float64Array],
    places: Mapping[str, Float64Array],
) -> dict[str, _Standing]:
    """Nobody counts more than once: the zone that owns a head leaves the others the rest."""
    owned = np.array(
        [shares[zone_id][index] if zone_id else 0.0 for index, zone_id in enumerate(zone_ids)]
    )
    found = {}
    for zone_id, share in shares.items():
        mine = np.array([own == zone_id for own in zone_ids], dtype=np.bool_)
        left = np.where(mine, share, np.minimum(share, 1.0 - owned))
        heads = np.flatnonzero(left >= LEAST_SHARE)
        found[zone_id] = _Standing(heads, places[zone_id][heads], left[heads])
    return found


def _size_misfit(view: ZoneView, plan: Float64Array, sizes_px: Float64Array) -> Float64Array:
    """How far each head's size is from the expected one, as |log ratio|.

    A head without a size gets a number far above any misfit that grows with distance.
    """
    safe = np.nan_to_num(plan, nan=0.0)
    expected = view.expected_head_px(safe)
    with np.errstate(invalid="ignore", divide="ignore"):
        misfit = np.abs(np.log(sizes_px / expected))
    return np.where(np.isfinite(misfit), misfit, 1e3 + 1e3 / expected)


def _distance_to_zone(view: ZoneView, plan: Float64Array) -> Float64Array:
    """Rough distance (N,) to the zone's middle less its reach; inf for NaN."""
    left, bottom, right, top = view.zone.polygon_xy_m.bounds
    beyond = np.maximum(
        np.maximum([left, bottom] - plan, plan - [right, top]),
        0.0,
    )
    return np.asarray(np.nan_to_num(np.linalg.norm(beyond, axis=1), nan=np.inf))


def _packed(view: ZoneView, map_people: Float64Array | None) -> bool:
    if map_people is None:
        return False
    local = view.grid.disc_sum(map_people) / disc_area_m2(view.grid, view.seen)
    return float(local.max(initial=0.0)) >= SPARSE_PER_M2


def _part(
    view: ZoneView,
    standing: _Standing,
    map_people: Float64Array | None,
    light: ZoneLight,
    moved: FlowField | None,
) -> ZonePart:
    packed_xy_m, packed_velocity_mps = np.zeros((0, 2)), np.zeros((0, 2))
    if moved is not None and map_people is not None:
        packed_xy_m, packed_velocity_mps = plan_velocities(view, map_people, moved)
    return ZonePart(
        view=view,
        standing=standing.heads,
        standing_xy_m=standing.xy_m,
        shares=standing.shares,
        map_people=map_people,
        lit=light.lit,
        luminance=light.luminance,
        packed_xy_m=packed_xy_m,
        packed_velocity_mps=packed_velocity_mps,
    )


def _field_in_lens(flow: FlowField, scale: Float64Array) -> FlowField:
    u, v = float(scale[0]), float(scale[1])
    step_u, step_v = flow.step_uv_px
    return replace(
        flow,
        left_px=flow.left_px * u,
        top_px=flow.top_px * v,
        step_uv_px=(step_u * u, step_v * v),
    )


def _scaled(density: DensityMap, scale: Float64Array) -> DensityMap:
    """The same map in pixels of the calibrated lens."""
    return DensityMap(
        density.people_per_cell,
        density.cell_width_px * float(scale[0]),
        density.cell_height_px * float(scale[1]),
        density.left_px * float(scale[0]),
        density.top_px * float(scale[1]),
    )


__all__ = ["CameraWatch", "WatchedPicture", "ZonePart"]
