"""The ladder that undone work climbs: who is told how many days before or after the due day.

The ladders are the plan inventory's proposals; the bureau may set others. A notice is a
line on a person's own page; receivers inside the LAN may be told the day's counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from config.plan import Rule
from config.plan.values import Escalation


@dataclass(frozen=True, slots=True)
class Step:
    """One rung. `day` counts from the due day: -3 is three days before it."""

    day: int
    name: str
    role: str


_AFTER: dict[Escalation, tuple[tuple[int, str], ...]] = {
    Escalation.ROUTINE: (
        (0, "safety_director"),
        (1, "principal"),
        (3, "bureau_safety"),
        (7, "bureau_leader"),
    ),
    Escalation.HALFMONTH: ((0, "principal"), (1, "bureau_safety")),
    Escalation.CERTIFICATE: ((0, "safety_director"), (1, "principal"), (3, "bureau_safety")),
    Escalation.DAILY: ((1, "safety_director"),),
    Escalation.INCIDENT: ((1, "principal"), (2, "bureau_safety")),
}
LAST_STEP_DAY = 7
FIRST_STEP_DAY = -90


def ladder(rule: Rule) -> dict[int, Step]:
    """Day from the due day -> the step taken on it."""
    steps = [Step(-days, f"T-{days}", "grid_owner") for days in rule.remind_days_before if days > 0]
    steps += [Step(day, f"T+{day}", role) for day, role in _AFTER[rule.escalation]]
    return {step.day: step for step in steps if FIRST_STEP_DAY <= step.day <= LAST_STEP_DAY}


_TASKS = ((0, "safety_director"), (1, "principal"), (3, "bureau_safety"), (7, "bureau_leader"))


def task_step(due: date, today: date) -> Step | None:
    """The highest rung that a task with this day has reached; `None` more than 3 days before."""
    late = (today - due).days
    reached = [Step(day, f"T+{day}", role) for day, role in _TASKS if late >= day]
    if reached:
        return reached[-1]
    return Step(late, f"T-{-late}", "grid_owner") if late >= -3 else None
