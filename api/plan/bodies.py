"""What the plan's routes take and answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from api.plan.certificates import Certificate, CertificateState
from api.plan.counting import Counted, Stored
from api.plan.hazards import Hazard, HazardLevel, HazardState
from api.plan.incidents import Incident, IncidentState, ReportKind
from api.plan.states import State
from api.plan.today import Line, Today, UnitCounts
from api.routes.alarms import PersonName
from api.schemas import Body, NameBody, with_examples

ClientKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{8,80}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{0,40}$")]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class RecordIn(Body):
    """A record; `client_key` makes a form that is sent twice one record."""

    model_config = with_examples(
        {
            "client_key": "phone-7f31-000012",
            "kind": "drill",
            "kind_type": "fire",
            "happened_on": "2026-03-16",
            "title": "三月消防疏散演练",
            "details": {"participants": 812, "evac_seconds": 171},
        }
    )

    client_key: ClientKey
    kind: Word
    kind_type: Word = ""
    happened_on: date
    title: Short
    receipt_no: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)] = ""
    from_camera: bool = Field(default=False, description="a draft that a person has to confirm")
    details: dict[str, Any] = Field(default_factory=dict)


class ReceiptIn(Body):
    """Receipt of the upload to the city's platform."""

    model_config = with_examples({"receipt_no": "CC-2026-0310"})

    receipt_no: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)
    ]


class NothingIn(Body):
    """An empty body."""

    model_config = with_examples({})


class ExplainIn(Body):
    """Why a round was missed."""

    model_config = with_examples({"note": "停电，校门岗未能登记"})

    note: Short


class CountedOut(Body):
    """A duty that the record was counted in."""

    occurrence_id: int
    rule_id: str
    due_on: date
    state: State
    merged: bool

    @classmethod
    def of(cls, one: Counted) -> CountedOut:
        return cls(
            occurrence_id=one.occurrence_id,
            rule_id=one.rule_id,
            due_on=one.due,
            state=one.state,
            merged=one.merged,
        )


class RecordOut(Body):
    """A stored record and where it counts."""

    id: int
    state: str
    repeated: bool
    counted: tuple[CountedOut, ...]

    @classmethod
    def of(cls, stored: Stored) -> RecordOut:
        return cls(
            id=stored.record_id,
            state=stored.state,
            repeated=stored.repeated,
            counted=tuple(CountedOut.of(one) for one in stored.counted),
        )


class LineOut(Body):
    """One occurrence."""

    id: int
    rule_id: str
    title_zh: str
    window_starts_on: date
    due_on: date
    needed: int
    done: int
    state: State
    note: str

    @classmethod
    def of(cls, line: Line, title_zh: str) -> LineOut:
        return cls(
            id=line.id,
            rule_id=line.rule_id,
            title_zh=title_zh,
            window_starts_on=line.window_start,
            due_on=line.due,
            needed=line.needed,
            done=line.done,
            state=line.state,
            note=line.note,
        )


class TodayOut(Body):
    """A unit's day."""

    unit_id: str
    name: NameBody
    day: date
    warnings: tuple[NameBody, ...]
    overdue: int
    open: int
    missed_this_week: int
    open_hazards: int
    overdue_hazards: int
    pending: tuple[LineOut, ...]
    soon: tuple[LineOut, ...]

    @classmethod
    def counts(cls, found: Today) -> dict[str, int]:
        names = ("overdue", "open", "missed_this_week", "open_hazards", "overdue_hazards")
        return {name: getattr(found, name) for name in names}


class UnitOut(Body):
    """A unit in the bureau's list."""

    unit_id: str
    name: NameBody
    open: int
    overdue: int
    oldest_due_on: date | None
    missed_this_week: int

    @classmethod
    def of(cls, counts: UnitCounts, name: NameBody) -> UnitOut:
        return cls(
            unit_id=counts.unit_id,
            name=name,
            open=counts.open,
            overdue=counts.overdue,
            oldest_due_on=counts.oldest_due,
            missed_this_week=counts.missed_this_week,
        )


class HazardIn(Body):
    """A hazard as somebody found it."""

    model_config = with_examples(
        {
            "client_key": "phone-7f31-000013",
            "location": "教学楼二层东侧楼梯",
            "description": "扶手松动",
            "level": "ordinary",
        }
    )

    client_key: ClientKey
    location: Short
    description: Prose
    level: HazardLevel = HazardLevel.ORDINARY
    from_camera: bool = False
    method: Word = Field(default="", description="grading method, such as `ls`; empty for none")
    factors: dict[Word, float] = Field(default_factory=dict, description="factor -> its value")


