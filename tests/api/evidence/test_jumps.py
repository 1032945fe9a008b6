"""The wall clock is set while an alarm is open: all that was recorded is in its clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import pytest

from api.evidence.jumps import (
    Jump,
    JumpWatch,
    note_clock,
    note_jump,
    read_clock,
    read_jumps,
    spans_of,
    stretches_of,
)
from streams.clock import SimulatedClock
from streams.recording import ClockRun
from tests.api.evidence.cases import EvidenceDesk, evidence_desk
from tests.streams.recording.films import START
from vision.instants import Utc

HOUR_S = 3_600.0


async def films_of(case: EvidenceDesk, number: int, root: Path) -> list[int]:
    """How many pictures each film of the clip's only camera shows."""
    found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
    counts = []
    for part in found["cameras"][0]["parts"]:
        answer = await case.desk.client.get(
            f"{part['url']}&reason=investigation", follow_redirects=True
        )
        assert answer.status_code == 200
        (root / "film.mp4").write_bytes(answer.content)
        with av.open(str(root / "film.mp4")) as film:
            counts.append(sum(1 for _ in film.decode(video=0)))
    return counts


@pytest.mark.parametrize("step_s", [-HOUR_S, 2_000 * 24 * HOUR_S])
async def test_a_clip_goes_on_by_the_new_clock(
    sqlite_url: str, tmp_path: Path, step_s: float
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        case.ring.clock.step_utc(step_s)
        for _ in range(2):
            await case.pass_time(10.0, "L3", 3.1)
        await case.end_alarm(number)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        pictures = await films_of(case, number, tmp_path)
        job_spans = [
            (Utc.from_iso(span["start"]), Utc.from_iso(span["end"]))
            for span in found["clip"]["spans"]
        ]
    clip = found["clip"]
    assert (clip["state"], clip["cut_short"]) == ("complete", False)
    opened = Utc.from_iso(found["alarm"]["opened_at"])
    (start, until), (since, end) = job_spans
    assert (start - opened, until - opened) == pytest.approx((-30.0, 20.0), abs=12.0)
    assert (since - opened, end - opened) == pytest.approx((step_s + 20.0, step_s + 45.0), abs=12.0)
    # Two pictures a second: fifty seconds before the clock was set, twenty-five after it.
    assert pictures == pytest.approx([100, 50], abs=24)
    at = [Utc.from_iso(point["at"]) - opened for point in found["density"]["stair"]]
    assert sum(-31.0 <= at_s <= 21.0 for at_s in at) >= 48
    assert sum(step_s + 18.0 <= at_s <= step_s + 60.0 for at_s in at) >= 20


async def test_what_was_recorded_before_a_small_step_back_stays_in_the_clip(
    sqlite_url: str, tmp_path: Path
) -> None:
    """The alarm closes at a time that the old clock had already passed."""
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(40.0)
        before = await films_of(case, number, tmp_path)
        case.ring.clock.step_utc(-30.0)
        await case.end_alarm(number)
        after = await films_of(case, number, tmp_path)
    # 70 s at two pictures a second, whole, and those of the new clock as a film of their own.
    assert before[0] == pytest.approx(140, abs=12)
    assert len(after) == 2
    assert after[0] >= before[0]


async def test_a_service_that_ends_for_the_step_goes_on_with_the_clip(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        clock = case.ring.clock
    clock.step_utc(-HOUR_S)
    clock.advance(5.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        for _ in range(2):
            await case.pass_time(10.0, "L3", 3.1)
        await case.end_alarm(number)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        pictures = await films_of(case, number, tmp_path)
    assert found["clip"]["state"] == "complete"
    assert pictures == pytest.approx([100, 50], abs=24)


async def test_a_service_that_saw_the_step_before_it_ended_tells_it_once(
    sqlite_url: str, tmp_path: Path
) -> None:
    """It keeps every fifth look alone. Told twice, the clip was of an hour, with what the ring held
    of the hour before the alarm."""
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.pass_time(60.0, "L0", 0.3)
        number = await case.alarm_of_a_crowd(20.0)
        await case.pass_time(5.0, "L3", 3.1)
        clock = case.ring.clock
        clock.step_utc(-HOUR_S)
        await case.pass_time(1.0, "L3", 3.1)
    clock.advance(5.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=clock) as case:
        await case.pass_time(10.0, "L3", 3.1)
        await case.end_alarm(number)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
    assert len(read_jumps(tmp_path / "evidence" / "alarms" / str(number))) == 1
    spans = [
        Utc.from_iso(span["end"]) - Utc.from_iso(span["start"]) for span in found["clip"]["spans"]
    ]
    assert spans == pytest.approx([55.0, 25.0], abs=12.0)


async def test_a_clip_that_ended_before_the_clock_was_set_is_of_one_clock(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        alarm = await case.desk.get(f"/api/v1/alarms/{number}")
        for step, more in (("acknowledge", {}), ("close", {"cause": "drill", "taken": "other"})):
            await case.pass_time(1.0, "L0", 0.3)
            alarm = await case.desk.get(f"/api/v1/alarms/{number}")
            body = {"name": "王芳", "version": alarm["version"], **more}
            await case.desk.client.post(f"/api/v1/alarms/{number}/{step}", json=body)
        await case.pass_time(1.0, "L0", 0.3)
        case.ring.record(1.0)
        case.ring.clock.step_utc(-400 * 24 * HOUR_S)
        await case.pass_time(12.0, "L0", 0.3)
        await case.pass_time(12.0, "L0", 0.3)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        pictures = await films_of(case, number, tmp_path)
    # It waits for no clock to come round again.
    assert found["clip"]["state"] == "complete"
    assert len(found["clip"]["spans"]) == 1
    # Up to its last second, which had not been collected when the clock was set.
    assert Utc.from_iso(found["cameras"][0]["parts"][0]["end"]) >= Utc.from_iso(
        found["clip"]["end"]
    )
    assert pictures == pytest.approx([106], abs=12)


async def test_a_clip_takes_no_pictures_from_before_the_clock_was_set_back(
    sqlite_url: str, tmp_path: Path
) -> None:
    """They lie in the ring under the very times of the alarm, and show another quarter of an
    hour."""
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.pass_time(300.0, "L0", 0.3)
        case.ring.clock.step_utc(-200.0)
        number = await case.alarm_of_a_crowd(20.0)
        await case.end_alarm(number)
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
        pictures = await films_of(case, number, tmp_path)
    assert found["clip"]["state"] == "complete"
    assert len(found["clip"]["spans"]) == 1
    assert found["cameras"][0]["gaps"] == []
    # Thirty seconds before the alarm and twenty-five of it, at two pictures a second.
    assert pictures == pytest.approx([110], abs=12)


async def test_a_computer_that_starts_with_its_clock_set_back_mixes_no_two_mornings(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        await case.pass_time(300.0, "L0", 0.3)
        begun = case.ring.clock.utc().plus(-200.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=SimulatedClock(begun)) as case:
        number = await case.alarm_of_a_crowd(20.0)
        await case.end_alarm(number)
        pictures = await films_of(case, number, tmp_path)
    assert pictures == pytest.approx([110], abs=12)


async def test_a_clip_goes_on_over_a_start_of_the_computer(sqlite_url: str, tmp_path: Path) -> None:
    """Also with what it had recorded and not yet collected when it went off."""
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        case.ring.record(30.0)
        begun = case.ring.clock.utc().plus(40.0)
    async with evidence_desk(sqlite_url, tmp_path, clock=SimulatedClock(begun)) as case:
        await case.pass_time(20.0, "L3", 3.1)
        await case.end_alarm(number)
        pictures = await films_of(case, number, tmp_path)
    assert pictures == pytest.approx([160, 50], abs=16)


def test_what_a_clock_told_twice_is_one_span() -> None:
    jumps = (Jump(START.plus(100.0), START.plus(40.0)), Jump(START.plus(60.0), START.plus(900.0)))
    stretches = stretches_of(START, START.plus(950.0), jumps)
    assert [(a - START, b - START) for a, b in stretches] == [(0, 100), (40, 60), (900, 950)]
    assert [(a - START, b - START) for a, b in spans_of(stretches)] == [(0, 100), (900, 950)]
    back = (Jump(START.plus(100.0), START.plus(-500.0)),)
    found = spans_of(stretches_of(START, START.plus(-400.0), back))
    assert [(a - START, b - START) for a, b in found] == [(0, 100), (-500, -400)]


def test_a_torn_line_costs_no_other_jump(tmp_path: Path) -> None:
    jumps = [Jump(START, START.plus(-60.0)), Jump(START.plus(9.0), START.plus(600.0))]
    note_jump(tmp_path / "1", jumps[0])
    with (tmp_path / "1" / "clock.jsonl").open("a") as file:
        file.write('{"until_ns": 1')
    note_jump(tmp_path / "1", jumps[1])
    assert read_jumps(tmp_path / "1") == tuple(jumps)
    assert read_jumps(tmp_path / "2") == ()


def test_the_clock_by_which_a_clip_ended_is_no_jump(tmp_path: Path) -> None:
    old = ClockRun(START, "this")
    jump = Jump(START.plus(9.0), START.plus(-600.0), old)
    assert read_clock(tmp_path) is None
    note_jump(tmp_path, jump)
    assert read_clock(tmp_path) is None
    for run in (ClockRun(START.plus(-600.0), "this"), ClockRun(START, "that")):
        note_clock(tmp_path, run)
    assert read_clock(tmp_path) == ClockRun(START.plus(-600.0), "this")
    assert read_jumps(tmp_path) == (jump,)


@pytest.mark.parametrize(
    ("step_s", "passed_s", "seen"),
    [(0.0, 3_000.0, False), (30.0, 2.0, False), (-1.0, 2.0, False), (-5.0, 2.0, True),
     (120.0, 2.0, True), (-HOUR_S, 600.0, True)],
)  # fmt: skip
def test_a_clock_that_is_set_is_seen_also_by_the_next_service(
    tmp_path: Path, step_s: float, passed_s: float, seen: bool
) -> None:
    clock = SimulatedClock(START)
    clock.advance(50.0)
    first = JumpWatch(tmp_path, clock)
    assert first.look() is None
    first.done(keep=True)
    clock.step_utc(step_s)
    clock.advance(passed_s)
    jump = JumpWatch(tmp_path, clock).look()
    assert (jump is not None) == seen
    if jump is not None:
        assert jump.until - START == pytest.approx(50.0 + passed_s)
        assert jump.since - START == pytest.approx(50.0 + step_s)


def test_a_look_that_could_not_be_dealt_with_tells_it_again(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    watch = JumpWatch(tmp_path, clock)
    watch.look()
    watch.done(keep=False)
    clock.step_utc(-60.0)
    clock.advance(2.0)
    first = watch.look()
    clock.advance(2.0)
    again = watch.look()
    assert first is not None
    assert again is not None
    assert again.is_same(first)
    # As the next service tells it, which has an older look.
    assert again.is_same(replace(first, since=first.since.plus(-8.0)))
    assert first.old is not None
    other = replace(first.old, zero=first.old.zero.plus(-60.0))
    assert not again.is_same(replace(first, old=other))
    watch.done(keep=False)
    clock.advance(2.0)
    assert watch.look() is None


def test_a_computer_that_was_off_is_no_clock_that_was_set(tmp_path: Path) -> None:
    clock = SimulatedClock(START)
    clock.advance(500.0)
    watch = JumpWatch(tmp_path, clock)
    watch.look()
    watch.done(keep=True)
    later = SimulatedClock(START.plus(7_200.0))
    assert JumpWatch(tmp_path, later).look() is None
    earlier = SimulatedClock(START.plus(-7_200.0))
    earlier.advance(20.0)
    jump = JumpWatch(tmp_path, earlier).look()
    assert jump is not None
    # Nothing of the new clock is from before the computer began.
    assert jump.since - START == pytest.approx(-7_200.0)
