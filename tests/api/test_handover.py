"""The hand-over report names what the next shift must look after."""

from __future__ import annotations

import re

from tests.api.desk_cases import running_desk


def _places(html: str) -> list[str]:
    rows = re.findall(r'<tr data-alarm="\d+">(.*?)</tr>', html)
    return [re.findall(r"<td>(.*?)</td>", row)[2] for row in rows]


async def test_a_lost_camera_is_named_before_what_it_shows(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, startup_grace_s=1.0, lost_after_s=5.0) as desk:
        await desk.send(desk.camera("cam-a", "offline", "connection_lost"))
        desk.clock.advance(20.0)
        await desk.send(desk.camera("cam-a", "offline", "connection_lost"))
        await desk.service.watch.tick()
        answers = {
            lang: (await desk.client.get("/handover", params={"lang": lang})).text
            for lang in ("zh", "en")
        }
    assert "大厅甲、大厅" in _places(answers["zh"])
    assert "Hall camera A, Hall" in _places(answers["en"])
