"""What the routes of incidents take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from api.plan.bodies import ClientKey, Prose, Short, VersionIn
from api.plan.incidents import Incident, IncidentState, ReportKind
from api.schemas import Body, with_examples
from config.moments import Moment


class IncidentIn(Body):
    """An incident as it is first told."""

    model_config = with_examples(
        {
            "client_key": "phone-7f31-000014",
            "category": "踩踏",
            "place": "教学楼一层楼梯口",
            "occurred_at": "2026-03-16T09:41:00+08:00",
        }
    )

    client_key: ClientKey
    category: Short
    place: Short
    occurred_at: Moment


class ReportIn(VersionIn):
    """A report that was sent, by which way and with which words."""

    model_config = with_examples(
        {"version": 1, "kind": "first", "channel": "电话", "content": "已启动预案"}
    )

    kind: ReportKind
    channel: Short
    content: Prose


class LessonsIn(VersionIn):
    """What was learnt."""

    model_config = with_examples({"version": 5, "lessons": "楼梯口增设值守"})

    lessons: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class MistakeIn(VersionIn):
    """Why an incident is taken back."""

    model_config = with_examples({"version": 1, "reason": "重复登记"})

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class IncidentOut(Body):
    """An incident as it stands."""

    id: int
    category: str
    place: str
    occurred_at: datetime
    first_report_due_at: datetime
    first_report_late: bool
    state: IncidentState
    reports: int
    author: str
    version: int

    @classmethod
    def of(cls, incident: Incident, *, late: bool) -> IncidentOut:
        return cls(
            id=incident.id,
            category=incident.category,
            place=incident.place,
            occurred_at=incident.occurred.to_datetime(),
            first_report_due_at=incident.first_due.to_datetime(),
            first_report_late=late,
            state=incident.state,
            reports=incident.reports,
            author=incident.author,
            version=incident.version,
        )
