"""A desk with accounts, and browsers of people who sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import httpx
import pyotp
from argon2 import PasswordHasher
from fastapi import FastAPI

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.actor import Grant
from api.access.credentials import Passwords
from api.access.rights import Role
from api.access.sealing import Sealer
from api.access.service import AccessService, AccountsPlan
from api.access.sessions import totp_label
from api.application import create_app
from api.pictures import NoPictures
from config.delivery import DeliveryPlan
from streams.clock import SimulatedClock
from tests.api.desk_cases import SITE, settings

PASSWORD = "four-quiet-herons-cross"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# The least that Argon2 allows: the tests check the rules, not the price of a guess.
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass(slots=True)
class Browser:
    """One person's browser: it keeps cookies and sends the session's token as the pages do."""

    client: httpx.AsyncClient

    async def sign_in(self, name: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
        body = {"name": name, "password": password, "code": code}
        return await self.client.post("/api/v1/sign-in", json=body)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        cookies, name = self.client.cookies, f"xiaoan_csrf_{self.client.base_url.port}"
        token = cookies.get(name) or cookies.get("xiaoan_csrf") or ""
        headers = {"X-CSRF-Token": token}
        return await self.client.post(path, json=body or {}, headers=headers)


@dataclass(slots=True)
class House:
    """A running service with accounts."""

    app: FastAPI
    clock: SimulatedClock
    announced: list[str]
    _clients: list[httpx.AsyncClient]

    @property
    def access(self) -> AccessService:
        found = self.app.state.accounts
        assert isinstance(found, AccessService)
        return found

    def browser(
        self,
        address: str = "192.0.2.1",
        *,
        tls: bool = False,
        port: int | None = None,
        cookies: CookieJar | None = None,
    ) -> Browser:
        """A browser; one that looks at several services has their `cookies` in one place."""
        transport = httpx.ASGITransport(self.app, client=(address, 50_000))
        base = f"http{'s' if tls else ''}://localhost{'' if port is None else f':{port}'}"
        client = httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies)
        self._clients.append(client)
        return Browser(client)

    async def add(
        self, name: str, *grants: Grant, shared: bool = False, strong: bool = False
    ) -> int:
        """An account with the usual password; a strong one has an authenticator."""
        hashed = CHEAP.hashed(PASSWORD, name=name, with_code=False)
        async with self.access.database.write() as connection:
            now = self.clock.utc()
            new = NewAccount(name, name, grants, hashed, shared)
            account = await accounts.add(connection, "test", new, now)
            if strong:
                sealer = self.access.sessions.sealer
                sealed = sealer.seal(TOTP_SECRET.encode(), totp_label(name))
                values = {"totp_sealed": sealed}
                await accounts.change(connection, "test", account, "test", now, **values)
        return account.id

    async def signed_in(self, name: str, *grants: Grant, shared: bool = False) -> Browser:
        """A browser in which a new account has just signed in."""
        if await self._id_of(name) is None:
            await self.add(name, *grants, shared=shared, strong=True)
        browser = self.browser()
        code = self.code()
        answer = await browser.sign_in(name, code=code)
        assert answer.status_code == 200, answer.text
        return browser

    def code(self) -> str:
        """The authenticator's code now."""
        return pyotp.TOTP(TOTP_SECRET).at(self.clock.utc().ns // 1_000_000_000)

    async def _id_of(self, name: str) -> int | None:
        async with self.access.database.read() as connection:
            found = await accounts.by_name(connection, name)
        return None if found is None else found.id


@asynccontextmanager
async def house(
    database_url: str, folder: Path, *, delivery: DeliveryPlan | None = None, **changes: Any
) -> AsyncIterator[House]:
    """A service with accounts over a database; its key and anchors lie in `folder`."""
    announced: list[str] = []
    clock = SimulatedClock()
    plan = AccountsPlan(Sealer(bytes(range(32))), folder / "anchors.jsonl", announced.append, CHEAP)
    app = create_app(
        settings=settings(database_url, **changes),
        site=SITE,
        clock=clock,
        pictures=NoPictures(),
        access=plan,
        delivery=delivery,
    )
    clients: list[httpx.AsyncClient] = []
    async with app.router.lifespan_context(app):
        try:
            yield House(app, clock, announced, clients)
        finally:
            for client in clients:
                await client.aclose()


OPERATOR = Grant(Role.OPERATOR, SITE.id)
ADMINISTRATOR = Grant(Role.ADMINISTRATOR)
