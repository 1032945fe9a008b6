"""Draws a virtual crowd through a calibrated camera, with the exact place of every head.

Every position goes through `vision.geometry.camera.Camera`, the pinhole that the rest of the system
uses. People are sprites of ray-traced bodies, placed so that the head's centre and the feet fall
where the camera projects them, and painted from far to near, so that nearer people truly hide
others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np

from streams.virtual.bodies import View
from streams.virtual.looks import Look, near_infrared
from streams.virtual.sensor import Sensor
from streams.virtual.sprites import Sprite, Wardrobe
from streams.virtual.stage import GAMMA, Lamp, Stage, draw_backdrop
from vision.arrays import BoolArray, Float32Array, Float64Array, IntArray, UInt8Array
from vision.geometry.camera import Camera

_NEAREST_M = 0.6
_STEEP_SPAN = 0.35
_HEAD_DISC = 0.33
_BILLBOARD_M = 0.25
_DEPTH_SLACK_M = 0.35
_SHADOW_REACH_M = 0.42
_NOBODY = -1


class Light(StrEnum):
    """How the place is lit."""

    DAY = "day"
    DIM = "dim"
    IR = "ir"


_TARGET = {Light.DAY: 0.33, Light.DIM: 0.07, Light.IR: 0.18}  # linear median of the empty scene


@dataclass(frozen=True, slots=True)
class Crowd:
    """People at one instant.

    Attributes:
        ids: (N,) int64.
        feet_xyz_m: (N, 3) on the walking surface, plan frame.
        heading_rad: (N,) counter-clockwise from plan +x.
        pose: (N,) int64, see `streams.virtual.bodies.View`.
        looks: one per person.
    """

    ids: IntArray
    feet_xyz_m: Float64Array
    heading_rad: Float64Array
    pose: IntArray
    looks: tuple[Look, ...]

    @property
    def heads_xyz_m(self) -> Float64Array:
        """Head centres (N, 3)."""
        heads = self.feet_xyz_m.copy()
        heads[:, 2] += np.array([look.head_centre_m for look in self.looks])
        return heads


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the heads of a `Crowd` fall in the picture; arrays run along its people.

    Attributes:
        uv_px: (N, 2) projection of the head's centre; NaN behind the camera.
        size_px: (N,) chin to crown, focal length x size / depth; NaN behind the camera.
        visible: (N,) share of the head's disc that shows in the picture, 0..1.
        in_picture: (N,) whether the centre lies inside the picture.
    """

    uv_px: Float64Array
    size_px: Float64Array
    visible: Float64Array
    in_picture: BoolArray


@dataclass(frozen=True, slots=True)
class Rendered:
    """One picture, (height, width, 3) uint8 BGR, with the truth about its heads."""

    image_bgr: UInt8Array
    heads: Heads


