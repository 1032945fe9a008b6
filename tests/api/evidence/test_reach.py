"""Alarms of several zones: each person sees the recordings of their own zones only."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.access.actor import Actor, Grant
from api.access.rights import Right, Role
from api.access.scoping import Reach
from api.alarms.values import AlarmType
from tests.api.desk_cases import SITE
from tests.api.evidence import cases
from tests.api.evidence.cases import CAMERA, EvidenceDesk, evidence_desk

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
