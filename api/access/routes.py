"""`/api/v1/...`: sign in and out, the own account, accounts of others."""

from __future__ import annotations

from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import accounts, open_sessions
from api.access.accounts import Account, NewAccount, answers_for
from api.access.actor import Actor, Grant
from api.access.bodies import (
    AccountBody,
    AccountIn,
    ConfirmIn,
    EnrolBody,
    GrantsIn,
    MeBody,
    NothingIn,
    PasswordIn,
    RecoveryBody,
    ResetIn,
    SetUpIn,
    SignInIn,
)
from api.access.credentials import new_recovery_codes, new_totp_secret, totp_address, totp_step
from api.access.errors import AccountRefusal, SignInRefusal
from api.access.guard import GUARD_COOKIE, PUBLIC, cookie_name, needs
from api.access.rights import Right, Role
from api.access.service import AccessDep, AccessService
from api.access.sessions import (
    COOKIE,
    COOKIE_UNDER_TLS,
    CSRF_COOKIE,
    Entered,
    SignedIn,
    csrf_of,
    totp_label,
)
from api.problems import responses

router = APIRouter(prefix="/api/v1", tags=["access"])

Me = Annotated[Actor, Depends(needs(Right.KEEP_OWN_ACCOUNT))]
Administrator = Annotated[Actor, Depends(needs(Right.ADMINISTER_ACCOUNTS))]
AccountId = Annotated[int, Path(ge=1, le=2**31 - 1)]
_SIGN_IN = responses(401, 403, 404, 409, 413, 415, 422, 429, 503)
_CHANGE = responses(401, 403, 404, 409, 415, 422, 503)
_PROVEN = responses(401, 403, 404, 409, 415, 422, 429, 503)
_READ = responses(401, 403, 404, 422, 503)


@router.post("/sign-in", responses=_SIGN_IN, dependencies=[PUBLIC])
async def sign_in(
    request: Request, body: SignInIn, response: Response, access: AccessDep
) -> MeBody:
    """Start a session; the cookie holds it. Wrong tries are slowed per account and address."""
    entered = Entered(body.name, body.password, body.code, address_of(request))
    signed = await access.sessions.sign_in(entered)
    give_session(request, response, signed)
    return MeBody.of(signed.actor)


@router.post("/sign-out", responses=_CHANGE)
async def sign_out(
    request: Request, body: NothingIn, response: Response, access: AccessDep, actor: Me
) -> MeBody:
    """End this session and its streams."""
    del body
    await access.sessions.sign_out(actor)
    for base in (COOKIE, COOKIE_UNDER_TLS, CSRF_COOKIE, GUARD_COOKIE):
        name, secure = cookie_name(request, base), base == COOKIE_UNDER_TLS
        response.delete_cookie(name, path="/", secure=secure, samesite="strict")
    return MeBody(name="", account="", shared=False, roles=(), rights=())


@router.post("/set-up", responses=_SIGN_IN, dependencies=[PUBLIC])
async def set_up(request: Request, body: SetUpIn, response: Response, access: AccessDep) -> MeBody:
    """Make the first administrator with the code that was shown at the start; works once."""
    address = address_of(request)
    if access.sessions.throttle.wait_s("set-up", address) > 0.0:
        raise SignInRefusal("sign_in_wait", seconds=60)
    if not await access.set_up_code_right(body.code):
        access.sessions.throttle.failed("set-up", address)
        raise SignInRefusal("set_up_code_wrong")
    grants = (Grant(Role.ADMINISTRATOR), Grant(Role.SUPERVISOR))
    hashed = await access.hashed(body.password, body.name, with_code=False)
    async with access.database.write() as connection:
        if await accounts.count(connection) > 0:
            raise SignInRefusal("set_up_over")
        new = NewAccount(body.name, body.display_name, grants, hashed)
        account = await accounts.add(connection, "set-up", new, access.clock.utc())
    access.end_set_up()
    signed = await access.sessions.start_for(account, address, "set-up")
    give_session(request, response, signed)
    return MeBody.of(signed.actor)


@router.get("/me", responses=_READ)
async def me(actor: Me) -> MeBody:
    """Who is signed in here."""
    return MeBody.of(actor)


@router.post("/me/password", responses=_PROVEN)
async def change_password(body: PasswordIn, access: AccessDep, actor: Me) -> MeBody:
    """A new password; every other session of the account ends."""
    account = await own_account(access, actor, body.old)
    hashed = await access.hashed(body.new, account.name, with_code=account.totp_sealed is not None)
    async with access.database.write() as connection:
        now = access.clock.utc()
        values = {"password_hash": hashed}
        await accounts.change(connection, actor, account, "account.password", now, **values)
        await accounts.end_sessions(connection, account.id, but=actor.session)
    return MeBody.of(actor)


@router.post("/me/authenticator", responses=_CHANGE)
async def new_authenticator(body: NothingIn, actor: Me) -> EnrolBody:
    """A secret to scan; nothing is stored before `confirm`."""
    del body
    secret = new_totp_secret()
    address = totp_address(secret, actor.account or actor.name)
    qr = segno.make(address, error="m").svg_data_uri(scale=4, border=4)
    return EnrolBody(secret=secret, address=address, qr=qr)


