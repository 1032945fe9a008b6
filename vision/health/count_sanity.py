"""Do independent counts agree? Doubt widens the upper end; lasting doubt is a camera's event.

Three counts of the same picture are compared: the head network's, the whole people that a second
detector finds, and the balance of who came in and went out since the last picture. None of them is
the truth; what matters is that they stop agreeing. All limits are our judgement.

- A detector of whole people misses people who hide each other, so it may find fewer in a crowd.
  It counts against the head network when it finds clearly more, or when it finds clearly fewer
  where there is room to see whole people.
- A doubt widens the upper end of a reading alone, and only by a count that is higher: of a packed
  crowd no other count knows better, so none of them may take back a level that is certain.
- Where it finds people and the head network finds next to none, twice in a row, that network is
  blind there (hoods, umbrellas, an angle that it never learnt): its "nobody" says nothing.
- The balance N(t + dt) = N(t) + in - out holds for the whole camera's zones; crossings are missed
  now and then, so only a difference beyond the scatter of both counts speaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from vision.instants import Utc

# Below this many people the two counts differ by chance alone.
_LEAST_PEOPLE = 5.0
# A detector of whole people is believed to see nearly all below this many heads.
_SPARSE_HEADS = 20.0
# Normal scatter of either count, as a share of the people.
USUAL_SHARE = 0.25
LASTS_S = 60.0
_ENDS_AFTER_S = 30.0
# Weight of the newest picture in the running disagreement; at 5 pictures a second about 4 s.
_NEWEST = 0.05
# Whole people are looked for once a minute. One look alone, whatever it says, stays below
# `USUAL_SHARE`: a share is less than 1.
_NEWEST_LOOK = 0.25
# At most this share of the whole people is next to none of them, and one such look may be chance.
_NEXT_TO_NONE = 0.1
_BLIND_LOOKS = 2


class Witness(StrEnum):
    """Which count disagrees with the head network's."""

    PERSONS = "person_boxes"
    BALANCE = "flow_balance"


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one picture.

    Attributes:
        heads: people by the head network.
        relative_error: its expected relative error, one standard deviation.
        persons: whole people by a second detector; `None` when none ran on this picture.
        balance: people expected from the earlier count and the crossings since; `None` when the
            borders are not watched.
    """

    heads: float
    relative_error: float
    persons: float | None = None
    balance: float | None = None


@dataclass(frozen=True, slots=True)
class SanityState:
    """What is remembered between pictures: running shares of people by which the others differ.

    `persons_above` and `balance_above` count only where the other count is the higher one.
    `blind_looks` is how many of the newest looks found people where the heads were next to none.
    """

    person_doubt: float = 0.0
    persons_above: float = 0.0
    balance_doubt: float = 0.0
    balance_above: float = 0.0
    since: Utc | None = None
    calm_since: Utc | None = None
    reported: bool = False
    blind_looks: int = 0


@dataclass(frozen=True, slots=True)
class Sanity:
    """The verdict on one picture.

    Attributes:
        state: for the next picture.
        doubt: the larger running disagreement, as a share of the people.
        above: by which share of the people another count is higher, while it is doubted; else 0.
        witness: who disagrees, while somebody does.
        began, ended: this picture begins or ends a lasting disagreement: a camera-quality event.
        lasted_s: for how long the disagreement has held.
        blind: two looks in a row found people where the head network finds next to none.
    """

    state: SanityState
    doubt: float
    above: float
    witness: Witness | None
    began: bool = False
    ended: bool = False
    lasted_s: float = 0.0
    blind: bool = False


def disagreement(counts: Counts) -> tuple[float | None, float | None]:
    """How far the second detector and the balance are from the head count, as a share of people.

    0 inside the usual scatter; `None` for a count that was not made. Signs are dropped.
    """
    persons = balance = None
    if counts.persons is not None:
        fewer = counts.persons < counts.heads and counts.heads > _SPARSE_HEADS
        persons = 0.0 if fewer else _share(counts.heads, counts.persons, counts.relative_error)
    if counts.balance is not None:
        balance = _share(counts.heads, counts.balance, counts.relative_error)
    return persons, balance


def judge(state: SanityState, counts: Counts, at: Utc) -> Sanity:
    """Take the counts of one picture.

    A disagreement that lasts 60 s has begun; it ends after 30 s of agreement.
    """
    persons, balance = disagreement(counts)
    state = replace(
        state,
        person_doubt=_blend(state.person_doubt, persons, _NEWEST_LOOK),
        persons_above=_blend(
            state.persons_above, _if_higher(persons, counts.persons, counts.heads), _NEWEST_LOOK
        ),
        balance_doubt=_blend(state.balance_doubt, balance, _NEWEST),
        balance_above=_blend(
            state.balance_above, _if_higher(balance, counts.balance, counts.heads), _NEWEST
        ),
        blind_looks=_blind_looks(state.blind_looks, counts),
    )
    doubt = max(state.person_doubt, state.balance_doubt)
    doubted = doubt > USUAL_SHARE
    state = _timed(state, doubted, at)
    lasted_s = 0.0 if state.since is None else at - state.since
    began = doubted and not state.reported and lasted_s >= LASTS_S
    calm_s = 0.0 if state.calm_since is None else at - state.calm_since
    ended = state.reported and calm_s >= _ENDS_AFTER_S
    if began or ended:
        state = replace(state, reported=began, since=state.since if began else None)
    witness = Witness.PERSONS if state.person_doubt >= state.balance_doubt else Witness.BALANCE
    above = max(state.persons_above, state.balance_above) if doubted else 0.0
    blind = state.blind_looks >= _BLIND_LOOKS
    return Sanity(state, doubt, above, witness if doubted else None, began, ended, lasted_s, blind)


def _blind_looks(before: int, counts: Counts) -> int:
    if counts.persons is None:
        return before
    finds = counts.persons >= _LEAST_PEOPLE
    return before + 1 if finds and counts.heads <= _NEXT_TO_NONE * counts.persons else 0


def _share(heads: float, other: float, relative_error: float) -> float:
    """Difference beyond the expected error, as a share of the larger count."""
    larger = max(heads, other)
    if larger < _LEAST_PEOPLE:
        return 0.0
    # Poisson scatter of small counts, and the network's own error of one standard deviation.
    expected = math.sqrt(larger) + relative_error * larger
    return max(0.0, abs(heads - other) - expected) / larger


def _if_higher(share: float | None, other: float | None, heads: float) -> float | None:
    if share is None or other is None:
        return None
    return share if other > heads else 0.0


def _blend(before: float, now: float | None, newest: float) -> float:
    return before if now is None else (1.0 - newest) * before + newest * now


def _timed(state: SanityState, doubted: bool, at: Utc) -> SanityState:
    if doubted:
        return replace(state, since=state.since or at, calm_since=None)
    if state.reported:
        return replace(state, calm_since=state.calm_since or at)
    return replace(state, since=None, calm_since=None)


__all__ = [
    "LASTS_S",
    "USUAL_SHARE",
    "Counts",
    "Sanity",
    "SanityState",
    "Witness",
    "disagreement",
    "judge",
]
