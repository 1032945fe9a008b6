"""`delivery.yaml`: what it says, and every refusal with its line and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.delivery import (
    Acknowledgement,
    DeliveryFileError,
    Role,
    load_delivery,
    parse_delivery,
    read_secret,
)
from config.errors import SecretError
from config.refusals import in_chinese

HOOK = "{id: main, driver: webhook, settings: {url: 'https://a.example/x', secret: env:HOOK}}"
OTHER = "{id: second, driver: webhook, settings: {url: 'https://b.example/x', secret: env:HOOK}}"


CAP = "{id: c, driver: cap, settings: {folder: c, sender: s}}"
DC09 = "{id: d, driver: dc09, settings: {host: h, port: 1, account: 1A2B}}"


def site(paths: str = f"[{HOOK}, {OTHER}]", role: str = "police", more: str = "") -> bytes:
    return (
        "targets:\n"
        "  - id: room\n"
        "    name: {zh: 警务室, en: Police room}\n"
        f"    role: {role}\n"
        f"{more}"
        f"    paths: {paths}\n"
    ).encode()


def test_a_whole_file() -> None:
    plan = parse_delivery(site(), directory=Path())
    (target,) = plan.targets
    assert (target.role, target.acknowledgement) == (Role.POLICE, Acknowledgement.RECEIVER)
    assert [path.id for path in target.paths] == ["main", "second"]
    assert target.give_up_after_s is None
    # Three misses and the last attempt's time stay below 90 s.
    assert 3 * (plan.heartbeat_s + 5.0) <= 90.0
    assert plan.unacknowledged_s < 60.0


def test_no_file_is_no_target(tmp_path: Path) -> None:
    assert load_delivery(tmp_path).targets == ()


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (site(f"[{HOOK}]"), 5, "a police target needs two paths"),
        (site(f"[{HOOK}, {HOOK}]"), 5, "the id 'main' is used twice"),
        (site(f"[{HOOK}, {HOOK.replace('main', 'two')}]"), 5, "the same way is written twice"),
        (site(more="    give_up_after_s: 100\n"), 5, "never given up"),
        (site(role="polizei"), 4, "not known here"),
        (site(f"[{HOOK}, {OTHER.replace('webhook', 'webhok')}]"), 5, "did you mean `webhook`"),
        (site(f"[{HOOK}, {OTHER.replace('env:HOOK', 'hunter2')}]"), 5, "must be a reference"),
        (site(f"[{HOOK}, {OTHER.replace('https://b', 'http://b')}]"), 5, "http outside"),
        (
            site(
                f"[{{id: a, driver: mqtt, settings: {{host: h, client_id: c, topic: t}}}}, {HOOK}]"
            ),
            5,
            "no topic for its acknowledgement",
        ),
        (
            site("[{id: a, driver: robot, settings: {kind: wecom, url: env:R}}]", "monitoring"),
            5,
            "a chat robot is information only",
        ),
        (site(more="    lowest_priority: 9\n"), 5, "out of range"),
        (site(f"[{HOOK}, {OTHER.replace('https://b', 'https://u:p@b')}]"), 5, "user and password"),
        (site(f"[{HOOK}, {DC09.replace('1A2B', 'XYZ')}]"), 5, "hexadecimal digits"),
        (site(f"[{HOOK}, {CAP}]"), 5, "folder"),
        (site(more="    from_step: call\n"), 5, "told at once"),
        (b"heartbeat_s: 40\n" + site(), 1, "out of range"),
    ],
)
def test_what_is_refused(content: bytes, line: int, words: str) -> None:
    with pytest.raises(DeliveryFileError) as refusal:
        parse_delivery(content, directory=Path())
    told = [problem for problem in refusal.value.problems if words in str(problem)]
    assert [problem.line for problem in told] == [line], str(refusal.value)
    assert in_chinese(told[0].message), told[0].message
    assert in_chinese(told[0].mend), told[0].mend
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("secret", ["12345678", "0x12345678", "{user: x12345678}", "[x12345678]"])
@pytest.mark.parametrize(
    "settings",
    [
        "driver: webhook, settings: {url: 'https://h/a', secret: %s}",
        "driver: dc09, settings: {host: h, port: 9, account: 1A2B, key: %s}",
        "driver: mqtt, settings: {host: h, client_id: c, topic: t, credentials: %s}",
    ],
)
def test_a_secret_that_stands_in_the_file_is_not_told(settings: str, secret: str) -> None:
    """A password of digits is a number to YAML, and the fault is an alarm that all desks read."""
    path = "{id: own, " + settings % secret + "}"
    with pytest.raises(DeliveryFileError) as refused:
        parse_delivery(site(f"[{path}]", role="information"), directory=Path())
    assert "12345678" not in str(refused.value)
    assert "settings." in str(refused.value)


def test_secrets_are_read_from_variables_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", " abc \n")
    (tmp_path / "key.txt").write_text("xyz\n", encoding="utf-8")
    assert read_secret("env:HOOK", tmp_path) == "abc"
    assert read_secret("file:key.txt", tmp_path) == "xyz"
    monkeypatch.delenv("HOOK")
    for reference in ("env:HOOK", "file:none.txt"):
        with pytest.raises(SecretError, match="secret"):
            read_secret(reference, tmp_path)
