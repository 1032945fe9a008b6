"""Hazards of a period in figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from api.plan.hazards import NEVER_WAS, Hazard, HazardLevel
from api.plan.reports.periods import Period


@dataclass(frozen=True, slots=True)
class HazardFigures:
    """Hazards of a period.

    Attributes:
        carried_over: open when the period began (上期结转).
        found, found_major: new in the period; how many of them are major.
        closed: closed in the period.
        still_open: open when it ended (期末).
        overdue: of these, past their day when the period ended, or today while it runs.
        major_planned: of the period's major ones, those with fixer and day; the step that sets
            them asks for the whole plan (五落实).
        major: all major ones that were open at some time in the period.
        again: found at a place where an earlier one had been closed (复发).
    """

    carried_over: int
    found: int
    found_major: int
    closed: int
    still_open: int
    overdue: int
    major_planned: int = 0
    major: int = 0
    again: int = 0

    @property
    def closing_rate(self) -> float | None:
        """Closed per hazard that was open at some time in the period; `None` without any."""
        asked = self.carried_over + self.found
        return self.closed / asked if asked else None

    @property
    def expected_open(self) -> int:
        """期初 + 新增 − 销号."""
        return self.carried_over + self.found - self.closed


def figures(
    period: Period,
    hazards: Sequence[Hazard],
    earlier_places: Iterable[str] = (),
    *,
    today: date | None = None,
) -> HazardFigures:
    """Count the period. `earlier_places` are places of hazards that were closed before it.

    Without `today` the period counts as over.
    """
    stand = period.last if today is None else min(today, period.last)
    known = [one for one in hazards if one.state not in NEVER_WAS]
    found = [one for one in known if period.holds(one.found)]
    carried = [
        one
        for one in known
        if one.found < period.first and (one.closed is None or one.closed >= period.first)
    ]
    still_open = [one for one in known if open_at_end(period, one)]
    major = [one for one in (*carried, *found) if one.level is HazardLevel.MAJOR]
    return HazardFigures(
        carried_over=len(carried),
        found=len(found),
        found_major=sum(1 for one in found if one.level is HazardLevel.MAJOR),
        closed=sum(1 for one in known if period.holds(one.closed)),
        still_open=len(still_open),
        overdue=sum(1 for one in still_open if one.due is not None and one.due < stand),
        major_planned=sum(1 for one in major if one.fixer and one.due is not None),
        major=len(major),
        again=_found_again(found, known, earlier_places),
    )


def open_at_end(period: Period, hazard: Hazard) -> bool:
    """Whether a hazard was open when the period ended, whatever happened to it since."""
    closed = hazard.closed
    return hazard.found <= period.last and (closed is None or closed > period.last)


def _found_again(
    found: Sequence[Hazard], known: Sequence[Hazard], earlier_places: Iterable[str]
) -> int:
    earlier = {_place(one) for one in earlier_places}
    return sum(
        1
        for one in found
        if _place(one.location) in earlier
        or any(
            other.closed is not None
            and other.closed <= one.found
            and other.id != one.id
            and _place(other.location) == _place(one.location)
            for other in known
        )
    )


def _place(words: str) -> str:
    return "".join(words.split()).casefold()
