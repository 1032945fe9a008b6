"""Advice for a site: turn cameras, then change lenses, then add cameras; as a site file to load.

What is proposed is searched on a 0.5 m grid. Audit the proposed site before buying anything: the
audit is exact, and counts the errors of pose and lens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from api.coverage.floor_keys import read_site_file, write_site_file
from api.coverage.floors import FloorScene, scenes_of
from config import Site
from vision.arrays import BoolArray, Float64Array
from vision.camera import Camera, Lens, Pose
from vision.coverage_chance import Cells
from vision.placement import Advice, Candidate, advise, seen_points
from vision.planes import Plane

CELL_M = 0.5
TURNS_DEG = (-60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0)
TILTS_DEG = (-10.0, 0.0, 10.0)
HFOVS_DEG = (30.0, 45.0, 60.0, 75.0, 90.0, 100.0)
MOUNT_STEP_M = 3.0
_MOUNT_OFF_WALL_M = 0.15
_NEW_LENS = Lens.from_hfov(2560, 1440, 84.0)


@dataclass(frozen=True, slots=True)
class FloorAdvice:
    """What to change on one floor.

    Attributes:
        changed: camera as it should be, by id; turned or with another lens.
        re_lensed: ids whose lens changes.
        added: new cameras.
        required_weight, before_weight, after_weight, bound_weight: weighted m² of required area;
            `bound_weight` is what no choice of new cameras can exceed, given the other changes.
    """

    floor_id: str
    changed: dict[str, Camera]
    re_lensed: frozenset[str]
    added: tuple[Camera, ...]
    required_weight: float
    before_weight: float
    after_weight: float
    bound_weight: float


@dataclass(frozen=True, slots=True)
class _Goal:
    """Points that must be seen on the same planes at the same density."""

    points_xy_m: Float64Array
    planes: tuple[Plane, ...]
    px_per_m: float
    weights: Float64Array


def advise_site(
    site: Site, *, most_new: int, mount_forbidden: Sequence[str] = (), limit_s: float = 20.0
) -> tuple[FloorAdvice, ...]:
    """Advice for every floor that has required areas.

    Args:
        most_new: new cameras allowed on each floor.
        mount_forbidden: floors on which nothing may be mounted, by id.
        limit_s: for the solver, on each floor.
    """
    found = []
    for scene in scenes_of(site):
        if scene.areas:
            allowed = 0 if scene.floor.id in mount_forbidden else most_new
            found.append(_advise_floor(scene, allowed, limit_s))
    return tuple(found)


def _advise_floor(scene: FloorScene, most_new: int, limit_s: float) -> FloorAdvice:
    goals = list(_goals(scene))
    weights = np.concatenate([goal.weights for goal in goals])
    cameras = {camera.id: camera.camera for camera in scene.cameras}
    current = {
        name: _seen([Candidate(name, camera)], scene, goals)[0] for name, camera in cameras.items()
    }
    aims = [Candidate(name, aim) for name, camera in cameras.items() for aim in _aims(camera)]
    lenses = [Candidate(name, lens) for name, camera in cameras.items() for lens in _lenses(camera)]
    new = list(_mounts(scene)) if most_new else []
    advice = advise(
        current,
        ([one.group for one in aims], _seen(aims, scene, goals)),
        ([one.group for one in lenses], _seen(lenses, scene, goals)),
        (new, _seen(new, scene, goals)),
        weights,
        float(most_new),
        limit_s=limit_s,
    )
    return _floor_advice(scene, advice, aims, lenses, new, float(weights.sum()))


def _floor_advice(
    scene: FloorScene,
    advice: Advice,
    aims: Sequence[Candidate],
    lenses: Sequence[Candidate],
    new: Sequence[Candidate],
    required_weight: float,
) -> FloorAdvice:
    changed = {name: aims[index].camera for name, index in advice.re_aimed.items()}
    changed |= {name: lenses[index].camera for name, index in advice.new_lenses.items()}
    return FloorAdvice(
        scene.floor.id,
        changed,
        frozenset(advice.new_lenses),
        tuple(new[index].camera for index in advice.added),
        required_weight,
        advice.before_weight,
        advice.after_weight,
        advice.bound,
    )


def _goals(scene: FloorScene) -> Iterator[_Goal]:
    for area in scene.areas:
        for surface in area.surfaces:
            cells = Cells.of(surface.polygon_xy_m, CELL_M)
            weights = area.weight * shapely.area(cells.outlines)
            yield _Goal(cells.points_xy_m, surface.planes, area.least_px_per_m, weights)


def _seen(candidates: Sequence[Candidate], scene: FloorScene, goals: Sequence[_Goal]) -> BoolArray:
    return np.concatenate(
        [
            seen_points(candidates, scene.barriers, goal.points_xy_m, goal.planes, goal.px_per_m)
            for goal in goals
        ],
        axis=1,
    )


def _aims(camera: Camera) -> Iterator[Camera]:
    """Other directions of a camera where it hangs."""
    for turn in TURNS_DEG:
        for tilt in TILTS_DEG:
            tilted = min(80.0, max(5.0, camera.pose.tilt_deg + tilt))
            pan = camera.pose.pan_deg + turn
            yield replace(camera, pose=replace(camera.pose, pan_deg=pan, tilt_deg=tilted))


def _lenses(camera: Camera) -> Iterator[Camera]:
    """Other focal lengths on the same sensor, in every direction of `_aims`."""
    for hfov in HFOVS_DEG:
        lens = Lens.from_hfov(camera.lens.width_px, camera.lens.height_px, hfov)
        for turned in _aims(camera):
            yield replace(turned, lens=lens)


def _mounts(scene: FloorScene) -> Iterator[Candidate]:
    """New cameras along the inside of the floor's outline, eight directions each."""
    floor = scene.floor
    inner = floor.outline.buffer(-_MOUNT_OFF_WALL_M, join_style="mitre")
    height_m = 3.0 if floor.ceiling_m is None else min(3.0, floor.ceiling_m - 0.2)
    for ring in shapely.get_parts(inner.boundary):
        for index, along in enumerate(np.arange(0.0, ring.length, MOUNT_STEP_M)):
            place = ring.interpolate(float(along))
            for pan in range(0, 360, 45):
                pose = Pose(place.x, place.y, height_m, float(pan), 20.0)
                yield Candidate(f"mount-{index}", Camera(pose, _NEW_LENS))


