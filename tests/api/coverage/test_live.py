"""Live coverage of the sample school in simulated time: areas, alarm, task, sums, decisions."""

from __future__ import annotations

import asyncio
import base64
import itertools
import math
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from shapely.geometry import Polygon

from api.access.guard import OpenAccess, undeclared
from api.application import create_app
from api.coverage.uptime import Span, read_uptime
from api.coverage.watch import CoverageWatch
from api.pictures import NoPictures
from config import Site, load_site, sample_school_directory
from streams.clock import SimulatedClock
from tests.api.desk_cases import AUTHORISED, settings
from vision.instants import Utc

_IDS = itertools.count(1)
NOON = Utc.from_iso("2026-09-01T04:00:00Z")
Json = dict[str, Any]


@dataclass(slots=True)
class School:
    """The sample school's service without workers; the test plays them."""

    app: FastAPI
    client: httpx.AsyncClient
    clock: SimulatedClock
    watch: CoverageWatch
    site: Site

    async def tell(self, record: Json) -> None:
        full = {
            "record_id": f"w1:run:{next(_IDS):08d}",
            "site_id": self.site.id,
            "worker_id": "w1",
            "captured_at": self.clock.utc().iso(),
        } | record
        answer = await self.client.post(
            "/api/v1/ingest", json={"records": [full]}, headers=AUTHORISED
        )
        assert answer.status_code == 200
        assert answer.json()["rejected"] == []

    async def state(self, camera_id: str, state: str, cause: str = "") -> None:
        since = self.clock.utc().iso()
        await self.tell(
            {
                "kind": "camera_state",
                "camera_id": camera_id,
                "state": state,
                "since": since,
                "cause": cause,
            }
        )

    async def seen(self) -> None:
        """Every zone is read, so that no camera counts as lost for silence."""
        for zone in self.site.zones:
            reading = {"zone_id": zone.id, "level": "L0"}
            await self.tell({"kind": "reading", "reading": reading})

    async def health(self, camera_id: str, *faults: str, **more: Any) -> None:
        since = self.clock.utc().iso()
        told = [{"fault": f, "since": since, "measured": 1.0, "limit": 0.5} for f in faults]
        record = {"kind": "camera_health", "camera_id": camera_id, "mode": "day", "faults": told}
        await self.tell(record | more)

    async def get(self, path: str) -> Json:
        answer = await self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def post(self, path: str, body: Json | None = None) -> int:
        return (await self.client.post(f"/api/v1/{path}", json=body or {})).status_code

    async def areas(self) -> dict[str, str]:
        await self.watch.tick()
        found = await self.get("coverage/now")
        return {area["area_id"]: area["state"] for area in found["areas"]}


