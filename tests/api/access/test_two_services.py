"""Two schools' services at one address: browsers keep cookies by machine, whatever the port."""

from __future__ import annotations

import shutil
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.api.access.cases import OPERATOR, house

PORTS = (8441, 8442)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_signing_in_at_one_school_leaves_the_other_as_it_is(
    sqlite_url: str, sqlite_template: Path, tmp_path: Path, tls: bool
) -> None:
    shutil.copy(sqlite_template, tmp_path / "second.db")
    second = f"sqlite:///{tmp_path / 'second.db'}"
    async with house(sqlite_url, tmp_path) as one, house(second, tmp_path) as other:
        cookies, services = CookieJar(), (one, other)
        desks = [
            service.browser(port=port, tls=tls, cookies=cookies)
            for service, port in zip(services, PORTS, strict=True)
        ]
        for service, desk, guard in zip(services, desks, ("王芳", "李强"), strict=True):
            await service.add(f"desk-{guard}", OPERATOR, shared=True)
            assert (await desk.sign_in(f"desk-{guard}")).status_code == 200
            assert (await desk.post("/api/v1/shift", {"name": guard})).status_code == 200
        # Who signed in and who is on duty is of each school alone, for what is read and written.
        for desk, guard in zip(desks, ("王芳", "李强"), strict=True):
            assert (await desk.get("/api/v1/me")).json()["account"] == f"desk-{guard}"
            assert (await desk.get("/api/v1/shift")).json()["name"] == guard
        assert (await desks[1].post("/api/v1/sign-out")).status_code == 200
        assert (await desks[1].get("/api/v1/me")).status_code == 401
        assert (await desks[0].post("/api/v1/shift/end")).status_code == 200
        assert (await desks[0].get("/api/v1/shift")).json()["name"] is None


async def test_a_session_from_before_cookies_named_the_port_goes_on(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("desk", OPERATOR, shared=True)
        before, desk = one.browser(), one.browser(port=8441)
        await before.sign_in("desk")
        for name, value in before.client.cookies.items():
            desk.client.cookies.set(name, value)
        assert (await desk.get("/api/v1/me")).json()["account"] == "desk"
        assert (await desk.post("/api/v1/shift", {"name": "王芳"})).status_code == 200


@pytest.mark.parametrize("host", ["localhost:99999", "localhost:x", "localhost:"])
async def test_a_host_without_a_right_port_is_answered(
    sqlite_url: str, tmp_path: Path, host: str
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        assert (await one.browser().get("/api/v1/me", host=host)).status_code == 401
