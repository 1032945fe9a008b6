"""GB/T 28181: registers as a device, keeps alive, notifies alarms, waits for the business answer.

SIP 200 says only that the platform's SIP part took the message: "sent". The platform's own
`<Response>` with our SN says "received". A platform that has subscribed to alarms gets each of them
as NOTIFY first; what it does not confirm is repeated as MESSAGE under the same SN.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from api.delivery.driver import Accepted, Receipt, Received
from api.delivery.drivers import gb_xml
from api.delivery.drivers.gb_subscription import Subscriptions
from api.delivery.drivers.gb_xml import GbXmlError, Incoming
from api.delivery.drivers.sip_digest import Login, authorization, best_challenge
from api.delivery.drivers.sip_link import Peer, SipLink
from api.delivery.drivers.sip_message import Reply, SipMessage, granted_s, least_asked_s
from api.delivery.errors import PathError, RefusedError, SetupError
from api.delivery.message import OutMessage
from api.delivery.outward import Gate
from config.delivery import Gb28181Keys, read_secret
from config.errors import SecretError
from streams.backoff import Backoff, BackoffSettings

_LOG = structlog.get_logger(__name__)

_OK, _TOO_BRIEF = 200, 423
_UNAUTHORIZED = frozenset({401, 407})
_FORGOTTEN = frozenset({401, 403, 404, 407, 481})
_REFUSES = frozenset({400, 413, 415, 488})
"""What is said of the message itself; every other refusal is of the path, and ends some day."""

_CALL_S = 5.0
_SOONEST_S = 5.0
"""Not even a registrar that grants a second is asked more often."""

_HELD_S = 2.0
"""A connection that ends sooner after the registration counts as a failed one: a platform that
closes after each answer would be asked some hundred times a second."""

_SILENT = "the platform does not answer"
_NOTIFY_S = 2.0
"""Time enough is left of one attempt for the MESSAGE that follows an unanswered NOTIFY."""

_XML = ("content-type", "Application/MANSCDP+xml")
_KNOWN_NUMBERS = 1024
_MOST_ANSWERS = 32
"""Business answers under way. Each is repeated for seconds where nobody takes it, and over UDP
anybody can ask in the platform's name."""

_FIRST_OWN_NUMBER = 1_000_000_000
"""SNs of keepalives stand apart from those of alarms, which are outbox numbers."""

Controlled = Callable[[str, str], None]
"""Called with a platform's control command and its detail."""