@asynccontextmanager
async def school(
    database_url: str,
    *,
    folder: Path | None = None,
    clock: SimulatedClock | None = None,
    all_live: bool = True,
) -> AsyncIterator[School]:
    """The service over a site folder, the sample school's own by default.

    Without `all_live` nobody has told of any camera since it started.
    """
    site, clock = load_site(folder or sample_school_directory()), clock or SimulatedClock(NOON)
    app = create_app(
        settings=settings(database_url),
        site=site,
        clock=clock,
        pictures=NoPictures(),
        access=OpenAccess(),
    )
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        headers = {"X-Viewer": "wang"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            made = School(app, client, clock, app.state.coverage, site)
            if all_live:
                for camera in site.cameras:
                    await made.state(camera.id, "live")
                await made.seen()
            yield made


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[School]:
    """On SQLite and on PostgreSQL."""
    async with school(database_url) as made:
        yield made


async def test_a_lost_camera_names_exactly_its_areas(desk: School) -> None:
    assert set((await desk.areas()).values()) == {"whole"}
    await desk.state("cam-corridor3", "offline", "hung")
    states = await desk.areas()
    assert [name for name, state in states.items() if state == "blind"] == ["area-corridor-3f"]
    found = await desk.get("coverage/now")
    (lost,) = (area for area in found["areas"] if area["state"] == "blind")
    assert lost["lost_because"] == ["cam-corridor3"]
    (camera,) = (one for one in found["cameras"] if not one["healthy"])
    assert (camera["camera_id"], camera["causes"]) == ("cam-corridor3", ["hung"])


async def test_a_blind_critical_area_raises_an_alarm_and_a_task(desk: School) -> None:
    await desk.areas()
    await desk.health("cam-stair", "covered")
    assert (await desk.areas())["area-stair"] == "blind"
    alarms = (await desk.get("alarms"))["alarms"]
    (alarm,) = (one for one in alarms if one["type"] == "area_blind")
    assert (alarm["subject_id"], alarm["priority"]) == ("area-stair", 2)
    assert alarm["zone_ids"] == ["stair-a"]
    (task,) = (await desk.get("coverage/tasks"))["tasks"]
    assert (task["area_id"], task["camera_ids"]) == ("area-stair", ["cam-stair"])
    assert await desk.post(f"coverage/tasks/{task['id']}/take") == 204
    # It cannot be closed while the area is blind.
    assert await desk.post(f"coverage/tasks/{task['id']}/close") == 409
    await desk.health("cam-stair")
    assert (await desk.areas())["area-stair"] == "whole"
    assert await desk.post(f"coverage/tasks/{task['id']}/close", {"note": "lens cleaned"}) == 204
    (task,) = (await desk.get("coverage/tasks"))["tasks"]
    assert task["owner"] == task["closed_by"] != ""


async def test_the_alarm_marks_the_zones_of_the_area_and_not_what_its_camera_sees_beside_it(
    sqlite_url: str, tmp_path: Path
) -> None:
    """The camera of the stair sees the hall too, which other cameras go on watching."""
    folder = tmp_path / "school"
    shutil.copytree(str(sample_school_directory()), folder)
    file = folder / "site.yaml"
    before = file.read_text("utf-8")
    file.write_text(before.replace("zones: [stair-a]", "zones: [stair-a, hall-1f]"), "utf-8")
    async with school(sqlite_url, folder=folder) as desk:
        assert desk.site.camera("cam-stair").zone_ids == ("stair-a", "hall-1f")
        await desk.areas()
        await desk.health("cam-stair", "covered")
        assert (await desk.areas())["area-stair"] == "blind"
        alarms = (await desk.get("alarms"))["alarms"]
        (alarm,) = (one for one in alarms if one["type"] == "area_blind")
        assert (alarm["subject_id"], alarm["zone_ids"]) == ("area-stair", ["stair-a"])


async def test_the_hand_over_names_the_area_and_not_what_its_camera_sees_beside_it(
    desk: School,
) -> None:
    await desk.areas()
    await desk.health("cam-stair", "covered")
    await desk.health("cam-hall", "covered")
    await desk.areas()
    page = (await desk.client.get("/handover?lang=zh")).text
    named = re.findall(r"<td>重点区域成为盲区</td><td>(.*?)</td>", page)
    assert sorted(named) == ["大厅出口", "楼梯甲"]


async def test_area_hours_and_healthy_rates_count_watched_time_only(desk: School) -> None:
    await desk.areas()
    await desk.state("cam-corridor3", "offline", "hung")
    planned_m2 = next(
        area["planned_m2"]
        for area in (await desk.get("coverage/now"))["areas"]
        if area["area_id"] == "area-corridor-3f"
    )
    await desk.watch.tick()
    # Ten looks of five seconds each, and one step of an hour that nobody watched.
    for step_s in (*[5.0] * 10, 3600.0):
        desk.clock.advance(step_s)
        await desk.seen()
        await desk.watch.tick()
    days = await desk.get("coverage/days")
    (lost,) = (day for day in days["areas"] if day["lost_m2_h"] > 0.0)
    assert (lost["area_id"], lost["day"]) == ("area-corridor-3f", "2026-09-01")
    assert lost["lost_m2_h"] == pytest.approx(planned_m2 * 50.0 / 3600.0, abs=0.01)
    assert lost["watched_h"] == pytest.approx(50.0 / 3600.0, abs=1e-3)
    shares = {day["camera_id"]: day["healthy_share"] for day in days["cameras"]}
    assert shares["cam-corridor3"] == 0.0
    assert shares["cam-stair"] == 1.0
    critical, others = days["rates"]
    assert (critical["target_share"], critical["met"]) == (0.98, True)
    assert (others["target_share"], others["met"]) == (0.95, False)


async def test_the_record_of_a_database_names_the_faults_that_stand(sqlite_url: str) -> None:
    """As the command reads it, without a service."""
    async with school(sqlite_url) as desk:
        await desk.areas()
        await desk.health("cam-hall", "covered", "noisy")
        await desk.health("cam-stair", suspended_since=desk.clock.utc().iso())
        site = desk.site
    span = Span.up_to(NOON, 7, ZoneInfo("Asia/Shanghai"))
    assert (span.first, span.last, span.hours) == (date(2026, 8, 26), date(2026, 9, 1), 156.0)
    found = await asyncio.to_thread(read_uptime, site, sqlite_url, span)
    assert {one.camera_id: one.causes for one in found.unwell} == {
        "cam-hall": ["covered"], "cam-stair": ["moved"],
    }  # fmt: skip
    assert found.span_h == 156.0


async def test_a_fault_is_kept_with_duration_and_picture(desk: School) -> None:
    picture = base64.b64encode(b"\xff\xd8 a small picture").decode()
    await desk.health("cam-hall", "blurred", jpeg_base64=picture)
    desk.clock.advance(30.0)
    await desk.health("cam-hall", "blurred")
    (fault,) = (await desk.get("coverage/faults"))["faults"]
    assert (fault["camera_id"], fault["fault"], fault["duration_s"]) == ("cam-hall", "blurred", 30)
    assert fault["onvif_topic"] == "tns1:VideoSource/ImageTooBlurry/ImagingService"
    desk.clock.advance(30.0)
    await desk.health("cam-hall")
    desk.clock.advance(30.0)
    (fault,) = (await desk.get("coverage/faults"))["faults"]
    assert fault["duration_s"] == 60
    address = f"/api/v1/cameras/cam-hall/faults/{fault['id']}/picture.jpg"
    assert (await desk.client.get(address)).content == b"\xff\xd8 a small picture"
    other = address.replace("cam-hall", "cam-stair")
    assert (await desk.client.get(other)).status_code == 404
    (viewing,) = (await desk.get("viewings"))["viewings"]
    assert viewing["camera_id"] == "cam-hall"


async def test_a_fault_of_before_the_clock_was_set_back_ends_all_the_same(desk: School) -> None:
    """What was stored lies in the future then, and is older than anything that comes."""
    ahead = desk.clock.utc().plus(600.0).iso()
    await desk.health("cam-hall", "blurred", captured_at=ahead)
    await desk.health("cam-hall", captured_at=desk.clock.utc().iso())
    desk.clock.advance(1.0)
    (fault,) = (await desk.get("coverage/faults"))["faults"]
    assert fault["closed_at"] is not None


async def test_a_clock_that_is_set_forward_blinds_no_area(desk: School) -> None:
    """By it every camera has been silent for two hours, until it speaks or the service ends."""
    await desk.areas()
    desk.clock.step_utc(7_200.0)
    desk.clock.advance(1.0)
    assert set((await desk.areas()).values()) == {"whole"}
    desk.clock.advance(9.0)
    assert set((await desk.areas()).values()) == {"whole"}
    # Whoever has not spoken by then is silent.
    desk.clock.advance(1.0)
    assert set((await desk.areas()).values()) == {"blind"}


async def test_people_confirm_and_the_worker_hears_of_it(desk: School) -> None:
    at = desk.clock.utc().iso()
    learnt = {
        "mode": "day",
        "learnt_at": at,
        "landmarks": 80,
        "watches_movement": True,
        "jpeg_base64": "",
    }
    await desk.health("cam-gate", "moved", suspended_since=at, baseline=learnt)
    known = await desk.get("coverage/baselines")
    assert known["baselines"][0]["confirmed_by"] == ""
    assert [one["camera_id"] for one in known["suspended"]] == ["cam-gate"]
    assert await desk.post("cameras/cam-gate/baselines/day/confirm") == 204
    assert await desk.post("cameras/cam-gate/baselines/infrared/confirm") == 404
    assert await desk.post("cameras/cam-gate/calibration/confirm", {"note": "turned back"}) == 204
    assert await desk.post("cameras/cam-gate/calibration/confirm", {"note": ""}) == 409
    assert await desk.post("cameras/cam-gate/baselines/relearn") == 204
    assert await desk.post("cameras/no-such/baselines/relearn") == 404
    answer = await desk.client.get("/api/v1/workers/orders?after=0", headers=AUTHORISED)
    orders = answer.json()["orders"]
    assert [order["kind"] for order in orders] == ["confirm", "resume", "relearn"]
    assert orders[0]["mode"] == "day"
    after = f"/api/v1/workers/orders?after={orders[1]['number']}"
    answer = await desk.client.get(after, headers=AUTHORISED)
    assert len(answer.json()["orders"]) == 1
    assert (await desk.client.get(after)).status_code == 401


async def test_every_route_declares_its_right(desk: School) -> None:
    """All but the page's script and style, which are the same for everybody."""
    mine = ("coverage", "workers", "cameras")
    found = undeclared(desk.app, files=frozenset())
    assert [path for path in found if any(word in path for word in mine)] == ["/coverage-files"]


async def test_density_is_told_for_each_step_of_either_ladder(desk: School) -> None:
    """Of the third floor's corridor, 24 x 3 m under one camera of f = 1065 px at 2.9 m."""
    await desk.areas()
    found = await desk.get("coverage/floors/f3/density")
    assert found["ladder_edition"] == "IEC 62676-4:2014"
    assert [step["px_per_m"] for step in found["steps"]] == [25.0, 62.5, 125.0, 250.0]
    seen = []
    for step in found["steps"]:
        (view,) = step["views"]
        assert view["camera_id"] == "cam-corridor3"
        seen.append(sum(Polygon(rings[0], rings[1:]).area for rings in view["polygons"]))
    # The 66.36 m2 of the audit at the level that the area asks for, then ever less.
    assert seen[0] == pytest.approx(66.36, abs=0.1)
    assert seen == sorted(seen, reverse=True)
    # 250 px/m end at a depth of 4.26 m: on the head plane, 1.4 m below, 4.05 m ahead.
    reach_m = max(x for rings in view["polygons"] for x, _ in rings[0]) - 0.1
    focal_px = 640 / math.tan(math.radians(31.0))
    depth_m = focal_px / 250.0
    assert reach_m == pytest.approx(
        (depth_m - 1.4 * math.sin(math.radians(20))) / math.cos(math.radians(20)), abs=0.05
    )
    newer = await desk.get("coverage/floors/f3/density?ladder=iec-2025")
    assert len(newer["steps"]) == 7
    unknown = await desk.client.get("/api/v1/coverage/floors/f9/density")
    assert unknown.status_code == 404
    wrong = await desk.client.get("/api/v1/coverage/floors/f3/density?ladder=iec-1999")
    assert wrong.status_code == 422


async def test_the_page_and_its_files(desk: School) -> None:
    page = await desk.client.get("/coverage")
    assert "实时覆盖与摄像机健康" in page.text
    assert "<script>" not in page.text
    for path in ("/coverage-files/coverage.js", "/coverage-files/coverage.css"):
        assert (await desk.client.get(path)).status_code == 200
    texts = (await desk.client.get("/coverage-texts/en.json")).json()
    assert texts["cause.covered"] == "Camera covered"
    await desk.areas()
    floors = (await desk.get("coverage/plan"))["floors"]
    assert [floor["id"] for floor in floors] == [floor.id for floor in desk.site.floors]
    # What the plan itself leaves unseen: 72 m² of third-floor corridor less the 66.36 m² seen.
    (blind,) = next(floor["blind"] for floor in floors if floor["id"] == "f3")
    assert blind["area_id"] == "area-corridor-3f"
    assert blind["m2"] == pytest.approx(72.0 - 66.36, abs=0.05)
    # Looks of the service itself may have come before the cameras told that they live.
    change = (await desk.get("coverage/changes"))["changes"][-1]
    assert len(change["healthy"]) == len(desk.site.cameras)
