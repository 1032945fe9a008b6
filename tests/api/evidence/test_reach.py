"""Alarms of several zones: each person sees the recordings of their own zones only."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.requests import HTTPConnection

from api.access.actor import Actor, Grant
from api.access.rights import Right, Role
from api.access.scoping import Reach
from api.alarms.values import AlarmType
from tests.api.desk_cases import SITE
from tests.api.evidence import cases
from tests.api.evidence.cases import CAMERA, EvidenceDesk, NamedAccess, evidence_desk

WISH = {"reason": "audit"}


@pytest.fixture
def of_one_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards of a zone each, who may also ask for and allow exports there."""
    for zone_id in ("hall", "stair"):
        grants = tuple(
            Grant(role, SITE.id, frozenset({zone_id}))
            for role in (Role.SUPERVISOR, Role.PRIVACY_OFFICER)
        )
        monkeypatch.setitem(cases.GRANTS, zone_id, grants)


async def alarm_of_all_cameras(case: EvidenceDesk) -> int:
    """Two cameras of different zones are seen but not recorded; what was is kept."""
    await case.pass_time(40.0, "L0", 0.4)
    await case.evidence.gaps._alarm.tell({CAMERA: "slow_disk", "cam-a": "slow_disk"})
    await case.evidence.collector.tick()
    (alarm,) = (
        one for one in await case.desk.alarms() if one["type"] == AlarmType.RECORDING_STOPPED.value
    )
    return int(alarm["number"])


def as_(person: str) -> dict[str, str]:
    return {"x-person": person}


