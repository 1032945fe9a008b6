"""The sender: takes rows out of the outbox and brings them to their targets, for ever.

Memory is bounded: a target has at most `WINDOW` messages in hand, and a few urgent ones more; what
became of them is kept only until it is written. A sender that is killed leaves leases that run out.
Settings may change under way: targets whose settings stay go on undisturbed, of the others what is
in hand goes back into the outbox and is sent again under its own id.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.delivery import queue
from api.delivery.driver import URGENT_RESERVE, WINDOW, Driver, Received
from api.delivery.drivers.broken import BrokenDriver
from api.delivery.errors import PathError, SetupError
from api.delivery.late_receipts import LateReceipts
from api.delivery.news import News, path_columns, without_busy
from api.delivery.outbox import DeliveryState
from api.delivery.path_state import PathHealth, PathState
from api.delivery.peer_words import storable
from api.delivery.queue import Leased, Outcome
from api.delivery.recovery import bring_forward
from api.delivery.tables import DELIVERIES
from api.delivery.target import Line, TargetSender
from config.delivery import DeliveryPath, DeliveryPlan, DeliveryTarget
from streams.clock import Clock
from vision.instants import Utc

_LOG = structlog.get_logger(__name__)

_GATHER_S = 0.02
_POLL_S = 0.2
_BEAT_S = 2.0
_CHECK_S = 5.0
_CHECK_GUARD_S = 1.0
"""A driver's own limit of a check is to come first: it knows what to do about silence."""

_REFUSED_S = 1.0
_LAST_WRITES = 5
_CONTROLS = 256
_ID, _WORDS = 40, 500

BuildDriver = Callable[[DeliveryPath, Received, Received], Driver]
"""Makes the driver of a path; its callbacks take late receipts (message id, detail) and commands
of the receiver (command, detail). Raises `SetupError`."""


