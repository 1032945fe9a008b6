"""The plan over HTTP: rights between units, hazards, incidents, forms that are sent twice."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.access.actor import EVERYWHERE, Actor, Grant
from api.access.rights import Role
from api.database import Database
from api.plan.mount import install_plan
from api.plan.service import PlanService
from api.problems import install_handlers
from api.security import Guard
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.plan.conftest import TODAY, at

BASE = "/api/v1/plan/units/sample-primary"


class HeaderAccess:
    """A person by name, with the role at the school that test headers say; the bureau sees all."""

    async def actor_of(self, request: HTTPConnection) -> Actor | None:
        name = unquote(request.headers.get("x-viewer", ""))
        if not name:
            return None
        role = Role(request.headers.get("x-test-role", "school"))
        site = request.headers.get("x-test-school", EVERYWHERE)
        return Actor(name, (Grant(role, site),), request.headers.get("x-test-account", ""))

    async def still_valid(self, actor: Actor) -> bool:
        return True


class Person:
    """A browser of one named person."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: str,
        school: str = "sample-primary",
        role: str = "school",
        account: str = "",
    ) -> None:
        self._client = client
        self._headers = {"x-viewer": quote(name), "x-test-school": school, "x-test-role": role}
        self._headers["x-test-account"] = account

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(path, headers=self._headers)

    async def post(self, path: str, **body: object) -> httpx.Response:
        return await self._client.post(path, json=body, headers=self._headers)


