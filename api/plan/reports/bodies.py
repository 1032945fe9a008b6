"""What the routes of papers and scores take and answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.plan.reports.evaluation import Deduction, Evaluation, MeasureScore, points
from api.plan.reports.issued import Issued
from api.plan.reports.making import Prepared
from api.plan.reports.periods import ReportKind
from api.plan.reports.photos import Privacy
from api.plan.reports.scores import Judge
from api.plan.reports.writing import Form
from api.schemas import Body, with_examples
from config.moments import Day

MeasureId = Annotated[str, StringConstraints(pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")]
Reference = Annotated[
    str, StringConstraints(pattern=r"^(occurrence|record|hazard|incident|task):\d{1,12}$")
]


class ReportOrder(Body):
    """Which paper to make; without a day for the period of today."""

    model_config = with_examples({"kind": "half_month", "form": "zip", "day": "2026-03-16"})

    kind: ReportKind
    form: Form = Form.ZIP
    day: Day | None = None


class IssuedOut(Body):
    """A paper that was made."""

    id: int
    kind: ReportKind
    first: date
    last: date
    name: str
    sha256: str
    size_bytes: int
    author: str
    made_at: datetime
    receipt_no: str
    receipt_by: str

    @classmethod
    def of(cls, one: Issued) -> IssuedOut:
        return cls(
            **{name: getattr(one, name) for name in _SAME},
            size_bytes=one.size,
            made_at=one.at.to_datetime(),
        )


_SAME = ("id", "kind", "first", "last", "name", "sha256", "author", "receipt_no", "receipt_by")


class FigureOut(Body):
    """One figure of a paper as it is printed."""

    name: str
    value: str


class GapOut(Body):
    """Something that is still missing."""

    what: str
    count: int


class PreviewOut(Body):
    """What a paper would say, what is missing, and rows because of which it is not made."""

    name: str
    first: date
    last: date
    figures: tuple[FigureOut, ...]
    gaps: tuple[GapOut, ...]
    disagreements: tuple[str, ...]

    @classmethod
    def of(cls, prepared: Prepared) -> PreviewOut:
        period = prepared.found.period
        return cls(
            name=prepared.name,
            first=period.first,
            last=period.last,
            figures=tuple(FigureOut(name=name, value=value) for name, value in prepared.figures()),
            gaps=tuple(GapOut(what=one.what, count=one.count) for one in prepared.gaps),
            disagreements=prepared.words,
        )


class PrivacyIn(Body):
    """Whether a picture may leave the school."""

    model_config = with_examples({"privacy": "redacted"})

    privacy: Privacy


class ScoreIn(Body):
    """Points that are taken for one measure of a term, and the rows that they rest on."""

    model_config = with_examples(
        {
            "day": "2026-03-16",
            "measure_id": "2.7.2",
            "judge": "self",
            "deducted": 1.5,
            "reason": "三月演练疏散超时",
            "references": ["record:12"],
        }
    )

    day: Day | None = Field(default=None, description="any day of the term; today")
    measure_id: MeasureId
    judge: Judge
    deducted: Annotated[float, Field(ge=0, le=1000, multiple_of=0.1)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    references: Annotated[tuple[Reference, ...], Field(max_length=50)] = ()


class DeductionOut(Body):
    """Points taken and their rows."""

    measure_id: str
    judge: str
    points: float
    reason: str
    references: tuple[str, ...]

    @classmethod
    def of(cls, one: Deduction) -> DeductionOut:
        return cls(
            measure_id=one.measure_id,
            judge=one.judge,
            points=points(one.tenths),
            reason=one.reason,
            references=one.references,
        )


class MeasureScoreOut(Body):
    """One measure's duties and points."""

    measure_id: str
    title: str
    asked: int
    on_time: int
    late: int
    overdue: int
    missed: int
    self_points: float | None
    auto_points: float
    bureau_points: float | None

    @classmethod
    def of(cls, one: MeasureScore) -> MeasureScoreOut:
        duties = one.duties
        return cls(
            measure_id=one.measure_id,
            title=one.title,
            asked=duties.asked,
            on_time=duties.on_time,
            late=duties.late,
            overdue=duties.overdue,
            missed=duties.missed,
            self_points=None if one.own is None else points(one.own.tenths),
            auto_points=points(one.auto_tenths),
            bureau_points=None if one.bureau is None else points(one.bureau.tenths),
        )


class EvaluationOut(Body):
    """A term's evaluation."""

    first: date
    last: date
    full: float
    self_score: float | None = Field(description="null until somebody judged")
    auto_score: float
    bureau_score: float | None
    measures: tuple[MeasureScoreOut, ...]
    deductions: tuple[DeductionOut, ...]

    @classmethod
    def of(cls, found: Evaluation, first: date, last: date) -> EvaluationOut:
        return cls(
            first=first,
            last=last,
            full=points(found.full_tenths),
            self_score=None if found.own_tenths is None else points(found.own_tenths),
            auto_score=points(found.auto_tenths),
            bureau_score=None if found.bureau_tenths is None else points(found.bureau_tenths),
            measures=tuple(MeasureScoreOut.of(one) for one in found.rows),
            deductions=tuple(DeductionOut.of(one) for one in found.deductions()),
        )
