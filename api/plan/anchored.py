"""Occurrences that hang on one incident or one certificate instead of on the calendar's year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.anchors import certificate_anchor, incident_anchor
from api.plan.counting import Desk
from api.plan.states import State
from api.plan.tables import PENDING, PLAN_INCIDENTS, PLAN_OCCURRENCES, UPCOMING, day_number
from config.plan import (
    Occurrence,
    PlanEdition,
    Rule,
    Unit,
    applies,
    certificate_due,
    incident_due_days,
)
from config.plan.values import Scope

_T = PLAN_OCCURRENCES.c
# How long before its end a certificate stands in the lists; the first reminder of the ladder.
CERTIFICATE_NOTICE = timedelta(days=90)
_ASKING_STATES = ("happened", "reported")


async def ask_for_reports(connection: AsyncConnection, desk: Desk, number: int) -> None:
    """From today on a follow-up of this incident falls due each day."""
    for rule in _rules(desk.plan.rules(), desk.unit, Scope.PER_INCIDENT):
        for one in incident_due_days(rule, desk.today, desk.today, desk.calendar):
            await _insert(connection, desk.unit_no, rule, one, incident_anchor(number), State.OPEN)


async def no_more_reports(connection: AsyncConnection, desk: Desk, number: int) -> None:
    """The final report is sent: today's follow-up is not asked for any more."""
    await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(
            PENDING,
            _T.unit_no == desk.unit_no,
            _T.anchor == incident_anchor(number),
            _T.state == State.OPEN,
            _T.due_day >= day_number(desk.today),
        )
        .values(state=State.EXEMPT)
    )


async def ask_again(connection: AsyncConnection, desk: Desk, number: int, first: date) -> None:
    """The final report was taken back: follow-ups are asked for from `first` on.

    Those of days that have passed since were missed.
    """
    anchor = incident_anchor(number)
    for rule in _rules(desk.plan.rules(), desk.unit, Scope.PER_INCIDENT):
        for one in incident_due_days(rule, first, desk.today, desk.calendar):
            state, settled = State.OPEN, None
            if one.due < desk.today:
                state, settled = State.MISSED, day_number(one.due) + 1
            await _insert(connection, desk.unit_no, rule, one, anchor, State.EXEMPT)
            await connection.execute(
                update(PLAN_OCCURRENCES)
                .where(*_same(desk.unit_no, rule, one, anchor), _T.state == State.EXEMPT)
                .values(state=state, settled_day=settled)
            )


async def nothing_asked(connection: AsyncConnection, desk: Desk, number: int) -> None:
    """The incident was taken back: nothing was ever asked for it."""
    await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(_T.unit_no == desk.unit_no, _T.anchor == incident_anchor(number))
        .values(state=State.EXEMPT, settled_day=None)
    )


async def tonight(
    connection: AsyncConnection, edition: PlanEdition, numbers: Mapping[str, int], today: date
) -> int:
    """Follow-ups of all incidents that are still open; returns how many rows are new."""
    units = {numbers[unit.id]: unit for unit in edition.units if unit.id in numbers}
    columns = PLAN_INCIDENTS.c
    query = select(columns.id, columns.unit_no).where(columns.state.in_(_ASKING_STATES))
    added = 0
    for row in (await connection.execute(query)).all():
        unit = units.get(row.unit_no)
        if unit is None:
            continue
        for rule in _rules(edition.catalogue_of(today.year).rules(), unit, Scope.PER_INCIDENT):
            for one in incident_due_days(rule, today, today, edition.calendar_of(unit)):
                anchor = incident_anchor(row.id)
                added += await _insert(connection, row.unit_no, rule, one, anchor, State.OPEN)
    return added


async def ask_for_successor(
    connection: AsyncConnection,
    desk: Desk,
    rule: Rule,
    subject: str,
    issued: date,
    printed_expiry: date | None,
) -> Occurrence:
    """The successor of a certificate falls due when it ends, counted from its own date of issue.

    One that an older certificate asked for by the same day, and `drop_older` settled, is asked for
    again.
    """
    shown = successor_of(desk, rule, issued, printed_expiry)
    state = State.UPCOMING
    if desk.today >= shown.window_start:
        state = State.OPEN if desk.today <= shown.due else State.OVERDUE
    anchor = certificate_anchor(subject)
    if not await _insert(connection, desk.unit_no, rule, shown, anchor, state):
        await connection.execute(
            update(PLAN_OCCURRENCES)
            .where(*_same(desk.unit_no, rule, shown, anchor), _T.state == State.EXEMPT)
            .values(
                window_start_day=day_number(shown.window_start),
                due_day=day_number(shown.due),
                state=state,
            )
        )
    return shown


def successor_of(desk: Desk, rule: Rule, issued: date, printed_expiry: date | None) -> Occurrence:
    """When the next certificate falls due, shown from the first reminder on."""
    one = certificate_due(rule, issued, desk.calendar, printed_expiry)
    start = max(one.window_start, one.due - CERTIFICATE_NOTICE)
    return Occurrence(one.rule_id, one.raw_due, one.due, start)


async def drop_older(connection: AsyncConnection, desk: Desk, rule: Rule, subject: str) -> None:
    """What an older certificate of the same subject still asked for is settled by the newer one."""
    await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(
            _T.unit_no == desk.unit_no,
            _T.rule_id == rule.id,
            _T.anchor == certificate_anchor(subject),
            or_(PENDING, UPCOMING),
        )
        .values(state=State.EXEMPT)
    )


def certificate_rule(desk: Desk, kind: str) -> Rule | None:
    """The rule that asks this unit for the next certificate of `kind`, if one does."""
    for rule in _rules(desk.plan.rules(), desk.unit, Scope.PER_CERTIFICATE):
        if rule.accepts.matches("certificate", kind, has_receipt=True):
            return rule
    return None


def certificate_kinds(desk: Desk) -> tuple[str, ...]:
    """Kinds of certificates that the plan asks this unit to keep renewed."""
    rules = _rules(desk.plan.rules(), desk.unit, Scope.PER_CERTIFICATE)
    return tuple(kind for rule in rules for kind in rule.accepts.types)


def _rules(rules: Iterable[Rule], unit: Unit, scope: Scope) -> list[Rule]:
    return [rule for rule in rules if rule.scope is scope and applies(rule, unit)]


async def _insert(
    connection: AsyncConnection,
    unit_no: int,
    rule: Rule,
    one: Occurrence,
    anchor: str,
    state: State,
) -> int:
    known = select(_T.id).where(*_same(unit_no, rule, one, anchor))
    if (await connection.execute(known)).first() is not None:
        return 0
    await connection.execute(
        insert(PLAN_OCCURRENCES).values(
            unit_no=unit_no,
            rule_id=rule.id,
            raw_due_day=day_number(one.raw_due),
            anchor=anchor,
            window_start_day=day_number(one.window_start),
            due_day=day_number(one.due),
            needed=rule.quota,
            done=0,
            state=state.value,
        )
    )
    return 1


def _same(
    unit_no: int, rule: Rule, one: Occurrence, anchor: str
) -> tuple[ColumnElement[bool], ...]:
    """The one row that the ledger can have for this occurrence."""
    return (
        _T.unit_no == unit_no,
        _T.rule_id == rule.id,
        _T.raw_due_day == day_number(one.raw_due),
        _T.anchor == anchor,
    )
