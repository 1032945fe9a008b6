"""Camera evidence: readings and alarms become drafts and tasks; drills are left out of both."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import readings
from api.access.guard import OpenAccess
from api.application import PlanFolder, create_app
from api.pictures import NoPictures
from api.plan.camera_measures import (
    Stay,
    drill_figures,
    lane_details,
    place_figures,
    stays_of,
)
from api.plan.camera_side import CameraSide
from api.plan.nightly import take_last_week
from api.readings import Point
from api.service import Service
from api.watched import Name, WatchedZone
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.desk_cases import AUTHORISED, FLOOR, SITE, measurement, settings
from tests.api.plan.conftest import ZONE
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.readings import Level

UNIT = "/api/v1/plan/units/sample-primary"
MONDAY, TUESDAY = date(2026, 3, 9), date(2026, 3, 10)
GATE = WatchedZone("gate", Name("南门", "South gate"), ZoneType.GATE, FLOOR, 30.0, ("cam-a",))
LANE = WatchedZone("lane", Name("北侧通道", "North lane"), ZoneType.CORRIDOR, FLOOR, 90.0, ())


def local(day: date, clock: str) -> Utc:
    return Utc.from_datetime(datetime.combine(day, time.fromisoformat(clock), ZONE))


def step(at: Utc, people: float | None, density: float | None = None, step_s: int = 60) -> Point:
    level = Level.UNKNOWN if people is None else Level.L3 if (density or 0) > 2.7 else Level.L0
    return Point(at, step_s, level, people, density, 1, int(people is None))


@dataclass
class House:
    """A service with the plan whose cameras watch the primary school."""

    app: FastAPI
    client: httpx.AsyncClient
    clock: SimulatedClock

    @property
    def service(self) -> Service:
        found = self.app.state.service
        assert isinstance(found, Service)
        return found

    async def measured(self, zone_id: str, *points: Point) -> None:
        async with self.service.desk.database.write() as connection:
            for point in points:
                await readings.add(connection, [(zone_id, point)])

    async def quiet(self, zone_id: str, start: Utc, end: Utc) -> None:
        """Each minute seen, and nobody there."""
        minutes = (start.plus(60 * n) for n in range(int(end - start) // 60))
        async with self.service.desk.database.write() as connection:
            await readings.add(connection, [(zone_id, step(at, 0.0)) for at in minutes])

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.client.post(UNIT + path, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refused(self, path: str, **body: Any) -> tuple[int, str]:
        """Status, and code with detail, of a refusal."""
        answer = await self.client.post(UNIT + path, json=body)
        return answer.status_code, f"{answer.json()['code']} {answer.json()}"

    async def tasks(self, *, closed: bool = False) -> list[tuple[str, str]]:
        answer = await self.client.get(f"{UNIT}/tasks", params={"closed": closed})
        return [(one["finding"], one["state"]) for one in answer.json()]

    async def page(self, number: int) -> str:
        answer = await self.client.get(f"/plan/units/sample-primary/records/{number}")
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
async def house(sqlite_url: str, tmp_path: Path) -> AsyncIterator[House]:
    # It starts a fortnight before, so that the week of the tests is not drafted by the start.
    clock = SimulatedClock(local(date(2026, 3, 2), "08:00"))
    shipped = load_edition()
    units = tuple(
        replace(unit, site=SITE.id, gate_hours="07:20-08:00", fire_lanes=("lane",))
        if unit.id == "sample-primary"
        else unit
        for unit in shipped.units
    )
    app = create_app(
        settings=settings(sqlite_url),
        site=replace(SITE, zones=(*SITE.zones, GATE, LANE)),
        clock=clock,
        pictures=NoPictures(),
        plan=PlanFolder(replace(shipped, units=units), tmp_path / "files"),
        access=OpenAccess(),
    )
    async with app.router.lifespan_context(app):
        clock.advance(14 * 86_400)
        transport = httpx.ASGITransport(app=app)
        headers = {"x-viewer": "wang-fang"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            yield House(app, client, clock)


WEEK = {"first": "2026-03-09", "last": "2026-03-15"}
BREAK = {"slots": [{"name": "大课间", "start": "09:40", "end": "10:00"}]}


async def test_stair_densities_of_a_break_leave_drills_out(house: House) -> None:
    await house.measured("stair", step(local(MONDAY, "09:41"), 8, 1.0))
    await house.measured("stair", step(local(MONDAY, "09:42"), 12, 2.0))
    await house.measured("stair", step(local(MONDAY, "10:00"), 40, 9.0))  # the break is over
    await house.measured("stair", step(local(date(2026, 3, 14), "09:45"), 40, 9.0))  # a Saturday
    await house.measured("hall", step(local(MONDAY, "09:45"), 40, 9.0))  # no stair
    await house.measured("stair", step(local(TUESDAY, "09:45"), 30, 3.9))  # in the drill
    await house.post(
        "/records", client_key="phone-drill-1", kind="drill", kind_type="stampede",
        happened_on="2026-03-10", title="演练",
        details={"participants": 9, "evaluation": "好", "start_time": "09:40", "end_time": "09:50"},
    )  # fmt: skip
    first = await house.post("/camera-drafts", **WEEK, **BREAK)
    again = await house.post("/camera-drafts", **WEEK, **BREAK)
    assert (first["density"]["state"], first["density"]["repeated"]) == ("draft", False)
    assert (again["density"]["id"], again["density"]["repeated"]) == (first["density"]["id"], True)
    page = await house.page(first["density"]["id"])
    # Two minutes were seen of five breaks of 20 minutes less ten minutes of a drill.
    assert (
        "楼梯，大课间，均值1.50，P95 2.00，峰值2.00，L2及以上0秒，无数据98%，演练剔除60秒" in page
    )
    assert "大厅" not in page
    confirmed = await house.post(f"/records/{first['density']['id']}/confirm")
    assert confirmed["state"] == "submitted"


async def test_a_week_that_nobody_saw_is_no_quiet_week(house: House) -> None:
    draft = await house.post("/camera-drafts", **WEEK, **BREAK)
    page = await house.page(draft["density"]["id"])
    assert "没有任何读数" in page
    # What is no person has a name in words.
    assert "· 摄像机 · " in page
    assert "cameras ·" not in page


async def test_an_unacknowledged_alarm_opens_a_task_that_the_next_look_closes(
    house: House,
) -> None:
    house.clock.advance(-6 * 86_400 + 5_400)  # Tuesday 09:30
    await house.client.post(
        "/api/v1/ingest", headers=AUTHORISED, json={"records": [transition(house, "L3")]}
    )
    number = (await house.client.get("/api/v1/alarms")).json()["alarms"][0]["number"]
    house.clock.advance(6 * 86_400)
    made = await house.post("/camera-drafts", **WEEK, **BREAK)
    assert await house.tasks() == [(f"unacknowledged_alarm:school#{number}", "open")]
    # The alarm was raised at half past nine by the school's clock, which is 01:30 UTC.
    told = await house.page(made["alarms"]["id"])
    assert "#1，楼梯，2026-03-10 09:30:00，L3，未确认" in told
    # Three days to mend it: from its first day on it stands with its rung on the day's page.
    today = (await house.client.get("/plan/units/sample-primary")).text
    assert "2026-03-19 · 预警 #1 未确认：楼梯 · 安全主任 · 还有3天 责任人" in today
    # Its owner says that it is done; the next look does not agree.
    await house.post("/tasks/1/done", version=1, note="已处理")
    await house.post("/camera-drafts", first="2026-03-09", last="2026-03-16", **BREAK)
    assert await house.tasks() == [(f"unacknowledged_alarm:school#{number}", "open")]
    version = (await house.client.get(f"/api/v1/alarms/{number}")).json()["version"]
    answer = await house.client.post(
        f"/api/v1/alarms/{number}/acknowledge", json={"version": version, "name": "王芳"}
    )
    assert answer.status_code == 200, answer.text
    await house.post("/camera-drafts", first="2026-03-09", last="2026-03-14", **BREAK)
    assert await house.tasks() == []
    assert await house.tasks(closed=True) == [(f"unacknowledged_alarm:school#{number}", "closed")]


def transition(house: House, level: str) -> dict[str, Any]:
    return {
        "kind": "transition",
        "record_id": "w1:run:00000001",
        "site_id": SITE.id,
        "worker_id": "w1",
        "captured_at": house.clock.utc().iso(),
        "previous_level": "L0",
        "reading": {
            "zone_id": "stair",
            "level": level,
            "reasons": [{"rule": "density", "measured": 2.9, "threshold": 2.7, "unit": "1/m²"}],
            "measurement": measurement(2.9),
        },
    }


async def test_a_gate_and_a_lane_are_checked_and_a_long_stay_opens_a_task(house: House) -> None:
    await house.measured("gate", step(local(MONDAY, "07:30"), 44.0))
    for minute in range(10, 16):
        await house.measured("gate", step(local(MONDAY, f"22:{minute}"), 2.0))
    await house.quiet("lane", local(MONDAY, "00:00"), local(date(2026, 3, 16), "00:00"))
    await house.measured("lane", step(local(MONDAY, "12:00"), 1.0))
    made = await house.post("/camera-drafts", **WEEK, **BREAK)
    gate_page, lane_page = [await house.page(one["id"]) for one in made["places"]]
    assert "2026-03-09 22:10:00，360秒" in gate_page
    assert "<dd>44.0</dd>" in gate_page
    assert "<dt>畅通</dt><dd>是</dd>" in lane_page
    assert await house.tasks() == [("gate_hours:school/gate", "open")]
    # A week that nobody saw closes nothing; one that was seen and quiet does.
    house.clock.advance(14 * 86_400)
    await house.post("/camera-drafts", first="2026-03-16", last="2026-03-22", **BREAK)
    assert await house.tasks() == [("gate_hours:school/gate", "open")]
    # Nor does one of which a minute was seen and quiet.
    await house.measured("gate", step(local(date(2026, 3, 17), "22:10"), 0.0))
    await house.post("/camera-drafts", first="2026-03-17", last="2026-03-22", **BREAK)
    assert await house.tasks() == [("gate_hours:school/gate", "open")]
    await house.quiet("gate", local(date(2026, 3, 23), "00:00"), local(date(2026, 3, 30), "00:00"))
    await house.post("/camera-drafts", first="2026-03-23", last="2026-03-29", **BREAK)
    assert await house.tasks() == []


async def test_an_earlier_time_changes_no_task_of_a_later_one(house: House) -> None:
    """The guard's task stands or falls with what was seen since, not with an older week."""
    quiet_before = local(date(2026, 3, 2), "00:00"), local(MONDAY, "00:00")
    await house.quiet("lane", *quiet_before)
    await house.quiet("lane", local(TUESDAY, "00:00"), local(date(2026, 3, 16), "00:00"))
    for minute in range(10, 16):
        await house.measured("lane", step(local(MONDAY, f"10:{minute}"), 2.0))
    await house.post("/camera-drafts", **WEEK, **BREAK)
    assert await house.tasks() == [("fire_lane:school/lane", "open")]
    # The week before was clear, and so were the other days of the same week.
    await house.post("/camera-drafts", first="2026-03-02", last="2026-03-08", **BREAK)
    await house.post("/camera-drafts", first="2026-03-10", last="2026-03-15", **BREAK)
    assert await house.tasks() == [("fire_lane:school/lane", "open")]
    # Its owner has cleared the lane, and looks at that week once more.
    await house.post("/tasks/1/done", version=1, note="已清理")
    await house.post("/camera-drafts", **WEEK, **BREAK)
    assert await house.tasks() == [("fire_lane:school/lane", "done")]
    house.clock.advance(14 * 86_400)
    await house.quiet("lane", local(date(2026, 3, 16), "00:00"), local(date(2026, 3, 23), "00:00"))
    await house.post("/camera-drafts", first="2026-03-16", last="2026-03-22", **BREAK)
    assert await house.tasks() == []
    await house.post("/camera-drafts", **WEEK, **BREAK)
    assert await house.tasks() == []


