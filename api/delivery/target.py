"""One attempt to bring one message to its target: which path, how long, and what then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from traceback import extract_tb

import structlog

from api.delivery.driver import Driver, Receipt
from api.delivery.errors import DeliveryError, PathError, RefusedError
from api.delivery.outbox import DeliveryState
from api.delivery.path_state import PathHealth, PathState
from api.delivery.queue import Leased, Outcome
from config.delivery import Acknowledgement, DeliveryTarget, Role
from streams.clock import Clock
from vision.instants import Utc

_LOG = structlog.get_logger(__name__)

WAITS_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Longest wait after the first, second, ... failed attempt; the last one for ever."""

_SHORTEST_WAIT_S = 0.2
_TEST_ATTEMPTS = 3


@dataclass(slots=True)
class Line:
    """A path with its driver and what is known of it.

    Attributes:
        changed: not yet written down.
        recovered: it was dead and works again, and that is not yet written down. A path that only
            its messages find fault with is not dead: they wait their time.
    """

    path_id: str
    driver: Driver
    state: PathState
    changed: bool = True
    recovered: bool = False

    def set(self, state: PathState) -> None:
        was_dead = self.recovered or self.state.health is PathHealth.FAULT
        self.recovered = was_dead and state.health is PathHealth.UP
        self.state = state
        self.changed = True


@dataclass(slots=True)
class _Try:
    """What the paths said during one attempt."""

    receipt: Receipt | None = None
    path_id: str | None = None
    sent_at: Utc | None = None
    refusals: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class TargetSender:
    """Sends the messages of one target over its lines, in the order of the settings."""

    def __init__(
        self,
        target: DeliveryTarget,
        lines: Mapping[str, Line],
        clock: Clock,
        random_source: random.Random,
    ) -> None:
        self.target = target
        self.lines = lines
        self._clock = clock
        self._random = random_source

    def usable(self) -> Sequence[Line]:
        """Lines whose breaker lets an attempt through now."""
        now = self._clock.monotonic()
        return [line for line in self.lines.values() if line.state.lets_through(now)]

    async def attempt(self, leased: Leased) -> Outcome:
        """Send once over every usable path until one takes it; never raises `DeliveryError`."""
        leased = replace(leased, message=leased.message.leaving_at(self._clock.utc()))
        tried = _Try()
        lines = [line for line in self.usable() if leased.only_path_id in (None, line.path_id)]
        if not lines:
            tried.failures.append("no path is usable now")
        elif self.target.both_for_urgent and leased.message.priority == 1 and len(lines) > 1:
            await self._all_at_once(lines, leased, tried)
        else:
            for line in lines:
                await self._over(line, leased, tried)
                if self._is_enough(tried):
                    break
        return self._outcome(leased, tried)

    async def _all_at_once(self, lines: Sequence[Line], leased: Leased, tried: _Try) -> None:
        tasks = {asyncio.create_task(self._over(line, leased, tried)) for line in lines}
        try:
            while tasks and not self._is_enough(tried):
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _over(self, line: Line, leased: Leased, tried: _Try) -> None:
        line.set(line.state.trying())
        try:
            receipt = await self._within_time(line, leased, tried)
        except RefusedError as error:
            # The path works: somebody at its end answered.
            line.set(line.state.good(self._clock.utc(), str(error)))
            tried.refusals.append(f"{line.path_id}: {error}")
        except DeliveryError as error:
            instant = self._clock.monotonic()
            line.set(line.state.failed_attempt(self._clock.utc(), instant, str(error)))
            tried.failures.append(f"{line.path_id}: {error}")
        except asyncio.CancelledError:
            # Another path was faster, or the sender stops: this one proved nothing.
            line.set(line.state.untried(self._clock.monotonic()))
            raise
        except Exception as error:  # noqa: BLE001  # supervisor of a driver: the other path goes on
            # Its words may hold an address with its key, so they stand in no log and on no page.
            told, last = type(error).__name__, extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            _LOG.error("delivery.driver_failed", path=line.path_id, error=told, where=where)
            instant = self._clock.monotonic()
            line.set(line.state.failed_attempt(self._clock.utc(), instant, told))
            tried.failures.append(f"{line.path_id}: {told}")
        else:
            line.set(line.state.good(self._clock.utc(), receipt.detail, receipt=receipt.received))
            if tried.receipt is None or receipt.received:
                tried.receipt, tried.path_id = receipt, line.path_id
            tried.sent_at = tried.sent_at or self._clock.utc()

    async def _within_time(self, line: Line, leased: Leased, tried: _Try) -> Receipt:
        """`Driver.send` with a limit until the transport took it, and another until the receipt."""
        loop = asyncio.get_running_loop()
        taken = False
        try:
            async with asyncio.timeout(self.target.attempt_s) as limit:

                def accepted() -> None:
                    nonlocal taken
                    taken = True
                    tried.sent_at = tried.sent_at or self._clock.utc()
                    limit.reschedule(loop.time() + self.target.ack_within_s)

                return await line.driver.send(leased.message, accepted)
        except TimeoutError:
            if taken:
                return Receipt(received=False, detail="sent; the receiver did not confirm in time")
            raise PathError(f"no answer within {self.target.attempt_s:g} s") from None

    def _is_enough(self, tried: _Try) -> bool:
        if tried.receipt is None:
            return False
        return tried.receipt.received or not self._needs_confirmation()

    def _needs_confirmation(self) -> bool:
        if self.target.role is Role.INFORMATION:
            return False
        return self.target.acknowledgement is Acknowledgement.RECEIVER

    def _outcome(self, leased: Leased, tried: _Try) -> Outcome:
        now = self._clock.utc()
        receipt = tried.receipt
        state = DeliveryState.PENDING
        retry_at: Utc | None = self._retry_at(leased, now)
        if receipt is not None and receipt.received and self.target.role is not Role.INFORMATION:
            state, retry_at = DeliveryState.RECEIVED, None
        elif receipt is not None:
            state = DeliveryState.SENT
            if not self._needs_confirmation():
                retry_at = None
        elif tried.refusals and not tried.failures and self.target.role is not Role.POLICE:
            state, retry_at = DeliveryState.REJECTED, None
        elif tried.refusals:
            # The police room is asked again: somebody may have mended its side. It is alarmed too.
            retry_at = now.plus(WAITS_S[-1] * (0.5 + 0.5 * self._random.random()))
        elif leased.was_sent:
            state = DeliveryState.SENT
        if retry_at is not None and self._is_hopeless(leased, now):
            state, retry_at = DeliveryState.GIVEN_UP, None
        detail = receipt.detail if receipt else "; ".join((*tried.refusals, *tried.failures))
        return Outcome(
            seq=leased.seq,
            target_id=leased.target_id,
            state=state,
            created=leased.created,
            detail=detail,
            path_id=tried.path_id,
            sent_at=None if leased.was_sent else tried.sent_at,
            retry_at=retry_at,
        )

    def _retry_at(self, leased: Leased, now: Utc) -> Utc:
        longest_s = WAITS_S[min(leased.attempts, len(WAITS_S)) - 1]
        return now.plus(max(_SHORTEST_WAIT_S, longest_s * self._random.random()))

    def _is_hopeless(self, leased: Leased, now: Utc) -> bool:
        if leased.message.is_test:
            return leased.attempts >= _TEST_ATTEMPTS
        limit_s = self.target.give_up_after_s
        return limit_s is not None and now - leased.since > limit_s
