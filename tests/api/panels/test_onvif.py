"""Alarm inputs over ONVIF: pressed, let go, lost, forgotten, a wrong clock, a wrong address."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from api.alarms import store
from api.alarms.values import Alarm, HistoryEntry
from api.delivery.message import alarm_message
from api.panels import onvif, onvif_soap, panels
from api.panels.onvif_soap import Credentials, SoapError
from config.errors import ConfigFileError
from config.panels import PanelPlan
from config.panels_load import parse_panels
from tests.api.desk_cases import RunningDesk
from tests.api.panels.onvif_device import PASSWORD, USER, Camera
from tests.api.panels.panel_cases import write_secret
from tests.api.panels.test_panels import desk_with, until, until_alarm

TOKEN = "AlarmIn_1"


def text(camera: Camera) -> str:
    return f"""\
format: 1
onvif:
  - id: cam-io
    name: {{zh: 摄像机输入, en: Inputs of the camera}}
    url: {camera.url}
    credentials: file:cam.secret
inputs:
  - id: pillar
    name: {{zh: 报警柱, en: Panic pillar}}
    onvif: {{device: cam-io, token: {TOKEN}, at_rest: false}}
    zone: hall
"""


_BUTTON = """\
  - id: phone-button
    name: {zh: 手机按钮, en: Phone button}
    http: {secret: "file:button.secret"}
"""


def plan_of(content: str, folder: Path) -> PanelPlan:
    (folder / "cam.secret").write_text(f"{USER}:{PASSWORD}", encoding="utf-8")
    write_secret(folder)
    return parse_panels(content.encode(), zone_ids={"hall", "stair"}, directory=folder)


@asynccontextmanager
async def desk_over(camera: Camera, url: str, folder: Path) -> AsyncIterator[RunningDesk]:
    """A desk that has a subscription at the camera, or goes on trying."""
    async with desk_with(url, plan_of(text(camera), folder)) as desk:
        await until(camera.pulling.is_set)
        yield desk


async def test_a_pressed_button_alarms_at_once_and_latches(sqlite_url: str, tmp_path: Path) -> None:
    camera = Camera({TOKEN: False, "AlarmIn_2": True})
    with camera.running():
        async with desk_over(camera, sqlite_url, tmp_path) as desk:
            # Pressed and let go between two answers: nothing is debounced away.
            camera.set(TOKEN, True)
            camera.set(TOKEN, False)
            alarm = await until_alarm(desk, "panic", condition="gone")
            assert (alarm["priority"], alarm["latched"], alarm["subject_id"]) == (1, True, "pillar")
            assert alarm["state"] == "returned_unacknowledged"
            assert alarm["zone_ids"] == ["hall"]
            # The desk and the police are told the button's name, not its id.
            state = (await desk.client.get("/api/v1/state")).json()
            assert {"id": "pillar", "name": {"zh": "报警柱", "en": "Panic pillar"}} in state[
                "things"
            ]
            stored = await newest_of(desk)
            told = alarm_message(desk.service.desk.board.site, *stored, "msg_1")
            assert told.place.zh.endswith(" 报警柱")
            page = (await desk.client.get("/handover?lang=en")).text
            assert "Panic pillar" in page
            assert len(await desk.alarms()) == 1
    assert camera.refusals == []
    assert camera.asked[:5] == [
        "GetSystemDateAndTime", "GetServices", "CreatePullPointSubscription",
        "SetSynchronizationPoint", "PullMessages",
    ]  # fmt: skip


async def test_a_button_that_is_held_at_the_start_alarms(sqlite_url: str, tmp_path: Path) -> None:
    camera = Camera({TOKEN: True}, ahead=timedelta(days=400), told_host="10.99.99.99")
    with camera.running():
        async with desk_over(camera, sqlite_url, tmp_path) as desk:
            assert (await until_alarm(desk, "panic"))["condition"] == "active"
    # A clock that is more than a year off, and an address that nobody can reach, do not matter.
    assert camera.refusals == []


async def test_a_lost_device_is_a_fault_and_its_button_unknown(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "FAULT_AFTER_S", 0.3)
    camera = Camera({TOKEN: True})
    with camera.running():
        async with desk_over(camera, sqlite_url, tmp_path) as desk:
            await until_alarm(desk, "panic", condition="active")
            port = camera.port
            camera.forget()  # a restart: the subscription is gone, a new one is made
            await until(lambda: camera.asked.count("CreatePullPointSubscription") >= 2)
            monkeypatch.setattr(Camera, "answer", _silent)
            await until_alarm(desk, "panel_fault", subject_id="cam-io", condition="active")
            await until_alarm(desk, "panic", condition="unknown")
            monkeypatch.undo()
            assert camera.port == port
            await until_alarm(desk, "panel_fault", subject_id="cam-io", condition="gone")
            await until_alarm(desk, "panic", condition="active")


async def newest_of(desk: RunningDesk) -> tuple[Alarm, HistoryEntry]:
    """The button's alarm and the newest line of its history."""
    async with desk.service.desk.database.read() as connection:
        alarm = await store.by_number(connection, 1)
        return alarm, (await store.history(connection, 1))[-1]


