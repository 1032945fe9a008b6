"""Exports: two people for an unredacted one, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path

from api.evidence.export_job import ExportJob
from api.evidence.signing import verify_package
from tests.api.evidence.cases import evidence_desk

WISH = {"reason": "police_request", "case_no": "2026-118"}


async def test_an_unredacted_export_needs_a_second_person(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        client, path = case.desk.client, f"/api/v1/alarms/{number}/exports"
        li, zhao = {"x-person": "li"}, {"x-person": "zhao"}
        assert (await client.post(path, json=WISH)).status_code == 403
        asked = await client.post(path, json={**WISH, "redacted": False}, headers=li)
        assert asked.json()["state"] == "waiting"
        decision = f"/api/v1/exports/{asked.json()['id']}/decision"
        # li may allow exports, but not this one: li asked for it.
        own = await client.post(decision, json={"allow": True}, headers=li)
        assert (own.status_code, own.json()["code"]) == (409, "export_same_person")
        assert await case.evidence.make_next_export() is None
        other = await client.post(decision, json={"allow": True}, headers=zhao)
        assert other.json()["state"] == "queued"
        assert await case.evidence.make_next_export() == asked.json()["id"]
        (export,) = (await client.get(path)).json()["exports"]
        assert (export["state"], export["decided_by"]) == ("ready", "zhao"), export["detail"]
        file = await client.get(f"/api/v1/exports/{export['id']}/file", headers=li)
        (tmp_path / "got.zip").write_bytes(file.content)
        found = verify_package(tmp_path / "got.zip")
        assert found.good
        assert (found.manifest["requested_by"], found.manifest["allowed_by"]) == ("li", "zhao")
        register = await client.get("/api/v1/evidence/register", headers=zhao)
        assert [line["act"] for line in register.json()["lines"]] == [
            "downloaded", "export_allowed", "export_asked",
        ]  # fmt: skip


async def test_a_redacted_export_is_queued_at_once(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        answer = await case.desk.client.post(
            f"/api/v1/alarms/{number}/exports", json=WISH, headers={"x-person": "li"}
        )
        assert (answer.json()["redacted"], answer.json()["state"]) == (True, "queued")


def test_a_job_travels_as_json() -> None:
    job = ExportJob((), 1, 2, True, ("王芳",), {}, {}, "/k", "/o")
    assert ExportJob.from_json(job.to_json()) == job
    assert json.loads(job.to_json())["redacted"] is True
