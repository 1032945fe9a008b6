"""A school with many stairs, people to send and a card; arguments: database URL, port.

The file `recording.json` beside the database names the cameras that are seen but not recorded, each
with its cause; it is followed while the service runs.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path

from api.access.guard import OpenAccess
from api.application import create_app
from api.evidence.stopped import StoppedAlarm
from api.pictures import Picture
from api.server import build_server
from api.service import Service
from api.watched import Name, WatchedCamera, WatchedSite, WatchedZone
from config.cards import Card, CardBook, CardStep, CardTrigger
from config.desk_plan import DeskPlan, Person
from config.response import SiteResponse
from config.site import LocalText
from streams.clock import SystemClock
from tests.api.desk_cases import FLOOR, settings
from vision.geometry.zones import ZoneType

STAIRS = 30
_DOT = base64.b64decode("R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==")
_WORD = LocalText("疏导", "Guide")
_PEOPLE = (
    Person("leader", LocalText("李强", "Li Qiang"), LocalText("值班领导", "Leader"), "8100"),
    Person("guard", LocalText("赵敏", "Zhao Min"), LocalText("保安", "Guard"), "8101"),
)
RESPONSE = SiteResponse(
    desk=DeskPlan(people=_PEOPLE),
    cards=CardBook(
        cards=(
            Card(
                "stair-card",
                CardTrigger(("crowd",), ("stair-0",)),
                _WORD,
                tuple(CardStep(f"step-{n}", "watch", _WORD, ("leader",)) for n in (1, 2, 3)),
            ),
        ),
        edition="1",
    ),
)
SITE = WatchedSite(
    id="school",
    name=Name("学校", "School"),
    timezone="Asia/Shanghai",
    zones=tuple(
        WatchedZone(
            f"stair-{n}",
            Name(f"教学楼西侧{n}号楼梯", f"West stair {n} of the teaching block"),
            ZoneType.STAIRS,
            FLOOR,
            10.8,
            (f"cam-{n}",),
        )
        for n in range(STAIRS)
    ),
    cameras=tuple(
        WatchedCamera(f"cam-{n}", Name(f"摄像机{n}", f"Camera {n}"), (f"stair-{n}",))
        for n in range(STAIRS)
    ),
)


class Dots:
    """The same small picture from every camera."""

    async def latest(self, camera_id: str) -> Picture:
        del camera_id
        return Picture(_DOT, SystemClock().utc().iso())


async def _follow(service: Service, file: Path) -> None:
    alarm, told = StoppedAlarm(service.desk), ""
    while True:
        await asyncio.sleep(0.1)
        asked = await asyncio.to_thread(file.read_text) if file.exists() else ""
        if asked and asked != told:
            await alarm.tell(json.loads(asked))
            told = asked


async def main(database_url: str, port: int) -> None:
    app = create_app(
        settings=settings(
            database_url, watch_every_s=0.5, stale_after_s=600.0, lost_after_s=900.0,
            startup_grace_s=600.0,
        ),
        site=SITE,
        clock=SystemClock(),
        pictures=Dots(),
        access=OpenAccess(),
        response=RESPONSE,
    )  # fmt: skip
    file = Path(database_url.removeprefix("sqlite:///")).with_name("recording.json")
    following = asyncio.create_task(_follow(app.state.service, file))
    await build_server(app, port=port).serve()
    following.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
