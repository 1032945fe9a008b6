"""The alarm of a site whose own files cannot be used: settings of an earlier start are in force."""

from __future__ import annotations

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.work import Desk
from vision.risk.readings import Level, Reason

SUBJECT = "site"
RULE = "site_files_refused"
_PRIORITY = 3


async def tell_site_files(desk: Desk, *, refused: bool) -> None:
    """Raise the alarm, or end the one of an earlier start: what a start found holds until the next.

    Files that are mended meanwhile are read by the next start, so the alarm stands until then.
    """
    async with desk.work() as work:
        now = work.known.now
        await work.signal(
            Signal(
                key=AlarmKey(desk.board.site.id, AlarmType.SITE_FILES, SUBJECT),
                condition=Condition.ACTIVE if refused else Condition.GONE,
                priority=_PRIORITY,
                evidence=Evidence(Level.UNKNOWN, reasons=(Reason(rule=RULE),) if refused else ()),
                zone_ids=(),
                captured_at=now,
                received_at=now,
            )
        )
