"""Settings of delivery changed in the browser: judged, written, sealed, audited, in force."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.access.actor import Grant
from api.access.rights import Role
from api.access.tables import AUDIT
from api.delivery import plan_file
from api.delivery.settings import DeliverySettings
from api.delivery.tables import DELIVERIES
from config import secret_store
from config.delivery import load_delivery, read_secret
from tests.api.access.cases import ADMINISTRATOR, Browser, House, house
from tests.api.delivery.cases import raise_alarm, rows, until
from tests.api.desk_cases import SITE

FILE = """\
# written by hand
targets:
  - id: room
    name: {zh: 警务室, en: Police room}
    role: police
    lowest_priority: 4
    one_path_reason: one line is all there is  # asked for twice
    paths:
      - id: main
        driver: webhook
        settings: {url: 'http://127.0.0.1:1/', secret: env:HOOK}
"""
SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
PATH = "/api/v1/delivery/targets/room/paths/main"
CENTRE = {
    "name": {"zh": "报警中心", "en": "Centre"},
    "role": "monitoring",
    "first_path": {
        "id": "sia",
        "driver": "dc09",
        "settings": {"host": "127.0.0.1", "port": 9, "account": "1A2B"},
        "secrets": {"key": "00112233445566778899AABBCCDDEEFF"},
    },
}


@dataclass(slots=True)
class Office:
    """An administrator's browser over a running service with its site folder."""

    house: House
    admin: Browser
    folder: Path

    @property
    def settings(self) -> DeliverySettings:
        found = self.house.app.state.delivery_settings
        assert isinstance(found, DeliverySettings)
        return found

    @property
    def file(self) -> str:
        return (self.folder / "delivery.yaml").read_text("utf-8")

    async def revision(self) -> str:
        return str((await self.admin.get("/api/v1/delivery/settings")).json()["revision"])

    async def send(self, path: str, **body: Any) -> httpx.Response:
        return await self.admin.post(path, {"revision": await self.revision(), **body})

    async def save(self, settings: dict[str, Any], **secrets: str) -> httpx.Response:
        return await self.send(
            f"{PATH}/settings", driver="webhook", settings=settings, secrets=secrets
        )

    async def audited(self) -> list[tuple[str, str, dict[str, str]]]:
        database = self.house.access.database
        async with database.read() as connection:
            found = await connection.execute(
                select(AUDIT.c.action, AUDIT.c.subject, AUDIT.c.detail_json).order_by(AUDIT.c.seq)
            )
            return [
                (action, subject, json.loads(detail))
                for action, subject, detail in found
                if action.startswith("delivery.")
            ]


@pytest.fixture
async def office(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setenv("HOOK", SECRET)
    monkeypatch.setenv(secret_store.KEY_VARIABLE, str(tmp_path / "run" / "secrets.key"))
    monkeypatch.setattr(plan_file, "LOOK_EVERY_S", 0.05)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "delivery.yaml").write_text(FILE, "utf-8")
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(
            house(sqlite_url, tmp_path, delivery=load_delivery(folder))
        )
        yield Office(found, await found.signed_in("chief", ADMINISTRATOR), folder)


async def test_a_change_holds_at_once_is_audited_and_keeps_what_was_written(office: Office) -> None:
    answer = await office.save({"url": "https://127.0.0.1:2/alarms", "timeout_s": 5.0})
    assert answer.status_code == 200, answer.text
    assert "# written by hand" in office.file
    assert "# asked for twice" in office.file
    # The default is not written out, and the secret that stood there stays.
    assert "settings: {url: 'https://127.0.0.1:2/alarms', secret: env:HOOK}" in office.file
    path = office.settings.outbox.plan.target("room").path("main")
    assert path.settings.model_dump()["url"] == "https://127.0.0.1:2/alarms"
    assert await office.audited() == [
        (
            "delivery.path_set",
            "room/main",
            {
                "driver": "webhook",
                "url": "http://127.0.0.1:1/ -> https://127.0.0.1:2/alarms",
            },
        )
    ]


async def test_a_secret_goes_in_sealed_and_never_comes_out(office: Office) -> None:
    for secret in (SECRET, SECRET + "bW9yZW1vcmU="):
        answer = await office.save({"url": "https://127.0.0.1:2/"}, secret=secret)
        assert answer.status_code == 200, answer.text
        reference = office.settings.outbox.plan.target("room").path("main").settings.model_dump()
        assert reference["secret"].startswith("sealed:delivery-room-main-secret-")
        assert read_secret(reference["secret"], office.folder) == secret
    # The first one is gone, and the key lies outside the site folder.
    assert len(secret_store.read_store(office.folder)) == 1
    shown = [
        (await office.admin.get("/api/v1/delivery/settings")).text,
        (await office.admin.get("/delivery")).text,
        (await office.admin.get("/delivery/settings/path?target=room&path=main")).text,
        json.dumps(await office.audited()),
        office.file,
        "".join(one.read_text("utf-8") for one in office.folder.iterdir()),
    ]
    assert not any(SECRET in text for text in shown)
    assert [detail["secret"] for _, _, detail in await office.audited()] == ["replaced"] * 2


