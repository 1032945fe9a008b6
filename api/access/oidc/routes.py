"""Signing in at another house, and binding an account of this service to an identity there.

Nobody gets in by a name that a provider tells: an account is first bound by its own person, signed
in here, and from then on found by issuer and subject, which the provider never gives to another.
What began in a browser is kept in a sealed cookie, so that the way back fits to it and to nothing
else. Who has an authenticator here must have shown a second factor there.
"""

from __future__ import annotations

import base64
import json
import secrets
from hashlib import sha256
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access import accounts, audit, open_sessions
from api.access.accounts import Account
from api.access.actor import Actor
from api.access.bodies import OwnPasswordIn
from api.access.errors import AccountRefusal, SignInRefusal
from api.access.guard import PUBLIC, needs
from api.access.oidc.provider import Provider, ProviderError
from api.access.rights import Right
from api.access.routes import address_of, give_session, own_account
from api.access.sealing import SealError
from api.access.service import AccessDep, AccessService
from api.problems import Problem, responses
from api.schemas import Body
from vision.instants import Utc

_LOG = structlog.get_logger(__name__)
router = APIRouter(tags=["access"])
_BIND = responses(401, 403, 404, 409, 415, 422, 429, 502, 503)

COOKIE = "xiaoan_oidc"
_LABEL = "oidc-flow"
_LONGEST_S = 600.0
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "swk", "sc", "fpt", "face", "sms", "tel"})
"""Values of `amr` (RFC 8176) that say that more than a password was shown."""


class EntranceBody(Body):
    """Where to go on."""

    url: str


@router.get("/oidc/begin", dependencies=[PUBLIC], include_in_schema=False)
async def begin(request: Request, access: AccessDep) -> Response:
    """Lead a person to the other house."""
    url, cookie = await _begun(access)
    answer = RedirectResponse(url, 303)
    _keep(request, answer, cookie)
    return answer


@router.post("/api/v1/me/other-house", responses=_BIND)
async def bind(
    request: Request,
    body: OwnPasswordIn,
    response: Response,
    access: AccessDep,
    actor: Annotated[Actor, Depends(needs(Right.KEEP_OWN_ACCOUNT))],
) -> EntranceBody:
    """Begin binding one's own account to an identity of the other house."""
    _provider(access)
    account = await own_account(access, actor, body.password)
    url, cookie = await _begun(access, account.id, actor.session)
    _keep(request, response, cookie)
    return EntranceBody(url=url)


@router.get("/oidc/return", dependencies=[PUBLIC], include_in_schema=False)
async def come_back(
    request: Request,
    access: AccessDep,
    code: Annotated[str, Query(max_length=2048)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    error: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The way back from the other house: a session, or an account that is now bound."""
    provider = _provider(access)
    flow = _flow(request, access)
    if not secrets.compare_digest(state.encode(), str(flow["state"]).encode()):
        raise SignInRefusal("oidc_not_begun")
    if not code:
        raise SignInRefusal("oidc_declined", reason=error or "-")
    now = access.clock.utc()
    try:
        claims = await provider.claims(code, str(flow["verifier"]), str(flow["nonce"]), now)
    except ProviderError as error:
        _LOG.warning("access.oidc_refused", reason=str(error))
        raise Problem(502, "oidc_failed", reason=str(error)) from None
    subject = f"{provider.house.issuer}|{claims['sub']}"
    if flow["account"]:
        await _bind(access, flow, subject, now)
        return _onward("/account")
    return await _enter(request, access, subject, claims)


async def _enter(
    request: Request, access: AccessService, subject: str, claims: dict[str, Any]
) -> Response:
    async with access.database.read() as connection:
        account = await accounts.by_subject(connection, subject)
    if account is None or account.disabled:
        await _told(access, "oidc_unbound")
        raise SignInRefusal("oidc_unbound")
    if account.totp_sealed is not None and not _second_factor(claims):
        await _told(access, "oidc_weak")
        raise SignInRefusal("oidc_weak")
    signed = await access.sessions.start_for(account, address_of(request), "oidc")
    answer = _onward("/")
    give_session(request, answer, signed)
    return answer


async def _bind(access: AccessService, flow: dict[str, Any], subject: str, now: Utc) -> None:
    """Bind the account that the flow began for, while the session in which it began goes on.

    Whoever was signed out since, by a reset or by the person from elsewhere, binds nothing more.
    """
    async with access.database.write() as connection:
        account: Account | None = await accounts.by_id(connection, int(flow["account"]))
        taken = await accounts.by_subject(connection, subject)
        if account is None or account.disabled or (taken is not None and taken.id != account.id):
            raise AccountRefusal("oidc_taken")
        limits = access.sessions.limits
        open_ones = await open_sessions.of_account(connection, account, limits, now)
        if flow.get("session") not in {one.digest for one in open_ones}:
            raise SignInRefusal("oidc_not_begun")
        values = {"subject": subject}
        await accounts.change(connection, account.name, account, "account.bound", now, **values)


async def _begun(access: AccessService, account_id: int = 0, session: str = "") -> tuple[str, str]:
    """The address to go to, and the sealed cookie of what began: a sign-in, or the binding of an
    account in one of its sessions."""
    provider = _provider(access)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    try:
        url = await provider.entrance(state, nonce, challenge)
    except ProviderError as error:
        _LOG.warning("access.oidc_unreachable", reason=str(error))
        raise Problem(502, "oidc_failed", reason=str(error)) from None
    flow = {
        "state": state,
        "nonce": nonce,
        "verifier": verifier,
        "account": account_id,
        "session": session,
        "at_ns": access.clock.utc().ns,
    }
    sealed = access.sessions.sealer.seal(json.dumps(flow).encode(), _LABEL)
    return url, base64.urlsafe_b64encode(sealed).decode()


def _flow(request: Request, access: AccessService) -> dict[str, Any]:
    """What began in this browser not long ago. Raises `SignInRefusal`."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(COOKIE, "").encode())
        flow: dict[str, Any] = json.loads(access.sessions.sealer.open(sealed, _LABEL))
    except (SealError, ValueError):
        raise SignInRefusal("oidc_not_begun") from None
    if access.clock.utc() - Utc(int(flow["at_ns"])) > _LONGEST_S:
        raise SignInRefusal("oidc_not_begun")
    return flow


def _keep(request: Request, answer: Response, cookie: str) -> None:
    # `lax`: the browser comes back from another site. It is no session and opens nothing.
    answer.set_cookie(
        COOKIE,
        cookie,
        path="/oidc",
        max_age=int(_LONGEST_S),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def _onward(path: str) -> HTMLResponse:
    """A page of our own that goes on: a redirect of the other site would carry no strict cookie."""
    page = (
        f'<!doctype html><meta http-equiv="refresh" content="0; url={path}"><a href="{path}">→</a>'
    )
    answer = HTMLResponse(page, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(COOKIE, path="/oidc")
    return answer


def _second_factor(claims: dict[str, Any]) -> bool:
    methods = claims.get("amr")
    return isinstance(methods, list) and bool(SECOND_FACTORS & {str(one) for one in methods})


def _provider(access: AccessService) -> Provider:
    if access.provider is None:
        raise Problem(404, "no_other_house")
    return access.provider


async def _told(access: AccessService, why: str) -> None:
    async with access.database.write() as connection:
        act = audit.Act("session.refused", "oidc", {"why": why})
        await audit.append(connection, "nobody", act, access.clock.utc())
