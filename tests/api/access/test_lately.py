"""Who is still let in while the database cannot be asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from api.access.lately import CONFIRMED_WITHIN_S
from tests.api.access.cases import OPERATOR, house


@contextmanager
def unreadable_sessions(sqlite_url: str) -> Iterator[None]:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.execute("ALTER TABLE account_sessions RENAME TO unreadable")
        yield
        other.execute("ALTER TABLE unreadable RENAME TO account_sessions")


async def test_an_open_desk_is_still_let_in_and_nobody_else(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        desk, other, left = [
            await one.signed_in(name, OPERATOR) for name in ("desk", "other", "left")
        ]
        assert (await other.get("/api/v1/state")).status_code == 200
        assert (await left.get("/api/v1/state")).status_code == 200
        one.clock.advance(CONFIRMED_WITHIN_S + 1.0)
        assert (await left.post("/api/v1/sign-out")).status_code == 200
        assert (await desk.get("/api/v1/state")).status_code == 200
        with unreadable_sessions(sqlite_url):
            assert (await desk.get("/api/v1/state")).status_code == 200
            # Not confirmed lately: it may have been ended since.
            assert (await other.get("/api/v1/state")).status_code == 503
            assert (await left.get("/api/v1/state")).status_code in (401, 503)
            one.clock.advance(3_600.0)
            assert (await desk.get("/api/v1/state")).status_code == 200
            stranger = one.browser()
            stranger.client.cookies.set("xiaoan_session", "guessed")
            assert (await stranger.get("/api/v1/state")).status_code == 503
        # Asked again, the database says that the session has been unused for too long.
        assert (await desk.get("/api/v1/state")).status_code == 401
