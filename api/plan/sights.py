"""The ledger cut down to what a viewer's roles show of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from api.plan.rule_rows import rows_of
from api.plan.scopes import PlanScope
from api.plan.service import PlanService
from api.plan.today import Line, Notice
from api.plan.viewer import PlanViewer
from config.plan import PlanEdition


@dataclass(frozen=True, slots=True)
class Sight:
    """What a scope shows of the ledger; each row is judged by the plan of its own year."""

    edition: PlanEdition
    scope: PlanScope

    @property
    def whole(self) -> bool:
        """Whether nothing is kept back."""
        return all(
            self.scope.shows(rule) for one in self.edition.plans() for rule in one.catalogue.rules()
        )

    def shows(self, one: Line | Notice) -> bool:
        """Whether a row is shown; one that no plan knows only where nothing is kept back."""
        rule = self.edition.rule_of(one.rule_id, one.plan_year)
        return self.whole if rule is None else self.scope.shows(rule)

    def rows(self) -> ColumnElement[bool] | None:
        """The same as a condition on rows; `None` for all of them."""
        return None if self.whole else rows_of(self.edition, self.scope.shows)


def sight_of(plan: PlanService, viewer: PlanViewer, unit_id: str) -> Sight:
    """What the viewer's roles show of this unit's ledger."""
    return Sight(plan.edition, viewer.scope(unit_id))


def shown(
    plan: PlanService, viewer: PlanViewer, unit_id: str, lines: Sequence[Line]
) -> tuple[Line, ...]:
    """The lines that the viewer sees."""
    sight = sight_of(plan, viewer, unit_id)
    return tuple(line for line in lines if sight.shows(line))
