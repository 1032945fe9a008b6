"""Audits of the running site: made once, with the running record, refused with a reason."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.coverage.audit_file import read_json
from api.coverage.audits import Audits
from api.coverage.document import AuditDocument, Confirmation
from api.coverage.errors import AuditFileError, ReportError
from config import RequiredArea, load_site, sample_school_directory
from config.site_folder import SiteFolder
from tests.api.coverage.test_live import School, desk, school

__all__ = ["desk"]


class Maker:
    """Makes the audit that it holds when it is let; counts how often it was asked."""

    def __init__(self, document: AuditDocument) -> None:
        self.document, self.asked, self.may = document, 0, asyncio.Event()
        self.refuses = ""

    async def __call__(self, folder: SiteFolder, ladder_id: str) -> AuditDocument:
        del folder, ladder_id
        self.asked += 1
        await self.may.wait()
        if self.refuses:
            raise ReportError(self.refuses)
        return self.document


@pytest.fixture
def maker(desk: School, document: AuditDocument) -> Maker:
    found = Maker(document)
    desk.watch.audits = Audits(desk.site.folder, desk.watch.with_record, found)
    return found


async def made(desk: School, maker: Maker) -> None:
    maker.may.set()
    for _ in range(200):
        if (await desk.get("coverage/audit"))["ready"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the audit was not made")


async def test_the_first_to_ask_sets_it_going_and_all_get_the_same(
    desk: School, maker: Maker, tmp_path: Path
) -> None:
    await desk.areas()
    assert await desk.get("coverage/audit") == {"ready": False, "document": None}
    waiting = await desk.client.get("/api/v1/coverage/audit.json")
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (409, "2")
    await made(desk, maker)
    found = (await desk.get("coverage/audit"))["document"]
    assert maker.asked == 1
    assert found["totals"] == maker.document.totals.model_dump(mode="json")
    # With the record of 30 days, the day of the test the last of them.
    assert (found["uptime"]["last_day"], found["uptime"]["days"]) == ("2026-09-01", 30)
    file = await desk.client.get("/api/v1/coverage/audit.json")
    assert file.headers["Content-Disposition"] == 'attachment; filename="audit.json"'
    (tmp_path / "audit.json").write_bytes(file.content)
    assert read_json(tmp_path / "audit.json").sha256 == found["sha256"]


async def test_the_record_names_all_that_it_knows_nothing_good_of(
    desk: School, maker: Maker
) -> None:
    """The service has run for a minute of 30 days, with one camera dead."""
    await desk.areas()
    await desk.state("cam-corridor3", "offline", "hung")
    for _ in range(13):
        await desk.watch.tick()
        desk.clock.advance(5.0)
        await desk.seen()
    await made(desk, maker)
    uptime = (await desk.get("coverage/audit"))["document"]["uptime"]
    assert uptime["unwell"] == [{"camera_id": "cam-corridor3", "causes": ["hung"]}]
    now = desk.clock.utc().to_datetime().astimezone(ZoneInfo("Asia/Shanghai"))
    assert uptime["span_h"] == pytest.approx(29 * 24 + now.hour + now.minute / 60, abs=0.05)
    cameras = {one["camera_id"]: one for one in uptime["cameras"]}
    assert set(cameras) == {one.id for one in desk.site.cameras}
    assert (cameras["cam-corridor3"]["healthy_share"], cameras["cam-stair"]["healthy_share"]) == (
        0.0, 1.0,
    )  # fmt: skip
    assert all(one["watched_h"] == pytest.approx(60 / 3600, abs=0.01) for one in cameras.values())
    assert {one["area_id"] for one in uptime["areas"]} == {
        area.id for area in desk.site.areas if isinstance(area, RequiredArea)
    }


async def test_made_anew_it_holds_the_record_up_to_now(desk: School, maker: Maker) -> None:
    await desk.areas()
    await made(desk, maker)
    answer = await desk.client.post("/api/v1/coverage/audit", json={})
    assert answer.status_code == 204
    await made(desk, maker)
    assert maker.asked == 2


async def test_who_read_it_confirms_those_figures_and_no_others(desk: School, maker: Maker) -> None:
    await desk.areas()
    await made(desk, maker)
    path = "/api/v1/coverage/audit/confirm"
    wrong = await desk.client.post(path, json={"ladder": "dori-2014", "sha256": "0" * 64})
    assert wrong.status_code == 409
    read = (await desk.get("coverage/audit"))["document"]
    body = {"ladder": "dori-2014", "sha256": read["sha256"]}
    assert (await desk.client.post(path, json=body)).status_code == 204
    signed = (await desk.get("coverage/audit"))["document"]
    assert signed["confirmation"]["name"]
    assert signed["sha256"] != read["sha256"]
    assert signed["totals"] == read["totals"]
    # Signed once; made anew, it is a draft again.
    assert (await desk.client.post(path, json=body)).status_code == 409
    await desk.client.post("/api/v1/coverage/audit", json={})
    await made(desk, maker)
    assert (await desk.get("coverage/audit"))["document"]["confirmation"] is None


async def signed(desk: School, maker: Maker) -> dict[str, Any]:
    """The audit, confirmed by the viewer."""
    await desk.areas()
    await made(desk, maker)
    read = (await desk.get("coverage/audit"))["document"]
    body = {"ladder": "dori-2014", "sha256": read["sha256"]}
    answer = await desk.client.post("/api/v1/coverage/audit/confirm", json=body)
    assert answer.status_code == 204
    return dict((await desk.get("coverage/audit"))["document"])


async def test_a_confirmed_audit_is_kept_and_can_be_taken(
    desk: School, maker: Maker, tmp_path: Path
) -> None:
    assert (await desk.get("coverage/audits"))["audits"] == []
    document = await signed(desk, maker)
    # Somebody else audits anew: the signed one is still there.
    await desk.client.post("/api/v1/coverage/audit", json={})
    await made(desk, maker)
    (one,) = (await desk.get("coverage/audits"))["audits"]
    assert (one["ladder_id"], one["sha256"]) == ("dori-2014", document["sha256"])
    who = document["confirmation"]
    assert (one["confirmed_by"], one["confirmed_at"]) == (who["name"], who["at"])
    path = f"/api/v1/coverage/audits/{one['id']}/audit.json"
    (tmp_path / "audit.json").write_bytes((await desk.client.get(path)).content)
    assert read_json(tmp_path / "audit.json").model_dump(mode="json") == document
    page = (await desk.client.get("/coverage")).text
    assert who["name"] in page
    assert f'href="{path}"' in page
    for kind in ("json", "pdf"):
        unknown = f"/api/v1/coverage/audits/{one['id'] + 1}/audit.{kind}"
        assert (await desk.client.get(unknown)).status_code == 404


async def test_a_confirmed_audit_stands_over_a_start(
    database_url: str, document: AuditDocument
) -> None:
    async with school(database_url) as desk:
        maker = Maker(document)
        desk.watch.audits = Audits(desk.site.folder, desk.watch.with_record, maker)
        confirmed = await signed(desk, maker)
    async with school(database_url) as desk:
        (one,) = (await desk.get("coverage/audits"))["audits"]
        assert one["sha256"] == confirmed["sha256"]


async def test_what_could_not_be_stored_is_not_confirmed(document: AuditDocument) -> None:
    async def finish(made: AuditDocument) -> AuditDocument:
        return made

    async def keep(made: AuditDocument) -> None:
        raise ReportError(f"no room for {made.site_id}")

    maker = Maker(document)
    maker.may.set()
    audits = Audits(load_site(sample_school_directory()).folder, finish, maker)
    while audits.ask("dori-2014") is None:
        await asyncio.sleep(0)
    who = Confirmation(name="王主任", at=document.made_at)
    with pytest.raises(ReportError, match="no room"):
        await audits.confirm("dori-2014", document.sha256, who, keep)
    still = audits.ask("dori-2014")
    assert still is not None
    assert still.confirmation is None


def test_nobody_signs_over_the_name_of_another(document: AuditDocument) -> None:
    first = document.confirmed("李主任", document.made_at)
    with pytest.raises(AuditFileError, match="confirmed by 李主任"):
        first.confirmed("other", document.made_at)


async def test_a_refusal_is_told_and_tried_again(desk: School, maker: Maker) -> None:
    await desk.areas()
    maker.refuses = "recording.yaml:1: format: expected 1"
    maker.may.set()
    await desk.get("coverage/audit")
    await asyncio.sleep(0.01)
    answer = await desk.client.get("/api/v1/coverage/audit")
    assert answer.status_code == 409
    assert "recording.yaml:1" in answer.json()["message"]["zh"]
    maker.refuses = ""
    await made(desk, maker)
    assert maker.asked == 2


async def test_an_audit_of_another_site_file_is_not_shown(desk: School, maker: Maker) -> None:
    await desk.areas()
    maker.document = maker.document.model_copy(update={"site_sha256": "0" * 64}).sealed()
    maker.may.set()
    await desk.get("coverage/audit")
    await asyncio.sleep(0.01)
    answer = await desk.client.get("/api/v1/coverage/audit")
    assert answer.status_code == 409
    assert "site.yaml was changed" in answer.json()["message"]["en"]
