"""Readings and camera states into records: what is sent, and when.

A zone's reading is recorded once a second of capture time, and at once when its level changes.
A zone that nobody can measure is recorded as UNKNOWN every second too: silence would say nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from streams.cameras.check import Checkup, Learnt
from streams.cameras.pace_keeper import WorkerLoad
from streams.cameras.state import CameraStatus
from streams.records import (
    AnyRecord,
    BaselineData,
    CameraHealthRecord,
    CameraRateData,
    CameraStateRecord,
    FaultData,
    ObservedPoseData,
    ReadingData,
    ReadingRecord,
    TransitionRecord,
    WorkerLoadRecord,
    wire_time,
)
from vision.instants import Utc
from vision.risk.readings import Level, Reason, ZoneReading

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where records come from; with a running number it makes each record's id.

    Attributes:
        run_id: differs from one start of the worker to the next.
    """

    site_id: str
    worker_id: str
    run_id: str


class Reporter:
    """Turns readings and states into records; used by one thread."""

    def __init__(self, origin: Origin, zone_ids: Iterable[str], started_at: Utc) -> None:
        self._origin = origin
        self._sequence = 0
        starting = (Reason("starting"),)
        self._last = {
            zone_id: ZoneReading(zone_id, started_at, Level.UNKNOWN, starting, None)
            for zone_id in zone_ids
        }
        self._recorded_second = dict.fromkeys(self._last, -1)

    def latest(self) -> dict[str, ZoneReading]:
        """The newest reading of each zone."""
        return dict(self._last)

    def started(self) -> list[AnyRecord]:
        """What a new worker says first: that it knows nothing yet of its zones.

        They are transitions, which go ahead of readings: without them a level from before a
        crash would stand until it is stale.
        """
        return [self._transition(reading, Level.UNKNOWN) for reading in self._last.values()]

    def join(self, last: Sequence[ZoneReading]) -> None:
        """Go on with zones whose last readings another worker recorded."""
        for reading in last:
            self._last[reading.zone_id] = reading
            self._recorded_second[reading.zone_id] = reading.captured_at.ns // _NS_PER_S

    def leave(self, zone_ids: Sequence[str]) -> tuple[ZoneReading, ...]:
        """Record nothing more of these zones; their last readings."""
        for zone_id in zone_ids:
            self._recorded_second.pop(zone_id, None)
        # Replaced whole: other threads read it.
        gone, self._last = self._last, {k: v for k, v in self._last.items() if k not in zone_ids}
        return tuple(gone[zone_id] for zone_id in zone_ids if zone_id in gone)

    def readings(self, readings: Sequence[ZoneReading]) -> list[AnyRecord]:
        records: list[AnyRecord] = []
        for reading in readings:
            records.extend(self._reading(reading))
        return records

    def unknown_zones(self, now: Utc) -> list[AnyRecord]:
        """Readings that repeat, dated now, that a zone is still UNKNOWN."""
        unknown = [r for r in self._last.values() if r.level is Level.UNKNOWN]
        return self.readings([replace(reading, captured_at=now) for reading in unknown])

    def camera_state(self, status: CameraStatus) -> list[AnyRecord]:
        return [
            CameraStateRecord(
                record_id=self._next_id(),
                site_id=self._origin.site_id,
                worker_id=self._origin.worker_id,
                captured_at=wire_time(status.at),
                camera_id=status.camera_id,
                state=status.state,
                since=wire_time(status.since),
                cause=status.cause,
                detail=status.detail,
            )
        ]

    def health(self, checkup: Checkup) -> list[AnyRecord]:
        """One record of a camera's health."""
        pose = checkup.observed
        return [
            CameraHealthRecord(
                record_id=self._next_id(),
                site_id=self._origin.site_id,
                worker_id=self._origin.worker_id,
                captured_at=wire_time(checkup.at),
                camera_id=checkup.camera_id,
                mode=checkup.mode,
                faults=tuple(
                    FaultData(
                        fault=one.fault,
                        since=wire_time(one.since),
                        measured=one.measured,
                        limit=one.limit,
                    )
                    for one in checkup.faults
                ),
                suspended_since=checkup.suspended_since and wire_time(checkup.suspended_since),
                observed=pose
                and ObservedPoseData(
                    pan_deg=pose.pan_deg, tilt_deg=pose.tilt_deg, roll_deg=pose.roll_deg
                ),
                baseline=checkup.learnt and _baseline(checkup.learnt),
                jpeg_base64=b64encode(checkup.jpeg).decode(),
            )
        ]

    def load(self, load: WorkerLoad) -> list[AnyRecord]:
        """One record of whether this worker keeps up."""
        return [
            WorkerLoadRecord(
                record_id=self._next_id(),
                site_id=self._origin.site_id,
                worker_id=self._origin.worker_id,
                captured_at=wire_time(load.at),
                lost_share=load.lost_share,
                shed_step=load.shed_step,
                age_p50_s=load.age_p50_s,
                age_p95_s=load.age_p95_s,
                cameras=tuple(
                    CameraRateData(camera_id=camera_id, fps=pace.fps, reason=pace.reason)
                    for camera_id, pace in load.paces.items()
                ),
            )
        ]

    def _reading(self, reading: ZoneReading) -> list[AnyRecord]:
        previous = self._last.get(reading.zone_id)
        previous_level = Level.UNKNOWN if previous is None else previous.level
        self._last[reading.zone_id] = reading
        second = reading.captured_at.ns // _NS_PER_S
        changed = previous_level is not reading.level
        if not changed and second == self._recorded_second.get(reading.zone_id):
            return []
        self._recorded_second[reading.zone_id] = second
        if changed:
            return [self._transition(reading, previous_level)]
        return [
            ReadingRecord(
                record_id=self._next_id(),
                site_id=self._origin.site_id,
                worker_id=self._origin.worker_id,
                captured_at=wire_time(reading.captured_at),
                reading=ReadingData.of(reading),
            )
        ]

    def _transition(self, reading: ZoneReading, previous_level: Level) -> TransitionRecord:
        return TransitionRecord(
            record_id=self._next_id(),
            site_id=self._origin.site_id,
            worker_id=self._origin.worker_id,
            captured_at=wire_time(reading.captured_at),
            previous_level=previous_level,
            reading=ReadingData.of(reading),
        )

    def _next_id(self) -> str:
        self._sequence += 1
        return f"{self._origin.worker_id}:{self._origin.run_id}:{self._sequence}"


def _baseline(learnt: Learnt) -> BaselineData:
    return BaselineData(
        mode=learnt.mode,
        learnt_at=wire_time(learnt.at),
        landmarks=learnt.landmarks,
        watches_movement=learnt.watches_movement,
        jpeg_base64=b64encode(learnt.jpeg).decode(),
    )


__all__ = ["AnyRecord", "Origin", "Reporter"]
