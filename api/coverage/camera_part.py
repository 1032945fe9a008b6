"""A camera as the audit tells of it: mount, lens, dead zone, reach, presets, and its plan."""

from __future__ import annotations

import math
from dataclasses import replace

import shapely

from api.coverage import document as doc
from api.coverage.figures import metres, name_part
from api.coverage.floors import ground_m, plane_under
from config import Site, SiteCamera
from config.site import RANGE_M
from vision.coverage.as_built import pose_deviation
from vision.coverage.pixel_density import Ladder, dead_zone_m, depth_at_px_per_m


def camera_part(site: Site, camera: SiteCamera, ladder: Ladder) -> doc.CameraPart:
    """The camera with its dead zone, its reach at each step, and how it fits its plan."""
    pose, lens = camera.camera.pose, camera.camera.lens
    stands_m = ground_m(site, camera.floor_id, shapely.Point(pose.x_m, pose.y_m))
    return doc.CameraPart(
        id=camera.id,
        name=name_part(camera.name),
        x_m=metres(pose.x_m),
        y_m=metres(pose.y_m),
        z_m=metres(pose.z_m),
        pan_deg=round(pose.pan_deg, 2),
        tilt_deg=round(pose.tilt_deg, 2),
        roll_deg=round(pose.roll_deg, 2),
        hfov_deg=round(lens.hfov_deg, 2),
        width_px=lens.width_px,
        height_px=lens.height_px,
        dead_zone_floor_m=_finite(dead_zone_m(camera.camera, stands_m)),
        dead_zone_head_m=_finite(dead_zone_m(camera.camera, stands_m + 1.5)),
        reach_m={
            step.name: metres(min(camera.range_m, depth_at_px_per_m(camera.camera, step.px_per_m)))
            for step in ladder.steps
        },
        range_m=metres(camera.range_m) if camera.range_m < RANGE_M else None,
        calibrated=camera.calibration is not None,
        deviation=_deviation(site, camera),
        ptz=camera.ptz,
        presets=[
            doc.PresetPart(
                id=one.id,
                name=name_part(one.name),
                pan_deg=round(one.camera.pose.pan_deg, 2),
                tilt_deg=round(one.camera.pose.tilt_deg, 2),
                hfov_deg=round(one.camera.lens.hfov_deg, 2),
            )
            for one in camera.presets
        ],
    )


def _deviation(site: Site, camera: SiteCamera) -> doc.Deviation | None:
    if camera.planned_pose is None:
        return None
    planned = replace(camera.camera, pose=camera.planned_pose)
    found = pose_deviation(planned, camera.camera, plane_under(site, camera))
    return doc.Deviation(
        turn_deg=round(found.turn_deg, 2),
        moved_m=metres(found.moved_m),
        footprint_share=round(found.footprint_share, 4),
        differs=found.differs,
    )


def _finite(value: float) -> float | None:
    return metres(value) if math.isfinite(value) else None


__all__ = ["camera_part"]
