"""Signing in and out, sessions, tokens, throttling, the first administrator."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pyotp
import pytest
from sqlalchemy.exc import OperationalError

from api.access import service
from api.access.actor import Grant
from api.access.rights import Role
from api.access.service import AccessService
from tests.api.access.cases import ADMINISTRATOR, OPERATOR, PASSWORD, house
from tests.api.desk_cases import AUTHORISED, SITE

STATE = "/api/v1/state"


async def test_nobody_gets_in_without_signing_in(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as one:
        browser = one.browser()
        refused = await browser.get(STATE)
        assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_needed")
        led = await browser.get("/", accept="text/html")
        assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=/")
        assert (await browser.get("/sign-in")).status_code == 200
        for path in ("/livez", "/readyz"):
            assert (await browser.get(path)).status_code == 200


async def test_sign_in_gives_a_session_and_sign_out_ends_it(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as one:
        await one.add("wang", OPERATOR)
        browser = one.browser()
        answer = await browser.sign_in("WANG ")
        assert answer.json()["roles"] == ["member", "operator"]
        cookie = answer.headers.get_list("set-cookie")[0]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await browser.get(STATE)).status_code == 200
        token = browser.client.cookies["xiaoan_session"]
        assert (await browser.post("/api/v1/sign-out")).status_code == 200
        browser.client.cookies.set("xiaoan_session", token)
        assert (await browser.get(STATE)).status_code == 401


async def test_under_tls_the_cookie_is_bound_to_this_host(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("wang", OPERATOR)
        answer = await one.browser(tls=True).sign_in("wang")
        cookie = answer.headers.get_list("set-cookie")[0]
        assert cookie.startswith("__Host-xiaoan_session=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


async def test_each_sign_in_has_a_new_token_that_the_database_does_not_hold(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("wang", OPERATOR)
        browser = one.browser()
        browser.client.cookies.set("xiaoan_session", "chosen-by-somebody-else")
        tokens = set()
        for _ in range(2):
            answer = await browser.sign_in("wang")
            tokens.add(answer.cookies["xiaoan_session"])
        assert len(tokens) == 2
        assert "chosen-by-somebody-else" not in tokens
        stored = Path(sqlite_url.removeprefix("sqlite:///"))
        content = stored.read_bytes() + stored.with_name(stored.name + "-wal").read_bytes()
        for token in tokens:
            assert token.encode() not in content
        assert PASSWORD.encode() not in content


async def test_a_changing_request_needs_the_sessions_token(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as one:
        browser = await one.signed_in("wang", OPERATOR)
        for token in ("", "0" * 64):
            headers = {"X-CSRF-Token": token}
            answer = await browser.client.post(
                "/api/v1/shift", json={"name": "王芳"}, headers=headers
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf_missing")
        assert (await browser.post("/api/v1/shift", {"name": "王芳"})).status_code == 200


async def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("wang", OPERATOR)
        wrong = await one.browser().sign_in("wang", "not-the-right-password")
        unknown = await one.browser().sign_in("nobody-here", "not-the-right-password")
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert wrong.json() == unknown.json()


async def test_guessing_is_slowed_but_never_locks_the_owner_or_the_desk(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("desk", OPERATOR, shared=True)
        desk = one.browser("192.0.2.10")
        assert (await desk.sign_in("desk")).status_code == 200
        stranger = one.browser("198.51.100.7")
        told = [(await stranger.sign_in("desk", f"guess-number-{n:04d}")) for n in range(7)]
        assert [answer.status_code for answer in told] == [401] * 5 + [429] * 2
        assert int(told[-1].headers["retry-after"]) >= 1
        assert (await stranger.sign_in("desk")).status_code == 429
        assert (await desk.get(STATE)).status_code == 200
        assert (await one.browser("192.0.2.11").sign_in("desk")).status_code == 200
        one.clock.advance(3.0)
        assert (await stranger.sign_in("desk")).status_code == 200


async def test_guesses_that_come_in_together_are_slowed_as_well(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Each is judged when its turn comes, not when it was sent."""
    async with house(sqlite_url, tmp_path) as one:
        await one.add("desk", OPERATOR, shared=True)
        stranger = one.browser("198.51.100.7")
        guesses = (stranger.sign_in("desk", f"guess-number-{n:04d}") for n in range(30))
        statuses = Counter(answer.status_code for answer in await asyncio.gather(*guesses))
        # Two are looked at at a time.
        assert statuses[401] in (5, 6)
        assert statuses[429] == 30 - statuses[401]
        assert (await one.browser("192.0.2.11").sign_in("desk")).status_code == 200


