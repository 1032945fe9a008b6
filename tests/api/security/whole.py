"""The whole service over the sample school: every part mounted, with something in each to ask for.

Who asks is said by headers, so that one running service answers for every role at every place;
`tests/api/access` proves how people come by their roles.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.actor import EVERYWHERE, Actor, Grant
from api.access.rights import Role
from api.access.sealing import Sealer
from api.access.service import AccessService, AccountsPlan
from api.application import PlanFolder, create_app
from api.evidence import clip_store
from api.evidence.clip_store import Clip
from api.evidence.origin import Origin
from api.evidence.service import EvidencePlan
from api.pictures import Picture
from config import Site, load_site, sample_school_directory
from config.delivery import load_delivery
from config.plan import load_edition
from config.recording import load_recording
from config.response import load_response
from streams.clock import SimulatedClock
from tests.api.access.cases import CHEAP
from tests.api.desk_cases import AUTHORISED, measurement, settings
from vision.instants import Utc

SCHOOL = "sample-school"
UNIT = "sample-primary"
ZONE, CAMERA, OTHER_CAMERA = "stair-a", "cam-stair", "cam-gate"
TARGET = "webhook"
MORNING = datetime.combine(date(2026, 3, 16), time(8), ZoneInfo("Asia/Shanghai"))
_DELIVERY = """\
targets:
  - id: webhook
    name: {zh: 网络推送, en: Webhook}
    role: information
    paths:
      - id: main
        driver: webhook
        settings: {url: "https://receiver.example/alarms", secret: "env:NOT_SET"}
"""


class HeaderAccess:
    """Roles, site and zone stand in headers; nobody without them."""

    async def actor_of(self, request: HTTPConnection) -> Actor | None:
        roles = request.headers.get("x-role")
        if roles is None:
            return None
        zone = request.headers.get("x-zone")
        zones = None if zone is None else frozenset({zone})
        site = request.headers.get("x-site", EVERYWHERE)
        grants = tuple(Grant(Role(role), site, zones) for role in roles.split(","))
        name = f"测试{roles}" if len(grants) == 1 else "测试"
        return Actor(name, (Grant(Role.MEMBER, site=""), *grants), account=roles[:20])

    async def still_valid(self, actor: Actor) -> bool:
        return bool(actor.grants)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as somebody of one role, or several with commas; `site` and `zone` say where."""

    method: str
    path: str
    role: str | None
    site: str = EVERYWHERE
    zone: str | None = None
    body: bytes = b"{}"

    def headers(self) -> list[tuple[bytes, bytes]]:
        found = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        found.append((b"content-length", str(len(self.body)).encode()))
        if self.role is not None:
            found += [(b"x-role", self.role.encode()), (b"x-site", self.site.encode())]
        if self.zone is not None:
            found.append((b"x-zone", self.zone.encode()))
        return found


@dataclass(slots=True)
class Whole:
    """The running service and the numbers of what lies in it.

    Attributes:
        objects: path parameter -> a value that exists.
    """

    app: FastAPI
    site: Site
    clock: SimulatedClock
    objects: dict[str, str] = field(default_factory=dict)

    @property
    def access(self) -> AccessService:
        found = self.app.state.accounts
        assert isinstance(found, AccessService)
        return found

    def path(self, template: str) -> str:
        """A route's path with ids of things that exist."""
        return filled(template, self.objects)

    def client(self, role: Role, site: str = EVERYWHERE) -> httpx.AsyncClient:
        headers = {"x-role": role.value, "x-site": site}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)

    async def status(self, asked: Asked) -> int:
        """The status of the answer; a stream is left as soon as it has begun."""
        return (await self.answer(asked))[0]

    async def answer(self, asked: Asked) -> tuple[int, bytes]:
        """Status and body of the answer; a stream's body is what came so far."""
        path, _, query = asked.path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": asked.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": asked.headers(),
            "client": ("192.0.2.1", 50_000),
            "server": ("localhost", 80),
        }
        return await _ask(self.app, scope, asked.body)


async def _ask(app: FastAPI, scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    statuses: list[int] = []
    content: list[bytes] = []
    streaming = asyncio.Event()
    received = False

    async def receive() -> dict[str, Any]:
        nonlocal received
        if not received:
            received = True
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError("nothing sets this event")

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(message["status"]))
            kind = dict(message["headers"]).get(b"content-type", b"")
            if kind.startswith(b"text/event-stream"):
                streaming.set()
        else:
            content.append(bytes(message.get("body", b"")))

    running = asyncio.create_task(app(scope, receive, send))
    watching = asyncio.create_task(streaming.wait())
    await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, watching):
        task.cancel()
    await asyncio.gather(running, watching, return_exceptions=True)
    return statuses[0], b"".join(content)


_NUMBERED = ("hazards", "incidents", "records", "attachments")
_VALUES = {
    "announcement_id": "hold-upstairs",
    "fault_id": "1",
    "floor_id": "f1",
    "form": "xlsx",
    "input_id": "no-such-input",
    "lang": "zh",
    "mode": "day",
    "path_id": "main",
    "step_id": "step-1",
    "task_id": "1",
    "verb": "accept",
    "year": "2027",
}


def filled(template: str, objects: Mapping[str, str]) -> str:
    """A route's path with the ids of things that exist; what has no own object gets a plain id."""
    path = template.replace("form/{kind}", "form/drill").replace("{kind}", "hazard")
    known = {**_VALUES, **objects, "number": number_for(template, objects)}
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), path)