class VersionIn(Body):
    """A step; `version` is the one the person was looking at."""

    model_config = with_examples({"version": 1})

    version: int = Field(ge=1)


class AssignIn(VersionIn):
    """Who mends it until when; a major hazard needs the whole plan."""

    model_config = with_examples({"version": 1, "fixer": "张强", "due_on": "2026-03-20"})

    fixer: PersonName
    due_on: date
    measures: Prose = ""
    funds: Prose = ""
    emergency_plan: Prose = ""


class FixedIn(VersionIn):
    """How it was mended."""

    model_config = with_examples({"version": 3, "note": "已更换固定螺栓"})

    note: Prose


class HazardOut(Body):
    """A hazard as it stands."""

    id: int
    location: str
    description: str
    level: HazardLevel
    grade_id: str = Field(description="level of the bureau's own grading; empty when not graded")
    state: HazardState
    found_by: str
    found_on: date
    fixer: str
    due_on: date | None
    fix_note: str
    fixed_by: str
    accepted_by: str
    closed_on: date | None
    version: int

    @classmethod
    def of(cls, hazard: Hazard) -> HazardOut:
        return cls(
            **{name: getattr(hazard, name) for name in _SAME_HAZARD_FIELDS},
            found_on=hazard.found,
            due_on=hazard.due,
            closed_on=hazard.closed,
        )


_SAME_HAZARD_FIELDS = (
    *(
        "id",
        "location",
        "description",
        "level",
        "grade_id",
        "state",
        "found_by",
        "fixer",
        "fix_note",
    ),
    *("fixed_by", "accepted_by", "version"),
)


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
    occurred_at: AwareDatetime


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


class CertificateIn(Body):
    """A certificate as it was issued; `expires_on` is the day printed on it, if there is one."""

    model_config = with_examples(
        {
            "client_key": "phone-7f31-000015",
            "kind": "bus_inspection",
            "subject": "吉A12345",
            "number": "JY-2026-118",
            "issued_on": "2026-08-31",
        }
    )

    client_key: ClientKey
    kind: Word
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    issued_on: date
    expires_on: date | None = None
    issuer: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)] = ""

    def details(self) -> dict[str, Any]:
        """The fields of the record's form."""
        expires = None if self.expires_on is None else self.expires_on.isoformat()
        return {
            "subject": self.subject,
            "number": self.number,
            "expires_on": expires,
            "issuer": self.issuer,
        }


class CertificateOut(Body):
    """A certificate as it stands today."""

    id: int
    kind: str
    subject: str
    number: str
    issued_on: date
    expires_on: date
    days_left: int
    state: CertificateState
    stops_use: bool = Field(description="what it is about must not be used")
    author: str
    counted: tuple[CountedOut, ...] = ()

    @classmethod
    def of(cls, one: Certificate, today: date, stored: Stored | None = None) -> CertificateOut:
        return cls(
            id=one.id,
            kind=one.kind,
            subject=one.subject,
            number=one.number,
            issued_on=one.issued,
            expires_on=one.expires,
            days_left=one.days_left(today),
            state=one.state_on(today),
            stops_use=one.stops_use_on(today),
            author=one.author,
            counted=() if stored is None else tuple(CountedOut.of(c) for c in stored.counted),
        )


class HistoryOut(Body):
    """One line of history."""

    action: str
    actor: str
    at: datetime
    body: dict[str, Any]


class AttachmentIn(Body):
    """A file. `content_base64` decodes to at most 5 MiB."""

    model_config = with_examples(
        {
            "subject": "record:12",
            "name": "演练照片.jpg",
            "media_type": "image/jpeg",
            "content_base64": "/9j/4AAQSkZJRg==",
        }
    )

    subject: Annotated[str, StringConstraints(pattern=r"^(record|hazard|incident|task):\d{1,12}$")]
    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=160, pattern=r"^[^/\\\x00-\x1f]+$"
        ),
    ]
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[A-Za-z0-9.+-]{1,60}$")]
    content_base64: Annotated[str, StringConstraints(min_length=4, max_length=7_200_000)]


class AttachmentOut(Body):
    """A stored file."""

    id: int
    name: str
    media_type: str
    size_bytes: int
    sha256: str
