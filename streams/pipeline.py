"""From a sampled frame to records: network, scene, reporter. One thread uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from streams.camera_state import CameraStatus
from streams.latest import LatestPictures
from streams.records import CameraState
from streams.reporting import AnyRecord, Reporter
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, HeadNetwork
from vision.readings import ZoneReading


class Analyser(Protocol):
    """What the pipeline needs of `vision.scene.SceneAnalyser`."""

    def observe(self, frame: Frame, observation: CrowdObservation) -> tuple[ZoneReading, ...]: ...

    def camera_lost(self, camera_id: str, at: Utc, cause: str) -> tuple[ZoneReading, ...]: ...

    def expire(self, now: Utc) -> tuple[ZoneReading, ...]: ...


class Pipeline:
    """Judges frames and camera states, and hands the records to `append`.

    `append` stores the records durably before it returns.
    """

    def __init__(
        self,
        *,
        network: HeadNetwork,
        analyser: Analyser,
        reporter: Reporter,
        append: Callable[[Sequence[AnyRecord]], None],
        latest: LatestPictures | None = None,
    ) -> None:
        self._network = network
        self._analyser = analyser
        self._reporter = reporter
        self._append = append
        self._latest = latest
        self._lost: set[str] = set()

    def process(self, frame: Frame) -> tuple[ZoneReading, ...]:
        """Judge one frame; returns the readings of the zones that its camera sees.

        A frame that still waited when its camera was lost is not judged: it would make the zones
        known again for a moment.
        """
        if frame.camera_id in self._lost:
            return ()
        observation = self._network.observe(frame.image_bgr)
        readings = self._analyser.observe(frame, observation)
        self._store(self._reporter.readings(readings))
        if self._latest is not None:
            self._latest.put(frame, observation.heads, readings)
        return readings

    def camera_status(self, status: CameraStatus) -> None:
        """Record a camera's new state; its zones turn UNKNOWN where no other camera sees them."""
        records = self._reporter.camera_state(status)
        if status.state in (CameraState.STALLED, CameraState.OFFLINE):
            self._lost.add(status.camera_id)
            lost = self._analyser.camera_lost(status.camera_id, status.at, status.cause)
            records.extend(self._reporter.readings(lost))
            if self._latest is not None:
                self._latest.update_readings(lost)
        else:
            self._lost.discard(status.camera_id)
        self._store(records)

    def tick(self, now: Utc) -> None:
        """Once a second: zones of silent cameras become UNKNOWN, and UNKNOWN is said again."""
        records = self._reporter.readings(self._analyser.expire(now))
        records.extend(self._reporter.unknown_zones(now))
        self._store(records)

    def _store(self, records: Sequence[AnyRecord]) -> None:
        if records:
            self._append(records)


__all__ = ["Analyser", "Pipeline"]