def write_proposal(site: Site, advice: Sequence[FloorAdvice], folder: Path) -> Path:
    """Write the site file with the advice carried out into an empty folder; its path.

    New cameras show the virtual campus so that the site loads; put in the real address.

    Raises:
        DrawingError: when the folder already holds a site file.
    """
    data = read_site_file(site.directory)
    by_id = {entry["id"]: entry for entry in data["cameras"]}
    for part in advice:
        for name, camera in part.changed.items():
            _change(by_id[name], camera, new_lens=name in part.re_lensed)
        for index, camera in enumerate(part.added, start=1):
            data["cameras"].append(_new_entry(f"proposed-{part.floor_id}-{index}", part, camera))
    return write_site_file(data, site.directory, folder)


def _change(entry: dict[str, Any], camera: Camera, *, new_lens: bool) -> None:
    entry["pose"]["pan_deg"] = _turn(camera.pose.pan_deg)
    entry["pose"]["tilt_deg"] = round(camera.pose.tilt_deg, 1)
    if new_lens:
        entry["lens"] = _lens(camera.lens)


def _new_entry(name: str, part: FloorAdvice, camera: Camera) -> dict[str, object]:
    pose = camera.pose
    return {
        "id": name,
        "name": {"zh": f"建议新增 {name}", "en": f"Proposed {name}"},
        "floor": part.floor_id,
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
