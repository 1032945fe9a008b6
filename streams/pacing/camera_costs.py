"""What each camera costs this machine, in core-milliseconds a second: measured, kept, read again.

A worker adds up the CPU time of each camera's decode thread and of the analysis of its frames, and
keeps the dearest minute so far: a calm hour says nothing of a full stair. The next start divides
the cameras among the workers by these numbers (`streams.crews.placement`), and takes a tenth off
them, so that a restart at night forgets nothing and what no longer holds fades.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import structlog

from streams.clock import Clock
from vision.instants import Monotonic

_log = structlog.get_logger(__name__)

MEASURED_OVER_S = 60.0
_KEPT_AT_START = 0.9


class CameraCosts:
    """The costs of one worker's cameras.

    The analysis thread calls `analysed`, the worker's main thread `turn`: plain numbers that only
    grow, read a moment late at worst.
    """

    def __init__(self, clock: Clock, kept_at: Path) -> None:
        self._clock = clock
        self._kept_at = kept_at
        self._analysis_s: dict[str, float] = {}
        self._before: dict[str, float] = {}
        self._since: Monotonic | None = None
        kept = _read(kept_at).items()
        self._dearest = {camera_id: _KEPT_AT_START * cost for camera_id, cost in kept}
        self._failing = False

    def analysed(self, camera_id: str, cpu_s: float) -> None:
        """Note what one frame cost after its decoding."""
        self._analysis_s[camera_id] = self._analysis_s.get(camera_id, 0.0) + cpu_s

    def turn(self, decoding_s: Mapping[str, float]) -> bool:
        """Once in a while; once a minute it weighs and keeps.

        Args:
            decoding_s: CPU seconds of each camera's decode thread since the start.

        Returns:
            whether a minute was weighed.
        """
        now = self._clock.monotonic()
        spent = {one: s + self._analysis_s.get(one, 0.0) for one, s in decoding_s.items()}
        if self._since is None:
            self._since, self._before = now, spent
            return False
        passed_s = now - self._since
        if passed_s < MEASURED_OVER_S:
            return False
        for camera_id, total_s in spent.items():
            cost = 1000.0 * max(total_s - self._before.get(camera_id, 0.0), 0.0) / passed_s
            if cost > self._dearest.get(camera_id, 0.0):
                self._dearest[camera_id] = cost
        self._since, self._before = now, spent
        self._keep()
        return True

    def dearest(self) -> dict[str, float]:
        """Core-milliseconds a second of each camera in its dearest minute so far."""
        return dict(self._dearest)

    def _keep(self) -> None:
        draft = self._kept_at.with_name(f"{self._kept_at.name}.draft")
        try:
            self._kept_at.parent.mkdir(parents=True, exist_ok=True)
            rounded = {one: round(cost, 1) for one, cost in self._dearest.items() if cost > 0.0}
            draft.write_text(json.dumps(rounded), encoding="utf-8")
            draft.replace(self._kept_at)
            self._failing = False
        except OSError as error:
            if not self._failing:
                _log.warning("the cameras' costs cannot be kept", reason=str(error))
            self._failing = True


def costs_file(run_dir: Path, worker_id: str) -> Path:
    """Where a worker keeps its cameras' costs."""
    return run_dir / "costs" / f"{worker_id}.json"


def read_costs(run_dir: Path) -> dict[str, float]:
    """What all workers kept; a file that cannot be read says nothing, the dearer number counts."""
    found: dict[str, float] = {}
    for file in sorted((run_dir / "costs").glob("*.json")):
        for camera_id, cost in _read(file).items():
            found[camera_id] = max(found.get(camera_id, 0.0), cost)
    return found


def _read(file: Path) -> dict[str, float]:
    """What one worker kept; empty when it cannot be read."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {
        str(camera_id): float(cost)
        for camera_id, cost in told.items()
        if isinstance(cost, int | float) and 0.0 < cost < 1e6
    }


__all__ = ["MEASURED_OVER_S", "CameraCosts", "costs_file", "read_costs"]
