"""GB/T 28181 against a platform of a few lines: silence, a move, challenges, and a reset."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from api.delivery.drivers import gb28181
from api.delivery.drivers.gb28181 import Gb28181Driver
from api.delivery.drivers.sip_link import Peer, SipLink
from api.delivery.drivers.sip_message import (
    Reply,
    SipMessage,
    StreamSplitter,
    answer_to,
    parse,
)
from api.delivery.errors import PathError
from api.delivery.outward import Gate
from config.delivery import Gb28181Keys
from streams.backoff import Backoff
from tests.api.delivery.cases import until

_LOGIN = 'Digest realm="3402000000", nonce="abc", algorithm=MD5'
RESET = (
    b"<Control><CmdType>DeviceControl</CmdType><SN>77</SN>"
    b"<DeviceID>34020000001180000001</DeviceID><AlarmCmd>ResetAlarm</AlarmCmd></Control>"
)


class Platform:
    """Answers requests over TCP and UDP; `challenge` names the status that asks for a login."""

    def __init__(self, challenge: int = 0) -> None:
        self.challenge = challenge
        self.silent: set[int] = set()
        self.closes = False
        self.grants = ""
        self.least = 0
        self.connections = 0
        self.seen: list[SipMessage] = []

    def answer(self, request: SipMessage) -> bytes:
        self.seen.append(request)
        proxy = self.challenge == 407
        login = request.header("proxy-authorization" if proxy else "authorization")
        if request.method == "REGISTER" and int(request.header("expires")) < self.least:
            reply = Reply(423, "Interval Too Brief", (("min-expires", str(self.least)),))
        elif request.method == "MESSAGE" and self.challenge and not login:
            name = "proxy-authenticate" if proxy else "www-authenticate"
            reply = Reply(self.challenge, "Login", ((name, _LOGIN),))
        else:
            granted = (("expires", self.grants),) if self.grants else ()
            reply = Reply(200, "OK", granted)
        return answer_to(request, reply, "theirs").encode()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, splitter = self.connections, StreamSplitter()
        self.connections += 1
        try:
            while data := await reader.read(8192):
                for one in splitter.feed(data):
                    if number not in self.silent and one.method:
                        writer.write(self.answer(one))
                        if self.closes:
                            return
        except ConnectionResetError:
            pass
        finally:
            writer.close()

    def methods(self) -> Counter[str]:
        return Counter(one.method for one in self.seen)


class Datagrams(asyncio.DatagramProtocol):
    """The platform's UDP side."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.transport = asyncio.DatagramTransport()
        self.peer: tuple[str, int] = ("", 0)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.peer = addr
        one = parse(data)
        if one.method:
            self.transport.sendto(self.platform.answer(one), addr)


@asynccontextmanager
async def listening(
    platform: Platform, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Datagrams]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Datagrams(platform), local_addr=(host, port)
    )
    protocol.transport = transport
    try:
        yield protocol
    finally:
        transport.close()
        await asyncio.sleep(0)  # the socket itself is closed in the loop's next turn


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GB_PASSWORD", "pw")
    monkeypatch.setattr(gb28181, "_CALL_S", 0.3)


@asynccontextmanager
async def driver_for(
    port: int, *, tcp: bool = False, host: str = "127.0.0.1", where: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Gb28181Driver, list[tuple[str, str]]]]:
    """A running driver and the commands that it was given; `where` the addresses of `host`."""
    keys = Gb28181Keys(
        server=host,
        port=port,
        transport="tcp" if tcp else "udp",
        server_id="34020000002000000001",
        domain="3402000000",
        device_id="34020000001180000001",
        password="env:GB_PASSWORD",
    )
    commands: list[tuple[str, str]] = []
    found = list(where)
    gate = Gate(Path(), lambda _: (found.pop(0) if len(found) > 1 else found[0],))
    driver = Gb28181Driver(
        keys,
        Path(),
        lambda *_: None,
        lambda *said: commands.append(said),
        "第一小学",
        gate if where else Gate(Path()),
    )
    await driver.start()
    try:
        yield driver, commands
    finally:
        await driver.stop()


async def alive(driver: Gb28181Driver) -> bool:
    try:
        return bool(await driver.supervise())
    except PathError:
        return False


