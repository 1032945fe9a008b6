"""Headers, origins, hosts, tokens; and that every error has one form."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from api import problems
from api.problems import install_handlers
from api.routes.alarms import Cause
from api.settings import ApiSettings
from config.texts import known
from tests.api.desk_cases import AUTHORISED, TOKEN, Json, running_desk

SHIFT = "/api/v1/shift"
NAME = {"name": "王芳"}
API = Path(problems.__file__).parent


@pytest.mark.parametrize("path", ["/", "/livez", "/nothing", "/console/desk.css", "/api/v1/state"])
async def test_every_answer_carries_the_headers(sqlite_url: str, path: str) -> None:
    async with running_desk(sqlite_url) as desk:
        headers = (await desk.client.get(path)).headers
        policy = headers["content-security-policy"]
        for rule in (
            "default-src 'self'",
            "img-src 'self' data: blob:",
            "style-src 'self'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ):
            assert rule in policy.split("; ")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_page_has_no_inline_script_or_style(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        for lang in ("zh", "en"):
            page = (await desk.client.get(f"/?lang={lang}")).text
            assert re.search(r"<script(?![^>]*\bsrc=)", page) is None
            assert re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page) is None
            assert re.search(r"(?:src|href)=\"https?:", page) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_only_the_consoles_own_pages_change_things(
    sqlite_url: str, headers: dict[str, str], status: int
) -> None:
    async with running_desk(sqlite_url) as desk:
        answer = await desk.client.post(SHIFT, json=NAME, headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert answer.json()["code"] == "foreign_page"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8440", 200),
        ("127.0.0.1", 200),
        ("10.1.2.3:8440", 200),
        ("[::1]:8440", 200),
        ("desk.school", 200),
        ("rebound.example", 421),
        ("", 421),
        ("[", 421),
        ("[::1", 421),
        ("a]b", 421),
    ],
)
async def test_names_that_are_not_ours_are_refused(sqlite_url: str, host: str, status: int) -> None:
    async with running_desk(sqlite_url, allowed_hosts=("desk.school",)) as desk:
        answer = await desk.client.get("/livez", headers={"Host": host})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"name=x", {"Content-Type": "application/x-www-form-urlencoded"}, "not_json"),
        (b"{}", {"Content-Type": "text/plain"}, "not_json"),
        (b"{", {"Content-Type": "application/json"}, "request_invalid"),
        (b"x" * (9 << 20), {"Content-Type": "application/json"}, "body_too_large"),
    ],
)
async def test_bodies_must_be_json_of_bounded_size(
    sqlite_url: str, content: bytes, headers: dict[str, str], code: str
) -> None:
    async with running_desk(sqlite_url) as desk:
        answer = await desk.client.post(SHIFT, content=content, headers=headers)
        assert answer.json()["code"] == code


@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN]
)
async def test_ingest_needs_the_token(sqlite_url: str, value: str | None) -> None:
    async with running_desk(sqlite_url) as desk:
        headers = {} if value is None else {"Authorization": value}
        answer = await desk.client.post("/api/v1/ingest", json={"records": []}, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "token_wrong"
        assert TOKEN not in answer.text


async def test_ingest_refuses_a_batch_of_the_wrong_form(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        bodies: tuple[Json, ...] = (
            {},
            {"records": 1},
            {"records": [], "more": 1},
            {"records": [{}] * 1_001},
        )
        for body in bodies:
            answer = await desk.client.post("/api/v1/ingest", json=body, headers=AUTHORISED)
            assert answer.status_code == 422


def test_settings_never_show_their_secrets() -> None:
    settings = ApiSettings("postgresql://u:hunter22@h/d", "correct-horse-battery")
    assert "hunter22" not in repr(settings)
    assert "correct-horse" not in repr(settings)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        ApiSettings("sqlite:///x.db", "short")


async def test_the_description_is_complete(sqlite_url: str) -> None:
    """Every operation says what it does; every body and every error has an example."""
    async with running_desk(sqlite_url) as desk:
        document = await desk.get("/api/v1/openapi.json")
    schemas = document["components"]["schemas"]
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) >= 14
    for path, method, operation in operations:
        assert operation.get("description"), (path, method)
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            schema = content["schema"]
            # A body that is read by hand stands in the operation itself.
            name = schema.get("$ref", "").rsplit("/", 1)[-1]
            assert schemas.get(name, schema)["examples"], (path, method)
        for status, answer in operation["responses"].items():
            if status.startswith(("4", "5")):
                example = answer["content"]["application/json"]["example"]
                assert set(example) == {"code", "message", "mend", "detail"}, (path, status)


def test_every_refusal_has_words() -> None:
    """The codes that appear in the sources all stand in the catalogue, with what to do."""
    codes: set[str] = set()
    for path in API.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                codes.add(ast.literal_eval(node.args[1]))
    codes |= {example[0] for example in problems._EXAMPLE.values()}
    codes |= {"alarm_unknown", "alarm_changed", "alarm_already_done", "alarm_still_active"}
    codes |= {"unknown_host", "foreign_page", "not_json", "body_too_large", "database_refused"}
    assert {"zone_unknown", "nobody_on_duty", "if_match_differs"} <= codes
    for code in codes:
        assert known(f"api.error.{code}"), code
        assert known(f"api.error.{code}.mend"), code


def test_every_cause_of_closing_has_words() -> None:
    for cause in Cause:
        assert known(f"cause_closed.{cause.value}")


CONSOLE = API / "console"


def test_every_text_of_the_page_is_in_the_catalogue() -> None:
    sources = [*CONSOLE.glob("static/js/*.js"), *CONSOLE.glob("templates/*.html")]
    keys = {
        key
        for path in sources
        for key in re.findall(r"\bt\([\"']([a-zA-Z_.]+[a-zA-Z_])[\"']", path.read_text("utf-8"))
    }
    assert len(keys) > 60
    assert [key for key in sorted(keys) if not known(key)] == []


async def test_the_log_of_a_refused_database_holds_no_secret_of_an_address() -> None:
    app = FastAPI()
    install_handlers(app)

    @app.get("/feeds/{token}.ics")
    async def feed(token: str) -> None:
        raise OperationalError("SELECT 1", {}, Exception(f"locked ({len(token)})"))

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        with structlog.testing.capture_logs() as logs:
            assert (await client.get("/feeds/0123456789abcdef.ics")).status_code == 503
    (told,) = logs
    assert told["path"] == "/feeds/{token}.ics"
    assert "0123456789abcdef" not in str(told)
