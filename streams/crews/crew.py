"""Cameras that are judged together, and a worker that judges several such crews.

A worker starts with one crew. Another worker may give it a further one while it runs, or take a
part of its own away; cameras that share a zone always go together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from streams.cameras.loop import CameraSpec
from streams.crews.handover import GivenZone
from streams.pictures.drawing import ZoneOutline
from streams.recording import Recording
from vision.health.count_sanity import Sanity
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, Region
from vision.risk.doors import DoorState
from vision.risk.readings import ZoneReading
from vision.scene import ZoneMemory


class Analyser(Protocol):
    """What the pipeline needs of `vision.scene.SceneAnalyser`."""

    def region(self, frame: Frame) -> Region | None: ...

    def observe(
        self, frame: Frame, observation: CrowdObservation, doubt: str = ""
    ) -> tuple[ZoneReading, ...]: ...

    def second_count(self, camera_id: str, verdict: Sanity, at: Utc) -> None: ...

    def camera_lost(self, camera_id: str, at: Utc, cause: str) -> tuple[ZoneReading, ...]: ...

    def expire(self, now: Utc) -> tuple[ZoneReading, ...]: ...

    def note_doors(self, states: Mapping[str, DoorState]) -> None: ...


@runtime_checkable
class Remembering(Protocol):
    """An analyser whose zones can go on elsewhere."""

    def memory(self, zone_id: str) -> ZoneMemory: ...

    def resume(self, zone_id: str, memory: ZoneMemory) -> None: ...


@dataclass(frozen=True, slots=True)
class CrewShape:
    """Which cameras and zones a crew has."""

    camera_ids: tuple[str, ...]
    zone_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Crew:
    """Cameras that join a worker while it runs.

    Attributes:
        outlines: zone borders in each camera's picture, for drawing.
        recording: the ring of these cameras, not yet started; `None` records nothing.
    """

    cameras: tuple[CameraSpec, ...]
    zone_ids: tuple[str, ...]
    outlines: Mapping[str, Sequence[ZoneOutline]]
    analyser: Analyser
    recording: Recording | None = None

    @property
    def shape(self) -> CrewShape:
        return CrewShape(tuple(spec.id for spec in self.cameras), self.zone_ids)

    def resume(self, zone: GivenZone) -> None:
        """Go on judging a zone where the giver left off."""
        if zone.memory is not None and isinstance(self.analyser, Remembering):
            self.analyser.resume(zone.zone_id, zone.memory)


class Crews:
    """The analysers of a worker's crews as one. Used by the analysis thread."""

    def __init__(self, home: Analyser) -> None:
        self._home = home
        self._guests: dict[frozenset[str], Analyser] = {}
        self._gone_cameras: set[str] = set()
        self._gone_zones: set[str] = set()
        self._doors: Mapping[str, DoorState] = {}

    def has(self, camera_id: str) -> bool:
        """Whether this worker judges the camera, as far as it ever was its own."""
        return camera_id not in self._gone_cameras or self._guest_of(camera_id) is not None

    def join(self, crew: Crew) -> None:
        """Judge these cameras too."""
        crew.analyser.note_doors(self._doors)
        self._guests[frozenset(crew.shape.camera_ids)] = crew.analyser

    def leave(self, shape: CrewShape) -> dict[str, ZoneMemory]:
        """Judge these cameras no more; what is remembered of their zones."""
        of = self._guests.pop(frozenset(shape.camera_ids), self._home)
        if of is self._home:
            self._gone_zones |= set(shape.zone_ids)
        self._gone_cameras |= set(shape.camera_ids)
        if not isinstance(of, Remembering):
            return {}
        return {zone_id: of.memory(zone_id) for zone_id in shape.zone_ids}

    def region(self, frame: Frame) -> Region | None:
        """See `Analyser`."""
        return self._of(frame.camera_id).region(frame)

    def observe(
        self, frame: Frame, observation: CrowdObservation, doubt: str = ""
    ) -> tuple[ZoneReading, ...]:
        """See `Analyser`."""
        return self._of(frame.camera_id).observe(frame, observation, doubt)

    def second_count(self, camera_id: str, verdict: Sanity, at: Utc) -> None:
        """See `Analyser`."""
        self._of(camera_id).second_count(camera_id, verdict, at)

    def note_doors(self, states: Mapping[str, DoorState]) -> None:
        """See `Analyser`; who joins later is told too."""
        self._doors = states
        for one in (self._home, *self._guests.values()):
            one.note_doors(states)

    def camera_lost(self, camera_id: str, at: Utc, cause: str) -> tuple[ZoneReading, ...]:
        """See `Analyser`."""
        return self._of(camera_id).camera_lost(camera_id, at, cause)

    def expire(self, now: Utc) -> tuple[ZoneReading, ...]:
        """See `Analyser`."""
        own = [one for one in self._home.expire(now) if one.zone_id not in self._gone_zones]
        return tuple(own) + tuple(one for g in self._guests.values() for one in g.expire(now))

    def _of(self, camera_id: str) -> Analyser:
        return self._guest_of(camera_id) or self._home

    def _guest_of(self, camera_id: str) -> Analyser | None:
        for camera_ids, analyser in self._guests.items():
            if camera_id in camera_ids:
                return analyser
        return None


__all__ = ["Analyser", "Crew", "CrewShape", "Crews", "Remembering"]
