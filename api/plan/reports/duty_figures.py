"""The ledger's occurrences of a period in figures. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from api.plan.states import DONE, State
from api.plan.today import Line

FAULTS = (State.LATE, State.OVERDUE, State.MISSED)


@dataclass(frozen=True, slots=True)
class DutyFigures:
    """Occurrences that fall due in a period; each stands in one of the columns.

    Attributes:
        on_time: handed in, reviewed, or counted by merging.
        merged: of those on time, how many by merging a record of another duty.
        to_come: open or upcoming.
        exempt: struck out by the school calendar.
    """

    total: int
    on_time: int
    merged: int
    late: int
    overdue: int
    missed: int
    to_come: int
    exempt: int

    @property
    def asked(self) -> int:
        """What was due and can be judged."""
        return self.on_time + self.late + self.overdue + self.missed

    @property
    def rate(self) -> float | None:
        """On time per occurrence asked."""
        return self.on_time / self.asked if self.asked else None

    def __add__(self, other: DutyFigures) -> DutyFigures:
        names = [one.name for one in fields(self)]
        return DutyFigures(*(getattr(self, name) + getattr(other, name) for name in names))


def duty_figures(states: Iterable[State]) -> DutyFigures:
    """Count states of occurrences."""
    counts = Counter(states)
    return DutyFigures(
        total=counts.total(),
        on_time=sum(counts[one] for one in DONE if one is not State.LATE),
        merged=counts[State.MERGED],
        late=counts[State.LATE],
        overdue=counts[State.OVERDUE],
        missed=counts[State.MISSED],
        to_come=counts[State.OPEN] + counts[State.UPCOMING],
        exempt=counts[State.EXEMPT],
    )


def of_lines(lines: Iterable[Line]) -> DutyFigures:
    return duty_figures(line.state for line in lines)


NO_DUTIES = duty_figures(())
