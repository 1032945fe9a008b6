"""The ledger cut down to what a viewer's roles show of it."""

from __future__ import annotations

from collections.abc import Sequence

from api.plan.service import PlanService
from api.plan.today import Line
from api.plan.viewer import PlanViewer


def rule_ids(plan: PlanService, viewer: PlanViewer, unit_id: str) -> frozenset[str] | None:
    """Rules whose occurrences the viewer sees in this unit; `None` for all of them."""
    scope = viewer.scope(unit_id)
    rules = tuple(plan.edition.rules_known(plan.today().year).values())
    found = frozenset(rule.id for rule in rules if scope.shows(rule))
    return None if len(found) == len(rules) else found


def shown(
    plan: PlanService, viewer: PlanViewer, unit_id: str, lines: Sequence[Line]
) -> tuple[Line, ...]:
    """The lines that the viewer sees."""
    rules = rule_ids(plan, viewer, unit_id)
    return tuple(line for line in lines if rules is None or line.rule_id in rules)
