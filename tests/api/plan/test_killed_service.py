"""SIGKILL of the whole service at random moments: what it acknowledged is stored, once."""

from __future__ import annotations

import base64
import random
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from api.database import Database
from api.plan import attachments, history
from api.plan.tables import (
    PLAN_ATTACHMENTS,
    PLAN_CERTIFICATES,
    PLAN_COUNTS,
    PLAN_HAZARDS,
    PLAN_HISTORY,
    PLAN_INCIDENTS,
    PLAN_OCCURRENCES,
    PLAN_RECORDS,
    PLAN_TASKS,
)
from tests.api.plan.plan_process import SCHOOL, PlanProcess

BASE = f"/api/v1/plan/units/{SCHOOL}"
KILLS = 1
KEYED = (PLAN_RECORDS, PLAN_HAZARDS, PLAN_INCIDENTS, PLAN_CERTIFICATES)
_PATIENCE_S = 120.0


class Sender:
    """Sends like a phone: the same form again until the service answers; notes what it heard."""

    def __init__(self, service: PlanProcess, today: str) -> None:
        self.service = service
        self.today = today
        self.rounds = 0
        self.heard: dict[str, set[str]] = {table.name: set() for table in KEYED}
        self.steps: dict[int, str] = {}
        self.files: set[str] = set()
        self.confirmed: set[int] = set()

    def post(self, path: str, **body: Any) -> dict[str, Any] | None:
        """The answer; `None` for a step that an unheard answer had taken before."""
        deadline = time.monotonic() + _PATIENCE_S
        broken = False
        while time.monotonic() < deadline:
            try:
                answer = self.service.client.post(BASE + path, json=body)
            except httpx.TransportError:
                broken = True
                time.sleep(0.02)
                continue
            if answer.status_code == httpx.codes.CONFLICT and broken:
                return None
            assert answer.status_code == httpx.codes.OK, answer.text
            found: dict[str, Any] = answer.json()
            return found
        raise TimeoutError(path)

    def form(self, table: str, path: str, key: str, **body: Any) -> int:
        answer = self.post(path, client_key=key, **body)
        assert answer is not None
        self.heard[table].add(key)
        return int(answer["id"] if "id" in answer else answer["number"])

    def send_round(self) -> None:
        """One form of each kind with the steps that follow it."""
        count, day = self.rounds, self.today
        drill = {"participants": 800, "evac_seconds": 240, "target_seconds": 180}
        record = self.form(
            "plan_records", "/records", f"kill-drill-{count:04d}", kind="drill", kind_type="fire",
            happened_on=day, title="消防演练", details={**drill, "evaluation": "太慢"},
        )  # fmt: skip
        content = f"photo {count}".encode()
        self.post(
            "/attachments", subject=f"record:{record}", name="a.jpg", media_type="image/jpeg",
            content_base64=base64.b64encode(content).decode(),
        )  # fmt: skip
        self.files.add(sha256(content).hexdigest())
        draft = self.form(
            "plan_records", "/records", f"kill-draft-{count:04d}", kind="fire_lane",
            happened_on=day, title="消防通道", from_camera=True,
            details={"zone": "北侧", "occupied_s": 0, "clear": True},
        )  # fmt: skip
        self.post(f"/records/{draft}/confirm")
        self.confirmed.add(draft)
        hazard = self.form(
            "plan_hazards", "/hazards", f"kill-hazard-{count:04d}", location="东楼梯",
            description="扶手松动",
        )  # fmt: skip
        self.post(f"/hazards/{hazard}/assign", version=1, fixer="张强", due_on=day)
        self.steps[hazard] = "assigned"
        self.form(
            "plan_incidents", "/incidents", f"kill-incident-{count:04d}", category="踩踏",
            place="楼梯", occurred_at=f"{day}T00:00:00+08:00",
        )  # fmt: skip
        self.post(
            "/certificates", client_key=f"kill-certificate-{count:04d}", kind="fire_system",
            subject=f"系统 {count}", number=f"X-{count}", issued_on=day,
        )  # fmt: skip
        self.heard["plan_certificates"].add(f"kill-certificate-{count:04d}")
        self.rounds += 1


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer)])
def both_urls(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.mark.timeout(1_200)
async def test_what_the_service_acknowledged_is_stored_once(both_urls: str, tmp_path: Path) -> None:
    moments, database_url = random.Random(8), both_urls
    with PlanProcess(database_url, tmp_path) as service:
        today = service.client.get(f"{BASE}/today").json()["day"]
        sender = Sender(service, today)

        def kill_now_and_then() -> None:
            for _ in range(KILLS):
                time.sleep(moments.uniform(0.05, 1.5))
                service.kill()
                service.start()

        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        while killer.is_alive() or sender.rounds < 3:
            sender.send_round()
        killer.join()
    async with Database(database_url) as database:
        await check(database, sender, tmp_path / "files")


async def check(database: Database, sender: Sender, folder: Path) -> None:
    """Compare what was heard with what is stored, and what is stored with itself."""
    async with database.read() as connection:

        async def column(query: Any) -> list[Any]:
            return list((await connection.execute(query)).scalars())

        for table in KEYED:
            keys = await column(select(table.c.client_key).where(table.c.client_key.like("kill-%")))
            # Everything was sent until it was heard, so both are the same forms, each once.
            heard = sender.heard[table.name]
            if table is PLAN_RECORDS:  # a certificate is handed in as a record of its own
                heard = heard | sender.heard["plan_certificates"]
            assert sorted(keys) == sorted(heard), table.name
        assert all(
            state == "assigned"
            for state in await column(
                select(PLAN_HAZARDS.c.state).where(PLAN_HAZARDS.c.id.in_(sender.steps))
            )
        )
        states = select(PLAN_RECORDS.c.state).where(PLAN_RECORDS.c.id.in_(sender.confirmed))
        assert set(await column(states)) == {"submitted"}
        digests = await column(select(PLAN_ATTACHMENTS.c.sha256))
        assert sorted(digests) == sorted(sender.files)
        for digest in digests:
            content = attachments.path_of(folder, digest).read_bytes()
            assert sha256(content).hexdigest() == digest
        assert await column(select(PLAN_TASKS.c.finding)) == ["failed_drill:fire"]
        done = (await column(select(func.sum(PLAN_OCCURRENCES.c.done))))[0]
        counts = (await column(select(func.count()).select_from(PLAN_COUNTS)))[0]
        assert done == counts > 0
        # The cameras' drafts of the week are records as well; each subject is opened once.
        opened = select(PLAN_HISTORY.c.subject).where(
            PLAN_HISTORY.c.action.in_(("handed_in", "found"))
        )
        stored = [f"record:{number}" for number in await column(select(PLAN_RECORDS.c.id))]
        stored += [f"hazard:{number}" for number in await column(select(PLAN_HAZARDS.c.id))]
        assert sorted(await column(opened)) == sorted(stored)
        assert await history.first_broken(connection) is None
