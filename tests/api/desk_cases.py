"""A small site, records for it, and a running desk with a simulated clock."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from api.access.guard import Access, OpenAccess
from api.alarms.parents import CameraGroup
from api.application import create_app
from api.pictures import NoPictures, Pictures
from api.service import Service
from api.settings import ApiSettings
from api.watched import Name, WatchedCamera, WatchedSite, WatchedZone
from config.delivery import DeliveryPlan
from config.response import SiteResponse
from streams.clock import SimulatedClock
from vision.geometry.zones import ZoneType

TOKEN = "token-for-tests-only"
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
FLOOR = Name("一层", "Ground floor")

# The stair is seen by one camera; the hall by two.
SITE = WatchedSite(
    id="school",
    name=Name("学校", "School"),
    timezone="Asia/Shanghai",
    zones=(
        WatchedZone(
            "stair",
            Name("楼梯", "Stair"),
            ZoneType.STAIRS,
            FLOOR,
            10.8,
            ("cam-stair",),
            {"leaf-a": Name("东门扇", "East leaf")},
        ),
        WatchedZone(
            "hall", Name("大厅", "Hall"), ZoneType.CORRIDOR, FLOOR, 48.0, ("cam-a", "cam-b")
        ),
    ),
    cameras=(
        WatchedCamera("cam-stair", Name("楼梯摄像机", "Stair camera"), ("stair",)),
        WatchedCamera("cam-a", Name("大厅甲", "Hall camera A"), ("hall",)),
        WatchedCamera("cam-b", Name("大厅乙", "Hall camera B"), ("hall",)),
    ),
)

_IDS = itertools.count(1)
Json = dict[str, Any]


def settings(database_url: str, **changes: Any) -> ApiSettings:
    """Settings whose watch ticks once at the start and then only when a test asks."""
    values = {"watch_every_s": 3_600.0, "database_url": database_url, "ingest_token": TOKEN}
    return ApiSettings(**{**values, **changes})


@dataclass(slots=True)
class RunningDesk:
    """A running application, a client of it, and its clock."""

    app: FastAPI
    client: httpx.AsyncClient
    clock: SimulatedClock
    service: Service
    told: list[Json] = field(default_factory=list)

    def reading(
        self,
        zone_id: str,
        level: str,
        density: float | None = None,
        *,
        kind: str = "reading",
        age_s: float = 0.0,
        record_id: str = "",
    ) -> Json:
        """A reading captured `age_s` before now; UNKNOWN carries no measurement."""
        unknown = level == "UNKNOWN"
        reasons = [{"rule": "camera_dark"}] if unknown else []
        record = {
            "kind": kind,
            "record_id": record_id or f"w1:run:{next(_IDS):08d}",
            "site_id": SITE.id,
            "worker_id": "w1",
            "captured_at": self.clock.utc().plus(-age_s).iso(),
            "reading": {
                "zone_id": zone_id,
                "level": level,
                "reasons": reasons,
                "measurement": None if unknown else measurement(density or 0.2),
            },
        }
        if kind == "transition":
            record["previous_level"] = "L0"
        return record

    def camera(self, camera_id: str, state: str, cause: str = "", *, age_s: float = 0.0) -> Json:
        at = self.clock.utc().plus(-age_s).iso()
        return {
            "kind": "camera_state",
            "record_id": f"w1:run:{next(_IDS):08d}",
            "site_id": SITE.id,
            "worker_id": "w1",
            "captured_at": at,
            "since": at,
            "camera_id": camera_id,
            "state": state,
            "cause": cause,
        }

    def load(self, lost_share: float, shed_step: int, **fps: tuple[float, str]) -> Json:
        """Whether worker `w1` keeps up; `cam_stair=(5.0, "full")` and so on."""
        return {
            "kind": "worker_load",
            "record_id": f"w1:run:{next(_IDS):08d}",
            "site_id": SITE.id,
            "worker_id": "w1",
            "captured_at": self.clock.utc().iso(),
            "lost_share": lost_share,
            "shed_step": shed_step,
            "age_p50_s": 0.1,
            "age_p95_s": 0.3,
            "cameras": [
                {"camera_id": name.replace("_", "-"), "fps": rate, "reason": reason}
                for name, (rate, reason) in fps.items()
            ],
        }

    async def send(self, *records: Json) -> Json:
        """Post records and return the answer."""
        answer = await self.client.post(
            "/api/v1/ingest", json={"records": list(records)}, headers=AUTHORISED
        )
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def get(self, path: str, status: int = 200) -> Json:
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        body: Json = answer.json()
        return body

    async def post(self, path: str, body: Json, status: int = 200) -> Json:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        result: Json = answer.json()
        return result

    async def alarms(self) -> list[Json]:
        """Open alarms in the order of the desk."""
        return list((await self.get("/api/v1/state"))["alarms"])

    async def zone(self, zone_id: str) -> Json:
        zones = (await self.get("/api/v1/state"))["zones"]
        found: Json = next(zone for zone in zones if zone["id"] == zone_id)
        return found

    async def actions(self, number: int) -> list[str]:
        """The steps of an alarm's history, oldest first."""
        detail = await self.get(f"/api/v1/alarms/{number}")
        return [entry["action"] for entry in detail["history"]]


def measurement(density: float) -> Json:
    return {
        "people": density * 6.0,
        "people_std": 0.5,
        "density_peak_per_m2": density,
        "density_peak_std_per_m2": 0.1,
        "peak_xy_m": [1.0, 1.0],
        "density_mean_per_m2": density / 2.0,
        "visible_share": 1.0,
    }


@asynccontextmanager
async def running_desk(
    database_url: str,
    *,
    clock: SimulatedClock | None = None,
    pictures: Pictures | None = None,
    access: Access | None = None,
    response: SiteResponse | None = None,
    groups: tuple[CameraGroup, ...] = (),
    site: WatchedSite | None = None,
    delivery: DeliveryPlan | None = None,
    **changes: Any,
) -> AsyncIterator[RunningDesk]:
    """Start the application over a database; the same URL again is a restart."""
    clock = clock or SimulatedClock()
    app = create_app(
        settings=settings(database_url, **changes),
        site=site or SITE,
        clock=clock,
        pictures=pictures or NoPictures(),
        access=access or OpenAccess(),
        response=response,
        groups=groups,
        delivery=delivery,
    )
    service: Service = app.state.service
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield RunningDesk(app, client, clock, service)