async def test_a_connection_that_fell_silent_is_given_up_for_a_new_one() -> None:
    """A pulled plug, or a firewall that forgot us: nothing ever comes over the old one again."""
    platform = Platform()
    async with await asyncio.start_server(platform.take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with driver_for(port, tcp=True) as (driver, _):
            await until(lambda: alive(driver), "the registration")
            platform.silent.add(0)
            with pytest.raises(PathError, match="the platform does not answer"):
                await driver.supervise()
            await until(lambda: alive(driver), "a new connection")
    # The new one was registered from, since the platform answers where it knows us.
    assert (platform.connections, platform.methods()["REGISTER"]) == (2, 2)


async def test_a_shorter_registration_is_renewed_before_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """3600 s are asked for; after what was granted the platform knows us no more."""
    monkeypatch.setattr(gb28181, "_SOONEST_S", 0.05)
    platform = Platform()
    platform.grants = "1"
    async with listening(platform) as here, driver_for(here.port) as (driver, _):
        await until(lambda: platform.methods()["REGISTER"] == 3, "two renewals")
        assert await alive(driver)
    first, *renewals = [one for one in platform.seen if one.method == "REGISTER"]
    assert {one.header("call-id") for one in renewals} == {first.header("call-id")}


async def test_a_platform_that_wants_a_longer_registration_gets_it() -> None:
    platform = Platform()
    platform.least = 7200
    async with listening(platform) as here, driver_for(here.port) as (driver, _):
        await until(lambda: alive(driver), "the registration")
    asked = [one.header("expires") for one in platform.seen if one.method == "REGISTER"]
    assert asked == ["3600", "7200"]


async def test_a_platform_that_closes_after_each_answer_is_not_flooded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was asked 250 times a second."""
    waits: list[float] = []
    next_wait_s = Backoff.next_wait_s

    def noted(backoff: Backoff, floor_s: float = 0.0) -> float:
        waits.append(next_wait_s(backoff, floor_s))
        return 0.0

    monkeypatch.setattr(Backoff, "next_wait_s", noted)
    platform = Platform()
    platform.closes = True
    async with (
        await asyncio.start_server(platform.take, "127.0.0.1", 0) as server,
        driver_for(server.sockets[0].getsockname()[1], tcp=True),
    ):
        await until(lambda: len(waits) > 5, "six waits")
    # From 1 s, doubled each time to half a minute, and shortened by up to a half.
    assert sum(waits[:6]) >= (1 + 2 + 4 + 8 + 16 + 30) / 2


async def test_a_platform_that_moved_is_looked_up_anew() -> None:
    one, two = Platform(), Platform()
    where = ("127.0.0.1", "127.0.0.2")
    async with (
        listening(one) as first,
        listening(two, "127.0.0.2", first.port),
        driver_for(first.port, host="platform.example", where=where) as (driver, _),
    ):
        await until(lambda: alive(driver), "the registration")
        first.transport.close()
        await until(lambda: alive(driver), "the other machine")
    assert two.methods()["REGISTER"] == 1


@pytest.mark.parametrize("challenge", [401, 407])
async def test_a_message_that_is_challenged_is_sent_again_with_the_login(challenge: int) -> None:
    platform = Platform(challenge)
    async with listening(platform) as here, driver_for(here.port) as (driver, _):
        await until(lambda: alive(driver), "the registration")
        assert await alive(driver)
    assert platform.methods()["REGISTER"] == 1
    name = "proxy-authorization" if challenge == 407 else "authorization"
    (one, again) = [one for one in platform.seen if one.method == "MESSAGE"][-2:]
    assert (one.header(name), one.header("call-id")) == ("", again.header("call-id"))
    assert again.header(name).startswith('Digest username="34020000001180000001"')


def reset(branch: str, cseq: str) -> SipMessage:
    return SipMessage(
        (
            ("via", f"SIP/2.0/UDP 127.0.0.1:5060{branch and ';branch=z9hG4bK'}{branch}"),
            ("from", "<sip:a@b>;tag=1"),
            ("to", "<sip:c@d>"),
            ("call-id", "reset"),
            ("cseq", cseq),
        ),
        RESET,
        method="MESSAGE",
        uri="sip:c@d",
    )


async def test_a_reset_from_outside_is_told_and_answered_with_an_error() -> None:
    """The alarm is ended in the school: nobody outside is to believe that it is reset."""
    platform = Platform()
    async with listening(platform) as here, driver_for(here.port) as (driver, commands):
        await until(lambda: alive(driver), "the registration")
        here.transport.sendto(reset("branch", "1 MESSAGE").encode(), here.peer)
        bodies: list[bytes] = []

        def answered() -> bool:
            bodies[:] = [one.body for one in platform.seen if b"<SN>77</SN>" in one.body]
            return bool(bodies)

        await until(answered, "the answer")
    assert commands == [("ResetAlarm", "")]
    assert b"<Result>ERROR</Result>" in bodies[0]


@pytest.mark.parametrize("branch", ["", "always-the-same"])
async def test_only_the_same_request_again_is_a_repetition(branch: str) -> None:
    """Some platforms write no branch, or always the same: their second word was not heard."""
    platform = Platform()
    async with listening(platform) as here, driver_for(here.port) as (driver, commands):
        await until(lambda: alive(driver), "the registration")
        for number in (1, 1, 2):
            here.transport.sendto(reset(branch, f"{number} MESSAGE").encode(), here.peer)
        await until(lambda: len(commands) == 2, "both commands")
        here.transport.sendto(reset(branch, "3 MESSAGE").encode(), here.peer)
        await until(lambda: len(commands) > 2, "the last one")
    assert commands == [("ResetAlarm", "")] * 3


async def test_questions_that_nobody_takes_an_answer_to_are_refused_beyond_some() -> None:
    platform = Platform()
    async with listening(platform) as here, driver_for(here.port) as (driver, commands):
        await until(lambda: alive(driver), "the registration")
        here.transport.close()
        replies = [driver._handle(reset("branch", f"{number} MESSAGE")) for number in range(100)]
        assert Counter(one.status for one in replies) == {200: 32, 503: 68}
        await until(lambda: not driver._answers, "the end of the answers")
        assert len(commands) == 32
        assert driver._handle(reset("branch", "101 MESSAGE")).status == 200


async def test_a_platform_that_asks_and_reads_nothing_fills_no_memory() -> None:
    dropped: list[str] = []
    head = b"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK%d\r\n"
    asked = b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n\r\n"

    async def ask(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            for number in count():
                writer.write(head % number + asked % (b"x" * 2_000))
                await writer.drain()
        writer.transport.abort()

    async with await asyncio.start_server(ask, "127.0.0.1", 0, limit=1_024) as server:
        peer = Peer("127.0.0.1", server.sockets[0].getsockname()[1], over_tcp=True)
        link = SipLink(peer, lambda _: Reply(200, "OK"), dropped.append, Gate(Path()))
        await link.local_address()
        await until(lambda: bool(dropped), "the end of the connection")
        await link.close()
    assert dropped[0] == "the server does not read what it is answered"
