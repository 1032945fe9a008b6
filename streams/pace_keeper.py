"""Carries the paces out: reads what the worker knows, and sets the rate of each camera loop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from streams.camera_loop import CameraLoop
from streams.clock import Clock
from streams.cores import usable_cores
from streams.pacing import LEAST_FPS, FrameTotals, Pace, PacedCamera, Pacer, PaceReason
from vision.instants import Monotonic, Utc
from vision.readings import ZoneReading

TELL_EVERY_S = 5.0
BEHIND_SHARE = 0.02
_AGES = 600
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


class FrameAges:
    """How old frames were when their readings were ready: the last few hundred.

    One thread notes them, another may ask.
    """

    def __init__(self) -> None:
        self._ages_s: deque[float] = deque(maxlen=_AGES)

    def note(self, age_s: float) -> None:
        self._ages_s.append(age_s)

    def percentiles_s(self) -> tuple[float, float] | None:
        """The 50th and 95th percentile; `None` before the first frame."""
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
    ) -> None:
        self.ages = FrameAges()
        self._told_at: Monotonic | None = None
        self._told_step = 0
        self._loops = tuple(loops)
        self._readings = readings
        self._clock = clock
        self._turned: Monotonic = clock.monotonic()
        self._spent_s = time.process_time()
        self._paces: Mapping[str, Pace] = {}
        self._pacer = Pacer(
            {
                loop.spec.id: PacedCamera(
                    loop.spec.analysed_fps, loop.spec.zone_ids, loop.spec.guards_stair
                )
                for loop in self._loops
            }
        )

    def turn(self) -> None:
        """Weigh the last second and set the rates."""
        now, step_before = self._clock.monotonic(), self._pacer.shed_step
        totals = {
            loop.spec.id: FrameTotals(counts["delivered"], counts.get("superseded", 0))
            for loop in self._loops
            for counts in (loop.counts(),)
        }
        passed_s, spent_s = now - self._turned, time.process_time()
        may_use_s = max(passed_s, 1e-3) * len(usable_cores())
        busy_share = (spent_s - self._spent_s) / may_use_s
        paces = self._pacer.turn(self._readings(), totals, passed_s, busy_share)
        self._turned, self._spent_s, self._paces = now, spent_s, paces
        for loop in self._loops:
            pace = paces[loop.spec.id]
            # At the least rate decoding is most of what a camera costs.
            short = pace.reason is PaceReason.LOAD and pace.fps <= LEAST_FPS
            loop.pace(pace.fps, calm=pace.reason is PaceReason.CALM, short=short)
        if self._pacer.shed_step != step_before:
            _log.warning(
                "the worker is short of time; cameras are analysed less, stairs last"
                if self._pacer.shed_step > step_before
                else "the worker has time again",
                shed_step=self._pacer.shed_step,
                fps={camera_id: pace.fps for camera_id, pace in paces.items()},
            )

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
        p50_s, p95_s = self.ages.percentiles_s() or (None, None)
        share = min(max(self._pacer.lost_share, 0.0), 1.0)
        return WorkerLoad(self._clock.utc(), round(share, 4), step, self._paces, p50_s, p95_s)

    def status(self) -> dict[str, object]:
        """Rates with their reasons, and the share of frames that nobody had time for."""
        return {
            "age_s": self.ages.percentiles_s(),
            "lost_share": round(self._pacer.lost_share, 4),
            "shed_step": self._pacer.shed_step,
            "cameras": {
                camera_id: {"fps": pace.fps, "reason": pace.reason.value}
                for camera_id, pace in self._paces.items()
            },
        }


__all__ = ["TELL_EVERY_S", "FrameAges", "PaceKeeper", "WorkerLoad"]
