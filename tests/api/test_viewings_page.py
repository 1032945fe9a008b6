"""The registers of viewings as a page: who reads which lines of them."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from api.access.actor import Grant
from api.access.guard import OpenAccess
from api.access.rights import Role
from api.evidence import register
from api.evidence.register import Act, Line
from tests.api.desk_cases import SITE, RunningDesk, running_desk

_ROW = re.compile(r"<tr><td>[\d: -]{19}</td>(.*?)</tr>")


def _rows(html: str) -> list[list[str]]:
    return [re.findall(r"<td>(.*?)</td>", row) for row in _ROW.findall(html)]


async def _look(desk: RunningDesk, viewer: str, camera_id: str) -> None:
    headers = {"X-Viewer": quote(viewer)}
    await desk.client.get(f"/api/v1/cameras/{camera_id}/picture.jpg", headers=headers)


def _reader(role: Role, *zones: str) -> OpenAccess:
    return OpenAccess((Grant(role, SITE.id, frozenset(zones) if zones else None),))


@pytest.mark.parametrize(
    ("lang", "row"), [("zh", ["王芳", "大厅甲"]), ("en", ["王芳", "Hall camera A"])]
)
async def test_who_looked_at_which_camera_is_read_in_words(
    sqlite_url: str, lang: str, row: list[str]
) -> None:
    async with running_desk(sqlite_url) as desk:
        await _look(desk, "王芳", "cam-a")
        # The same person at the same camera is one line for five minutes.
        await _look(desk, "王芳", "cam-a")
        desk.app.state.access = _reader(Role.PRIVACY_OFFICER)
        html = (await desk.client.get("/viewings", params={"lang": lang})).text
    assert _rows(html) == [row]


async def test_a_recording_stands_there_with_its_reason(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("hall", "L3", 2.9))
        line = Line(1, "cam-a", "李强", Act.PLAYED, "police_request", "案件 12", desk.clock.utc())
        async with desk.service.desk.database.write() as connection:
            await register.record(connection, line)
        desk.app.state.access = _reader(Role.SUPERVISOR)
        html = (await desk.client.get("/viewings")).text
    assert _rows(html) == [["李强", "1", "大厅甲", "播放录像", "公安机关依法调取 · 案件 12"]]


async def test_nobody_reads_lines_of_other_zones(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await _look(desk, "王芳", "cam-a")
        await _look(desk, "王芳", "cam-stair")
        desk.app.state.access = _reader(Role.SUPERVISOR, "stair")
        html = (await desk.client.get("/viewings")).text
        desk.app.state.access = _reader(Role.OPERATOR)
        refused = await desk.client.get("/viewings")
    assert _rows(html) == [["王芳", "楼梯摄像机"]]
    assert refused.status_code == 403
