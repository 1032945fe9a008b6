"""Frames and documents as bytes: DC-09, SIP, digest, MANSCDP, CAP, robots' signatures."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.delivery.drivers import gb_xml
from api.delivery.drivers.dc09_frame import Line, build_frame, crc16_arc, read_answer
from api.delivery.drivers.gb_xml import AlarmCode, GbXmlError, alarm_code
from api.delivery.drivers.sip_digest import Challenge, Login, authorization, best_challenge
from api.delivery.drivers.sip_message import (
    Reply,
    SipMessage,
    SipSyntaxError,
    StreamSplitter,
    answer_to,
    granted_s,
    parse,
)
from tests.api.delivery.cases import message

# A busy machine is no fault of the code.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AT = datetime(2026, 11, 23, 7, 4, 5, tzinfo=UTC)


def test_crc_of_the_catalogued_check_value() -> None:
    """CRC-16/ARC of "123456789" is 0xBB3D (Greg Cook's catalogue of parametrised CRCs)."""
    assert crc16_arc(b"123456789") == 0xBB3D


def test_a_clear_frame_letter_by_letter() -> None:
    frame = build_frame(Line("1A2B"), "ADM-CID", 18, "#1A2B|1150 01 001", AT)
    body = b'"ADM-CID"0018L0#1A2B[#1A2B|1150 01 001]_07:04:05,11-23-2026'
    assert frame == b"\n%04X%04X" % (crc16_arc(body), len(body)) + body + b"\r"


@pytest.mark.parametrize("kind", ["ACK", "NAK", "DUH"])
def test_answers_are_read(kind: str) -> None:
    body = f'"{kind}"0018L0#1A2B[]_07:04:05,11-23-2026'.encode()
    raw = b"\n%04X%04X" % (crc16_arc(body), len(body)) + body + b"\r"
    answer = read_answer(raw)
    assert answer is not None
    assert (answer.kind, answer.sequence, answer.time) == (kind, 18, AT)
    assert read_answer(raw.replace(b"0018", b"0019")) is None


def framed(body: bytes) -> bytes:
    return b"\n%04X%04X%s\r" % (crc16_arc(body), len(body), body)


def encrypted_ack(key: bytes) -> bytes:
    """As a receiver writes it: what `build_frame` writes has the same form."""
    body = build_frame(Line("1A2B", key=key), "ACK", 18, "", AT)[9:-1]
    return framed(body)


def test_with_a_key_only_a_receiver_that_has_it_acknowledges() -> None:
    key, other = b"k" * 16, b"o" * 16
    answer = read_answer(encrypted_ack(key), key)
    assert answer is not None
    assert (answer.kind, answer.sequence, answer.time) == ("ACK", 18, AT)
    assert read_answer(encrypted_ack(other), key) is None
    assert read_answer(framed(b'"ACK"0018L0#1A2B[]_07:04:05,11-23-2026'), key) is None
    assert read_answer(framed(b'"*ACK"0018L0#1A2B[]_07:04:05,11-23-2026'), key) is None
    # A receiver that cannot read us says so in clear.
    refusal = read_answer(framed(b'"NAK"0000R0L0A0[]_07:04:05,11-23-2026'), key)
    assert refusal is not None
    assert refusal.kind == "NAK"


@given(st.binary(max_size=64))
@settings(CALM, max_examples=200)
def test_whatever_stands_in_an_ack_acknowledges_nothing_without_the_key(content: bytes) -> None:
    raw = framed(b'"*ACK"0018L0#1A2B[' + content.hex().encode())
    assert read_answer(raw, b"k" * 16) is None


@given(st.binary(max_size=200))
@settings(CALM, max_examples=50)
def test_no_bytes_break_the_reader_of_answers(raw: bytes) -> None:
    assert read_answer(b"\n" + raw + b"\r", b"k" * 16) is None


RFC2617 = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "MD5", "", True)


