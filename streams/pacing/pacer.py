"""How often each camera is analysed: calm and empty places less, and under load the stairs last.

Two reasons lower a camera's rate, and each is told: `calm`, when every zone that it measures is
empty and at rest, and `load`, when the worker is short of time (`streams.pacing.shedding`). The
image size is never lowered. Pure but for its own memory; the worker's main thread turns it once a
second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from streams.pacing.shedding import Shedding
from streams.pacing.turn_costs import WorkerTurn
from vision.risk.readings import Level, ZoneReading

CALM_FPS = 1.0
LEAST_FPS = 1.0
# A place must have been empty this long before it is looked at less.
_CALM_AFTER_S = 10.0
_EMPTY_PEOPLE = 0.5
_RISEN = frozenset({Level.L2, Level.L3, Level.L4})


class PaceReason(StrEnum):
    """Why a camera is analysed at its rate."""

    FULL = "full"
    CALM = "calm"
    LOAD = "load"


@dataclass(frozen=True, slots=True)
class PacedCamera:
    """What pacing knows of a camera.

    Attributes:
        full_fps: pictures a second that the site asks for.
        zone_ids: zones that it measures; a camera without zones is never calm.
        guards_stair: its rate is lowered last.
    """

    full_fps: float
    zone_ids: tuple[str, ...]
    guards_stair: bool

    @property
    def least_fps(self) -> float:
        """The rate below which load never pushes it."""
        return min(self.full_fps, LEAST_FPS)


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate of a camera and why it is so."""

    fps: float
    reason: PaceReason


class Pacer:
    """Gives every camera its rate.

    Under load the rates of cameras that see no stair go down first, to the least rate (1 fps, or
    their own where that is lower); then those of the stairs' cameras. Among each, cameras whose
    zones are crowded go last.
    """

    def __init__(self, cameras: Mapping[str, PacedCamera]) -> None:
        self._cameras = dict(cameras)
        self._calm_s = dict.fromkeys(self._cameras, 0.0)
        self._shedding = Shedding({one: cam.least_fps for one, cam in self._cameras.items()})
        self._step = 0

    def follow(self, cameras: Mapping[str, PacedCamera]) -> None:
        """Pace these cameras from now on; what is known of those that stay is kept."""
        self._cameras = dict(cameras)
        self._calm_s = {one: self._calm_s.get(one, 0.0) for one in cameras}
        self._shedding.follow({one: cam.least_fps for one, cam in cameras.items()})

    def needs(self) -> dict[str, float]:
        """Core-seconds a second that each camera takes at its full rate, as measured."""
        return {
            one: self._shedding.needs(one, camera.full_fps) for one, camera in self._cameras.items()
        }

    @property
    def bunched(self) -> bool:
        """Whether pictures are taken in bunches, to save decoding, before any rate goes down."""
        return self._shedding.bunched

    @property
    def lost_share(self) -> float:
        """Share of the frames of the last seconds that were replaced before analysis."""
        return self._shedding.lost_share

    @property
    def shed_step(self) -> int:
        """0: nothing is shed; 1 others less; 2 others at the least; 3 stairs less; 4 all least."""
        return self._step

    def turn(self, readings: Mapping[str, ZoneReading], worker: WorkerTurn) -> dict[str, Pace]:
        """The rates from now on.

        Args:
            readings: the newest reading of each zone.
            worker: what was measured since the last turn.
        """
        unloaded = {
            camera_id: self._unloaded(camera_id, camera, readings, worker.passed_s)
            for camera_id, camera in self._cameras.items()
        }
        wanted = {camera_id: pace.fps for camera_id, pace in unloaded.items()}
        rates = self._shedding.turn(worker, wanted, self._classes(readings))
        self._step = self._step_of(rates, wanted)
        return {
            camera_id: pace
            if rates[camera_id] >= pace.fps
            else Pace(rates[camera_id], PaceReason.LOAD)
            for camera_id, pace in unloaded.items()
        }

    def _unloaded(
        self,
        camera_id: str,
        camera: PacedCamera,
        readings: Mapping[str, ZoneReading],
        passed_s: float,
    ) -> Pace:
        """The rate while there is time enough."""
        empty = bool(camera.zone_ids) and all(
            _is_empty(readings.get(zone_id)) for zone_id in camera.zone_ids
        )
        self._calm_s[camera_id] = self._calm_s[camera_id] + passed_s if empty else 0.0
        if self._calm_s[camera_id] >= _CALM_AFTER_S and camera.full_fps > CALM_FPS:
            return Pace(CALM_FPS, PaceReason.CALM)
        return Pace(camera.full_fps, PaceReason.FULL)

    def _classes(self, readings: Mapping[str, ZoneReading]) -> list[list[str]]:
        """Cameras in the order in which their rates go down."""
        classes: list[list[str]] = [[], [], [], []]
        for camera_id, camera in self._cameras.items():
            risen = any(_has_risen(readings.get(zone_id)) for zone_id in camera.zone_ids)
            classes[2 * int(camera.guards_stair) + int(risen)].append(camera_id)
        return classes

    def _step_of(self, rates: Mapping[str, float], wanted: Mapping[str, float]) -> int:
        step = 0
        for first, guards_stair in ((1, False), (3, True)):
            of_kind = [
                one for one, cam in self._cameras.items() if cam.guards_stair is guards_stair
            ]
            if any(rates[one] < wanted[one] for one in of_kind):
                least = all(rates[one] <= self._cameras[one].least_fps for one in of_kind)
                step = first + int(least)
        return step


def _is_empty(reading: ZoneReading | None) -> bool:
    """Known to be at rest: UNKNOWN, a possible rise or half a person are not."""
    if reading is None or reading.level is not Level.L0 or reading.measurement is None:
        return False
    certain = reading.could_be in (None, Level.L0)
    return certain and reading.measurement.people < _EMPTY_PEOPLE


def _has_risen(reading: ZoneReading | None) -> bool:
    return reading is not None and (reading.level in _RISEN or reading.could_be in _RISEN)


__all__ = [
    "CALM_FPS",
    "LEAST_FPS",
    "Pace",
    "PaceReason",
    "PacedCamera",
    "Pacer",
]
