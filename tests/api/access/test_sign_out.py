"""Sessions that are ended from elsewhere, by their owner or by the administrator."""

from __future__ import annotations

from pathlib import Path

from api.access import audit
from tests.api.access.cases import ADMINISTRATOR, OPERATOR, house


async def test_a_lost_telephone_is_signed_out_from_elsewhere(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as one:
        await one.add("wang", OPERATOR)
        phone, forgotten, desk = (one.browser(f"192.0.2.{n}") for n in (7, 8, 9))
        for browser in (phone, forgotten, desk):
            await browser.sign_in("wang")
            one.clock.advance(61.0)
        seen = (await desk.get("/api/v1/me/sessions")).json()
        assert [(at["address"], at["here"]) for at in seen] == [
            ("192.0.2.9", True),
            ("192.0.2.8", False),
            ("192.0.2.7", False),
        ]
        left = await desk.post(f"/api/v1/me/sessions/{seen[2]['id']}/end")
        assert [at["address"] for at in left.json()] == ["192.0.2.9", "192.0.2.8"]
        assert (await phone.get("/api/v1/me")).status_code == 401
        again = await desk.post(f"/api/v1/me/sessions/{seen[2]['id']}/end")
        assert (again.status_code, again.json()["code"]) == (409, "session_unknown")
        rest = await desk.post("/api/v1/me/sessions/end-others")
        assert [at["here"] for at in rest.json()] == [True]
        assert (await forgotten.get("/api/v1/me")).status_code == 401
        assert (await desk.get("/api/v1/me")).status_code == 200
        async with one.access.database.read() as connection:
            told = await audit.listed(connection, before=2**53, limit=2)
        assert [(line.action, line.actor, line.detail_json) for line in told] == [
            ("session.all_ended", "wang", '{"count":"1"}'),
            ("session.ended_elsewhere", "wang", '{"address":"192.0.2.7"}'),
        ]


async def test_nobody_signs_out_sessions_of_another_account(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        wang, liu = await one.signed_in("wang", OPERATOR), await one.signed_in("liu", OPERATOR)
        (session,) = (await wang.get("/api/v1/me/sessions")).json()
        told = await liu.post(f"/api/v1/me/sessions/{session['id']}/end")
        assert told.status_code == 409
        assert (await liu.post("/api/v1/accounts/1/sign-out")).status_code == 403
        assert (await wang.get("/api/v1/me")).status_code == 200


async def test_the_administrator_signs_somebody_out_everywhere(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as one:
        number = await one.add("wang", OPERATOR)
        wang, desk = one.browser(), one.browser("192.0.2.2")
        for browser in (wang, desk):
            await browser.sign_in("wang")
        admin = await one.signed_in("boss", ADMINISTRATOR)
        counted = {a["name"]: a["sessions"] for a in (await admin.get("/api/v1/accounts")).json()}
        assert counted == {"wang": 2, "boss": 1}
        told = await admin.post(f"/api/v1/accounts/{number}/sign-out")
        assert told.json()["sessions"] == 0
        for browser in (wang, desk):
            assert (await browser.get("/api/v1/me")).status_code == 401
        # The account stays open: whoever knows the password signs in again.
        assert (await wang.sign_in("wang")).status_code == 200
        async with one.access.database.read() as connection:
            lines = await audit.listed(connection, before=2**53, limit=10)
        ended = next(line for line in lines if line.action == "session.all_ended")
        assert (ended.actor, ended.subject, ended.detail_json) == ("boss", "wang", '{"count":"2"}')


async def test_a_session_that_ended_by_itself_is_not_listed(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path) as one:
        await one.add("wang", OPERATOR)
        old, new = one.browser("192.0.2.7"), one.browser("192.0.2.8")
        await old.sign_in("wang")
        one.clock.advance(31 * 60.0)
        await new.sign_in("wang")
        found = (await new.get("/api/v1/me/sessions")).json()
        assert [at["address"] for at in found] == ["192.0.2.8"]