async def test_a_drill_that_is_entered_later_takes_its_task_back(house: House) -> None:
    await house.quiet("lane", local(MONDAY, "00:00"), local(MONDAY, "10:10"))
    await house.quiet("lane", local(MONDAY, "10:16"), local(date(2026, 3, 16), "00:00"))
    for minute in range(10, 16):
        await house.measured("lane", step(local(MONDAY, f"10:{minute}"), 2.0))
    await house.post("/camera-drafts", **WEEK, **BREAK)
    assert await house.tasks() == [("fire_lane:school/lane", "open")]
    await house.post(
        "/records", client_key="phone-drill-2", kind="drill", kind_type="fire",
        happened_on="2026-03-09", title="演练",
        details={"participants": 9, "evaluation": "好", "start_time": "10:00", "end_time": "10:30"},
    )  # fmt: skip
    await house.post("/camera-drafts", **WEEK, **BREAK)
    assert await house.tasks() == []


async def test_a_lane_is_not_called_clear_for_a_week_in_which_the_machine_was_off(
    house: House,
) -> None:
    await house.quiet("lane", local(MONDAY, "00:00"), local(date(2026, 3, 12), "09:00"))
    made = await house.post("/camera-drafts", **WEEK, **BREAK)
    page = await house.page(made["places"][1]["id"])
    # 81 of 168 hours were seen.
    assert "<dd>51.8</dd>" in page
    assert "畅通" not in page
    # Of the days that were watched it is told that nobody stayed.
    made = await house.post("/camera-drafts", first="2026-03-09", last="2026-03-11", **BREAK)
    assert "<dt>畅通</dt><dd>是</dd>" in await house.page(made["places"][1]["id"])


