"""Acknowledging and closing by name, lists, and who may refuse what."""

from __future__ import annotations

import pytest

from tests.api.desk_cases import Json, RunningDesk, running_desk

WANG: Json = {"name": "王芳", "version": 1}


async def raise_alarm(desk: RunningDesk, zone_id: str = "stair", level: str = "L3") -> Json:
    await desk.send(desk.reading(zone_id, level, 2.9))
    alarms = [alarm for alarm in await desk.alarms() if alarm["subject_id"] == zone_id]
    return alarms[0]


async def test_acknowledge_then_close(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        await raise_alarm(desk, level="L4")
        desk.clock.advance(2.0)
        seen = await desk.post("/api/v1/alarms/1/acknowledge", {**WANG, "note": "已派人到场"})
        assert seen["state"] == "acknowledged"
        assert seen["acknowledged"]["name"] == "王芳"
        await desk.send(desk.reading("stair", "L0"))
        latched = await desk.get("/api/v1/alarms/1")
        assert latched["state"] == "latched"
        closed = await desk.post(
            "/api/v1/alarms/1/close",
            {
                "name": "李强",
                "version": latched["version"],
                "cause": "drill",
                "taken": "none_needed",
                "note": "演练",
            },
        )
        assert (closed["state"], closed["cause"]) == ("closed", "drill")
        detail = await desk.get("/api/v1/alarms/1")
        told = [(step["action"], step["actor"], step["note"]) for step in detail["history"]]
        assert told == [
            ("opened", "system", ""),
            ("acknowledged", "王芳", "已派人到场"),
            ("returned", "system", ""),
            ("closed", "李强", "演练"),
        ]
        assert (await desk.get("/api/v1/state"))["recent"][0]["number"] == 1


async def test_a_version_that_is_not_the_newest_is_refused(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await raise_alarm(desk)
        await desk.send(desk.reading("stair", "L4", 3.9))
        refused = await desk.post("/api/v1/alarms/1/acknowledge", WANG, status=409)
        assert refused["code"] == "alarm_changed"
        assert "2" in refused["message"]["zh"]
        assert refused["mend"]["en"] == "look at it again, then repeat the step"
        (alarm,) = await desk.alarms()
        assert alarm["state"] == "unacknowledged"


async def test_acknowledging_twice_names_the_first(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await raise_alarm(desk)
        await desk.post("/api/v1/alarms/1/acknowledge", WANG)
        refused = await desk.post(
            "/api/v1/alarms/1/acknowledge", {"name": "李强", "version": 2}, status=409
        )
        assert refused["code"] == "alarm_already_done"
        assert "王芳" in refused["message"]["en"]
        # The state as the desk calls it, not as the record does.
        said = "告警 1 已有人处理（王芳），现在的状态：已确认"
        assert refused["message"]["zh"] == said


async def test_an_alarm_whose_crowd_is_still_there_cannot_be_closed(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await raise_alarm(desk)
        refused = await desk.post(
            "/api/v1/alarms/1/close",
            {**WANG, "cause": "false_alarm", "taken": "none_needed"},
            status=409,
        )
        assert refused["code"] == "alarm_still_active"


@pytest.mark.parametrize("before", ["0", "-1", str(2**31), "9" * 20, "1e3"])
async def test_a_page_of_no_number_is_refused(sqlite_url: str, before: str) -> None:
    async with running_desk(sqlite_url) as desk:
        answer = await desk.client.get(f"/api/v1/alarms?before={before}")
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


@pytest.mark.parametrize("act", ["acknowledge", "close"])
async def test_an_unknown_alarm_is_404(sqlite_url: str, act: str) -> None:
    async with running_desk(sqlite_url) as desk:
        body = {**WANG, "cause": "other", "taken": "none_needed"} if act == "close" else WANG
        refused = await desk.post(f"/api/v1/alarms/99/{act}", body, status=404)
        assert refused["code"] == "alarm_unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 41},
        {"name": "<b>"},
        {"name": "a\nb"},
        {"version": 0},
        {"version": None},
        {"note": "x" * 501},
        {"extra": 1},
    ],
)
async def test_bodies_of_the_wrong_form_are_refused(sqlite_url: str, change: Json) -> None:
    async with running_desk(sqlite_url) as desk:
        refused = await desk.post("/api/v1/alarms/1/acknowledge", {**WANG, **change}, status=422)
        assert refused["code"] == "request_invalid"
        assert refused["detail"].startswith(f"body.{next(iter(change))}")


async def test_if_match_must_agree_with_the_version(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await raise_alarm(desk)
        path = "/api/v1/alarms/1/acknowledge"
        refused = await desk.client.post(path, json=WANG, headers={"If-Match": '"7"'})
        assert refused.status_code == 422
        taken = await desk.client.post(path, json=WANG, headers={"If-Match": '"1"'})
        assert taken.status_code == 200


async def test_lists_filter_and_page(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        await raise_alarm(desk, "stair")
        await raise_alarm(desk, "hall")
        await desk.post("/api/v1/alarms/1/acknowledge", WANG)

        async def numbers(query: str) -> list[int]:
            body = await desk.get(f"/api/v1/alarms?{query}")
            return [alarm["number"] for alarm in body["alarms"]]

        assert await numbers("") == [2, 1]
        assert await numbers("state=acknowledged") == [1]
        assert await numbers("state=acknowledged&state=unacknowledged") == [2, 1]
        assert await numbers("state=closed") == []
        assert await numbers("zone=hall") == [2]
        assert await numbers("zone=%25") == []
        assert await numbers("limit=1") == [2]
        assert (await desk.get("/api/v1/alarms?limit=1"))["next_before"] == 2
        assert await numbers("limit=1&before=2") == [1]


async def test_the_worst_stands_first(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera("cam-a", "offline", "hung"))  # priority 3
        await raise_alarm(desk, "hall", "L3")  # priority 2
        await raise_alarm(desk, "stair", "L4")  # priority 1
        assert [alarm["number"] for alarm in await desk.alarms()] == [3, 2, 1]
        await desk.post("/api/v1/alarms/3/acknowledge", WANG)
        assert [alarm["number"] for alarm in await desk.alarms()] == [3, 2, 1]
        # What only waits to be closed by a person goes last.
        desk.clock.advance(1.0)
        await desk.send(desk.reading("stair", "L0"))
        assert [alarm["number"] for alarm in await desk.alarms()] == [2, 1, 3]
