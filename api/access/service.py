"""The access part of the running service: accounts, the set-up code, anchors of the audit log."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import structlog
from fastapi import Depends, Request
from sqlalchemy.exc import SQLAlchemyError

from api.access import accounts, audit
from api.access.credentials import Passwords
from api.access.oidc.provider import Provider
from api.access.sealing import Sealer
from api.access.sessions import AccountAccess
from api.database import Database
from api.problems import Problem
from streams.clock import Clock
from vision.instants import Monotonic

_LOG = structlog.get_logger(__name__)
SET_UP_S = 3_600.0
ANCHOR_EVERY_S = 3_600.0


@dataclass(frozen=True, slots=True)
class AccountsPlan:
    """What a service with accounts needs besides its database.

    Attributes:
        announce: is given the set-up code at a start without accounts; it must not go into a log.
        provider: where people may sign in instead; `None` where the site names none.
    """

    sealer: Sealer
    anchor_file: Path
    announce: Callable[[str], None]
    passwords: Passwords = field(default_factory=Passwords)
    provider: Provider | None = None

    def over(self, database: Database, clock: Clock, machine_token: str) -> AccessService:
        """The access service over the service's own database."""
        sessions = AccountAccess(database, clock, self.sealer, machine_token, self.passwords)
        return AccessService(sessions, self.anchor_file, self.announce, self.provider)


@dataclass(slots=True)
class AccessService:
    """What the routes of accounts work with.

    Attributes:
        anchor_file: heads of the audit log, beside the database; copy it off this machine.
    """

    sessions: AccountAccess
    anchor_file: Path
    announce: Callable[[str], None]
    provider: Provider | None = None
    _set_up_digest: str = field(default="", repr=False)
    _set_up_until: Monotonic = field(default_factory=lambda: Monotonic(0))
    _anchored: int = 0

    @property
    def database(self) -> Database:
        return self.sessions.database

    @property
    def clock(self) -> Clock:
        return self.sessions.clock

    async def begin_set_up(self) -> str | None:
        """A code for the first administrator, good for an hour; `None` when there are accounts."""
        async with self.database.read() as connection:
            if await accounts.count(connection) > 0:
                return None
        code = secrets.token_urlsafe(16)
        self._set_up_digest = sha256(code.encode()).hexdigest()
        self._set_up_until = self.clock.monotonic().plus(SET_UP_S)
        return code

    async def set_up_code_right(self, code: str) -> bool:
        """Whether `code` is the one of this start and still good."""
        given = sha256(code.encode()).hexdigest()
        fresh = self._set_up_until - self.clock.monotonic() > 0.0
        return (
            bool(self._set_up_digest) and fresh and hmac.compare_digest(given, self._set_up_digest)
        )

    def end_set_up(self) -> None:
        """From now on no code makes an administrator."""
        self._set_up_digest = ""

    async def hashed(self, password: str, name: str, *, with_code: bool) -> str:
        """A password's hash, off the event loop. Raises `AccountRefusal`."""
        make = self.sessions.passwords.hashed
        return await asyncio.to_thread(make, password, name=name, with_code=with_code)

    async def anchor(self) -> None:
        """Write the head of the audit log outside the database, when it has grown."""
        async with self.database.read() as connection:
            head = await audit.newest(connection)
        if head.seq > self._anchored:
            now = self.clock.utc()
            await asyncio.to_thread(audit.write_anchor, self.anchor_file, head, now)
            self._anchored = head.seq

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Anchor the log and delete old sessions until the block ends, and once at its end."""
        await self._compare_with_anchors()
        code = await self.begin_set_up()
        if code is not None:
            self.announce(code)
        keeping = asyncio.create_task(self._keep(), name="access")
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            await self._look()

    async def _compare_with_anchors(self) -> None:
        """Say so where the database is older than the anchors beside it: lost, or put back.

        It is used all the same, since a school must be watched. Whoever goes on entering records
        into a new one by mistake would have two halves of a history.
        """
        try:
            anchors = audit.read_anchors(self.anchor_file)
        except (OSError, ValueError) as error:
            _LOG.error("access.anchors_not_read", reason=str(error))
            return
        known = max((anchor.seq for anchor in anchors), default=0)
        async with self.database.read() as connection:
            held = (await audit.newest(connection)).seq
        if held < known:
            _LOG.error(
                "access.database_is_older_than_its_anchors",
                entries=held,
                anchored=known,
                anchors=str(self.anchor_file),
                mend="stop the service and restore the newest backup, as the chapter on backups in "
                "install.md says; where there is none, move the anchors away and go on",
            )

    async def _keep(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(ANCHOR_EVERY_S)

    async def _look(self) -> None:
        try:
            await self.anchor()
            await self.sessions.prune()
        except (OSError, SQLAlchemyError) as error:
            # The next look may well succeed; an end of it would be noticed by nobody.
            _LOG.error("access.anchor_not_written", reason=str(error))


def _access(request: Request) -> AccessService:
    access = getattr(request.app.state, "accounts", None)
    if not isinstance(access, AccessService):
        raise Problem(404, "no_accounts")
    return access


AccessDep = Annotated[AccessService, Depends(_access)]