async def test_what_is_still_to_come_is_not_unseen(house: House) -> None:
    now = house.clock.utc()
    first = local(date(2026, 3, 16), "00:00")
    await house.quiet("lane", first, now)
    made = await house.post("/camera-drafts", first="2026-03-16", last="2026-03-22", **BREAK)
    page = await house.page(made["places"][1]["id"])
    assert "<dd>0.0</dd>" in page
    assert "<dt>畅通</dt><dd>是</dd>" in page


async def test_a_drill_timed_by_cameras_is_a_draft_with_a_curve(house: House) -> None:
    start = local(MONDAY, "09:40")
    for second, people in ((0, 30.0), (60, 12.0), (120, 0.0), (180, 0.0), (240, 0.0)):
        await house.measured("stair", step(start.plus(second), people, people / 10.8))
    window: dict[str, Any] = {
        "kind_type": "stampede",
        "day": "2026-03-09",
        "start": "09:40",
        "end": "09:45",
    }
    draft = await house.post("/camera-drills", **window, target_seconds=90)
    assert draft["state"] == "draft"
    page = await house.page(draft["id"])
    # Seconds 0 to 240 lie across 584 points from 48 on, 30 persons up 204 points.
    assert 'points="48.0,8.0 194.0,130.4 340.0,212.0 486.0,212.0 632.0,212.0"' in page
    assert "楼梯" in page
    assert await house.tasks() == []  # a draft opens nothing
    status, words = await house.refused(f"/records/{draft['id']}/confirm")
    assert status == 422
    assert "参加人数" in words
    added: dict[str, Any] = {"participants": 800, "evaluation": "二楼滞留，下次分批"}
    counted = await house.post(f"/records/{draft['id']}/confirm", details=added)
    assert counted["state"] == "submitted"
    assert "R-3.12.1-2" in {one["rule_id"] for one in counted["counted"]}
    # 120 s against 90 s: a task, closed by the next drill that meets its target.
    assert await house.tasks() == [("failed_drill:stampede", "open")]
    told = (await house.client.get(f"{UNIT}/history/record/{draft['id']}")).json()
    assert told[-1]["body"]["changed"]["participants"] == [None, 800]
    again: dict[str, Any] = {**window, "start": "15:00", "end": "15:05"}
    await house.measured("stair", step(local(MONDAY, "15:00"), 9.0, 0.8))
    for minute in range(1, 5):
        await house.measured("stair", step(local(MONDAY, f"15:0{minute}"), 0.0, 0.0))
    good = await house.post("/camera-drills", **again, target_seconds=90)
    await house.post(f"/records/{good['id']}/confirm", details=added)
    assert await house.tasks() == []


