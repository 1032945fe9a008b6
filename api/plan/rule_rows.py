"""Rows of the ledger by what their rules say, each by the plan of its own year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy import ColumnElement, and_, false, or_

from api.plan.tables import PLAN_OCCURRENCES, day_number
from config.plan import PlanEdition, Rule

_T = PLAN_OCCURRENCES.c


def rows_of(edition: PlanEdition, wanted: Callable[[Rule], bool]) -> ColumnElement[bool]:
    """The condition for occurrences whose rule is `wanted`."""
    parts = []
    for one in edition.plans():
        ids = [name for name, rule in edition.rules_known(one.first).items() if wanted(rule)]
        days = day_number(date(one.first, 1, 1)), day_number(date(one.last, 12, 31))
        parts.append(and_(_T.raw_due_day.between(*days), _T.rule_id.in_(sorted(ids))))
    return or_(false(), *parts)