@pytest.mark.parametrize(
    ("driver", "settings", "key", "words"),
    [
        (
            "dc09",
            {"host": "127.0.0.1", "port": 70_000, "account": "12AB"},
            "settings.port",
            "70000",
        ),
        ("dc09", {"host": "127.0.0.1", "port": 1}, "settings.account", "缺"),
        ("dc09", {"host": "169.254.169.254", "port": 1, "account": "12AB"}, "host", "169.254"),
        ("webhook", {"url": "https://[fd00:ec2::254]/"}, "url", "fd00:ec2"),
        (
            "webhook",
            {"url": "https://10.0.0.1/", "secret": "file:/etc/passwd"},
            "secret",
            "secrets",
        ),
        ("webhook", {"url": "https://10.0.0.1/", "ca_file": "../../ca.pem"}, "ca_file", "site"),
        ("cap", {"folder": "/etc", "sender": "a@b"}, "driver", "gb28181"),
        ("pigeon", {}, "driver", "pigeon"),
    ],
)
async def test_one_refusal_names_the_key_and_changes_nothing(
    office: Office, driver: str, settings: dict[str, Any], key: str, words: str
) -> None:
    answer = await office.send(f"{PATH}/settings", driver=driver, settings=settings)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "delivery_settings_wrong")
    assert problem["detail"] == key
    assert words in problem["message"]["zh"] + problem["message"]["en"]
    # Chinese for the guard's page, but for what quotes the file's own words.
    assert re.search(r"：.*[一-龥].* — 改法：.*[一-龥]", problem["message"]["zh"])
    assert office.file == FILE
    assert secret_store.read_store(office.folder) == {}
    assert await office.audited() == []


async def test_only_who_may_and_only_what_they_saw(office: Office) -> None:
    body = {"revision": await office.revision(), "driver": "webhook", "settings": {}}
    forged = await office.admin.client.post(f"{PATH}/settings", json=body)
    assert (forged.status_code, forged.json()["code"]) == (403, "csrf_missing")
    guard = await office.house.signed_in("guard", Grant(Role.SUPERVISOR, SITE.id))
    assert (await guard.post(f"{PATH}/settings", body)).status_code == 403
    assert (await guard.get("/delivery/settings/path?target=room")).status_code == 403
    assert "/delivery/settings" not in (await guard.get("/delivery")).text
    assert "/delivery/settings" in (await office.admin.get("/delivery")).text
    old = await office.revision()
    assert (await office.save({"url": "https://127.0.0.1:3/"})).status_code == 200
    late = await office.admin.post(f"{PATH}/settings", {**body, "revision": old})
    assert (late.status_code, late.json()["code"]) == (409, "delivery_settings_changed")


async def test_targets_and_paths_come_and_go_and_police_keep_two_ways(office: Office) -> None:
    answer = await office.send("/api/v1/delivery/targets/centre/settings", **CENTRE)
    assert answer.status_code == 200, answer.text
    sia = office.settings.outbox.plan.target("centre").path("sia").settings.model_dump()
    assert read_secret(sia["key"], office.folder) == CENTRE["first_path"]["secrets"]["key"]  # type: ignore[index]
    room = {"name": {"zh": "警务室", "en": "Room"}, "role": "police"}
    answer = await office.send("/api/v1/delivery/targets/room/settings", **room)
    assert (answer.status_code, answer.json()["detail"]) == (422, "paths")
    assert "两条路径" in answer.json()["message"]["zh"]
    for path in (f"{PATH}-2/settings", "/api/v1/delivery/targets/none/paths/x/settings"):
        found = await office.send(path, driver="dc09", settings=sia | {"key": None})
        assert found.status_code == 422  # nothing is written as nothing
    line = {"host": "127.0.0.1", "port": 10, "account": "1A2B"}
    added = await office.send(f"{PATH}-2/settings", driver="dc09", settings=line)
    assert added.status_code == 200
    assert (await office.send(f"{PATH}-2/remove")).status_code == 200
    assert (await office.send(f"{PATH}-2/remove")).status_code == 404
    assert (await office.send("/api/v1/delivery/targets/centre/remove")).status_code == 200
    assert [target.id for target in office.settings.outbox.plan.targets] == ["room"]
    assert secret_store.read_store(office.folder) == {}


