"""Whether the service says that it is ready only while it can store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

from tests.api.desk_cases import AUTHORISED, running_desk
from tests.streams.full_disk import full_disk


async def test_a_service_whose_disk_is_full_is_not_ready(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        assert (await desk.client.get("/readyz")).status_code == 200
        with full_disk(Path(sqlite_url.removeprefix("sqlite:///"))):
            # What was proven holds for a second.
            desk.clock.advance(1.0)
            refused = await desk.client.get("/readyz")
            assert (refused.status_code, refused.json()["code"]) == (503, "database_refused")
        assert (await desk.client.get("/readyz")).status_code == 200


async def test_a_service_that_stores_no_records_is_not_ready(sqlite_url: str) -> None:
    """One table can no longer be read; all others are sound."""
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L0"))
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
            other.execute("ALTER TABLE alarms RENAME TO unreadable")
        records = {"records": [desk.reading("stair", "L3", 3.0)]}
        with structlog.testing.capture_logs() as logs:
            answer = await desk.client.post("/api/v1/ingest", json=records, headers=AUTHORISED)
        assert answer.status_code == 503
        (told,) = (entry for entry in logs if entry["event"] == "api.database_refused")
        assert "no such table: alarms; look whether this account may write" in told["error"]
        refused = await desk.client.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_refused")
