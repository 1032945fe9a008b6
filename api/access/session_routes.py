"""`/api/v1/...`: where an account is signed in, and signing it out there from here.

For a telephone that was lost, a shared machine somebody forgot to leave. Open streams of an ended
session end within seconds.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import accounts, open_sessions
from api.access.accounts import Account
from api.access.actor import Actor
from api.access.bodies import AccountBody, NothingIn, SessionBody
from api.access.errors import AccountRefusal
from api.access.routes import AccountId, Administrator, Me, other_account
from api.access.service import AccessDep, AccessService
from api.problems import responses

router = APIRouter(prefix="/api/v1", tags=["access"])

SessionId = Annotated[
    str,
    Path(
        pattern=rf"^[0-9a-f]{{{open_sessions.ID_DIGITS}}}$",
        description="Id of an open sign-in, as the list of them gives it.",
    ),
]
_READ = responses(401, 403, 404, 503)
_CHANGE = responses(401, 403, 404, 409, 415, 422, 503)


@router.get("/me/sessions", responses=_READ)
async def my_sessions(access: AccessDep, actor: Me) -> tuple[SessionBody, ...]:
    """Where one's own account is signed in, the last used first."""
    async with access.database.read() as connection:
        mine = await accounts.by_name(connection, actor.account)
        return () if mine is None else await _sessions(connection, access, actor, mine)


@router.post("/me/sessions/end-others", responses=_CHANGE)
async def end_others(body: NothingIn, access: AccessDep, actor: Me) -> tuple[SessionBody, ...]:
    """Sign out everywhere but here; answers with what is left."""
    del body
    async with access.database.write() as connection:
        mine = await accounts.by_name(connection, actor.account)
        if mine is None:
            return ()
        now = access.clock.utc()
        await open_sessions.end_all(connection, actor, mine, now, but=actor.session)
        return await _sessions(connection, access, actor, mine)


@router.post("/me/sessions/{session_id}/end", responses=_CHANGE)
async def end_one(
    session_id: SessionId, body: NothingIn, access: AccessDep, actor: Me
) -> tuple[SessionBody, ...]:
    """Sign out in one other place; answers with what is left. 409 where it has ended already."""
    del body
    async with access.database.write() as connection:
        mine = await accounts.by_name(connection, actor.account)
        now = access.clock.utc()
        if mine is None or not await open_sessions.end_one(
            connection, actor, mine, session_id, now
        ):
            raise AccountRefusal("session_unknown")
        return await _sessions(connection, access, actor, mine)


@router.post("/accounts/{account_id}/sign-out", responses=_CHANGE)
async def sign_out_account(
    account_id: AccountId, body: NothingIn, access: AccessDep, actor: Administrator
) -> AccountBody:
    """Sign somebody out everywhere; one's own account everywhere but here."""
    del body
    async with access.database.write() as connection:
        account = await other_account(connection, actor, account_id)
        now = access.clock.utc()
        await open_sessions.end_all(connection, actor, account, now, but=actor.session)
        left = await open_sessions.of_account(connection, account, access.sessions.limits, now)
    return AccountBody.of(account, len(left))


async def _sessions(
    connection: AsyncConnection, access: AccessService, actor: Actor, account: Account
) -> tuple[SessionBody, ...]:
    now = access.clock.utc()
    found = await open_sessions.of_account(connection, account, access.sessions.limits, now)
    return tuple(SessionBody.of(one, here=one.digest == actor.session) for one in found)