async def test_a_wrong_draft_is_discarded_and_drafted_anew(house: House) -> None:
    """A drill was timed at the wrong hour; until it goes, its hour excuses alarms."""
    await house.measured("stair", step(local(MONDAY, "09:40"), 9.0, 0.8))
    window = {"kind_type": "fire", "day": "2026-03-09", "start": "09:40", "end": "09:50"}
    draft = await house.post("/camera-drills", **window)
    path, drafts = f"/records/{draft['id']}/withdraw", "/plan/units/sample-primary/records"
    assert "丢弃这份草稿" in await house.page(draft["id"])
    gone = await house.post(path, reason="时段填错")
    assert (gone["state"], gone["counted"]) == ("withdrawn", [])
    page = await house.page(draft["id"])
    assert ("时段填错" in page, "/confirm" in page, "丢弃这份草稿" in page) == (True, False, False)
    assert (await house.refused(path, reason="再丢一次"))[0] == 409
    waiting = (await house.client.get(f"{drafts}?drafts=true")).text
    assert f'/records/{draft["id"]}"' not in waiting
    anew = await house.post("/camera-drills", **window, target_seconds=90)
    assert (anew["state"], anew["id"] != draft["id"]) == ("draft", True)
    # The week stays discarded until a person asks for it.
    plan = house.app.state.plan
    assert await take_last_week(plan) == 1
    week = (await house.post("/camera-drafts", **WEEK, **BREAK))["density"]["id"]
    await house.post(f"/records/{week}/withdraw", reason="节次填错")
    assert await take_last_week(plan) == 0
    again = (await house.post("/camera-drafts", **WEEK, **BREAK))["density"]
    assert (again["state"], again["id"] != week) == ("draft", True)


