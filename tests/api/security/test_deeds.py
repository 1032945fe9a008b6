"""Each deed that matters leaves a line in the audit log, under the account that did it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.access import audit
from api.access.actor import EVERYWHERE
from api.access.rights import Role
from tests.api.security.whole import CAMERA, UNIT, Whole, whole_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALARM = "/api/v1/alarms/{alarm}"
PLAN = f"/api/v1/plan/units/{UNIT}"
NAME = {"name": "李强"}
Row = tuple[Role, str, dict[str, Any] | None, str, str]

# Who, where, body (none for GET), the line's action, its subject. `version` is filled in.
DEEDS: list[Row] = [
    (Role.OPERATOR, f"{ALARM}/acknowledge", NAME, "alarm.acknowledged", "{alarm}"),
    (Role.OPERATOR, f"{ALARM}/escalate", NAME, "alarm.escalated", "{alarm}"),
    (
        Role.OPERATOR,
        f"{ALARM}/dispatch",
        {**NAME, "person": "guard-hall"},
        "alarm.dispatched",
        "{alarm}",
    ),
    (Role.SUPERVISOR, "/api/v1/shift", NAME, "shift.started", "测试supervisor"),
    (Role.OPERATOR, f"/api/v1/cameras/{CAMERA}/picture.jpg", None, "picture.viewed", CAMERA),
    (
        Role.SUPERVISOR,
        f"{ALARM}/exports",
        {"reason": "police_request", "redacted": True},
        "evidence.export_asked",
        "{alarm}",
    ),
    (
        Role.PRIVACY_OFFICER,
        "/api/v1/exports/{export_id}/decision",
        {"allow": False},
        "evidence.export_refused",
        "{alarm}",
    ),
    (
        Role.PRIVACY_OFFICER,
        f"{ALARM}/hold",
        {"hold": True, "reason": "案件"},
        "evidence.held",
        "{alarm}",
    ),
    (
        Role.ADMINISTRATOR,
        "/api/v1/delivery/targets/{target_id}/test",
        {},
        "delivery.tested",
        "{target_id}",
    ),
    (
        Role.INSTALLER,
        f"/api/v1/cameras/{CAMERA}/baselines/relearn",
        {},
        "camera.relearn_ordered",
        CAMERA,
    ),
    (
        Role.ADMINISTRATOR,
        "/api/v1/accounts/{account_id}/disable",
        {},
        "account.disabled",
        "zhao",
    ),
    (
        Role.ADMINISTRATOR,
        "/api/v1/accounts/{account_id}/roles",
        {"grants": [{"role": "police"}]},
        "account.roles",
        "zhao",
    ),
    (Role.BUREAU, f"{PLAN}/records/{{record}}/review", {}, "plan.record.reviewed", "record:"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Whole]:
    folder = tmp_path_factory.mktemp("deeds")
    shutil.copy(sqlite_template, folder / "desk.db")
    async with whole_service(f"sqlite:///{folder / 'desk.db'}", folder) as found:
        yield found


async def newest(whole: Whole) -> audit.Entry:
    async with whole.access.database.read() as connection:
        return (await audit.listed(connection, before=2**53, limit=1))[0]


async def lines_after(whole: Whole, seq: int) -> list[audit.Entry]:
    async with whole.access.database.read() as connection:
        found = await audit.listed(connection, before=2**53, limit=50)
    return [entry for entry in found if entry.seq > seq]


async def version_of(whole: Whole) -> int:
    async with whole.client(Role.OPERATOR) as client:
        answer = await client.get(ALARM.format_map(whole.objects))
        return int(
            answer.json()["alarm"]["version"]
            if "alarm" in answer.json()
            else answer.json()["version"]
        )


@pytest.mark.parametrize("deed", DEEDS, ids=[row[3] for row in DEEDS])
async def test_a_deed_leaves_its_line(whole: Whole, deed: Row) -> None:
    role, template, body, action, subject = deed
    path = template.format_map(whole.objects)
    whole.clock.advance(1.0)
    before = (await newest(whole)).seq
    site = UNIT if path.startswith("/api/v1/plan") else EVERYWHERE
    async with whole.client(role, site) as client:
        if body is None:
            answer = await client.get(path)
        else:
            versioned = "/alarms/" in path and "name" in body
            more = {"version": await version_of(whole)} if versioned else {}
            answer = await client.post(path, json={**body, **more})
    assert answer.status_code < 300, answer.text
    # Acknowledging an alarm under check confirms it too: two lines.
    entry = next(one for one in await lines_after(whole, before) if one.action == action)
    assert entry.actor == f"测试{role.value}"
    assert entry.subject.startswith(subject.format_map(whole.objects))
    # The plan's history knows people by name, everything else by account as well.
    assert entry.account == ("" if action.startswith("plan.") else role.value)


async def test_what_fails_leaves_no_line(whole: Whole) -> None:
    before = (await newest(whole)).seq
    async with whole.client(Role.OPERATOR) as client:
        path = f"{ALARM}/acknowledge".format_map(whole.objects)
        assert (await client.post(path, json={**NAME, "version": 999})).status_code == 409
    assert (await newest(whole)).seq == before


async def test_the_chain_over_all_of_it_holds(whole: Whole) -> None:
    async with whole.access.database.read() as connection:
        verdict = await audit.verify(connection)
    assert verdict.fault == ""
    assert verdict.entries > len(DEEDS)
