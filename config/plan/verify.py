"""Check an edition of the plan against its source text and its rules against their counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.plan.catalogue import text_digest
from config.plan.errors import RecurrenceError
from config.plan.recurrence import raw_count
from config.plan.school_calendar import SchoolCalendar
from config.plan.values import PlanCatalogue, Rule, Scope

ANCHORED_SCOPES = (Scope.PER_INCIDENT, Scope.PER_CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison. `subject` is a measure's or rule's id."""

    subject: str
    what: str
    wanted: str
    found: str

    @property
    def holds(self) -> bool:
        return self.wanted == self.found


def check_texts(plan: PlanCatalogue, digests: Mapping[str, str]) -> tuple[Check, ...]:
    """SHA-256 of every measure's text against the recorded digests; a missing row fails too."""
    found = {measure.id: text_digest(measure.text_zh) for measure in plan.measures()}
    return tuple(
        Check(identity, "sha256", digests.get(identity, "-"), found.get(identity, "-"))
        for identity in {**digests, **found}
    )


def check_same_texts(plan: PlanCatalogue, source: Mapping[str, str]) -> tuple[Check, ...]:
    """Every measure's text against the source's own, character by character."""
    found = {measure.id: measure.text_zh for measure in plan.measures()}
    return tuple(
        Check(identity, "text", source.get(identity, "-"), found.get(identity, "-"))
        for identity in {**source, **found}
    )


def check_rules(plan: PlanCatalogue, calendar: SchoolCalendar) -> tuple[Check, ...]:
    """Due days of every rule and recorded year against `expected_raw`.

    A rule anchored on incidents or certificates has no yearly count; there the check is that it
    refuses to make one up.
    """
    return tuple(check for rule in plan.rules() for check in _rule_checks(rule, calendar))


def _rule_checks(rule: Rule, calendar: SchoolCalendar) -> list[Check]:
    if rule.expected_raw is None:
        wanted = "anchored" if rule.scope in ANCHORED_SCOPES else "a count for each year"
        try:
            found = str(raw_count(rule, 2026, calendar))
        except RecurrenceError:
            found = "anchored"
        return [Check(rule.id, "expected_raw", wanted, found)]
    return [
        Check(rule.id, f"expected_raw {year}", str(count), str(raw_count(rule, year, calendar)))
        for year, count in sorted(rule.expected_raw.items())
    ]
