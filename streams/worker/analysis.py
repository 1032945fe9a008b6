"""The analysis thread of a worker: it takes what the cameras and the watchdog put in the inbox."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass

import structlog

from streams.cameras.pace_keeper import PaceKeeper, WorkerLoad
from streams.cameras.state import CameraStatus
from streams.clock import Clock
from streams.crews.handover import HandoverFolder
from streams.crews.host import Join, Leave
from streams.pacing.camera_costs import CameraCosts
from streams.pacing.sampling import Inbox
from streams.worker.door_poll import DoorStates
from streams.worker.orders import Order
from streams.worker.pipeline import Pipeline
from vision.instants import Monotonic, Utc
from vision.observations import Frame

_log = structlog.get_logger(__name__)

# The thread looks this often whether it is to go on.
WAIT_S = 0.25
_EVERY_SO_MANY = 1000


@dataclass(frozen=True, slots=True)
class Tick:
    """A second has passed."""

    now: Utc


Event = CameraStatus | Tick | Order | WorkerLoad | DoorStates | Join | Leave


class AnalysisLoop:
    """Judges frames and events one after the other; everything else of a worker runs beside it.

    Attributes:
        last_turn: when it last took something or found nothing to take; read by the watchdog.
        broken: why it cannot go on; empty while it can.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inbox: Inbox[Frame, Event],
        clock: Clock,
        paces: PaceKeeper,
        costs: CameraCosts,
        moves: HandoverFolder | None,
    ) -> None:
        self.last_turn: Monotonic = clock.monotonic()
        self.broken = ""
        self._pipeline = pipeline
        self._inbox = inbox
        self._clock = clock
        self._paces = paces
        self._costs = costs
        self._moves = moves
        self._analysed = 0
        self._failures: Counter[str] = Counter()

    def counts(self) -> dict[str, int]:
        """Frames analysed, those of them that showed an unchanged empty place, and failures."""
        return {
            "analysed": self._analysed,
            "unchanged": self._pipeline.unchanged,
            **self._failures,
        }

    def run(self, going_on: threading.Event) -> None:
        """Work while `going_on` is set; then record the last camera states. Frames that still wait
        are left."""
        while going_on.is_set():
            taken = self._inbox.take(WAIT_S)
            self.last_turn = self._clock.monotonic()
            try:
                if taken.item is not None:
                    self._judge(taken.item)
                elif taken.event is not None:
                    self._heed(taken.event)
            except Exception as error:  # noqa: BLE001  # the one broad except: one frame, not all
                self._count_failure(error)
        while (event := self._inbox.take_event()) is not None:
            if isinstance(event, CameraStatus):
                self._pipeline.camera_status(event)

    def _judge(self, frame: Frame) -> None:
        pipeline = self._pipeline
        before, began, began_cpu_s = pipeline.unchanged, self._clock.monotonic(), time.thread_time()
        pipeline.process(frame)
        self._analysed += 1
        self._costs.analysed(frame.camera_id, time.thread_time() - began_cpu_s)
        wall_s, looked = self._clock.monotonic() - began, pipeline.unchanged == before
        self._paces.analysis.note(self._clock.utc() - frame.captured_at, wall_s, looked=looked)

    def _heed(self, event: Event) -> None:
        match event:
            case Tick():
                self._pipeline.tick(event.now)
            case WorkerLoad():
                self._pipeline.load(event)
            case DoorStates():
                self._pipeline.doors(event)
            case Order():
                self._pipeline.obey(event)
            case Join():
                self._pipeline.join(event.crew, event.checks, event.given)
            case Leave():
                self._give(event)
            case CameraStatus():
                self._pipeline.camera_status(event)

    def _give(self, leave: Leave) -> None:
        """Write down what another worker needs to go on; without that, all begin anew."""
        if self._moves is None:
            return
        try:
            self._moves.give(self._pipeline.leave(leave.shape, leave.number))
        except OSError as error:
            self.broken = f"cameras could not be given away: {error.strerror}"

    def _count_failure(self, error: Exception) -> None:
        """Log the first failure of a kind with its trace, and then only count."""
        kind = type(error).__name__
        self._failures[kind] += 1
        count = self._failures[kind]
        if count == 1:
            _log.exception("a frame could not be judged; its zones turn UNKNOWN if this goes on")
        elif count % _EVERY_SO_MANY == 0:
            _log.error("frames still fail", kind=kind, count=count)


__all__ = ["WAIT_S", "AnalysisLoop", "Event", "Tick"]
