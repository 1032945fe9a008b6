"""Bodies of the coverage routes: areas, cameras, faults, baselines, days, changes, tasks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from api.coverage.changes import area_json
from api.coverage.day_book import TaskRow
from api.coverage.health_store import BaselineRow, FaultRow
from api.coverage.live import CameraNow
from api.coverage.onvif import TOPICS
from api.coverage.signed import SignedAudit
from api.schemas import Body, NameBody, with_examples
from config import LocalText
from vision.coverage.live import AreaNow, Sightedness
from vision.health.fault_course import Fault
from vision.health.features import Mode
from vision.instants import Utc


class AreaNowBody(Body):
    """How much of its planned view an area keeps."""

    area_id: str
    state: Sightedness
    critical: bool
    planned_m2: float = Field(description="seen at its level when all cameras are well")
    seen_m2: float
    lost_because: tuple[str, ...] = Field(description="cameras whose failure took a part away")

    @classmethod
    def of(cls, area: AreaNow) -> AreaNowBody:
        return cls.model_validate(area_json(area))


class CameraNowBody(Body):
    """Whether a camera is well; `causes` are catalogue keys `cause.*`."""

    camera_id: str
    healthy: bool
    pending: bool
    causes: tuple[str, ...]

    @classmethod
    def of(cls, camera: CameraNow) -> CameraNowBody:
        return cls(
            camera_id=camera.camera_id,
            healthy=camera.healthy,
            pending=camera.pending,
            causes=camera.causes,
        )


class CoverageNowBody(Body):
    """Live coverage; `ready` is false while the geometry is still worked out."""

    ready: bool
    at: datetime
    areas: tuple[AreaNowBody, ...]
    cameras: tuple[CameraNowBody, ...]


class FaultBody(Body):
    """A fault of a camera; `closed_at` is null while it stands, `onvif_topic` without a name."""

    id: int
    camera_id: str
    fault: Fault
    onvif_topic: str | None
    mode: Mode
    since: datetime
    closed_at: datetime | None
    duration_s: float
    measured: float
    limit: float
    has_picture: bool

    @classmethod
    def of(cls, row: FaultRow, now: Utc) -> FaultBody:
        return cls(
            id=row.id,
            camera_id=row.camera_id,
            fault=row.fault,
            onvif_topic=TOPICS.get(row.fault),
            mode=row.mode,
            since=row.since.to_datetime(),
            closed_at=_time(row.closed),
            duration_s=round(row.duration_s(now), 3),
            measured=row.measured,
            limit=row.limit,
            has_picture=row.has_picture,
        )


class FaultsBody(Body):
    """Faults, newest first."""

    faults: tuple[FaultBody, ...]


class BaselineBody(Body):
    """A learnt baseline; `confirmed_by` is empty until a person looked at it."""

    camera_id: str
    mode: Mode
    learnt_at: datetime
    landmarks: int
    watches_movement: bool
    confirmed_by: str
    confirmed_at: datetime | None

    @classmethod
    def of(cls, row: BaselineRow) -> BaselineBody:
        return cls(
            camera_id=row.camera_id,
            mode=row.mode,
            learnt_at=row.learnt.to_datetime(),
            landmarks=row.landmarks,
            watches_movement=row.watches_movement,
            confirmed_by=row.confirmed_by,
            confirmed_at=_time(row.confirmed),
        )


class SuspendedBody(Body):
    """A camera whose calibration does not hold since it was moved."""

    camera_id: str
    since: datetime


class BaselinesBody(Body):
    """Baselines of all cameras, and calibrations that wait for a person."""

    baselines: tuple[BaselineBody, ...]
    suspended: tuple[SuspendedBody, ...]


class NoteBody(Body):
    """What the person found or did."""

    model_config = with_examples({"note": "镜头已擦净，画面正常"})

    note: Annotated[str, Field(max_length=500)] = ""


class AreaDayBody(Body):
    """One area over one day; only time in which the service watched counts."""

    area_id: str
    day: date
    watched_h: float
    lost_m2_h: float
    blind_h: float


class CameraDayBody(Body):
    """One camera over one day."""

    camera_id: str
    day: date
    watched_h: float
    healthy_share: float | None


class RateBody(Body):
    """Healthy rate of a group of cameras; `met` is null where nobody watched."""

    target_share: float
    cameras: int
    healthy_share: float | None
    met: bool | None


class DaysBody(Body):
    """Sums a day, and the healthy rates over the whole span."""

    areas: tuple[AreaDayBody, ...]
    cameras: tuple[CameraDayBody, ...]
    rates: tuple[RateBody, ...]


class ChangeBody(Body):
    """How coverage stood from `at` on."""

    at: datetime
    healthy: tuple[str, ...] = Field(description="cameras that counted as seeing")
    areas: tuple[AreaNowBody, ...]


class ChangesBody(Body):
    """Changes of a span, oldest first, with the one that stood when it began."""

    cut: bool = Field(
        description="there were too many: older ones are left out, and what stood when it began"
    )
    changes: tuple[ChangeBody, ...]


class TaskBody(Body):
    """A blind critical area for somebody to mend."""

    id: int
    area_id: str
    camera_ids: tuple[str, ...]
    opened_at: datetime
    due_at: datetime
    seen_again_at: datetime | None
    off_site_at: datetime | None = Field(
        description="since when the site file names no such critical area; null while it does"
    )
    may_close: bool = Field(description="it is open, and its area is seen again or off the site")
    owner: str
    closed_at: datetime | None
    closed_by: str
    note: str

    @classmethod
    def of(cls, row: TaskRow) -> TaskBody:
        return cls(
            id=row.id,
            area_id=row.area_id,
            camera_ids=row.camera_ids,
            opened_at=row.opened.to_datetime(),
            due_at=row.due.to_datetime(),
            seen_again_at=_time(row.seen_again),
            off_site_at=_time(row.off_site),
            may_close=row.may_close,
            owner=row.owner,
            closed_at=_time(row.closed),
            closed_by=row.closed_by,
            note=row.note,
        )


class TasksBody(Body):
    """Tasks, newest first."""

    tasks: tuple[TaskBody, ...]


class PlanBody(Body):
    """Geometry for the page: floors with walls, areas, cameras, and what each camera shows."""

    floors: tuple[dict[str, Any], ...]


class AuditNowBody(Body):
    """The audit as its JSON file has it; null while it is made."""

    ready: bool
    document: dict[str, Any] | None


class AuditReadBody(Body):
    """Which audit somebody read."""

    model_config = with_examples({"ladder": "dori-2014", "sha256": "0" * 64})

    ladder: Literal["dori-2014", "iec-2025"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SignedAuditBody(Body):
    """An audit that a named person confirmed; its files lie below its id."""

    id: int
    ladder_id: str
    made_at: datetime
    confirmed_by: str
    confirmed_at: datetime
    sha256: str

    @classmethod
    def of(cls, one: SignedAudit) -> SignedAuditBody:
        return cls(
            id=one.id,
            ladder_id=one.ladder_id,
            made_at=one.made.to_datetime(),
            confirmed_by=one.confirmed_by,
            confirmed_at=one.confirmed.to_datetime(),
            sha256=one.sha256,
        )


class SignedAuditsBody(Body):
    """Confirmed audits, newest first."""

    audits: tuple[SignedAuditBody, ...]


class DensityViewBody(Body):
    """What one camera shows at a step of a ladder, or finer."""

    camera_id: str
    polygons: tuple[Any, ...]


class DensityStepBody(Body):
    """A step of a ladder and who reaches it where."""

    name: str
    px_per_m: float
    views: tuple[DensityViewBody, ...]


class DensityBody(Body):
    """How finely the cameras show the required areas of a floor, as drawn; steps coarse to fine."""

    floor_id: str
    ladder_id: str
    ladder_edition: str
    steps: tuple[DensityStepBody, ...]


def name_body(name: LocalText) -> NameBody:
    """A name of the site file as it is sent."""
    return NameBody(zh=name.zh, en=name.en)


def _time(moment: Utc | None) -> datetime | None:
    return None if moment is None else moment.to_datetime()
