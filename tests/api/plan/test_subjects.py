"""One thing by its number: who does not see its page gets nothing else of it either."""

import base64

import httpx
import pytest
from sqlalchemy import update

from api.database import Database
from api.plan.states import State
from api.plan.tables import PLAN_OCCURRENCES
from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]

# What each role is told about a staff list: its page, its file, its history.
STAFF_LIST = [
    ("school", 200),
    ("bureau", 200),
    ("security_room", 404),
    ("police_room", 404),
    ("bus_provider", 404),
    ("expert", 404),
]


async def hand_in(director: Person, kind: str, kind_type: str, **details: object) -> int:
    form = {"client_key": f"phone-{kind}", "kind": kind, "kind_type": kind_type, "title": "记录"}
    answer = await director.post(
        f"{BASE}/records", **form, happened_on="2026-03-16", details=details
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


async def staff_list(director: Person) -> int:
    return await hand_in(
        director, "responsibility_list", "staff", year=2026, lines="王芳", signed=1, persons=1
    )


async def self_inspection(director: Person) -> int:
    return await hand_in(
        director, "inspection", "self", inspector="王芳", places="楼梯", result="good"
    )


def picture(subject: str) -> dict[str, str]:
    content = base64.b64encode(b"picture").decode()
    return {
        "subject": subject,
        "name": "照片.jpg",
        "media_type": "image/jpeg",
        "content_base64": content,
    }


async def attach(person: Person, subject: str) -> int:
    answer = await person.post(f"{BASE}/attachments", **picture(subject))
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


@pytest.mark.parametrize(("role", "status"), STAFF_LIST)
async def test_a_records_file_and_history_are_kept_back_with_its_page(
    client: httpx.AsyncClient, director: Person, role: str, status: int
) -> None:
    record = await staff_list(director)
    file = await attach(director, f"record:{record}")
    person = Person(client, "孙一", role=role)
    for path in (
        f"/plan/units/sample-primary/records/{record}",
        f"{BASE}/attachments/{file}",
        f"{BASE}/history/record/{record}",
    ):
        assert (await person.get(path)).status_code == status, path


@pytest.mark.parametrize("role", ["security_room", "bus_provider"])
async def test_nobody_changes_a_record_of_a_kind_that_they_do_not_keep(
    client: httpx.AsyncClient, director: Person, role: str
) -> None:
    record = await self_inspection(director)
    file = await attach(director, f"record:{record}")
    person = Person(client, "孙一", role=role)
    refused = [
        await person.post(f"{BASE}/records/{record}/receipt", receipt_no="X-1"),
        await person.post(f"{BASE}/records/{record}/confirm"),
        await person.post(f"{BASE}/attachments/{file}/privacy", privacy="clear"),
        await person.post(f"{BASE}/attachments", **picture(f"record:{record}")),
    ]
    told = [(answer.status_code, answer.json()["code"]) for answer in refused]
    assert told == [(404, "plan_unknown")] * 4
    cleared = await director.post(f"{BASE}/attachments/{file}/privacy", privacy="clear")
    assert cleared.status_code == 204
    noted = await director.post(f"{BASE}/records/{record}/receipt", receipt_no="X-2")
    assert noted.status_code == 200


async def test_the_police_room_reviews_its_own_kinds_only(
    client: httpx.AsyncClient, director: Person
) -> None:
    police = Person(client, "警一", role="police_room")
    inspection = await self_inspection(director)
    refused = await police.post(f"{BASE}/records/{inspection}/review")
    assert (refused.status_code, refused.json()["code"]) == (404, "plan_unknown")
    own = await hand_in(director, "equipment_check", "police", inspector="王芳", checked=3)
    assert (await police.post(f"{BASE}/records/{own}/review")).status_code == 200


async def test_a_hazards_picture_is_for_who_sees_hazards(
    client: httpx.AsyncClient, director: Person
) -> None:
    form = {"client_key": "phone-0001", "location": "东楼梯", "description": "扶手松动"}
    hazard = (await director.post(f"{BASE}/hazards", **form)).json()["id"]
    file = await attach(director, f"hazard:{hazard}")
    bus = Person(client, "孙一", role="bus_provider")
    assert (await bus.get(f"{BASE}/attachments/{file}")).status_code == 403
    assert (await bus.post(f"{BASE}/attachments", **picture(f"hazard:{hazard}"))).status_code == 403
    path = f"{BASE}/attachments/{file}/privacy"
    assert (await bus.post(path, privacy="clear")).status_code == 403
    guard = Person(client, "周二", role="security_room")
    assert (await guard.post(path, privacy="kept")).status_code == 204


async def test_a_duty_of_another_rule_is_neither_explained_nor_told(
    client: httpx.AsyncClient, director: Person, rolled_url: str
) -> None:
    lines = (await director.get(f"{BASE}/occurrences?from=2026-03-01&to=2026-03-31")).json()
    duty = next(line["id"] for line in lines if line["rule_id"] == "R-2.7.2-1")
    async with Database(rolled_url) as database, database.write() as connection:
        missed = update(PLAN_OCCURRENCES).where(PLAN_OCCURRENCES.c.id == duty)
        await connection.execute(missed.values(state=State.MISSED))
    path = f"{BASE}/occurrences/{duty}/explain"
    bus = Person(client, "孙一", role="bus_provider")
    assert (await bus.post(path, note="停电")).status_code == 404
    assert (await director.post(path, note="停电")).status_code == 204
    history = f"{BASE}/history/occurrence/{duty}"
    assert (await bus.get(history)).status_code == 404
    assert [step["action"] for step in (await director.get(history)).json()] == ["explained"]
