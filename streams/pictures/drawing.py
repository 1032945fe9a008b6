"""The annotated picture: heads and zones drawn over a camera's picture.

Pictures stay on this machine. Colour is never the only sign: the level stands beside each zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely

from vision.arrays import BoolArray, Float64Array, UInt8Array
from vision.geometry.camera import Camera
from vision.geometry.zones import Zone
from vision.observations import Frame, HeadPoints
from vision.risk.readings import Level, ZoneReading

Colour = tuple[int, int, int]
LEVEL_COLOURS_BGR: Mapping[Level, Colour] = {
    Level.UNKNOWN: (160, 160, 160),
    Level.L0: (110, 180, 60),
    Level.L1: (60, 200, 220),
    Level.L2: (0, 140, 255),
    Level.L3: (40, 40, 230),
    Level.L4: (200, 0, 200),
}
_OUTSIDE_COLOUR: Colour = (235, 235, 235)
_INK: Colour = (255, 255, 255)
_SHADE: Colour = (20, 20, 20)
_STEP_M = 0.25
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# OpenCV draws with 16-bit coordinates inside; a point far outside the picture would wrap.
_FAR_PX = 8000.0


@dataclass(frozen=True, slots=True)
class ZoneOutline:
    """A zone's border on its head plane as a camera sees it.

    Attributes:
        lines_uv_px: polylines of (N, 2) pixels, split where the border leaves the view.
        polygon_uv_px: (N, 2) border pixels for telling heads inside; empty when it is split.
        size_px: width and height of the picture whose pixels these are.
    """

    zone_id: str
    lines_uv_px: tuple[Float64Array, ...]
    polygon_uv_px: Float64Array
    size_px: tuple[int, int]

    def on(self, image_bgr: UInt8Array) -> ZoneOutline:
        """The same outline on a picture (height, width, 3) of the same view in any size."""
        size_px = (image_bgr.shape[1], image_bgr.shape[0])
        if size_px == self.size_px:
            return self
        scale = np.array(size_px) / self.size_px
        lines = tuple(line * scale for line in self.lines_uv_px)
        return ZoneOutline(self.zone_id, lines, self.polygon_uv_px * scale, size_px)


def zone_outline(camera: Camera, zone: Zone) -> ZoneOutline:
    """Project the border of `zone` at head height into the picture of `camera`."""
    border = shapely.segmentize(zone.polygon_xy_m, _STEP_M).exterior
    points_xy_m = np.asarray(border.coords, dtype=np.float64)
    heights = zone.head_plane.z_at(points_xy_m)
    uv_px, _ = camera.project(np.column_stack([points_xy_m, heights]))
    size_px = (camera.lens.width_px, camera.lens.height_px)
    near = np.isfinite(uv_px) & (np.abs(uv_px) < _FAR_PX)
    drawable: BoolArray = np.asarray(near.all(axis=1))
    if drawable.all():
        return ZoneOutline(zone.id, (uv_px,), uv_px, size_px)
    breaks = np.flatnonzero(np.diff(drawable.astype(np.int8)))
    runs = np.split(np.arange(len(uv_px)), breaks + 1)
    lines = tuple(uv_px[run] for run in runs if drawable[run[0]] and len(run) > 1)
    return ZoneOutline(zone.id, lines, np.zeros((0, 2)), size_px)


def draw(
    frame: Frame,
    heads: HeadPoints,
    outlines: Sequence[ZoneOutline],
    readings: Mapping[str, ZoneReading],
) -> UInt8Array:
    """A new picture of the same size with heads, zones, levels and the capture time."""
    image = np.array(frame.image_bgr, copy=True)
    outlines = [outline.on(image) for outline in outlines]
    unit = max(image.shape[1] / 1280.0, 0.4)
    _draw_heads(image, heads, outlines, readings)
    for outline in outlines:
        colour = LEVEL_COLOURS_BGR[_level(outline, readings)]
        points = [np.round(line).astype(np.int32) for line in outline.lines_uv_px]
        cv2.polylines(image, points, False, colour, max(1, round(2 * unit)), cv2.LINE_AA)
        _label(image, outline, readings, unit)
    text = f"{frame.camera_id}  {frame.captured_at.to_datetime():%Y-%m-%d %H:%M:%S} UTC"
    _text(image, text, (round(10 * unit), image.shape[0] - round(12 * unit)), unit, _SHADE)
    return image


def encode_jpeg(image_bgr: UInt8Array, quality: int = 80) -> bytes:
    """JPEG bytes of a (height, width, 3) uint8 BGR picture."""
    done, data = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of shape {image_bgr.shape}")
    return bytes(data)


def _level(outline: ZoneOutline, readings: Mapping[str, ZoneReading]) -> Level:
    reading = readings.get(outline.zone_id)
    return Level.UNKNOWN if reading is None else reading.level


def _draw_heads(
    image: UInt8Array,
    heads: HeadPoints,
    outlines: Sequence[ZoneOutline],
    readings: Mapping[str, ZoneReading],
) -> None:
    for centre, size_px in zip(heads.centres_uv_px, heads.sizes_px, strict=True):
        u, v = float(centre[0]), float(centre[1])
        colour = _OUTSIDE_COLOUR
        for outline in outlines:
            border = outline.polygon_uv_px.astype(np.float32)
            if len(border) and cv2.pointPolygonTest(border, (u, v), False) >= 0:
                colour = LEVEL_COLOURS_BGR[_level(outline, readings)]
                break
        radius = max(3, round(float(size_px) / 2.0)) if np.isfinite(size_px) else 4
        cv2.circle(image, (round(u), round(v)), min(radius, 200), colour, 2, cv2.LINE_AA)


def _label(
    image: UInt8Array, outline: ZoneOutline, readings: Mapping[str, ZoneReading], unit: float
) -> None:
    if not outline.lines_uv_px:
        return
    reading = readings.get(outline.zone_id)
    text = f"{outline.zone_id} {_level(outline, readings).value}"
    if reading is not None and reading.measurement is not None:
        text += f" {reading.measurement.density_peak_per_m2:.1f}/m2"
    points = np.concatenate(outline.lines_uv_px)
    top = points[np.argmin(points[:, 1])]
    u = int(np.clip(top[0], 10, image.shape[1] * 0.75))
    v = int(np.clip(top[1] - 10 * unit, 26 * unit, image.shape[0] - 30 * unit))
    _text(image, text, (u, v), unit, LEVEL_COLOURS_BGR[_level(outline, readings)])


def _text(
    image: UInt8Array, text: str, origin: tuple[int, int], unit: float, ground: Colour
) -> None:
    scale, thick = 0.6 * unit, max(1, round(1.4 * unit))
    (width, height), below = cv2.getTextSize(text, _FONT, scale, thick)
    u, v = origin
    cv2.rectangle(image, (u - 3, v - height - 4), (u + width + 3, v + below + 1), ground, -1)
    # Dark ink on light grounds and light ink on dark ones: the sum is a rough luminance.
    ink = _INK if 0.1 * ground[0] + 0.6 * ground[1] + 0.3 * ground[2] < 140 else _SHADE
    cv2.putText(image, text, (u, v), _FONT, scale, ink, thick, cv2.LINE_AA)


__all__ = ["LEVEL_COLOURS_BGR", "ZoneOutline", "draw", "encode_jpeg", "zone_outline"]
