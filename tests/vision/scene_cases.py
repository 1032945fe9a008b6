"""A small place with synthetic pictures: people of known positions seen by real camera geometry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from shapely.geometry import box

from config.profiles import load_profiles
from vision.arrays import Float64Array
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Line, Zone, ZoneType
from vision.instants import Utc
from vision.observations import CrowdObservation, DensityMap, Frame, HeadPoints
from vision.risk.readings import ZoneReading
from vision.scene import SceneAnalyser

START = Utc.from_iso("2026-03-02T08:00:00+08:00")
STEP_S = 0.2
LENS = Lens.from_hfov(640, 360, 70)
STAIR = Zone(
    "stair-a",
    "f1",
    ZoneType.STAIRS,
    box(0, 0, 3.6, 3),
    Plane(1.8, -0.5, 0.0),
    1.35,
    width_m=3.0,
    axis_deg=0.0,
    exits=(Line("stair-foot", (3.6, 0.0), (3.6, 3.0)),),
)
FACING = Camera(Pose(8.6, 1.5, 5.0, 180, 26), LENS)
BESIDE = Camera(Pose(1.8, -5.5, 6.5, 90, 32), LENS)


def scene(cameras: dict[str, Camera] | None = None, zone: Zone = STAIR) -> SceneAnalyser:
    """An analyser of one zone that all of `cameras` see."""
    seen_by = {"cam-a": FACING} if cameras is None else cameras
    return SceneAnalyser(
        cameras=seen_by,
        zones=[zone],
        zone_cameras={zone.id: tuple(seen_by)},
        profiles=load_profiles(),
        model_id="heads@test",
    )


def frame(
    seconds: float,
    camera_id: str = "cam-a",
    brightness: int = 120,
    size: tuple[int, int] = (640, 360),
) -> Frame:
    """An even grey picture."""
    image = np.full((size[1], size[0], 3), brightness, np.uint8)
    return Frame(camera_id, round(seconds * 5), START.plus(seconds), image)


def heads(
    people_xy_m: Float64Array, camera: Camera = FACING, zone: Zone = STAIR, scale: float = 1.0
) -> CrowdObservation:
    """What a perfect network says of people at these places (N, 2) on the zone's plane."""
    people = np.asarray(people_xy_m, dtype=np.float64).reshape(-1, 2)
    points = np.column_stack([people, zone.head_plane.z_at(people)])
    uv_px, inside = camera.project(points)
    seen = (uv_px[inside] * scale).astype(np.float32)
    count = len(seen)
    found = HeadPoints(seen, np.full(count, np.nan, np.float32), np.full(count, 0.95, np.float32))
    return CrowdObservation(found, None, 0.05)


def as_map(
    people_xy_m: Float64Array, camera: Camera = FACING, zone: Zone = STAIR
) -> CrowdObservation:
    """The same people only as a density map of 4-pixel cells."""
    points = heads(people_xy_m, camera, zone).heads.centres_uv_px
    cells = np.zeros((90, 160), np.float32)
    for u, v in points:
        cells[int(v // 4), int(u // 4)] += 1.0
    return CrowdObservation(HeadPoints.none(), DensityMap(cells, 4.0, 4.0), 0.05)


def play(
    analyser: SceneAnalyser,
    people_at: Callable[[float], Float64Array],
    seconds: tuple[float, float],
    brightness: int = 120,
) -> list[tuple[float, ZoneReading]]:
    """Show `cam-a` five pictures a second from seconds[0] to seconds[1]."""
    readings = []
    for index in range(round(seconds[0] / STEP_S), round(seconds[1] / STEP_S)):
        t = index * STEP_S
        (reading,) = analyser.observe(frame(t, brightness=brightness), heads(people_at(t)))
        readings.append((t, reading))
    return readings


def queue(t: float) -> Float64Array:
    """People who come down one by one (0.8 a second) and queue before a shut gate at x = 3.6."""
    count = 36
    came = np.arange(count) / 0.8
    lane, row = np.arange(count) % 6, np.arange(count) // 6
    stop_x = 3.35 - 0.5 * row
    x = np.minimum(-1.5 + (t - came) * 0.8, stop_x)
    places = np.column_stack([x, 0.25 + lane * 0.5])
    return np.asarray(places[came <= t])


def stream(t: float) -> Float64Array:
    """People who walk down freely, one a second in two lanes, and leave at the foot."""
    came = np.arange(0, 200, dtype=np.float64)
    x = -1.5 + (t - came) * 0.8
    y = np.where(np.arange(200) % 2 == 0, 1.0, 2.0)
    here = (came <= t) & (x < 5.0)
    return np.asarray(np.column_stack([x, y])[here])
