"""Files that people send, paths that lead elsewhere, and forms that come from another page."""

from __future__ import annotations

import base64
import shutil
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import pytest
import pytest_asyncio

from api.access import accounts
from api.access.rights import Role
from tests.api.access.cases import CHEAP, PASSWORD
from tests.api.security.route_table import PUBLIC, WORKERS, roles_of
from tests.api.security.whole import UNIT, Asked, Whole, example_of, whole_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLAN = f"/api/v1/plan/units/{UNIT}"
SECRETS = (b"root:", b"[project]", b"SQLite format", b"from __future__")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Whole]:
    folder = tmp_path_factory.mktemp("uploads")
    shutil.copy(sqlite_template, folder / "desk.db")
    async with whole_service(f"sqlite:///{folder / 'desk.db'}", folder) as found:
        yield found


def packed(name: str, content: bytes) -> str:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        # 200 MB of zeros in 200 kB.
        ("表.xlsx", packed("xl/worksheets/sheet1.xml", bytes(200_000_000))),
        ("表.docx", packed("word/document.xml", bytes(200_000_000))),
        ("表.xlsx", packed("../../outside.xml", b"<x/>")),
        ("表.xlsx", base64.b64encode(b"MZ this is a program").decode()),
        ("表.docx", base64.b64encode(b"%PDF-1.7 this is no table").decode()),
    ],
    ids=["bomb-xlsx", "bomb-docx", "path", "program", "pdf"],
)
async def test_a_table_that_is_none_is_refused(whole: Whole, name: str, content: str) -> None:
    body = {"name": name, "year": 2027, "content_base64": content}
    async with whole.client(Role.BUREAU) as client:
        answer = await client.post("/api/v1/plan/imports", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "plan_form_wrong")


@pytest.mark.parametrize(
    ("name", "media_type", "status"),
    [
        ("照片.jpg", "image/jpeg", 200),
        ("page.html", "text/html", 200),
        ("../../etc/passwd", "text/plain", 422),
        ("a\\b.txt", "text/plain", 422),
        ("x" * 161, "text/plain", 422),
        ("a.txt", "text/html; charset=utf-8", 422),
        ("a.txt", "no type", 422),
    ],
)
async def test_an_attachment_keeps_a_plain_name_and_is_never_shown_as_a_page(
    whole: Whole, name: str, media_type: str, status: int
) -> None:
    script = f"<script>alert('{name}')</script>".encode()
    body = {
        "subject": f"hazard:{whole.objects['hazard']}",
        "name": name,
        "media_type": media_type,
        "content_base64": base64.b64encode(script).decode(),
    }
    async with whole.client(Role.SCHOOL, UNIT) as client:
        stored = await client.post(f"{PLAN}/attachments", json=body)
        assert stored.status_code == status, stored.text
        if status != 200:
            return
        found = await client.get(f"{PLAN}/attachments/{stored.json()['id']}")
    assert found.content == script
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"].startswith("attachment")
    assert found.headers["x-content-type-options"] == "nosniff"


async def test_a_file_over_five_mebibytes_is_refused(whole: Whole) -> None:
    body = {
        "subject": f"hazard:{whole.objects['hazard']}",
        "name": "a.bin",
        "media_type": "application/octet-stream",
        "content_base64": base64.b64encode(bytes(5 * 2**20 + 1)).decode(),
    }
    async with whole.client(Role.SCHOOL, UNIT) as client:
        answer = await client.post(f"{PLAN}/attachments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_file_too_large")


@pytest.mark.parametrize(
    "mount", ["console", "access-files", "coverage-files", "delivery-files", "evidence-files"]
)
@pytest.mark.parametrize(
    "tail",
    [
        "../pyproject.toml",
        "../../../../../../etc/passwd",
        "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
        "..\\..\\pyproject.toml",
        "....//....//etc/passwd",
        "/etc/passwd",
        "../pages.py",
    ],
)
async def test_no_path_leaves_the_folder_of_files(whole: Whole, mount: str, tail: str) -> None:
    # The path is sent as it is: a client would tidy it up before.
    for path in (f"/{mount}/{tail}", f"/{mount}/js/{tail}"):
        status, content = await whole.answer(Asked("GET", path, Role.OPERATOR.value))
        assert status in (404, 405), path
        assert not any(secret in content for secret in SECRETS), path


@pytest.mark.parametrize("version", ["../../x", "..", "a/b", "%2e%2e", "x" * 17])
async def test_no_version_of_a_clip_leaves_its_folder(whole: Whole, version: str) -> None:
    async with whole.client(Role.OPERATOR) as client:
        path = f"/api/v1/alarms/{whole.objects['alarm']}/clip"
        answer = await client.get(path, params={"version": version})
    assert answer.status_code in (404, 422)


async def test_every_changing_route_needs_the_sessions_token(whole: Whole) -> None:
    """With a real session, from a browser that another page misuses: no token, no deed."""
    before = whole.app.state.access
    whole.app.state.access = whole.access.sessions
    try:
        wrong, tried = {}, 0
        transport = httpx.ASGITransport(whole.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            hashed = CHEAP.hashed(PASSWORD, name="zhao", with_code=False)
            await _set_password(whole, hashed)
            entered = {"name": "zhao", "password": PASSWORD}
            assert (await client.post("/api/v1/sign-in", json=entered)).status_code == 200
            for route, who in roles_of().items():
                method, _, template = route.partition(" ")
                if method == "GET" or who in (PUBLIC, WORKERS):
                    continue
                tried += 1
                answer = await client.post(
                    whole.path(template),
                    content=example_of(whole, route),
                    headers={"Content-Type": "application/json"},
                )
                if (answer.status_code, answer.json()["code"]) != (403, "csrf_missing"):
                    wrong[route] = answer.status_code
    finally:
        whole.app.state.access = before
    assert wrong == {}
    assert tried > 50


async def _set_password(whole: Whole, hashed: str) -> None:
    async with whole.access.database.write() as connection:
        account = await accounts.by_name(connection, "zhao")
        assert account is not None
        now = whole.clock.utc()
        await accounts.change(
            connection, "test", account, "account.password", now, password_hash=hashed
        )
