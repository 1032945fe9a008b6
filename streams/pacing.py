"""How often each camera is analysed: calm and empty places less, and under load the stairs last.

Two reasons lower a camera's rate, and each is told: `calm`, when every zone that it measures is
empty and at rest, and `load`, when the worker cannot judge all frames that come. The image size is
never lowered. Pure but for its own memory; the worker's main thread turns it once a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vision.readings import Level, ZoneReading

CALM_FPS = 1.0
LEAST_FPS = 1.0
# A place must have been empty this long before it is looked at less.
_CALM_AFTER_S = 10.0
_EMPTY_PEOPLE = 0.5
# Shares of frames that nobody had time for, over the last turns: much means at once that the worker
# is short, a little only when it lasts.
_SHORT_SHARE = 0.05
_VERY_SHORT_SHARE = 0.2
_SHORT_TURNS = 3
_EASY_SHARE = 0.02
_WINDOW_TURNS = 5
# A start or a burst is over in seconds, so rates come back soon. Where they were shed again shortly
# after, the next return waits twice as long: a machine at its limit does not swing.
_EASY_TURNS = 5
_MOST_EASY_TURNS = 40
_RELAPSE_TURNS = 15
_SETTLED_TURNS = 60
_SHED_STEPS = 4


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


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate of a camera and why it is so."""

    fps: float
    reason: PaceReason


@dataclass(frozen=True, slots=True)
class FrameTotals:
    """Frames of a camera since the start: handed to analysis, and replaced before it."""

    delivered: int
    superseded: int


@dataclass(slots=True)
class _Load:
    """The last turns' frames, and how many steps of shedding they led to."""

    last: dict[str, FrameTotals] = field(default_factory=dict)
    turns: list[tuple[int, int]] = field(default_factory=list)
    step: int = 0
    easy_turns: int = 0
    wait_turns: int = _EASY_TURNS
    turns_since_eased: int = _RELAPSE_TURNS + 1

    def share(self) -> float:
        delivered = sum(turn[0] for turn in self.turns)
        return sum(turn[1] for turn in self.turns) / delivered if delivered else 0.0

    def is_short(self) -> bool:
        share = self.share()
        lasts = len(self.turns) >= _SHORT_TURNS
        return share >= _VERY_SHORT_SHARE or (lasts and share > _SHORT_SHARE)

    def shed(self) -> None:
        if self.turns_since_eased <= _RELAPSE_TURNS:
            self.wait_turns = min(2 * self.wait_turns, _MOST_EASY_TURNS)
        self._step_to(self.step + 1)

    def rest(self) -> None:
        """A turn with hardly a lost frame."""
        self.easy_turns += 1
        if self.step and self.easy_turns >= self.wait_turns:
            self._step_to(self.step - 1)
            self.turns_since_eased = 0
        elif not self.step and self.easy_turns >= _SETTLED_TURNS:
            self.wait_turns = _EASY_TURNS

    def _step_to(self, step: int) -> None:
        # The frames before a step say nothing of the rates after it.
        self.step, self.easy_turns, self.turns = step, 0, []


class Pacer:
    """Gives every camera its rate.

    Shedding goes in four steps: other cameras to half and to the least rate, then the stairs'
    cameras to half and to the least rate (1 fps, or their own rate where that is lower).
    """

    def __init__(self, cameras: Mapping[str, PacedCamera]) -> None:
        self._cameras = dict(cameras)
        self._calm_s = dict.fromkeys(self._cameras, 0.0)
        self._load = _Load()

    @property
    def lost_share(self) -> float:
        """Share of the frames of the last seconds that were replaced before analysis."""
        return self._load.share()

    @property
    def shed_step(self) -> int:
        """0 when nothing is shed, 4 when every camera is at its least rate."""
        return self._load.step

    def turn(
        self,
        readings: Mapping[str, ZoneReading],
        totals: Mapping[str, FrameTotals],
        passed_s: float,
    ) -> dict[str, Pace]:
        """The rates from now on.

        Args:
            readings: the newest reading of each zone.
            totals: frames of each camera since the start.
            passed_s: seconds since the last turn.
        """
        self._weigh(totals)
        return {
            camera_id: self._pace(camera_id, camera, readings, passed_s)
            for camera_id, camera in self._cameras.items()
        }

    def _weigh(self, totals: Mapping[str, FrameTotals]) -> None:
        load = self._load
        delivered = superseded = 0
        for camera_id, now in totals.items():
            before = load.last.get(camera_id, FrameTotals(0, 0))
            delivered += max(now.delivered - before.delivered, 0)
            superseded += max(now.superseded - before.superseded, 0)
        load.last = dict(totals)
        load.turns = [*load.turns, (delivered, superseded)][-_WINDOW_TURNS:]
        load.turns_since_eased += 1
        if load.is_short() and load.step < _SHED_STEPS:
            load.shed()
        elif load.share() > _EASY_SHARE:
            load.easy_turns = 0
        else:
            load.rest()

    def _pace(
        self,
        camera_id: str,
        camera: PacedCamera,
        readings: Mapping[str, ZoneReading],
        passed_s: float,
    ) -> Pace:
        empty = bool(camera.zone_ids) and all(
            _is_empty(readings.get(zone_id)) for zone_id in camera.zone_ids
        )
        self._calm_s[camera_id] = self._calm_s[camera_id] + passed_s if empty else 0.0
        paces = [Pace(camera.full_fps, PaceReason.FULL), self._shed(camera)]
        if self._calm_s[camera_id] >= _CALM_AFTER_S:
            paces.append(Pace(min(camera.full_fps, CALM_FPS), PaceReason.CALM))
        return min(paces, key=lambda pace: pace.fps)

    def _shed(self, camera: PacedCamera) -> Pace:
        step = self._load.step - 2 if camera.guards_stair else self._load.step
        if step <= 0:
            return Pace(camera.full_fps, PaceReason.FULL)
        least = min(camera.full_fps, LEAST_FPS)
        fps = max(camera.full_fps / 2, least) if step == 1 else least
        return Pace(fps, PaceReason.LOAD)


def _is_empty(reading: ZoneReading | None) -> bool:
    """Known to be at rest: UNKNOWN, a possible rise or half a person are not."""
    if reading is None or reading.level is not Level.L0 or reading.measurement is None:
        return False
    certain = reading.could_be in (None, Level.L0)
    return certain and reading.measurement.people < _EMPTY_PEOPLE


__all__ = [
    "CALM_FPS",
    "LEAST_FPS",
    "FrameTotals",
    "Pace",
    "PaceReason",
    "PacedCamera",
    "Pacer",
]
