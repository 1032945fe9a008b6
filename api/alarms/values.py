"""What an alarm is: frozen values without clocks or storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vision.instants import Utc
from vision.risk.readings import Level, Reason

SYSTEM = "system"
"""Actor of the steps that no person took."""


class AlarmType(StrEnum):
    """What the alarm is about."""

    CROWD = "crowd"
    CAMERA_LOST = "camera_lost"
    AREA_BLIND = "area_blind"
    WORKER_LOST = "worker_lost"
    RECORDER_LOST = "recorder_lost"
    PANIC = "panic"
    PANEL_FAULT = "panel_fault"
    TEST = "test"
    DELIVERY = "delivery"
    SITE_FILES = "site_files"
    RECORDING_STOPPED = "recording_stopped"
    DISK_LOW = "disk_low"


class AlarmState(StrEnum):
    """States after ISA-18.2; an alarm that went away unseen stays on the desk.

    LATCHED: seen and gone, but only a person ends it. SHELVED and OUT_OF_SERVICE: put aside by
    people, with a reason and an end. SUPPRESSED: told by a parent alarm, under which it stands.
    """

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED = "latched"
    SHELVED = "shelved"
    OUT_OF_SERVICE = "out_of_service"
    SUPPRESSED = "suppressed"
    CLOSED = "closed"


WAITING_STATES = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED)
HELD_STATES = (AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE, AlarmState.SUPPRESSED)
OPEN_STATES = tuple(state for state in AlarmState if state is not AlarmState.CLOSED)


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
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    ESCALATED = "escalated"
    DISPATCHED = "dispatched"
    SHELVED = "shelved"
    OUT_OF_SERVICE = "out_of_service"
    SUPPRESSED = "suppressed"
    RELEASED = "released"
    STEP_DONE = "step_done"
    STEP_UNDONE = "step_undone"
    CLOSED = "closed"


KNOWING_ACTIONS = (
    Action.OPENED,
    Action.RAISED,
    Action.LEVEL_CHANGED,
    Action.REPEATED,
    Action.RETURNED,
    Action.CONDITION_KNOWN,
)
"""Steps at which it was known how the cause stands: gone at RETURNED, there at every other."""


class Verdict(StrEnum):
    """What the operator check found; a check that nobody answers ends as CONFIRMED."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class AlarmKey:
    """One alarm at most is open for a key.

    Attributes:
        subject_id: a zone id for `CROWD`, a camera id for `CAMERA_LOST`, an area id for
            `AREA_BLIND`, a worker's or recorder's
            id for their loss, an input's id for `PANIC`, a device's, input's or output's id for
            `PANEL_FAULT`, the run's kind for `TEST`, `site` for `SITE_FILES`, `recording` for
            `RECORDING_STOPPED`, `disk` for `DISK_LOW`.
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
        worse: what was there already has grown, though neither level nor priority may tell so.
    """

    key: AlarmKey
    condition: Condition
    priority: int
    evidence: Evidence
    zone_ids: tuple[str, ...]
    captured_at: Utc
    received_at: Utc
    late: bool = False
    worse: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """Who took a step, when, and what they wrote."""

    name: str
    at: Utc
    note: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """The operator check of an alarm: who says whether it is real, and until when.

    Attributes:
        due_at: when a pending check ends by itself as CONFIRMED.
        by: who answered, or the system.
    """

    verdict: Verdict
    due_at: Utc | None = None
    by: Signature | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """An alarm that is put aside, for its key: what comes meanwhile is put aside as well.

    Attributes:
        kind: SHELVED, OUT_OF_SERVICE or SUPPRESSED.
        until: when it ends by itself; `None` for SUPPRESSED, which ends with its parent.
        second: the second person of an OUT_OF_SERVICE.
        parent_number: the alarm that a SUPPRESSED one stands under.
    """

    kind: AlarmState
    by: Signature
    until: Utc | None = None
    reason: str = ""
    second: str = ""
    parent_number: int | None = None


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
        taken: what was done about it, chosen on closing; empty before.
        hold: why it is put aside, while it is.
        check: the operator check; `None` before the alarm is stored.
        waiting_since: since when it waits to be acknowledged.
        escalated: how many steps of the ladder were taken since then.
        dispatched: who was sent by whom, newest; the note names the person sent.
        next_due_at: when time alone changes it next; `None` for never.
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
    taken: str = ""
    hold: Hold | None = None
    check: Check | None = None
    waiting_since: Utc | None = None
    escalated: int = 0
    dispatched: Signature | None = None
    next_due_at: Utc | None = None

    @property
    def is_open(self) -> bool:
        return self.state is not AlarmState.CLOSED

    @property
    def needs_attention(self) -> bool:
        """Nobody has acknowledged it yet."""
        return self.state in WAITING_STATES

    @property
    def is_confirmed(self) -> bool:
        """Police and sirens may be told of it."""
        return self.check is not None and self.check.verdict is Verdict.CONFIRMED

    @property
    def parent_number(self) -> int | None:
        """The alarm that this one stands under."""
        return None if self.hold is None else self.hold.parent_number

    @property
    def never_held(self) -> bool:
        """A panic button and a priority-1 crowd are never put aside, whoever asks."""
        crowd = self.key.type is AlarmType.CROWD and self.priority == 1
        return crowd or self.key.type is AlarmType.PANIC


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the append-only history.

    Attributes:
        at: when the step was taken; `captured_at`: of the picture behind it, if one was.
        detail: what the step was about, for programs: a card's step, a ladder's step, an action.
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
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The alarm after a step, and the history lines the step adds (none: only numbers moved)."""

    alarm: Alarm
    entries: tuple[HistoryEntry, ...] = field(default=())