def _silent(camera: Camera, content: bytes, kind: str) -> str:
    del camera, content, kind
    raise ConnectionError("the device is gone")


async def test_a_token_that_the_device_does_not_know_is_a_fault(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "UNHEARD_AFTER_S", 0.2)
    monkeypatch.setattr(onvif, "WAIT_S", 1)
    camera = Camera({"Other": False})
    with camera.running():
        async with desk_over(camera, sqlite_url, tmp_path) as desk:
            fault = await until_alarm(desk, "panel_fault", subject_id="pillar")
            assert fault["condition"] == "active"
            assert not [one for one in await desk.alarms() if one["type"] == "panic"]


async def test_the_subscription_is_renewed_and_left(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onvif, "LASTS_S", 2)
    monkeypatch.setattr(onvif, "WAIT_S", 1)
    camera = Camera({TOKEN: False})
    with camera.running():
        async with desk_over(camera, sqlite_url, tmp_path):
            await until(lambda: camera.asked.count("Renew") >= 2)
        await until(lambda: "Unsubscribe" in camera.asked)
    assert camera.asked.count("CreatePullPointSubscription") == 1
    assert camera.refusals == []


async def test_a_refused_address_and_a_wrong_password_are_faults(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "FAULT_AFTER_S", 0.0)
    camera = Camera({TOKEN: False})
    with camera.running():
        plan = plan_of(text(camera), tmp_path)
        (tmp_path / "cam.secret").write_text(f"{USER}:wrong", encoding="utf-8")
        wrong = parse_panels(text(camera).encode(), zone_ids={"hall"}, directory=tmp_path)
        async with desk_with(sqlite_url, wrong) as desk:
            await until_alarm(desk, "panel_fault", subject_id="cam-io", condition="active")
        assert "wrong digest" in camera.refusals[0]
        camera.asked.clear()
        (tmp_path / "networks.yaml").write_text("networks: [10.0.0.0/8]\n", encoding="utf-8")
        shut = plan_of(text(camera), tmp_path)
        assert shut.networks != plan.networks
        async with desk_with(sqlite_url, shut) as desk:
            await until_alarm(desk, "panel_fault", subject_id="cam-io", condition="active")
            await asyncio.sleep(0.1)
    assert camera.asked == []


async def test_a_device_without_its_secret_is_at_fault_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    camera = Camera({TOKEN: False})
    with camera.running():
        content = text(camera).replace("cam.secret", "none.secret") + _BUTTON
        plan = plan_of(content, tmp_path)
        async with desk_with(sqlite_url, plan) as desk:
            fault = await until_alarm(desk, "panel_fault", subject_id="cam-io", condition="active")
            assert [one["rule"] for one in fault["now"]["reasons"]] == ["panel_locked"]
            await asyncio.sleep(0.1)
            # Nobody knows how its button stands; the other button is not at fault.
            assert {one["subject_id"] for one in await desk.alarms()} == {"cam-io"}
            assert desk.service.panels.faults() == {"cam-io": "panel_locked"}
        assert camera.asked == []
        async with desk_over(camera, sqlite_url, tmp_path) as desk:
            await until_alarm(desk, "panel_fault", subject_id="cam-io", condition="gone")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("device: cam-io", "device: none", "device 'none'"),
        ("file:cam.secret", "admin:hunter2", "must be a reference, not the secret itself"),
        ("http://127", "ftp://127", "the address cannot be used"),
        ("    zone: hall", "    device: cam-io", "it needs either a device, http or onvif"),
        ("at_rest: false", "at_rest: maybe", "expected true or false"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    content = text(Camera({})).replace(":0/", ":80/")
    plan_of(content, tmp_path)
    with pytest.raises(ConfigFileError, match=told):
        plan_of(content.replace(old, new), tmp_path)
    assert "a password" not in repr(plan_of(content, tmp_path))


def test_the_digest_is_that_of_the_specification() -> None:
    """The worked example of the ONVIF Application Programmer's Guide."""
    nonce = b"LKqI6G/AikKCQrN0zqZFlg=="
    at = datetime(2010, 9, 16, 7, 50, 45, tzinfo=UTC)
    token = onvif_soap.username_token(
        Credentials("user", "userpassword"), base64.b64decode(nonce), at
    )
    root = ET.fromstring(f'<r xmlns:s="{onvif_soap._SOAP}">{token}</r>')
    values = {one.tag.rpartition("}")[2]: one.text for one in root.iter()}
    assert values["Password"] == "tuOSpGlFlIXsozq4HFNeeGeFLEI="
    assert values["Nonce"] == nonce.decode()
    assert values["Created"] == "2010-09-16T07:50:45Z"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>not found</html>",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'/>",
        b'<?xml version="1.0" encoding="GBX"?><a/>',
    ],
)
def test_an_answer_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(SoapError):
        onvif_soap.body_of(content)
