"""Counters for Prometheus, in a registry of their own for each application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from streams.pacing.pacer import PaceReason

if TYPE_CHECKING:
    from api.alarms.values import Action, Alarm
    from api.events import Event
    from streams.records import WorkerLoadRecord

_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)


class Metrics:
    """What the service counts; units stand in the names."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "xiaoan_ingest_records",
            "Records from workers",
            ["outcome"],
            registry=self.registry,
        )
        self.ingest_s = Histogram(
            "xiaoan_ingest_seconds",
            "Time to store one batch of records",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.capture_to_stored_s = Histogram(
            "xiaoan_capture_to_stored_seconds",
            "From the capture of a picture to its committed reading",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.alarm_steps = Counter(
            "xiaoan_alarm_steps",
            "Steps of alarms",
            ["type", "action", "priority"],
            registry=self.registry,
        )
        self.events = Counter(
            "xiaoan_events", "Events for consoles", ["kind"], registry=self.registry
        )
        self.consoles = Gauge(
            "xiaoan_sse_clients", "Consoles that listen now", registry=self.registry
        )
        self.open_alarms = Gauge(
            "xiaoan_open_alarms",
            "Alarms that are not closed",
            ["state", "priority"],
            registry=self.registry,
        )
        self.zone_age_s = Gauge(
            "xiaoan_zone_reading_age_seconds",
            "Age of each zone's newest reading",
            ["zone"],
            registry=self.registry,
        )
        self.pictures = Counter(
            "xiaoan_pictures", "Camera pictures asked for", ["outcome"], registry=self.registry
        )
        self.lost_share = Gauge(
            "xiaoan_worker_lost_share",
            "Share of sampled frames that a worker had no time for",
            ["worker"],
            registry=self.registry,
        )
        self.shed_step = Gauge(
            "xiaoan_worker_shed_step",
            "How far a worker analyses its cameras less for lack of time, 0 to 4",
            ["worker"],
            registry=self.registry,
        )
        self.frame_age_s = Gauge(
            "xiaoan_worker_frame_age_seconds",
            "Age of frames when their readings are ready",
            ["worker", "quantile"],
            registry=self.registry,
        )
        self.analysed_fps = Gauge(
            "xiaoan_camera_analysed_fps",
            "Pictures a second at which a camera is analysed now",
            ["camera", "reason"],
            registry=self.registry,
        )
        self.nothing_kept = Gauge(
            "xiaoan_database_refuses",
            "1 while the database does not store: alarms are neither kept nor sent",
            registry=self.registry,
        )
        self.failed_ticks = Counter(
            "xiaoan_watch_failures",
            "Rounds of the watch that the database refused",
            registry=self.registry,
        )

    def count_work(self, actions: Sequence[tuple[Action, Alarm]], told: Sequence[Event]) -> None:
        """Count the steps and events of a committed transaction."""
        for action, alarm in actions:
            self.alarm_steps.labels(alarm.key.type.value, action.value, str(alarm.priority)).inc()
        for event in told:
            self.events.labels(event.kind.value).inc()

    def count_load(self, load: WorkerLoadRecord) -> None:
        """Set the gauges of a worker to what it told last."""
        worker = load.worker_id
        self.lost_share.labels(worker).set(load.lost_share)
        self.shed_step.labels(worker).set(load.shed_step)
        for quantile, age_s in (("0.5", load.age_p50_s), ("0.95", load.age_p95_s)):
            if age_s is not None:
                self.frame_age_s.labels(worker, quantile).set(age_s)
        for rate in load.cameras:
            for reason in PaceReason:
                fps = rate.fps if reason is rate.reason else 0.0
                self.analysed_fps.labels(rate.camera_id, reason.value).set(fps)

    def text(self) -> bytes:
        return generate_latest(self.registry)
