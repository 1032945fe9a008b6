"""What is deleted when: clips and packages, holds that stop it, clocks that are not believed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import update

from api.evidence import clip_store, exports
from api.evidence.clip_store import Clip, ClipState, Hold
from api.evidence.exports import ExportState
from api.evidence.folders import EvidenceFolder
from api.evidence.retention import EXPORT_DAYS, Retention, due
from api.evidence.tables import CLIPS
from streams.clock import SimulatedClock
from tests.api.evidence.cases import EvidenceDesk, evidence_desk
from vision.instants import Utc

DAY_S = 86_400.0
WHO = {"x-person": "li"}
ZHAO = {"x-person": "zhao"}
CASE, INQUIRY = "公安案件 2026-118", "校内调查"


async def hold(case: EvidenceDesk, number: int, /, **body: object) -> tuple[int, dict[str, object]]:
    answer = await case.desk.client.post(f"/api/v1/alarms/{number}/hold", json=body, headers=WHO)
    return answer.status_code, answer.json()


async def ready_export(case: EvidenceDesk, number: int) -> int:
    """An unredacted export that the second person allowed and its process made."""
    body = {"reason": "police_request", "redacted": False}
    path = f"/api/v1/alarms/{number}/exports"
    asked = await case.desk.client.post(path, json=body, headers=WHO)
    export_id = int(asked.json()["id"])
    decision = f"/api/v1/exports/{export_id}/decision"
    await case.desk.client.post(decision, json={"allow": True}, headers=ZHAO)
    assert await case.evidence.make_next_export() == export_id
    return export_id


async def test_retention_deletes_at_its_time_and_a_hold_stops_it(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd()
        await case.end_alarm(number)
        folder = case.evidence.folder.of_alarm(number)
        case.ring.clock.advance(29.9 * DAY_S)
        assert await case.evidence.retention.sweep() == ()
        held = {"hold": True, "reason": "案件调查"}
        answer = await case.desk.client.post(
            f"/api/v1/alarms/{number}/hold", json=held, headers=WHO
        )
        assert answer.status_code == 200, answer.text
        case.ring.clock.advance(100 * DAY_S)
        assert await case.evidence.retention.sweep() == ()
        assert folder.is_dir()
        await case.desk.client.post(
            f"/api/v1/alarms/{number}/hold", json={**held, "hold": False}, headers=WHO
        )
        assert await case.evidence.retention.sweep() == (number,)
        assert not folder.exists()
        gone = await case.desk.get(f"/api/v1/alarms/{number}/evidence", 404)
        assert gone["code"] == "clip_deleted"


@pytest.mark.parametrize(
    ("days", "age_days", "holds", "expected"),
    [
        (30, 29.99, (), False),
        (30, 30.0, (), True),
        (90, 89.0, (), False),
        (90, 90.0, (), True),
        (30, 4000.0, (Hold("li", Utc(0), "case"),), False),
        (30, 4000.0, (Hold("li", Utc(0), "case", ended_at=Utc(1)),), True),
        # A row that was changed to less than the law asks for is not believed.
        (1, 29.0, (), False),
        (1, 30.0, (), True),
    ],
)
def test_when_a_clip_is_due(
    days: int, age_days: float, holds: tuple[Hold, ...], expected: bool
) -> None:
    end = Utc.from_iso("2026-09-01T12:00:00Z")
    clip = Clip(1, end.plus(-60.0), end, ("c",), ("z",), {}, days, ClipState.COMPLETE, holds=holds)
    assert due(clip, end.plus(age_days * DAY_S)) is expected


async def test_of_two_holds_each_keeps_the_clip_for_itself(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        assert await hold(case, number, hold=True, reason=CASE) == (200, {"held": True})
        assert await hold(case, number, hold=True, reason=INQUIRY) == (200, {"held": True})
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        assert [(one["number"], one["reason"]) for one in found["clip"]["holds"]] == [
            (1, CASE), (2, INQUIRY),
        ]  # fmt: skip
        # Which of the two ends must be said.
        status, answer = await hold(case, number, hold=False, reason="结束")
        assert (status, answer["code"]) == (409, "hold_unknown")
        ended = await hold(case, number, hold=False, reason="结束", number=2)
        assert ended == (200, {"held": True})
        case.ring.clock.advance(100 * DAY_S)
        assert await case.evidence.retention.sweep() == ()
        status, answer = await hold(case, number, hold=False, reason="结束", number=2)
        assert (status, answer["code"]) == (409, "hold_unknown")
        assert await hold(case, number, hold=False, reason="结案") == (200, {"held": False})
        assert await case.evidence.retention.sweep() == (number,)


async def test_a_hold_of_an_older_row_stands(database_url: str, tmp_path: Path) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        async with case.desk.service.desk.database.write() as connection:
            old = '{"by": "li", "at_ns": 5, "reason": "case"}'
            await connection.execute(update(CLIPS).values(hold_json=old))
            clip = await clip_store.find(connection, number)
    assert clip is not None
    assert clip.standing == {1: Hold("li", Utc(5), "case")}


async def test_a_hold_is_in_time_or_refused_while_clips_are_deleted(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleting, may_go_on = threading.Event(), threading.Event()
    delete = EvidenceFolder.delete_alarm

    def slow(self: EvidenceFolder, number: int) -> None:
        deleting.set()
        assert may_go_on.wait(30.0)
        delete(self, number)

    monkeypatch.setattr(EvidenceFolder, "delete_alarm", slow)
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        case.ring.clock.advance(31 * DAY_S)
        sweep = asyncio.create_task(case.evidence.retention.sweep())
        assert await asyncio.to_thread(deleting.wait, 30.0)
        status, answer = await hold(case, number, hold=True, reason=CASE)
        may_go_on.set()
        assert await sweep == (number,)
        assert (status, answer["code"]) == (404, "clip_deleted")


async def test_a_hold_set_after_the_sweep_looked_keeps_the_clip(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        case.ring.clock.advance(31 * DAY_S)
        async with case.desk.service.desk.database.read() as connection:
            before = await clip_store.in_states(connection, [ClipState.COMPLETE])
        await hold(case, number, hold=True, reason=CASE)

        async def looked_before(*_: object) -> tuple[Clip, ...]:
            return before

        monkeypatch.setattr(clip_store, "in_states", looked_before)
        assert await case.evidence.retention.sweep() == ()
        assert case.evidence.folder.of_alarm(number).is_dir()


async def test_files_that_a_kill_left_behind_are_deleted_by_the_next_sweep(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        folder = case.evidence.folder.of_alarm(number)
        async with case.desk.service.desk.database.write() as connection:
            await clip_store.delete(connection, number, case.desk.clock.utc())
        assert folder.is_dir()
        await case.evidence.retention.sweep()
        assert not folder.exists()


async def test_a_package_is_deleted_after_its_days_and_says_so(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        export_id = await ready_export(case, number)
        package = case.evidence.folder.export_file(export_id)
        path = f"/api/v1/exports/{export_id}/file"
        case.ring.clock.advance((EXPORT_DAYS - 0.1) * DAY_S)
        await case.evidence.retention.sweep()
        assert (await case.desk.client.get(path, headers=WHO)).status_code == 200
        case.ring.clock.advance(0.2 * DAY_S)
        await case.evidence.retention.sweep()
        gone = await case.desk.client.get(path, headers=WHO)
        assert (gone.status_code, gone.json()["code"]) == (404, "export_deleted")
        assert not package.exists()
        (export,) = (await case.desk.get(f"/api/v1/alarms/{number}/exports"))["exports"]
        assert (export["state"], len(export["file_sha256"])) == ("expired", 64)
        assert export["file_bytes"] > 0


async def test_a_hold_keeps_the_packages_of_its_clip(database_url: str, tmp_path: Path) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        export_id = await ready_export(case, number)
        await hold(case, number, hold=True, reason=CASE)
        case.ring.clock.advance(400 * DAY_S)
        await case.evidence.retention.sweep()
        assert case.evidence.folder.export_file(export_id).is_file()
        await hold(case, number, hold=False, reason="结案")
        await case.evidence.retention.sweep()
        assert not case.evidence.folder.export_file(export_id).exists()


async def test_a_clip_stays_while_an_export_reads_it(sqlite_url: str, tmp_path: Path) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        path = f"/api/v1/alarms/{number}/exports"
        asked = await case.desk.client.post(path, json={"reason": "audit"}, headers=WHO)
        case.ring.clock.advance(31 * DAY_S)
        assert await case.evidence.retention.sweep() == ()
        async with case.desk.service.desk.database.write() as connection:
            await exports.set_state(connection, asked.json()["id"], ExportState.FAILED)
        assert await case.evidence.retention.sweep() == (number,)


async def test_a_clock_that_ran_ahead_for_a_while_deletes_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        case.ring.clock.advance(DAY_S)
        assert await case.evidence.retention.sweep() == ()
        case.ring.clock.step_utc(3_650 * DAY_S)
        assert await case.evidence.retention.sweep() == ()
        case.ring.clock.advance(3_600.0)
        assert await case.evidence.retention.sweep() == ()
        case.ring.clock.step_utc(-3_650 * DAY_S)
        for _ in range(24):
            case.ring.clock.advance(3_600.0)
            assert await case.evidence.retention.sweep() == ()
        assert case.evidence.folder.of_alarm(number).is_dir()


async def test_a_pc_that_runs_five_hours_a_day_deletes_what_is_due(
    sqlite_url: str, tmp_path: Path
) -> None:
    clock = SimulatedClock()
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        retention = case.evidence.retention
        gone: dict[int, tuple[int, ...]] = {}
        for day in range(28, 34):
            clock.advance(0.0 if gone else 28.0 * DAY_S)
            run = Retention(retention.database, retention.folder, clock)
            for _ in range(6):
                gone[day] = gone.get(day, ()) + await run.sweep()
                clock.advance(3_600.0)
            clock.step_utc(18.0 * 3_600.0)
        days = [day for day, numbers in gone.items() if numbers]
        assert days in ([31], [32])


async def test_a_clip_that_was_written_while_the_clock_stood_far_back_is_kept_for_its_time(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Its battery is dead, and after some alarms somebody puts it right: between two runs."""
    clock = SimulatedClock()
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        retention = case.evidence.retention
        await retention.sweep()
        clock.step_utc(-700 * DAY_S)
        run = Retention(retention.database, retention.folder, clock)
        await run.sweep()
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        clock.advance(3_600.0)
        await run.sweep()
        clock.step_utc(700 * DAY_S)
        run = Retention(retention.database, retention.folder, clock)
        for _ in range(29):
            assert await run.sweep() == ()
            clock.advance(DAY_S)
        clock.advance(2 * DAY_S)
        assert await run.sweep() == (number,)


async def test_a_book_of_the_clock_that_cannot_be_kept_costs_nothing_but_its_hours(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        (book := case.evidence.folder.root / "clock.json").unlink()
        book.mkdir()
        case.ring.clock.advance(31 * DAY_S)
        assert await case.evidence.retention.sweep() == (number,)
