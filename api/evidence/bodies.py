"""Bodies of the evidence's routes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.evidence.exports import Export, ExportState
from api.evidence.gaps import RecordingEvent
from api.evidence.register import Act, Line, Reason
from api.schemas import Body, with_examples

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
CaseNo = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)]
TypedName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[\w ·.\-]*$")
]


class WishBody(Body):
    """What is to be exported and why; redacted unless it is said otherwise."""

    model_config = with_examples(
        {"reason": "police_request", "case_no": "2026-118", "redacted": True}
    )

    reason: Reason
    note: Note = ""
    case_no: CaseNo = ""
    redacted: bool = True
    name: TypedName = Field(default="", description="at a shared desk: who asks")


class DecisionBody(Body):
    """The second person's word on an unredacted export."""

    model_config = with_examples({"allow": True, "note": "已核对法律文书"})

    allow: bool
    note: Note = ""
    name: TypedName = Field(default="", description="at a shared desk: who decides")


class HoldBody(Body):
    """Keep a clip beyond its time for one more reason, or end one of its holds."""

    model_config = with_examples({"hold": True, "reason": "案件调查"})

    hold: bool
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=300)]
    number: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="the hold that ends, where several keep the clip"
    )


class ExportBody(Body):
    """An export as it stands."""

    id: int
    alarm_number: int
    redacted: bool
    reason: Reason
    note: str
    case_no: str
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    state: ExportState
    detail: str
    file_sha256: str
    file_bytes: int

    @classmethod
    def of(cls, export: Export) -> ExportBody:
        wish = export.wish
        return cls(
            id=export.id,
            alarm_number=wish.alarm_number,
            redacted=wish.redacted,
            reason=Reason(wish.reason),
            note=wish.note,
            case_no=wish.case_no,
            requested_by=export.requested.name,
            requested_at=export.requested_at.to_datetime(),
            decided_by=export.decided_by,
            decided_at=export.decided_at.to_datetime() if export.decided_at else None,
            state=export.state,
            detail=export.detail,
            file_sha256=export.file_sha256,
            file_bytes=export.file_bytes,
        )


class ExportsBody(Body):
    """Exports of an alarm, newest first."""

    exports: tuple[ExportBody, ...]


class RegisterLineBody(Body):
    """Who did what with which recording, and why."""

    alarm_number: int
    camera_id: str
    viewer: str
    account: str
    act: Act
    reason: str
    note: str
    first_at: datetime

    @classmethod
    def of(cls, line: Line) -> RegisterLineBody:
        return cls(
            alarm_number=line.alarm_number,
            camera_id=line.camera_id,
            viewer=line.viewer,
            account=line.account,
            act=line.act,
            reason=line.reason,
            note=line.note,
            first_at=line.first_at.to_datetime(),
        )


class RegisterBody(Body):
    """The register, newest first."""

    lines: tuple[RegisterLineBody, ...]


class RecordingEventBody(Body):
    """A span in which a camera was not recorded; `end` is null while it lasts."""

    camera_id: str
    kind: str
    cause: str
    start: datetime
    end: datetime | None
    noticed: datetime

    @classmethod
    def of(cls, event: RecordingEvent) -> RecordingEventBody:
        return cls(
            camera_id=event.camera_id,
            kind=event.kind,
            cause=event.cause,
            start=event.start.to_datetime(),
            end=event.end.to_datetime() if event.end else None,
            noticed=event.noticed.to_datetime(),
        )


class RecordingEventsBody(Body):
    """Newest first."""

    events: tuple[RecordingEventBody, ...]


class KeyBody(Body):
    """The public key of this installation's packages."""

    public_key_pem: str
    fingerprint: str
