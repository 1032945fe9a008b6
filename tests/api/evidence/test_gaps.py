"""Gaps of the recording: told once, ended, found after a restart, and read by camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from api.database import Database, migrate
from api.evidence.gaps import GapWatch, gaps_by_camera, list_events
from api.evidence.tables import RECORDING_EVENTS
from streams.clock import SimulatedClock
from streams.recording.values import EndCause
from tests.api.evidence.cases import CAMERA, evidence_desk
from vision.instants import Utc

ZERO = Utc.from_iso("2026-11-23T08:00:00Z")


async def test_a_gap_is_told_once_and_ended(database_url: str, tmp_path: Path) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        case.ring.record(10.0)
        await case.evidence.gaps.tick()
        case.ring.tap.close(EndCause.STREAM_ENDED)
        begun = case.ring.clock.utc()
        for _ in range(6):
            case.ring.clock.advance(10.0)
            await case.evidence.gaps.tick()
        async with case.desk.service.desk.database.read() as connection:
            (event,) = await list_events(connection, 10)
            now = case.ring.clock.utc()
            spans = await gaps_by_camera(connection, [CAMERA, "cam-b"], begun.plus(-30.0), now)
        assert (event.camera_id, event.kind, event.end) == (CAMERA, "gap", None)
        assert event.start - begun == pytest.approx(0.0, abs=1.0)
        ((start, end),) = spans[CAMERA]
        assert end - start == pytest.approx(60.0, abs=1.0)
        assert spans["cam-b"] == ()
        case.ring.record(20.0)
        await case.evidence.gaps.tick()
        async with case.desk.service.desk.database.read() as connection:
            (event,) = await list_events(connection, 10)
        assert event.end is not None
        assert event.end - event.start == pytest.approx(60.0, abs=2.0)


async def test_a_camera_of_which_all_is_recorded_costs_no_transaction(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    tell = GapWatch._tell

    async def telling(self: GapWatch, *given: Any) -> None:
        told.append(len(given[2]))
        await tell(self, *given)

    monkeypatch.setattr(GapWatch, "_tell", telling)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        for _ in range(3):
            case.ring.record(10.0)
            await case.evidence.gaps.tick()
        # The first look of a start ends what lasted before it.
        assert told == [0]
        case.ring.tap.close(EndCause.STREAM_ENDED)
        case.ring.clock.advance(60.0)
        await case.evidence.gaps.tick()
        assert told == [0, 1]
        case.ring.record(20.0)
        await case.evidence.gaps.tick()
        async with case.desk.service.desk.database.read() as connection:
            (event,) = await list_events(connection, 10)
        assert event.end is not None


async def test_behind_a_good_look_hardly_anything_is_looked_at_again(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    look = GapWatch._look

    def looking(self: GapWatch, camera_id: str, start: Utc, now: Utc) -> Any:
        looks.append(now - start)
        return look(self, camera_id, start, now)

    monkeypatch.setattr(GapWatch, "_look", looking)
    async with evidence_desk(sqlite_url, tmp_path) as case:
        for _ in range(12):
            case.ring.record(60.0)
            await case.evidence.gaps.tick()
        assert looks[-1] == pytest.approx(360.0)
        case.ring.tap.close(EndCause.STREAM_ENDED)
        begun = case.ring.clock.utc()
        case.ring.clock.advance(60.0)
        await case.evidence.gaps.tick()
        case.ring.record(600.0)
        await case.evidence.gaps.tick()
        async with case.desk.service.desk.database.read() as connection:
            (event,) = await list_events(connection, 10)
    assert event.start - begun == pytest.approx(0.0, abs=1.0)
    assert event.end is not None
    assert event.end - event.start == pytest.approx(60.0, abs=1.0)


async def test_what_was_missed_while_the_service_was_down_is_a_gap(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        case.ring.record(10.0)
        await case.evidence.gaps.tick()
        clock = case.ring.clock
    ended = clock.utc()
    clock.advance(3.0 * 3_600.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        case.ring.record(30.0)
        await case.evidence.gaps.tick()
        async with case.desk.service.desk.database.read() as connection:
            (event,) = await list_events(connection, 10)
    assert event.start - ended == pytest.approx(0.0, abs=1.0)
    assert event.end is not None
    assert event.end - event.start == pytest.approx(3.0 * 3_600.0, abs=2.0)


@pytest.mark.parametrize("on_s", [0.0, 40.0])
async def test_what_was_recorded_before_the_clock_was_set_back_hides_no_gap(
    sqlite_url: str, tmp_path: Path, on_s: float
) -> None:
    """Ten minutes lie in the ring under the times that come now; none of them is a gap itself."""
    async with evidence_desk(sqlite_url, tmp_path) as case:
        case.ring.record(600.0)
        await case.evidence.gaps.tick()
        clock = case.ring.clock
    clock.step_utc(-480.0)
    begun = clock.utc().plus(on_s)
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        case.ring.record(on_s)
        await case.evidence.gaps.tick()
        case.ring.tap.close(EndCause.STREAM_ENDED)
        case.ring.writer.drain()
        await case.desk.send(case.desk.camera(CAMERA, "live"))
        for _ in range(6):
            clock.advance(10.0)
            await case.evidence.gaps.tick()
        async with case.desk.service.desk.database.read() as connection:
            (event,) = await list_events(connection, 10)
        (alarm,) = await case.desk.alarms()
    assert event.start - begun == pytest.approx(0.0, abs=1.0)
    assert event.end is None
    assert alarm["type"] == "recording_stopped"


async def test_a_computer_that_starts_with_its_clock_set_back_knows_what_it_has_not_recorded(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        case.ring.record(600.0)
        begun = case.ring.clock.utc().plus(-480.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=SimulatedClock(begun)) as case:
        case.ring.clock.advance(60.0)
        await case.evidence.gaps.tick()
        case.ring.record(30.0)
        await case.evidence.gaps.tick()
        async with case.desk.service.desk.database.read() as connection:
            (event,) = await list_events(connection, 10)
    assert event.start - begun == pytest.approx(0.0, abs=10.0)
    assert event.end is not None
    assert event.end - event.start == pytest.approx(60.0, abs=10.0)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([(10, 20)], [(10, 20)]),
        # Cut at the ends of what is asked for; what still lasts runs to its end.
        ([(-5, 5), (90, None)], [(0, 5), (90, 100)]),
        # A stop inside a gap, and two that touch, are one span.
        ([(10, 40), (15, 20), (40, 50)], [(10, 50)]),
        ([(-30, -10), (100, 110)], []),
    ],
)
async def test_spans_of_a_camera(
    database_url: str,
    events: list[tuple[int, int | None]],
    expected: list[tuple[int, int]],
) -> None:
    migrate(database_url)
    async with Database(database_url) as database:
        async with database.write() as connection:
            for index, (start, end) in enumerate(events):
                await connection.execute(
                    insert(RECORDING_EVENTS).values(
                        camera_id="cam-a", kind=("gap", "stopped")[index % 2], cause="unknown",
                        from_ns=ZERO.plus(start).ns,
                        to_ns=None if end is None else ZERO.plus(end).ns, noticed_ns=ZERO.ns,
                    )
                )  # fmt: skip
        async with database.read() as connection:
            found = await gaps_by_camera(connection, ["cam-a"], ZERO, ZERO.plus(100.0))
    assert [(start - ZERO, end - ZERO) for start, end in found["cam-a"]] == expected