class Renderer:
    """Draws crowds on one stage through one camera under one light. Not thread-safe."""

    def __init__(
        self,
        stage: Stage,
        camera: Camera,
        light: Light,
        seed: int,
        *,
        oversample: int = 2,
        wardrobe: Wardrobe | None = None,
    ) -> None:
        self._camera, self._light = camera, light
        if light is Light.IR:
            eye = camera.pose
            lamp = Lamp((eye.x_m, eye.y_m, eye.z_m), power=14.0)
            stage = replace(stage, lamps=(lamp,), ambient=0.06, sky_bgr=(0.02, 0.02, 0.02))
        self._stage = stage
        self._wardrobe = wardrobe or Wardrobe(lamp_at_camera=light is Light.IR)
        lens = camera.lens
        self._sensor = Sensor(lens.width_px, lens.height_px, seed, strength=_NOISE[light])
        self._empty, self._occluder_m, self._exposure = self._expose(oversample)
        self._infrared: dict[Look, Look] = {}

    def _expose(self, oversample: int) -> tuple[UInt8Array, Float32Array | None, float]:
        backdrop = draw_backdrop(self._stage, self._camera, oversample=oversample)
        linear = backdrop.reflected_bgr
        if self._light is Light.IR:
            linear = np.repeat(linear.mean(axis=2, keepdims=True), 3, axis=2)
        exposure = _TARGET[self._light] / max(float(np.median(linear)), 1e-3)
        tone = (linear * exposure).clip(0.0, 1.0) ** GAMMA
        if self._light is Light.DIM:
            tone = 0.55 * tone + 0.45 * tone.mean(axis=2, keepdims=True)
        tone *= self._sensor.vignette[..., None]
        return (tone * 255.0 + 0.5).astype(np.uint8), backdrop.occluder_m, exposure

    def draw(self, crowd: Crowd, frame_index: int) -> Rendered:
        """Draw one picture; equal arguments give equal bytes."""
        canvas = self._empty.copy()
        owner = np.full(canvas.shape[:2], _NOBODY, np.int16)
        layout = _Layout.of(crowd, self._camera)
        gains = self._gains(crowd)
        nearest_last = np.argsort(-layout.distance_m, kind="stable")
        drawn = [int(i) for i in nearest_last if layout.drawable[i]]
        for i in drawn:
            _cast_shadow(canvas, layout.shadow_uv_px[i])
        for i in drawn:
            self._paint(canvas, owner, crowd, layout, i, float(gains[i]))
        visible = np.zeros(len(crowd.ids))
        for i in drawn:
            visible[i] = _visible_share(owner, i, layout.head_uv_px[i], float(layout.size_px[i]))
        heads = Heads(layout.head_uv_px, layout.size_px, visible, layout.in_picture)
        return Rendered(self._sensor.finish(canvas, frame_index), heads)

    def _gains(self, crowd: Crowd) -> Float64Array:
        chest = crowd.feet_xyz_m + np.array([0.0, 0.0, 1.0])
        if self._light is Light.IR:
            normal = self._camera.position_xyz_m - chest
            normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        else:
            normal = np.tile([0.0, 0.0, 1.0], (len(chest), 1))
        light = self._stage.irradiance(chest, normal)
        return np.asarray(np.clip(light * self._exposure, 0.005, 2.0) ** GAMMA)

    def _paint(
        self,
        canvas: UInt8Array,
        owner: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
        crowd: Crowd,
        layout: _Layout,
        i: int,
        gain: float,
    ) -> None:
        look = crowd.looks[i]
        view = View(
            float(layout.elevation_deg[i]),
            math.degrees(float(crowd.heading_rad[i]) - float(layout.azimuth_rad[i])),
            int(crowd.pose[i]),
        )
        scale_px = float(layout.size_px[i]) / look.build.head_ratio
        sprite = self._wardrobe.sprite(self._dressed(look), view, scale_px)
        placed = _place(
            sprite,
            layout.homography(i, look, sprite.elevation_deg),
            canvas.shape[1],
            canvas.shape[0],
        )
        if placed is None:
            return
        (left, top), bgra = placed
        rows, columns = bgra.shape[:2]
        area = np.s_[top : top + rows, left : left + columns]
        if self._occluder_m is not None:
            hidden = self._occluder_m[area] < layout.distance_m[i] - _DEPTH_SLACK_M
            if hidden.any():
                bgra[hidden] = 0
        alpha = cv2.extractChannel(bgra, 3)
        gain *= self._sensor.vignette_at(layout.head_uv_px[i])
        colour = cv2.convertScaleAbs(cv2.cvtColor(bgra, cv2.COLOR_BGRA2BGR), alpha=gain)
        if self._light is Light.DIM:
            grey = cv2.cvtColor(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
            colour = cv2.addWeighted(colour, 0.55, grey, 0.45, 0.0)
        through = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2BGR)
        # A bright person may pass the opaque share of a soft edge; cv2.add saturates.
        canvas[area] = cv2.add(cv2.multiply(canvas[area], through, scale=1.0 / 255.0), colour)
        owner[area][alpha > 127] = i

    def _dressed(self, look: Look) -> Look:
        if self._light is not Light.IR:
            return look
        if look not in self._infrared:
            self._infrared[look] = near_infrared(look)
        return self._infrared[look]


