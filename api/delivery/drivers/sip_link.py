"""A SIP connection to one server over UDP or TCP, with client and server transactions.

Client: a request is repeated over UDP after 0.5 s, doubling to 4 s (timer E of RFC 3261), until its
final answer; the caller sets the time limit. Server: a repeated request gets the same answer again
and is not handled twice.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from api.delivery.drivers.sip_message import (
    MOST_BYTES,
    Reply,
    SipMessage,
    SipSyntaxError,
    StreamSplitter,
    answer_to,
    parse,
)
from api.delivery.errors import PathError
from api.delivery.outward import Gate

_LOG = structlog.get_logger(__name__)

TIMER_T1_S = 0.5
TIMER_T2_S = 4.0
_ANSWERED = 256
_MOST_UNREAD_BYTES = 1 << 20
_CONNECT_S = 4.0
_FINAL = 200

Handle = Callable[[SipMessage], Reply]
"""Judges a request of the peer; returns what it is answered with."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where the server is, and from where we speak."""

    host: str
    port: int
    over_tcp: bool
    local_host: str | None = None
    local_port: int = 0


class SipLink:
    """Opens when first needed, and again after it broke.

    Attributes:
        tag: ours in every answer, and so in every dialog that the peer begins.
    """

    def __init__(
        self, peer: Peer, handle: Handle, dropped: Callable[[str], None], gate: Gate
    ) -> None:
        """`dropped` is called with the reason each time that the connection ends."""
        self._peer = peer
        self._gate = gate
        self._handle = handle
        self._dropped = dropped
        self._udp: asyncio.DatagramTransport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[tuple[str, str], asyncio.Future[SipMessage]] = {}
        self._answered: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
        self.tag = secrets.token_hex(5)

    async def local_address(self) -> tuple[str, int]:
        """Our address as the server should see it. Raises `PathError`."""
        await self._open()
        transport: asyncio.BaseTransport | None = self._udp
        if self._writer is not None:
            transport = self._writer.transport
        if transport is None:
            raise PathError("the connection is gone")
        host, port = transport.get_extra_info("sockname")[:2]
        return str(host), int(port)

    async def via(self) -> str:
        """A Via header with a new branch. Raises `PathError`."""
        host, port = await self.local_address()
        shown = f"[{host}]" if ":" in host else host
        protocol = "TCP" if self._peer.over_tcp else "UDP"
        return f"SIP/2.0/{protocol} {shown}:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}"

    async def request(self, message: SipMessage) -> SipMessage:
        """Send a request and return its final answer; waits until the caller gives up.

        Raises:
            PathError: the connection cannot be opened or broke.
        """
        await self._open()
        key = (message.branch, message.method)
        answer: asyncio.Future[SipMessage] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            wait_s = TIMER_T1_S
            while True:
                await self._send(message.encode())
                if self._peer.over_tcp:
                    return await answer
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        return await asyncio.shield(answer)
                wait_s = min(wait_s * 2.0, TIMER_T2_S)
        finally:
            self._waiting.pop(key, None)
            answer.cancel()

    async def close(self) -> None:
        """Release the connection; a later request opens a new one."""
        reading = self._reading
        self._drop("closed")
        if reading is not None:
            await asyncio.gather(reading, return_exceptions=True)

    def drop(self, reason: str) -> None:
        """Give a silent connection up at once: the next request looks the name up and opens anew.

        A peer that lost its power, or a firewall that forgot us, says nothing for ever.
        """
        if self._writer is not None:
            # Nobody hears our end of it, and a local port that is set must be free again now.
            linger = struct.pack("ii", 1, 0)
            endpoint = self._writer.get_extra_info("socket")
            with suppress(OSError):
                endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._writer.transport.abort()
        self._drop(reason)

    async def _open(self) -> None:
        async with self._opening:
            if self._udp is not None or self._writer is not None:
                return
            host = await self._gate.address(self._peer.host)
            local = (
                (self._peer.local_host or "0.0.0.0", self._peer.local_port)  # noqa: S104
                if self._peer.local_host or self._peer.local_port
                else None
            )
            try:
                async with asyncio.timeout(_CONNECT_S):
                    if self._peer.over_tcp:
                        await self._open_tcp(host, local)
                    else:
                        await self._open_udp(host, local)
            except TimeoutError:
                raise PathError(f"no connection within {_CONNECT_S:g} s") from None
            except OSError as error:
                raise PathError(error.strerror or "no connection") from error

    async def _open_udp(self, host: str, local: tuple[str, int] | None) -> None:
        # A connected socket hears this server only.
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._take_datagram, self._break),
            local_addr=local,
            remote_addr=(host, self._peer.port),
        )

    async def _open_tcp(self, host: str, local: tuple[str, int] | None) -> None:
        reader, self._writer = await asyncio.open_connection(
            host, self._peer.port, limit=MOST_BYTES, local_addr=local
        )
        self._reading = asyncio.create_task(self._read(reader), name="sip-read")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        splitter = StreamSplitter()
        try:
            while data := await reader.read(8192):
                for message in splitter.feed(data):
                    self._take(message)
            self._drop("the server closed the connection")
        except (OSError, SipSyntaxError) as error:
            self._drop(str(error))

    async def _send(self, data: bytes) -> None:
        if self._udp is not None:
            self._udp.sendto(data)
            return
        if self._writer is None:
            raise PathError("the connection is gone")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            self._drop(str(error))
            raise PathError(error.strerror or "the connection broke") from error

    def _take_datagram(self, data: bytes) -> None:
        if not data.strip():
            return
        try:
            message = parse(data)
        except SipSyntaxError as error:
            _LOG.warning("delivery.sip_unreadable", reason=str(error))
            return
        self._take(message)

    def _take(self, message: SipMessage) -> None:
        if message.method:
            self._answer(message)
            return
        waiting = self._waiting.get((message.branch, message.cseq_method))
        if waiting is not None and not waiting.done() and message.status >= _FINAL:
            waiting.set_result(message)

    def _answer(self, request: SipMessage) -> None:
        """Raises `ConnectionAbortedError` where the peer reads no answers; `_read` ends then."""
        if request.method == "ACK":
            return
        # A branch alone does not tell a repetition: some platforms write none, or always the same.
        key = (request.branch, request.header("call-id"), request.header("cseq"))
        data = self._answered.get(key)
        if data is None:
            data = answer_to(request, self._handle(request), self.tag).encode()
            self._answered[key] = data
            if len(self._answered) > _ANSWERED:
                self._answered.popitem(last=False)
        if self._udp is not None:
            self._udp.sendto(data)
        elif self._writer is not None:
            self._writer.write(data)
            if self._writer.transport.get_write_buffer_size() > _MOST_UNREAD_BYTES:
                # It asks and asks, and reads nothing: all that it is answered would lie here.
                self._writer.transport.abort()
                raise ConnectionAbortedError("the server does not read what it is answered")

    def _break(self, error: Exception) -> None:
        """The server's machine said that nobody listens there; the name may be elsewhere now."""
        self._drop(f"nobody listens: {error}")

    def _drop(self, reason: str) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._writer is not None:
            self._writer.close()
        reading, self._reading = self._reading, None
        if reading is not None and reading is not asyncio.current_task():
            # It would drop the next connection when it sees the end of this one.
            reading.cancel()
        self._udp = self._writer = None
        self._fail(reason)
        self._dropped(reason)

    def _fail(self, reason: str) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(PathError(reason))


class _Datagrams(asyncio.DatagramProtocol):
    """Hands datagrams and errors on."""

    def __init__(self, take: Callable[[bytes], None], broke: Callable[[Exception], None]) -> None:
        self._take = take
        self._broke = broke

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        self._take(data)

    def error_received(self, exc: Exception) -> None:
        self._broke(exc)
