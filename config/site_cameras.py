"""Cameras from their keys: address, pose, lens, and whether they can see what they list."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace

from shapely.geometry import LineString, Point

from config.camera_uri import CameraUri, CameraUriError
from config.site import CalibrationNote, Floor, LocalText, Preset, SiteCamera
from config.site_folder import SiteFolder
from config.site_schema import CameraKeys, LensKeys, PoseKeys
from config.yaml_source import KeyPath, YamlSource
from vision.errors import GeometryError, NotVisibleError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.sight import visible_share
from vision.geometry.zones import Zone, ZoneType

# The height of a pose that was fitted is known to about this.
_HEIGHT_SLACK_M = 0.1
# Railings and screens are meant to be seen over.
_HIGH_WALL_M = 2.1
# Nearer to a wall it counts as drawn on it, see `vision.geometry.visibility.Eye`.
_ON_WALL_M = 0.01
_ALONG_DEG = 3.0
# What rises less is no flight; see docs/decisions/0008-warning-before-density.md, "who turns".
_LEAST_SLOPE = 0.2
LANDING_FPS = 2.5


def build_camera(
    keys: CameraKeys,
    zones: Mapping[int, Zone],
    at: KeyPath,
    source: YamlSource,
    folder: SiteFolder,
) -> SiteCamera | None:
    """The camera, or `None` with the reasons reported; `zones` by their place in its list."""
    before = len(source.problems)
    uri = _uri(keys.uri, keys.credentials, (*at, "uri"), source, folder)
    sub_uri = None
    if keys.sub_uri is not None:
        sub_uri = _uri(keys.sub_uri, keys.credentials, (*at, "sub_uri"), source, folder)
    camera = _calibrated(keys, at, source)
    if camera is not None:
        for index, zone in zones.items():
            _check_sight(camera, zone, (*at, "zones", index), source)
    for zone in zones.values():
        _check_rate(keys.analysed_fps, zone, (*at, "analysed_fps"), source)
    presets = _presets(keys, camera, at, source) if camera is not None else ()
    if uri is None or camera is None or len(source.problems) > before:
        return None
    return SiteCamera(
        id=keys.id,
        name=LocalText(keys.name.zh, keys.name.en),
        floor_id=keys.floor,
        uri=uri,
        camera=camera,
        zone_ids=keys.zones,
        sub_uri=sub_uri,
        squeezed_px=keys.squeezed_px,
        analysed_fps=keys.analysed_fps,
        planned_pose=_pose(keys.planned_pose) if keys.planned_pose else None,
        calibration=_note(keys),
        ptz=keys.ptz,
        presets=presets,
        range_m=keys.range_m,
    )


def _check_rate(analysed_fps: float, zone: Zone, at: KeyPath, source: YamlSource) -> None:
    """Note a landing at which a camera looks too seldom to tell a turn from two who meet."""
    level = math.hypot(zone.plane.slope_x, zone.plane.slope_y) < _LEAST_SLOPE
    if zone.type is ZoneType.STAIRS and level and analysed_fps < LANDING_FPS:
        message = (
            f"landing {zone.id!r} is looked at {analysed_fps:g} times a second: "
            "a class that turns there is taken for a jam or for two that meet"
        )
        source.note(at, message, f"write {LANDING_FPS:g} or more, or leave the key out")


def check_mount(keys: CameraKeys, floor: Floor, at: KeyPath, source: YamlSource) -> None:
    """Refuse a mount above the ceiling; note one above walls that end below the ceiling.

    Note one of which nothing says on which side of its wall it hangs, too.
    """
    if keys.pose is None:
        return
    _check_side(keys.pose, floor, (*at, "pose"), source)
    if floor.ceiling_m is None:
        return
    here, z_m, ceiling_m = (*at, "pose", "z_m"), keys.pose.z_m, floor.ceiling_m
    if z_m > ceiling_m + _HEIGHT_SLACK_M:
        message = f"{z_m:g} m is above the ceiling of floor {floor.id!r}, {ceiling_m:g} m"
        source.report(here, message, "measure from the zero of the floor's own plan")
        return
    low = [
        f"walls[{index}]"
        for index, wall in enumerate(floor.walls)
        if wall.material == "solid" and _HIGH_WALL_M <= wall.height_m < min(z_m, ceiling_m)
    ]
    if low:
        message = (
            f"it hangs above {', '.join(low)} of floor {floor.id!r} and counts as looking over"
        )
        source.note(here, message, "leave height_m out where such a wall reaches the ceiling")


def _check_side(pose: PoseKeys, floor: Floor, at: KeyPath, source: YamlSource) -> None:
    """A camera drawn on a wall hangs on the side to which it looks, unless it looks along it."""
    place = Point(pose.x_m, pose.y_m)
    for index, wall in enumerate(floor.walls):
        if wall.material != "solid":
            continue
        for start, end in itertools.pairwise(wall.points_xy_m):
            if LineString((start, end)).distance(place) > _ON_WALL_M:
                continue
            wall_deg = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
            off_deg = abs((pose.pan_deg - wall_deg + 90.0) % 180.0 - 90.0)
            if off_deg < _ALONG_DEG:
                message = f"it is drawn on walls[{index}] and looks along it: on no side of it"
                source.note(at, message, "move x_m, y_m by 0.05 m to the side where it hangs")
                return


def _presets(keys: CameraKeys, home: Camera, at: KeyPath, source: YamlSource) -> tuple[Preset, ...]:
    """The other directions of a camera that turns; its mount and its sensor stay."""
    if keys.presets and not keys.ptz:
        message = "a camera that does not turn has no presets"
        source.report((*at, "presets"), message, "write `ptz: true`, or leave the presets out")
        return ()
    found: list[Preset] = []
    for index, preset in enumerate(keys.presets):
        if any(preset.id == one.id for one in found):
            message = f"preset {preset.id!r} is listed twice"
            source.report((*at, "presets", index, "id"), message, "give each an id of its own")
            continue
        pose = replace(home.pose, pan_deg=preset.pan_deg, tilt_deg=preset.tilt_deg)
        size = (home.lens.width_px, home.lens.height_px)
        # Zoomed, the bend of the wide end is not known; without a bend a picture shows no less.
        lens = home.lens if preset.hfov_deg is None else Lens.from_hfov(*size, preset.hfov_deg)
        name = LocalText(preset.name.zh, preset.name.en)
        found.append(Preset(preset.id, name, Camera(pose, lens)))
    return tuple(found)


def _note(keys: CameraKeys) -> CalibrationNote | None:
    note = keys.calibration
    if note is None:
        return None
    return CalibrationNote(note.date, note.pairs, note.rms_px, note.rms_m)


def _uri(
    text: str, credentials: str | None, at: KeyPath, source: YamlSource, folder: SiteFolder
) -> CameraUri | None:
    try:
        return CameraUri.parse(
            text,
            directory=folder.directory,
            credentials=credentials,
            networks_dir=folder.read_from,
        )
    except CameraUriError as error:
        source.report(at, error.message, error.mend)
        return None


def _calibrated(keys: CameraKeys, at: KeyPath, source: YamlSource) -> Camera | None:
    if keys.pose is None or keys.lens is None:
        missing = " and ".join(
            name for name, value in (("pose", keys.pose), ("lens", keys.lens)) if value is None
        )
        source.report(
            at,
            f"camera {keys.id!r} has no calibration: {missing} missing",
            "run `xiaoan calibrate`, or write pose and lens as measured",
        )
        return None
    lens = lens_of(keys.lens, (*at, "lens"), source)
    return None if lens is None else Camera(_pose(keys.pose), lens)


def _pose(keys: PoseKeys) -> Pose:
    return Pose(keys.x_m, keys.y_m, keys.z_m, keys.pan_deg, keys.tilt_deg, keys.roll_deg)


def lens_of(keys: LensKeys, at: KeyPath, source: YamlSource) -> Lens | None:
    """The lens that `keys` writes; `None` with the reason reported."""
    if (keys.hfov_deg is None) == (keys.focal_px is None):
        message = "the lens needs either its field of view or its focal length"
        source.report(at, message, "write one of hfov_deg and focal_px")
        return None
    try:
        if keys.hfov_deg is not None:
            return Lens.from_hfov(keys.width_px, keys.height_px, keys.hfov_deg, keys.k1, keys.k2)
        focal_px = keys.focal_px or 0.0
        return Lens(keys.width_px, keys.height_px, focal_px, keys.k1, keys.k2)
    except GeometryError as error:
        source.report(at, str(error), "correct the lens")
        return None


def _check_sight(camera: Camera, zone: Zone, at: KeyPath, source: YamlSource) -> None:
    try:
        visible_share(camera, zone)
    except NotVisibleError as error:
        mend = "correct pose, lens or zone, or take the zone off this camera's list"
        source.report(at, str(error), mend)
