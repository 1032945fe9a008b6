"""What the plan's routes take and answer: records, the ledger, and words that others share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.plan.counting import Counted, Stored
from api.plan.states import State
from api.plan.today import Line, Today, UnitCounts
from api.schemas import Body, NameBody, with_examples
from config.moments import Day

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
    happened_on: Day
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


class ConfirmIn(Body):
    """What a person adds to a camera's draft, or puts right in it."""

    model_config = with_examples({"details": {"participants": 812, "evaluation": "有序"}})

    details: dict[str, Any] = Field(default_factory=dict)


class NothingIn(Body):
    """An empty body."""

    model_config = with_examples({})


class WithdrawIn(Body):
    """Why a record is taken back."""

    model_config = with_examples({"reason": "误报：演练改到下周"})

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


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


class VersionIn(Body):
    """A step; `version` is the one the person was looking at."""

    model_config = with_examples({"version": 1})

    version: int = Field(ge=1)


class HistoryOut(Body):
    """One line of history."""

    action: str
    actor: str
    at: datetime
    body: dict[str, Any]
