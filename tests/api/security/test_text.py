"""Characters that documents, databases and logs choke on are refused at the door."""

from __future__ import annotations

import pytest

from tests.api.desk_cases import running_desk


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (rb"\u738b\u82b3", 200),
        ("王芳".encode(), 200),
        (rb"Wang\u0000Fang", 422),
        (rb"Wang\u001bFang", 422),
        (rb"Wang\bFang", 422),
        (rb"Wang\ud83dFang", 422),
        (rb"Wang\udc00Fang", 422),
        (rb"Wang\uffffFang", 422),
        (rb"Wang\uFFFEFang", 422),
        (rb"Wang\ufdd0Fang", 422),
        (rb"Wang\uFDEFFang", 422),
        (rb"Wang\ud83f\udfffFang", 422),
        (rb"Wang\uDBFF\uDFFEFang", 422),
        ("Wang\uffffFang".encode(), 422),
        ("Wang\ufdefFang".encode(), 422),
        ("Wang\U0001fffeFang".encode(), 422),
        ("Wang\U0010ffffFang".encode(), 422),
    ],
)
async def test_characters_that_nothing_can_hold_are_refused(
    sqlite_url: str, name: bytes, status: int
) -> None:
    async with running_desk(sqlite_url) as desk:
        headers = {"Content-Type": "application/json"}
        body = b'{"name": "' + name + b'"}'
        answer = await desk.client.post("/api/v1/shift", content=body, headers=headers)
        assert answer.status_code == status
        if status == 422:
            assert answer.json()["code"] == "text_unreadable"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        # A backslash that is text, a line end and a whole emoji are text like any other.
        (rb'{"name": "a\\b"}', "request_invalid"),
        (rb'{"name": "a\nb"}', "request_invalid"),
        (rb'{"name": "\ud83d\ude00"}', "request_invalid"),
        (rb'{"name": "\\uffff"}', "request_invalid"),
        ('{"name": "\U0001f9ff\ufdfa"}'.encode(), "request_invalid"),
        (rb'{"name": "\\\b"}', "text_unreadable"),
    ],
)
async def test_what_looks_like_one_is_left_to_the_form(
    sqlite_url: str, body: bytes, code: str
) -> None:
    async with running_desk(sqlite_url) as desk:
        headers = {"Content-Type": "application/json"}
        answer = await desk.client.post("/api/v1/shift", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        # Readers of JSON guess its encoding: what is escaped in another one would pass unseen.
        ('{"name": "Wang\\u0000Fang"}'.encode("utf-16-le"), "text_unreadable"),
        ('{"name": "Wang\\ud83dFang"}'.encode("utf-16"), "text_unreadable"),
        ('{"name": "王芳"}'.encode("utf-32-be"), "text_unreadable"),
        ('{"name": "王芳"}'.encode("gb18030"), "text_unreadable"),
        (b'{"name": "\xed\xa0\xbd"}', "text_unreadable"),
        (b'{"name": ' + b"[" * 100_000 + b"}", "request_invalid"),
        (b'{"name": ' + b"9" * 10_000 + b"}", "request_invalid"),
        (b'{"name": NaN}', "request_invalid"),
    ],
)
async def test_a_body_that_is_no_plain_json_is_refused_as_such(
    sqlite_url: str, body: bytes, code: str
) -> None:
    async with running_desk(sqlite_url) as desk:
        headers = {"Content-Type": "application/json"}
        answer = await desk.client.post("/api/v1/shift", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/alarms?zone=%E5%8C%97", 200),
        ("/api/v1/alarms?zone=a%00b", 422),
        ("/api/v1/zones/a%1Bb/readings", 422),
        ("/api/v1/alarms?zone=a%EF%BF%BFb", 422),
        ("/api/v1/alarms?zone=a%ef%b7%90b", 422),
        ("/api/v1/alarms?zone=a%F0%9F%BF%BEb", 422),
        ("/api/v1/alarms?zone=a%EF%BF%BDb", 200),
    ],
)
async def test_the_address_is_looked_at_as_well(sqlite_url: str, address: str, status: int) -> None:
    async with running_desk(sqlite_url) as desk:
        assert (await desk.client.get(address)).status_code == status
