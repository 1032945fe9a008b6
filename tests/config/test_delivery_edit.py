"""`delivery.yaml` changed by program: what a person wrote stays, and nothing unusable is made."""

from __future__ import annotations

import difflib
import stat
from pathlib import Path

import pytest

from config import sample_school_directory
from config.delivery import DeliveryFileError, parse_delivery
from config.delivery.drivers import DRIVERS
from config.delivery.edit import DeliveryDocument, replace_file
from config.delivery.form import form_of, secret_keys
from config.texts import catalogue

EXAMPLE = (sample_school_directory() / "delivery.example.yaml").read_bytes()
DC09 = {"host": "10.20.0.7", "port": 9000, "account": "1234"}
HOOK = {"url": "https://10.20.0.6/alarms", "secret": "env:XIAOAN_POLICE_SECRET"}


def document(content: bytes = EXAMPLE) -> DeliveryDocument:
    return DeliveryDocument(content, Path())


def lines_changed(before: DeliveryDocument, after: DeliveryDocument) -> list[str]:
    found = difflib.ndiff(before.content.decode().splitlines(), after.content.decode().splitlines())
    return [line for line in found if line[:2] in ("- ", "+ ")]


def test_one_setting_changes_one_line_and_comments_stay() -> None:
    before = document()
    after = before.with_path("police", "platform", "webhook", {**HOOK, "url": "https://10.0.0.9/a"})
    assert lines_changed(before, after) == [
        "-           url: https://10.20.0.6/alarms",
        "+           url: https://10.0.0.9/a",
    ]
    assert after.content.startswith(EXAMPLE.splitlines()[0])
    assert after.revision != before.revision
    assert before.with_path("police", "platform", "webhook", HOOK).content == EXAMPLE


def test_paths_and_targets_come_and_go() -> None:
    more = document().with_path("police", "line", "dc09", DC09)
    assert [path.id for path in more.plan().target("police").paths] == ["gb", "platform", "line"]
    assert "account: '1234'" in more.content.decode()  # digits that are text stay text
    assert more.without_path("police", "line").content == EXAMPLE
    keys = {
        "name": {"zh": "报警中心", "en": "Centre"},
        "role": "monitoring",
        "paths": [{"id": "main", "driver": "dc09", "settings": DC09}],
    }
    two = document().with_target("centre", keys)
    assert two.plan().target("centre").paths[0].settings.model_dump()["host"] == "10.20.0.7"
    assert two.without_target("centre").content == EXAMPLE
    renamed = two.with_target("centre", {"name": {"zh": "中心", "en": "C"}, "role": "information"})
    assert renamed.plan().target("centre").name.zh == "中心"
    assert len(renamed.plan().target("centre").paths) == 1


def test_a_site_without_the_file_gets_its_first_target(tmp_path: Path) -> None:
    empty = DeliveryDocument.read(tmp_path)
    assert empty.plan().targets == ()
    keys = {
        "name": {"zh": "警务室", "en": "Police"},
        "role": "police",
        "one_path_reason": "只有一条线",
        "paths": [{"id": "main", "driver": "dc09", "settings": DC09}],
    }
    replace_file(empty.with_target("police", keys))
    file = tmp_path / "delivery.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert parse_delivery(file.read_bytes(), directory=tmp_path).target("police").paths[0].id
    assert "\ntargets:\n  - id: police\n" in file.read_text("utf-8")
    file.chmod(0o600)
    replace_file(DeliveryDocument.read(tmp_path).with_path("police", "b", "webhook", HOOK))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["delivery.yaml"]


@pytest.mark.parametrize(
    ("driver", "settings", "told"),
    [
        ("dc09", {**DC09, "port": 70_000}, "settings.port: 70000 is out of range"),
        ("dc09", {"port": 1, "account": "12"}, "settings.host: is missing"),
        ("webhook", {**HOOK, "secret": "whsec_abc"}, "must be a reference, not the secret itself"),
        (
            "webhook",
            {**HOOK, "url": "http://203.0.113.9/"},
            "http outside the school's own network",
        ),
        ("pigeon", {}, "there is no driver 'pigeon'"),
    ],
)
def test_what_cannot_be_used_is_not_made(
    driver: str, settings: dict[str, object], told: str
) -> None:
    with pytest.raises(DeliveryFileError, match=told):
        document().with_path("police", "new", driver, settings)
    with pytest.raises(DeliveryFileError, match="a police target needs two paths"):
        document().without_path("police", "gb")
    with pytest.raises(KeyError):
        document().with_path("nobody", "new", "dc09", DC09)


def test_every_key_of_every_driver_has_a_field_with_a_name_in_both_languages() -> None:
    for driver, model in DRIVERS.items():
        form = form_of(driver)
        assert [key.name for key in form] == list(model.model_fields)
        for key in form:
            assert catalogue("zh")[f"delivery.key.{key.name}"]
            assert catalogue("en")[f"delivery.key.{key.name}"]
    assert secret_keys("gb28181") == {"password"}
    assert secret_keys("webhook") == {"secret", "old_secret"}
    assert secret_keys("mqtt") == {"credentials"}
    assert secret_keys("dc09") == {"key"}
    assert secret_keys("robot") == {"url", "secret"}
    kinds = {key.name: (key.kind, key.needed, key.default) for key in form_of("mqtt")}
    assert kinds["tls"] == ("yes", False, True)
    assert kinds["port"] == ("whole", False, 8883)
    assert kinds["host"] == ("text", True, None)
