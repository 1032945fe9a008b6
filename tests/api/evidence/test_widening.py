"""An alarm comes to concern more zones: its clip shows theirs as well, from its beginning on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streams.recording.values import EndCause
from tests.api.evidence.cases import evidence_desk, ring_of
from vision.instants import Utc


async def test_the_clip_of_a_lost_camera_shows_those_of_the_zone_that_nobody_sees_any_more(
    database_url: str, tmp_path: Path
) -> None:
    """The hall is seen by two cameras. One is lost, and half a minute later the other."""
    async with evidence_desk(database_url, tmp_path) as case:
        desk, clock = case.desk, case.ring.clock
        hall = ring_of(tmp_path / "recordings", clock, "cam-b")
        settings = case.evidence.collector.settings
        case.evidence.collector.settings = replace(settings, area_days=(("hall", 90),))
        cameras = ("cam-stair", "cam-a", "cam-b")

        async def pass_time(seconds: int) -> None:
            for _ in range(seconds):
                hall.record(1.0)
                await desk.send(desk.reading("hall", "L0"), desk.reading("stair", "L0"))
                await desk.service.watch.tick()
            await case.evidence.collector.tick()

        await desk.send(*(desk.camera(one, "live") for one in cameras))
        await pass_time(40)
        await desk.send(desk.camera("cam-a", "offline", "refused"))
        await pass_time(30)
        (alarm,) = await desk.alarms()
        path = f"/api/v1/alarms/{alarm['number']}/evidence"
        first = await desk.get(path)
        await desk.send(desk.camera("cam-b", "offline", "refused"))
        hall.tap.close(EndCause.STOPPED)
        hall.writer.drain()
        await pass_time(20)
        found = await desk.get(path)
    assert [one["id"] for one in first["cameras"]] == ["cam-a"]
    assert first["clip"]["keep_days"] == 30
    assert found["alarm"]["zone_ids"] == ["hall"]
    assert [one["id"] for one in found["cameras"]] == ["cam-a", "cam-b"]
    (part,) = found["cameras"][1]["parts"]
    start, end = Utc.from_iso(found["clip"]["start"]), Utc.from_iso(part["end"])
    assert Utc.from_iso(part["start"]) - start < 1.0
    # Thirty seconds before the alarm, and thirty in which it was of the other camera alone.
    assert end - start > 58.0
    assert set(found["origin"]["zones"]) == {"hall"}
    assert found["clip"]["keep_days"] == 90
