"""Follows the open alarms, and drives the outputs that they ask for.

Coils of a module are written by its own round, which asks here what is wanted; outputs over HTTP
are called here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import structlog

from api.alarms import store
from api.alarms.values import Alarm
from api.panels.calls import HttpOutput
from api.panels.errors import LinkError
from api.panels.judge import LOST, wanted_outputs
from api.panels.told import Told
from config.panels import PanelPlan

_LOG = structlog.get_logger(__name__)

_FOLLOW_EVERY_S = 1.0
_CALL_EVERY_S = 0.5
_MOST_OPEN = 1_000


@dataclass(slots=True)
class Outputs:
    """Outputs of one site.

    Attributes:
        wanted: ids of those that are on.
    """

    plan: PanelPlan
    told: Told
    wanted: frozenset[str] = frozenset()
    _stored: Sequence[Alarm] = ()

    def tasks(self, client: httpx.AsyncClient) -> list[Coroutine[Any, Any, None]]:
        """What runs while the panels do.

        Each output is called by itself: a receiver that hangs holds back no other one's renewal.
        """
        if not self.plan.outputs:
            return []
        calls = [
            HttpOutput(output, self.told.desk.clock, client)
            for output in self.plan.outputs
            if output.url and output.id not in self.plan.locked
        ]
        return [self._follow_alarms(), *(self._call(call) for call in calls)]

    async def follow(self) -> None:
        """Work out anew which outputs are wanted.

        While the database stores nothing, what it held last goes on, and what it does not take
        switches on too: a siren waits for no disk.
        """
        desk = self.told.desk
        unkept = desk.unkept
        try:
            if not unkept.store_refuses:
                async with desk.database.read() as connection:
                    self._stored = await store.open_alarms(connection, _MOST_OPEN)
        finally:
            self.wanted = wanted_outputs(self.plan, (*self._stored, *unkept.open_alarms()))

    async def _follow_alarms(self) -> None:
        with self.told.desk.broker.listen() as listener:
            while True:
                await self.told.patiently(self.follow, ())
                with suppress(TimeoutError):
                    if await listener.next_within(_FOLLOW_EVERY_S) is None:
                        return

    async def _call(self, call: HttpOutput) -> None:
        touched = (call.output.id,)
        while True:
            await self.told.patiently(
                partial(self._follow_call, call), touched, partial(self._call_lost, call)
            )
            await asyncio.sleep(_CALL_EVERY_S)

    async def _follow_call(self, call: HttpOutput) -> None:
        try:
            await call.follow(call.output.id in self.wanted)
        except LinkError as error:
            await self._call_lost(call, error)
        else:
            await self.told.tell(self.told.of_fault(call.output.id, None))

    async def _call_lost(self, call: HttpOutput, error: Exception) -> None:
        if self.told.faults.get(call.output.id) is None:
            _LOG.warning("panel.call_failed", output=call.output.id, reason=str(error))
        await self.told.tell(self.told.of_fault(call.output.id, LOST))


__all__ = ["Outputs"]
