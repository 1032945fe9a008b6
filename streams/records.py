"""The records that go from a camera worker through its spool to the API.

They are the only messages that cross the process boundary, so they are validated on both sides:
unknown keys are refused, numbers are finite, times carry a zone. A record is stored once however
often it is sent: `record_id` is its idempotency key.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter

from config.moments import Moment
from streams.pacing.pacer import PaceReason
from vision.health.fault_course import Fault
from vision.health.features import Mode
from vision.instants import Utc
from vision.risk.doors import DoorState
from vision.risk.readings import Level, Reason, ZoneMeasurement, ZoneReading

MAX_SMALL_JPEG_BASE64 = 120_000
RECORD_ID_PATTERN = r"^[A-Za-z0-9._:-]{8,120}$"


class CameraState(StrEnum):
    """Whether pictures arrive from a camera."""

    STARTING = "starting"
    LIVE = "live"
    STALLED = "stalled"
    OFFLINE = "offline"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    record_id: Annotated[str, Field(pattern=RECORD_ID_PATTERN)]
    site_id: str
    worker_id: str
    captured_at: Moment


class ReasonData(BaseModel):
    """`vision.risk.readings.Reason` on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    measured: FiniteFloat | None = None
    threshold: FiniteFloat | None = None
    unit: str = ""
    held_s: FiniteFloat = 0.0
    source: str = ""

    @classmethod
    def of(cls, reason: Reason) -> ReasonData:
        return cls(
            rule=reason.rule,
            measured=reason.measured,
            threshold=reason.threshold,
            unit=reason.unit,
            held_s=reason.held_s,
            source=reason.source,
        )


class MeasurementData(BaseModel):
    """`vision.risk.readings.ZoneMeasurement` on the wire; units as there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: FiniteFloat
    people_std: FiniteFloat
    density_peak_per_m2: FiniteFloat
    density_peak_std_per_m2: FiniteFloat
    peak_xy_m: tuple[FiniteFloat, FiniteFloat] | None
    density_mean_per_m2: FiniteFloat
    visible_share: Annotated[FiniteFloat, Field(ge=0.0, le=1.0)]
    speed_mps: FiniteFloat | None = None
    inflow_per_s: FiniteFloat | None = None
    outflow_per_s: FiniteFloat | None = None
    minority_share: FiniteFloat | None = None
    pressure_per_s2: FiniteFloat | None = None
    luminance: FiniteFloat | None = None
    stopped_share: FiniteFloat | None = None
    outflow_per_m_s: FiniteFloat | None = None
    demand_per_m_s: FiniteFloat | None = None
    along_share: FiniteFloat | None = None
    fallen_people: FiniteFloat | None = None
    infrared: FiniteFloat | None = None
    peak_to_exit_m: FiniteFloat | None = None
    exit_used_share: FiniteFloat | None = None
    exit_used_flow_per_m_s: FiniteFloat | None = None
    exit_open_share: FiniteFloat | None = None
    arriving_per_m_s: FiniteFloat | None = None
    upstream_people: FiniteFloat | None = None
    black_share: FiniteFloat = 0.0
    lost_share: FiniteFloat = 0.0

    @classmethod
    def of(cls, measurement: ZoneMeasurement) -> MeasurementData:
        return cls(**{name: getattr(measurement, name) for name in cls.model_fields})


class ReadingData(BaseModel):
    """`vision.risk.readings.ZoneReading` on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone_id: str
    level: Level
    could_be: Level | None = None
    reasons: tuple[ReasonData, ...] = ()
    measurement: MeasurementData | None = None
    profile_id: str = ""
    model_id: str = ""
    doors: dict[str, DoorState] = Field(default_factory=dict)

    @classmethod
    def of(cls, reading: ZoneReading) -> ReadingData:
        return cls(
            zone_id=reading.zone_id,
            level=reading.level,
            could_be=reading.could_be,
            reasons=tuple(ReasonData.of(reason) for reason in reading.reasons),
            measurement=None
            if reading.measurement is None
            else MeasurementData.of(reading.measurement),
            profile_id=reading.profile_id,
            model_id=reading.model_id,
            doors=dict(reading.doors),
        )