@pytest.mark.usefixtures("of_one_zone")
async def test_a_guard_of_one_zone_gets_what_its_own_cameras_recorded(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await alarm_of_all_cameras(case)
        client, path = case.desk.client, f"/api/v1/alarms/{number}"
        whole = (await client.get(f"{path}/evidence", headers=as_("wang"))).json()
        assert {CAMERA, "cam-a"} <= {camera["id"] for camera in whole["cameras"]}
        assert {"hall", "stair"} <= set(whole["origin"]["zones"])
        hall = (await client.get(f"{path}/evidence", headers=as_("hall"))).json()
        assert CAMERA not in {camera["id"] for camera in hall["cameras"]}
        assert (set(hall["origin"]["zones"]), set(hall["density"]) - {"hall"}) == ({"hall"}, set())
        stair = (await client.get(f"{path}/evidence", headers=as_("stair"))).json()
        assert CAMERA in {camera["id"] for camera in stair["cameras"]}
        assert "hall" not in stair["origin"]["zones"]
        film = f"{path}/clip?camera={CAMERA}"
        for person, status in (("wang", 200), ("stair", 200), ("hall", 404)):
            answer = await client.get(film, headers=as_(person), follow_redirects=True)
            assert answer.status_code == status, person
        version = stair["cameras"][0]["parts"][0]["url"]
        assert (await client.get(version, headers=as_("hall"))).status_code == 404


@pytest.mark.usefixtures("of_one_zone")
async def test_a_package_needs_the_right_in_all_zones_that_it_shows(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await alarm_of_all_cameras(case)
        client, path = case.desk.client, f"/api/v1/alarms/{number}/exports"
        refused = await client.post(path, json=WISH, headers=as_("hall"))
        assert (refused.status_code, refused.json()["code"]) == (403, "right_missing")
        asked = await client.post(path, json={**WISH, "redacted": False}, headers=as_("li"))
        export = f"/api/v1/exports/{asked.json()['id']}"
        for answer in (
            await client.post(f"{export}/decision", json={"allow": True}, headers=as_("hall")),
            await client.get(f"{export}/file", headers=as_("hall")),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "right_missing")
        allowed = await client.post(f"{export}/decision", json={"allow": True}, headers=as_("zhao"))
        assert allowed.json()["state"] == "queued"


@pytest.mark.usefixtures("of_one_zone")
async def test_no_list_names_a_camera_of_another_zone(sqlite_url: str, tmp_path: Path) -> None:
    """The lists, the player's page and the registers know as much as the recordings give."""
    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await alarm_of_all_cameras(case)
        client = case.desk.client
        films = f"/api/v1/alarms/{number}/clip?camera={CAMERA}"
        played = await client.get(films, headers=as_("wang"), follow_redirects=True)
        assert played.status_code == 200
        wish = {**WISH, "redacted": False}
        asked = await client.post(f"/api/v1/alarms/{number}/exports", json=wish, headers=as_("li"))
        assert asked.status_code == 200
        for person, own, foreign in (
            ("stair", {CAMERA: "楼梯摄像机"}, ("cam-a", "cam-b", "大厅甲", "大厅乙")),
            ("hall", {"cam-a": "大厅甲", "cam-b": "大厅乙"}, (CAMERA, "楼梯摄像机")),
        ):
            player = await client.get(f"/evidence/{number}", headers=as_(person))
            words = re.search(r"data-words='([^']*)'", player.text)
            assert words is not None
            assert json.loads(unescape(words[1]))["cameras"] == own
            for path in (
                "/evidence",
                "/api/v1/evidence/register?limit=1",
                "/api/v1/recordings/events?limit=1",
            ):
                answer = await client.get(path, headers=as_(person))
                assert answer.status_code == 200
                assert [one for one in foreign if one in answer.text] == [], (path, person)
            listed = await client.get("/evidence", headers=as_(person))
            assert [name for name in own.values() if name not in listed.text] == []
        # A camera that may not be seen is in no clip.
        other = await client.get(f"/evidence?camera={CAMERA}", headers=as_("hall"))
        assert f'data-alarm="{number}"' not in other.text
        # What the newest line hides is no full page: the next one is found behind it.
        found = await client.get("/api/v1/evidence/register?limit=1", headers=as_("stair"))
        assert [line["act"] for line in found.json()["lines"]] == ["played"]
        nothing = await client.get("/api/v1/evidence/register", headers=as_("hall"))
        assert nothing.json()["lines"] == []


async def test_at_a_shared_desk_only_a_plain_name_signs_a_viewing(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def desk(self: NamedAccess, request: HTTPConnection) -> Actor | None:
        del self, request
        return Actor("值班台", (Grant(Role.OPERATOR),), account="desk", shared=True)

    async with evidence_desk(sqlite_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        monkeypatch.setattr(NamedAccess, "actor_of", desk)
        path = f"/api/v1/alarms/{number}/clip"
        for typed in ("", "王\u202e芳", "王\n芳", "x" * 41, "<b>"):
            headers = {"X-Viewer": quote(typed)}
            answer = await case.desk.client.get(path, headers=headers, follow_redirects=True)
            assert answer.status_code == 401, typed
        headers = {"X-Viewer": quote("王芳")}
        answer = await case.desk.client.get(path, headers=headers, follow_redirects=True)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("camera", "alarm_zones", "zones", "expected"),
    [
        (CAMERA, ("hall",), {"stair"}, True),
        (CAMERA, ("hall",), {"hall"}, False),
        (CAMERA, (), None, True),
        # A camera that has left the site is judged by the zones of the alarm.
        ("gone", ("hall", "stair"), {"hall", "stair"}, True),
        ("gone", ("hall", "stair"), {"stair"}, False),
        ("gone", (), {"hall", "stair"}, False),
        ("gone", (), None, True),
    ],
)
def test_which_camera_is_within_reach(
    camera: str, alarm_zones: tuple[str, ...], zones: set[str] | None, expected: bool
) -> None:
    where = None if zones is None else frozenset(zones)
    actor = Actor("a", (Grant(Role.OPERATOR, SITE.id, where),))
    assert Reach(actor, Right.PLAY_EVIDENCE, SITE).camera(camera, alarm_zones) is expected