def test_digest_of_the_rfcs_example() -> None:
    """The example of RFC 2617, section 3.5."""
    line = authorization(
        RFC2617, Login("Mufasa", "Circle Of Life"), "GET", "/dir/index.html", "0a4f113b"
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in line


def test_sha256_digest_of_the_rfcs_example() -> None:
    """The example of RFC 7616, section 3.9.1."""
    challenge = Challenge(
        "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "SHA-256", "", True
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    line = authorization(
        challenge, Login("Mufasa", "Circle of Life"), "GET", "/dir/index.html", cnonce
    )
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in line


def test_the_stronger_challenge_is_taken() -> None:
    offers = [
        'Digest realm="r", nonce="a", algorithm=MD5',
        'Digest realm="r", nonce="b", algorithm=SHA-256',
    ]
    found = best_challenge(offers)
    assert found is not None
    assert (found.nonce, found.algorithm) == ("b", "SHA-256")
    assert best_challenge(['Basic realm="r"', 'Digest realm="r", nonce="a", algorithm=X']) is None


SIP = (
    b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc;rport\r\n"
    b"CSeq: 20 MESSAGE\r\nContent-Length: 2\r\n\r\nhi"
)


def test_a_sip_answer_is_read() -> None:
    found = parse(SIP)
    assert (found.status, found.branch, found.cseq_method, found.body) == (
        200, "z9hG4bKabc", "MESSAGE", b"hi",
    )  # fmt: skip


def test_a_request_survives_writing_and_reading() -> None:
    request = SipMessage(
        (("via", "SIP/2.0/UDP a;branch=z9hG4bK1"), ("to", "<sip:b>"), ("cseq", "1 MESSAGE")),
        "东楼梯".encode("gb18030"),
        method="MESSAGE",
        uri="sip:b",
    )
    again = parse(request.encode())
    assert (again.method, again.uri, again.body) == ("MESSAGE", "sip:b", request.body)
    answer = answer_to(again, Reply(200, "OK"), "t1")
    assert answer.header("to") == "<sip:b>;tag=t1"
    assert answer.branch == "z9hG4bK1"


@pytest.mark.parametrize(
    ("headers", "lasts_s"),
    [
        ((), 3_600),
        ((("expires", "120"),), 120),
        ((("expires", "7200"),), 3_600),
        ((("expires", "0"),), 3_600),
        ((("expires", "²"),), 3_600),
        ((("expires", "120"), ("contact", "<sip:d@10.0.0.1:5060>;q=1;Expires=60")), 60),
        # Another connection's registration, from before a restart, is none of ours.
        ((("contact", "<sip:d@10.0.0.1:50>;expires=3, <sip:d@10.0.0.1:5060>;expires=90"),), 90),
        ((("contact", "<sip:d@10.0.0.1:50>;expires=3"), ("expires", "80")), 80),
        ((("contact", "<sip:d@10.0.0.1:5060>, <sip:e@10.0.0.1:50>;expires=3"),), 3_600),
    ],
)
def test_how_long_a_registration_holds(headers: tuple[tuple[str, str], ...], lasts_s: int) -> None:
    assert granted_s(SipMessage(headers, status=200), "d@10.0.0.1:5060", 3_600) == lasts_s


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
@settings(CALM, max_examples=30)
def test_a_stream_is_cut_at_the_same_places_however_it_arrives(cuts: list[int]) -> None:
    data, splitter, found = SIP * 3, StreamSplitter(), []
    for cut in cuts:
        found += splitter.feed(data[:cut])
        data = data[cut:]
    found += splitter.feed(data)
    assert [one.body for one in found] == [b"hi"] * 3


@given(st.binary(max_size=300))
@settings(CALM, max_examples=50)
def test_what_is_no_sip_is_refused(data: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        parse(b"x" + data)


@pytest.mark.parametrize(
    ("kind", "cause", "edition", "code"),
    [
        ("crowd", "", 2022, AlarmCode(5, 10)),
        ("camera_lost", "camera covered", 2022, AlarmCode(5, 13)),
        ("camera_lost", "camera covered", 2016, AlarmCode(5, 11)),
        ("camera_lost", "connection lost", 2016, AlarmCode(2, 1)),
        ("area_blind", "less is seen than planned", 2022, AlarmCode(5, 11)),
        ("panic", "", 2022, AlarmCode(2)),
    ],
)
def test_alarms_have_the_standards_codes(
    kind: str, cause: str, edition: int, code: AlarmCode
) -> None:
    assert alarm_code(kind, cause, edition) == code


def test_an_alarm_notification() -> None:
    body = gb_xml.alarm_notify(message(), "34020000001340000001", 2022).decode("gb18030")
    assert body.startswith('<?xml version="1.0" encoding="GB18030"?>')
    assert "<SN>17</SN><DeviceID>34020000001340000001</DeviceID>" in body
    assert "<AlarmTime>2026-11-23T15:04:05</AlarmTime>" in body  # 07:04:05 UTC in China
    incoming = gb_xml.read(gb_xml.alarm_notify(message(), "34020000001340000001", 2016))
    assert (incoming.kind, incoming.command, incoming.number) == ("Notify", "Alarm", 17)


@pytest.mark.parametrize(
    ("changes", "priority"),
    [
        ({}, 1),
        ({"action": "raised", "first_id": "msg_0"}, 1),
        ({"action": "repeated", "first_id": "msg_0", "priority": 2}, 2),
        ({"action": "escalated", "escalation": "police", "priority": 2}, 2),
        ({"action": "escalated", "escalation": "district", "first_id": "msg_0"}, 1),
        # The first that the platform hears of the alarm, whatever the step is.
        ({"action": "acknowledged"}, 1),
        ({"action": "acknowledged", "first_id": "msg_0"}, 4),
        ({"action": "dispatched", "first_id": "msg_0"}, 4),
        ({"action": "returned", "first_id": "msg_0"}, 4),
        ({"action": "closed", "first_id": "msg_0"}, 4),
    ],
)
def test_only_steps_to_act_on_alert_the_platform(changes: dict[str, object], priority: int) -> None:
    """There every document is an alarm of its own, with a sound by its priority."""
    body = gb_xml.alarm_notify(message(**changes), "34020000001340000001", 2022)
    assert f"<AlarmPriority>{priority}</AlarmPriority>" in body.decode("gb18030")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"<Response><CmdType>Alarm</CmdType></Response>",
        b"<Response><CmdType>Alarm</CmdType><SN>x</SN></Response>",
        b'<!DOCTYPE a [<!ENTITY e "x">]><Response><CmdType>A</CmdType><SN>1</SN></Response>',
        b"\xff\xff\xff",
        b" " * 40_000,
    ],
)
def test_documents_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(GbXmlError):
        gb_xml.read(body)
