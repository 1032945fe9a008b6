"""One floor in the PDF report: drawing, areas, blind spots, forbidden places and cameras."""

from __future__ import annotations

from pathlib import Path

from reportlab.platypus import Flowable, Spacer

from api.coverage.document import AreaPart, CameraPart, FloorPart, Spot
from api.coverage.pdf_sheet import WIDTH_PT, Sheet, both, both_names, m2, share
from api.coverage.plan_drawing import PlanDrawing
from api.coverage.plan_legend import SIGNS
from config.texts import text
from vision.coverage.pixel_density import LADDERS

# Slivers that hang on one camera stay in the JSON; a page of them hides what matters.
_LEAST_SHARE = 0.01


def floor_parts(sheet: Sheet, floor: FloorPart, underlay: Path | None) -> list[Flowable]:
    """All that is told of one floor, in reading order."""
    return [
        sheet.title(both_names(floor.name)),
        *sheet.heading(both("coverage.drawing")),
        PlanDrawing(floor, WIDTH_PT, sheet.font, _drawing_words(), underlay),
        *_areas(sheet, floor),
        *_blind(sheet, floor),
        *_forbidden(sheet, floor),
        *_cameras(sheet, floor),
    ]


def step_name(name: str) -> str:
    """A step of a ladder in both languages."""
    return f"{text(f'coverage.step.{name}', 'zh')} {name}"


def _drawing_words() -> dict[str, str]:
    words = {name: both(f"coverage.legend_{name}") for name in SIGNS}
    steps = (step for ladder in LADDERS for step in ladder.steps)
    return words | {f"step.{step.name}": step_name(step.name) for step in steps}


def _areas(sheet: Sheet, floor: FloorPart) -> list[Flowable]:
    keys = ["area", "level", "redundancy", "required_m2", "seen_m2", "seen_twice_m2"]
    keys += ["assured_m2", "assured_share", "blind_m2", "face_pitch", "retention", "met"]
    rows = [[both(f"coverage.{key}") for key in keys], *(_area_row(area) for area in floor.areas)]
    widths = (0.15, 0.13, *(0.072 for _ in keys[2:]))
    names = {camera.id: camera.name for camera in floor.cameras}
    alone = [
        [
            both_names(area.name),
            f"{only.camera_id}  {both_names(names[only.camera_id])}",
            m2(only.area_m2),
            share(only.area_m2 / area.area_m2),
        ]
        for area in floor.areas
        for only in area.only_by
        if only.area_m2 >= _LEAST_SHARE * area.area_m2
    ]
    parts = [*sheet.heading(both("coverage.areas")), sheet.table(rows, widths)]
    if alone:
        head = [both(f"coverage.{key}") for key in ("area", "camera", "single_m2", "of_area")]
        parts += sheet.heading(both("coverage.single_point"))
        parts += [sheet.line(both("coverage.single_point_note")), Spacer(1, 3)]
        parts.append(sheet.table([head, *alone], (0.35, 0.35, 0.15, 0.15)))
    return parts


def _area_row(area: AreaPart) -> list[str]:
    mark = f"  ★{both('coverage.critical')}" if area.critical else ""
    planes = "+".join(text(f"coverage.plane.{plane}", "zh") for plane in area.planes)
    return [
        f"{both_names(area.name)}{mark}",
        f"{step_name(area.level)} ≥{area.least_px_per_m:g} px/m · {planes}",
        str(area.redundancy),
        m2(area.area_m2),
        m2(area.seen_m2),
        m2(area.seen_twice_m2),
        m2(area.assured_m2),
        share(area.assured_share),
        m2(area.blind_m2),
        _face_pitch(area),
        _retention(area),
        both("coverage.yes") if area.met else both("coverage.no"),
    ]


def _face_pitch(area: AreaPart) -> str:
    """The steepest, and how much is too steep."""
    if area.steepest_face_deg is None:
        return "—"
    if not area.steep_faces_m2:
        return f"{area.steepest_face_deg:.1f}"
    return f"× {area.steepest_face_deg:.1f} ({m2(area.steep_faces_m2)} m²)"


def _retention(area: AreaPart) -> str:
    """Days kept and asked for; a question mark where nobody said."""
    found = area.retention
    if found is None:
        return f"— / {area.retention_days}"
    kept = "?" if found.kept_days is None else f"{found.kept_days:g}"
    sign = {"short": "× ", "unstated": "△ ", "met": ""}[found.state]
    return f"{sign}{kept} / {found.asked_days}"