@router.post("/me/authenticator/confirm", responses=_PROVEN)
async def confirm_authenticator(body: ConfirmIn, access: AccessDep, actor: Me) -> RecoveryBody:
    """Store the authenticator after its first code; answers with recovery codes, once."""
    account = await own_account(access, actor, body.password)
    step = totp_step(body.secret, body.code, access.clock.utc(), 0)
    if step is None:
        raise AccountRefusal("code_wrong")
    codes, digests = new_recovery_codes()
    sealed = access.sessions.sealer.seal(body.secret.encode(), totp_label(account.name))
    values = {"totp_sealed": sealed, "totp_used": step, "recovery_json": digests}
    async with access.database.write() as connection:
        now = access.clock.utc()
        await accounts.change(connection, actor, account, "account.authenticator", now, **values)
        await accounts.end_sessions(connection, account.id, but=actor.session)
    return RecoveryBody(codes=codes)


@router.get("/accounts", responses=_READ)
async def list_accounts(access: AccessDep, actor: Administrator) -> tuple[AccountBody, ...]:
    """Accounts that the administrator answers for."""
    async with access.database.read() as connection:
        everyone = await accounts.listed(connection)
        found = tuple(account for account in everyone if answers_for(actor, account.grants))
        limits = access.sessions.limits
        counts = await open_sessions.counts(connection, found, limits, access.clock.utc())
    return tuple(AccountBody.of(account, counts.get(account.id, 0)) for account in found)


@router.post("/accounts", responses=_CHANGE)
async def add_account(body: AccountIn, access: AccessDep, actor: Administrator) -> AccountBody:
    """A new account; roles only where the administrator answers for the place."""
    grants = tuple(grant.grant() for grant in body.grants)
    accounts.check_grants(actor, grants)
    hashed = await access.hashed(body.password, body.name, with_code=False)
    new = NewAccount(body.name, body.display_name, grants, hashed, body.shared)
    async with access.database.write() as connection:
        stored = await accounts.add(connection, actor, new, access.clock.utc())
    return AccountBody.of(stored)


@router.post("/accounts/{account_id}/roles", responses=_CHANGE)
async def set_roles(
    account_id: AccountId, body: GrantsIn, access: AccessDep, actor: Administrator
) -> AccountBody:
    """Other roles; open streams of the account end within seconds and open anew."""
    async with access.database.write() as connection:
        account = await other_account(connection, actor, account_id)
        grants = tuple(grant.grant() for grant in body.grants)
        now = access.clock.utc()
        await accounts.set_grants(connection, actor, account, grants, now)
        changed = await other_account(connection, actor, account_id)
        limits = access.sessions.limits
        left = await open_sessions.of_account(connection, changed, limits, now)
        return AccountBody.of(changed, len(left))


@router.post("/accounts/{account_id}/disable", responses=_CHANGE)
async def disable(
    account_id: AccountId, body: NothingIn, access: AccessDep, actor: Administrator
) -> AccountBody:
    """Close an account: its sessions end at once, its streams within seconds."""
    del body
    return await _set_disabled(access, actor, account_id, disabled=True)


@router.post("/accounts/{account_id}/enable", responses=_CHANGE)
async def enable(
    account_id: AccountId, body: NothingIn, access: AccessDep, actor: Administrator
) -> AccountBody:
    """Open a closed account again."""
    del body
    return await _set_disabled(access, actor, account_id, disabled=False)


@router.post("/accounts/{account_id}/reset", responses=_CHANGE)
async def reset(
    account_id: AccountId, body: ResetIn, access: AccessDep, actor: Administrator
) -> AccountBody:
    """A new first password, no authenticator, no session, no identity of another house: for
    somebody who lost theirs."""
    async with access.database.read() as connection:
        account = await other_account(connection, actor, account_id)
    hashed = await access.hashed(body.password, account.name, with_code=False)
    async with access.database.write() as connection:
        await accounts.reset(connection, actor, account, hashed, access.clock.utc())
        return AccountBody.of(await other_account(connection, actor, account_id))


async def other_account(connection: AsyncConnection, actor: Actor, account_id: int) -> Account:
    """An account that the administrator answers for. Raises `AccountRefusal`."""
    account = await accounts.by_id(connection, account_id)
    if account is None or not answers_for(actor, account.grants):
        raise AccountRefusal("account_unknown", id=account_id)
    return account


async def own_account(access: AccessService, actor: Actor, password: str) -> Account:
    """The signed-in account after its password was given once more."""
    async with access.database.read() as connection:
        account = await accounts.by_name(connection, actor.account)
    if account is None or not account.password_hash:
        raise AccountRefusal("account_elsewhere")
    given = Entered(account.name, password, address=f"session {actor.session[:16]}")
    if not await access.sessions.matches(account.password_hash, given):
        access.sessions.throttle.failed(account.name, given.address)
        raise AccountRefusal("password_wrong")
    return account


async def _set_disabled(
    access: AccessService, actor: Actor, account_id: int, *, disabled: bool
) -> AccountBody:
    async with access.database.write() as connection:
        account = await other_account(connection, actor, account_id)
        now = access.clock.utc()
        await accounts.set_disabled(connection, actor, account, now, disabled=disabled)
        return AccountBody.of(await other_account(connection, actor, account_id))


def address_of(request: Request) -> str:
    return "" if request.client is None else request.client.host


def give_session(request: Request, response: Response, signed: SignedIn) -> None:
    """Put the session into cookies that this browser sends to this service only."""
    tls = request.url.scheme == "https"
    response.set_cookie(
        cookie_name(request, COOKIE_UNDER_TLS if tls else COOKIE),
        signed.token,
        path="/",
        httponly=True,
        samesite="strict",
        secure=tls,
        # The server ends the session; the cookie only has to outlive a shared desk's.
        max_age=30 * 86_400 if signed.actor.shared else None,
    )
    response.set_cookie(
        cookie_name(request, CSRF_COOKIE),
        csrf_of(signed.token),
        path="/",
        samesite="strict",
        secure=tls,
        max_age=30 * 86_400 if signed.actor.shared else None,
    )
