"""Alarms and suppressions of what the settings no longer name.

Nothing signals a thing any more that was taken out of the settings, so each start does it once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from api.alarms import hold_store, store
from api.alarms.parents import CameraGroup
from api.alarms.timekeeping import end_hold
from api.alarms.values import (
    SYSTEM,
    Alarm,
    AlarmKey,
    AlarmState,
    AlarmType,
    Condition,
    Evidence,
    Signal,
    Signature,
)
from config.delivery import DeliveryPlan
from vision.instants import Utc
from vision.risk.readings import Level, Reason

if TYPE_CHECKING:
    from api.work import Work

RULE = "not_in_settings"
_MOST_OPEN = 10_000


async def end_removed(work: Work, groups: Sequence[CameraGroup]) -> None:
    """Let the alarms of removed things return, and free what stood under a removed group.

    People close these alarms as they close others. A camera that hangs on another recorder now is
    freed as well, whether or not the old one is still there.
    """
    now = work.known.now
    plan = DeliveryPlan() if work.outbox is None else work.outbox.plan
    subjects = _subjects(work, groups, plan)
    for alarm in await store.open_alarms(work.connection, _MOST_OPEN):
        if not _is_named(alarm.key, work.known.site.id, subjects):
            await work.signal(_gone(alarm, now))
    for one in await hold_store.in_service(work.connection, (AlarmState.SUPPRESSED,)):
        if not await _has_parent(work, one, groups):
            await end_hold(work, one.key, Signature(SYSTEM, now))


def _subjects(
    work: Work, groups: Sequence[CameraGroup], plan: DeliveryPlan
) -> Mapping[AlarmType, Collection[str]]:
    """What an alarm of each type may be about; the types that are about the site itself are not
    here."""
    site = work.known.site
    ways = {
        f"{target.id}/{way}"
        for target in plan.targets
        for way in (*(path.id for path in target.paths), "ack", "refused", "test")
    }
    return {
        AlarmType.CROWD: site.zone,
        AlarmType.CAMERA_LOST: site.camera,
        AlarmType.AREA_BLIND: {area.id for area in site.areas if area.critical},
        AlarmType.WORKER_LOST: _ids(groups, AlarmType.WORKER_LOST),
        AlarmType.RECORDER_LOST: _ids(groups, AlarmType.RECORDER_LOST),
        AlarmType.PANIC: site.things,
        AlarmType.PANEL_FAULT: site.things,
        AlarmType.DELIVERY: ways,
    }


def _ids(groups: Sequence[CameraGroup], kind: AlarmType) -> frozenset[str]:
    return frozenset(group.id for group in groups if group.kind is kind)


def _is_named(key: AlarmKey, site_id: str, subjects: Mapping[AlarmType, Collection[str]]) -> bool:
    if key.type is AlarmType.TEST:
        return True  # it ends with its run, whatever the site is called by now
    if key.site_id != site_id:
        return False
    if key.type is AlarmType.DELIVERY and "/" not in key.subject_id:
        return True  # the sender and the settings themselves, not one of their targets
    return key.type not in subjects or key.subject_id in subjects[key.type]


async def _has_parent(
    work: Work, one: hold_store.StandingHold, groups: Sequence[CameraGroup]
) -> bool:
    if one.hold.parent_number is None:
        return False
    parent = (await store.by_number(work.connection, one.hold.parent_number)).key
    site_id = work.known.site.id
    return site_id == parent.site_id == one.key.site_id and any(
        (group.kind, group.id) == (parent.type, parent.subject_id)
        and one.key.subject_id in group.camera_ids
        for group in groups
    )


def _gone(alarm: Alarm, now: Utc) -> Signal:
    return Signal(
        key=alarm.key,
        condition=Condition.GONE,
        priority=alarm.priority,
        evidence=Evidence(Level.UNKNOWN, reasons=(Reason(rule=RULE),)),
        zone_ids=alarm.zone_ids,
        captured_at=now,
        received_at=now,
    )
