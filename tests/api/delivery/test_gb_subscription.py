"""What a platform subscribes to, for how long, and when it ends."""

from __future__ import annotations

from datetime import datetime

import pytest

from api.delivery.drivers import gb_xml
from api.delivery.drivers.gb_subscription import LONGEST_S, Subscriptions, lasting_s, uri_of
from api.delivery.drivers.gb_xml import CHINA, AlarmCode
from api.delivery.drivers.sip_message import SipMessage

NOON = datetime(2026, 11, 23, 12, tzinfo=CHINA)
CROWD, LOST = AlarmCode(5, 10), AlarmCode(2, 1)


def query(inner: str) -> gb_xml.Incoming:
    body = f"<Query><CmdType>Alarm</CmdType><SN>1</SN><DeviceID>3</DeviceID>{inner}</Query>"
    return gb_xml.read(body.encode())


def subscribe(call_id: str = "a", expires: str = "600") -> SipMessage:
    return SipMessage(
        (
            ("from", "<sip:platform@domain>;tag=theirs"),
            ("to", "<sip:device@domain>"),
            ("call-id", call_id),
            ("contact", "<sip:platform@10.0.0.1:5060>"),
            ("event", "presence"),
            ("expires", expires),
        ),
        method="SUBSCRIBE",
    )


@pytest.mark.parametrize(
    ("inner", "wants"),
    [
        ("", (True, True, True)),
        ("<StartAlarmPriority>0</StartAlarmPriority><AlarmMethod>0</AlarmMethod>", (True,) * 3),
        ("<EndAlarmPriority>2</EndAlarmPriority>", (True, False, True)),
        ("<StartAlarmPriority>3</StartAlarmPriority>", (False, True, False)),
        ("<AlarmMethod>2</AlarmMethod>", (False, False, True)),
        ("<AlarmMethod>25</AlarmMethod>", (True, True, True)),
        ("<AlarmMethod>1/5</AlarmMethod>", (True, True, False)),
        ("<AlarmMethod>5</AlarmMethod><AlarmType>2</AlarmType>", (False, False, False)),
        ("<EndAlarmTime>2026-11-23T11:59:59</EndAlarmTime>", (False, False, False)),
        ("<EndTime>2027-01-01T00:00:00</EndTime>", (True, True, True)),
        ("<EndTime>for ever</EndTime><StartAlarmPriority>x</StartAlarmPriority>", (True,) * 3),
    ],
)
def test_a_filter_wants_what_it_says(inner: str, wants: tuple[bool, bool, bool]) -> None:
    held = Subscriptions()
    held.take(subscribe(), query(inner).wanted, "ours", 0.0)
    kinds = ((1, CROWD), (3, CROWD), (2, LOST))
    assert tuple(held.wanting(*kind, NOON, 1.0) is not None for kind in kinds) == wants


def test_it_is_renewed_runs_out_and_is_ended() -> None:
    held, all_of_them = Subscriptions(), query("").wanted

    def wanting(now: float) -> bool:
        return held.wanting(1, CROWD, NOON, now) is not None

    assert held.take(subscribe(), all_of_them, "ours", 0.0) == 600
    first = held.wanting(1, CROWD, NOON, 1.0)
    assert first is not None
    assert dict(first.headers(100.0)) == {
        "from": "<sip:device@domain>;tag=ours",
        "to": "<sip:platform@domain>;tag=theirs",
        "call-id": "a",
        "cseq": "1 NOTIFY",
        "event": "presence",
        "subscription-state": "active;expires=500",
    }
    held.take(subscribe(), all_of_them, "ours", 500.0)
    renewed = held.wanting(1, CROWD, NOON, 1_000.0)
    assert renewed is not None
    assert dict(renewed.headers(1_000.0))["cseq"] == "2 NOTIFY"
    assert not wanting(1_101.0)
    held.take(subscribe(), all_of_them, "ours", 2_000.0)
    assert held.take(subscribe(expires="0"), all_of_them, "ours", 2_001.0) == 0
    assert not wanting(2_002.0)


def test_no_platform_fills_the_memory() -> None:
    held = Subscriptions()
    for number in range(100):
        held.take(subscribe(f"call-{number}"), query("").wanted, "ours", 0.0)
    found = set()
    while (one := held.wanting(1, CROWD, NOON, 1.0)) is not None:
        found.add(one.call_id)
        held.drop(one)
    assert found == {f"call-{number}" for number in range(92, 100)}


@pytest.mark.parametrize(
    ("asked", "granted"),
    [("600", 600), ("0", 0), ("1", 60), ("999999999", LONGEST_S), ("", 3600), ("-1", 3600)],
)
def test_the_length_is_bounded(asked: str, granted: int) -> None:
    assert lasting_s(asked) == granted


@pytest.mark.parametrize(
    ("header", "uri"),
    [
        ('"Platform" <sip:a@b:5060>;q=1', "sip:a@b:5060"),
        ("sip:a@b;tag=1", "sip:a@b"),
        ("", ""),
    ],
)
def test_the_address_is_read_out_of_a_header(header: str, uri: str) -> None:
    assert uri_of(header) == uri
