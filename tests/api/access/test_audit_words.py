"""The audit log in words: every act that anything writes has them in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import api
from api.access.audit import Entry
from api.access.audit_words import AREAS, AuditWords
from api.access.bodies import EntryBody
from api.alarms.values import Action
from api.evidence.register import Act
from api.plan.hazards import Verb
from api.plan.incidents import ReportKind

ROOM = Path(api.__file__).parent
_CODE = re.compile(rf"({'|'.join(AREAS)})\.[a-z_]+")
# What writes an entry: `audit.Act(...)`, `accounts.change(...)`, and the commands' `record(...)`.
_WRITERS = ("Act", "change", "record")
_PLAN = (
    "record.handed_in", "record.confirmed", "record.receipt", "record.reviewed",
    "record.attached", "hazard.attached", "incident.attached", "task.attached",
    "attachment.downloaded", "attachment.privacy", "paper.made", "paper.receipt",
    "paper.downloaded", "occurrence.explained", "score.scored", "feed.granted", "feed.revoked",
    "calendar.calendar_entered", "ledger.day_confirmed", "hazard.found", "hazard.assigned",
    "hazard.fixed", "incident.happened", "incident.closed", "incident.reviewed", "task.given",
    "task.done", "task.closed",
    *(f"hazard.{verb}" for verb in Verb), *(f"incident.report_{kind}" for kind in ReportKind),
)  # fmt: skip


def _literal(file: Path) -> Iterator[str]:
    """Codes that stand in the calls that write."""
    for call in ast.walk(ast.parse(file.read_text())):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if (getattr(call.func, "id", name) or name) not in _WRITERS:
            continue
        for part in ast.walk(call):
            value = part.value if isinstance(part, ast.Constant) else None
            if isinstance(value, str) and _CODE.fullmatch(value):
                yield value


def _written() -> set[str]:
    """Codes that stand in the source, and those that are put together there."""
    made = {f"alarm.{one}" for one in Action} | {f"evidence.{one}" for one in Act}
    literal = {code for file in ROOM.glob("**/*.py") for code in _literal(file)}
    return literal | made | {f"plan.{one}" for one in _PLAN}


def _entry(action: str, subject: str = "", detail_json: str = "{}") -> Entry:
    return Entry(1, 0, "王芳", "wang", action, subject, detail_json, "0" * 64, "0" * 64)


def _words() -> dict[str, AuditWords]:
    return {
        "zh": AuditWords("zh", {"cam-a": "大厅甲"}),
        "en": AuditWords("en", {"cam-a": "Hall camera A"}),
    }


def test_every_act_that_is_written_has_words() -> None:
    written = _written()
    assert {"session.started", "account.reset", "delivery.noted", "secret.set"} <= written
    for lang, words in _words().items():
        assert [code for code in sorted(written) if words.act(code) == code] == [], lang


@pytest.mark.parametrize(
    ("action", "subject", "detail", "zh", "en"),
    [
        (
            "alarm.closed",
            "9",
            '{"cause":"drill","detail":"people_sent","note":"","signed":"王芳"}',
            ("告警：关闭", "编号 9", "原因：演练；措施或对象：派人到场疏导；签名：王芳"),
            (
                "Alarm: Closed",
                "No. 9",
                "cause: Drill; what or whom: People went there; signed: 王芳",
            ),
        ),
        (
            "session.refused",
            "wang",
            '{"address":"192.0.2.7","why":"sign_in_wrong"}',
            ("登录被拒", "wang", "地址：192.0.2.7；原因：用户名或密码不对"),
            ("Sign-in refused", "wang", "address: 192.0.2.7; why: name or password is wrong"),
        ),
        (
            "picture.viewed",
            "cam-a",
            '{"signed":"李强"}',
            ("观看实时画面", "大厅甲", "签名：李强"),
            ("Live picture viewed", "Hall camera A", "signed: 李强"),
        ),
        (
            "account.roles",
            "liu",
            '{"roles":[{"role":"operator","site":"school","until":null,"zones":["hall"]}]}',
            ("修改角色", "liu", "角色：值班员 @ school [hall]"),
            ("Roles changed", "liu", "roles: Operator @ school [hall]"),
        ),
        (
            "plan.hazard.fixed",
            "hazard:12",
            '{"history":"ab","unit":3}',
            ("隐患：提请验收", "隐患 12", "单位编号：3"),
            ("Hazard: called mended", "Hazard 12", "unit: 3"),
        ),
        # What no version writes any more is shown as it is kept.
        ("old.thing", "x", '{"q":1}', ("old.thing", "x", "q：1"), ("old.thing", "x", "q: 1")),
    ],
)
def test_an_entry_in_words(
    action: str, subject: str, detail: str, zh: tuple[str, ...], en: tuple[str, ...]
) -> None:
    body = EntryBody.of(_entry(action, subject, detail), _words())
    assert (body.zh.act, body.zh.subject, body.zh.detail) == zh
    assert (body.en.act, body.en.subject, body.en.detail) == en
    assert (body.action, body.subject, body.detail) == (action, subject, detail)
