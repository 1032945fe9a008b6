"""Carries the paces out: reads what the worker knows, and sets the rate of each camera loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from streams.camera_loop import CameraLoop
from streams.clock import Clock
from streams.pacing import FrameTotals, Pace, PacedCamera, Pacer, PaceReason
from vision.instants import Monotonic
from vision.readings import ZoneReading

_log = structlog.get_logger(__name__)


class PaceKeeper:
    """Used by the worker's main thread; `status` may be asked from another."""

    def __init__(
        self,
        loops: Sequence[CameraLoop],
        readings: Callable[[], Mapping[str, ZoneReading]],
        clock: Clock,
    ) -> None:
        self._loops = tuple(loops)
        self._readings = readings
        self._clock = clock
        self._turned: Monotonic = clock.monotonic()
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
        paces = self._pacer.turn(self._readings(), totals, now - self._turned)
        self._turned, self._paces = now, paces
        for loop in self._loops:
            pace = paces[loop.spec.id]
            loop.pace(pace.fps, calm=pace.reason is PaceReason.CALM)
        if self._pacer.shed_step != step_before:
            _log.warning(
                "the worker is short of time; cameras are analysed less, stairs last"
                if self._pacer.shed_step > step_before
                else "the worker has time again",
                shed_step=self._pacer.shed_step,
                fps={camera_id: pace.fps for camera_id, pace in paces.items()},
            )

    def status(self) -> dict[str, object]:
        """Rates with their reasons, and the share of frames that nobody had time for."""
        return {
            "lost_share": round(self._pacer.lost_share, 4),
            "shed_step": self._pacer.shed_step,
            "cameras": {
                camera_id: {"fps": pace.fps, "reason": pace.reason.value}
                for camera_id, pace in self._paces.items()
            },
        }


__all__ = ["PaceKeeper"]
