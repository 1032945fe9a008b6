"""The states of one occurrence and how records move it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


class State(StrEnum):
    """State of an occurrence; the plan's own words are in the catalogue of texts."""

    UPCOMING = "upcoming"
    OPEN = "open"
    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    OVERDUE = "overdue"
    LATE = "late"
    MISSED = "missed"
    EXEMPT = "exempt"
    MERGED = "merged"


class RecordState(StrEnum):
    """State of a record; only one that stands counts."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    WITHDRAWN = "withdrawn"


STANDS = (RecordState.SUBMITTED, RecordState.REVIEWED)
PENDING = (State.OPEN, State.OVERDUE)
DONE = (State.SUBMITTED, State.REVIEWED, State.LATE, State.MERGED)


@dataclass(frozen=True, slots=True)
class Slot:
    """What deciding about an occurrence needs.

    Attributes:
        daily: a day's round, which nobody can make up for later.
    """

    window_start: date
    due: date
    needed: int
    done: int
    state: State
    daily: bool


def state_on(slot: Slot, today: date) -> State:
    """The state that the passing of days gives an occurrence; done ones stay as they are.

    A daily round that was not made is missed, for good; other work is overdue until it is done.
    """
    if slot.state not in (State.UPCOMING, *PENDING):
        return slot.state
    if today > slot.due:
        return State.MISSED if slot.daily else State.OVERDUE
    return State.OPEN if today >= slot.window_start else State.UPCOMING


def takes(slot: Slot, happened: date, submitted: date) -> bool:
    """Whether work of the day `happened`, handed in on `submitted`, still counts here."""
    if slot.state not in (State.UPCOMING, *PENDING) or happened < slot.window_start:
        return False
    if slot.daily:
        return happened == slot.due and submitted == slot.due
    return submitted >= slot.window_start


def without_record(slot: Slot, today: date) -> Slot:
    """The occurrence after one record less, as if that one had never been handed in.

    What was missed, or is asked of nobody, stays so.
    """
    less = replace(slot, done=slot.done - 1)
    if slot.state in (State.MISSED, State.EXEMPT):
        return less
    return replace(less, state=state_on(replace(less, state=State.OPEN), today))


def with_record(slot: Slot, submitted: date, *, merged: bool) -> Slot:
    """The occurrence after one more record; it is done when enough were handed in."""
    done = slot.done + 1
    if done < slot.needed:
        return replace(slot, done=done, state=state_on(slot, submitted))
    if submitted > slot.due:
        return replace(slot, done=done, state=State.LATE)
    return replace(slot, done=done, state=State.MERGED if merged else State.SUBMITTED)
