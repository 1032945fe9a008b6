"""What a start does with stored moments that lie in the future: the wall clock was set back since.

Left as they are they would make old knowledge look fresh, what comes look late, and alarms wait,
until the clock has caught up with them.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms import store
from api.alarms.values import Alarm, Hold, Verdict
from api.database.tables import ALARMS
from api.live.values import CameraStatus, ZoneState
from vision.instants import Utc


def zone_brought_back(state: ZoneState, now: Utc, stale_after_s: float) -> ZoneState:
    """The state as one that turns stale after `now`: nobody can tell how old it is."""
    at = now.plus(-stale_after_s)
    since = min(state.level_since, at)
    return replace(state, captured_at=at, received_at=at, level_since=since)


def camera_brought_back(status: CameraStatus, now: Utc) -> CameraStatus:
    """The status as one of `now`: it stands until the camera's worker tells another."""
    return replace(status, captured_at=now, received_at=now, since=min(status.since, now))


def alarm_brought_back(alarm: Alarm, now: Utc, check_s: float) -> Alarm:
    """The alarm as one that waits since `now`; a pending check ends within `check_s`."""
    check = alarm.check
    if check is not None and check.verdict is Verdict.PENDING and check.due_at is not None:
        check = replace(check, due_at=min(check.due_at, now.plus(check_s)))
    return replace(alarm, waiting_since=now, check=check)


def hold_brought_back(hold: Hold, now: Utc) -> Hold:
    """The hold as one placed at `now`: it lasts as long as people said, and not a step longer."""
    until = None if hold.until is None else now.plus(hold.until - hold.by.at)
    return replace(hold, by=replace(hold.by, at=now), until=until)


async def waiting_after(connection: AsyncConnection, now: Utc) -> tuple[Alarm, ...]:
    """The open alarms that wait since a moment after `now`."""
    numbers = select(ALARMS.c.number).where(ALARMS.c.waiting_ns > now.ns, store.is_open())
    found = (await connection.execute(numbers.order_by(ALARMS.c.number))).scalars().all()
    return tuple([await store.by_number(connection, number) for number in found])
