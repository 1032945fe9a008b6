"""SIA DC-09 to an alarm centre: Contact ID events, clear or AES, over TCP or UDP."""

from __future__ import annotations

import asyncio
from pathlib import Path

from api.delivery.driver import Accepted, Receipt
from api.delivery.drivers.dc09_frame import Answer, Line, build_frame, read_answer
from api.delivery.errors import PathError, RefusedError, SetupError
from api.delivery.message import OutMessage
from api.delivery.outward import Gate
from config.delivery import Dc09Keys, read_secret
from config.errors import SecretError
from streams.clock import Clock

# Contact ID event codes (SIA DC-05).
_CODES = {
    "test": "602",
    "panic": "120",
    "camera_lost": "380",
    "worker_lost": "380",
    "recorder_lost": "380",
    "panel_fault": "380",
    "area_blind": "380",
    "delivery": "354",
    "site_files": "380",
    "recording_stopped": "380",
    "disk_low": "380",
}
_MOST_BYTES = 4096
_TOLERANCE_S = 20.0
_OF_EACH_KIND = 4999


class Dc09Driver:
    """Opens a connection for each message, as alarm transmitters do."""

    def __init__(self, keys: Dc09Keys, directory: Path, clock: Clock, gate: Gate) -> None:
        """Raises `SetupError` when the key cannot be used."""
        self._keys = keys
        self._clock = clock
        self._line = Line(
            keys.account, keys.prefix.upper(), (keys.receiver or "").upper(), _key(keys, directory)
        )
        self._tests = clock.utc().ns // 1_000_000_000
        self._gate = gate

    async def start(self) -> None:
        """Connections open with each message."""

    async def stop(self) -> None:
        """Nothing stays open."""

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """See `Driver.send`; ACK is the receiver's receipt."""
        await self._ask("ADM-CID", _number_of(message), self.contact_id(message))
        accepted()
        return Receipt(received=True, detail="ACK")

    async def supervise(self) -> str:
        """The link test: a NULL message that the receiver acknowledges."""
        try:
            await self._ask("NULL", self._next_test(), "")
        except RefusedError as error:
            raise PathError(str(error)) from None
        return "ACK to the link test"

    def contact_id(self, message: OutMessage) -> str:
        """`#account|QEEE GG ZZZ`: what happened, and the number of the place."""
        code = _CODES.get(message.alarm_type, self._keys.event_code)
        qualifier = 6
        if message.begins:
            qualifier = 1
        elif message.ends:
            qualifier = 3
        return f"#{self._keys.account}|{qualifier}{code} 01 {message.point % 1000:03d}"

    def _next_test(self) -> int:
        """Even numbers, counted in turn."""
        self._tests += 1
        return 2 * (self._tests % _OF_EACH_KIND) + 2

    async def _ask(self, kind: str, sequence: int, data: str) -> None:
        now = self._clock.utc().to_datetime()
        frame = build_frame(self._line, kind, sequence, data, now)
        host = await self._gate.address(self._keys.host)
        try:
            async with asyncio.timeout(self._keys.timeout_s):
                exchange = self._over_tcp if self._keys.transport == "tcp" else self._over_udp
                raw = await exchange(host, frame)
        except TimeoutError:
            raise PathError(f"no answer within {self._keys.timeout_s:g} s") from None
        except OSError as error:
            raise PathError(error.strerror or type(error).__name__) from error
        answer = read_answer(raw, self._line.key)
        if answer is None:
            raise PathError("the answer is damaged, not encrypted, or not with our key")
        self._judge(answer, sequence)

    def _judge(self, answer: Answer, sequence: int) -> None:
        if answer.kind == "ACK" and answer.sequence == sequence:
            return
        if answer.kind == "ACK":
            raise PathError("the receiver acknowledged another message")
        if answer.kind == "DUH" and self._line.key and not answer.sealed:
            # Anybody on the way can say so, and a key is mended some day: it ends no alarm.
            raise PathError("DUH in clear: the receiver lacks our key or cannot process this event")
        if answer.kind == "DUH":
            raise RefusedError("DUH: the receiver cannot process this event")
        # Clock, account and key are mended some day, and the event is the same good one then.
        reason = f"{answer.kind}: the receiver refuses account or key"
        if answer.time is not None:
            skew_s = (self._clock.utc().to_datetime() - answer.time).total_seconds()
            if abs(skew_s) > _TOLERANCE_S:
                told = f"our clock differs from the receiver's by {skew_s:.0f} s; set NTP up"
                reason = f"{answer.kind}: {told}"
        raise PathError(reason)

    async def _over_tcp(self, host: str, frame: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(host, self._keys.port, limit=_MOST_BYTES)
        try:
            writer.write(frame)
            await writer.drain()
            return await reader.readuntil(b"\r")
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError:
            return b""
        finally:
            writer.close()

    async def _over_udp(self, host: str, frame: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _OneAnswer(answer), remote_addr=(host, self._keys.port)
        )
        try:
            transport.sendto(frame)
            return await answer
        finally:
            transport.close()


def _number_of(message: OutMessage) -> int:
    """An odd number that follows from the outbox row, and so is the same for every repetition.

    A receiver may take two frames of one number for one. A number counted here would be another
    one after a restart, where the alarm centre would show the repetition as a second event, or
    that of a frame shortly before, where it would drop an alarm.
    """
    return 2 * (message.sequence % _OF_EACH_KIND) + 1


class _OneAnswer(asyncio.DatagramProtocol):
    """Hands over the first datagram or the first error."""

    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        if not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


def _key(keys: Dc09Keys, directory: Path) -> bytes:
    if keys.key is None:
        return b""
    try:
        key = bytes.fromhex(read_secret(keys.key, directory))
    except SecretError as error:
        raise SetupError(str(error)) from None
    except ValueError:
        raise SetupError(f"{keys.key} is not hexadecimal") from None
    if len(key) not in (16, 24, 32):
        raise SetupError(f"{keys.key} has {len(key)} bytes; AES needs 16, 24 or 32")
    return key
