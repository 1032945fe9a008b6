"""What an alarm is: frozen values without clocks or storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vision.instants import Utc
from vision.readings import Level, Reason

SYSTEM = "system"
"""Actor of the steps that no person took."""


class AlarmType(StrEnum):
    """What the alarm is about."""

    CROWD = "crowd"
    CAMERA_LOST = "camera_lost"
    DELIVERY = "delivery"


class AlarmState(StrEnum):
    """States after ISA-18.2; an alarm that went away unseen stays on the desk."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    CLOSED = "closed"


class Condition(StrEnum):
    """Whether the cause is there now. UNKNOWN is neither: nobody can see."""

    ACTIVE = "active"
    GONE = "gone"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """One step of an alarm's history."""

    OPENED = "opened"
    RAISED = "raised"
    LEVEL_CHANGED = "level_changed"
    REPEATED = "repeated"
    RETURNED = "returned"
    CONDITION_UNKNOWN = "condition_unknown"
    CONDITION_KNOWN = "condition_known"
    LATE_REPORT = "late_report"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class AlarmKey:
    """One alarm at most is open for a key.

    Attributes:
        subject_id: a zone id for `CROWD`, a camera id for `CAMERA_LOST`.
    """

    site_id: str
    type: AlarmType
    subject_id: str

    @property
    def text(self) -> str:
        return f"{self.site_id}/{self.type.value}/{self.subject_id}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers behind a step.

    Attributes:
        people: persons in the zone; `None` where nothing could be measured.
        density_per_m2: densest place of the zone, persons per m²; `None` likewise.
    """

    level: Level
    people: float | None = None
    density_per_m2: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """What one record means for the alarm of one key.

    Attributes:
        priority: 1 (highest) to 4; meaningful while the condition is active.
        zone_ids: the zones that the alarm concerns.
        late: an older record than the newest one that was already judged.
    """

    key: AlarmKey
    condition: Condition
    priority: int
    evidence: Evidence
    zone_ids: tuple[str, ...]
    captured_at: Utc
    received_at: Utc
    late: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """Who took a step, when, and what they wrote."""

    name: str
    at: Utc
    note: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it stands.

    Attributes:
        number: counts up in a site; 0 until it is stored.
        evidence: newest numbers; `peak` holds the worst level and the largest numbers.
        opened_at: capture time of the record that opened it.
        received_at: when that record reached the API.
        updated_at: when the newest step was taken.
        latched: it reached priority 1, so only a person closes it.
        repeats: how often the condition came back.
        version: counts the steps that a person must have seen before acting.
        cause: catalogue key that the closing person chose; empty before.
    """

    number: int
    key: AlarmKey
    zone_ids: tuple[str, ...]
    priority: int
    state: AlarmState
    condition: Condition
    evidence: Evidence
    peak: Evidence
    opened_at: Utc
    received_at: Utc
    updated_at: Utc
    latched: bool = False
    repeats: int = 0
    version: int = 1
    acknowledged: Signature | None = None
    closed: Signature | None = None
    cause: str = ""

    @property
    def is_open(self) -> bool:
        return self.state is not AlarmState.CLOSED

    @property
    def needs_attention(self) -> bool:
        """Nobody has acknowledged it yet."""
        return self.state in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the append-only history.

    Attributes:
        at: when the step was taken; `captured_at`: of the picture behind it, if one was.
    """

    action: Action
    at: Utc
    captured_at: Utc | None
    actor: str
    from_state: AlarmState | None
    to_state: AlarmState
    priority: int
    evidence: Evidence
    note: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The alarm after a step, and the history lines the step adds (none: only numbers moved)."""

    alarm: Alarm
    entries: tuple[HistoryEntry, ...] = field(default=())
