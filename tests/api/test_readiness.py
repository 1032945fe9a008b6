"""Whether the service says that it is ready only while it can store."""

from __future__ import annotations

from pathlib import Path

from tests.api.desk_cases import running_desk
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