def _blind(sheet: Sheet, floor: FloorPart) -> list[Flowable]:
    spots = [(area, spot) for area in floor.areas for spot in area.blind]
    title = sheet.heading(both("coverage.blind_spots"))
    if not spots:
        return [*title, sheet.line(both("coverage.no_blind_spots"))]
    keys = ("number", "area", "size_m2", "radius_m", "centre_m", "cause")
    rows = [[both(f"coverage.{key}") for key in keys]]
    rows += [_spot_row(area, spot) for area, spot in spots]
    return [*title, sheet.table(rows, (0.07, 0.2, 0.1, 0.13, 0.14, 0.36))]


def _spot_row(area: AreaPart, spot: Spot) -> list[str]:
    return [
        str(spot.number),
        both_names(area.name),
        m2(spot.area_m2),
        f"{spot.radius_m:.2f}",
        f"{spot.centre_xy_m[0]:.2f}, {spot.centre_xy_m[1]:.2f}",
        both(f"coverage.cause.{spot.cause}") if spot.cause else "—",
    ]


def _forbidden(sheet: Sheet, floor: FloorPart) -> list[Flowable]:
    if not floor.forbidden:
        return []
    lines = []
    for place in floor.forbidden:
        for view in place.views:
            when = "forbidden_shut" if view.doors_as_drawn else "forbidden_open"
            found = both(
                "coverage.forbidden_line",
                place=place.name.zh,
                camera=view.camera_id,
                area=m2(view.seen_m2),
                density=f"{view.most_px_per_m:.0f}",
            )
            preset = f"{both('coverage.forbidden_preset', preset=view.preset)}; "
            where = preset if view.preset else ""
            lines.append(f"× {found} ({where}{both(f'coverage.{when}')})")
    told = lines or [both("coverage.no_forbidden")]
    return [*sheet.heading(both("coverage.forbidden")), *(sheet.line(line) for line in told)]


def _cameras(sheet: Sheet, floor: FloorPart) -> list[Flowable]:
    keys = ("camera", "place_m", "height", "pan", "tilt", "hfov", "picture", "reach", "dead_zone")
    rows = [[both(f"coverage.{key}") for key in (*keys, "as_built")]]
    rows += [_camera_row(camera) for camera in floor.cameras]
    widths = (0.17, 0.1, 0.06, 0.06, 0.06, 0.07, 0.09, 0.17, 0.1, 0.12)
    table = sheet.table(rows, widths)
    return [*sheet.heading(both("coverage.cameras")), table, *_presets(sheet, floor)]


def _presets(sheet: Sheet, floor: FloorPart) -> list[Flowable]:
    """Where else cameras turn, and which of them did not say."""
    turning = [camera for camera in floor.cameras if camera.ptz]
    if not turning:
        return []
    keys = ("camera", "preset", "pan", "tilt", "hfov")
    rows = [[both(f"coverage.{key}") for key in keys]]
    for camera in turning:
        rows += [
            [
                camera.id,
                f"{one.id}  {both_names(one.name)}",
                f"{one.pan_deg:.1f}",
                f"{one.tilt_deg:.1f}",
                f"{one.hfov_deg:.1f}",
            ]
            for one in camera.presets
        ]
        if not camera.presets:
            rows.append([camera.id, f"△ {both('coverage.no_presets')}", "—", "—", "—"])
    return [
        *sheet.heading(both("coverage.presets")),
        sheet.line(both("coverage.presets_note")),
        Spacer(1, 3),
        sheet.table(rows, (0.25, 0.39, 0.12, 0.12, 0.12)),
    ]


def _camera_row(camera: CameraPart) -> list[str]:
    zones = (camera.dead_zone_floor_m, camera.dead_zone_head_m)
    turns = f"  PTZ: {both('coverage.home_preset')}" if camera.ptz else ""
    reach = "; ".join(f"{step_name(name)} {metres:.1f}" for name, metres in camera.reach_m.items())
    if camera.range_m is not None:
        reach += f"; {both('coverage.range_only', metres=f'{camera.range_m:g}')}"
    return [
        f"{camera.id}  {both_names(camera.name)}{turns}",
        f"{camera.x_m:.2f}, {camera.y_m:.2f}",
        f"{camera.z_m:.2f}",
        f"{camera.pan_deg:.1f}",
        f"{camera.tilt_deg:.1f}",
        f"{camera.hfov_deg:.1f}",
        f"{camera.width_px}×{camera.height_px}",
        reach,
        " / ".join("—" if zone is None else f"{zone:.2f}" for zone in zones),
        _as_built(camera),
    ]


def _as_built(camera: CameraPart) -> str:
    if camera.deviation is None:
        return both("coverage.no_plan")
    if not camera.deviation.differs:
        return both("coverage.as_planned")
    turn, footprint = f"{camera.deviation.turn_deg:.1f}", share(camera.deviation.footprint_share)
    return f"× {both('coverage.differs', turn=turn, share=footprint)}"


__all__ = ["floor_parts", "step_name"]