class Sender:
    """Delivers what the outbox holds for `plan` until cancelled."""

    def __init__(
        self, database: Database, plan: DeliveryPlan, clock: Clock, build: BuildDriver
    ) -> None:
        self._database = database
        self._plan = plan
        self._clock = clock
        self._build = build
        self.owner = uuid.uuid4().hex
        self._started = clock.utc()
        self._wake = asyncio.Event()
        self._outcomes: list[Outcome] = []
        self._late = LateReceipts()
        self._controls: deque[tuple[str, str, tuple[str, str]]] = deque(maxlen=_CONTROLS)
        self._in_hand: dict[int, tuple[str, asyncio.Task[None]]] = {}
        self._held: dict[str, int] = {}
        self._targets: dict[str, TargetSender] = {}
        self._checks: dict[str, list[asyncio.Task[None]]] = {}
        self._next: DeliveryPlan | None = plan
        self._beat_due = clock.monotonic()
        self._is_new = True
        self._refused = False

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            await self._pump()
        finally:
            await self._halt(self._targets)
            with suppress(SQLAlchemyError):
                await self._write_last()
            await self._release(self._targets.values())

    async def _write_last(self) -> None:
        """Rows that the desk writes just now are free again in a moment."""
        await self._late.sift(self._database)
        for _ in range(_LAST_WRITES):
            await self._write(lease=False)
            if not self._outcomes:
                return
            await asyncio.sleep(_POLL_S)

    def change(self, plan: DeliveryPlan) -> None:
        """Go on with other settings, as soon as what is being written is written."""
        self._next = plan
        self._wake.set()

    async def _follow(self) -> None:
        """Bring targets and lines to the newest settings; nothing that is in hand is lost."""
        if self._next is None:
            return
        plan, self._next = self._next, None
        wanted = {target.id: target for target in plan.targets}
        gone = {
            name: sender
            for name, sender in self._targets.items()
            if sender.target != wanted.get(name)
        }
        await self._halt(gone)
        await self._release(gone.values())
        self._plan = plan
        kept = {name: one for name, one in self._targets.items() if name not in gone}
        self._targets = {
            name: kept.get(name) or self._target(target) for name, target in wanted.items()
        }
        for name, sender in self._targets.items():
            if name in kept:
                continue
            for line in sender.lines.values():
                await line.driver.start()
            self._checks[name] = [
                asyncio.create_task(self._check(sender, line), name=f"check-{line.path_id}")
                for line in sender.lines.values()
            ]

    async def _halt(self, names: Collection[str]) -> None:
        """End checks and attempts of these targets; the attempts give their rows back."""
        tasks = [task for name, task in self._in_hand.values() if name in names]
        for name in names:
            tasks += self._checks.pop(name, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _release(self, senders: Iterable[TargetSender]) -> None:
        for sender in senders:
            for line in sender.lines.values():
                await line.driver.stop()

    def _target(self, target: DeliveryTarget) -> TargetSender:
        lines = {
            path.id: Line(path.id, self._driver(target, path), PathState(self._started))
            for path in target.paths
        }
        return TargetSender(target, lines, self._clock, random.Random())

    def _driver(self, target: DeliveryTarget, path: DeliveryPath) -> Driver:
        def received(message_id: str, detail: str) -> None:
            self._late.hear((storable(message_id, _ID), path.id, storable(detail, _WORDS)))
            self._wake.set()

        def controlled(command: str, detail: str) -> None:
            said = storable(command, 60), storable(detail, 200)
            self._controls.append((target.id, path.id, said))
            self._wake.set()

        try:
            return self._build(path, received, controlled)
        except SetupError as error:
            _LOG.error("delivery.path_cannot_work", path=path.id, reason=str(error))
            return BrokenDriver(str(error))

    async def _pump(self) -> None:
        while True:
            self._wake.clear()
            await self._follow()
            try:
                await self._late.sift(self._database)
                if self._has_news() or await self._is_due():
                    await self._write(lease=True)
                self._refused = False
            except SQLAlchemyError as error:
                # Nothing is lost: outcomes stay here, rows stay there; tried again.
                if not self._refused:
                    _LOG.error("delivery.database_refused", error=self._database.told(error))
                self._refused = True
                await asyncio.sleep(_REFUSED_S)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._wake.wait()
                    # Answers come in clusters; each transaction is a sync of the disk.
                    await asyncio.sleep(_GATHER_S)

    def _has_news(self) -> bool:
        changed = any(
            line.changed for sender in self._targets.values() for line in sender.lines.values()
        )
        beats = self._clock.monotonic() >= self._beat_due
        return bool(self._outcomes or self._late or changed or beats)

    async def _is_due(self) -> bool:
        """Whether a row waits for a target that could take it; a look without a write lock."""
        ready = [name for name in self._targets if self._room(name) > 0]
        urgent = [name for name in self._targets if self._room(name, urgent=True) > 0]
        now = self._clock.utc()
        free = or_(DELIVERIES.c.lease_until_ns.is_(None), DELIVERIES.c.lease_until_ns <= now.ns)
        due = and_(
            DELIVERIES.c.is_open.is_(True),
            or_(
                DELIVERIES.c.target_id.in_(ready),
                and_(DELIVERIES.c.target_id.in_(urgent), DELIVERIES.c.priority == 1),
            ),
            DELIVERIES.c.next_ns <= now.ns,
            free,
        )
        async with self._database.read() as connection:
            found = await connection.execute(select(DELIVERIES.c.seq).where(due).limit(1))
            return found.first() is not None

    def _room(self, target_id: str, *, urgent: bool = False) -> int:
        """How many more messages a target may have in hand; one while a breaker is tested."""
        sender = self._targets[target_id]
        usable = sender.usable()
        held = self._held.get(target_id, 0)
        if not usable:
            return 0
        closed = any(line.state.breaker == "closed" for line in usable)
        if not closed:
            return 1 - held
        return WINDOW - held + (URGENT_RESERVE if urgent else 0)

    async def _write(self, *, lease: bool) -> None:
        """One transaction: what became of attempts, late receipts, path states, new leases."""
        news = self._news()
        taken: list[Leased] = []
        async with self._database.write(in_turn=False) as connection:
            news = await without_busy(connection, news)
            await self._store(connection, news)
            for name in self._targets if lease else ():
                urgent = self._room(name) <= 0
                room = self._room(name, urgent=urgent)
                if room > 0:
                    taken += await queue.lease(
                        connection, name, self.owner, room, news.now, urgent=urgent
                    )
        self._forget(news)
        for leased in taken:
            self._begin(leased)

    def _news(self) -> News:
        now = self._clock.utc()
        beats = self._clock.monotonic() >= self._beat_due
        told = tuple(
            (name, line, line.state)
            for name, sender in self._targets.items()
            for line in sender.lines.values()
            if line.changed or beats
        )
        return News(
            now=now,
            beats=beats,
            outcomes=tuple(self._outcomes),
            late=self._late.wanted,
            controls=tuple(self._controls),
            told=told,
            recovered=tuple({name: None for name, line, _ in told if line.recovered}),
            held=(*self._in_hand, *(outcome.seq for outcome in self._outcomes)) if beats else (),
        )

    async def _store(self, connection: AsyncConnection, news: News) -> None:
        if self._is_new:
            await queue.bring_back(connection, news.now)
        await queue.settle(connection, news.outcomes, self.owner, news.now)
        for message_id, path_id, detail in news.late:
            await queue.late_receipt(connection, message_id, path_id, detail, news.now)
        for name, path_id, said in news.controls:
            await queue.note_control(connection, name, path_id, said, news.now)
        for name, line, state in news.told:
            await queue.save_path(connection, name, line.path_id, path_columns(state, news.now))
        for name in news.recovered:
            await bring_forward(connection, name, news.now)
        if news.beats:
            await queue.renew(connection, self.owner, self._started, news.now, news.held)

    def _forget(self, news: News) -> None:
        """What was written need not be kept; a full queue may have dropped some of it already."""
        self._is_new = False
        self._outcomes = [one for one in self._outcomes if one not in news.outcomes]
        self._late.forget(news.late)
        while self._controls and self._controls[0] in news.controls:
            self._controls.popleft()
        for _, line, state in news.told:
            line.changed = line.state is not state
            line.recovered = line.recovered and line.changed
        if news.beats:
            self._beat_due = self._clock.monotonic().plus(_BEAT_S)

    def _begin(self, leased: Leased) -> None:
        if leased.seq in self._in_hand:
            # Its lease ran out while the database refused; the attempt under way will tell.
            return
        self._held[leased.target_id] = self._held.get(leased.target_id, 0) + 1
        task = asyncio.create_task(self._deliver(leased), name=f"deliver-{leased.seq}")
        self._in_hand[leased.seq] = leased.target_id, task

    async def _deliver(self, leased: Leased) -> None:
        """One attempt; the supervisor of drivers: their faults end here and are tried again."""
        try:
            outcome = await self._targets[leased.target_id].attempt(leased)
        except asyncio.CancelledError:
            self._outcomes.append(_given_back(leased, self._clock.utc()))
            raise
        except Exception as error:  # noqa: BLE001  # a driver's fault must not lose the row
            _LOG.exception("delivery.attempt_failed", seq=leased.seq)
            now = self._clock.utc()
            outcome = Outcome(
                seq=leased.seq,
                target_id=leased.target_id,
                state=DeliveryState.PENDING,
                created=leased.created,
                detail=f"{type(error).__name__}: {error}",
                path_id=None,
                sent_at=None,
                retry_at=now.plus(10.0),
            )
        finally:
            self._held[leased.target_id] -= 1
            self._in_hand.pop(leased.seq, None)
        self._outcomes.append(outcome)
        self._wake.set()

    async def _check(self, sender: TargetSender, line: Line) -> None:
        """Signs of life over one path; after a miss twice as often."""
        while True:
            begun = self._clock.monotonic()
            await self._check_once(sender, line)
            every_s = self._plan.heartbeat_s
            if line.state.health in (PathHealth.DEGRADED, PathHealth.FAULT):
                every_s /= 2.0
            self._wake.set()
            await asyncio.sleep(max(0.1, every_s - (self._clock.monotonic() - begun)))

    async def _check_once(self, sender: TargetSender, line: Line) -> None:
        limit_s = check_limit_s(sender.target.path(line.path_id))
        try:
            if isinstance(line.driver, BrokenDriver):
                await self._mend(sender.target, line)
            async with asyncio.timeout(limit_s):
                seen = await line.driver.supervise()
        except TimeoutError:
            detail = f"no sign of life within {limit_s:g} s"
            line.set(line.state.missed_check(self._clock.utc(), detail))
        except SetupError as error:
            line.set(line.state.broken(self._clock.utc(), str(error)))
        except PathError as error:
            line.set(line.state.missed_check(self._clock.utc(), str(error)))
        except Exception as error:  # noqa: BLE001  # supervisor of a driver: a fault, not the end
            _LOG.exception("delivery.check_failed", path=line.path_id)
            line.set(line.state.missed_check(self._clock.utc(), type(error).__name__))
        else:
            line.set(line.state.good(self._clock.utc(), seen))

    async def _mend(self, target: DeliveryTarget, line: Line) -> None:
        """A person may have put the missing secret in its place meanwhile."""
        driver = self._driver(target, target.path(line.path_id))
        if not isinstance(driver, BrokenDriver):
            await driver.start()
        line.driver = driver


def check_limit_s(path: DeliveryPath) -> float:
    """How long one check of the path may take; as long as a message where its settings say so."""
    own_s = getattr(path.settings, "timeout_s", _CHECK_S)
    return max(_CHECK_S, float(own_s)) + _CHECK_GUARD_S


def _given_back(leased: Leased, now: Utc) -> Outcome:
    """An attempt was called off: the row is free again at once, for this sender or another."""
    return Outcome(
        seq=leased.seq,
        target_id=leased.target_id,
        state=DeliveryState.SENT if leased.was_sent else DeliveryState.PENDING,
        created=leased.created,
        detail="called off: settings changed, or the sender stopped",
        path_id=None,
        sent_at=None,
        retry_at=now,
    )
