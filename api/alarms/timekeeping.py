"""What time alone does to alarms, and what a lost group does to its cameras' alarms.

Both work inside a transaction of the desk, so that a process that dies in between leaves either
everything or nothing, and the next start takes up what is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms import checks, escalation, hold_store, holds, store
from api.alarms.parents import CameraGroup, group_signal
from api.alarms.values import (
    HELD_STATES,
    SYSTEM,
    AlarmKey,
    AlarmState,
    AlarmType,
    Hold,
    Signature,
)
from vision.instants import Utc

if TYPE_CHECKING:
    from api.work import Work


async def anything_due(connection: AsyncConnection, now: Utc) -> bool:
    """Whether `apply_due` has something to do."""
    moments = (await store.first_due(connection), await hold_store.first_end(connection))
    return any(moment is not None and moment <= now for moment in moments)


async def apply_due(work: Work) -> None:
    """End the holds and checks whose time is over, and take the steps of the ladder."""
    now = work.known.now
    for ended in await hold_store.expired(work.connection, now):
        await end_hold(work, ended.key, Signature(SYSTEM, now))
    for alarm in await store.due(work.connection, now):
        confirmed = checks.end_unanswered(alarm, now)
        latest = alarm if confirmed is None else await work.save(confirmed)
        for step in escalation.due_steps(latest, work.plan.ladder, now):
            latest = await work.save(escalation.by_time(latest, step, now))
            work.taken.append(escalation.Taken(latest, step, now))


async def end_hold(work: Work, key: AlarmKey, who: Signature) -> None:
    """End the hold of a key; an alarm that is still open must be seen again."""
    await hold_store.end(work.connection, key, who.at, who.name)
    newest = await work.newest_of(key)
    if newest is not None and newest.state in HELD_STATES:
        await work.save(holds.release(newest, who))


async def apply_group(work: Work, group: CameraGroup, *, lost: bool) -> None:
    """Open or end the alarm of a group, and put its cameras' alarms under it or free them."""
    await work.signal(group_signal(work.known, group, lost=lost))
    key = AlarmKey(work.known.site.id, group.kind, group.id)
    parent = await work.newest_of(key)
    if parent is None:
        return
    now = work.known.now
    if not lost:
        for child in await hold_store.under(work.connection, parent.number):
            await end_hold(work, child.key, Signature(SYSTEM, now))
        return
    for camera_id in group.camera_ids:
        child_key = AlarmKey(work.known.site.id, AlarmType.CAMERA_LOST, camera_id)
        by = Signature(SYSTEM, now)
        hold = Hold(AlarmState.SUPPRESSED, by, parent_number=parent.number)
        if not await hold_store.place(work.connection, child_key, hold):
            continue
        newest = await work.newest_of(child_key)
        if newest is not None and newest.is_open and newest.state not in HELD_STATES:
            await work.save(holds.suppress(newest, parent.number, now))
