"""Bodies that the API sends: the same for answers and for events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.alarms.values import (
    Action,
    Alarm,
    AlarmState,
    AlarmType,
    Check,
    Condition,
    Evidence,
    HistoryEntry,
    Hold,
    Signature,
    Verdict,
)
from api.live.judge import ZoneNow
from api.live.values import CameraStatus
from api.watched import Name, WatchedCamera, WatchedZone
from streams.records import CameraState, MeasurementData, ReasonData
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.doors import DoorState
from vision.risk.readings import Level


class Body(BaseModel):
    """Base of the answers: frozen, and nothing beside the stated keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def with_examples(*examples: Any) -> ConfigDict:
    """Examples for the API description."""
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class NameBody(Body):
    """A name in both languages."""

    zh: str
    en: str

    @classmethod
    def of(cls, name: Name) -> NameBody:
        return cls(zh=name.zh, en=name.en)


class DoorBody(Body):
    """A door of a zone's exit that has a contact."""

    id: str
    name: NameBody
    state: DoorState = Field(description="unknown when its contact was not read")


class ZoneBody(Body):
    """A zone as it may be shown now."""

    id: str
    name: NameBody
    type: ZoneType
    floor: NameBody
    area_m2: float
    camera_ids: tuple[str, ...]
    level: Level = Field(description="UNKNOWN when nobody can say, also when the reading is old")
    last_level: Level | None = Field(description="what the newest reading said")
    could_be: Level | None = Field(description="level at the upper end of the uncertainty")
    since: datetime | None = Field(description="since when `level` holds")
    captured_at: datetime | None = Field(description="of the newest reading")
    received_at: datetime | None
    age_s: float | None = Field(description="age of the newest reading when this was written")
    stale: bool
    clock_skew_s: float | None = Field(description="by how much the camera PC's clock is ahead")
    people: float | None = Field(description="persons in the zone; null when not known")
    people_std: float | None
    density_per_m2: float | None = Field(description="densest place, persons per m²")
    density_std_per_m2: float | None
    visible_share: float | None
    measurement: MeasurementData | None
    reasons: tuple[ReasonData, ...]
    doors: tuple[DoorBody, ...] = Field(description="those with a contact, of its exits")
    profile_id: str
    model_id: str

    @classmethod
    def of(cls, zone: WatchedZone, now: ZoneNow) -> ZoneBody:
        numbers = now.measurement
        return cls(
            id=zone.id,
            name=NameBody.of(zone.name),
            type=zone.type,
            floor=NameBody.of(zone.floor),
            area_m2=round(zone.area_m2, 2),
            camera_ids=zone.camera_ids,
            level=now.level,
            last_level=now.last_level,
            could_be=now.could_be,
            since=_time(now.since),
            captured_at=_time(now.captured_at),
            received_at=_time(now.received_at),
            age_s=None if now.age_s is None else round(now.age_s, 3),
            stale=now.stale,
            clock_skew_s=now.skew_s,
            people=numbers and numbers.people,
            people_std=numbers and numbers.people_std,
            density_per_m2=numbers and numbers.density_peak_per_m2,
            density_std_per_m2=numbers and numbers.density_peak_std_per_m2,
            visible_share=numbers and numbers.visible_share,
            measurement=numbers,
            reasons=now.reasons,
            doors=tuple(
                DoorBody(id=one, name=NameBody.of(zone.doors.get(one, Name(one, one))), state=state)
                for one, state in now.doors.items()
            ),
            profile_id=now.profile_id,
            model_id=now.model_id,
        )


class CameraBody(Body):
    """A camera as its worker last told; `state` is null before the first word of it."""

    id: str
    name: NameBody
    zone_ids: tuple[str, ...]
    state: CameraState | None = None
    since: datetime | None = None
    cause: str = ""
    detail: str = ""
    captured_at: datetime | None = None
    received_at: datetime | None = None

    @classmethod
    def of(cls, camera: WatchedCamera, status: CameraStatus | None) -> CameraBody:
        names = {"id": camera.id, "name": NameBody.of(camera.name), "zone_ids": camera.zone_ids}
        if status is None:
            return cls.model_validate(names)
        return cls.model_validate(
            {
                **names,
                "state": status.state,
                "since": status.since.to_datetime(),
                "cause": status.cause,
                "detail": status.detail,
                "captured_at": status.captured_at.to_datetime(),
                "received_at": status.received_at.to_datetime(),
            }
        )


class SignatureBody(Body):
    """Who took a step."""

    name: str
    at: datetime
    note: str

    @classmethod
    def of(cls, signature: Signature | None) -> SignatureBody | None:
        if signature is None:
            return None
        return cls(name=signature.name, at=signature.at.to_datetime(), note=signature.note)


class EvidenceBody(Body):
    """Numbers behind an alarm; people and density are null where nothing could be measured."""

    level: Level
    people: float | None
    density_per_m2: float | None
    reasons: tuple[ReasonData, ...]

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceBody:
        return cls(
            level=evidence.level,
            people=evidence.people,
            density_per_m2=evidence.density_per_m2,
            reasons=tuple(ReasonData.of(reason) for reason in evidence.reasons),
        )


