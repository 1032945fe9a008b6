"""What a terminal's reading means, and which outputs the open alarms ask for; pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from api.alarms.machine import LATCHED_PRIORITY
from api.alarms.values import (
    HELD_STATES,
    Alarm,
    AlarmKey,
    AlarmType,
    Condition,
    Evidence,
    Signal,
)
from config.panels import PanelInput, PanelOutput, PanelPlan
from vision.instants import Utc
from vision.risk.doors import DoorState
from vision.risk.readings import Level, Reason

PRIORITY_PANIC = 1
PRIORITY_FAULT = 2

LOST = "panel_lost"
STUCK = "output_stuck"
SILENT = "button_silent"
LOCKED = "panel_locked"
WRONG_CLOCK = "button_clock"
PRESS_REFUSED = "press_refused"


@dataclass(frozen=True, slots=True)
class Debounced:
    """A contact after `samples` equal readings; `pressed` is `None` before the first of them."""

    pressed: bool | None = None
    candidate: bool | None = None
    count: int = 0

    def take(self, pressed: bool, samples: int) -> Debounced:
        """The contact after one more reading."""
        count = self.count + 1 if pressed == self.candidate else 1
        settled = pressed if count >= samples else self.pressed
        return Debounced(settled, pressed, min(count, samples))


def is_pressed(wanted: PanelInput, closed: bool) -> bool:
    """Whether a contact alarms: a normally closed loop does so when it is open, or cut."""
    return closed != wanted.normally_closed


def door_state(contact: Debounced | None) -> DoorState:
    """What a door's contact says; unknown while it was not read, or not settled yet."""
    if contact is None or contact.pressed is None:
        return DoorState.UNKNOWN
    return DoorState.SHUT if contact.pressed else DoorState.OPEN


def panic_signal(
    site_id: str, source: PanelInput, pressed: bool | None, now: Utc, *, cause: str = "pressed"
) -> Signal:
    """What a button means for its alarm; `None`: its line cannot be read."""
    condition = Condition.UNKNOWN
    if pressed is not None:
        condition = Condition.ACTIVE if pressed else Condition.GONE
    return Signal(
        key=AlarmKey(site_id, AlarmType.PANIC, source.id),
        condition=condition,
        priority=PRIORITY_PANIC,
        evidence=Evidence(Level.UNKNOWN, reasons=(Reason(rule=cause),) if pressed else ()),
        zone_ids=() if source.zone_id is None else (source.zone_id,),
        captured_at=now,
        received_at=now,
    )


def fault_signal(site_id: str, subject_id: str, cause: str | None, now: Utc) -> Signal:
    """What is known of a device, line or output means for its fault alarm; no cause: it works."""
    return Signal(
        key=AlarmKey(site_id, AlarmType.PANEL_FAULT, subject_id),
        condition=Condition.GONE if cause is None else Condition.ACTIVE,
        priority=PRIORITY_FAULT,
        evidence=Evidence(Level.UNKNOWN, reasons=() if cause is None else (Reason(rule=cause),)),
        zone_ids=(),
        captured_at=now,
        received_at=now,
    )


def press_refused_signal(press: Signal, now: Utc) -> Signal:
    """A press that the database does not take, while it takes this: as urgent as the press."""
    said = fault_signal(press.key.site_id, press.key.subject_id, PRESS_REFUSED, now)
    return replace(said, priority=press.priority, zone_ids=press.zone_ids)


def is_wanted(output: PanelOutput, alarm: Alarm) -> bool:
    """Whether an open alarm asks for the output: never before it is confirmed, nor while held."""
    rule = output.rule
    if not alarm.is_open or not alarm.is_confirmed or alarm.state in HELD_STATES:
        return False
    # What a crush switched on until a person ends it is not switched off by a milder crowd.
    held_on = alarm.latched and rule.during == "open"
    priority = LATCHED_PRIORITY if held_on else alarm.priority
    if alarm.key.type is AlarmType.TEST or priority not in rule.priorities:
        return False
    if rule.kinds and _kind_of(alarm) not in rule.kinds:
        return False
    if rule.zone_ids and not set(rule.zone_ids) & set(alarm.zone_ids):
        return False
    if rule.during == "waiting":
        return alarm.needs_attention
    return rule.during == "open" or alarm.condition is not Condition.GONE


def _kind_of(alarm: Alarm) -> str:
    """A press that stands under its button's fault is a press all the same."""
    is_press = any(one.rule == PRESS_REFUSED for one in alarm.evidence.reasons)
    return AlarmType.PANIC.value if is_press else alarm.key.type.value


def wanted_outputs(plan: PanelPlan, alarms: Iterable[Alarm]) -> frozenset[str]:
    """Ids of the outputs that are on."""
    open_alarms = tuple(alarms)
    return frozenset(
        output.id
        for output in plan.outputs
        if any(is_wanted(output, alarm) for alarm in open_alarms)
    )
