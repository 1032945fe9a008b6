"""The plan's ledger at a district's size: 150 schools, ten years.

    python -m benchmarks.plan_scale --json

Builds the ledger of ten years in a temporary SQLite file (the past settled by fixed shares: of
what is past, 94 % was done on time, 4 % late, 2 % is overdue or, for daily rounds, missed), then
measures the query behind one school's today page over all schools, the bureau's list, and the
roll-forward of one ordinary night and of the night that opens a new year.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from api.database import Database, migrate
from api.plan.ledger import HORIZON, Expansions, occurrence_rows, roll_forward, unit_numbers
from api.plan.states import State
from api.plan.tables import day_number
from api.plan.today import counts_by_unit, today_of
from benchmarks.report import EXIT_TARGET_MISSED, Report, parser
from config.plan import PlanEdition, Unit, UnitKind, load_edition
from vision.instants import Utc

SCHOOLS = 150
YEARS = 10
TODAY = date(2026, 11, 23)
PAGE_TARGET_MS = 200.0
NIGHT_TARGET_S = 60.0
ON_TIME, LATE = 0.94, 0.98

_COLUMNS = (
    *("unit_no", "rule_id", "raw_due_day", "anchor", "window_start_day", "due_day"),
    *("needed", "done", "state"),
)


def district(schools: int) -> PlanEdition:
    """The bureau and `schools` schools of the three kinds, every third with buses."""
    shipped = load_edition()
    kinds = (UnitKind.PRIMARY, UnitKind.MIDDLE, UnitKind.KINDERGARTEN)
    bureau = Unit(id="bureau", name_zh="教育局", name_en="Bureau", kind=UnitKind.BUREAU)
    units = [
        Unit(
            id=f"school-{number:03d}",
            name_zh=f"第{number}学校",
            name_en=f"School {number}",
            kind=kinds[number % 3],
            has_buses=number % 3 == 1,
            classes=12 + number % 25,
        )
        for number in range(schools)
    ]
    return PlanEdition(shipped.catalogue, (bureau, *units), shipped.calendars)


def settle(row: dict[str, object], today: int, chance: float) -> dict[str, object]:
    """The state that the years have left a row in."""
    due, opened = row["due_day"], row["window_start_day"]
    assert isinstance(due, int)
    assert isinstance(opened, int)
    if row["state"] == State.EXEMPT or opened > today:
        return row
    if due >= today:
        return {**row, "state": State.OPEN.value}
    if chance < ON_TIME:
        return {**row, "state": State.SUBMITTED.value, "done": row["needed"]}
    if row["raw_due_day"] == opened:
        return {**row, "state": State.MISSED.value}
    return {**row, "state": State.LATE.value if chance < LATE else State.OVERDUE.value}


async def build(path: Path, edition: PlanEdition, seed: int) -> int:
    """Fill the ledger from ten years ago to the horizon; returns the number of rows."""
    async with Database(f"sqlite:///{path}") as database, database.write() as connection:
        numbers = await unit_numbers(connection, edition)
    chances = random.Random(seed)
    expansions = Expansions(edition)
    first, today = TODAY.replace(year=TODAY.year - YEARS), day_number(TODAY)
    statement = (
        f"INSERT INTO plan_occurrences ({', '.join(_COLUMNS)}) "
        f"VALUES ({', '.join(':' + name for name in _COLUMNS)})"
    )
    rows = 0
    with sqlite3.connect(path) as connection_sync:
        for unit in edition.units:
            settled = [
                settle(row, today, chances.random())
                for row in occurrence_rows(
                    expansions, unit, numbers[unit.id], first, TODAY - timedelta(1) + HORIZON
                )
            ]
            connection_sync.executemany(statement, settled)
            rows += len(settled)
        connection_sync.execute(
            "INSERT INTO plan_rolls VALUES (?, '2020.1', 0, 0, 0, 0, 0, 0)", (today - 1,)
        )
        connection_sync.execute("ANALYZE")
    connection_sync.close()
    return rows


async def measure(path: Path, edition: PlanEdition, report: Report) -> None:
    """Time the pages and two nights."""
    async with Database(f"sqlite:///{path}") as database:
        async with database.read() as connection:
            numbers = list((await _numbers(database, edition)).values())
            pages_ms = []
            for number in numbers * 3:
                start = time.perf_counter()
                await today_of(connection, number, TODAY)
                pages_ms.append((time.perf_counter() - start) * 1000)
            lists_ms = []
            for _ in range(20):
                start = time.perf_counter()
                await counts_by_unit(connection, TODAY)
                lists_ms.append((time.perf_counter() - start) * 1000)
        nights_s = []
        for today in (TODAY, TODAY + timedelta(1)):
            start = time.perf_counter()
            async with database.write() as connection:
                (night,) = await roll_forward(connection, edition, today, Utc(0))
            nights_s.append(time.perf_counter() - start)
            report.row(f"night {today}: added, notices", f"{night.added}, {night.notices}", "")
    page_p95, list_p95 = np.percentile(pages_ms, 95), np.percentile(lists_ms, 95)
    report.figures |= {
        "page_p95_ms": round(float(page_p95), 2),
        "page_median_ms": round(float(np.median(pages_ms)), 2),
        "pages": len(pages_ms),
        "bureau_list_p95_ms": round(float(list_p95), 2),
        "night_worst_s": round(max(nights_s), 2),
    }
    report.row("today page of a school, p95", f"{page_p95:.1f} ms", f"<= {PAGE_TARGET_MS:.0f} ms")
    report.row("bureau's list of units, p95", f"{list_p95:.1f} ms", f"<= {PAGE_TARGET_MS:.0f} ms")
    report.row("roll-forward of a night", f"{max(nights_s):.2f} s", f"<= {NIGHT_TARGET_S:.0f} s")


async def _numbers(database: Database, edition: PlanEdition) -> dict[str, int]:
    async with database.write() as connection:
        return await unit_numbers(connection, edition)


def main() -> int:
    """Run, print and return the exit status."""
    arguments = parser(str(__doc__))
    arguments.add_argument("--schools", type=int, default=SCHOOLS)
    options = arguments.parse_args()
    report = Report("plan_scale", options.seed, packages=("sqlalchemy", "python-dateutil"))
    edition = district(options.schools)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.db"
        migrate(f"sqlite:///{path}")
        start = time.perf_counter()
        rows = asyncio.run(build(path, edition, options.seed))
        build_s = time.perf_counter() - start
        size_mib = path.stat().st_size / 2**20
        report.figures |= {
            "schools": options.schools,
            "years": YEARS,
            "rows": rows,
            "build_s": round(build_s, 1),
            "file_mib": round(size_mib, 1),
        }
        report.row("rows in the ledger", rows, "")
        report.row("file", f"{size_mib:.0f} MiB", "")
        asyncio.run(measure(path, edition, report))
    report.publish(as_json=options.json)
    figures = report.figures
    met = (
        float(str(figures["page_p95_ms"])) <= PAGE_TARGET_MS
        and float(str(figures["bureau_list_p95_ms"])) <= PAGE_TARGET_MS
        and float(str(figures["night_worst_s"])) <= NIGHT_TARGET_S
    )
    return 0 if met else EXIT_TARGET_MISSED


if __name__ == "__main__":
    sys.exit(main())
