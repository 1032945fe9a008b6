"""What an entry of the audit log says in words. The log itself keeps codes, which never change.

An act is looked up as `audit.act.AREA.VERB`; acts on alarms share the words of an alarm's history,
acts of the safety plan those of its own. A code without words is shown as it is, as old logs may
hold codes that nothing writes any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from api.access.audit import Entry
from config.texts import catalogue

AREAS = (
    "alarm",
    "picture",
    "evidence",
    "session",
    "account",
    "shift",
    "delivery",
    "coverage",
    "camera",
    "plan",
    "secret",
)
"""What the log is filtered by: the first part of an act's code."""

_ABOUT_ALARMS = ("alarm", "evidence")
_NOT_TOLD = ("history",)
_WORDS_OF: Mapping[str, str] = {
    "why": "api.error.",
    "cause": "cause_closed.",
    "reason": "evidence.reason.",
    "detail": "taken.",
    "received": "access.",
}
"""Key of a detail -> where its value stands in the catalogue."""


class AuditWords:
    """The words of one language.

    Args:
        camera_names: of the site's cameras in that language, by their ids.
    """

    def __init__(self, lang: str, camera_names: Mapping[str, str]) -> None:
        self._texts = catalogue(lang)
        self._colon, self._comma = (": ", "; ") if lang == "en" else ("：", "；")
        self._camera_names = camera_names

    def act(self, action: str) -> str:
        """`alarm.acknowledged` as "告警：确认"."""
        own = self._texts.get(f"audit.act.{action}")
        if own is not None:
            return own
        area, _, verb = action.rpartition(".")
        kind = self._texts.get(f"audit.area.{area}")
        key = "action." if area == "alarm" else "plan.act."
        word = self._texts.get(f"{key}{verb}")
        return action if kind is None or word is None else f"{kind}{self._colon}{word}"

    def actor(self, name: str) -> str:
        """Who did it; what is no person has a name in words."""
        return self._texts.get(f"audit.actor.{name.replace(' ', '_').replace('-', '_')}", name)

    def subject(self, entry: Entry) -> str:
        """What it was done to: an alarm by its number, a camera by its name."""
        area = entry.action.partition(".")[0]
        if area in _ABOUT_ALARMS and entry.subject.isdigit():
            return self._texts["alarm.number"].replace("{number}", entry.subject)
        if area == "plan":
            kind, _, number = entry.subject.partition(":")
            word = self._texts.get(f"audit.area.plan.{kind}")
            return entry.subject if word is None else f"{word} {number}".strip()
        return self._camera_names.get(entry.subject, entry.subject)

    def detail(self, entry: Entry) -> str:
        """The particulars, without those that are empty."""
        told = json.loads(entry.detail_json)
        return self._comma.join(
            f"{self._texts.get(f'audit.key.{key}', key)}{self._colon}{self._value(key, value)}"
            for key, value in told.items()
            if key not in _NOT_TOLD and value not in ("", None, [], {})
        )

    def _value(self, key: str, value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(self._value(key, one) for one in value)
        if isinstance(value, Mapping):
            return self._grant(value) if "role" in value else json.dumps(value, ensure_ascii=False)
        if key == "camera":
            return self._camera_names.get(str(value), str(value))
        return self._texts.get(f"{_WORDS_OF.get(key, '')}{value}", str(value))

    def _grant(self, grant: Mapping[str, Any]) -> str:
        """A role with its place and its end."""
        role = self._texts.get(f"access.role.{grant['role']}", str(grant["role"]))
        zones = grant.get("zones")
        place = str(grant.get("site", "")) + (f" [{', '.join(zones)}]" if zones else "")
        until = grant.get("until")
        return " ".join(
            part for part in (role, f"@ {place}", f"≤ {until}" if until else "") if part
        )
