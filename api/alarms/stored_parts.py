"""Parts of an alarm as text in a column of the database, and back."""

from __future__ import annotations

import json
from dataclasses import asdict

from api.alarms.values import AlarmState, Check, Evidence, Hold, Signature, Verdict
from vision.instants import Utc
from vision.risk.readings import Level, Reason


def evidence_text(evidence: Evidence) -> str:
    """The numbers behind a step as they are stored."""
    return json.dumps(asdict(evidence), ensure_ascii=False)


def evidence_of(text: str) -> Evidence:
    """The numbers behind a step as they were stored."""
    data = json.loads(text)
    return Evidence(
        level=Level(data["level"]),
        people=data["people"],
        density_per_m2=data["density_per_m2"],
        reasons=tuple(Reason(**reason) for reason in data["reasons"]),
    )


def signature_text(signature: Signature | None) -> str | None:
    """Who did something, when, as it is stored."""
    if signature is None:
        return None
    return json.dumps(
        {"name": signature.name, "at_ns": signature.at.ns, "note": signature.note},
        ensure_ascii=False,
    )


def signature_of(text: str | None) -> Signature | None:
    """Who did something, when, as it was stored."""
    if text is None:
        return None
    data = json.loads(text)
    return Signature(data["name"], Utc(data["at_ns"]), data["note"])


def hold_text(hold: Hold | None) -> str | None:
    """A hold as it is stored."""
    if hold is None:
        return None
    return json.dumps(
        {
            "kind": hold.kind.value,
            "by": signature_text(hold.by),
            "until_ns": None if hold.until is None else hold.until.ns,
            "reason": hold.reason,
            "second": hold.second,
            "parent_number": hold.parent_number,
        },
        ensure_ascii=False,
    )


def hold_of(text: str | None) -> Hold | None:
    """A hold as it was stored."""
    if text is None:
        return None
    data = json.loads(text)
    by = signature_of(data["by"])
    if by is None:
        raise ValueError("a stored hold names nobody")
    return Hold(
        kind=AlarmState(data["kind"]),
        by=by,
        until=utc_of(data["until_ns"]),
        reason=data["reason"],
        second=data["second"],
        parent_number=data["parent_number"],
    )


def check_text(check: Check | None) -> str | None:
    """An operator check as it is stored."""
    if check is None:
        return None
    due_ns = None if check.due_at is None else check.due_at.ns
    return json.dumps(
        {"verdict": check.verdict.value, "due_ns": due_ns, "by": signature_text(check.by)},
        ensure_ascii=False,
    )


def check_of(text: str | None) -> Check | None:
    """An operator check as it was stored."""
    if text is None:
        return None
    data = json.loads(text)
    return Check(Verdict(data["verdict"]), utc_of(data["due_ns"]), signature_of(data["by"]))


def utc_of(ns: int | None) -> Utc | None:
    """A moment that may be missing."""
    return None if ns is None else Utc(ns)
