"""What a worker measured in a turn, and what its pictures cost by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_USED_UP = 0.93
# Of a second; a tenth is what frames that are judged over its end, and the kernel's ticks, leave.
_DEVICE_SHARE = 0.2
_NEW_WEIGHT = 0.4
# Of a camera's decoding what keyframes alone cost, until it was measured.
_KEYFRAMES_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class FrameTotals:
    """Frames of a camera since the start: handed to analysis, and replaced before it."""

    delivered: int
    superseded: int


@dataclass(frozen=True, slots=True)
class WorkerTurn:
    """What a worker measured since the last turn, in seconds.

    Attributes:
        passed_s: of the clock.
        spent_s: processor time of the whole process.
        idle_s: core-seconds in which the cores that it may use did nothing.
        analysing_s: of the clock, in which its analysis thread was at work.
        decoding_s: processor time of each camera's decoding.
        frames: of each camera since the start.
        age_s: mean age of the frames analysed meanwhile; `None` where there were none.
        others_s: core-seconds that other programs took of the cores that it may use.
        mean_share: what its mean frame took of one that the network looked at, above 0, at most 1.
        cores: that it may use.
    """

    passed_s: float
    spent_s: float
    idle_s: float
    analysing_s: float
    decoding_s: Mapping[str, float]
    frames: Mapping[str, FrameTotals]
    age_s: float | None = None
    others_s: float = 0.0
    mean_share: float = 1.0
    cores: int = 2

    @property
    def usable_s(self) -> float:
        """What the worker could have had: its own time and the idle time of its cores."""
        return max(self.spent_s + self.idle_s, 1e-6)

    @property
    def used_up(self) -> bool:
        """Whether there was no time left: on its cores, or in the one thread that analyses."""
        return max(self.spent_s / self.usable_s, self.thread_share * self.thread_bounds) > _USED_UP

    @property
    def thread_bounds(self) -> bool:
        """Whether the one thread that analyses can be short of time while a core is not.

        On one core it waits for the threads that decode: its time at work is then that of all. More
        of it than that core can have given is a wait for the device that judges.
        """
        on_core_s = self.spent_s + self.others_s
        return self.cores > 1 or self.analysing_s - on_core_s > _DEVICE_SHARE * self.passed_s

    @property
    def thread_share(self) -> float:
        """Of its time that the thread that analyses was at work."""
        return self.analysing_s / max(self.passed_s, 1e-6)


@dataclass(slots=True)
class _Cost:
    """What one camera's decoding takes, in core-seconds a second; `None` until it was seen."""

    whole: float | None = None
    keyframes: float | None = None


@dataclass(slots=True)
class Costs:
    """What pictures cost, as measured: newer turns count more."""

    frame_cpu_s: float = 0.0
    frame_wall_s: float = 0.0
    mean_share: float = 1.0
    cameras: dict[str, _Cost] = field(default_factory=dict)

    def note(self, turn: WorkerTurn, analysed: float, thrifty: Mapping[str, bool | None]) -> None:
        """Take what was measured.

        Args:
            analysed: frames in this turn.
            thrifty: whether each camera was decoded by keyframes; `None` while that changes.
        """
        for camera_id, spent_s in turn.decoding_s.items():
            known = self.cameras.setdefault(camera_id, _Cost())
            rate = spent_s / max(turn.passed_s, 1e-6)
            if thrifty.get(camera_id) is True:
                known.keyframes = _mixed(known.keyframes, rate)
            elif thrifty.get(camera_id) is False:
                known.whole = _mixed(known.whole, rate)
        if analysed > 0:
            # All that is not decoding goes with the frames: network, measuring, records.
            other_s = max(turn.spent_s - sum(turn.decoding_s.values()), 0.0)
            self.frame_cpu_s = _mixed(self.frame_cpu_s or None, other_s / analysed)
            self.frame_wall_s = _mixed(self.frame_wall_s or None, turn.analysing_s / analysed)
            self.mean_share = _mixed(self.mean_share, turn.mean_share)

    def decoding(self, camera_id: str, *, thrifty: bool) -> float:
        """Core-seconds a second of a camera's decoding; a guess where it was not seen."""
        known = self.cameras.get(camera_id, _Cost())
        if thrifty and known.keyframes is not None:
            return known.keyframes
        whole = known.whole if known.whole is not None else self._usual()
        return _KEYFRAMES_SHARE * whole if thrifty else whole

    def _usual(self) -> float:
        seen = [cost.whole for cost in self.cameras.values() if cost.whole is not None]
        return sum(seen) / len(seen) if seen else 0.0


def _mixed(before: float | None, now: float) -> float:
    return now if before is None else before + _NEW_WEIGHT * (now - before)


__all__ = ["Costs", "FrameTotals", "WorkerTurn"]
