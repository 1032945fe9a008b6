"""An incident from its first report to its review. Pure.

The first report has a time limit that the bureau sets (places differ, so none is built in as a
norm); after it at least one follow-up a day is due until the incident is closed. Nothing is sent
by itself: a person sends each report and notes it here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from api.place_names import Name
from api.plan.errors import StepRefusal
from vision.instants import Utc


class IncidentState(StrEnum):
    """Where an incident stands."""

    HAPPENED = "happened"
    REPORTED = "reported"
    FINAL = "final"
    CLOSED = "closed"
    REVIEWED = "reviewed"
    WITHDRAWN = "withdrawn"


class ReportKind(StrEnum):
    """首报, 续报, 终报."""

    FIRST = "first"
    FOLLOW_UP = "follow_up"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. `reports` counts the reports sent so far."""

    id: int
    category: str
    place: str
    occurred: Utc
    first_due: Utc
    state: IncidentState
    author: str
    reports: int = 0
    closed: Utc | None = None
    version: int = 1


def report(incident: Incident, kind: ReportKind) -> Incident:
    """A report was sent. The first comes first, a final one ends the follow-ups."""
    if incident.state not in (IncidentState.HAPPENED, IncidentState.REPORTED):
        raise StepRefusal(
            "plan_step_not_now", state=Name.said(f"plan.incident.{incident.state.value}")
        )
    is_first = incident.state is IncidentState.HAPPENED
    if is_first != (kind is ReportKind.FIRST):
        raise StepRefusal("plan_first_report_first" if is_first else "plan_first_report_sent")
    to = IncidentState.FINAL if kind is ReportKind.FINAL else IncidentState.REPORTED
    return _moved(incident, to, reports=incident.reports + 1)


def without_report(
    incident: Incident, kind: ReportKind, standing: Collection[ReportKind]
) -> Incident:
    """A report was taken back; `standing` are those that are left.

    Without its final report an incident is open again, also one that was closed since. The first
    report goes last: a follow-up without it would follow nothing.
    """
    if kind is ReportKind.FIRST and standing:
        raise StepRefusal("plan_later_reports", number=incident.id)
    to = incident.state
    if not standing:
        to = IncidentState.HAPPENED
    elif kind is ReportKind.FINAL:
        to = IncidentState.REPORTED
    moved = _moved(incident, to, reports=len(standing))
    return moved if to is incident.state else replace(moved, closed=None)


def withdraw(incident: Incident) -> Incident:
    """It never happened: entered by mistake, or twice. Its reports have to be taken back before."""
    if incident.state is not IncidentState.HAPPENED:
        raise StepRefusal("plan_incident_has_reports", number=incident.id)
    return _moved(incident, IncidentState.WITHDRAWN, reports=incident.reports)


def close(incident: Incident, now: Utc) -> Incident:
    """Closed after its final report."""
    _require(incident, IncidentState.FINAL)
    return replace(_moved(incident, IncidentState.CLOSED, reports=incident.reports), closed=now)


def review(incident: Incident) -> Incident:
    """The lessons are written down (复盘)."""
    _require(incident, IncidentState.CLOSED)
    return _moved(incident, IncidentState.REVIEWED, reports=incident.reports)


def first_report_late(incident: Incident, now: Utc) -> bool:
    """Whether the first report is still missing after its time."""
    return incident.state is IncidentState.HAPPENED and now > incident.first_due


def _require(incident: Incident, state: IncidentState) -> None:
    if incident.state is not state:
        raise StepRefusal(
            "plan_step_not_now", state=Name.said(f"plan.incident.{incident.state.value}")
        )


def _moved(incident: Incident, state: IncidentState, *, reports: int) -> Incident:
    return replace(incident, state=state, reports=reports, version=incident.version + 1)