@pytest.fixture
async def client(rolled_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_handlers(app)
    async with Database(rolled_url) as database:
        clock = SimulatedClock(at(TODAY))
        plan = PlanService(database, load_edition(), clock, tmp_path / "files")
        app.state.access = HeaderAccess()
        install_plan(app, plan)
        app.add_middleware(Guard, allowed_hosts=())
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as found:
            yield found


@pytest.fixture
def director(client: httpx.AsyncClient) -> Person:
    return Person(client, "王芳")


async def test_today_lists_what_is_due_with_the_calendars_gaps(director: Person) -> None:
    answer = (await director.get(f"{BASE}/today")).json()
    assert answer["day"] == "2026-03-16"
    rules = {line["rule_id"] for line in answer["pending"]}
    assert "R-2.7.2-1" in rules
    assert not rules & {"R-3.11.3-1", "R-2.7.2-2", "R-1.1.2-1"}
    assert answer["overdue"] == 0
    assert any("2026" in warning["zh"] for warning in answer["warnings"])


OTHER_PATHS = [
    "/today",
    "/hazards",
    "/incidents",
    "/occurrences?from=2026-03-01&to=2026-03-31",
    "/history/hazard/1",
]


@pytest.mark.parametrize("path", OTHER_PATHS)
async def test_another_schools_data_is_404(client: httpx.AsyncClient, path: str) -> None:
    stranger = Person(client, "赵六", "sample-middle")
    owner = Person(client, "王芳")
    form = {"client_key": "phone-0001", "location": "东楼梯", "description": "扶手松动"}
    assert (await owner.post(f"{BASE}/hazards", **form)).status_code == 200
    answer = await stranger.get(BASE + path)
    assert answer.status_code == 404
    unknown = await stranger.get(f"/api/v1/plan/units/no-such-school{path}")
    assert unknown.status_code == 404
    assert answer.json()["code"] == unknown.json()["code"] == "plan_unit_unknown"
    assert (await owner.get(BASE + path)).status_code == 200


async def test_a_number_of_another_school_is_404_in_the_own_school(
    client: httpx.AsyncClient, director: Person
) -> None:
    form = {"client_key": "phone-0001", "location": "东楼梯", "description": "扶手松动"}
    number = (await director.post(f"{BASE}/hazards", **form)).json()["id"]
    stranger = Person(client, "赵六", "sample-middle")
    own = "/api/v1/plan/units/sample-middle"
    for path in (f"{own}/hazards/{number}/accept", f"{own}/hazards/{number}/start"):
        assert (await stranger.post(path, version=1)).status_code == 404
    assert (await stranger.get(f"{own}/history/hazard/{number}")).status_code == 404
    units = (await stranger.get("/api/v1/plan/units")).json()
    assert [unit["unit_id"] for unit in units] == ["sample-middle"]


async def test_a_fixer_cannot_accept(client: httpx.AsyncClient, director: Person) -> None:
    fixer, other = Person(client, "张强"), Person(client, "李明")
    form = {"client_key": "phone-0002", "location": "东楼梯", "description": "扶手松动"}
    number = (await director.post(f"{BASE}/hazards", **form)).json()["id"]
    path = f"{BASE}/hazards/{number}"
    assigned = await director.post(f"{path}/assign", version=1, fixer="张强", due_on="2026-03-20")
    assert assigned.json()["state"] == "assigned"
    fixed = await other.post(f"{path}/fixed", version=2, note="已更换螺栓")
    assert fixed.json()["fixed_by"] == "李明"
    for person in (fixer, other):  # the one it was assigned to, and the one who did it
        for verb in ("accept", "give_back"):
            refused = await person.post(f"{path}/{verb}", version=3)
            assert refused.status_code == 409
            assert refused.json()["code"] == "plan_fixer_cannot_accept"
    accepted = await director.post(f"{path}/accept", version=3)
    assert (accepted.json()["state"], accepted.json()["accepted_by"]) == ("closed", "王芳")
    history = (await director.get(f"{BASE}/history/hazard/{number}")).json()
    assert [line["action"] for line in history] == ["found", "assigned", "fixed", "accept"]


async def test_a_hazard_whose_mender_has_left_goes_to_another(director: Person) -> None:
    form = {"client_key": "phone-0004", "location": "东楼梯", "description": "扶手松动"}
    number = (await director.post(f"{BASE}/hazards", **form)).json()["id"]
    path, page = f"{BASE}/hazards/{number}", "/plan/units/sample-primary/hazards"
    assert "改派" not in (await director.get(page)).text
    await director.post(f"{path}/assign", version=1, fixer="张强", due_on="2026-03-20")
    assert "改派" in (await director.get(page)).text
    await director.post(f"{path}/start", version=2)
    given = await director.post(f"{path}/assign", version=3, fixer="赵六", due_on="2026-04-10")
    assert given.status_code == 200, given.text
    now = given.json()
    assert (now["state"], now["fixer"], now["due_on"]) == ("assigned", "赵六", "2026-04-10")
    history = (await director.get(f"{BASE}/history/hazard/{number}")).json()
    assert [line["body"].get("fixer") for line in history] == [None, "张强", None, "赵六"]


async def test_steps_out_of_order_and_stale_versions_are_refused(
    client: httpx.AsyncClient, director: Person
) -> None:
    bureau = Person(client, "赵敏", role="bureau")
    form = {"client_key": "phone-0003", "location": "锅炉房", "description": "无探测器"}
    number = (await director.post(f"{BASE}/hazards", **form, level="major")).json()["id"]
    path = f"{BASE}/hazards/{number}"
    refusals: list[tuple[str, dict[str, object], str]] = [
        ("accept", {"version": 1}, "plan_step_not_now"),
        ("start", {"version": 1}, "plan_step_not_now"),
        ("supervise", {"version": 9}, "plan_changed"),
        (
            "assign",
            {"version": 1, "fixer": "张强", "due_on": "2026-03-20"},
            "plan_major_needs_plan",
        ),
        ("assign", {"version": 1, "fixer": "张强", "due_on": "2026-03-15"}, "plan_due_passed"),
    ]
    for verb, body, code in refusals:
        answer = await bureau.post(f"{path}/{verb}", **body)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    refused = await director.post(f"{path}/supervise", version=1)
    assert refused.status_code == 403
    supervised = await bureau.post(f"{path}/supervise", version=1)
    assert supervised.json()["state"] == "supervised"


async def test_a_refusal_speaks_one_language_and_names_no_code(director: Person) -> None:
    form = {"client_key": "phone-0005", "location": "锅炉房", "description": "无探测器"}
    number = (await director.post(f"{BASE}/hazards", **form)).json()["id"]
    record = {"happened_on": "2026-03-16", "title": "演练"}
    answers = [
        await director.post(f"{BASE}/hazards/{number}/accept", version=1),
        await director.post(
            f"{BASE}/hazards", **{**form, "client_key": "phone-0006", "method": "x"}
        ),
        await director.post(
            f"{BASE}/records", client_key="phone-0007", kind="drill", kind_type="air", **record
        ),
        await director.post(
            f"{BASE}/records", client_key="phone-0008", kind="incident_report", **record
        ),
    ]
    assert [answer.status_code for answer in answers] == [409, 422, 422, 409]
    said = [answer.json()["message"] for answer in answers]
    assert said[0] == {
        "zh": "当前状态（已登记）不能进行这一步",
        "en": "this step is not possible in state registered",
    }
    assert said[1]["zh"].startswith("表单有误：没有分级方法 x；从中选一个：")
    assert said[1]["en"].startswith("the form is wrong: there is no method x; use one of ")
    assert said[2]["zh"].startswith("表单有误：类型：没有这一项；")
    assert said[2]["en"].startswith("the form is wrong: Kind: unknown; ")
    assert said[3] == {"zh": "“事件”有专用表单", "en": "Incidents has a form of its own"}
    for one in said:
        assert one["en"].isascii(), one["en"]
        assert "missing" not in one["zh"]


async def test_a_form_sent_twice_is_stored_once(director: Person) -> None:
    form = {"client_key": "phone-7f31-01", "kind": "drill", "kind_type": "fire"}
    details = {"participants": 812, "evac_seconds": 171, "evaluation": "东侧楼梯较慢"}
    values = {"happened_on": "2026-03-16", "title": "消防演练", "details": details}
    first = (await director.post(f"{BASE}/records", **form, **values)).json()
    again = (await director.post(f"{BASE}/records", **form, **values)).json()
    assert [line["rule_id"] for line in first["counted"]] == ["R-3.10.1-6", "R-2.7.2-1"]
    assert again == {**first, "repeated": True}
    hazard = {"client_key": "phone-7f31-02", "location": "东楼梯", "description": "扶手松动"}
    numbers = {(await director.post(f"{BASE}/hazards", **hazard)).json()["id"] for _ in range(3)}
    assert len(numbers) == 1


async def test_an_incident_goes_first_follow_up_final_closed(director: Person) -> None:
    form = {"client_key": "phone-0005", "category": "踩踏", "place": "一层楼梯口"}
    made = await director.post(f"{BASE}/incidents", **form, occurred_at="2026-03-16T07:20:00+08:00")
    assert made.json()["first_report_late"]  # 40 minutes before the clock's 08:00
    path = f"{BASE}/incidents/{made.json()['id']}"
    word = {"channel": "电话", "content": "已启动预案"}
    steps: list[tuple[str, dict[str, object], str]] = [
        ("reports", {"version": 1, "kind": "follow_up", **word}, "plan_first_report_first"),
        ("close", {"version": 1}, "plan_step_not_now"),
        ("reports", {"version": 1, "kind": "first", **word}, "reported"),
        ("reports", {"version": 2, "kind": "first", **word}, "plan_first_report_sent"),
        ("reports", {"version": 2, "kind": "follow_up", **word}, "reported"),
        ("reports", {"version": 3, "kind": "final", **word}, "final"),
        ("close", {"version": 4}, "closed"),
    ]
    for verb, body, expected in steps:
        answer = (await director.post(f"{path}/{verb}", **body)).json()
        assert expected in (answer.get("code"), answer.get("state"))
    future = await director.post(
        f"{BASE}/incidents",
        **{**form, "client_key": "phone-0006"},
        occurred_at="2026-03-16T09:20:00+08:00",
    )
    assert future.json()["code"] == "plan_in_the_future"


async def test_nobody_without_a_name(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/plan/units")).status_code == 401


async def test_broken_forms_are_422(director: Person) -> None:
    for body in ({}, {"client_key": "x"}, {"client_key": "phone-0001", "kind": "DRILL!"}):
        assert (await director.post(f"{BASE}/records", **body)).status_code == 422
    answer = await director.get(f"{BASE}/occurrences?from=nonsense&to=2026-03-01")
    assert answer.status_code == 422
