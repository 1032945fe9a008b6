"""Which certificate renewed which, worked out anew from all that stand of one subject. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from api.plan.certificates import Certificate
from api.plan.states import PENDING, Slot, State, state_on, with_record
from config.plan import Occurrence


@dataclass(frozen=True, slots=True)
class Paper:
    """A certificate and the day on which it was handed in."""

    certificate: Certificate
    handed_in: date


@dataclass(frozen=True, slots=True)
class Renewal:
    """A successor that is asked for.

    Attributes:
        by: the certificate that was handed in for it; `None` while there is none.
        settled: the day on which that was.
    """

    asked: Occurrence
    state: State
    by: Certificate | None = None
    settled: date | None = None


def renewals_of(
    papers: Sequence[Paper], asks_for: Callable[[Certificate], Occurrence], today: date
) -> tuple[Renewal, ...]:
    """Every successor that these asked for, in the order in which they were handed in.

    The rules are those of `certificate_store.register`: one that was issued no earlier takes the
    place of the one before, and only one that was also issued later and ends later renews it.
    """
    found: dict[date, Renewal] = {}
    newest: Certificate | None = None
    for paper in papers:
        one = paper.certificate
        if newest is not None and newest.issued < one.issued and newest.expires < one.expires:
            _renew(found, paper)
        if newest is None or newest.issued <= one.issued:
            newest = one
            _drop_waiting(found)
            asked = asks_for(one)
            known = found.get(asked.raw_due)
            if known is None or known.state is State.EXEMPT:
                found[asked.raw_due] = Renewal(asked, State.OPEN)
    return tuple(
        replace(one, state=state_on(_slot(one), today)) if one.state in PENDING else one
        for one in found.values()
    )


def _renew(found: dict[date, Renewal], paper: Paper) -> None:
    """At most one is waiting: each certificate that holds drops what the one before asked for."""
    for raw_due, one in found.items():
        if one.state in PENDING:
            filled = with_record(_slot(one), paper.handed_in, merged=False)
            found[raw_due] = replace(
                one, state=filled.state, by=paper.certificate, settled=paper.handed_in
            )


def _drop_waiting(found: dict[date, Renewal]) -> None:
    for raw_due, one in found.items():
        if one.state in PENDING:
            found[raw_due] = replace(one, state=State.EXEMPT)


def _slot(one: Renewal) -> Slot:
    asked = one.asked
    return Slot(asked.window_start, asked.due, needed=1, done=0, state=one.state, daily=False)
