"""What goes out: one step of one alarm for one target, frozen as it was when it happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from api.alarms.values import SYSTEM, Alarm, AlarmType, HistoryEntry
from api.watched import Name, WatchedSite
from config.texts import known, reason_text, text
from vision.instants import Utc

_LANGUAGES = ("zh", "en")
_FIRST_CAMERA_POINT = 501
_FIRST_AREA_POINT = 801
LATE_AFTER_S = 60.0
"""A message that leaves later than this after its step says so."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages."""

    zh: str
    en: str

    def both(self) -> str:
        return f"{self.zh}\n{self.en}"


@dataclass(frozen=True, slots=True)
class OutMessage:
    """One message.

    Attributes:
        id: idempotency key, the same on every attempt and path; `sequence`: its outbox number.
        alarm_number: 0 for a test message.
        action: the step of the alarm's history, or `test`.
        subject_id: the zone, camera or path that the alarm is about.
        by: name of the person who took the step; empty for the system.
        step_at: when the step was taken; `alarm_at`: capture time of what opened the alarm.
        people, density_per_m2: numbers at this step; `None` where nothing was measured.
        active: the cause is there now.
        is_test: marked as a test in every protocol.
        point: number of the place in the site file, from 1 for zones and 501 for cameras; 0 else.
        first_id, first_at: of the first message of this alarm to this target; empty in that one.
    """

    id: str
    site_id: str
    site_name: Words
    alarm_number: int
    alarm_type: str
    subject_id: str
    place: Words
    action: str
    state: str
    priority: int
    level: str
    people: float | None
    density_per_m2: float | None
    active: bool
    step_at: str
    alarm_at: str
    by: str
    note: str
    headline: Words
    description: Words
    is_test: bool = False
    sequence: int = 0
    point: int = 0
    first_id: str = ""
    first_at: str = ""

    @property
    def event(self) -> str:
        """Type of the event, e.g. `alarm.opened`."""
        return "delivery.test" if self.is_test else f"alarm.{self.action}"

    @property
    def step_time(self) -> Utc:
        return Utc.from_iso(self.step_at)

    @property
    def alarm_time(self) -> Utc:
        return Utc.from_iso(self.alarm_at)

    def without_people(self) -> Self:
        """The same without a person's name or words: for what is information only."""
        return replace(self, by="", note="")

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, body: str, sequence: int) -> Self:
        """Raises `KeyError` or `TypeError` for a body that this version did not write."""
        data: dict[str, Any] = json.loads(body)
        for name in ("site_name", "place", "headline", "description"):
            data[name] = Words(**data[name])
        return cls(**{**data, "sequence": sequence})

    def public(self) -> dict[str, Any]:
        """The document that webhooks and MQTT carry."""
        body = asdict(self)
        return {"type": self.event, **body}


def alarm_message(
    site: WatchedSite, alarm: Alarm, entry: HistoryEntry, message_id: str
) -> OutMessage:
    """The message of one history line."""
    place = _place(site, alarm)
    numbers = entry.evidence
    message = OutMessage(
        id=message_id,
        site_id=site.id,
        site_name=Words(site.name.zh, site.name.en),
        alarm_number=alarm.number,
        alarm_type=alarm.key.type.value,
        subject_id=alarm.key.subject_id,
        place=place,
        action=entry.action.value,
        state=entry.to_state.value,
        priority=entry.priority,
        level=numbers.level.value,
        people=_rounded(numbers.people),
        density_per_m2=_rounded(numbers.density_per_m2),
        active=alarm.condition.value == "active",
        point=_point(site, alarm.key.subject_id),
        step_at=entry.at.iso(),
        alarm_at=alarm.opened_at.iso(),
        by="" if entry.actor == SYSTEM else entry.actor,
        note=entry.note,
        headline=Words("", ""),
        description=Words(
            *("；".join(reason_text(r, lang) for r in numbers.reasons) for lang in _LANGUAGES)
        ),
    )
    is_test = alarm.key.type is AlarmType.TEST
    return replace(message, is_test=is_test, headline=_headline(site, message))


def test_message(site: WatchedSite, now: Utc, by: str, message_id: str) -> OutMessage:
    """A message that says in every protocol that it is a test."""
    name = Words(site.name.zh, site.name.en)
    return OutMessage(
        id=message_id,
        site_id=site.id,
        site_name=name,
        alarm_number=0,
        alarm_type="test",
        subject_id=site.id,
        place=name,
        action="test",
        state="closed",
        priority=4,
        level="L0",
        people=None,
        density_per_m2=None,
        active=False,
        step_at=now.iso(),
        alarm_at=now.iso(),
        by=by,
        note="",
        headline=_both("delivery.headline.test", zh={"site": name.zh}, en={"site": name.en}),
        description=Words("", ""),
        is_test=True,
    )


def _headline(site: WatchedSite, message: OutMessage) -> Words:
    def values(lang: str) -> dict[str, str]:
        zh = lang == "zh"
        return {
            "site": site.name.zh if zh else site.name.en,
            "place": message.place.zh if zh else message.place.en,
            "type": _word(f"alarm.type.{message.alarm_type}", lang, message.alarm_type),
            "action": _word(f"action.{message.action}", lang, message.action),
            "level": message.level,
            "priority": str(message.priority),
        }

    key = "delivery.headline.alarm"
    if message.alarm_type == AlarmType.CROWD.value:
        key = "delivery.headline.crowd"
    elif message.alarm_type == AlarmType.TEST.value:
        key = "delivery.headline.test"
    elif message.alarm_type == AlarmType.DELIVERY.value:
        key = "delivery.headline.delivery"
    return _both(key, zh=values("zh"), en=values("en"))


def _both(key: str, *, zh: dict[str, str], en: dict[str, str]) -> Words:
    names = _placeholders(key)
    return Words(
        text(key, "zh", **{name: zh[name] for name in names}),
        text(key, "en", **{name: en[name] for name in names}),
    )


def _placeholders(key: str) -> Sequence[str]:
    return {
        "delivery.headline.test": ("site",),
        "delivery.headline.crowd": ("site", "place", "action", "level", "priority"),
        "delivery.headline.delivery": ("site", "place", "action"),
        "delivery.headline.alarm": ("site", "place", "type", "action", "priority"),
    }[key]


def _word(key: str, lang: str, otherwise: str) -> str:
    return text(key, lang) if known(key) else otherwise


def _place(site: WatchedSite, alarm: Alarm) -> Words:
    subject = alarm.key.subject_id
    found: Name | None = None
    if subject in site.zone:
        found = site.zone[subject].name
    elif subject in site.camera:
        found = site.camera[subject].name
    elif subject in site.area:
        found = site.area[subject].name
    if found is None:
        return Words(subject, subject)
    return Words(found.zh, found.en)


def _point(site: WatchedSite, subject_id: str) -> int:
    zone_ids = [zone.id for zone in site.zones]
    if subject_id in zone_ids:
        return zone_ids.index(subject_id) + 1
    camera_ids = [camera.id for camera in site.cameras]
    if subject_id in camera_ids:
        return camera_ids.index(subject_id) + _FIRST_CAMERA_POINT
    area_ids = [area.id for area in site.areas]
    if subject_id in area_ids:
        return area_ids.index(subject_id) + _FIRST_AREA_POINT
    return 0


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)
