"""A hazard from the first look to its closing. Pure: who may do what, and in which order.

    draft -> registered -> assigned -> fixing -> to_accept -> closed
                              ^                     |
                              +----- returned <-----+        supervised: a major one, in public

    any of them -> withdrawn: it never was one, or stands here twice

Whoever fixes a hazard can neither accept it nor take it back, and neither can the person it was
assigned to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from api.place_names import Name
from api.plan.errors import StepRefusal


class HazardState(StrEnum):
    """Where a hazard stands."""

    DRAFT = "draft"
    REGISTERED = "registered"
    ASSIGNED = "assigned"
    FIXING = "fixing"
    TO_ACCEPT = "to_accept"
    RETURNED = "returned"
    SUPERVISED = "supervised"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


NEVER_WAS = (HazardState.DRAFT, HazardState.WITHDRAWN)
"""What counts in no figure: nobody has confirmed it yet, or it was entered by mistake."""
SETTLED = (HazardState.CLOSED, HazardState.WITHDRAWN)


class HazardLevel(StrEnum):
    """一般 or 重大; colours are a school's own grading and are kept beside it."""

    ORDINARY = "ordinary"
    MAJOR = "major"


class Verb(StrEnum):
    """Steps that need nothing but the person who takes them."""

    CONFIRM = "confirm"
    START = "start"
    ACCEPT = "accept"
    GIVE_BACK = "give_back"
    SUPERVISE = "supervise"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One hazard.

    Attributes:
        grade_id: level of the bureau's own grading; empty when it was not graded.
        fixer: who it was assigned to; empty before.
        fixed_by: who says that it is mended; may be another person.
        version: counts changes; a step names the version that the person saw.
    """

    id: int
    location: str
    description: str
    level: HazardLevel
    state: HazardState
    found_by: str
    found: date
    grade_id: str = ""
    fixer: str = ""
    due: date | None = None
    fix_note: str = ""
    fixed_by: str = ""
    accepted_by: str = ""
    closed: date | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class FixPlan:
    """整改方案. A major hazard needs all of it (五落实), an ordinary one the fixer and the day."""

    fixer: str
    due: date
    measures: str = ""
    funds: str = ""
    emergency_plan: str = ""

    @property
    def whole(self) -> bool:
        return bool(self.measures and self.funds and self.emergency_plan)


def confirm(hazard: Hazard) -> Hazard:
    """A person takes over a camera's draft."""
    return _step(hazard, (HazardState.DRAFT,), HazardState.REGISTERED)


def assign(hazard: Hazard, plan: FixPlan, today: date) -> Hazard:
    """Give it to a fixer with a day, or to another one: people leave, and days are put off.

    Raises `StepRefusal`.
    """
    if plan.due < today:
        raise StepRefusal("plan_due_passed", day=plan.due.isoformat())
    if hazard.level is HazardLevel.MAJOR and not plan.whole:
        raise StepRefusal("plan_major_needs_plan")
    allowed = (
        HazardState.REGISTERED,
        HazardState.ASSIGNED,
        HazardState.FIXING,
        HazardState.RETURNED,
        HazardState.SUPERVISED,
    )
    moved = _step(hazard, allowed, HazardState.ASSIGNED)
    return replace(moved, fixer=plan.fixer, due=plan.due)


def start(hazard: Hazard) -> Hazard:
    """Work has begun."""
    return _step(hazard, (HazardState.ASSIGNED, HazardState.RETURNED), HazardState.FIXING)


def submit(hazard: Hazard, person: str, note: str) -> Hazard:
    """`person` says that it is mended and how."""
    allowed = (HazardState.ASSIGNED, HazardState.FIXING, HazardState.RETURNED)
    return replace(_step(hazard, allowed, HazardState.TO_ACCEPT), fixed_by=person, fix_note=note)


def accept(hazard: Hazard, person: str, today: date) -> Hazard:
    """Another person has looked at it: closed. Raises `StepRefusal` for the fixer."""
    _refuse_fixer(hazard, person)
    moved = _step(hazard, (HazardState.TO_ACCEPT,), HazardState.CLOSED)
    return replace(moved, accepted_by=person, closed=today)


def give_back(hazard: Hazard, person: str) -> Hazard:
    """Not good enough: back to the fixer. The fixer cannot judge this either."""
    _refuse_fixer(hazard, person)
    return _step(hazard, (HazardState.TO_ACCEPT,), HazardState.RETURNED)


def supervise(hazard: Hazard) -> Hazard:
    """A major hazard is put on public supervision (挂牌督办). Raises `StepRefusal`."""
    if hazard.level is not HazardLevel.MAJOR:
        raise StepRefusal("plan_not_major")
    open_states = tuple(
        state for state in HazardState if state not in (HazardState.DRAFT, *SETTLED)
    )
    return _step(hazard, open_states, HazardState.SUPERVISED)


def withdraw(hazard: Hazard, person: str) -> Hazard:
    """Entered by mistake, or twice. Raises `StepRefusal` for whoever has to mend it."""
    if _is_fixer(hazard, person):
        raise StepRefusal("plan_fixer_cannot_withdraw", name=person)
    standing = tuple(state for state in HazardState if state is not HazardState.WITHDRAWN)
    return _step(hazard, standing, HazardState.WITHDRAWN)


def may_withdraw(hazard: Hazard, person: str) -> bool:
    """Whether `withdraw` would take this person's word."""
    return hazard.state is not HazardState.WITHDRAWN and not _is_fixer(hazard, person)


def take(hazard: Hazard, verb: Verb, person: str, today: date) -> Hazard:
    """Take one of the plain steps. Raises `StepRefusal`."""
    match verb:
        case Verb.CONFIRM:
            return confirm(hazard)
        case Verb.START:
            return start(hazard)
        case Verb.ACCEPT:
            return accept(hazard, person, today)
        case Verb.GIVE_BACK:
            return give_back(hazard, person)
        case Verb.SUPERVISE:
            return supervise(hazard)


def _refuse_fixer(hazard: Hazard, person: str) -> None:
    if _is_fixer(hazard, person):
        raise StepRefusal("plan_fixer_cannot_accept", name=person)


def _is_fixer(hazard: Hazard, person: str) -> bool:
    return _same_name(person, hazard.fixer) or _same_name(person, hazard.fixed_by)


def _same_name(one: str, other: str) -> bool:
    """Names are compared without spaces and letter case, so that a blank does not pass for two."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def _step(hazard: Hazard, allowed: tuple[HazardState, ...], to: HazardState) -> Hazard:
    if hazard.state not in allowed:
        raise StepRefusal("plan_step_not_now", state=Name.said(f"plan.hazard.{hazard.state.value}"))
    return replace(hazard, state=to, version=hazard.version + 1)