async def test_last_week_is_drafted_once_by_the_service_itself(house: House) -> None:
    drafts, plan = "/plan/units/sample-primary/records?drafts=true", house.app.state.plan
    page = (await house.client.get(drafts)).text  # the start drafted the week before it
    assert page.count("2026-02-23 至 2026-03-01") == 4  # densities, alarms, the gate, the lane
    assert await take_last_week(plan) == 1
    assert await take_last_week(plan) == 0
    page = (await house.client.get(drafts)).text
    assert page.count("2026-03-09 至 2026-03-15") == 4


async def test_a_school_without_cameras_here_is_refused(house: House) -> None:
    other = "/api/v1/plan/units/sample-middle"
    answer = await house.client.post(f"{other}/camera-drafts", json={**WEEK, **BREAK})
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_no_site")
    wrong: dict[str, Any] = {"kind_type": "fire", "day": "2026-03-09", "start": "09:40"}
    status, words = await house.refused("/camera-drills", **wrong, end="09:30")
    assert (status, words.split()[0]) == (409, "plan_drill_hours")
    status, words = await house.refused("/camera-drills", **wrong, end="09:50", zones=["roof"])
    assert (status, words.split()[0]) == (409, "plan_zone_unknown")


async def test_the_wall_and_the_map_show_cameras_beside_the_plan(house: House) -> None:
    wall = (await house.client.get("/api/v1/plan/wall")).json()
    tile = next(one for one in wall["tiles"] if one["unit_id"] == "sample-primary")
    assert (tile["stale"], tile["unseen"], tile["worst"]) == (True, 4, None)
    await house.client.post(
        "/api/v1/ingest", headers=AUTHORISED, json={"records": [transition(house, "L3")]}
    )
    wall = (await house.client.get("/api/v1/plan/wall")).json()
    tile = wall["tiles"][0]
    assert (tile["unit_id"], tile["colour"], tile["worst"]) == ("sample-primary", "red", "L3")
    assert tile["unacknowledged"] == 1
    others = [one["zones"] for one in wall["tiles"] if one["unit_id"] != "sample-primary"]
    assert others == [None] * len(others)
    page = (await house.client.get("/plan/units/sample-primary/map")).text
    assert 'data-zone="stair" data-level="L3"' in page
    side = house.app.state.plan.cameras
    assert isinstance(side, CameraSide)
    assert side.site_id == SITE.id


