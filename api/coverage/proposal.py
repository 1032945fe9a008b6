"""A proposal as a site file that can be loaded, audited and compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.coverage.advice import FloorAdvice
from api.coverage.floor_keys import read_site_file, write_site_file
from api.coverage.mount_places import needs_pole
from config import Floor, Site
from vision.geometry.camera import Camera, Lens


def write_proposal(site: Site, advice: Sequence[FloorAdvice], folder: Path) -> Path:
    """Write the site file with the advice carried out into an empty folder; its path.

    A new camera that nothing drawn would hold says in its name that it needs a pole. New cameras
    show the virtual campus so that the site loads; put in the real address.

    Raises:
        DrawingError: when the folder already holds a site file.
    """
    data = read_site_file(site.directory)
    by_id = {entry["id"]: entry for entry in data["cameras"]}
    for part in advice:
        for name, camera in part.changed.items():
            _change(by_id[name], camera, new_lens=name in part.re_lensed)
        floor = site.floor(part.floor_id)
        for index, camera in enumerate(part.added, start=1):
            name = f"proposed-{floor.id}-{index}"
            data["cameras"].append(_new_entry(name, floor, camera))
    return write_site_file(data, site.directory, folder)


def _change(entry: dict[str, Any], camera: Camera, *, new_lens: bool) -> None:
    entry["pose"]["pan_deg"] = _turn(camera.pose.pan_deg)
    entry["pose"]["tilt_deg"] = round(camera.pose.tilt_deg, 1)
    if new_lens:
        entry["lens"] = _lens(camera.lens)


def _new_entry(name: str, floor: Floor, camera: Camera) -> dict[str, object]:
    pose = camera.pose
    pole = needs_pole(floor, pose)
    return {
        "id": name,
        "name": {
            "zh": f"建议新增 {name}{'（需立杆）' if pole else ''}",
            "en": f"Proposed {name}{', needs a pole' if pole else ''}",
        },
        "floor": floor.id,
        "uri": "virtual:quiet_corridor?seed=1&light=day",
        "lens": _lens(camera.lens),
        "pose": {
            "x_m": round(pose.x_m, 2),
            "y_m": round(pose.y_m, 2),
            "z_m": round(pose.z_m, 2),
            "pan_deg": _turn(pose.pan_deg),
            "tilt_deg": round(pose.tilt_deg, 1),
        },
        "zones": [],
    }


def _lens(lens: Lens) -> dict[str, object]:
    size = {"width_px": lens.width_px, "height_px": lens.height_px}
    return size | {"hfov_deg": round(lens.hfov_deg, 1)}


def _turn(pan_deg: float) -> float:
    return round(math.remainder(pan_deg, 360.0), 1)


__all__ = ["write_proposal"]
