"""Signing in, and who is behind a request: sessions kept by the server.

The cookie holds a random value; the database holds its digest. A new sign-in always gets a new
value. A changing request must carry a token that belongs to the session (`X-CSRF-Token`).
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import HTTPConnection

from api.access import accounts, audit
from api.access.accounts import Account
from api.access.actor import Actor, Grant
from api.access.credentials import Passwords, totp_step, use_recovery_code
from api.access.errors import SignInRefusal
from api.access.guard import cookie_name
from api.access.lately import LatelyConfirmed
from api.access.rights import Role
from api.access.sealing import Sealer
from api.access.tables import SESSIONS
from api.access.throttle import Throttle
from api.database import Database
from api.database.patience import answered_within
from api.problems import Problem
from streams.clock import Clock
from vision.instants import Utc

COOKIE = "xiaoan_session"
COOKIE_UNDER_TLS = "__Host-xiaoan_session"
CSRF_COOKIE = "xiaoan_csrf"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TOUCH_EVERY_S = 60.0
_PATIENCE_S = 1.5
"""So long the database is waited for where its last word is known: less than a desk's next look."""

_S = SESSIONS.c


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts without a request, and at most, in seconds.

    A shared desk is the alarm wall: its open event stream keeps the session alive, and the longest
    time is far beyond a shift.
    """

    idle_s: float = 1_800.0
    absolute_s: float = 12 * 3_600.0
    desk_idle_s: float = 24 * 3_600.0
    desk_absolute_s: float = 30 * 24 * 3_600.0
    warn_s: float = 1_800.0
    desk_warn_s: float = 24 * 3_600.0

    def of(self, account: Account) -> tuple[float, float]:
        if account.shared:
            return self.desk_idle_s, self.desk_absolute_s
        return self.idle_s, self.absolute_s

    def live(self, account: Account, session: Mapping[Any, Any], now: Utc) -> bool:
        """Whether a row of `SESSIONS` has neither been unused nor lasted for too long."""
        idle_s, absolute_s = self.of(account)
        unused_s, lasted_s = now - Utc(session["seen_ns"]), now - Utc(session["created_ns"])
        return unused_s <= idle_s and lasted_s <= absolute_s

    def warned(self, *, shared: bool) -> float:
        """How long before its longest time a page says that the session will end, in seconds."""
        return self.desk_warn_s if shared else self.warn_s


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """When a session ends even while somebody uses it, and from when its pages say so."""

    at: Utc
    warn_from: Utc


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody typed to sign in, and from where."""

    name: str
    password: str = field(repr=False)
    code: str = field(default="", repr=False)
    address: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session; `token` goes into the cookie and nowhere else."""

    actor: Actor
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """The access of a service with accounts."""

    database: Database
    clock: Clock
    sealer: Sealer
    machine_token: str = field(repr=False)
    passwords: Passwords = field(default_factory=Passwords)
    limits: SessionLimits = SessionLimits()
    throttle: Throttle = field(init=False)
    _lately: LatelyConfirmed = field(init=False, repr=False)
    # Argon2 takes 64 MiB a call; two at a time leave room for the alarms.
    _hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    def __post_init__(self) -> None:
        object.__setattr__(self, "throttle", Throttle(self.clock))
        object.__setattr__(self, "_lately", LatelyConfirmed(self.clock))

    async def actor_of(self, request: HTTPConnection) -> Actor | None:
        """Raises `Problem` 403 when a changing request does not carry the session's token."""
        bearer = request.headers.get("authorization", "").partition(" ")
        if bearer[0].lower() == "bearer":
            return self._machine(bearer[2].strip())
        token = _token_of(request)
        if not token:
            return None
        actor = await self._actor(digest_of(token), touch=True)
        method = str(request.scope.get("method", "GET"))
        if actor is not None and method not in _SAFE_METHODS:
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), csrf_of(token).encode()):
                raise Problem(403, "csrf_missing")
        return actor

    async def still_valid(self, actor: Actor) -> bool:
        """The session lives, and its roles are still those with which the stream was opened."""
        if not actor.session:
            return True
        # Only the desk's stream counts as a sign of life; other pages end when nobody is there.
        return await self._actor(actor.session, touch=actor.shared) == actor

    async def end_of(self, actor: Actor) -> SessionEnd | None:
        """When the actor's session has lasted its longest; `None` where there is no session."""
        query = select(_S.created_ns).where(_S.digest == actor.session)
        async with self.database.read() as connection:
            created_ns = (await connection.execute(query)).scalar_one_or_none()
        if created_ns is None:
            return None
        limits = self.limits
        longest_s = limits.desk_absolute_s if actor.shared else limits.absolute_s
        end = Utc(created_ns).plus(longest_s)
        return SessionEnd(end, end.plus(-limits.warned(shared=actor.shared)))

    async def sign_in(self, entered: Entered) -> SignedIn:
        """Check what was typed and start a session.

        Raises:
            SignInRefusal: wrong, too early to try again, or a code is needed.
        """
        name = entered.name.strip().lower()
        self._refuse_early(name, entered.address)
        async with self.database.read() as connection:
            account = await accounts.by_name(connection, name)
        stored = "" if account is None else account.password_hash
        right = await self.matches(stored, entered)
        if account is None or not right or account.disabled:
            raise await self._failed(entered, "sign_in_wrong")
        if account.totp_sealed is not None and not entered.code.strip():
            raise SignInRefusal("sign_in_code_needed")
        async with self.database.write() as connection:
            fresh = await accounts.by_id(connection, account.id)
            used = None if fresh is None else self._second_factor(fresh, entered.code)
            if fresh is not None and used is not None:
                now = self.clock.utc()
                if used:
                    await accounts.change(connection, name, fresh, "account.code", now, **used)
                self.throttle.succeeded(name, entered.address)
                token = secrets.token_urlsafe(32)
                await self._store(connection, fresh, token, entered.address)
                actor = fresh.actor(now, digest_of(token))
                told = audit.Act("session.started", name, {"address": entered.address})
                await audit.append(connection, actor, told, now)
                return SignedIn(actor, token)
        raise await self._failed(entered, "sign_in_code_wrong")

    async def matches(self, stored: str, entered: Entered) -> bool:
        """Whether the password is that of the hash `stored`; a wrong one is not counted here.

        Raises:
            SignInRefusal: it is too early to try again. Guesses that were sent together wait for
                each other, so this is asked when the turn of each has come.
        """
        async with self._hashing:
            self._refuse_early(entered.name.strip().lower(), entered.address)
            return await asyncio.to_thread(self.passwords.matches, stored, entered.password)

    async def start_for(self, account: Account, address: str, how: str) -> SignedIn:
        """A session for somebody who was proven otherwise: set-up code or another house."""
        token = secrets.token_urlsafe(32)
        now = self.clock.utc()
        actor = account.actor(now, digest_of(token))
        async with self.database.write() as connection:
            await self._store(connection, account, token, address)
            told = audit.Act("session.started", account.name, {"address": address, "by": how})
            await audit.append(connection, actor, told, now)
        return SignedIn(actor, token)

    async def sign_out(self, actor: Actor) -> None:
        """End this session, and with it its streams."""
        self._lately.forget(actor.session)
        async with self.database.write() as connection:
            await connection.execute(delete(SESSIONS).where(_S.digest == actor.session))
            act = audit.Act("session.ended", actor.account)
            await audit.append(connection, actor, act, self.clock.utc())

    async def prune(self) -> None:
        """Delete sessions that ended by themselves."""
        oldest = self.clock.utc().plus(-self.limits.desk_absolute_s)
        async with self.database.write() as connection:
            await connection.execute(delete(SESSIONS).where(_S.created_ns < oldest.ns))

    def totp_secret(self, account: Account) -> str:
        """The opened secret of an account's authenticator. Raises `SealError`."""
        if account.totp_sealed is None:
            raise ValueError(f"{account.name} has no authenticator")
        return self.sealer.open(account.totp_sealed, totp_label(account.name)).decode()

    def _machine(self, given: str) -> Actor | None:
        if not hmac.compare_digest(given.encode(), self.machine_token.encode()):
            return None
        return Actor("machine", (Grant(Role.MACHINE),))

    async def _actor(self, digest: str, *, touch: bool) -> Actor | None:
        """While the database cannot be asked, whoever it confirmed just before that."""
        lately = self._lately.of(digest)
        asking = self._asked(digest, touch=touch)
        if lately is None:
            actor = await asking
        else:
            try:
                actor = await answered_within(_PATIENCE_S, asking)
            except SQLAlchemyError:
                return lately
        self._lately.answered(digest, actor)
        return actor

    async def _asked(self, digest: str, *, touch: bool) -> Actor | None:
        async with self.database.read() as connection:
            query = select(SESSIONS).where(_S.digest == digest)
            row = (await connection.execute(query)).mappings().first()
            account = None if row is None else await accounts.by_id(connection, row["account_id"])
        if row is None or account is None or account.disabled:
            return None
        now = self.clock.utc()
        if not self.limits.live(account, row, now):
            return None
        if touch and now - Utc(row["seen_ns"]) >= _TOUCH_EVERY_S:
            await self._touch(digest, now)
        return account.actor(now, digest)

    def _refuse_early(self, name: str, address: str) -> None:
        wait_s = self.throttle.wait_s(name, address)
        if wait_s > 0.0:
            raise SignInRefusal("sign_in_wait", seconds=round(wait_s + 0.5))

    async def _touch(self, digest: str, now: Utc) -> None:
        try:
            async with self.database.write() as connection:
                await connection.execute(
                    update(SESSIONS).where(_S.digest == digest).values(seen_ns=now.ns)
                )
        except SQLAlchemyError:
            # A full disk must not lock the desk out while it can still be read.
            return

    def _second_factor(self, account: Account, code: str) -> dict[str, object] | None:
        """Columns that change when the code is right; `None` when it is wrong."""
        if account.totp_sealed is None:
            return {}
        secret = self.totp_secret(account)
        step = totp_step(secret, code, self.clock.utc(), account.totp_used)
        if step is not None:
            return {"totp_used": step}
        remaining = use_recovery_code(account.recovery_json, code)
        return None if remaining is None else {"recovery_json": remaining}

    async def _failed(self, entered: Entered, code: str) -> SignInRefusal:
        name = entered.name.strip().lower()[:60]
        self.throttle.failed(name, entered.address)
        async with self.database.write() as connection:
            told = audit.Act("session.refused", name, {"address": entered.address, "why": code})
            await audit.append(connection, "nobody", told, self.clock.utc())
        return SignInRefusal(code)

    async def _store(
        self, connection: AsyncConnection, account: Account, token: str, address: str
    ) -> None:
        now = self.clock.utc()
        values = {"account_id": account.id, "created_ns": now.ns, "seen_ns": now.ns}
        await connection.execute(
            insert(SESSIONS).values(digest=digest_of(token), address=address[:80], **values)
        )


def _token_of(request: HTTPConnection) -> str:
    """The session's token; empty where there is none.

    Those without a port in their name are of a service behind nginx, or were given before names had
    one: a desk stays signed in over an update.
    """
    bases = (COOKIE_UNDER_TLS, COOKIE)
    names = (*(cookie_name(request, base) for base in bases), *bases)
    return next((token for name in names if (token := request.cookies.get(name))), "")


def digest_of(token: str) -> str:
    """What the database keeps of a session's token."""
    return sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """The token that changing requests of this session carry."""
    return sha256(b"csrf:" + token.encode()).hexdigest()


def totp_label(name: str) -> str:
    """Binds a sealed secret to its account."""
    return f"totp:{name}"