class ReadingRecord(_Record):
    """A zone reading, once a second."""

    kind: Literal["reading"] = "reading"
    reading: ReadingData


class TransitionRecord(_Record):
    """A zone changed its level; sent at once and ahead of readings."""

    kind: Literal["transition"] = "transition"
    previous_level: Level
    reading: ReadingData


class CameraStateRecord(_Record):
    """A camera changed its state; sent at once and ahead of readings.

    `cause` is a catalogue key such as `connection_lost`, `no_frames`, `wrong_credentials`,
    `not_found`, `no_video`; `detail` is a short text for the engineer, without secrets.
    """

    kind: Literal["camera_state"] = "camera_state"
    camera_id: str
    state: CameraState
    since: Moment
    cause: str = ""
    detail: str = ""


class FaultData(BaseModel):
    """A fault that stands; `measured` and `limit` in the unit of the fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault
    since: Moment
    measured: FiniteFloat
    limit: FiniteFloat


class BaselineData(BaseModel):
    """A baseline that a worker learnt, for a person to look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode
    learnt_at: Moment
    landmarks: Annotated[int, Field(ge=0)]
    watches_movement: bool
    jpeg_base64: Annotated[str, Field(max_length=MAX_SMALL_JPEG_BASE64)]


class ObservedPoseData(BaseModel):
    """Where a moved camera looks, degrees as in the site file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pan_deg: FiniteFloat
    tilt_deg: FiniteFloat
    roll_deg: FiniteFloat


class CameraHealthRecord(_Record):
    """All faults of a camera that stand, told once a minute and at once when one comes or goes.

    `jpeg_base64` is the small picture behind a fault that has just opened; empty otherwise.
    """

    kind: Literal["camera_health"] = "camera_health"
    camera_id: str
    mode: Mode
    faults: Annotated[tuple[FaultData, ...], Field(max_length=len(Fault))] = ()
    suspended_since: Moment | None = None
    observed: ObservedPoseData | None = None
    baseline: BaselineData | None = None
    jpeg_base64: Annotated[str, Field(max_length=MAX_SMALL_JPEG_BASE64)] = ""


class CameraRateData(BaseModel):
    """At how many pictures a second a camera is analysed, and why: `full`, `calm` or `load`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera_id: str
    fps: Annotated[FiniteFloat, Field(gt=0.0)]
    reason: PaceReason


class WorkerLoadRecord(_Record):
    """Whether a worker keeps up; told every few seconds, and at once when it sheds load.

    `lost_share` is the share of sampled frames that nobody had time for; `shed_step` is 0 when no
    camera is analysed less for lack of time, and 4 when all are at their least rate. The ages are
    those of frames when their readings were ready.
    """

    kind: Literal["worker_load"] = "worker_load"
    lost_share: Annotated[FiniteFloat, Field(ge=0.0, le=1.0)]
    shed_step: Annotated[int, Field(ge=0, le=4)]
    age_p50_s: FiniteFloat | None = None
    age_p95_s: FiniteFloat | None = None
    cameras: tuple[CameraRateData, ...] = ()


AnyRecord = (
    ReadingRecord | TransitionRecord | CameraStateRecord | CameraHealthRecord | WorkerLoadRecord
)
Record = Annotated[AnyRecord, Field(discriminator="kind")]
RECORD: TypeAdapter[AnyRecord] = TypeAdapter(Record)
URGENT_KINDS = frozenset({"transition", "camera_state", "camera_health"})


def wire_time(moment: Utc) -> datetime:
    """The aware datetime that a record carries for `moment`."""
    return moment.to_datetime()