_NOISE = {Light.DAY: 2.2, Light.DIM: 7.0, Light.IR: 4.5}


@dataclass(frozen=True, slots=True)
class _Layout:
    """Everything about a crowd that one batch of projections gives."""

    head_uv_px: Float64Array
    size_px: Float64Array
    in_picture: BoolArray
    drawable: BoolArray
    distance_m: Float64Array
    elevation_deg: Float64Array
    azimuth_rad: Float64Array
    upright_uv_px: Float64Array  # (N, 4, 2): head left, head right, feet right, feet left
    steep_uv_px: Float64Array  # (N, 4, 2): head left and right, then both a little further down
    shadow_uv_px: Float64Array  # (N, 4, 2)

    @classmethod
    def of(cls, crowd: Crowd, camera: Camera) -> _Layout:
        heads, feet = crowd.heads_xyz_m, crowd.feet_xyz_m
        eye = camera.position_xyz_m
        sight = (heads + feet) / 2.0 - eye
        distance_m = np.linalg.norm(sight, axis=1)
        elevation = np.arcsin(np.clip(-sight[:, 2] / np.maximum(distance_m, 1e-9), -1, 1))
        azimuth = np.arctan2(sight[:, 1], sight[:, 0])
        right = np.column_stack([np.sin(azimuth), -np.cos(azimuth), np.zeros(len(azimuth))])
        lean = np.sin(elevation)
        down = np.column_stack(
            [-lean * np.cos(azimuth), -lean * np.sin(azimuth), -np.cos(elevation)]
        )
        head_uv_px, in_picture = camera.project(heads)
        depth_axis = camera.pose.axes()[2]
        depth = (heads - eye) @ depth_axis
        feet_depth = (feet - eye) @ depth_axis
        sizes_m = np.array([look.head_size_m for look in crowd.looks])
        ahead = (depth > _NEAREST_M) & (feet_depth > 0.2)
        size_px = np.where(
            depth > 1e-6, camera.lens.focal_px * sizes_m / np.maximum(depth, 1e-6), np.nan
        )
        corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * _SHADOW_REACH_M
        ground = (feet[:, None, :] + corners).reshape(-1, 3)
        shadow = camera.project(ground)[0].reshape(-1, 4, 2)
        return cls(
            head_uv_px, size_px, in_picture, ahead, distance_m, np.degrees(elevation), azimuth,
            _corners(camera, heads, feet, right),
            _corners(camera, heads, heads + _BILLBOARD_M * down, right),
            shadow,
        )  # fmt: skip

    def homography(self, i: int, look: Look, elevation_deg: float) -> Float64Array:
        """From body heights (right, down; feet's middle at 0) to pixels, (3, 3).

        `elevation_deg` is the line of sight of the sprite, which is near that of the camera: the
        head's place within the sprite follows from it.
        """
        head = look.head_centre_m / look.height_m
        span = head * math.cos(math.radians(elevation_deg))
        side = _BILLBOARD_M / look.height_m
        if span < _STEEP_SPAN:
            # Seen from almost above, feet and head fall together and cannot fix the direction.
            low, target = side - span, self.steep_uv_px[i]
        else:
            low, target = 0.0, self.upright_uv_px[i]
        source = np.array([[-side, -span], [side, -span], [side, low], [-side, low]], np.float32)
        return np.asarray(cv2.getPerspectiveTransform(source, target.astype(np.float32)))


def _corners(
    camera: Camera, top: Float64Array, bottom: Float64Array, right: Float64Array
) -> Float64Array:
    """Projected corners (N, 4, 2) of upright boards 2 x `_BILLBOARD_M` wide."""
    side = _BILLBOARD_M * right
    points = np.stack([top - side, top + side, bottom + side, bottom - side], axis=1)
    return camera.project(points.reshape(-1, 3))[0].reshape(-1, 4, 2)


