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
# While a worker starts its network is compiled and its cameras are opened: what is lost then says
# nothing of the hours that follow.
_WARM_TURNS = 15
# Shares of frames that nobody had time for, over the last turns. The newest frame wins in any case,
# for each camera alike: rates are lowered so that the stairs keep theirs, and decoding is saved.
_SHORT_SHARE = 0.1
_VERY_SHORT_SHARE = 0.3
_SHORT_TURNS = 3
_EASY_SHARE = 0.03
_WINDOW_TURNS = 5
# Rates of a kind of camera on the way down, as shares of the full one; the last is the least rate.
_FACTORS = (0.8, 0.6, 0.4, 0.0)
# A burst is over in seconds, so rates come back soon. Where they were shed again shortly after, the
# next return waits twice as long: a machine at its limit does not swing.
_EASY_TURNS = 3
_MOST_EASY_TURNS = 48
_RELAPSE_TURNS = 10
_SETTLED_TURNS = 60
# Shares of the worker's processor time: with so much to spare rates come back twice as fast, and
# with so little they wait, since they would only be lowered again.
_IDLE_SHARE = 0.6
_BUSY_SHARE = 0.93


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


@dataclass(frozen=True, slots=True)
class _Rung:
    """How far rates are lowered: shares of the full rate, and the step that consoles are told."""

    others: float
    stairs: float
    told: int


def _ladder(cameras: Mapping[str, PacedCamera]) -> tuple[_Rung, ...]:
    """From nothing shed down to every camera at its least rate; rungs that change nothing go."""
    rungs = [_Rung(1.0, 1.0, 0)]
    if any(not camera.guards_stair for camera in cameras.values()):
        rungs += [_Rung(factor, 1.0, 1 if factor else 2) for factor in _FACTORS]
    if any(camera.guards_stair for camera in cameras.values()):
        rungs += [_Rung(0.0, factor, 3 if factor else 4) for factor in _FACTORS]
    return tuple(rungs)


@dataclass(slots=True)
class _Load:
    """The last turns' frames, and how far down the ladder they led."""

    rungs: int
    last: dict[str, FrameTotals] = field(default_factory=dict)
    turns: list[tuple[int, int]] = field(default_factory=list)
    warm_turns: int = 0
    rung: int = 0
    easy_turns: int = 0
    wait_turns: int = _EASY_TURNS
    turns_since_eased: int = _RELAPSE_TURNS + 1

    def share(self) -> float:
        delivered = sum(turn[0] for turn in self.turns)
        return sum(turn[1] for turn in self.turns) / delivered if delivered else 0.0

    def note(self, delivered: int, superseded: int) -> bool:
        """Take the frames of a turn; whether the worker is warm, so that they count."""
        if self.warm_turns < _WARM_TURNS:
            self.warm_turns += int(delivered > 0)
            return False
        self.turns = [*self.turns, (delivered, superseded)][-_WINDOW_TURNS:]
        self.turns_since_eased += 1
        return True

    def weigh(self, busy_share: float) -> None:
        share = self.share()
        if len(self.turns) >= _SHORT_TURNS and share > _SHORT_SHARE and self.rung < self.rungs - 1:
            self._shed(2 if share > _VERY_SHORT_SHARE else 1)
        elif share > _EASY_SHARE:
            self.easy_turns = 0
        else:
            self._rest(busy_share)

    def _shed(self, rungs: int) -> None:
        if self.turns_since_eased <= _RELAPSE_TURNS:
            self.wait_turns = min(2 * self.wait_turns, _MOST_EASY_TURNS)
        self._move_to(min(self.rung + rungs, self.rungs - 1))

    def _rest(self, busy_share: float) -> None:
        """A turn with hardly a lost frame."""
        self.easy_turns += 1
        if self.rung and self.easy_turns >= self.wait_turns and busy_share < _BUSY_SHARE:
            # Where a return has failed before, the next one is a small step.
            trusted = busy_share < _IDLE_SHARE and self.wait_turns == _EASY_TURNS
            self._move_to(max(self.rung - (2 if trusted else 1), 0))
            self.turns_since_eased = 0
        elif not self.rung and self.easy_turns >= _SETTLED_TURNS:
            self.wait_turns = _EASY_TURNS

    def _move_to(self, rung: int) -> None:
        # The frames before a step say nothing of the rates after it.
        self.rung, self.easy_turns, self.turns = rung, 0, []


class Pacer:
    """Gives every camera its rate.

    Under load the rates of other cameras go down first, a fifth of the full rate a step, to the
    least rate (1 fps, or their own where that is lower); then those of the stairs' cameras.
    """

    def __init__(self, cameras: Mapping[str, PacedCamera]) -> None:
        self._cameras = dict(cameras)
        self._calm_s = dict.fromkeys(self._cameras, 0.0)
        self._ladder = _ladder(self._cameras)
        self._load = _Load(len(self._ladder))

    @property
    def lost_share(self) -> float:
        """Share of the frames of the last seconds that were replaced before analysis."""
        return self._load.share()

    @property
    def shed_step(self) -> int:
        """0: nothing is shed; 1 others less; 2 others at the least; 3 stairs less; 4 all least."""
        return self._ladder[self._load.rung].told

    def turn(
        self,
        readings: Mapping[str, ZoneReading],
        totals: Mapping[str, FrameTotals],
        passed_s: float,
        busy_share: float = _IDLE_SHARE,
    ) -> dict[str, Pace]:
        """The rates from now on.

        Args:
            readings: the newest reading of each zone.
            totals: frames of each camera since the start.
            passed_s: seconds since the last turn.
            busy_share: of the processor time that the worker may use, what it used since then.
        """
        self._weigh(totals, busy_share)
        return {
            camera_id: self._pace(camera_id, camera, readings, passed_s)
            for camera_id, camera in self._cameras.items()
        }

    def _weigh(self, totals: Mapping[str, FrameTotals], busy_share: float) -> None:
        load = self._load
        delivered = superseded = 0
        for camera_id, now in totals.items():
            before = load.last.get(camera_id, FrameTotals(0, 0))
            delivered += max(now.delivered - before.delivered, 0)
            superseded += max(now.superseded - before.superseded, 0)
        load.last = dict(totals)
        if load.note(delivered, superseded):
            load.weigh(busy_share)

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
        rung = self._ladder[self._load.rung]
        factor = rung.stairs if camera.guards_stair else rung.others
        if factor == 1.0:
            return Pace(camera.full_fps, PaceReason.FULL)
        least = min(camera.full_fps, LEAST_FPS)
        return Pace(max(round(camera.full_fps * factor, 2), least), PaceReason.LOAD)


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