async def test_guesses_at_the_own_password_are_slowed_as_well(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Whoever sits down at an open session has no more tries than a stranger."""
    async with house(sqlite_url, tmp_path) as one:
        browser = await one.signed_in("wang", OPERATOR)
        new = "seven-lamps-by-the-river"
        guesses = (
            browser.post("/api/v1/me/password", {"old": f"guess-{n:04d}", "new": new})
            for n in range(30)
        )
        codes = Counter(answer.json()["code"] for answer in await asyncio.gather(*guesses))
        assert codes["password_wrong"] in (5, 6)
        assert codes["sign_in_wait"] == 30 - codes["password_wrong"]


async def test_what_others_mistype_at_one_address_keeps_nobody_out_who_was_in_before(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A whole school behind one proxy: the guard signs in again, a new guesser waits."""
    async with house(sqlite_url, tmp_path) as one:
        await one.add("desk", OPERATOR, shared=True)
        await one.add("wang", OPERATOR)
        assert (await one.browser().sign_in("desk")).status_code == 200
        throttle = one.access.sessions.throttle
        for n in range(70):
            throttle.failed(f"pupil-{n}", "192.0.2.1")
        assert (await one.browser().sign_in("desk")).status_code == 200
        assert (await one.browser().sign_in("wang")).status_code == 429
        # Guesses at that very name are slowed as ever.
        for _ in range(6):
            throttle.failed("desk", "192.0.2.1")
        assert (await one.browser().sign_in("desk")).status_code == 429


async def test_a_database_that_refuses_once_does_not_end_the_upkeep(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anchors of the audit log are written again at the next look."""
    looked, real = asyncio.Event(), AccessService.anchor
    tries: list[int] = []

    async def anchor(self: AccessService) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("select", {}, Exception("disk full"))
        await real(self)
        looked.set()

    monkeypatch.setattr(AccessService, "anchor", anchor)
    monkeypatch.setattr(service, "ANCHOR_EVERY_S", 0.01)
    async with house(sqlite_url, tmp_path) as one:
        await one.signed_in("wang", OPERATOR)
        async with asyncio.timeout(20.0):
            await looked.wait()


@pytest.mark.parametrize(
    ("shared", "pause_s", "status"),
    [
        (False, 1_700.0, 200),
        (False, 1_900.0, 401),
        (True, 1_900.0, 200),
        (True, 86_000.0, 200),
        (True, 87_000.0, 401),
    ],
)
async def test_idle_sessions_end_but_the_desks_lasts_through_the_night(
    sqlite_url: str, tmp_path: Path, shared: bool, pause_s: float, status: int
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("wang", OPERATOR, shared=shared)
        browser = one.browser()
        await browser.sign_in("wang")
        one.clock.advance(pause_s)
        assert (await browser.get(STATE)).status_code == status


async def test_no_session_outlives_its_day(sqlite_url: str, tmp_path: Path) -> None:
    """12 hours of requests every 20 minutes: 36 are answered, the next is not."""
    async with house(sqlite_url, tmp_path) as one:
        browser = await one.signed_in("wang", OPERATOR)
        statuses = []
        for _ in range(37):
            one.clock.advance(1_200.0)
            statuses.append((await browser.get(STATE)).status_code)
        assert statuses == [200] * 36 + [401]


async def test_a_code_works_once_and_a_recovery_code_too(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("boss", ADMINISTRATOR, strong=True)
        needed = await one.browser().sign_in("boss")
        assert needed.json()["code"] == "sign_in_code_needed"
        code = one.code()
        assert (await one.browser().sign_in("boss", code=code)).status_code == 200
        again = await one.browser().sign_in("boss", code=code)
        assert again.json()["code"] == "sign_in_code_wrong"
        one.clock.advance(30.0)
        assert (await one.browser().sign_in("boss", code=one.code())).status_code == 200


async def test_strong_roles_count_only_with_an_authenticator(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("boss", ADMINISTRATOR)
        browser = one.browser()
        assert (await browser.sign_in("boss")).json()["roles"] == ["member"]
        assert (await browser.get("/api/v1/accounts")).status_code == 403
        enrol = (await browser.post("/api/v1/me/authenticator")).json()
        assert enrol["qr"].startswith("data:image/svg+xml")
        code = pyotp.TOTP(enrol["secret"]).at(one.clock.utc().ns // 1_000_000_000)
        body = {"password": PASSWORD, "secret": enrol["secret"], "code": code}
        codes = (await browser.post("/api/v1/me/authenticator/confirm", body)).json()["codes"]
        assert len(set(codes)) == 10
        assert (await browser.get("/api/v1/accounts")).status_code == 200
        other = one.browser()
        assert (await other.sign_in("boss", code=codes[0])).status_code == 200
        assert (await other.sign_in("boss", code=codes[0])).status_code == 401


async def test_the_first_administrator_is_made_once_with_the_shown_code(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        (code,) = one.announced
        body = {"name": "boss", "display_name": "管理员", "password": PASSWORD}
        wrong = await one.browser().post("/api/v1/set-up", {**body, "code": code[:-1] + "!"})
        assert wrong.json()["code"] == "set_up_code_wrong"
        made = await one.browser().post("/api/v1/set-up", {**body, "code": code})
        assert made.json()["roles"] == ["member", "supervisor"]
        again = await one.browser().post("/api/v1/set-up", {**body, "name": "second", "code": code})
        assert again.status_code == 401
    async with house(sqlite_url, tmp_path) as one:
        assert one.announced == []


async def test_the_set_up_code_ends_after_an_hour(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as one:
        one.clock.advance(3_601.0)
        body = {"name": "boss", "display_name": "管理员", "password": PASSWORD}
        late = await one.browser().post("/api/v1/set-up", {**body, "code": one.announced[0]})
        assert late.json()["code"] == "set_up_code_wrong"


async def test_a_closed_account_is_out_at_once(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as one:
        boss = await one.signed_in("boss", ADMINISTRATOR)
        number = await one.add("wang", OPERATOR)
        wang = one.browser()
        await wang.sign_in("wang")
        assert (await wang.get(STATE)).status_code == 200
        closed = await boss.post(f"/api/v1/accounts/{number}/disable")
        assert closed.json()["disabled"] is True
        assert (await wang.get(STATE)).status_code == 401
        assert (await wang.sign_in("wang")).status_code == 401


async def test_an_ended_role_counts_no_more(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path) as one:
        until = one.clock.utc().plus(600.0)
        browser = await one.signed_in("guest", Grant(Role.OPERATOR, SITE.id, until=until))
        assert (await browser.get(STATE)).status_code == 200
        one.clock.advance(601.0)
        assert (await browser.get(STATE)).status_code == 403


async def test_the_last_administrator_stays_and_nobody_raises_themselves(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        boss = await one.signed_in("boss", ADMINISTRATOR)
        listed = (await boss.get("/api/v1/accounts")).json()
        number = listed[0]["id"]
        for path, body in (("disable", {}), ("roles", {"grants": [{"role": "auditor"}]})):
            refused = await boss.post(f"/api/v1/accounts/{number}/{path}", body)
            assert (refused.status_code, refused.json()["code"]) == (409, "account_own")


async def test_an_administrator_of_one_zone_keeps_accounts_of_it_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Else a second account, made by hand, would see all that the first may not."""
    zone = frozenset({"hall"})
    async with house(sqlite_url, tmp_path) as one:
        whole = await one.add("guard", OPERATOR)
        nobody = await one.add("nobody")
        admin = await one.signed_in("boss", Grant(Role.ADMINISTRATOR, SITE.id, zone))
        new = {"name": "zhao", "display_name": "赵六", "password": PASSWORD}
        for zones, status in ((None, 403), ([], 403), (["stair"], 403), (["hall"], 200)):
            grant = {"role": "operator", "site": SITE.id, "zones": zones}
            told = await admin.post("/api/v1/accounts", {**new, "grants": [grant]})
            assert told.status_code == status, (zones, told.text)
        listed = (await admin.get("/api/v1/accounts")).json()
        assert {account["name"] for account in listed} == {"boss", "zhao"}
        for account in (whole, nobody):
            told = await admin.post(f"/api/v1/accounts/{account}/reset", {"password": PASSWORD})
            assert told.status_code == 404


async def test_an_administrator_of_one_school_gives_no_role_elsewhere(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        boss = await one.signed_in("boss", Grant(Role.ADMINISTRATOR, SITE.id))
        new = {"name": "li", "display_name": "李强", "password": PASSWORD}
        for site, status in (("other-school", 403), ("*", 403), (SITE.id, 200)):
            grants = [{"role": "operator", "site": site}]
            answer = await boss.post("/api/v1/accounts", {**new, "grants": grants})
            assert answer.status_code == status, answer.text
        elsewhere = await one.add("zhao", Grant(Role.OPERATOR, "other-school"))
        assert (await boss.post(f"/api/v1/accounts/{elsewhere}/disable")).status_code == 404
        names = {account["name"] for account in (await boss.get("/api/v1/accounts")).json()}
        assert names == {"boss", "li"}


@pytest.mark.parametrize(
    ("grant", "code"),
    [
        ({"role": "expert"}, "role_needs_end"),
        ({"role": "machine"}, "role_unknown"),
        ({"role": "member"}, "role_unknown"),
    ],
)
async def test_roles_that_cannot_be_given(
    sqlite_url: str, tmp_path: Path, grant: dict[str, str], code: str
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        boss = await one.signed_in("boss", ADMINISTRATOR)
        new = {"name": "li", "display_name": "李强", "password": PASSWORD, "grants": [grant]}
        answer = await boss.post("/api/v1/accounts", new)
        assert (answer.status_code, answer.json()["code"]) == (409, code)


async def test_nobody_holds_up_the_desk_with_a_large_body(sqlite_url: str, tmp_path: Path) -> None:
    """It is read only from whoever is somebody; a small one is judged by its route."""
    async with house(sqlite_url, tmp_path) as one:
        body = {"name": "x" * 300_000, "password": PASSWORD}
        guard = await one.signed_in("wang", OPERATOR)
        stranger = one.browser()
        for cookie in ("", "made-up"):
            stranger.client.cookies.set("xiaoan_session", cookie)
            told = await stranger.client.post("/api/v1/sign-in", json=body)
            assert (told.status_code, told.json()["code"]) == (401, "sign_in_needed")
        records = {"records": ["x" * 300_000]}
        for headers, status in ((AUTHORISED, 200), ({"Authorization": "Bearer wrong"}, 401)):
            told = await one.browser().client.post("/api/v1/ingest", json=records, headers=headers)
            assert told.status_code == status, told.text
        assert (await guard.post("/api/v1/shift", body)).json()["code"] == "request_invalid"
        # A page that misuses somebody's browser is nobody.
        told = await guard.client.post("/api/v1/shift", json=body)
        assert (told.status_code, told.json()["code"]) == (403, "csrf_missing")


async def test_workers_and_scrapers_use_the_token_and_get_nothing_else(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        client = one.browser().client
        for path, status in (("/metrics", 200), (STATE, 403), ("/api/v1/accounts", 403)):
            assert (await client.get(path, headers=AUTHORISED)).status_code == status
        wrong = {"Authorization": "Bearer not-the-token-at-all"}
        assert (await client.get("/metrics", headers=wrong)).status_code == 401
        sent = await client.post("/api/v1/ingest", json={"records": []}, headers=AUTHORISED)
        assert sent.status_code == 200
