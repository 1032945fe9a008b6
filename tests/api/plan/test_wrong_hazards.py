"""A hazard that was entered by mistake or twice is taken back: kept, named, and counted nowhere."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]

PAGE = "/plan/units/sample-primary"
FORM = {"client_key": "phone-0002", "location": "东楼梯", "description": "扶手松动"}
REASON = "重复登记"


@dataclass
class Case:
    """One hazard and the people around it."""

    client: httpx.AsyncClient
    director: Person
    number: int

    @property
    def path(self) -> str:
        return f"{BASE}/hazards/{self.number}"

    async def withdraw(self, person: Person, version: int) -> httpx.Response:
        return await person.post(f"{self.path}/withdraw", version=version, reason=REASON)

    async def assigned(self, fixer: str = "张强") -> None:
        given = {"version": 1, "fixer": fixer, "due_on": "2026-03-16"}
        assert (await self.director.post(f"{self.path}/assign", **given)).status_code == 200


async def found(client: httpx.AsyncClient, director: Person, **more: Any) -> Case:
    answer = await director.post(f"{BASE}/hazards", **{**FORM, **more})
    return Case(client, director, answer.json()["id"])


async def test_it_leaves_the_page_and_the_count_and_is_kept_with_its_reason(
    client: httpx.AsyncClient, director: Person
) -> None:
    case = await found(client, director, level="major")
    assert REASON not in (await director.get(f"{PAGE}/hazards")).text
    taken = (await case.withdraw(director, 1)).json()
    assert (taken["state"], taken["version"]) == ("withdrawn", 2)
    assert (await director.get(f"{BASE}/hazards")).json() == []
    assert (await director.get(f"{BASE}/today")).json()["open_hazards"] == 0
    assert [one["id"] for one in (await director.get(f"{BASE}/hazards?closed=true")).json()] == [
        case.number
    ]
    lines = (await director.get(f"{BASE}/history/hazard/{case.number}")).json()
    assert [line["action"] for line in lines] == ["found", "withdrawn"]
    assert lines[1]["body"] == {"from": "registered", "to": "withdrawn", "reason": REASON}
    own = (await director.get(f"{PAGE}/hazards/{case.number}")).text
    assert "王芳" in own
    assert f"：{REASON}" in own
    assert f"{case.path}/withdraw" not in own
    assert (
        f"{PAGE}/hazards/{case.number}" in (await director.get(f"{PAGE}/hazards?settled=true")).text
    )
    assert f"{PAGE}/hazards/{case.number}" not in (await director.get(f"{PAGE}/hazards")).text


async def test_it_is_for_good(client: httpx.AsyncClient, director: Person) -> None:
    case = await found(client, director)
    await case.withdraw(director, 1)
    for verb, body in (
        ("withdraw", {"reason": "再撤"}),
        ("assign", {"fixer": "张强", "due_on": "2026-03-20"}),
        ("accept", {}),
        ("supervise", {}),
    ):
        bureau = Person(client, "周敏", role="bureau")
        answer = await bureau.post(f"{case.path}/{verb}", version=2, **body)
        assert answer.status_code == 409, verb
    # A phone that sends its form again learns that it was taken back.
    again = await director.post(f"{BASE}/hazards", **FORM)
    assert (again.json()["id"], again.json()["state"]) == (case.number, "withdrawn")


async def test_whoever_has_to_mend_it_does_not_take_it_back(
    client: httpx.AsyncClient, director: Person
) -> None:
    case = await found(client, director)
    await case.assigned()
    fixer = Person(client, "张 强")
    refused = await case.withdraw(fixer, 2)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_fixer_cannot_withdraw")
    assert "张 强 负责整改，不能撤回" in refused.json()["message"]["zh"]
    assert f"{case.path}/withdraw" not in (await fixer.get(f"{PAGE}/hazards")).text
    assert f"{case.path}/withdraw" in (await director.get(f"{PAGE}/hazards")).text
    stale = await case.withdraw(director, 1)
    assert stale.json()["code"] == "plan_changed"
    assert (await case.withdraw(director, 2)).status_code == 200


@pytest.mark.parametrize("given", [False, True], ids=["supervised", "given to a fixer since"])
async def test_the_bureau_alone_takes_back_what_it_supervises(
    client: httpx.AsyncClient, director: Person, given: bool
) -> None:
    case = await found(client, director, level="major")
    bureau = Person(client, "周敏", role="bureau")
    await bureau.post(f"{case.path}/supervise", version=1)
    version = 2
    if given:
        plan = {"measures": "更换", "funds": "五百元", "emergency_plan": "封闭"}
        answer = await director.post(
            f"{case.path}/assign", version=2, fixer="张强", due_on="2026-03-20", **plan
        )
        assert answer.status_code == 200, answer.text
        version = 3
    assert (await case.withdraw(director, version)).status_code == 403
    # The refusal has left nothing behind.
    lines = (await director.get(f"{BASE}/history/hazard/{case.number}")).json()
    assert "withdrawn" not in [line["action"] for line in lines]
    assert (await case.withdraw(bureau, version)).json()["state"] == "withdrawn"


async def test_a_cameras_draft_is_discarded(client: httpx.AsyncClient, director: Person) -> None:
    case = await found(client, director, from_camera=True)
    assert "丢弃这份草稿" in (await director.get(f"{PAGE}/hazards")).text
    assert (await case.withdraw(director, 1)).status_code == 200
    lines = (await director.get(f"{BASE}/history/hazard/{case.number}")).json()
    assert [line["action"] for line in lines] == ["found", "discarded"]


async def test_who_only_looks_or_has_no_reason_takes_nothing_back(
    client: httpx.AsyncClient, director: Person
) -> None:
    case = await found(client, director)
    expert = Person(client, "专家", role="expert")
    assert f"{case.path}/withdraw" not in (await expert.get(f"{PAGE}/hazards")).text
    assert (await case.withdraw(expert, 1)).status_code == 403
    blank = await director.post(f"{case.path}/withdraw", version=1, reason=" ")
    assert blank.status_code == 422
    stranger = Person(client, "赵六", "sample-middle")
    elsewhere = f"{BASE.replace('primary', 'middle')}/hazards/{case.number}/withdraw"
    assert (await stranger.post(elsewhere, version=1, reason="x")).status_code == 404
