"""Which card an alarm shows, and what its history says of the card's steps; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from api.alarms.errors import UnknownNameError, WrongStateError
from api.alarms.machine import last_name, person_entry
from api.alarms.values import Action, Alarm, Change, HistoryEntry, Signature
from config.cards import Card, CardBook, Situation


def situation_of(alarm: Alarm) -> Situation:
    """What the choice of a card needs: the worst level, and every cause that was seen."""
    reasons = (*alarm.peak.reasons, *alarm.evidence.reasons)
    return Situation(
        kind=alarm.key.type.value,
        zone_ids=alarm.zone_ids,
        level=alarm.peak.level.value,
        causes=tuple(dict.fromkeys(reason.rule for reason in reasons)),
    )


def card_of(alarm: Alarm, book: CardBook) -> Card | None:
    """The card for an alarm; `None` where the plan has none."""
    return book.card_for(situation_of(alarm))


def step_key(card: Card, step_id: str) -> str:
    """How history names a step of a card."""
    return f"{card.id}/{step_id}"


def ticks_of(card: Card, entries: Iterable[HistoryEntry]) -> Mapping[str, Signature]:
    """Who ticked each step, by the step's id; an unticked step is left out."""
    done: dict[str, Signature] = {}
    names = {step_key(card, step.id): step.id for step in card.steps}
    for entry in entries:
        step_id = names.get(entry.detail)
        if step_id is None:
            continue
        if entry.action is Action.STEP_DONE:
            done[step_id] = Signature(entry.actor, entry.at, entry.note)
        elif entry.action is Action.STEP_UNDONE:
            done.pop(step_id, None)
    return done


def tick(alarm: Alarm, card: Card | None, step_id: str, who: Signature, *, done: bool) -> Change:
    """A person has done a step of the card, or takes the tick back.

    The alarm's version stays: two people may tick at once, and nothing else changes.

    Raises:
        WrongStateError: the alarm is closed.
        UnknownNameError: the alarm's card has no such step.
    """
    if not alarm.is_open:
        raise WrongStateError(alarm.number, state=alarm.state.value, name=last_name(alarm))
    if card is None or card.step(step_id) is None:
        raise UnknownNameError(alarm.number, name=step_id)
    action = Action.STEP_DONE if done else Action.STEP_UNDONE
    after = replace(alarm, updated_at=who.at)
    entry = replace(person_entry(alarm, after, who, action), detail=step_key(card, step_id))
    return Change(after, (entry,))
