"""The half-month report's figures. Pure; figures that do not reconcile are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from api.plan.errors import StepRefusal
from api.plan.hazards import Hazard, HazardLevel, HazardState


@dataclass(frozen=True, slots=True)
class Period:
    """One half of a month, both days included."""

    first: date
    last: date

    @classmethod
    def of(cls, day: date) -> Period:
        """The half that `day` lies in."""
        if day.day <= 15:
            return cls(day.replace(day=1), day.replace(day=15))
        next_month = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return cls(day.replace(day=16), next_month - timedelta(days=1))

    @property
    def name(self) -> str:
        """As offices write it: `2027-03上`."""
        return f"{self.first:%Y-%m}{'上' if self.first.day == 1 else '下'}"


@dataclass(frozen=True, slots=True)
class HazardFigures:
    """Hazards of a period.

    Attributes:
        carried_over: open when the period began (上期结转).
        still_open: open when it ended (期末).
        overdue: still open after their day.
        closing_rate: closed / (carried over + found), `None` when there was none.
    """

    inspections: int
    carried_over: int
    found: int
    found_major: int
    closed: int
    still_open: int
    overdue: int

    @property
    def closing_rate(self) -> float | None:
        asked = self.carried_over + self.found
        return self.closed / asked if asked else None


def figures(period: Period, hazards: Sequence[Hazard], inspections: int) -> HazardFigures:
    """Count the period. Raises `StepRefusal` when 期初 + 新增 − 销号 is not 期末."""
    known = [one for one in hazards if one.state is not HazardState.DRAFT]
    found = [one for one in known if period.first <= one.found <= period.last]
    before = [one for one in known if one.found < period.first]
    carried = [one for one in before if one.closed is None or one.closed >= period.first]
    closed = [one for one in known if _closed_in(one, period)]
    still_open = [
        one
        for one in known
        if one.found <= period.last and (one.closed is None or one.closed > period.last)
    ]
    result = HazardFigures(
        inspections=inspections,
        carried_over=len(carried),
        found=len(found),
        found_major=sum(1 for one in found if one.level is HazardLevel.MAJOR),
        closed=len(closed),
        still_open=len(still_open),
        overdue=sum(1 for one in still_open if one.due is not None and one.due < period.last),
    )
    refuse_unreconciled(result)
    return result


def refuse_unreconciled(result: HazardFigures) -> None:
    """Raises `StepRefusal` unless opening + new - closed equals closing."""
    expected = result.carried_over + result.found - result.closed
    if expected != result.still_open:
        raise StepRefusal("plan_figures_differ", expected=expected, found=result.still_open)


def _closed_in(hazard: Hazard, period: Period) -> bool:
    return hazard.closed is not None and period.first <= hazard.closed <= period.last
