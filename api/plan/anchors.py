"""Names of what an occurrence hangs on: nothing, an incident or a certificate. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.plan import Rule
from config.plan.values import Scope

INCIDENT = "incident:"
"""How the anchors of all incidents begin."""


def incident_anchor(number: int) -> str:
    """Name under which an incident's follow-ups stand in the ledger."""
    return f"{INCIDENT}{number}"


def plain_subject(subject: str) -> str:
    """What a certificate is about, such as a plate, however the blanks and letters were typed."""
    return " ".join(subject.split()).upper()


def certificate_anchor(subject: str) -> str:
    """Name under which a certificate's successor stands in the ledger; at most 60 characters."""
    return f"of:{plain_subject(subject)}"[:60]


def anchor_for(rule: Rule, body: Mapping[str, Any]) -> str | None:
    """Anchor of the occurrences of `rule` that a record with `body` can count for.

    Empty for a rule of the year; `None` when the record does not name its incident or subject.
    """
    if rule.scope is Scope.PER_INCIDENT:
        return incident_anchor(int(body["incident"])) if "incident" in body else None
    if rule.scope is Scope.PER_CERTIFICATE:
        return certificate_anchor(str(body["subject"])) if body.get("subject") else None
    return ""
