"""Outputs over HTTP: signed calls that must be renewed, so that a silent sender lets go by itself.

A call says `{"output", "kind", "on", "hold_s", "announcement"}` and is signed after Standard
Webhooks. The receiver falls back to the safe state `hold_s` seconds after the last call.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from api.delivery.drivers.answers import status_of
from api.panels.errors import LinkError
from config.panels import PanelOutput
from streams.clock import Clock
from vision.instants import Monotonic

_TIMEOUT_S = 3.0


@dataclass(slots=True)
class HttpOutput:
    """One output over HTTP."""

    output: PanelOutput
    clock: Clock
    client: httpx.AsyncClient
    _told_on: bool | None = None
    _told_at: Monotonic | None = None

    async def follow(self, on: bool) -> None:
        """Call when the state changed, or when a state that must be renewed is half over.

        Raises:
            LinkError: the receiver did not accept the call.
        """
        now = self.clock.monotonic()
        if self._told_on == on and not (on and self._half_over(now)):
            return
        await self._call(on)
        self._told_on, self._told_at = on, now

    def _half_over(self, now: Monotonic) -> bool:
        return self._told_at is None or now - self._told_at >= self.output.hold_s / 2.0

    async def _call(self, on: bool) -> None:
        output = self.output
        body = json.dumps(
            {
                "output": output.id,
                "kind": output.kind,
                "on": on != output.safe_on,
                "hold_s": output.hold_s,
                "announcement": output.announcement_id if on else None,
            }
        )
        call_id, at = f"panel_{uuid4().hex}", self.clock.utc().to_datetime()
        headers = {
            "content-type": "application/json",
            "webhook-id": call_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(output.secret).sign(call_id, at, body),
        }
        try:
            # A receiver that sends a byte now and then keeps each single wait short.
            async with asyncio.timeout(_TIMEOUT_S):
                status = await status_of(self.client, output.url, body.encode(), headers)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            raise LinkError(f"{output.id}: {type(error).__name__}") from error
        if not httpx.codes.is_success(status):
            raise LinkError(f"{output.id}: answered {status}")
