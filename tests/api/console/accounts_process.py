"""A service with accounts, its people already there; arguments: database URL, port.

Two see the desk: `desk` is a shared account, `liu` a person's own. `boss` keeps the accounts and
`checker` reads the audit log, each with an authenticator.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.actor import Grant
from api.access.rights import STRONG, Role
from api.access.sealing import Sealer
from api.access.service import AccountsPlan
from api.access.sessions import totp_label
from api.application import create_app
from api.database import Database
from api.pictures import NoPictures
from api.server import build_server
from streams.clock import SystemClock
from tests.api.access.cases import ADMINISTRATOR, CHEAP, OPERATOR, PASSWORD, TOTP_SECRET
from tests.api.desk_cases import SITE, settings

PEOPLE = {
    "desk": OPERATOR,
    "liu": OPERATOR,
    "boss": ADMINISTRATOR,
    "checker": Grant(Role.AUDITOR),
}
SEALER = Sealer(b"k" * 32)


async def add_people(database_url: str) -> None:
    """The same again changes nothing."""
    now = SystemClock().utc()
    async with Database(database_url) as database, database.write() as connection:
        for name, grant in PEOPLE.items():
            if await accounts.by_name(connection, name) is not None:
                continue
            hashed = CHEAP.hashed(PASSWORD, name=name, with_code=False)
            new = NewAccount(name, name, (grant,), hashed, shared=name == "desk")
            made = await accounts.add(connection, "test", new, now)
            if grant.role in STRONG:
                sealed = SEALER.seal(TOTP_SECRET.encode(), totp_label(name))
                values = {"totp_sealed": sealed}
                await accounts.change(connection, "test", made, "account.reset", now, **values)


async def main(database_url: str, port: int) -> None:
    await add_people(database_url)
    anchor = Path(database_url.removeprefix("sqlite:///")).with_name("anchors.jsonl")
    app = create_app(
        settings=settings(
            database_url, watch_every_s=0.5, stale_after_s=60.0, lost_after_s=120.0,
            startup_grace_s=120.0,
        ),
        site=SITE,
        clock=SystemClock(),
        pictures=NoPictures(),
        access=AccountsPlan(SEALER, anchor, lambda code: None, CHEAP),
    )  # fmt: skip
    await build_server(app, port=port).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
