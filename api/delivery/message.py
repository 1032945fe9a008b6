"""What goes out: one step of one alarm for one target, frozen as it was when it happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from api.alarms.values import SYSTEM, Alarm, AlarmType, HistoryEntry
from api.watched import Name, WatchedSite
from config.desk_plan import LadderStep, Person
from config.texts import known, reason_text, text
from vision.instants import Utc

_LANGUAGES = ("zh", "en")
_FIRST_CAMERA_POINT = 501
_FIRST_AREA_POINT = 801
_MINUTE_S = 60.0
LATE_AFTER_S = 60.0
"""A message that leaves later than this after its step says so."""

_BEGINS = frozenset({"opened", "raised", "repeated", "late_report", "test", "confirmed"})
_ENDS = frozenset({"returned", "closed", "rejected"})


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
        is_drill: the school's timetable had a drill when the alarm opened. It is marked and still
            sent as a real one: people can be crushed in a drill.
        escalation: what the step of the ladder does (`call`, `police`, ...); empty for other steps.
        tell: names of the people whom that step tells.
        timezone: of the site, for what shows local times.
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
    is_drill: bool = False
    escalation: str = ""
    tell: tuple[str, ...] = ()
    timezone: str = "Asia/Shanghai"

    @property
    def begins(self) -> bool:
        """The receiver has to act anew: the step makes it worse, or is the first that it hears."""
        return self.action in _BEGINS or not (self.first_id or self.ends)

    @property
    def ends(self) -> bool:
        """The cause is gone, or there was none."""
        return self.action in _ENDS

    @property
    def event(self) -> str:
        """Type of the event, e.g. `alarm.opened`."""
        if self.is_test:
            return "delivery.test"
        return f"plan.{self.action}" if self.alarm_type == "plan" else f"alarm.{self.action}"

    @property
    def step_time(self) -> Utc:
        return Utc.from_iso(self.step_at)

    @property
    def local_step_time(self) -> datetime:
        """`step_at` by the site's clock."""
        return self.step_time.to_datetime().astimezone(ZoneInfo(self.timezone))

    def leaving_at(self, now: Utc) -> Self:
        """The same; one that was held up says in its headline for how many minutes."""
        late_s = now - self.step_time
        if late_s <= LATE_AFTER_S:
            return self
        minutes = str(int(late_s // _MINUTE_S))
        mark = _both("delivery.headline.late", zh={"minutes": minutes}, en={"minutes": minutes})
        return replace(self, headline=_marked(mark, self.headline))

    def without_people(self) -> Self:
        """The same without a person's name or words: for what is information only."""
        return replace(self, by="", note="", tell=())

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, body: str, sequence: int) -> Self:
        """What `to_json` wrote. Keys that only another version knows are left out.

        Raises:
            ValueError: no message, or one that lacks what this version needs.
        """
        try:
            data: dict[str, Any] = json.loads(body)
            known = {one.name: data[one.name] for one in fields(cls) if one.name in data}
            for name in ("site_name", "place", "headline", "description"):
                known[name] = Words(zh=known[name]["zh"], en=known[name]["en"])
            known["tell"] = tuple(known.get("tell", ()))
            return cls(**{**known, "sequence": sequence})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

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
        timezone=site.timezone,
        headline=Words("", ""),
        description=Words(
            *("；".join(reason_text(r, lang) for r in numbers.reasons) for lang in _LANGUAGES)
        ),
    )
    is_test = alarm.key.type is AlarmType.TEST
    return replace(message, is_test=is_test, headline=_headline(site, message))


def in_a_drill(message: OutMessage) -> OutMessage:
    """The same, marked in both headlines."""
    mark = _both("delivery.headline.drill", zh={}, en={})
    return replace(message, is_drill=True, headline=_marked(mark, message.headline))


def escalated(message: OutMessage, step: LadderStep, people: Sequence[Person]) -> OutMessage:
    """The same, with what the ladder's step does and whom it tells."""
    told = _both(
        "delivery.escalation",
        zh={"what": text(f"delivery.step.{step.do}", "zh")},
        en={"what": text(f"delivery.step.{step.do}", "en")},
    )
    description = Words(
        "；".join(part for part in (told.zh, message.description.zh) if part),
        "; ".join(part for part in (told.en, message.description.en) if part),
    )
    names = tuple(person.name.zh for person in people)
    return replace(message, escalation=step.do, tell=names, description=description)


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
        timezone=site.timezone,
    )


def _marked(mark: Words, headline: Words) -> Words:
    return Words(f"{mark.zh}{headline.zh}", f"{mark.en} {headline.en}")


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
        "delivery.headline.drill": (),
        "delivery.headline.late": ("minutes",),
        "delivery.escalation": ("what",),
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
    elif subject in site.things:
        found = site.things[subject]
        zones = [site.zone[zone_id].name for zone_id in alarm.zone_ids if zone_id in site.zone]
        if alarm.key.type is AlarmType.PANIC and zones:
            # A button is named, and so is where people have to run to.
            return Words(f"{zones[0].zh} {found.zh}", f"{zones[0].en}, {found.en}")
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
