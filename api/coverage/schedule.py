"""The camera schedule: one row a camera with mount, direction, lens and use, as CSV or XLSX."""

from __future__ import annotations

import csv
from pathlib import Path

from api.coverage.document import AuditDocument, CameraPart, FloorPart
from api.coverage.errors import ReportError, extra_package
from config.texts import text

COLUMNS = (
    "id", "name_zh", "name_en", "building_zh", "floor_id", "floor_zh", "x_m", "y_m", "height_m",
    "pan_deg", "tilt_deg", "roll_deg", "hfov_deg", "width_px", "height_px", "dead_zone_floor_m",
    "dead_zone_head_m", "reach_m", "range_m", "shows", "alone_m2", "forbidden", "ptz", "presets",
    "calibrated", "turned_deg", "moved_m", "footprint_share", "differs",
)  # fmt: skip
Row = dict[str, object]


def schedule_rows(document: AuditDocument) -> list[Row]:
    """Rows in the document's own figures."""
    return [row for floor in document.floors for row in floor_cameras(floor)]


def floor_cameras(floor: FloorPart) -> list[Row]:
    """The rows of one floor's cameras, with the keys of `COLUMNS`."""
    return [
        _mount(floor, camera) | _lens(camera) | _use(floor, camera) | _built(camera)
        for camera in floor.cameras
    ]


def _mount(floor: FloorPart, camera: CameraPart) -> Row:
    return {
        "id": camera.id,
        "name_zh": camera.name.zh,
        "name_en": camera.name.en,
        "building_zh": floor.building.zh if floor.building is not None else "",
        "floor_id": floor.id,
        "floor_zh": floor.name.zh,
        "x_m": camera.x_m,
        "y_m": camera.y_m,
        "height_m": camera.z_m,
        "pan_deg": camera.pan_deg,
        "tilt_deg": camera.tilt_deg,
        "roll_deg": camera.roll_deg,
    }


def _lens(camera: CameraPart) -> Row:
    return {
        "hfov_deg": camera.hfov_deg,
        "width_px": camera.width_px,
        "height_px": camera.height_px,
        "dead_zone_floor_m": camera.dead_zone_floor_m,
        "dead_zone_head_m": camera.dead_zone_head_m,
        "range_m": camera.range_m,
        "reach_m": "; ".join(f"{name} {metres:g}" for name, metres in camera.reach_m.items()),
    }


def _use(floor: FloorPart, camera: CameraPart) -> Row:
    """What the camera is there for: areas that it shows, what hangs on it alone, what it must not.

    `alone_m2` sums over areas; an overlap of two areas counts in both.
    """
    shows = [
        f"{area.id} {one.area_m2:g} m²"
        for area in floor.areas
        for one in area.seen_by
        if one.camera_id == camera.id
    ]
    alone = [
        one.area_m2 for area in floor.areas for one in area.only_by if one.camera_id == camera.id
    ]
    forbidden = [
        f"{place.id} {view.preset}".strip()
        for place in floor.forbidden
        for view in place.views
        if view.camera_id == camera.id
    ]
    turned = [
        f"{one.id} {one.pan_deg:g}°/{one.tilt_deg:g}°/{one.hfov_deg:g}°" for one in camera.presets
    ]
    return {
        "shows": "; ".join(shows),
        "alone_m2": round(sum(alone), 3),
        "forbidden": "; ".join(forbidden),
        "ptz": camera.ptz,
        "presets": "; ".join(turned),
    }


def _built(camera: CameraPart) -> Row:
    built = camera.deviation
    return {
        "calibrated": camera.calibrated,
        "turned_deg": None if built is None else built.turn_deg,
        "moved_m": None if built is None else built.moved_m,
        "footprint_share": None if built is None else built.footprint_share,
        "differs": None if built is None else built.differs,
    }


def write_schedule(document: AuditDocument, path: Path) -> None:
    """Write the schedule; the suffix says which form.

    The CSV has the keys as its heads, for other programs; the XLSX words, for people.

    Raises:
        ReportError: for another suffix than .csv and .xlsx.
    """
    rows = schedule_rows(document)
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({key: plain_cell(value) for key, value in row.items()} for row in rows)
    elif path.suffix == ".xlsx":
        _write_xlsx(rows, path)
    else:
        raise ReportError(f"cannot write {path.name}; let the name end in .csv or .xlsx")


def _write_xlsx(rows: list[Row], path: Path) -> None:
    # The spreadsheet library is an extra: the other forms work without it.
    with extra_package():
        from openpyxl import Workbook
        from openpyxl.styles import Alignment, Font

    book = Workbook()
    sheet = book.active
    sheet.title = text("coverage.cameras", "zh")
    sheet.append([_head(name) for name in COLUMNS])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for row in rows:
        sheet.append([_cell(row[name]) for name in COLUMNS])
    sheet.freeze_panes = "C2"
    for column in sheet.columns:
        longest = max(_width(cell.value) for cell in column[1:]) if rows else 0
        sheet.column_dimensions[column[0].column_letter].width = min(60, max(12, longest + 2))
    book.save(path)


def _head(name: str) -> str:
    """A column's name in both languages, one under the other."""
    return "\n".join(text(f"coverage.schedule.{name}", lang) for lang in ("zh", "en"))


def _width(value: object) -> int:
    """Columns that a value takes: a Chinese character is as wide as two others."""
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in str(value or ""))


def _cell(value: object) -> object:
    if isinstance(value, bool):
        word = "yes" if value else "no"
        return f"{text(f'coverage.{word}', 'zh')} {text(f'coverage.{word}', 'en')}"
    return plain_cell(value)


def plain_cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"
    return value


__all__ = ["COLUMNS", "floor_cameras", "plain_cell", "schedule_rows", "write_schedule"]
