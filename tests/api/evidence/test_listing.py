"""The list of clips: found by camera, day and alarm, and only by whoever may play them."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import insert

from api.access.actor import Grant
from api.access.rights import Role
from api.database.tables import ALARMS
from api.evidence import clip_store
from api.evidence.clip_store import Clip, Hold
from api.evidence.listing import PAGE, Wanted, listed
from tests.api.desk_cases import SITE
from tests.api.evidence import cases
from tests.api.evidence.cases import EvidenceDesk, evidence_desk

WISH = {"reason": "police_request", "case_no": "2026-118", "redacted": False}


async def page(case: EvidenceDesk, query: str = "", person: str = "li") -> str:
    answer = await case.desk.client.get(f"/evidence{query}", headers={"x-person": person})
    assert answer.status_code == 200, answer.text
    return answer.text


def numbers(html: str) -> list[int]:
    return [int(one) for one in re.findall(r'data-alarm="(\d+)"', html)]


async def test_a_clip_is_found_by_camera_day_and_alarm(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        day = case.desk.clock.utc().to_datetime().date()
        assert numbers(await page(case)) == [number]
        html = await page(case, f"?camera=cam-stair&first={day}&last={day}&number={number}")
        assert numbers(html) == [number]
        assert f'<a href="/evidence/{number}">观看（登记事由）</a>' in html
        assert "进行中" in html
        player = await case.desk.client.get(f"/evidence/{number}", headers={"x-person": "li"})
        found = re.search(r"data-words='([^']*)'", player.text)
        assert found is not None
        words = json.loads(unescape(found[1]))
        assert words["cameras"]["cam-stair"] == SITE.camera["cam-stair"].name.zh
        assert (words["actions"]["opened"], words["states"]["ready"]) == ("告警发生", "可下载")
        for other in ("?camera=cam-a", "?last=2020-01-01", f"?number={number + 1}"):
            html = await page(case, other)
            assert numbers(html) == []
            assert "没有这样的录像" in html
        await case.end_alarm(number)
        assert numbers(await page(case, "?first=2099-01-01")) == []
        async with case.desk.service.desk.database.write() as connection:
            clip = await case.evidence.clip_of(connection, number)
            hold = Hold("zhao", case.desk.clock.utc(), "<b>案件</b>")
            await clip_store.add_hold(connection, clip, hold)
        assert "延期保存： &lt;b&gt;案件" in await page(case)
        for wrong in ("first=yesterday", "first=0001-01-01", "last=9999-12-31", "number=0"):
            bad = await case.desk.client.get(f"/evidence?{wrong}", headers={"x-person": "li"})
            assert bad.status_code == 422, wrong


async def test_only_who_may_play_sees_the_list(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = Grant(Role.SUPERVISOR, SITE.id, frozenset({"hall"}))
    monkeypatch.setitem(cases.GRANTS, "hall", (hall,))
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.alarm_of_a_crowd()
        refused = await case.desk.client.get("/evidence", headers={"x-person": "district"})
        assert refused.status_code == 403
        assert numbers(await page(case, person="hall")) == []


async def test_the_second_person_finds_what_waits(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        answer = await case.desk.client.post(
            f"/api/v1/alarms/{number}/exports", json=WISH, headers={"x-person": "li"}
        )
        export = answer.json()["id"]
        html = await page(case, person="zhao")
        assert f'data-export="{export}"' in html
        assert "2026-118" in html
        assert 'data-decides="yes"' in html
        assert 'data-decides="yes"' not in await page(case, person="wang")
        decision = f"/api/v1/exports/{export}/decision"
        await case.desk.client.post(decision, json={"allow": True}, headers={"x-person": "zhao"})
        assert "data-export" not in await page(case, person="zhao")


async def test_pages_follow_one_another_and_hide_what_is_not_seen(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.alarm_of_a_crowd()
        database, now = case.desk.service.desk.database, case.desk.clock.utc()
        async with database.write() as connection:
            first = dict((await connection.execute(ALARMS.select())).mappings().one())
            for number in range(2, 2 * PAGE + 12):
                row = {**first, "number": number, "open_key": None, "state": "closed"}
                await connection.execute(insert(ALARMS).values(row))
                clip = Clip(number, now, None, ("cam-stair",), ("stair",), {}, 30)
                await clip_store.add(connection, clip)
        async with database.read() as connection:
            found: list[int] = []
            before: int | None = None
            pages = 0
            while True:
                kept, before = await listed(
                    connection, Wanted(before=before), lambda alarm: alarm.number % 2 == 0
                )
                found += [one.clip.alarm_number for one in kept]
                pages += 1
                if before is None:
                    break
        assert found == sorted(range(2, 2 * PAGE + 12, 2), reverse=True)
        assert pages == 2
        html = await page(case)
        assert len(numbers(html)) == PAGE
        older = re.search(r'href="/evidence(\?before=\d+)"', html)
        assert older is not None
        assert max(numbers(await page(case, older[1]))) == min(numbers(html)) - 1
