"""The alarm of cameras that are seen but not recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.evidence.stopped import RECORDER_FAULTS, UNKNOWN
from config.texts import text
from streams.recording.index import STATUS_FILE, camera_folder, status_bytes
from streams.recording.values import EndCause, RingStatus
from tests.api.desk_cases import Json
from tests.api.evidence.cases import CAMERA, EvidenceDesk, evidence_desk


async def test_a_full_disk_is_one_alarm_until_there_is_room_again(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        case.ring.record(10.0)
        await _say(case, RingStatus(False, case.ring.clock.utc(), EndCause.DISK_FULL))
        assert await case.desk.alarms() == []
        case.ring.clock.advance(20.0)
        for _ in range(2):
            await case.evidence.gaps.tick()
            (alarm,) = await case.desk.alarms()
            assert alarm["version"] == 1
        assert (alarm["type"], alarm["priority"]) == ("recording_stopped", 3)
        assert alarm["zone_ids"] == ["stair"]
        assert _rules(alarm) == [("recording_disk_full", 1.0)]
        await _say(case, RingStatus(False, case.ring.clock.utc().plus(-20.0), EndCause.BUDGET))
        (alarm,) = await case.desk.alarms()
        assert _rules(alarm) == [("recording_budget", 1.0)]
        case.ring.record(30.0)
        await _say(case, RingStatus(True, case.ring.clock.utc()))
        (alarm,) = await case.desk.alarms()
        assert alarm["condition"] == "gone"


async def test_a_disk_that_takes_no_word_of_itself_is_told_by_the_gap(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.desk.send(case.desk.camera(CAMERA, "live"))
        case.ring.record(30.0)
        case.ring.tap.close(EndCause.STREAM_ENDED)
        await _say(case, RingStatus(True, case.ring.clock.utc()))
        case.ring.clock.advance(60.0)
        await case.evidence.gaps.tick()
        (alarm,) = await _told(case)
        assert _rules(alarm) == [("recording_unknown", 1.0)]


@pytest.mark.parametrize(("state", "age_s"), [("offline", 90.0), ("live", 1.0)])
async def test_a_camera_without_pictures_or_just_back_is_no_fault_of_the_recorder(
    sqlite_url: str, tmp_path: Path, state: str, age_s: float
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        case.ring.record(30.0)
        case.ring.tap.close(EndCause.STREAM_ENDED)
        case.ring.clock.advance(100.0)
        await case.desk.send(case.desk.camera(CAMERA, state, age_s=age_s))
        await case.evidence.gaps.tick()
        assert await _told(case) == []


async def test_a_camera_that_nobody_has_seen_since_a_power_cut_is_no_fault_of_the_recorder(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.desk.send(case.desk.camera(CAMERA, "live"))
        case.ring.record(30.0)
        clock = case.ring.clock
    clock.advance(120.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        await case.evidence.gaps.tick()
        assert await _told(case) == []
        # The worker was up all the time, and tells a state only when it changes.
        await case.desk.send(case.desk.reading("stair", "L0"))
        await case.evidence.gaps.tick()
        assert len(await _told(case)) == 1


@pytest.mark.parametrize("cause", sorted({*RECORDER_FAULTS, UNKNOWN}))
def test_every_cause_has_words_and_a_mend(cause: str) -> None:
    for key in (f"cause.recording_{cause}", f"cause.recording_{cause}.mend"):
        assert text(key, "zh") != text(key, "en")


async def _say(case: EvidenceDesk, status: RingStatus) -> None:
    (camera_folder(case.evidence.gaps.recordings, CAMERA) / STATUS_FILE).write_bytes(
        status_bytes(status)
    )
    await case.evidence.gaps.tick()


async def _told(case: EvidenceDesk) -> list[Json]:
    return [one for one in await case.desk.alarms() if one["type"] == "recording_stopped"]


def _rules(alarm: Json) -> list[tuple[str, float]]:
    return [(one["rule"], one["measured"]) for one in alarm["now"]["reasons"]]
