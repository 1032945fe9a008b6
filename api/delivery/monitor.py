"""Turns faults of delivery into local alarms: a dead path, a missing receipt, a refusal, no sender.

It runs in the service, so that a dead sender is noticed too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.delivery.metrics import DeliveryMetrics
from api.delivery.plan_file import PlanFile
from api.delivery.tables import DELIVERIES, DELIVERY_CONTROLS
from api.delivery.view import SENDER_SILENT_S, DeliveryView, TargetView, read_view
from api.work import Desk
from config.delivery import DeliveryPlan, Role
from vision.instants import Monotonic, Utc
from vision.risk.readings import Level, Reason

_LOG = structlog.get_logger(__name__)

EVERY_S = 2.0
STARTUP_GRACE_S = 20.0
SENDER = "sender"
SETTINGS = "settings"
STRANDED = "stranded"
KEEP_SETTLED_S = 400 * 86_400.0
KEEP_CONTROLS = 1_000
_UPKEEP_S = 3_600.0

_PRIORITY_OF_PATH = {Role.POLICE: 2, Role.MONITORING: 3, Role.INFORMATION: 4}
_PRIORITY_OF_ALL_PATHS = {Role.POLICE: 1, Role.MONITORING: 2, Role.INFORMATION: 4}
_PRIORITY_OF_ALARMS = {Role.POLICE: 1, Role.MONITORING: 2}
"""Of alarms that a receiver does not have; what is for information may be missing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `rule` is a key of the catalogue, `count` of messages if any."""

    rule: str
    priority: int
    count: int | None = None


def faults_of(view: DeliveryView) -> dict[str, Fault]:
    """Subject of the alarm to fault: `sender`, `stranded`, `TARGET/PATH`, `/ack`, `/refused`."""
    found: dict[str, Fault] = {}
    police = any(target.role is Role.POLICE for target in view.targets)
    if view.sender_silent and view.targets:
        found[SENDER] = Fault("delivery_sender_silent", 1 if police else 3)
    if view.stranded:
        count = sum(one.count for one in view.stranded)
        found[STRANDED] = Fault("delivery_stranded", 1 if police else 2, count)
    for target in view.targets:
        found |= _of_target(target)
    return found


def _of_target(target: TargetView) -> dict[str, Fault]:
    dead = [path for path in target.paths if path.state == "fault"]
    all_dead = len(dead) == len(target.paths)
    priorities = _PRIORITY_OF_ALL_PATHS if all_dead else _PRIORITY_OF_PATH
    rule = "delivery_all_paths_fault" if all_dead else "delivery_path_fault"
    found = {
        f"{target.target_id}/{path.path_id}": Fault(rule, priorities[target.role]) for path in dead
    }
    priority = _PRIORITY_OF_ALARMS.get(target.role)
    if target.overdue and priority is not None:
        found[f"{target.target_id}/ack"] = Fault("delivery_unacknowledged", priority)
    if target.ended_badly and priority is not None:
        count = target.ended_badly
        found[f"{target.target_id}/refused"] = Fault("delivery_refused", priority, count)
    return found


class Monitor:
    """Looks every two seconds; signals what changed.

    Args:
        file: where the settings come from; one that cannot be used is a fault too.
    """

    def __init__(self, desk: Desk, file: PlanFile | None = None) -> None:
        self._desk = desk
        self._file = file
        self.metrics = DeliveryMetrics()
        self._started = desk.clock.monotonic()
        self._ahead_since: Monotonic | None = None
        self._told: dict[str, Fault | None] = {}

    @property
    def _plan(self) -> DeliveryPlan:
        """As it stands now: settings may change under way."""
        return DeliveryPlan() if self._desk.outbox is None else self._desk.outbox.plan

    async def run(self) -> None:
        """Look until cancelled. A database that refuses is logged once and tried again."""
        refused, desk = False, self._desk
        upkeep_at: Monotonic = desk.clock.monotonic()
        while True:
            try:
                await self.tick()
                if desk.clock.monotonic() >= upkeep_at:
                    await self.upkeep()
                    upkeep_at = desk.clock.monotonic().plus(_UPKEEP_S)
                refused = False
            except SQLAlchemyError as error:
                if not refused:
                    _LOG.error("delivery.monitor_refused", error=desk.database.told(error))
                refused = True
            await asyncio.sleep(EVERY_S)

    async def tick(self) -> DeliveryView:
        """Read how delivery stands and let the alarms follow."""
        desk = self._desk
        now = desk.clock.utc()
        async with desk.database.read() as connection:
            view = await read_view(connection, self._plan, now)
        self.metrics.view = view
        faults = faults_of(view) | self._settings_fault()
        subjects = {SENDER, SETTINGS, STRANDED, *faults, *self._told, *self._subjects()}
        if self._may_yet_speak(view):
            faults.pop(SENDER, None)
            subjects.discard(SENDER)
        changed = [name for name in sorted(subjects) if self._is_news(name, faults.get(name))]
        if changed:
            async with desk.work() as work:
                for subject in changed:
                    await work.signal(self._signal(subject, faults.get(subject), work.known.now))
        self._told |= {subject: faults.get(subject) for subject in changed}
        return view

    async def upkeep(self) -> None:
        """Forget messages that were settled long ago, and all but the newest commands."""
        before = self._desk.clock.utc().plus(-KEEP_SETTLED_S)
        async with self._desk.database.write() as connection:
            # What is open, or was opened again, is not settled.
            settled_long_ago = DELIVERIES.c.settled_ns < before.ns
            await connection.execute(delete(DELIVERIES).where(settled_long_ago))
            newest = select(func.max(DELIVERY_CONTROLS.c.id)).scalar_subquery()
            await connection.execute(
                delete(DELIVERY_CONTROLS).where(DELIVERY_CONTROLS.c.id <= newest - KEEP_CONTROLS)
            )

    def _may_yet_speak(self, view: DeliveryView) -> bool:
        """Whether a silent sender has time left.

        It starts beside the service and needs a moment. When the wall clock was set back, silence
        counts from now on: its last sign of life does not say how long ago it was.
        """
        now = self._desk.clock.monotonic()
        self._ahead_since = (self._ahead_since or now) if view.sender_ahead else None
        if now - self._started < STARTUP_GRACE_S:
            return True
        return self._ahead_since is not None and now - self._ahead_since < SENDER_SILENT_S

    def _settings_fault(self) -> dict[str, Fault]:
        if self._file is None or self._file.fault is None:
            return {}
        if self._file.knows_nobody:
            return {SETTINGS: Fault("delivery_settings_unknown", 1)}
        return {SETTINGS: Fault("delivery_settings_fault", 3)}

    def _subjects(self) -> set[str]:
        """Everything that could have an alarm open from before the start."""
        return {
            f"{target.id}/{about}"
            for target in self._plan.targets
            for about in (*(path.id for path in target.paths), "ack", "refused")
        }

    def _is_news(self, subject: str, fault: Fault | None) -> bool:
        return subject not in self._told or self._told[subject] != fault

    def _signal(self, subject: str, fault: Fault | None, now: Utc) -> Signal:
        reasons: tuple[Reason, ...] = ()
        worse = False
        if fault is not None:
            reasons = (Reason(fault.rule),)
            if fault.count is not None:
                reasons = (Reason(fault.rule, float(fault.count), unit="messages"),)
            before = self._told.get(subject)
            worse = before is not None and (fault.count or 0) > (before.count or 0)
        return Signal(
            key=AlarmKey(self._desk.board.site.id, AlarmType.DELIVERY, subject),
            condition=Condition.GONE if fault is None else Condition.ACTIVE,
            priority=3 if fault is None else fault.priority,
            evidence=Evidence(Level.UNKNOWN, reasons=reasons),
            zone_ids=(),
            captured_at=now,
            received_at=now,
            worse=worse,
        )


@asynccontextmanager
async def monitoring(desk: Desk, file: PlanFile) -> AsyncIterator[None]:
    """A monitor of the desk's outbox that runs until the block ends."""
    monitor = Monitor(desk, file)
    desk.metrics.registry.register(monitor.metrics)
    task = asyncio.create_task(monitor.run(), name="delivery-monitor")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