def test_a_gap_of_sight_ends_a_stay() -> None:
    start = local(MONDAY, "22:00")
    people = [1.0, 1.0, None, 1.0, 0.2, 3.0]
    points = [step(start.plus(60 * n), one) for n, one in enumerate(people)]
    assert stays_of(points) == (
        Stay(start, 120),
        Stay(start.plus(180), 60),
        Stay(start.plus(300), 60),
    )


def test_what_nobody_saw_is_not_called_clear() -> None:
    start = local(MONDAY, "22:00")
    seen, unseen = [step(start, 0.0)], [step(start.plus(60 * n), None) for n in (1, 2)]
    blind = place_figures("lane", "北侧", None, inside=(), outside=[*seen, *unseen], time_s=180)
    assert blind.clear is None
    assert "clear" not in lane_details(blind, [])
    assert lane_details(blind, [])["unseen_percent"] == 66.7
    one_minute = place_figures("lane", "北侧", None, inside=(), outside=seen, time_s=60)
    assert (one_minute.clear, one_minute.unseen_share) == (True, 0.0)
    # The service was off for the other two.
    off = place_figures("lane", "北侧", None, inside=(), outside=seen, time_s=180)
    assert off.clear is None
    assert off.unseen_share == pytest.approx(2 / 3)
    long = [step(start.plus(60 * n), 1.0) for n in range(5)]
    stayed = place_figures("lane", "北侧", None, inside=(), outside=long, time_s=86_400)
    assert stayed.clear is False


def test_a_drill_with_a_gap_is_not_timed() -> None:
    start = local(MONDAY, "09:40")
    whole = [step(start, 9.0, 0.8), step(start.plus(60), 0.0, 0.0)]
    found = drill_figures({"楼梯": whole}, start, 120)
    assert (found.evac_s, found.peak_density_per_m2) == (60, 0.8)
    gap = [whole[0], step(start.plus(60), None), step(start.plus(120), 0.0, 0.0)]
    assert drill_figures({"楼梯": gap}, start, 180).evac_s is None
    both = {"楼梯": whole, "东梯": [step(start, 4.0), step(start.plus(60), 4.0)]}
    assert drill_figures(both, start, 120).evac_s is None
    assert drill_figures({}, start, 120).unseen_share == 1.0


def test_a_drill_is_not_timed_where_nobody_watched_its_end() -> None:
    """A stair that stood empty at the last look may have filled again."""
    start = local(MONDAY, "09:40")
    quick = [step(start.plus(10 * n), float(3 - n), 0.1, step_s=10) for n in range(4)]
    assert drill_figures({"楼梯": quick}, start, 40).evac_s == 30
    cut = drill_figures({"楼梯": quick}, start, 300)
    assert cut.evac_s is None
    assert cut.unseen_share == pytest.approx(1 - 40 / 300)
    # One stair of ten that nobody saw is no tenth of a drill.
    nine = {f"梯{n}": quick for n in range(9)}
    half = [step(start, 0.0, 0.0, step_s=10)]
    assert drill_figures({**nine, "东梯": half}, start, 40).evac_s is None
