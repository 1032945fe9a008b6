"""Clips of alarms: collected, played with a reason, kept, held and deleted."""

from __future__ import annotations

import errno
import itertools
import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any

import av
import pytest

from api.evidence import clip_store
from api.evidence.curve import read_curve
from api.evidence.folders import EvidenceFolder
from api.evidence.jumps import Span
from streams.recording import ClockRun
from tests.api.evidence.cases import CAMERA, evidence_desk
from vision.instants import Utc

WHO = {"x-person": "li"}


async def test_a_clip_holds_thirty_seconds_before_and_all_of_the_alarm(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        opened = Utc.from_iso(found["alarm"]["opened_at"])
        assert opened - Utc.from_iso(found["clip"]["start"]) == pytest.approx(30.0)
        (camera,) = found["cameras"]
        assert camera["id"] == CAMERA
        part = camera["parts"][0]
        assert opened - Utc.from_iso(part["start"]) >= 29.5
        await case.end_alarm(number)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        assert found["clip"]["state"] == "complete"
        assert found["cameras"][0]["gaps"] == []
        levels = [point["level"] for point in found["density"]["stair"]]
        assert levels[:29] == ["L0"] * 29
        assert levels.count("L3") >= 19
        zone = found["origin"]["zones"]["stair"]
        assert zone["thresholds"]["levels"]
        assert next(step["action"] for step in found["alarm"]["history"]) == "opened"


async def test_a_clip_plays_in_ranges_and_the_viewing_is_on_record(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        client = case.desk.client
        first = await client.get(f"/api/v1/alarms/{number}/clip")
        assert first.status_code == 307
        url = first.headers["location"]
        head = await client.head(url)
        nobody = await client.get("/api/v1/evidence/register", headers=WHO)
        assert nobody.json()["lines"] == []
        whole = await client.get(url)
        assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))
        assert head.headers["accept-ranges"] == "bytes"
        part = await client.get(url, headers={"range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        (tmp_path / "seen.mp4").write_bytes(whole.content)
        with av.open(str(tmp_path / "seen.mp4")) as film:
            pictures = sum(1 for _ in film.decode(video=0))
        # 30 s before and 20 s of the alarm at two pictures a second, from a key picture on.
        assert 95 <= pictures <= 115
        register = await client.get("/api/v1/evidence/register", headers=WHO)
        (line,) = register.json()["lines"]
        assert (line["viewer"], line["act"], line["reason"], line["camera_id"]) == (
            "wang", "played", "alarm_response", CAMERA,
        )  # fmt: skip


async def test_a_range_of_a_film_that_is_made_opens_no_segment(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a clip of two hours they are 720, and a browser asks for many ranges."""
    opened: list[int] = []
    parts = EvidenceFolder.parts

    def counted(self: EvidenceFolder, number: int, *about: Any) -> Any:
        opened.append(number)
        return parts(self, number, *about)

    monkeypatch.setattr(EvidenceFolder, "parts", counted)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        made = await case.desk.client.get(f"/api/v1/alarms/{number}/clip")
        assert opened == [number]
        for _ in range(3):
            headers = {"range": "bytes=100-199"}
            part = await case.desk.client.get(made.headers["location"], headers=headers)
            assert part.status_code == 206
    assert opened == [number]


async def test_after_the_alarm_a_reason_must_be_given(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        await case.end_alarm(number)
        path = f"/api/v1/alarms/{number}/clip"
        assert (await case.desk.get(path, 422))["code"] == "reason_needed"
        assert (await case.desk.get(f"{path}?reason=other", 422))["code"] == "reason_needed"
        answer = await case.desk.client.get(f"{path}?reason=investigation")
        assert answer.status_code == 307


async def test_who_has_no_right_gets_nothing(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        for path in (f"alarms/{number}/clip", f"alarms/{number}/evidence", "evidence/register"):
            answer = await case.desk.client.get(f"/api/v1/{path}", headers={"x-person": "district"})
            assert answer.status_code in (403, 404), path
        unknown = await case.desk.client.get("/api/v1/alarms/99/evidence")
        assert unknown.status_code == 404


async def test_foreign_versions_reach_no_file(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        for version in ("../../../x", "..", "0" * 16):
            answer = await case.desk.client.get(
                f"/api/v1/alarms/{number}/clip", params={"version": version}
            )
            # An unknown version is answered with the way to the present one.
            assert answer.status_code == 307
        answer = await case.desk.client.get(
            f"/api/v1/alarms/{number}/clip", params={"camera": "../cam-a"}
        )
        assert answer.status_code == 404


async def test_the_clip_stays_when_the_ring_has_forgotten(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        for path in (tmp_path / "recordings").rglob("*.mp4"):
            path.unlink()
        for path in (tmp_path / "recordings").rglob("*.jsonl"):
            path.unlink()
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        assert found["cameras"][0]["parts"]
        answer = await case.desk.client.get(f"/api/v1/alarms/{number}/clip", follow_redirects=True)
        assert answer.status_code == 200


async def test_a_restarted_service_goes_on_with_the_clip(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        clock = case.ring.clock
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        await case.pass_time(20.0, "L3", 3.2)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        assert found["clip"]["state"] == "collecting"
        last = max(Utc.from_iso(part["end"]) for part in found["cameras"][0]["parts"])
        assert clock.utc() - last < 6.0


async def test_a_number_that_is_given_again_mixes_no_evidence(
    sqlite_url: str, tmp_path: Path
) -> None:
    """The database was restored from an older backup, the folder beside it was not."""
    database, backup = Path(sqlite_url.removeprefix("sqlite:///")), tmp_path / "backup.db"
    shutil.copy(database, backup)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        first = await case.alarm_of_a_crowd()
        clock = case.ring.clock
        before = await case.desk.get(f"/api/v1/alarms/{first}/evidence")
    shutil.copy(backup, database)
    clock.advance(3_600.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        again = await case.alarm_of_a_crowd()
        found = await case.desk.get(f"/api/v1/alarms/{again}/evidence")
        await case.evidence.retention.sweep()
    assert again == first
    assert len(before["density"]["stair"]) > 0
    times = {point["at"] for point in found["density"]["stair"]}
    assert times.isdisjoint(point["at"] for point in before["density"]["stair"])
    assert Utc.from_iso(min(times)) >= Utc.from_iso(found["clip"]["start"]).plus(-1.0)
    (aside,) = (tmp_path / "evidence" / "alarms").glob(f"{first}.before-*")
    assert read_curve(aside)["stair"] == before["density"]["stair"]
    assert list(aside.glob("*/*.mp4"))


async def test_evidence_on_another_disk_grows_with_the_ring(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, name: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(22.0)
        for _ in range(2):
            # Two looks in the middle of a segment of five seconds, and one at its end.
            await case.pass_time(11.0, "L3", 3.1)
        await case.pass_time(12.0, "L3", 3.1)
        kept = case.evidence.folder.of_camera(number, CAMERA)
        sizes = {path.name: path.stat().st_size for path in kept.iterdir()}
        ring = {
            path.name: path.stat().st_size for path in case.evidence.folder.recordings.rglob("*")
        }
    assert len(sizes) > 10
    assert sizes == {name: ring[name] for name in sizes}


async def test_a_clip_is_looked_at_as_often_as_it_grows_and_not_in_every_tick(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Utc] = []
    collect = EvidenceFolder.collect

    def looked(self: EvidenceFolder, number: int, camera: str, span: Span, run: ClockRun) -> Utc:
        looks.append(span[1])
        return collect(self, number, camera, span, run)

    monkeypatch.setattr(EvidenceFolder, "collect", looked)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.alarm_of_a_crowd()
        looks.clear()
        for _ in range(30):
            await case.pass_time(2.0, "L3", 3.1)
    assert [later - before for before, later in itertools.pairwise(looks)] == [10.0] * 5


async def test_a_long_clip_is_not_looked_at_from_its_beginning(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Span] = []
    collect = EvidenceFolder.collect

    def looked(self: EvidenceFolder, number: int, camera: str, span: Span, run: ClockRun) -> Utc:
        looks.append(span)
        return collect(self, number, camera, span, run)

    monkeypatch.setattr(EvidenceFolder, "collect", looked)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        for _ in range(20):
            await case.pass_time(10.0, "L3", 3.1)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        (part,) = found["cameras"][0]["parts"]
    starts = [start for start, _ in looks]
    assert starts == sorted(starts)
    assert looks[-1][1] - looks[-1][0] < 80.0
    assert looks[-1][1] - looks[0][0] > 200.0
    assert Utc.from_iso(part["end"]) - Utc.from_iso(part["start"]) > 200.0


async def test_a_very_long_alarm_is_cut_and_says_so(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path, longest_s=10.0) as case:
        number = await case.alarm_of_a_crowd(40.0)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        assert (found["clip"]["state"], found["clip"]["cut_short"]) == ("complete", True)
        span_s = Utc.from_iso(found["clip"]["end"]) - Utc.from_iso(found["clip"]["start"])
        assert span_s == pytest.approx(40.0)


async def test_a_clip_is_complete_when_a_full_disk_has_taken_all_of_it(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, name: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        with monkeypatch.context() as disk:
            disk.setattr(os, "link", refuse)
            disk.setattr(shutil, "copy2", refuse)
            await case.pass_time(20.0, "L3", 3.1)
            await case.end_alarm(number)
            await case.pass_time(60.0, "L0", 0.3)
            found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
            assert found["clip"]["state"] == "collecting"
        await case.pass_time(11.0, "L0", 0.3)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
    assert found["clip"]["state"] == "complete"
    assert found["cameras"][0]["gaps"] == []


async def test_a_full_disk_is_not_said_to_be_a_recording_that_is_missing(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        (tmp_path / "evidence" / "joined").mkdir()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # No file may grow beyond this: the film cannot be written.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        try:
            refused = await case.desk.client.get(f"/api/v1/alarms/{number}/clip")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (refused.status_code, refused.json()["code"]) == (503, "clip_not_written")
        assert list((tmp_path / "evidence" / "joined").iterdir()) == []
        answer = await case.desk.client.get(f"/api/v1/alarms/{number}/clip")
        assert answer.status_code == 307


async def test_what_was_collected_before_the_clock_was_set_back_is_kept_and_plays(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(60.0)
        case.ring.clock.step_utc(-3_600.0)
        await case.end_alarm(number)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        assert found["clip"]["state"] == "complete"
        opened = Utc.from_iso(found["alarm"]["opened_at"])
        part, after = found["cameras"][0]["parts"]
        assert Utc.from_iso(after["start"]) - opened == pytest.approx(60.0 - 3_600.0, abs=6.0)
        assert Utc.from_iso(part["end"]) - opened == pytest.approx(60.0, abs=2.0)
        answer = await case.desk.client.get(
            f"/api/v1/alarms/{number}/clip?reason=investigation", follow_redirects=True
        )
        assert answer.status_code == 200


async def test_the_register_cannot_be_changed(database_url: str, tmp_path: Path) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        await case.desk.client.get(f"/api/v1/alarms/{number}/clip", follow_redirects=True)
        database = case.desk.service.desk.database
        for statement in (
            "DELETE FROM evidence_viewings",
            "UPDATE evidence_viewings SET viewer = 'nobody'",
        ):
            with pytest.raises(SQLAlchemyError, match="append-only"):
                async with database.write() as connection:
                    await connection.execute(text(statement))
        async with database.read() as connection:
            clip = await clip_store.find(connection, number)
        assert clip is not None
        assert json.dumps(clip.origin)
