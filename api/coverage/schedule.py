"""The camera schedule: one row a camera with mount, direction and lens, as CSV or XLSX."""

from __future__ import annotations

import csv
from pathlib import Path

from api.coverage.document import AuditDocument
from api.coverage.errors import ReportError, extra_package
from config.texts import text

COLUMNS = (
    "id", "name_zh", "name_en", "floor_id", "x_m", "y_m", "height_m", "pan_deg", "tilt_deg",
    "roll_deg", "hfov_deg", "width_px", "height_px", "dead_zone_floor_m", "dead_zone_head_m",
    "calibrated", "turned_deg", "footprint_share", "differs",
)  # fmt: skip


def schedule_rows(document: AuditDocument) -> list[dict[str, object]]:
    """Rows in the document's own figures."""
    rows: list[dict[str, object]] = []
    for floor in document.floors:
        for camera in floor.cameras:
            built = camera.deviation
            rows.append(
                {
                    "id": camera.id,
                    "name_zh": camera.name.zh,
                    "name_en": camera.name.en,
                    "floor_id": floor.id,
                    "x_m": camera.x_m,
                    "y_m": camera.y_m,
                    "height_m": camera.z_m,
                    "pan_deg": camera.pan_deg,
                    "tilt_deg": camera.tilt_deg,
                    "roll_deg": camera.roll_deg,
                    "hfov_deg": camera.hfov_deg,
                    "width_px": camera.width_px,
                    "height_px": camera.height_px,
                    "dead_zone_floor_m": camera.dead_zone_floor_m,
                    "dead_zone_head_m": camera.dead_zone_head_m,
                    "calibrated": camera.calibrated,
                    "turned_deg": None if built is None else built.turn_deg,
                    "footprint_share": None if built is None else built.footprint_share,
                    "differs": None if built is None else built.differs,
                }
            )
    return rows


def write_schedule(document: AuditDocument, path: Path) -> None:
    """Write the schedule; the suffix says which form.

    Raises:
        ReportError: for another suffix than .csv and .xlsx, or a name that a spreadsheet would
            run as a formula.
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


def _write_xlsx(rows: list[dict[str, object]], path: Path) -> None:
    # The spreadsheet library is an extra: the other forms work without it.
    with extra_package():
        from openpyxl import Workbook
        from openpyxl.styles import Font

    book = Workbook()
    sheet = book.active
    sheet.title = text("coverage.cameras", "zh")
    sheet.append(list(COLUMNS))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append([plain_cell(row[name]) for name in COLUMNS])
    sheet.freeze_panes = "A2"
    book.save(path)


def plain_cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"
    return value


__all__ = ["COLUMNS", "plain_cell", "schedule_rows", "write_schedule"]