class Gb28181Driver:
    """One registration with one platform."""

    def __init__(
        self,
        keys: Gb28181Keys,
        directory: Path,
        received: Received,
        controlled: Controlled,
        name: str,
        gate: Gate,
    ) -> None:
        """Raises `SetupError` when the password cannot be read."""
        self._keys = keys
        self._received = received
        self._controlled = controlled
        self._name = name
        try:
            self._login = Login(keys.device_id, read_secret(keys.password, directory))
        except SecretError as error:
            raise SetupError(str(error)) from None
        peer = Peer(
            keys.server, keys.port, keys.transport == "tcp", keys.local_host, keys.local_port
        )
        # The platform answers where we registered from, so each new connection registers anew.
        self._link = SipLink(peer, self._handle, self._lost, gate)
        self._registered = self._broke = False
        self._why_not = "not registered yet"
        self._register_now = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[Incoming]] = {}
        self._sent: OrderedDict[int, str] = OrderedDict()
        self._subscriptions = Subscriptions()
        self._cseq = 0
        self._own_number = _FIRST_OWN_NUMBER
        self._call_id = f"{secrets.token_hex(8)}@xiaoan"
        self._tag = secrets.token_hex(5)
        self._answers: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._stay_registered(), name="gb28181-register")

    async def stop(self) -> None:
        tasks = [*self._answers] + ([self._task] if self._task else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._link.close()

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """See `Driver.send`."""
        self._check_registered()
        number = message.sequence
        repeated = number in self._sent
        answer: asyncio.Future[Incoming] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._remember(number, message.id)
        alarm_id = self._keys.alarm_id or self._keys.device_id
        try:
            body = gb_xml.alarm_notify(message, alarm_id, self._keys.edition)
            if repeated or not await self._notify(message, body):
                await self._message(body)
            accepted()
            said = await answer
        finally:
            self._waiting.pop(number, None)
        if said.result != "OK":
            raise RefusedError(f"the platform answered {said.result or 'nothing'}")
        return Receipt(received=True, detail=f"Response OK, SN {number}")

    async def supervise(self) -> str:
        """The keepalive. Raises `PathError`; a platform that forgot us is registered with anew."""
        self._check_registered()
        self._own_number += 1
        body = gb_xml.keepalive(self._own_number, self._keys.device_id, self._keys.edition)
        try:
            async with asyncio.timeout(_CALL_S):
                await self._message(body)
        except TimeoutError:
            self._link.drop(_SILENT)
            raise PathError(_SILENT) from None
        except RefusedError as error:
            raise PathError(str(error)) from None
        return "registered, keepalive answered"

    def _check_registered(self) -> None:
        if not self._registered:
            raise PathError(self._why_not)

    def _remember(self, number: int, message_id: str) -> None:
        self._sent[number] = message_id
        if len(self._sent) > _KNOWN_NUMBERS:
            self._sent.popitem(last=False)

    def _lost(self, reason: str) -> None:
        """The connection ended."""
        self._broke = True
        self._forget(reason)

    def _forget(self, reason: str) -> None:
        self._registered = False
        self._why_not = reason
        self._register_now.set()

    async def _message(self, body: bytes) -> None:
        """A MESSAGE that ends well with 200. Raises `PathError` or `RefusedError`."""
        uri = f"sip:{self._keys.server_id}@{self._keys.domain}"
        call_id = f"{secrets.token_hex(8)}@xiaoan"
        answer = await self._asked("MESSAGE", uri, call_id, _XML, body)
        if answer.status == _OK:
            return
        told = f"SIP {answer.status} {answer.reason}".strip()
        if answer.status in _FORGOTTEN:
            self._forget(told)
            raise PathError(told)
        if answer.status in _REFUSES:
            raise RefusedError(told)
        raise PathError(told)

    async def _notify(self, message: OutMessage, body: bytes) -> bool:
        """Whether the platform subscribed to such an alarm and took it; else it goes by MESSAGE."""
        now = asyncio.get_running_loop().time()
        code = gb_xml.alarm_code(
            message.alarm_type, message.description.en.lower(), self._keys.edition
        )
        at = message.step_time.to_datetime()
        found = self._subscriptions.wanting(gb_xml.alarm_priority(message), code, at, now)
        if found is None:
            return False
        host, port = await self._link.local_address()
        request = SipMessage(
            (
                ("via", await self._link.via()),
                *found.headers(now),
                ("contact", f"<sip:{self._keys.device_id}@{host}:{port}>"),
                ("max-forwards", "70"),
                _XML,
            ),
            body,
            method="NOTIFY",
            uri=found.target,
        )
        try:
            async with asyncio.timeout(_NOTIFY_S):
                answer = await self._link.request(request)
        except TimeoutError:
            self._subscriptions.drop(found)
            return False
        if answer.status != _OK:
            _LOG.warning("delivery.gb28181_subscription_ended", status=answer.status)
            self._subscriptions.drop(found)
            return False
        return True

    async def _asked(
        self, method: str, to: str, call_id: str, header: tuple[str, str], body: bytes = b""
    ) -> SipMessage:
        """The final answer; a challenge is answered once, where it can be. Raises `PathError`."""
        request = await self._request(method, to, call_id, (header,), body)
        answer = await self._link.request(request)
        if answer.status not in _UNAUTHORIZED:
            return answer
        challenge = best_challenge(
            [*answer.all("www-authenticate"), *answer.all("proxy-authenticate")]
        )
        if challenge is None:
            return answer
        uri = f"sip:{self._keys.server_id}@{self._keys.domain}"
        login = authorization(challenge, self._login, method, uri, secrets.token_hex(8))
        name = "authorization" if answer.all("www-authenticate") else "proxy-authorization"
        request = await self._request(method, to, call_id, (header, (name, login)), body)
        return await self._link.request(request)

    async def _request(
        self,
        method: str,
        to: str,
        call_id: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes = b"",
    ) -> SipMessage:
        self._cseq += 1
        uri = f"sip:{self._keys.server_id}@{self._keys.domain}"
        own = f"sip:{self._keys.device_id}@{self._keys.domain}"
        host, port = await self._link.local_address()
        return SipMessage(
            (
                ("via", await self._link.via()),
                ("from", f"<{own}>;tag={self._tag}"),
                ("to", f"<{to}>"),
                ("call-id", call_id),
                ("cseq", f"{self._cseq} {method}"),
                ("contact", f"<sip:{self._keys.device_id}@{host}:{port}>"),
                ("max-forwards", "70"),
                ("user-agent", "Xiaoan"),
                *((("x-gb-ver", "3.0"),) if self._keys.edition == 2022 else ()),
                *headers,
            ),
            body,
            method=method,
            uri=uri,
        )

    async def _stay_registered(self) -> None:
        backoff = Backoff(BackoffSettings(first_s=1.0, longest_s=30.0), random.Random())
        loop = asyncio.get_running_loop()
        while True:
            self._register_now.clear()
            self._broke = False
            try:
                async with asyncio.timeout(2.0 * _CALL_S):
                    lasts_s = await self._register()
            except TimeoutError:
                self._link.drop(_SILENT)
            except PathError as error:
                self._registered, self._why_not = False, f"not registered: {error}"
            else:
                self._registered = True
                since = loop.time()
                with suppress(TimeoutError):
                    # Well before it runs out, and at once when the platform forgot us.
                    async with asyncio.timeout(max(_SOONEST_S, lasts_s * 0.5)):
                        await self._register_now.wait()
                if not self._broke or loop.time() - since >= _HELD_S:
                    backoff.reset()
                    continue
            await asyncio.sleep(backoff.next_wait_s())

    async def _register(self) -> int:
        """For how many seconds the platform knows us now. Raises `PathError`."""
        own = f"sip:{self._keys.device_id}@{self._keys.domain}"
        asked_s = self._keys.expires_s
        answer = await self._asked("REGISTER", own, self._call_id, ("expires", str(asked_s)))
        if answer.status == _TOO_BRIEF and (least_s := least_asked_s(answer)) > asked_s:
            asked_s = least_s
            answer = await self._asked("REGISTER", own, self._call_id, ("expires", str(asked_s)))
        if answer.status in _UNAUTHORIZED:
            raise PathError(
                "the platform refuses id or password, or its challenge is neither MD5 nor SHA-256"
            )
        if answer.status != _OK:
            raise PathError(f"SIP {answer.status} {answer.reason}".strip())
        host, port = await self._link.local_address()
        contact = f"{self._keys.device_id}@{host}:{port}"
        return granted_s(answer, contact, asked_s)

    def _handle(self, request: SipMessage) -> Reply:
        """A request of the platform: its SIP answer; the business answer goes out on its own."""
        if request.method == "OPTIONS":
            return Reply(_OK, "OK")
        if request.method not in ("MESSAGE", "SUBSCRIBE"):
            return Reply(405, "Method Not Allowed", (("allow", "MESSAGE, SUBSCRIBE, OPTIONS"),))
        try:
            incoming = gb_xml.read(request.body)
        except GbXmlError as error:
            _LOG.warning("delivery.gb28181_unreadable", reason=str(error))
            return Reply(400, "Bad Request")
        if request.method == "SUBSCRIBE":
            return self._subscribed(request, incoming)
        if incoming.kind == "Response" and incoming.command == "Alarm":
            self._take_response(incoming)
        elif incoming.kind in ("Control", "Query"):
            if len(self._answers) >= _MOST_ANSWERS:
                return Reply(503, "Service Unavailable")
            task = asyncio.create_task(self._answer(incoming), name="gb28181-answer")
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)
        return Reply(_OK, "OK")

    def _subscribed(self, request: SipMessage, incoming: Incoming) -> Reply:
        """Alarms can be subscribed to; nothing else of ours changes."""
        if incoming.kind != "Query" or incoming.command != "Alarm" or not request.header("event"):
            return Reply(489, "Bad Event")
        now = asyncio.get_running_loop().time()
        lasts_s = self._subscriptions.take(request, incoming.wanted, self._link.tag, now)
        body = gb_xml.result(incoming, self._keys.device_id, self._keys.edition, ok=True)
        headers = (
            ("expires", str(lasts_s)),
            ("contact", f"<sip:{self._keys.device_id}@{self._keys.domain}>"),
            _XML,
        )
        return Reply(_OK, "OK", headers, body)

    def _take_response(self, incoming: Incoming) -> None:
        answer = self._waiting.get(incoming.number)
        if answer is not None and not answer.done():
            answer.set_result(incoming)
        elif incoming.number in self._sent and incoming.result == "OK":
            self._received(self._sent[incoming.number], f"late Response, SN {incoming.number}")

    async def _answer(self, incoming: Incoming) -> None:
        own, edition = self._keys.device_id, self._keys.edition
        if incoming.kind == "Query":
            alarm_id = self._keys.alarm_id or own
            body = gb_xml.description(incoming, own, alarm_id, self._name, edition)
            if body is None:
                body = gb_xml.result(incoming, own, edition, ok=False)
        else:
            command = incoming.alarm_command or incoming.command
            self._controlled(command, incoming.detail)
            # Alarms are ended in the school: whoever resets one from outside must not believe so.
            body = gb_xml.result(incoming, own, edition, ok=False)
        try:
            async with asyncio.timeout(_CALL_S):
                await self._message(body)
        except (TimeoutError, PathError, RefusedError) as error:
            _LOG.warning("delivery.gb28181_answer_lost", reason=str(error) or "no answer")
