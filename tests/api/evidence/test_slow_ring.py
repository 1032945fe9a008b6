"""A ring that is written late: a start counts what lies on the disk first, for minutes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streams.decoding.virtual_source import MadePicture
from tests.api.evidence.cases import EvidenceDesk, evidence_desk
from vision.instants import Utc


def taken(case: EvidenceDesk, seconds: int) -> None:
    """The camera's pictures go on; nothing of them is on the disk yet."""
    ring = case.ring
    for _ in range(2 * seconds):
        ring.clock.advance(0.5)
        image = np.full((90, 160, 3), 90, np.uint8)
        ring.tap.picture(MadePicture(ring.shown / 2, image), ring.clock.utc())
        ring.shown += 1


async def closed(case: EvidenceDesk, number: int) -> None:
    desk = case.desk
    await desk.send(desk.reading("stair", "L0", 0.3))
    taken(case, 5)
    alarm = await desk.get(f"/api/v1/alarms/{number}")
    body = {"name": "王芳", "version": alarm["version"]}
    await desk.post(f"/api/v1/alarms/{number}/acknowledge", body)
    assert (await desk.get(f"/api/v1/alarms/{number}"))["state"] == "closed"


async def test_a_clip_waits_for_what_is_still_to_be_written(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        taken(case, 10)
        await closed(case, number)
        taken(case, 30)
        await case.evidence.collector.tick()
        path = f"/api/v1/alarms/{number}/evidence"
        waiting = await case.desk.get(path)
        case.ring.writer.drain()
        taken(case, 12)
        await case.evidence.collector.tick()
        found = await case.desk.get(path)
    assert waiting["clip"]["state"] == "collecting"
    assert found["clip"]["state"] == "complete"
    assert found["cameras"][0]["gaps"] == []
    (part,) = found["cameras"][0]["parts"]
    assert Utc.from_iso(part["end"]) >= Utc.from_iso(found["clip"]["end"])


async def test_a_clip_does_not_wait_for_ever_for_a_camera_that_sends_nothing_more(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(20.0)
        await closed(case, number)
        case.ring.clock.advance(121.0)
        await case.evidence.collector.tick()
        found = await case.desk.get(f"/api/v1/alarms/{number}/evidence")
    assert found["clip"]["state"] == "complete"