class CheckBody(Body):
    """The operator check: who says whether the alarm is real, and until when."""

    verdict: Verdict
    due_at: datetime | None = Field(description="a pending check then ends as confirmed")
    by: SignatureBody | None

    @classmethod
    def of(cls, check: Check | None) -> CheckBody | None:
        if check is None:
            return None
        by = SignatureBody.of(check.by)
        return cls(verdict=check.verdict, due_at=_time(check.due_at), by=by)


class HoldBody(Body):
    """Why an alarm is put aside."""

    kind: AlarmState
    by: SignatureBody
    until: datetime | None
    reason: str
    second: str
    parent_number: int | None = Field(description="the alarm that it stands under")

    @classmethod
    def of(cls, hold: Hold | None) -> HoldBody | None:
        if hold is None:
            return None
        return cls(
            kind=hold.kind,
            by=SignatureBody(name=hold.by.name, at=hold.by.at.to_datetime(), note=hold.by.note),
            until=_time(hold.until),
            reason=hold.reason,
            second=hold.second,
            parent_number=hold.parent_number,
        )


class AlarmBody(Body):
    """An alarm as it stands."""

    number: int
    type: AlarmType
    subject_id: str = Field(description="zone id of a crowd alarm, camera id of a lost camera")
    zone_ids: tuple[str, ...]
    priority: int = Field(ge=1, le=4, description="1 is the highest")
    state: AlarmState
    condition: Condition = Field(description="whether the cause is there now")
    now: EvidenceBody
    peak: EvidenceBody = Field(description="the worst level, the largest numbers")
    opened_at: datetime = Field(description="capture time of the picture that opened it")
    received_at: datetime
    updated_at: datetime
    latched: bool = Field(description="only a person closes it")
    repeats: int
    version: int = Field(description="send it back when acknowledging or closing")
    acknowledged: SignatureBody | None
    closed: SignatureBody | None
    cause: str
    taken: str = Field(description="what was done about it, chosen on closing")
    hold: HoldBody | None
    check: CheckBody | None
    waiting_since: datetime | None = Field(description="since when it waits to be acknowledged")
    escalated: int = Field(description="steps of the ladder taken since then")
    dispatched: SignatureBody | None = Field(description="who sent whom; the note is a person id")

    @classmethod
    def of(cls, alarm: Alarm) -> AlarmBody:
        return cls(
            number=alarm.number,
            type=alarm.key.type,
            subject_id=alarm.key.subject_id,
            zone_ids=alarm.zone_ids,
            priority=alarm.priority,
            state=alarm.state,
            condition=alarm.condition,
            now=EvidenceBody.of(alarm.evidence),
            peak=EvidenceBody.of(alarm.peak),
            opened_at=alarm.opened_at.to_datetime(),
            received_at=alarm.received_at.to_datetime(),
            updated_at=alarm.updated_at.to_datetime(),
            latched=alarm.latched,
            repeats=alarm.repeats,
            version=alarm.version,
            acknowledged=SignatureBody.of(alarm.acknowledged),
            closed=SignatureBody.of(alarm.closed),
            cause=alarm.cause,
            taken=alarm.taken,
            hold=HoldBody.of(alarm.hold),
            check=CheckBody.of(alarm.check),
            waiting_since=_time(alarm.waiting_since),
            escalated=alarm.escalated,
            dispatched=SignatureBody.of(alarm.dispatched),
        )


class HistoryBody(Body):
    """One step of an alarm's history."""

    action: Action
    at: datetime
    captured_at: datetime | None
    actor: str = Field(description="a person's name, or `system`")
    from_state: AlarmState | None
    to_state: AlarmState
    priority: int
    evidence: EvidenceBody
    note: str
    cause: str
    detail: str = Field(description="the step of a card or ladder, the person sent, the act taken")

    @classmethod
    def of(cls, entry: HistoryEntry) -> HistoryBody:
        return cls(
            action=entry.action,
            at=entry.at.to_datetime(),
            captured_at=_time(entry.captured_at),
            actor=entry.actor,
            from_state=entry.from_state,
            to_state=entry.to_state,
            priority=entry.priority,
            evidence=EvidenceBody.of(entry.evidence),
            note=entry.note,
            cause=entry.cause,
            detail=entry.detail,
        )


class AlarmDetailBody(AlarmBody):
    """An alarm with every step that was taken."""

    history: tuple[HistoryBody, ...]

    @classmethod
    def with_history(cls, alarm: Alarm, entries: tuple[HistoryEntry, ...]) -> AlarmDetailBody:
        lines = tuple(HistoryBody.of(entry) for entry in entries)
        return cls(**AlarmBody.of(alarm).__dict__, history=lines)


class AlarmListBody(Body):
    """Alarms, newest first."""

    alarms: tuple[AlarmBody, ...]
    next_before: int | None = Field(description="pass as `before` for the next page")


def _time(moment: Utc | None) -> datetime | None:
    return None if moment is None else moment.to_datetime()
