"""The bodies of the desk's whole state: zones, cameras, workers, receivers and alarms in one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from api.alarms.values import Alarm, AlarmType, Condition
from api.schemas import AlarmBody, Body, CameraBody, NameBody, ZoneBody, with_examples
from config.delivery import DeliveryTarget, Role
from streams.pacing.pacer import PaceReason
from streams.records import WorkerLoadRecord
from vision.instants import Utc
from vision.risk.readings import Level


class AreaNameBody(Body):
    """A place that must be seen, or a thing that an alarm may be about."""

    id: str
    name: NameBody


class ReceiverBody(Body):
    """Somebody outside the school whom alarms are sent to."""

    id: str
    name: NameBody
    role: Role = Field(description="police, monitoring (an alarm centre) or information")
    phone: str = Field(description="to dial when messages do not get through; may be empty")

    @classmethod
    def of(cls, target: DeliveryTarget) -> ReceiverBody:
        name = NameBody(zh=target.name.zh, en=target.name.en)
        return cls(id=target.id, name=name, role=target.role, phone=target.phone)


class CameraRateBody(Body):
    """At how many pictures a second a camera is analysed, and why."""

    camera_id: str
    fps: float
    reason: PaceReason = Field(description="full; calm: the place is empty; load: no time for more")


class WorkerLoadBody(Body):
    """Whether an analysis process keeps up with its cameras."""

    model_config = with_examples(
        {
            "worker_id": "worker-0",
            "told_at": "2026-03-02T09:20:05Z",
            "lost_share": 0.08,
            "shed_step": 1,
            "age_p50_s": 0.12,
            "age_p95_s": 0.31,
            "cameras": [{"camera_id": "cam-stair", "fps": 5.0, "reason": "full"}],
        }
    )

    worker_id: str
    told_at: datetime
    lost_share: float = Field(description="share of sampled frames that nobody had time for")
    shed_step: int = Field(description="0: nothing is analysed less; 4: all at their least rate")
    age_p50_s: float | None = Field(description="age of a frame when its reading is ready")
    age_p95_s: float | None
    cameras: tuple[CameraRateBody, ...]

    @classmethod
    def of(cls, load: WorkerLoadRecord) -> WorkerLoadBody:
        return cls(
            worker_id=load.worker_id,
            told_at=load.captured_at,
            lost_share=load.lost_share,
            shed_step=load.shed_step,
            age_p50_s=load.age_p50_s,
            age_p95_s=load.age_p95_s,
            cameras=tuple(
                CameraRateBody(camera_id=rate.camera_id, fps=rate.fps, reason=rate.reason)
                for rate in load.cameras
            ),
        )


class UnkeptAlarmBody(Body):
    """An alarm that the database does not take: it has no number and nobody can acknowledge it."""

    type: AlarmType
    subject_id: str
    zone_ids: tuple[str, ...]
    priority: int
    condition: Condition
    level: Level
    density_per_m2: float | None
    opened_at: datetime

    @classmethod
    def of(cls, alarm: Alarm) -> UnkeptAlarmBody:
        return cls(
            type=alarm.key.type,
            subject_id=alarm.key.subject_id,
            zone_ids=alarm.zone_ids,
            priority=alarm.priority,
            condition=alarm.condition,
            level=alarm.evidence.level,
            density_per_m2=alarm.evidence.density_per_m2,
            opened_at=alarm.opened_at.to_datetime(),
        )


class StoreBody(Body):
    """Whether the database stores. While it does not, alarms are neither kept nor sent."""

    kept: bool
    since: datetime | None = Field(default=None, description="since when it refuses")
    alarms: tuple[UnkeptAlarmBody, ...] = Field(default=(), description="the worst first")

    @classmethod
    def of(cls, since: Utc | None, alarms: Iterable[Alarm]) -> StoreBody:
        # A dead worker's cameras are many, and would push a crowd off the page.
        worst_first = sorted(
            alarms,
            key=lambda one: (one.priority, one.key.type is AlarmType.CAMERA_LOST, one.opened_at.ns),
        )
        return cls(
            kept=since is None,
            since=None if since is None else since.to_datetime(),
            alarms=tuple(UnkeptAlarmBody.of(alarm) for alarm in worst_first),
        )


class StateBody(Body):
    """Everything the desk shows, in one moment."""

    site_id: str
    site_name: NameBody
    timezone: str
    server_time: datetime
    last_event_id: int = Field(description="events after this one are not in the snapshot")
    stale_after_s: float
    zones: tuple[ZoneBody, ...]
    cameras: tuple[CameraBody, ...]
    areas: tuple[AreaNameBody, ...] = Field(description="places that must be seen")
    things: tuple[AreaNameBody, ...] = Field(
        default=(), description="what else an alarm may be about: buttons, modules, recorders"
    )
    receivers: tuple[ReceiverBody, ...] = Field(description="whom alarms are sent to")
    workers: tuple[WorkerLoadBody, ...] = Field(description="those heard of since the start")
    alarms: tuple[AlarmBody, ...] = Field(description="open ones, the worst first")
    alarms_left_out: int = Field(
        default=0, description="open ones that are not listed: only the most urgent are"
    )
    recent: tuple[AlarmBody, ...] = Field(description="closed in the last day, newest first")
