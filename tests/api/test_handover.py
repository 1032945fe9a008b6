"""The hand-over report names what the next shift must look after."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import insert, select

from api.access.actor import Grant
from api.access.guard import OpenAccess
from api.access.rights import Role
from api.database.tables import ALARMS
from tests.api.desk_cases import SITE, RunningDesk, running_desk

# Nothing is lost while the clock is moved on.
_PATIENT: dict[str, Any] = {"lost_after_s": 2e6, "stale_after_s": 1e6, "startup_grace_s": 1e6}


def _places(html: str) -> list[str]:
    rows = re.findall(r'<tr data-alarm="\d+">(.*?)</tr>', html)
    return [re.findall(r"<td>(.*?)</td>", row)[2] for row in rows]


async def test_a_lost_camera_is_named_before_what_it_shows(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, startup_grace_s=1.0, lost_after_s=5.0) as desk:
        await desk.send(desk.camera("cam-a", "offline", "connection_lost"))
        desk.clock.advance(20.0)
        await desk.send(desk.camera("cam-a", "offline", "connection_lost"))
        await desk.service.watch.tick()
        answers = {
            lang: (await desk.client.get("/handover", params={"lang": lang})).text
            for lang in ("zh", "en")
        }
    assert "大厅甲、大厅" in _places(answers["zh"])
    assert "Hall camera A, Hall" in _places(answers["en"])


async def _close_stair_alarm(desk: RunningDesk) -> None:
    """One alarm of the stair from its rise to its end, which the service closes by itself."""
    await desk.send(desk.reading("stair", "L2", 2.1))
    number = (await desk.alarms())[0]["number"]
    await desk.post(f"/api/v1/alarms/{number}/acknowledge", {"name": "王芳", "version": 1})
    desk.clock.advance(200.0)
    await desk.send(desk.reading("stair", "L0", 0.2))
    desk.clock.advance(200.0)
    await desk.service.watch.tick()
    state = await desk.get("/api/v1/state")
    assert [one["number"] for one in state["recent"]] == [number]


async def _add_copies(desk: RunningDesk, count: int, zone_id: str) -> None:
    """As many further closed alarms of another zone, of the same moment."""
    async with desk.service.desk.database.write() as connection:
        row = dict((await connection.execute(select(ALARMS))).mappings().one())
        del row["number"]
        row["zone_ids_json"], row["subject_id"] = json.dumps([zone_id]), zone_id
        await connection.execute(insert(ALARMS), [row] * count)


async def test_alarms_of_other_zones_crowd_out_none_of_ones_own(database_url: str) -> None:
    """More of the hall than any list holds have closed since the one of the stair."""
    async with running_desk(database_url, **_PATIENT) as desk:
        await _close_stair_alarm(desk)
        await _add_copies(desk, 600, "hall")
        whole = (await desk.client.get("/handover")).text
        desk.app.state.access = OpenAccess((Grant(Role.OPERATOR, SITE.id, frozenset({"stair"})),))
        state = await desk.get("/api/v1/state")
        mine = (await desk.client.get("/handover")).text
    assert [one["zone_ids"] for one in state["recent"]] == [["stair"]]
    assert _places(mine) == ["楼梯"]
    assert "data-more" not in mine
    # Whoever sees both is told that the list is not all there is.
    assert len(_places(whole)) == 500
    assert 'data-more="closed"' in whole


async def test_the_service_itself_is_named_in_words(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, **_PATIENT) as desk:
        await _close_stair_alarm(desk)
        pages = [
            (await desk.client.get("/handover", params={"lang": lang})).text
            for lang in ("zh", "en")
        ]
    assert [re.findall(r"<td>([^<]*)</td></tr>", page)[0] for page in pages] == [
        "自行恢复 · 系统 · 王芳",
        "Went away by itself · system · 王芳",
    ]


async def test_a_shift_before_the_clock_was_set_back_stays_in_the_report(sqlite_url: str) -> None:
    """An hour back: shift and alarm are later than now, and of this shift all the same."""
    async with running_desk(sqlite_url, **_PATIENT) as desk:
        await desk.post("/api/v1/shift", {"name": "王芳"})
        await _close_stair_alarm(desk)
        before = (await desk.client.get("/handover")).text
        desk.clock.step_utc(-3600.0)
        after = (await desk.client.get("/handover")).text
    for page in (before, after):
        assert "王芳（" in page
        assert _places(page) == ["楼梯"]
        assert "<td>1 次（" in page
    assert "data-clock" not in before
    assert "本机时钟曾被调慢" in after


async def test_a_place_that_nobody_sees_is_never_handed_over_as_seen(sqlite_url: str) -> None:
    """No camera is lost yet, since the service has just begun: nobody sees the stair either."""
    async with running_desk(sqlite_url, **_PATIENT) as desk:
        await desk.send(desk.reading("hall", "L0", 0.2))
        page = (await desk.client.get("/handover")).text
    assert re.findall(r"<p data-unseen>(.*?)</p>", page) == ["楼梯"]


async def test_an_alarm_that_rose_and_came_back_is_no_three_alarms(sqlite_url: str) -> None:
    """One line in the table; the load says how often it asked to be seen."""
    async with running_desk(sqlite_url, **_PATIENT) as desk:
        for level, density in (("L2", 2.9), ("L3", 3.9), ("L0", 0.2), ("L3", 3.9)):
            await desk.send(desk.reading("stair", level, density))
            desk.clock.advance(5.0)
        page = (await desk.client.get("/handover")).text
    assert _places(page) == ["楼梯"]
    line = re.findall(r'<tr data-load="alarms"><td>(.*?)</td><td>(.*?)（', page)
    assert line == [("告警次数（含升级和复发）", "3 次")]
