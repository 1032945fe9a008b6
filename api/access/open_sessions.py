"""Where an account is signed in, and how these sessions are ended from somewhere else.

A session is named by the first digits of its digest: enough to point at it, no use to enter by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import audit
from api.access.accounts import Account
from api.access.actor import Actor
from api.access.sessions import SessionLimits
from api.access.tables import SESSIONS
from vision.instants import Utc

ID_DIGITS = 16
_S = SESSIONS.c


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser in which the account is signed in.

    Attributes:
        address: of the machine that signed in.
        seen: its last sign of life, to the minute.
    """

    digest: str
    address: str
    began: Utc
    seen: Utc

    @property
    def id(self) -> str:
        return self.digest[:ID_DIGITS]


async def of_account(
    connection: AsyncConnection, account: Account, limits: SessionLimits, now: Utc
) -> tuple[OpenSession, ...]:
    """The sessions that have not ended by themselves, the last used first."""
    query = select(SESSIONS).where(_S.account_id == account.id).order_by(_S.seen_ns.desc())
    rows = (await connection.execute(query)).mappings().all()
    return tuple(_session(row) for row in rows if limits.live(account, row, now))


async def counts(
    connection: AsyncConnection, accounts: tuple[Account, ...], limits: SessionLimits, now: Utc
) -> Mapping[int, int]:
    """How many sessions each account has open, by the account's id."""
    by_id = {account.id: account for account in accounts}
    rows = (await connection.execute(select(SESSIONS))).mappings().all()
    return Counter(
        int(row["account_id"])
        for row in rows
        if row["account_id"] in by_id and limits.live(by_id[row["account_id"]], row, now)
    )


async def end_one(
    connection: AsyncConnection, by: Actor, account: Account, session_id: str, now: Utc
) -> bool:
    """End the account's session of this id; whether there was one."""
    ended = await connection.execute(
        delete(SESSIONS)
        .where(_S.account_id == account.id, _S.digest.startswith(session_id, autoescape=True))
        .returning(_S.address)
    )
    addresses = [str(address) for (address,) in ended]
    if not addresses:
        return False
    act = audit.Act("session.ended_elsewhere", account.name, {"address": addresses[0]})
    await audit.append(connection, by, act, now)
    return True


async def end_all(
    connection: AsyncConnection, by: Actor, account: Account, now: Utc, *, but: str = ""
) -> int:
    """End every session of the account, but for the one with the digest `but`; how many."""
    ended = await connection.execute(
        delete(SESSIONS).where(_S.account_id == account.id, _S.digest != but).returning(_S.digest)
    )
    count = len(ended.all())
    act = audit.Act("session.all_ended", account.name, {"count": str(count)})
    await audit.append(connection, by, act, now)
    return count


def _session(row: Mapping[Any, Any]) -> OpenSession:
    return OpenSession(row["digest"], row["address"], Utc(row["created_ns"]), Utc(row["seen_ns"]))
