"""Coverage audits that schools hand in: once each, in their order, for their own unit and day."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.access.guard import OpenAccess
from api.application import PlanFolder, create_app
from api.coverage.audit_file import read_json
from api.pictures import NoPictures
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.desk_cases import SITE, settings
from tests.api.plan.test_camera_evidence import local

AUDIT = Path(__file__).parents[1] / "coverage" / "audit_of_2026_11_28.json"
SITES = {"sample-primary": "school-1", "sample-middle": "school-2"}
BLIND = "blind_spot:school-1/a"


def paper(made_at: str, *, met: bool, site_id: str = "school-1") -> dict[str, Any]:
    """A sealed audit whose one area is met or not."""
    whole = read_json(AUDIT)
    (floor,) = whole.floors
    areas = [area.model_copy(update={"met": met}) for area in floor.areas]
    changed = {
        "site_id": site_id,
        "made_at": made_at,
        "floors": [floor.model_copy(update={"areas": areas})],
    }
    return whole.model_copy(update=changed).sealed().model_dump(mode="json")


@dataclass
class Bureau:
    """The service of a district on 4 January 2027."""

    client: httpx.AsyncClient

    async def take(self, body: dict[str, Any], unit: str = "sample-primary") -> httpx.Response:
        return await self.client.post(f"/api/v1/plan/units/{unit}/camera-audits", json=body)

    async def tasks(self, unit: str = "sample-primary") -> list[tuple[str, str]]:
        answer = await self.client.get(f"/api/v1/plan/units/{unit}/tasks")
        return [(one["finding"], one["state"]) for one in answer.json()]


@pytest.fixture
async def bureau(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    shipped = load_edition()
    units = tuple(replace(unit, site=SITES.get(unit.id, "")) for unit in shipped.units)
    app = create_app(
        settings=settings(sqlite_url),
        site=SITE,
        clock=SimulatedClock(local(date(2027, 1, 4), "08:00")),
        pictures=NoPictures(),
        plan=PlanFolder(replace(shipped, units=units), tmp_path / "files"),
        access=OpenAccess(),
    )
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        headers = {"x-viewer": "wang-fang"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            yield Bureau(client)


NOVEMBER, DECEMBER = "2026-11-28T20:54:07Z", "2026-12-20T08:00:00Z"


async def test_a_paper_that_comes_twice_opens_nothing_anew(bureau: Bureau) -> None:
    blind, mended = paper(NOVEMBER, met=False), paper(DECEMBER, met=True)
    first = (await bureau.take(blind)).json()
    assert await bureau.tasks() == [(BLIND, "open")]
    await bureau.take(mended)
    assert await bureau.tasks() == []
    again = (await bureau.take(blind)).json()
    assert (again["id"], again["repeated"]) == (first["id"], True)
    assert await bureau.tasks() == []


async def test_an_earlier_paper_that_comes_late_closes_no_task(bureau: Bureau) -> None:
    await bureau.take(paper(DECEMBER, met=False))
    late = await bureau.take(paper(NOVEMBER, met=True))
    assert (late.status_code, late.json()["repeated"]) == (200, False)
    assert await bureau.tasks() == [(BLIND, "open")]
    # Two of one day go by their hour.
    await bureau.take(paper("2026-12-20T15:00:00Z", met=True))
    assert await bureau.tasks() == []


async def test_a_paper_belongs_to_the_day_on_which_it_was_made(bureau: Bureau) -> None:
    """Handed in after New Year it is still work of the old year, under the old year's plan."""
    number = (await bureau.take(paper(NOVEMBER, met=False))).json()["id"]
    page = (await bureau.client.get(f"/plan/units/sample-primary/records/{number}")).text
    # 20:54 UTC is the next morning in the district.
    assert "2026-11-29" in page


@pytest.mark.parametrize(
    ("unit", "changes", "code"),
    [
        ("sample-primary", {"site_id": "school-2"}, "plan_audit_elsewhere"),
        ("sample-kindergarten", {}, "plan_no_site"),
        ("sample-primary", {"made_at": "yesterday"}, "plan_audit_time"),
        ("sample-primary", {"made_at": "9999-12-31T23:59:59Z"}, "plan_audit_time"),
        ("sample-primary", {"made_at": "2027-01-05T08:00:00Z"}, "plan_in_the_future"),
    ],
)
async def test_a_paper_that_cannot_be_of_this_unit_is_refused(
    bureau: Bureau, unit: str, changes: dict[str, str], code: str
) -> None:
    made_at, site_id = changes.get("made_at", NOVEMBER), changes.get("site_id", "school-1")
    body = paper(made_at, met=False, site_id=site_id)
    answer = await bureau.take(body, unit)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert await bureau.tasks(unit) == []


async def test_a_paper_that_was_changed_on_the_way_is_refused(bureau: Bureau) -> None:
    body = paper(NOVEMBER, met=False)
    body["floors"][0]["areas"][0]["met"] = True
    answer = await bureau.take(body)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_audit_changed")