def example_of(whole: Whole, route: str) -> bytes:
    """The body that the API's own description gives as an example; `{}` where it gives none."""
    method, _, path = route.partition(" ")
    document = whole.app.openapi()
    operation = document["paths"].get(path, {}).get(method.lower(), {})
    if "requestBody" not in operation:
        return b"{}"
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    named = document["components"]["schemas"].get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
    return json.dumps(named.get("examples", [{}])[0]).encode()


class OnePicture:
    """Every camera shows the same."""

    async def latest(self, camera_id: str) -> Picture | None:
        del camera_id
        return Picture(b"\xff\xd8\xff\xe0 a picture \xff\xd9")


def number_for(template: str, objects: Mapping[str, str]) -> str:
    """The `{number}` of an alarm, a hazard, a record ..., as the path says."""
    for name in _NUMBERED:
        if f"/{name}/" in template:
            return objects[name.removesuffix("s")]
    return objects["alarm"] if "/units/" not in template else "1"


@asynccontextmanager
async def whole_service(database_url: str, folder: Path) -> AsyncIterator[Whole]:
    """The sample school with accounts, plan, recordings and delivery, and objects in each."""
    site = load_site(sample_school_directory())
    recording = load_recording(site)
    (folder / "delivery.yaml").write_text(_DELIVERY, "utf-8")
    clock = SimulatedClock(Utc.from_datetime(MORNING))
    app = create_app(
        settings=settings(database_url),
        site=site,
        clock=clock,
        pictures=OnePicture(),
        plan=PlanFolder(load_edition(None), folder / "plan-files"),
        access=AccountsPlan(Sealer(bytes(range(32))), folder / "anchors.jsonl", _unheard, CHEAP),
        response=load_response(site),
        delivery=load_delivery(folder),
        evidence=EvidencePlan(
            folder / "recordings",
            folder / "evidence",
            recording,
            Origin.of_site(site, recording.sha256),
        ),
    )
    app.state.access = HeaderAccess()
    async with app.router.lifespan_context(app):
        whole = Whole(app, site, clock)
        await _fill(whole)
        # The floors' coverage is worked out in a thread after the start.
        while app.state.coverage.live is None:
            await asyncio.sleep(0.05)
        yield whole


def _unheard(code: str) -> None:
    assert code


async def _fill(whole: Whole) -> None:
    """An alarm of the stair with a clip and an export, an account, and work of one school."""
    objects = whole.objects
    objects.update(zone_id=ZONE, camera_id=CAMERA, unit_id=UNIT, target_id=TARGET)
    objects.update(alarm=str(await _alarm(whole)), account_id=str(await _account(whole)))
    now, number = whole.clock.utc(), int(objects["alarm"])
    clip = Clip(number, now.plus(-30.0), None, (CAMERA,), (ZONE,), {}, 30)
    async with whole.access.database.write() as connection:
        # On a slow machine the service's own collector has been quicker.
        if await clip_store.find(connection, number) is None:
            await clip_store.add(connection, clip)
    async with whole.client(Role.SUPERVISOR) as supervisor:
        wish = {"name": "李强", "redacted": False, "reason": "police_request"}
        asked = await supervisor.post(f"/api/v1/alarms/{number}/exports", json=wish)
        assert asked.status_code == 200, asked.text
        objects["export_id"] = str(asked.json()["id"])
    await _plan_work(whole)


async def _alarm(whole: Whole) -> int:
    record = {
        "kind": "reading",
        "record_id": "w1:run:00000001",
        "site_id": SCHOOL,
        "worker_id": "w1",
        "captured_at": whole.clock.utc().iso(),
        "reading": {
            "zone_id": ZONE,
            "level": "L4",
            "reasons": [],
            "measurement": measurement(6.0),
        },
    }
    async with whole.client(Role.OPERATOR) as client:
        sent = await client.post("/api/v1/ingest", json={"records": [record]}, headers=AUTHORISED)
        assert sent.status_code == 200, sent.text
        alarms = (await client.get(f"/api/v1/alarms?zone={ZONE}")).json()["alarms"]
    return int(alarms[0]["number"])


async def _account(whole: Whole) -> int:
    new = NewAccount("zhao", "赵六", (Grant(Role.OPERATOR, SCHOOL),))
    async with whole.access.database.write() as connection:
        stored = await accounts.add(connection, "test", new, whole.clock.utc())
    return stored.id


async def _plan_work(whole: Whole) -> None:
    base = f"/api/v1/plan/units/{UNIT}"
    async with whole.client(Role.SCHOOL, UNIT) as director:

        async def made(path: str, **body: object) -> dict[str, Any]:
            answer = await director.post(f"{base}/{path}", json=body)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        hazard = await made(
            "hazards", client_key="phone-0001", location="东楼梯", description="扶手松动"
        )
        incident = await made(
            "incidents",
            client_key="phone-0002",
            category="踩踏",
            place="楼梯口",
            occurred_at=MORNING.isoformat(),
        )
        record = await made(
            "records",
            client_key="phone-0003",
            kind="duty_log",
            kind_type="gate",
            happened_on="2026-03-16",
            title="护学岗",
            details={"people": ["王芳"]},
        )
        file = await made(
            "attachments",
            subject=f"hazard:{hazard['id']}",
            name="扶手.txt",
            media_type="text/plain",
            content_base64="5omi5omL",
        )
        feed = await made("feeds")
    for name, found in (
        ("hazard", hazard),
        ("incident", incident),
        ("record", record),
        ("attachment", file),
    ):
        whole.objects[name] = str(found["id"])
    whole.objects["token"] = str(feed["path"]).rsplit("/", 1)[-1].removesuffix(".ics")
