"""Whatever bytes a SIP peer sends, the reader takes or refuses them, and goes on.

Real messages are spoilt at random places by what readers have stumbled over: digits that are none,
numbers without end, half letters, brackets and quotation marks that do not close.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.delivery.drivers import gb_xml
from api.delivery.drivers.gb28181 import Gb28181Driver
from api.delivery.drivers.gb_subscription import Subscriptions, lasting_s, uri_of
from api.delivery.drivers.gb_xml import GbXmlError, Incoming
from api.delivery.drivers.sip_digest import Login, authorization, best_challenge
from api.delivery.drivers.sip_message import SipMessage, SipSyntaxError, StreamSplitter, parse
from api.delivery.outward import Gate
from config.delivery import Gb28181Keys
from tests.api.delivery.cases import until

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
_HEAD = (
    b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc;rport\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:c@d>\r\nCall-ID: x\r\nContact: <sip:a@10.0.0.1:5060>\r\nExpires: 3600\r\n"
)
_DOCUMENT = (
    b'<?xml version="1.0" encoding="GB2312"?>\r\n<Query><CmdType>%s</CmdType><SN>88</SN>'
    b"<DeviceID>34</DeviceID><StartAlarmPriority>1</StartAlarmPriority><AlarmMethod>0</AlarmMethod>"
    b"<EndAlarmTime>2026-01-01T00:00:00</EndAlarmTime><Result>OK</Result></Query>"
)
MESSAGES = (
    b"SIP/2.0 401 Unauthorized\r\nCSeq: 20 REGISTER\r\n"
    b'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5, qop="auth", opaque=""\r\n'
    + _HEAD
    + b"Content-Length: 0\r\n\r\n",
    *(
        b"%s sip:c@d SIP/2.0\r\nCSeq: 1 %s\r\nEvent: presence\r\n" % (method, method)
        + _HEAD
        + b"Content-Length: 300\r\n\r\n"
        + (_DOCUMENT % command).ljust(300)
        for method, command in (
            (b"MESSAGE", b"Catalog"),
            (b"MESSAGE", b"Alarm"),
            (b"SUBSCRIBE", b"Alarm"),
        )
    ),
)
STUMBLES = (
    *("²".encode(), b"\xb2", "٣".encode(), "１".encode(), b"9" * 5_000, b"-1", b"0", b"", b" "),
    *(b"\x00", b"\xff", b"\r\n", b"\n", b"<", b">", b"&#0;", b"&#xD800;", b"<!--", b"<![CDATA["),
    *(b'"', b"\\", b";", b",", b"=", b"Digest ", b"SHA-256", b"OPTIONS", b"0001-01-01", b"+23:59"),
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A real message with up to six places replaced, added, or cut out."""
    data = bytearray(draw(st.sampled_from(MESSAGES)))
    for _ in range(draw(st.integers(0, 6))):
        at, cut = draw(st.integers(0, len(data))), draw(st.integers(0, 12))
        data[at : at + cut] = draw(st.sampled_from(STUMBLES) | st.binary(max_size=3))
    return bytes(data)


def refusing(data: bytes) -> SipMessage | None:
    """The message, or `None` where it is refused."""
    with suppress(SipSyntaxError):
        return parse(data)
    return None


@pytest.mark.parametrize("length", ["²", "٣", "9" * 5_000, "-1", "1 2"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    data = f"SIP/2.0 200 OK\r\nContent-Length: {length}\r\n\r\nhi".encode()
    with pytest.raises(SipSyntaxError):
        parse(data)
    with pytest.raises(SipSyntaxError):
        StreamSplitter().feed(data)


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5_000, "-1", ""])
def test_numbers_in_documents_and_lengths_of_subscriptions(number: str) -> None:
    body = f"<R><CmdType>Alarm</CmdType><SN>{number}</SN></R>".encode("gb18030")
    with pytest.raises(GbXmlError, match="SN is missing"):
        gb_xml.read(body)
    assert lasting_s(number) == 3_600


@given(spoilt(), st.integers(0, 2_000))
@CALM
def test_a_stream_is_cut_or_refused(data: bytes, cut: int) -> None:
    splitter = StreamSplitter()
    with suppress(SipSyntaxError):
        for one in (*splitter.feed(data[:cut]), *splitter.feed(data[cut:])):
            again = parse(one.encode())
            assert (again.method, again.status, again.body) == (one.method, one.status, one.body)


@given(spoilt())
@CALM
def test_a_document_is_answered_or_refused(data: bytes) -> None:
    message = refusing(data)
    if message is None:
        return
    with suppress(GbXmlError):
        incoming = gb_xml.read(message.body)
        for edition in (2016, 2022):
            answers = (
                gb_xml.result(incoming, "34", edition, ok=False),
                gb_xml.description(incoming, "34", "35", "第一小学", edition),
            )
            for body in filter(None, answers):
                assert gb_xml.read(body).number == incoming.number


@given(spoilt())
@CALM
def test_a_challenge_and_a_subscription_are_taken_or_left(data: bytes) -> None:
    message = refusing(data)
    if message is None:
        return
    challenge = best_challenge(message.all("www-authenticate"))
    if challenge is not None:
        login = authorization(challenge, Login("u", "p"), "REGISTER", "sip:x", "c")
        assert SipMessage((("authorization", login),), method="REGISTER", uri="sip:x").encode()
    wanted = Incoming("Query", "Alarm", 1, "34").wanted
    assert 0 <= Subscriptions().take(message, wanted, "t", 0.0) <= 86_400


def test_a_header_without_end_costs_no_time() -> None:
    """Tried anew at each letter, one such header held the sender up for a minute."""
    assert best_challenge(["Digest " + "a" * 60_000]) is None
    assert uri_of("<" * 60_000).startswith("<")


async def test_a_connection_outlives_a_document_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On TCP the reader had ended, and nothing was heard until the keepalive gave the line up."""
    monkeypatch.setenv("GB_PASSWORD", "pw")
    heard: list[SipMessage] = []
    odd = _DOCUMENT.replace(b"88", "²".encode("gb18030")) % b"Alarm"
    head = (
        b"MESSAGE sip:c@d SIP/2.0\r\nCSeq: %d MESSAGE\r\n" + _HEAD + b"Content-Length: %d\r\n\r\n"
    )

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, body in enumerate((odd, _DOCUMENT % b"Alarm"), start=1):
            one = (head % (number, len(body))).replace(b"z9hG4bKabc", b"z9hG4bK%d" % number)
            writer.write(one + body)
        splitter = StreamSplitter()
        while data := await reader.read(8192):
            heard.extend(splitter.feed(data))
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        keys = Gb28181Keys(
            server="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            transport="tcp",
            server_id="34020000002000000001",
            domain="3402000000",
            device_id="34020000001180000001",
            password="env:GB_PASSWORD",
        )
        driver = Gb28181Driver(
            keys, Path(), lambda *_: None, lambda *_: None, "第一小学", Gate(Path())
        )
        await driver.start()
        try:
            await until(lambda: len([one for one in heard if one.status]) == 2, "both answers")
        finally:
            await driver.stop()
    assert [one.status for one in heard if one.status] == [400, 200]
