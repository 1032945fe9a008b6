"""Where cameras join and leave a worker that runs: its players, its analysis thread, its ring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from streams.cameras.check import CameraCheck
from streams.cameras.players import Players
from streams.cameras.state import CameraStatus
from streams.crews.crew import Crew, CrewShape
from streams.crews.handover import Given
from streams.errors import WorkerError

# A camera that is given away has so long to stop.
_GIVE_BUDGET_S = 1.0


@dataclass(frozen=True, slots=True)
class Join:
    """The analysis thread judges these cameras from now on."""

    crew: Crew
    checks: Mapping[str, CameraCheck]
    given: Given


@dataclass(frozen=True, slots=True)
class Leave:
    """The analysis thread judges these cameras no more, and writes down what it knows of them."""

    shape: CrewShape
    number: int


@dataclass(slots=True)
class CrewHost:
    """A `streams.crews.moves.Host`; used by the worker's main thread.

    Attributes:
        put_event: to the analysis thread; events go ahead of frames.
        follow: called when other cameras are played than before.
        crew_of: makes the crew of cameras that another worker gives.
        recordings: ends the rings that are started here.
    """

    players: Players
    put_event: Callable[[Join | Leave | CameraStatus], None]
    follow: Callable[[], None]
    crew_of: Callable[[tuple[str, ...]], Crew] | None
    recordings: ExitStack
    health_folder: Path
    _guest: Crew | None = None

    def has(self, camera_ids: tuple[str, ...]) -> bool:
        """See `Host`."""
        return set(camera_ids) <= {loop.spec.id for loop in self.players.loops}

    def play_silently(self, camera_ids: tuple[str, ...]) -> None:
        """See `Host`."""
        if self.crew_of is None:
            raise WorkerError("this worker takes no cameras")
        self._guest = crew = self.crew_of(camera_ids)
        self.players.add(crew.cameras, crew.recording, silent=True)
        self.players.start()

    def silent_are_live(self) -> bool:
        """See `Host`."""
        return self.players.all_live()

    def drop_silent(self) -> None:
        """See `Host`."""
        self.players.remove([loop.spec.id for loop in self.players.silent], _GIVE_BUDGET_S)
        self._guest = None

    def take(self, given: Given) -> None:
        """See `Host`."""
        crew, self._guest = self._guest, None
        if crew is None:
            raise WorkerError("no cameras were waiting to be taken over")
        if crew.recording is not None:
            self.recordings.enter_context(crew.recording)
        camera_ids = crew.shape.camera_ids
        # The crew has joined when its first frame is judged, since events go ahead of frames.
        self.put_event(Join(crew, self.players.checks(camera_ids, self.health_folder), given))
        self.players.let_speak(camera_ids)
        self.follow()
        for loop in self.players.loops:
            if loop.spec.id in camera_ids:
                self.put_event(loop.status)

    def give(self, camera_ids: tuple[str, ...], number: int) -> None:
        """See `Host`."""
        zone_ids = dict.fromkeys(
            zone_id
            for loop in self.players.loops
            if loop.spec.id in camera_ids
            for zone_id in loop.spec.zone_ids
        )
        self.players.remove(camera_ids, _GIVE_BUDGET_S)
        self.follow()
        self.put_event(Leave(CrewShape(camera_ids, tuple(zone_ids)), number))


__all__ = ["CrewHost", "Join", "Leave"]
