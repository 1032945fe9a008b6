"""Exports: two people for an unredacted one, and what comes out."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import av
import pytest
from structlog.testing import capture_logs

from api.evidence import export_job, exports
from api.evidence.errors import ExportFailedError
from api.evidence.export_job import ExportJob
from api.evidence.signing import verify_package
from models.errors import ModelError
from models.registry import default_head_network_id
from tests.api.evidence.cases import CAMERA, EvidenceDesk, evidence_desk
from vision.arrays import UInt8Array
from vision.observations import CrowdObservation, HeadNetwork, Region

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


async def test_a_redacted_export_names_its_network_and_bears_its_watermark(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        li, path = {"x-person": "li"}, f"/api/v1/alarms/{number}/exports"
        await case.desk.client.post(path, json=WISH, headers=li)
        await case.evidence.make_next_export()
        (export,) = (await case.desk.client.get(path)).json()["exports"]
        assert export["state"] == "ready", export["detail"]
        file = await case.desk.client.get(f"/api/v1/exports/{export['id']}/file", headers=li)
        (tmp_path / "got.zip").write_bytes(file.content)
    found = verify_package(tmp_path / "got.zip")
    assert found.good
    film = found.manifest["films"][0]
    assert found.manifest["network"].startswith(default_head_network_id())
    assert film["pictures"] > 60
    # The test's pictures grow brighter all the time: everything in them moves.
    assert film["mean_blurred_share"] > 0.5
    with zipfile.ZipFile(tmp_path / "got.zip") as package:
        (tmp_path / "film.mp4").write_bytes(package.read(f"{CAMERA}-1.mp4"))
    with av.open(str(tmp_path / "film.mp4")) as film_file:
        first = next(film_file.decode(video=0))
    # The foot with who, when and why stands below the picture's own 90 lines.
    assert first.height > 90 + 2 * 12
    foot = first.to_ndarray(format="gray")[92:]
    assert (int(foot.max()) > 150, int(foot.min()) < 60) == (True, True)


@pytest.mark.parametrize("when", ["it cannot be loaded", "it fails on a picture"])
async def test_without_a_working_network_nothing_is_exported(
    sqlite_url: str, tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        model_id = "broken@0"

        def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
            raise ModelError("told by the test")

    def missing() -> HeadNetwork:
        raise ModelError("told by the test")

    monkeypatch.setattr(export_job, "redaction_network", missing)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        asked = await case.desk.client.post(
            f"/api/v1/alarms/{number}/exports", json=WISH, headers={"x-person": "li"}
        )
        async with case.desk.service.desk.database.read() as connection:
            wanted = await exports.find(connection, asked.json()["id"])
        job = await case.evidence.job_of(wanted)
        network = Broken() if when == "it fails on a picture" else None
        with pytest.raises((ModelError, ExportFailedError)):
            export_job.export(job, network)
        assert not Path(job.out).exists()


async def asked_for(case: EvidenceDesk) -> tuple[str, int]:
    """The path of an alarm's exports, and the id of a queued one."""
    number = await case.alarm_of_a_crowd(5.0)
    path = f"/api/v1/alarms/{number}/exports"
    answer = await case.desk.client.post(path, json=WISH, headers={"x-person": "li"})
    return path, int(answer.json()["id"])


async def test_an_export_whose_process_cannot_start_has_failed_and_says_why(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_memory(*_: object, **__: object) -> asyncio.subprocess.Process:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", no_memory)
    async with evidence_desk(database_url, tmp_path) as case:
        path, export_id = await asked_for(case)
        assert await case.evidence.make_next_export() == export_id
        (export,) = (await case.desk.get(path))["exports"]
        assert export["state"] == "failed"
        assert "Cannot allocate memory" in export["detail"]
        assert await case.evidence.make_next_export() is None


async def test_an_export_that_lost_its_process_is_made_at_the_next_look(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made(job: ExportJob) -> dict[str, object]:
        return {"sha256": "0" * 64, "bytes": 1}

    monkeypatch.setattr(exports, "make", made)
    async with evidence_desk(database_url, tmp_path) as case:
        path, export_id = await asked_for(case)
        async with case.desk.service.desk.database.write() as connection:
            await exports.set_state(connection, export_id, exports.ExportState.RUNNING)
        assert await case.evidence.make_next_export() == export_id
        (export,) = (await case.desk.get(path))["exports"]
        assert export["state"] == "ready"


KILLED = """
import os, signal, sys
from api.evidence import export_job
export_job.write_package = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
export_job.export(export_job.ExportJob.from_json(sys.stdin.read()))
"""


async def test_films_of_an_export_that_was_killed_go_before_the_next_is_made(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[list[str]] = []

    async def made(job: ExportJob) -> dict[str, object]:
        left.append([path.suffix for path in Path(job.out).parent.rglob("*.*")])
        return {"sha256": "0" * 64, "bytes": 1}

    monkeypatch.setattr(exports, "make", made)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        _, export_id = await asked_for(case)
        async with case.desk.service.desk.database.read() as connection:
            export = await exports.find(connection, export_id)
        job = replace(await case.evidence.job_of(export), redacted=False)
        ended = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", KILLED], input=job.to_json().encode()
        )
        assert ended.returncode == -signal.SIGKILL
        await made(job)
        await case.evidence.make_next_export()
    assert [sorted(suffixes) for suffixes in left] == [[".json", ".mp4"], []]


async def test_what_a_process_said_to_its_end_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_MODULE", "api.evidence.no_such_module")
    job = ExportJob(
        (), ((1, 2),), True, (), {}, {"export": 7}, str(tmp_path), str(tmp_path / "o.zip")
    )
    with capture_logs() as told:
        answer = await exports.make(job)
    assert answer == {"failed": "the export process ended with code 1"}
    (line,) = told
    assert line["export"] == 7
    assert "No module named api.evidence.no_such_module" in line["said"]


def test_a_job_travels_as_json() -> None:
    job = ExportJob((), ((1, 2),), True, ("王芳",), {}, {}, "/k", "/o")
    assert ExportJob.from_json(job.to_json()) == job
    assert json.loads(job.to_json())["redacted"] is True
