"""Alarm inputs of cameras and encoders over ONVIF: one pull point a device, for as long as it runs.

The device is asked for its news and holds each question open until it has some, so that a pressed
button is known at once. A new subscription is told the present state of every input first; what is
pressed and let go while there is none is not seen, which is why its loss is a fault.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import httpx

from api.delivery.drivers.answers import small_body
from api.delivery.errors import PathError
from api.delivery.outward import OutwardTransport
from api.panels import onvif_soap as soap
from api.panels.errors import LinkError
from api.panels.onvif_soap import Credentials, InputState, Operation, PullPoint, SoapError
from config.networks import NetworkRules
from config.panels import OnvifDevice
from streams.backoff import Backoff, BackoffSettings
from streams.clock import Clock
from vision.instants import Monotonic

LASTS_S = 60
WAIT_S = 4
_MOST_MESSAGES = 64
_MOST_BYTES = 1 << 20
_CALL_S = 5.0
_HTTP_FAULTS = frozenset({400, 500})

_Found = TypeVar("_Found")

Take = Callable[[Sequence[InputState]], Awaitable[None]]
"""Called after every answer, also one without news: the device lives."""

Lost = Callable[[LinkError], Awaitable[None]]


@dataclass(slots=True)
class OnvifLink:
    """The subscription of one device."""

    device: OnvifDevice
    clock: Clock
    rules: NetworkRules
    _client: httpx.AsyncClient = field(init=False)
    _who: Credentials | None = field(init=False)
    _offset: timedelta = field(default=timedelta())

    def __post_init__(self) -> None:
        self._who = None
        if self.device.user:
            self._who = Credentials(self.device.user, self.device.password)
        who = self._who
        self._client = httpx.AsyncClient(
            timeout=_CALL_S,
            transport=OutwardTransport(self.rules),
            # Some devices ask for the digest of HTTP, some for that of SOAP, some for both.
            auth=None if who is None else httpx.DigestAuth(who.user, who.password),
            follow_redirects=False,
            trust_env=False,
        )

    async def run(self, take: Take, lost: Lost) -> None:
        """Subscribe, pull and renew until cancelled; a lost subscription is made anew."""
        backoff = Backoff(BackoffSettings(first_s=0.5, longest_s=5.0), random.Random())
        try:
            while True:
                try:
                    await self._subscribed(take, backoff.reset)
                except LinkError as error:
                    await lost(error)
                await asyncio.sleep(backoff.next_wait_s())
        finally:
            await self._client.aclose()

    async def _subscribed(self, take: Take, good: Callable[[], None]) -> None:
        point = await self._subscribe()
        renewed = self.clock.monotonic()
        try:
            while True:
                body = await self._ask(
                    point.address, soap.pull_messages(WAIT_S, _MOST_MESSAGES), point
                )
                await take(soap.input_states(body))
                good()
                renewed = await self._renewed(point, renewed)
        finally:
            with suppress(LinkError):
                await self._ask(point.address, soap.UNSUBSCRIBE, point)

    async def _renewed(self, point: PullPoint, last: Monotonic) -> Monotonic:
        """Renew at half the life. A device that refuses gets a new subscription in time."""
        now = self.clock.monotonic()
        if now - last < LASTS_S / 2.0:
            return last
        await self._ask(point.address, soap.renew(LASTS_S), point)
        return now

    async def _subscribe(self) -> PullPoint:
        """Raises `LinkError`."""
        await self._learn_time()
        found = await self._ask(self.device.url, soap.GET_SERVICES)
        events = self._own(_read(soap.events_address, found))
        answer = await self._ask(events, soap.create_pull_point(LASTS_S))
        told = _read(soap.pull_point, answer)
        point = PullPoint(self._own(told.address), told.parameters)
        with suppress(LinkError):
            # Not every device knows this; those send the present state by themselves.
            await self._ask(point.address, soap.SYNCHRONIZE, point)
        return point

    async def _learn_time(self) -> None:
        """By how much the device's clock differs: a digest is good for seconds only."""
        answer = await self._ask(self.device.url, soap.GET_TIME, signed=False)
        theirs = _read(soap.device_time, answer)
        self._offset = theirs - self.clock.utc().to_datetime()

    def _own(self, address: str) -> str:
        """An address that the device names, on the machine that the site names.

        A device behind a translation of addresses names one that is not reached; and no device
        sends this service to another machine.
        """
        try:
            told, ours = urlsplit(address), urlsplit(self.device.url)
        except ValueError as error:
            raise LinkError(f"{self.device.id}: {address[:100]} is no address") from error
        place = ours.netloc if told.hostname != ours.hostname else told.netloc
        return urlunsplit((ours.scheme, place, told.path or "/", told.query, ""))

    async def _ask(
        self,
        address: str,
        operation: Operation,
        to: PullPoint | None = None,
        *,
        signed: bool = True,
    ) -> ET.Element:
        """The body of the answer. Raises `LinkError`."""
        action, _ = operation
        security = ""
        if signed and self._who is not None:
            security = soap.username_token(self._who, secrets.token_bytes(16), self._device_now())
        content = soap.envelope(operation, security=security, to=to, number=uuid.uuid4().urn)
        kind = f'application/soap+xml; charset=utf-8; action="{action}"'
        try:
            async with (
                asyncio.timeout(_CALL_S + WAIT_S),
                self._client.stream(
                    "POST",
                    address,
                    content=content,
                    headers={"Content-Type": kind},
                    timeout=_CALL_S + WAIT_S,
                ) as answer,
            ):
                body = await small_body(answer, _MOST_BYTES)
            if not answer.is_success and answer.status_code not in _HTTP_FAULTS:
                raise SoapError(f"HTTP {answer.status_code}")
            return soap.body_of(body)
        except (httpx.HTTPError, httpx.InvalidURL, PathError, SoapError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise LinkError(f"{self.device.id}: {action.rpartition('/')[2]}: {why}") from error

    def _device_now(self) -> datetime:
        return self.clock.utc().to_datetime() + self._offset


def _read(read: Callable[[ET.Element], _Found], body: ET.Element) -> _Found:
    """What `read` finds in an answer. Raises `LinkError`."""
    try:
        return read(body)
    except SoapError as error:
        raise LinkError(str(error)) from None
