"""The audit as CSV, for a spreadsheet: a row for each sum, area, blind spot, view and camera."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from api.coverage.document import AreaPart, AuditDocument, FloorPart, Name, Totals
from api.coverage.schedule import floor_cameras, plain_cell

COLUMNS = (
    "kind", "floor_id", "area_id", "name_zh", "name_en", "level", "least_px_per_m", "critical",
    "redundancy", "retention_days", "kept_days", "retention_state", "area_m2", "seen_m2",
    "seen_twice_m2", "single_m2", "assured_m2", "assured_share", "blind_m2", "met",
    "steepest_face_deg", "steep_faces_m2", "spot_number", "cause", "radius_m", "x_m", "y_m",
    "camera_id", "preset", "most_px_per_m", "areas", "areas_met", "weighted_share",
    "least_critical_share", "forbidden_views", "healthy_share", "watched_h",
    "lost_m2_h", "blind_h",
    "height_m", "pan_deg", "tilt_deg", "roll_deg", "hfov_deg", "width_px", "height_px",
    "dead_zone_floor_m", "dead_zone_head_m", "calibrated", "ptz", "turned_deg", "footprint_share",
    "differs", "filled",
)  # fmt: skip
Row = dict[str, object]


def rows_of(document: AuditDocument) -> list[Row]:
    """Rows in the document's own figures.

    Kinds: `site`, `building` and `floor` with sums, `area`, `step` (what is seen of it at a step
    of the ladder), `blind_spot`, `only_by` (what hangs on one camera), `forbidden_view`, `camera`,
    `preset` (where else one turns), `key_area`, and of the running record `uptime_camera`,
    `uptime_area`.
    """
    rows = [_sums("site", document.site_name, document.totals)]
    rows += [_sums("building", part.name, part.totals) for part in document.buildings]
    for floor in document.floors:
        rows.append(_sums("floor", floor.name, floor.totals) | {"floor_id": floor.id})
        for area in floor.areas:
            rows += _area(floor, area)
        rows += [*_views(floor), *_cameras(floor)]
    return [*rows, *_key_areas(document), *_uptime(document)]


def _sums(kind: str, name: Name, totals: Totals) -> Row:
    figures = {key: getattr(totals, key) for key in COLUMNS if hasattr(totals, key)}
    return {"kind": kind} | _names(name) | {"area_m2": totals.required_m2} | figures


def _names(name: Name) -> Row:
    return {"name_zh": plain_cell(name.zh), "name_en": plain_cell(name.en)}


def _area(floor: FloorPart, area: AreaPart) -> Iterator[Row]:
    at: Row = {"floor_id": floor.id, "area_id": area.id}
    figures = {key: getattr(area, key) for key in COLUMNS if hasattr(area, key)}
    if area.retention is not None:
        kept = {"kept_days": area.retention.kept_days, "retention_state": area.retention.state}
        figures |= kept | {"retention_days": area.retention.asked_days}
    yield {"kind": "area"} | at | _names(area.name) | figures
    for step in area.steps:
        seen: Row = {"level": step.name, "least_px_per_m": step.px_per_m, "seen_m2": step.seen_m2}
        yield {"kind": "step"} | at | seen
    for spot in area.blind:
        yield (
            {"kind": "blind_spot"}
            | at
            | {
                "spot_number": spot.number,
                "cause": spot.cause,
                "area_m2": spot.area_m2,
                "radius_m": spot.radius_m,
                "x_m": spot.centre_xy_m[0],
                "y_m": spot.centre_xy_m[1],
            }
        )
    for only in area.only_by:
        yield {"kind": "only_by"} | at | {"camera_id": only.camera_id, "single_m2": only.area_m2}


def _views(floor: FloorPart) -> Iterator[Row]:
    for place in floor.forbidden:
        for view in place.views:
            at: Row = {"kind": "forbidden_view", "floor_id": floor.id, "area_id": place.id}
            figures: Row = {"seen_m2": view.seen_m2, "most_px_per_m": view.most_px_per_m}
            who: Row = {"camera_id": view.camera_id, "preset": view.preset}
            yield at | _names(place.name) | who | figures


def _cameras(floor: FloorPart) -> Iterator[Row]:
    for row in floor_cameras(floor):
        of_camera: Row = {key: row[key] for key in COLUMNS if key in row}
        yield {"kind": "camera", "camera_id": row["id"]} | of_camera | _plain_names(row)
    for camera in floor.cameras:
        at: Row = {"kind": "preset", "floor_id": floor.id, "camera_id": camera.id}
        for one in camera.presets:
            aim: Row = {"pan_deg": one.pan_deg, "tilt_deg": one.tilt_deg, "hfov_deg": one.hfov_deg}
            yield at | {"preset": one.id} | _names(one.name) | aim


def _plain_names(row: Row) -> Row:
    return {key: plain_cell(row[key]) for key in ("name_zh", "name_en")}


def _key_areas(document: AuditDocument) -> Iterator[Row]:
    """One row for each area of a kind, or one that says that there is none."""
    for kind in document.key_areas:
        at: Row = {"kind": "key_area", "level": kind.id, "filled": kind.filled}
        told = _names(kind.name) | {"cause": plain_cell(kind.absent_because)}
        for area_id in kind.area_ids or [""]:
            yield at | told | {"area_id": area_id}


def _uptime(document: AuditDocument) -> Iterator[Row]:
    found = document.uptime
    if found is None:
        return
    for camera in found.cameras:
        yield {
            "kind": "uptime_camera",
            "camera_id": camera.camera_id,
            "healthy_share": camera.healthy_share,
            "watched_h": camera.watched_h,
        }
    for area in found.areas:
        yield {
            "kind": "uptime_area",
            "area_id": area.area_id,
            "lost_m2_h": area.lost_m2_h,
            "blind_h": area.blind_h,
            "watched_h": area.watched_h,
        }


def write_csv(document: AuditDocument, path: Path) -> None:
    """Write the rows with a byte order mark, so that spreadsheets read the Chinese names."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows_of(document))
