"""A test message over settings that are not saved: what the peer says, within half a minute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from api.delivery.driver import Driver
from api.delivery.drivers import Surroundings, build_driver
from api.delivery.errors import DeliveryError
from api.delivery.message import test_message
from api.delivery.outbox import new_id
from api.problems import Problem
from api.watched import WatchedSite
from config.delivery import DeliveryPath, DeliveryPlan, Gb28181Keys, MqttKeys
from streams.clock import Clock

REACHED_WITHIN_S = 12.0
ANSWERED_WITHIN_S = 12.0
_LOOK_AGAIN_S = 0.3
_NUMBER_FROM = 900_000_000
"""Numbers of trials stand apart from those of the outbox."""


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of it; `detail` is the peer's word, or why there is none."""

    sent: bool
    received: bool
    detail: str
    took_s: float


@dataclass(frozen=True, slots=True)
class Trial:
    """Tries paths of one site."""

    site: WatchedSite
    directory: Path
    clock: Clock

    def check_free(self, path: DeliveryPath, plan: DeliveryPlan) -> None:
        """Raises `Problem` where a running path is known to the peer by the same name.

        A second registration, or a second session, would take the first one's place: alarms would
        not get out meanwhile.
        """
        mine = _known_as(path)
        if mine is None:
            return
        for target in plan.targets:
            for other in target.paths:
                if _known_as(other) == mine:
                    raise Problem(409, "delivery_trial_in_use", name=f"{target.id}/{other.id}")

    async def run(self, path: DeliveryPath, by: str) -> TrialOutcome:
        """Connect, send one message that says it is a test, and wait for the receiver's word."""
        begun = self.clock.monotonic()
        taken = False

        def accepted() -> None:
            nonlocal taken
            taken = True

        def outcome(detail: str, *, received: bool = False) -> TrialOutcome:
            return TrialOutcome(taken or received, received, detail, self.clock.monotonic() - begun)

        message = test_message(self.site, self.clock.utc(), by, new_id())
        number = _NUMBER_FROM + self.clock.utc().ns // 1_000_000 % 90_000_000
        message = replace(message, sequence=number)
        try:
            async with self._driver(path) as driver:
                await _reach(driver)
                async with asyncio.timeout(ANSWERED_WITHIN_S):
                    receipt = await driver.send(message, accepted)
        except DeliveryError as error:
            return outcome(str(error))
        except TimeoutError:
            return outcome("sent; the receiver did not confirm in time" if taken else "no answer")
        taken = True
        return outcome(receipt.detail, received=receipt.received)

    @asynccontextmanager
    async def _driver(self, path: DeliveryPath) -> AsyncIterator[Driver]:
        around = Surroundings(self.directory, self.site.name.zh, self.clock, _unheard, _unheard)
        driver = build_driver(path, around)
        await driver.start()
        try:
            yield driver
        finally:
            await driver.stop()


async def _reach(driver: Driver) -> None:
    """Wait for a first sign of life. Raises `DeliveryError` with the peer's last word."""
    last: DeliveryError | None = None
    try:
        async with asyncio.timeout(REACHED_WITHIN_S):
            while True:
                try:
                    await driver.supervise()
                except DeliveryError as error:
                    last = error
                    await asyncio.sleep(_LOOK_AGAIN_S)
                else:
                    return
    except TimeoutError:
        if last is not None:
            raise last from None
        raise


def _known_as(path: DeliveryPath) -> tuple[str, str, str] | None:
    """How the peer tells this path from others; `None` where it does not."""
    match path.settings:
        case Gb28181Keys() as keys:
            return "gb28181", keys.server, keys.device_id
        case MqttKeys() as keys:
            return "mqtt", keys.host, keys.client_id
        case _:
            return None


def _unheard(_name: str, _detail: str) -> None:
    """Late receipts and commands of a trial concern nobody."""
