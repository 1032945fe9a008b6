"""One transaction of the desk: records, alarms and events together, then memory and listeners.

Everything that changes what the desk shows goes through `Desk.work()`: what is stored, what is in
memory and what consoles are told cannot drift apart, whenever the process dies.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from api import events, set_back
from api.access import audit
from api.access.actor import Actor
from api.alarms import checks, escalation, hold_store, machine
from api.alarms import store as alarm_store
from api.alarms.parents import CameraGroup
from api.alarms.removed import end_removed
from api.alarms.values import (
    SYSTEM,
    Action,
    Alarm,
    AlarmKey,
    Change,
    Condition,
    HistoryEntry,
    Hold,
    Signal,
)
from api.database import Database
from api.delivery.outbox import Outbox
from api.events import Broker, EventKind, NewEvent
from api.live import store as live_store
from api.live.board import Board, Known
from api.live.bodies import WorkerLoadBody
from api.live.values import CameraStatus, ZoneState
from api.metrics import Metrics
from api.schemas import AlarmBody, CameraBody, ZoneBody
from api.unkept import Unkept
from config.desk_plan import DeskPlan
from streams.clock import Clock
from streams.records import WorkerLoadRecord
from vision.instants import Monotonic

_LOG = structlog.get_logger(__name__)


@dataclass(slots=True)
class Work:
    """What one transaction has changed so far.

    `known` shows old and new together; `zones` and `cameras` hold its changes in their first map.

    Attributes:
        actor: who asked for this work; `None` where nobody did. Steps of people go into the audit
            log in the same transaction.
        taken: steps of the escalation ladder that this transaction takes.
    """

    connection: AsyncConnection
    known: Known
    zones: ChainMap[str, ZoneState]
    cameras: ChainMap[str, CameraStatus]
    plan: DeskPlan = field(default_factory=DeskPlan)
    taken: list[escalation.Taken] = field(default_factory=list)
    outbox: Outbox | None = None
    actor: Actor | None = None
    loads: dict[str, WorkerLoadRecord] = field(default_factory=dict)
    _newest: dict[AlarmKey, Alarm | None] = field(default_factory=dict)
    _holds: dict[AlarmKey, Hold | None] = field(default_factory=dict)
    _told_alarms: dict[int, Alarm] = field(default_factory=dict)
    _told_zones: dict[str, None] = field(default_factory=dict)
    _told_cameras: dict[str, None] = field(default_factory=dict)
    actions: list[tuple[Action, Alarm]] = field(default_factory=list)

    def set_zone(self, state: ZoneState) -> None:
        self.zones[state.zone_id] = state
        self.tell_zone(state.zone_id)

    def set_camera(self, status: CameraStatus) -> None:
        self.cameras[status.camera_id] = status
        self._told_cameras[status.camera_id] = None

    def set_load(self, record: WorkerLoadRecord) -> None:
        """Whether a worker keeps up; held in memory only, it is told again every few seconds."""
        self.loads[record.worker_id] = record

    def tell_zone(self, zone_id: str) -> None:
        """Consoles get the zone as it stands at the end of the transaction."""
        self._told_zones[zone_id] = None

    async def newest_of(self, key: AlarmKey) -> Alarm | None:
        """The newest alarm of a key, as this transaction leaves it so far."""
        if key not in self._newest:
            self._newest[key] = await alarm_store.newest_of(self.connection, key)
        return self._newest[key]

    async def expect(self, keys: Iterable[AlarmKey]) -> None:
        """Read the newest alarms and the holds of many keys at once; their signals come next.

        Nothing but these signals may change holds in the same transaction.
        """
        unread = [key for key in keys if key not in self._newest]
        self._newest.update(await alarm_store.newest_of_each(self.connection, unread))
        self._holds.update(await hold_store.standing_of_each(self.connection, unread))

    async def _hold_on(self, key: AlarmKey) -> Hold | None:
        if key in self._holds:
            return self._holds[key]
        return await hold_store.standing(self.connection, key)

    async def signal(self, signal: Signal) -> None:
        """Let a signal act on the alarm of its key."""
        newest = await self.newest_of(signal.key)
        hold = await self._hold_on(signal.key)
        was_gone = await self._was_gone(newest, signal)
        change = machine.observe(newest, signal, hold, was_gone=was_gone)
        if change is None:
            return
        if hold is not None and machine.breaks_out(change.alarm, signal, hold):
            # What breaks out has ended the hold: what comes after it is not held either.
            await hold_store.end(self.connection, signal.key, self.known.now, SYSTEM)
            self._holds.pop(signal.key, None)
        rule = checks.CheckRule(self.plan.check_s, self.plan.check_priorities)
        await self.save(checks.begin(change, rule, self.known.now))

    async def _was_gone(self, newest: Alarm | None, signal: Signal) -> bool:
        if newest is None or signal.condition is not Condition.ACTIVE:
            return False
        unseen = newest.condition is Condition.UNKNOWN
        return unseen and await alarm_store.was_gone(self.connection, newest.number)

    async def save(self, change: Change) -> Alarm:
        """Store an alarm with its history; consoles hear of it when a line was added."""
        due_at = escalation.next_due_at(change.alarm, self.plan.ladder)
        timed = replace(change, alarm=replace(change.alarm, next_due_at=due_at))
        alarm = await alarm_store.save(self.connection, timed)
        self._newest[alarm.key] = alarm
        if change.entries:
            self._told_alarms[alarm.number] = alarm
            self.actions.extend((entry.action, alarm) for entry in change.entries)
            await self._audit(alarm, change.entries)
            if self.outbox is not None:
                # The very transaction of the step: neither can exist without the other.
                now = self.known.now
                await self.outbox.enqueue(self.connection, alarm, change.entries, now)
        return alarm

    async def _audit(self, alarm: Alarm, entries: Iterable[HistoryEntry]) -> None:
        """What people did to an alarm; what the service does by itself is in its history alone."""
        for entry in entries:
            if entry.actor == SYSTEM:
                continue
            told = {"signed": entry.actor, "note": entry.note, "cause": entry.cause}
            act = audit.Act(
                f"alarm.{entry.action.value}", str(alarm.number), {**told, "detail": entry.detail}
            )
            await audit.append(self.connection, self.actor or entry.actor, act, entry.at)

    async def finish(self) -> tuple[events.Event, ...]:
        """Write what memory will hold, and the events; the transaction still has to commit."""
        await live_store.save_zones(self.connection, self.zones.maps[0].values())
        await live_store.save_cameras(self.connection, self.cameras.maps[0].values())
        return await events.append(self.connection, self._new_events(), self.known.now)

    def _new_events(self) -> list[NewEvent]:
        site = self.known.site
        told = [
            NewEvent(EventKind.ALARM, AlarmBody.of(alarm).model_dump_json())
            for alarm in self._told_alarms.values()
        ]
        for zone_id in self._told_zones:
            body = ZoneBody.of(site.zone[zone_id], self.known.zone(zone_id))
            told.append(NewEvent(EventKind.ZONE, body.model_dump_json()))
        for camera_id in self._told_cameras:
            seen = CameraBody.of(site.camera[camera_id], self.cameras.get(camera_id))
            told.append(NewEvent(EventKind.CAMERA, seen.model_dump_json()))
        told += [
            NewEvent(EventKind.LOAD, WorkerLoadBody.of(load).model_dump_json())
            for load in self.loads.values()
        ]
        return told


@dataclass(slots=True)
class Desk:
    """Database, memory and listeners of one site.

    Attributes:
        plan: how the site answers alarms: people, operator check, escalation ladder.
        groups: cameras that hang on one recorder or analysis process.
        told_seq: number of the newest event that memory already holds.
        outbox: writes what goes to receivers outside; `None` where there are none.
        unsure: the answer to a commit was lost, so that the database may hold what memory does not.
        unkept: what the database does not take now.
        stored_at: when it has stored something last.
    """

    database: Database
    board: Board
    broker: Broker
    clock: Clock
    metrics: Metrics
    plan: DeskPlan = field(default_factory=DeskPlan)
    groups: tuple[CameraGroup, ...] = ()
    told_seq: int = 0
    outbox: Outbox | None = None
    unsure: bool = False
    unkept: Unkept = field(init=False)
    stored_at: Monotonic | None = None

    def __post_init__(self) -> None:
        self.unkept = Unkept(self.board, self.broker, self.clock, self.plan)

    def known(self) -> Known:
        """What is known now, stored or not."""
        return self.unkept.known()

    @asynccontextmanager
    async def work(self, actor: Actor | None = None) -> AsyncIterator[Work]:
        """A transaction, for `actor` where a person asked; then memory and consoles are told."""
        committing = committed = False
        try:
            async with self.database.write() as connection:
                if self.unsure:
                    await self._catch_up(connection)
                zones = ChainMap[str, ZoneState]({}, self.board.zones)
                cameras = ChainMap[str, CameraStatus]({}, self.board.cameras)
                known = replace(self.known(), zones=zones, cameras=cameras)
                work = Work(
                    connection, known, zones, cameras, self.plan, outbox=self.outbox, actor=actor
                )
                yield work
                told = await work.finish()
                committing = True
            committed = True
            self.stored_at = self.clock.monotonic()
        finally:
            self.unsure |= committing and not committed
        self.board.zones.update(work.zones.maps[0])
        self.board.cameras.update(work.cameras.maps[0])
        self.board.loads.update(work.loads)
        if told:
            if told[0].seq <= self.told_seq:
                # Somebody restored a backup under us: its numbers were given out before.
                _LOG.error("database.set_back", told=self.told_seq, next=told[0].seq)
                self.broker.begin_anew()
            self.told_seq = told[-1].seq
        self.broker.publish(told)
        self.metrics.count_work(work.actions, told)

    async def load(self) -> None:
        """Read what was known when the process ended last; end what the settings name no longer."""
        async with self.database.read() as connection:
            await self._read_board(connection)
            self.told_seq = await events.last_seq(connection)
        await self._bring_back()
        async with self.work() as work:
            await end_removed(work, self.groups)

    async def _read_board(self, connection: AsyncConnection) -> None:
        zones = await live_store.load_zones(connection)
        cameras = await live_store.load_cameras(connection)
        site = self.board.site
        self.board.zones.update({key: zones[key] for key in zones if key in site.zone})
        self.board.cameras.update({key: cameras[key] for key in cameras if key in site.camera})

    async def _catch_up(self, connection: AsyncConnection) -> None:
        """Bring memory and listeners to what was committed without anybody hearing of it.

        The records of such a work are repetitions when they come again, and would tell nothing.
        """
        await self._read_board(connection)
        missed = await events.replay(connection, self.told_seq) or ()
        if missed:
            self.told_seq = missed[-1].seq
            self.broker.publish(missed)
        self.unsure = False

    async def _bring_back(self) -> None:
        """Let nothing lie in the future, where a clock that was set back has left it."""
        known = self.known()
        now, stale_after_s = known.now, known.limits.stale_after_s
        zones = [one for one in known.zones.values() if one.seen_at > now]
        cameras = [one for one in known.cameras.values() if one.seen_at > now]
        async with self.database.read() as connection:
            alarms = await set_back.waiting_after(connection, now)
            standing = await hold_store.all_standing(connection)
        held = [one for one in standing if one.hold.by.at > now]
        if not (zones or cameras or alarms or held):
            return
        async with self.work() as work:
            for state in zones:
                work.set_zone(set_back.zone_brought_back(state, now, stale_after_s))
            for status in cameras:
                work.set_camera(set_back.camera_brought_back(status, now))
            for alarm in alarms:
                again = set_back.alarm_brought_back(alarm, now, self.plan.check_s)
                await work.save(Change(again))
            for one in held:
                hold = set_back.hold_brought_back(one.hold, now)
                await hold_store.change(work.connection, one.key, hold)
                newest = await work.newest_of(one.key)
                if newest is not None and newest.hold is not None:
                    await work.save(Change(replace(newest, hold=hold)))
