"""Carries the paces out: reads what the worker knows, and sets the rate of each camera loop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from streams.cameras.loop import CameraLoop
from streams.clock import Clock
from streams.cores import IdleTime, usable_cores
from streams.pacing.pacer import (
    LEAST_FPS,
    Pace,
    PacedCamera,
    Pacer,
    PaceReason,
)
from streams.pacing.turn_costs import FrameTotals, WorkerTurn
from vision.instants import Monotonic, Utc
from vision.risk.readings import ZoneReading

TELL_EVERY_S = 5.0
BEHIND_SHARE = 0.02
_AGES = 600
# A frame that is not looked at is decoded, measured and told all the same.
_LEAST_SHARE = 0.1
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """Whether a worker keeps up; see `streams.records.WorkerLoadRecord`."""

    at: Utc
    lost_share: float
    shed_step: int
    paces: Mapping[str, Pace]
    age_p50_s: float | None = None
    age_p95_s: float | None = None


class Totals(NamedTuple):
    """Of frames that were judged: ages and time at work added up, and how many; the last two of
    those at which the network looked."""

    age_s: float = 0.0
    wall_s: float = 0.0
    frames: float = 0.0
    looked_wall_s: float = 0.0
    looked: float = 0.0

    def plus(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(*(one + more for one, more in zip(self, other, strict=True)))

    def less(self, other: Totals) -> Totals:
        """What came since `other`."""
        return Totals(*(one - before for one, before in zip(self, other, strict=True)))

    @property
    def mean_share(self) -> float:
        """What the mean frame took of one that was looked at; 1 where that is not known."""
        if not self.looked or self.looked_wall_s <= 0.0:
            return 1.0
        share = (self.wall_s / self.frames) / (self.looked_wall_s / self.looked)
        return min(max(share, _LEAST_SHARE), 1.0)


class AnalysisTally:
    """What the analysis thread did: how long it was at work, and how old frames were when their
    readings were ready (the last few hundred).

    One thread notes, another may ask.
    """

    def __init__(self) -> None:
        self._ages_s: deque[float] = deque(maxlen=_AGES)
        self._noted = Totals()

    def note(self, age_s: float, wall_s: float, *, looked: bool = True) -> None:
        """A frame of this age is judged; it took so long on the clock.

        `looked` tells whether the network was asked (`streams.worker.looks`).
        """
        self._ages_s.append(age_s)
        self._noted = self._noted.plus(Totals(age_s, wall_s, 1.0, wall_s * looked, float(looked)))

    @property
    def totals(self) -> Totals:
        """Since the start."""
        return self._noted

    def percentiles_s(self) -> tuple[float, float] | None:
        """The 50th and 95th percentile of the ages; `None` before the first frame."""
        ages_s = sorted(self._ages_s.copy())
        if not ages_s:
            return None
        last = len(ages_s) - 1
        return ages_s[round(0.5 * last)], ages_s[round(0.95 * last)]


class PaceKeeper:
    """Used by the worker's main thread; `status` may be asked from another."""

    def __init__(
        self,
        loops: Sequence[CameraLoop],
        readings: Callable[[], Mapping[str, ZoneReading]],
        clock: Clock,
        idle: Callable[[], Mapping[int, float]] | None = None,
    ) -> None:
        """`idle` tells the idle share of each core since it was asked last."""
        self.analysis = AnalysisTally()
        self._told_at: Monotonic | None = None
        self._told_step = 0
        self._loops = tuple(loops)
        self._readings = readings
        self._clock = clock
        self._idle = idle or IdleTime().shares
        self._turned: Monotonic = clock.monotonic()
        self._spent_s = time.process_time()
        self._decoded_s = {loop.spec.id: loop.cpu_s for loop in self._loops}
        self._analysed = self.analysis.totals
        self._idle()
        self._paces: Mapping[str, Pace] = {}
        self._pacer = Pacer(_paced(self._loops))
        self._measured_last: WorkerTurn | None = None

    def follow(self, loops: Sequence[CameraLoop]) -> None:
        """Pace these cameras from now on."""
        self._loops = tuple(loops)
        self._decoded_s = {loop.spec.id: loop.cpu_s for loop in self._loops}
        self._pacer.follow(_paced(self._loops))

    def turn(self) -> None:
        """Weigh the last second and set the rates."""
        step_before, bunched_before = self._pacer.shed_step, self._pacer.bunched
        self._measured_last = self._measured()
        self._paces = paces = self._pacer.turn(self._readings(), self._measured_last)
        for loop in self._loops:
            pace = paces[loop.spec.id]
            # At the least rate decoding is most of what a camera costs.
            short = pace.reason is PaceReason.LOAD and pace.fps <= LEAST_FPS
            loop.pace(
                pace.fps,
                calm=pace.reason is PaceReason.CALM,
                short=short,
                bunched=self._pacer.bunched,
            )
        if self._pacer.bunched != bunched_before:
            _log.info(
                "the worker's time is nearly used up; pictures are taken in bunches, to decode less"
                if self._pacer.bunched
                else "the worker has time to take pictures evenly again"
            )
        if self._pacer.shed_step != step_before:
            _log.warning(
                "the worker is short of time; cameras are analysed less, stairs last"
                if self._pacer.shed_step > step_before
                else "the worker has time again",
                shed_step=self._pacer.shed_step,
                fps={camera_id: pace.fps for camera_id, pace in paces.items()},
            )

    def _measured(self) -> WorkerTurn:
        """What the time since the last turn went to."""
        now, spent_s, analysed = (
            self._clock.monotonic(),
            time.process_time(),
            self.analysis.totals,
        )
        decoded_s = {loop.spec.id: loop.cpu_s for loop in self._loops}
        counts = {loop.spec.id: loop.counts() for loop in self._loops}
        passed_s, cores = now - self._turned, usable_cores()
        used_s = spent_s - self._spent_s
        idle = self._idle()
        # Where nobody counts idle time, what this process did not use counts as idle.
        unused_s = max(len(cores) * passed_s - used_s, 0.0)
        idle_s = passed_s * sum(idle.get(core, 0.0) for core in cores) if idle else unused_s
        done = analysed.less(self._analysed)
        measured = WorkerTurn(
            passed_s=passed_s,
            spent_s=used_s,
            idle_s=min(idle_s, unused_s),
            analysing_s=done.wall_s,
            decoding_s={
                one: max(spent - self._decoded_s.get(one, 0.0), 0.0)
                for one, spent in decoded_s.items()
            },
            frames={
                one: FrameTotals(count["delivered"], count.get("superseded", 0))
                for one, count in counts.items()
            },
            # What a camera's pictures wait for one another is no sign of a worker that is behind.
            age_s=max(done.age_s / done.frames - self._held_s(), 0.0) if done.frames else None,
            others_s=max(unused_s - idle_s, 0.0),
            mean_share=done.mean_share,
            cores=len(cores),
        )
        self._turned, self._spent_s = now, spent_s
        self._decoded_s, self._analysed = decoded_s, analysed
        return measured

    def _held_s(self) -> float:
        """For how long the newest pictures of the cameras were held back, on the mean."""
        return sum(loop.held_s for loop in self._loops) / max(len(self._loops), 1)

    @property
    def behind(self) -> bool:
        """Frames are lost, or rates are lowered because they were."""
        return self._pacer.shed_step > 0 or self._pacer.lost_share > BEHIND_SHARE

    def news(self) -> WorkerLoad | None:
        """How things stand, when it is time to tell: every few seconds, or a step was taken."""
        now, step = self._clock.monotonic(), self._pacer.shed_step
        due = self._told_at is None or now - self._told_at >= TELL_EVERY_S
        if not self._paces or not (due or step != self._told_step):
            return None
        self._told_at, self._told_step = now, step
        p50_s, p95_s = self.analysis.percentiles_s() or (None, None)
        share = min(max(self._pacer.lost_share, 0.0), 1.0)
        return WorkerLoad(self._clock.utc(), round(share, 4), step, self._paces, p50_s, p95_s)

    def status(self) -> dict[str, object]:
        """Rates with their reasons, what is lost, and what the worker takes of its cores."""
        last = self._measured_last
        passed_s = max(last.passed_s, 1e-3) if last else 1.0
        return {
            "spent_cores": round(last.spent_s / passed_s, 3) if last else 0.0,
            "idle_cores": round(last.idle_s / passed_s, 3) if last else 0.0,
            "needs_cores": {one: round(need, 4) for one, need in self._pacer.needs().items()},
            "age_s": self.analysis.percentiles_s(),
            "lost_share": round(self._pacer.lost_share, 4),
            "shed_step": self._pacer.shed_step,
            "bunched": self._pacer.bunched,
            "cameras": {
                camera_id: {"fps": pace.fps, "reason": pace.reason.value}
                for camera_id, pace in self._paces.items()
            },
        }


def _paced(loops: Sequence[CameraLoop]) -> dict[str, PacedCamera]:
    return {
        loop.spec.id: PacedCamera(
            loop.spec.analysed_fps, loop.spec.zone_ids, loop.spec.guards_stair
        )
        for loop in loops
    }


__all__ = ["TELL_EVERY_S", "AnalysisTally", "PaceKeeper", "WorkerLoad"]
