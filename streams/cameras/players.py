"""The cameras that a worker plays: their loops, what listens to them, and which may speak.

Cameras may join and leave while the worker runs. One that joins plays in silence until the worker
that had it has stopped: its pictures and its states go nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import structlog

from streams.cameras.check import Arrivals, CameraCheck, CheckedCamera, SideNumbers
from streams.cameras.health_memory import HealthMemory
from streams.cameras.loop import CameraLoop, CameraSpec, LoopSettings, Outlets
from streams.cameras.state import CameraStatus
from streams.cameras.stream_gauge import StreamGauge
from streams.clock import Clock
from streams.decoding.sources import Opener
from streams.decoding.tap import GatedTap
from streams.recording import Recording
from streams.records import CameraState
from vision.observations import Frame

_log = structlog.get_logger(__name__)

# Only a camera's own pace says something of its health.
_LIVE = frozenset({"rtsp", "rtsps"})


class Players:
    """Changed by the worker's main thread; asked by all."""

    def __init__(
        self,
        opener_for: Callable[[CameraSpec], Opener],
        clock: Clock,
        settings: LoopSettings,
        outlets: Outlets,
        doubt_of: Callable[[str], float | None] = lambda _camera_id: None,
    ) -> None:
        """`doubt_of` is `SideNumbers.count_doubt`."""
        self._opener_for = opener_for
        self._clock = clock
        self._settings = settings
        self._outlets = outlets
        self._doubt_of = doubt_of
        # Each is replaced whole: other threads read them.
        self._loops: tuple[CameraLoop, ...] = ()
        self._silent: frozenset[str] = frozenset()
        self._gauges: dict[str, StreamGauge] = {}
        self._gates: dict[str, GatedTap] = {}
        self._recordings: dict[str, Recording] = {}

    @property
    def loops(self) -> tuple[CameraLoop, ...]:
        """Those that may speak."""
        return tuple(loop for loop in self._loops if loop.spec.id not in self._silent)

    @property
    def silent(self) -> tuple[CameraLoop, ...]:
        """Those that are played and may not speak yet."""
        return tuple(loop for loop in self._loops if loop.spec.id in self._silent)

    def add(
        self, specs: Sequence[CameraSpec], recording: Recording | None, *, silent: bool = False
    ) -> None:
        """Make the loops of these cameras; `start` starts them."""
        ids = frozenset(spec.id for spec in specs)
        self._silent = self._silent | ids if silent else self._silent - ids
        if recording is not None:
            self._recordings = self._recordings | dict.fromkeys(ids, recording)
        self._loops = (*self._loops, *(self._loop(spec, recording) for spec in specs))

    def start(self) -> None:
        """Start those that do not play yet."""
        for loop in self._loops:
            if not loop.started:
                loop.start()

    def let_speak(self, camera_ids: Collection[str]) -> None:
        """From now on their pictures are judged and recorded, and their states told."""
        for camera_id in camera_ids:
            if camera_id in self._gates:
                self._gates[camera_id].open = True
        self._silent = self._silent - frozenset(camera_ids)

    def silence(self, camera_ids: Collection[str]) -> None:
        """Their pictures and states go nowhere from now on."""
        self._silent = self._silent | frozenset(camera_ids)

    def remove(self, camera_ids: Collection[str], wait_s: float) -> None:
        """Stop these cameras; one that its source holds for longer ends by itself."""
        self.silence(camera_ids)
        leaving = [loop for loop in self._loops if loop.spec.id in camera_ids]
        for loop in leaving:
            loop.stop()
        deadline = self._clock.monotonic().plus(wait_s)
        for loop in leaving:
            if not loop.join(max(deadline - self._clock.monotonic(), 0.0)):
                _log.warning("decode thread is still held by its source", camera=loop.spec.id)
        for loop in leaving:
            recording = self._recordings.get(loop.spec.id)
            if recording is not None:
                recording.forget(loop.spec.id)
        self._loops = tuple(loop for loop in self._loops if loop not in leaving)
        self._recordings = {k: v for k, v in self._recordings.items() if k not in camera_ids}

    def deliver(self, frame: Frame) -> bool:
        """A frame of a decode thread; whether it replaced one that nobody had taken."""
        return frame.camera_id not in self._silent and self._outlets.deliver(frame)

    def report(self, status: CameraStatus) -> None:
        """A camera's new state."""
        if status.camera_id not in self._silent:
            self._outlets.report(status)

    def all_live(self) -> bool:
        """Whether the silent ones have shown a picture, each."""
        return all(loop.status.state is CameraState.LIVE for loop in self.silent)

    def checks(self, camera_ids: Collection[str], folder: Path) -> dict[str, CameraCheck]:
        """The health check of each of these cameras."""
        memory = HealthMemory(folder)
        side = SideNumbers(
            lambda camera_id: self._gauges[camera_id].clock_offset_s,
            self.recording_gap_s,
            self._doubt_of,
        )
        return {
            loop.spec.id: CameraCheck(
                CheckedCamera(loop.spec.id, loop.spec.view, loop.spec.uri.scheme in _LIVE),
                memory,
                partial(self._arrivals, loop),
                side,
            )
            for loop in self._loops
            if loop.spec.id in camera_ids
        }

    def recording_gap_s(self, camera_id: str) -> float | None:
        """For how long the camera has not been recorded; `None` when it is not meant to be."""
        recording = self._recordings.get(camera_id)
        return None if recording is None else recording.gap_s(camera_id, self._clock.utc())

    def recording_status(self) -> dict[str, str]:
        """`recording`, or why not, by camera."""
        found: dict[str, str] = {}
        for recording in dict.fromkeys(self._recordings.values()):
            found |= recording.status()
        return found

    def _arrivals(self, loop: CameraLoop) -> Arrivals:
        return self._gauges[loop.spec.id].arrivals() or loop.arrivals()

    def _loop(self, spec: CameraSpec, recording: Recording | None) -> CameraLoop:
        ring = None if recording is None else recording.tap(spec.id)
        gate = None
        if ring is not None:
            gate = self._gates[spec.id] = GatedTap(ring)
            gate.open = spec.id not in self._silent
        gauge = self._gauges[spec.id] = StreamGauge(self._clock, gate)
        return CameraLoop(
            spec,
            opener=self._opener_for(spec),
            clock=self._clock,
            outlets=Outlets(deliver=self.deliver, report=self.report),
            settings=self._settings,
            tap=gauge,
        )


__all__ = ["Players"]