async def test_nobody_gives_up_alarms_that_they_did_not_see(office: Office) -> None:
    database = office.house.access.database
    await raise_alarm(database, office.settings.outbox)
    remove = "/api/v1/delivery/targets/room/remove"
    answer = await office.send(remove)
    assert (answer.status_code, answer.json()["code"]) == (409, "delivery_rows_wait")
    assert office.file == FILE
    page = (await office.admin.get("/delivery/settings/target?target=room&lang=en")).text
    assert "1 alarm messages have not been received" in page
    assert (await office.send(remove, waiting=1)).status_code == 200
    (row,) = await rows(database)
    assert (row["state"], row["is_open"], row["ended_by"]) == ("given_up", False, "chief")
    assert "chief" in row["detail"]


async def test_a_database_that_refuses_leaves_the_file_as_it_was(office: Office) -> None:
    database = office.house.access.database
    async with database.write() as connection:
        await connection.exec_driver_sql(
            "CREATE TRIGGER shut BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    answer = await office.save({"url": "https://127.0.0.1:2/"})
    assert answer.status_code == 503
    assert office.file == FILE
    assert office.settings.outbox.plan.target("room").path("main").settings.model_dump()["url"] == (
        "http://127.0.0.1:1/"
    )


async def test_a_change_by_hand_holds_and_a_broken_file_leaves_what_was(office: Office) -> None:
    file = office.folder / "delivery.yaml"
    file.write_text(FILE.replace("127.0.0.1:1", "127.0.0.1:7"), "utf-8")

    def url() -> str:
        path = office.settings.outbox.plan.target("room").path("main")
        return str(path.settings.model_dump()["url"])

    await until(lambda: url() == "http://127.0.0.1:7/")
    file.write_text("targets: [", "utf-8")
    await until(lambda: office.settings.file.fault is not None)
    assert url() == "http://127.0.0.1:7/"
    read = (await office.admin.get("/api/v1/delivery/settings")).json()
    assert "delivery.yaml" in read["fault"]
    page = (await office.admin.get("/delivery/settings/path?target=room&path=main")).text
    assert "原设置继续使用" in page
    answer = await office.save({"url": "https://127.0.0.1:2/"})
    assert (answer.status_code, answer.json()["code"]) == (409, "delivery_file_broken")


async def test_without_the_file_nothing_is_written_over_what_is_in_force(office: Office) -> None:
    """A page that made the file anew would end every target but the one that it writes."""
    file = office.folder / "delivery.yaml"
    file.rename(office.folder / "away.yaml")
    read = (await office.admin.get("/api/v1/delivery/settings")).json()
    assert "the file is gone" in read["fault"]
    assert [target["id"] for target in read["targets"]] == ["room"]
    for answer in (
        await office.send("/api/v1/delivery/targets/centre/settings", **CENTRE),
        await office.save({"url": "https://127.0.0.1:2/"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "delivery_file_broken")
    assert not file.exists()
    page = (await office.admin.get("/delivery/settings/path?target=room&path=main")).text
    assert "文件不在了" in page


async def test_settings_are_tried_before_they_are_saved(office: Office) -> None:
    """A folder of documents answers for itself; a dead address says why; nothing stays behind."""
    cap = {"folder": "cap", "sender": "school@localhost"}
    found = await office.send(
        "/api/v1/delivery/targets/room/paths/new/try", driver="cap", settings=cap
    )
    assert found.status_code == 200, found.text
    assert (found.json()["sent"], found.json()["received"]) == (True, True)
    (document,) = (office.folder / "cap").glob("*.xml")
    assert "<status>Test</status>" in document.read_text("utf-8")
    shutil.rmtree(office.folder / "cap")
    body = {"host": "127.0.0.1", "port": 9, "account": "1A2B", "timeout_s": 1.0}
    trial = office.send(
        "/api/v1/delivery/targets/room/paths/new/try",
        driver="dc09", settings=body, secrets={"key": "00112233445566778899AABBCCDDEEFF"},
    )  # fmt: skip
    dead = (await trial).json()
    assert (dead["sent"], dead["received"]) == (False, False)
    assert dead["detail"]
    assert office.file == FILE
    assert secret_store.read_store(office.folder) == {}
    async with office.house.access.database.read() as connection:
        assert (await connection.execute(select(DELIVERIES))).first() is None
    assert [one[0] for one in await office.audited()] == ["delivery.tried"] * 2


async def test_a_trial_does_not_take_the_place_of_a_running_path(office: Office) -> None:
    broker = {"host": "127.0.0.1", "client_id": "school", "topic": "a/b", "ack_topic": "a/b/ack"}
    answer = await office.send(f"{PATH}-2/settings", driver="mqtt", settings=broker)
    assert answer.status_code == 200, answer.text
    trial = await office.send(f"{PATH}-2/try", driver="mqtt", settings=broker)
    assert (trial.status_code, trial.json()["code"]) == (409, "delivery_trial_in_use")
    assert "room/main-2" in trial.json()["message"]["zh"]
