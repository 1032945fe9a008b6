"""Pictures: for named people only, each viewing on record, fetched over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from api.access.actor import Actor, Grant
from api.access.guard import OpenAccess
from api.access.rights import Role
from api.pictures import Picture, Viewings, WorkerPictures, WorkerSilentError
from tests.api.desk_cases import SITE, RunningDesk, running_desk

PATH = "/api/v1/cameras/cam-stair/picture.jpg"
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


class OnePicture:
    """Has a picture of the stair, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def latest(self, camera_id: str) -> Picture | None:
        self.asked += 1
        if camera_id == "cam-b":
            raise WorkerSilentError("gone")
        return Picture(JPEG, "2026-11-23T09:00:00Z") if camera_id == "cam-stair" else None


async def viewings(desk: RunningDesk) -> list[tuple[str, str]]:
    body = await desk.get("/api/v1/viewings")
    return [(one["viewer"], one["camera_id"]) for one in body["viewings"]]


async def test_no_picture_without_a_name(sqlite_url: str) -> None:
    pictures = OnePicture()
    async with running_desk(sqlite_url, pictures=pictures) as desk:
        answer = await desk.client.get(PATH)
        assert answer.status_code == 401
        assert answer.json()["code"] == "nobody_on_duty"
        assert pictures.asked == 0
        assert await viewings(desk) == []


async def test_a_started_shift_shows_pictures_and_is_on_record(database_url: str) -> None:
    async with running_desk(database_url, pictures=OnePicture()) as desk:
        started = await desk.client.post("/api/v1/shift", json={"name": " 王芳 "})
        cookie = started.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await desk.get("/api/v1/shift"))["name"] == "王芳"
        for _ in range(3):
            answer = await desk.client.get(PATH)
            assert (answer.status_code, answer.content) == (200, JPEG)
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["x-captured-at"] == "2026-11-23T09:00:00Z"
            assert answer.headers["cache-control"] == "no-store"
        assert await viewings(desk) == [("王芳", "cam-stair")]
        desk.clock.advance(301.0)
        await desk.client.get(PATH)
        assert await viewings(desk) == [("王芳", "cam-stair")] * 2
        await desk.post("/api/v1/shift/end", {})
        assert (await desk.client.get(PATH)).status_code == 401


async def test_the_register_survives_a_restart_without_doubling(sqlite_url: str) -> None:
    for _ in range(2):
        async with running_desk(sqlite_url, pictures=OnePicture()) as desk:
            headers = {"X-Viewer": quote("李强")}
            assert (await desk.client.get(PATH, headers=headers)).status_code == 200
            assert await viewings(desk) == [("李强", "cam-stair")]


async def test_two_people_of_one_name_have_a_line_each(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        viewings = Viewings(desk.service.desk.database, desk.clock)
        for account in ("fang1", "fang2", "fang1"):
            await viewings.record("王芳", "cam-stair", Actor("王芳", (), account=account))
        # A start knows nothing of what was written, and finds it.
        again = Viewings(desk.service.desk.database, desk.clock)
        await again.record("王芳", "cam-stair", Actor("王芳", (), account="fang2"))
        body = await desk.get("/api/v1/viewings")
        found = [(one["viewer"], one["account"]) for one in body["viewings"]]
        assert found == [("王芳", "fang2"), ("王芳", "fang1")]


async def test_what_one_may_not_read_takes_no_line_of_the_register(sqlite_url: str) -> None:
    """A supervisor of the hall finds its viewings behind any number of those of the stair."""
    hall = Grant(Role.SUPERVISOR, SITE.id, frozenset({"hall"}))
    async with running_desk(sqlite_url, access=OpenAccess((hall,))) as desk:
        viewings = Viewings(desk.service.desk.database, desk.clock)
        for camera in ("cam-a", "cam-stair", "cam-stair"):
            await viewings.record("王芳", camera)
            desk.clock.advance(301.0)
        body = await desk.get("/api/v1/viewings?limit=1")
        assert [one["camera_id"] for one in body["viewings"]] == ["cam-a"]


@pytest.mark.parametrize("name", ["", "%20", "%00", "x" * 41, "%3Cscript%3E", "%FF"])
async def test_names_that_are_none_are_refused(sqlite_url: str, name: str) -> None:
    async with running_desk(sqlite_url, pictures=OnePicture()) as desk:
        answer = await desk.client.get(PATH, headers={"X-Viewer": name})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("camera", "status", "code"),
    [
        ("cam-a", 503, "no_picture_yet"),
        ("cam-b", 502, "worker_silent"),
        ("attic", 404, "camera_unknown"),
        ("..%2F..%2Fetc", 404, "http_404"),
    ],
)
async def test_missing_pictures(sqlite_url: str, camera: str, status: int, code: str) -> None:
    async with running_desk(sqlite_url, pictures=OnePicture()) as desk:
        path = f"/api/v1/cameras/{camera}/picture.jpg"
        answer = await desk.client.get(path, headers={"X-Viewer": "a"})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@asynccontextmanager
async def worker(path: Path, head: bytes, body: bytes) -> AsyncIterator[list[bytes]]:
    """A worker's socket that gives one fixed answer; yields the request lines it got."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        await reader.readuntil(b"\r\n\r\n")
        length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        writer.write(b"HTTP/1.1 " + head + b"\r\n" + length + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, str(path))
    try:
        yield asked
    finally:
        server.close()
        await server.wait_closed()


async def test_a_worker_is_asked_over_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "w1.sock"
    head = b"200 OK\r\nX-Captured-At: 2026-11-23T09:00:00Z"
    async with worker(path, head, JPEG) as asked, WorkerPictures({"cam-a": path}.get) as pictures:
        assert await pictures.latest("cam-a") == Picture(JPEG, "2026-11-23T09:00:00Z")
        assert await pictures.latest("cam-x") is None
    assert asked == [b"GET /cameras/cam-a/latest.jpg HTTP/1.1\r\n"]


async def test_a_worker_without_a_picture_gives_none(tmp_path: Path) -> None:
    path = tmp_path / "w1.sock"
    async with (
        worker(path, b"503 Service Unavailable", b""),
        WorkerPictures(lambda _: path) as pictures,
    ):
        assert await pictures.latest("cam-a") is None


async def test_a_worker_that_is_gone_is_said_to_be_silent(tmp_path: Path) -> None:
    async with WorkerPictures(lambda _: tmp_path / "none.sock") as pictures:
        with pytest.raises(WorkerSilentError, match=r"none\.sock: ConnectError"):
            await pictures.latest("cam-a")
