"""The audit as CSV: one row an area and one row a blind spot, for a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

from api.coverage.document import AuditDocument

COLUMNS = (
    "kind", "floor_id", "area_id", "name_zh", "name_en", "level", "least_px_per_m", "critical",
    "redundancy", "retention_days", "area_m2", "seen_m2", "seen_twice_m2", "single_m2",
    "assured_m2", "assured_share", "blind_m2", "met", "spot_number", "radius_m", "x_m", "y_m",
    "camera_id",
)  # fmt: skip


def rows_of(document: AuditDocument) -> list[dict[str, object]]:
    """Rows of kind `area`, `blind_spot` and `forbidden_view`, in the document's own figures."""
    rows: list[dict[str, object]] = []
    for floor, area in document.areas:
        at: dict[str, object] = {"floor_id": floor.id, "area_id": area.id}
        figures = {name: getattr(area, name) for name in COLUMNS if hasattr(area, name)}
        names = {"name_zh": area.name.zh, "name_en": area.name.en}
        rows.append({"kind": "area"} | at | names | figures)
        rows += [
            {"kind": "blind_spot"}
            | at
            | {
                "spot_number": spot.number,
                "area_m2": spot.area_m2,
                "radius_m": spot.radius_m,
                "x_m": spot.centre_xy_m[0],
                "y_m": spot.centre_xy_m[1],
            }
            for spot in area.blind
        ]
    for floor in document.floors:
        rows += [
            {
                "kind": "forbidden_view",
                "floor_id": floor.id,
                "area_id": place.id,
                "name_zh": place.name.zh,
                "name_en": place.name.en,
                "camera_id": view.camera_id,
                "seen_m2": view.seen_m2,
            }
            for place in floor.forbidden
            for view in place.views
        ]
    return rows


def write_csv(document: AuditDocument, path: Path) -> None:
    """Write the rows with a byte order mark, so that spreadsheets read the Chinese names."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows_of(document))