def _place(
    sprite: Sprite, homography: Float64Array, width: int, height: int
) -> tuple[tuple[int, int], UInt8Array] | None:
    """Warp a sprite into its box of the picture: (left, top) and BGRA, or `None` outside."""
    scale = 1.0 / sprite.px_per_height
    to_heights = np.array(
        [
            [scale, 0.0, (0.5 - sprite.feet_column) * scale],
            [0.0, scale, (0.5 - sprite.feet_row) * scale],
            [0.0, 0.0, 1.0],
        ]
    )
    full = homography @ to_heights
    rows, columns = sprite.bgra.shape[:2]
    corners = np.array([[0, 0, 1], [columns, 0, 1], [columns, rows, 1], [0, rows, 1.0]]) @ full.T
    if not np.isfinite(corners).all() or (corners[:, 2] <= 1e-9).any():
        return None
    uv = corners[:, :2] / corners[:, 2:]
    low, high = np.floor(uv.min(axis=0)), np.ceil(uv.max(axis=0)) + 1
    left, top = int(max(low[0], 0)), int(max(low[1], 0))
    right, bottom = int(min(high[0], width)), int(min(high[1], height))
    if right - left < 2 or bottom - top < 2:
        return None
    # Pixel centres lie at +0.5 in the camera's coordinates and at integers in OpenCV's.
    shift = np.array([[1.0, 0.0, -left - 0.5], [0.0, 1.0, -top - 0.5], [0.0, 0.0, 1.0]])
    bgra = cv2.warpPerspective(
        sprite.bgra, shift @ full, (right - left, bottom - top), flags=cv2.INTER_LINEAR
    )
    return (left, top), bgra.astype(np.uint8, copy=False)


def _blob(size: int = 48) -> UInt8Array:
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    reach = axis[:, None] ** 2 + axis[None, :] ** 2
    return (110.0 * np.clip(1.0 - reach, 0.0, 1.0) ** 1.3).astype(np.uint8)


_SHADOW = _blob()
_SHADOW_CORNERS = np.array([[0, 0], [47, 0], [47, 47], [0, 47]], np.float32)


def _cast_shadow(canvas: UInt8Array, corners_uv_px: Float64Array) -> None:
    """Darken the floor around a person's feet."""
    if not np.isfinite(corners_uv_px).all():
        return
    height, width = canvas.shape[:2]
    left, top = (max(0, math.floor(v)) for v in corners_uv_px.min(axis=0))
    right = min(width, math.ceil(corners_uv_px[:, 0].max()) + 1)
    bottom = min(height, math.ceil(corners_uv_px[:, 1].max()) + 1)
    if right - left < 2 or bottom - top < 2:
        return
    target = (corners_uv_px - [left, top]).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(_SHADOW_CORNERS, target)
    blob = cv2.warpPerspective(_SHADOW, matrix, (right - left, bottom - top))
    area = canvas[top:bottom, left:right]
    keep = cv2.cvtColor(255 - blob, cv2.COLOR_GRAY2BGR)
    canvas[top:bottom, left:right] = cv2.multiply(area, keep, scale=1.0 / 255.0)


def _visible_share(
    owner: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
    i: int,
    uv_px: Float64Array,
    size_px: float,
) -> float:
    """Share of the disc inside a head that shows this person and lies in the picture."""
    radius = max(1.0, _HEAD_DISC * size_px)
    u = np.arange(math.floor(uv_px[0] - radius), math.ceil(uv_px[0] + radius) + 1)
    v = np.arange(math.floor(uv_px[1] - radius), math.ceil(uv_px[1] + radius) + 1)
    disc = (u + 0.5 - uv_px[0]) ** 2 + (v[:, None] + 0.5 - uv_px[1]) ** 2 <= radius**2
    rows, columns = owner.shape
    u_in, v_in = (u >= 0) & (u < columns), (v >= 0) & (v < rows)
    if not u_in.any() or not v_in.any() or not disc.any():
        return 0.0
    mine = owner[v[v_in]][:, u[u_in]] == i
    return float(np.count_nonzero(mine & disc[v_in][:, u_in]) / np.count_nonzero(disc))


__all__ = ["Crowd", "Heads", "Light", "Rendered", "Renderer"]
