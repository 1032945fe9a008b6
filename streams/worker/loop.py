"""One worker process: its cameras, the shared network, the spool and the picture server.

    decode threads --frames, states--> inbox --> analysis --> records thread --> spool --> uploader
    main thread: watchdog of the cameras, ticks, heartbeat, clock check

Frames never leave the process. The worker raises when it cannot go on; its supervisor starts it
anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog

from streams.cameras.loop import CameraSpec, LoopSettings, Outlets
from streams.cameras.pace_keeper import PaceKeeper
from streams.cameras.players import Players
from streams.clock import Clock
from streams.cores import CoreKeeper, IdleTime, usable_cores
from streams.crews.crew import Analyser, Crew
from streams.crews.handover import HandoverFolder
from streams.crews.host import CrewHost
from streams.crews.moves import CrewMoves
from streams.decoding.sources import Opener
from streams.errors import WorkerError
from streams.heartbeat import Heartbeat
from streams.pacing.camera_costs import CameraCosts, costs_file
from streams.pacing.sampling import Inbox
from streams.pictures.drawing import ZoneOutline
from streams.pictures.latest import LatestPictures
from streams.pictures.picture_server import PictureServer
from streams.recording import Recording
from streams.records import CameraState
from streams.spooling.record_buffer import RecordBuffer
from streams.spooling.reporting import Origin, Reporter
from streams.spooling.spool import Spool
from streams.spooling.uploader import Uploader, UploaderSettings
from streams.wall_offset import WallOffset
from streams.worker.analysis import AnalysisLoop, Event, Tick
from streams.worker.door_poll import DoorPoll
from streams.worker.orders import OrderPoll
from streams.worker.pipeline import Pipeline
from streams.worker.second_look import SecondLook
from vision.instants import Monotonic
from vision.observations import Frame, HeadNetwork, PersonDetector

_log = structlog.get_logger(__name__)

_WATCH_S = 0.25
_TICK_S = 1.0
# The supervisor waits ten seconds for a heartbeat; a stuck analysis shows itself well before.
_STUCK_S = 5.0
_STOP_BUDGET_S = 1.5


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """A worker's slice of the configuration.

    Attributes:
        origin: ids that stand in every record.
        cameras: what this worker plays.
        zone_ids: the zones that these cameras measure.
        outlines: zone borders in each camera's picture, for drawing.
        spool_path: SQLite file of the spool; its folder is made.
        socket_path: Unix socket of the live pictures.
        asks_doors: whether doors of the site have contacts.
    """

    origin: Origin
    cameras: tuple[CameraSpec, ...]
    zone_ids: tuple[str, ...]
    outlines: Mapping[str, Sequence[ZoneOutline]]
    spool_path: Path
    socket_path: Path
    loop: LoopSettings = field(default_factory=LoopSettings)
    uploader: UploaderSettings = field(default_factory=UploaderSettings)
    asks_doors: bool = False


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What a worker is given.

    Attributes:
        network, analyser: used by the analysis thread only.
        client: with the API's base address and bearer token; the worker closes it.
        opener_for: what opens a camera's address.
        recording: the ring of these cameras; `None` records nothing.
        persons: detector of the second look; `None` where none is installed.
        crew_of: makes the crew of cameras that another worker gives.
        moves: where workers leave each other cameras; `None` moves none.
    """

    network: HeadNetwork
    analyser: Analyser
    client: httpx.Client
    clock: Clock
    opener_for: Callable[[CameraSpec], Opener]
    heartbeat: Heartbeat = field(default_factory=lambda: Heartbeat(None))
    recording: Recording | None = None
    persons: PersonDetector | None = None
    crew_of: Callable[[tuple[str, ...]], Crew] | None = None
    moves: HandoverFolder | None = None


class Worker:
    """Runs until its stop event is set; then it has released everything within two seconds."""

    def __init__(self, config: WorkerConfig, collaborators: Collaborators) -> None:
        self._config = config
        self._with = collaborators
        self._clock = collaborators.clock
        self._inbox: Inbox[Frame, Event] = Inbox()
        self._latest = LatestPictures(config.outlines, self._clock)
        self._analysing = threading.Event()
        # Storing goes on until the last camera states are judged, and the uploader until they are
        # in the spool.
        self._judged = threading.Event()
        self._buffer: RecordBuffer | None = None
        self._all_said = threading.Event()
        self._analysis: AnalysisLoop | None = None
        self._second = SecondLook(collaborators.persons)
        self._players = Players(
            collaborators.opener_for,
            self._clock,
            config.loop,
            Outlets(
                deliver=lambda frame: self._inbox.put(frame.camera_id, frame),
                report=self._inbox.put_event,
            ),
            self._second.doubt_of,
        )
        self._players.add(config.cameras, collaborators.recording)
        self._recordings = ExitStack()
        self._cores: CoreKeeper | None = None
        self._paces = PaceKeeper(self._players.loops, dict, self._clock)
        kept_at = costs_file(config.spool_path.parent.parent, config.origin.worker_id)
        self._costs = CameraCosts(self._clock, kept_at)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set.

        Raises:
            WorkerError: when a part died or the wall clock jumped.
            SpoolError, PictureServerError: when they cannot be opened.
        """
        with ExitStack() as stack:
            stack.callback(self._with.heartbeat.close)
            stack.callback(self._with.client.close)
            spool = Spool(self._config.spool_path)
            stack.callback(spool.close)
            uploader = Uploader(
                spool, self._with.client, clock=self._clock, settings=self._config.uploader
            )
            server = PictureServer(
                self._config.socket_path, self._latest, lambda: self._status(spool, uploader)
            )
            stack.enter_context(server)
            stack.enter_context(self._recordings)
            if self._with.recording is not None:
                self._recordings.enter_context(self._with.recording)
            self._analysis, threads = self._start_threads(spool, uploader, stop)
            stack.callback(self._stop_threads, threads, uploader, stop)
            self._watch(stop, threads, self._analysis)

    def counts(self) -> dict[str, int]:
        """See `AnalysisLoop.counts`."""
        if self._analysis is None:
            return {"analysed": 0, "unchanged": 0}
        return self._analysis.counts()

    def _start_threads(
        self, spool: Spool, uploader: Uploader, stop: threading.Event
    ) -> tuple[AnalysisLoop, tuple[threading.Thread, ...]]:
        self._buffer = buffer = RecordBuffer(spool.append, self._clock, uploader.wake)
        pipeline = self._pipeline(buffer)
        pipeline.start()
        self._paces = PaceKeeper(self._players.loops, pipeline.readings, self._clock)
        orders = OrderPoll(
            self._with.client,
            self._clock,
            self._config.spool_path.with_suffix(".orders"),
            self._inbox.put_event,
        )
        analysis = AnalysisLoop(
            pipeline, self._inbox, self._clock, self._paces, self._costs, self._with.moves
        )
        self._analysing.set()
        threads: tuple[threading.Thread, ...] = (
            _thread("analysis", analysis.run, self._analysing),
            _thread("records", buffer.run, self._judged),
            _thread("uploader", uploader.run, self._all_said),
            _thread("orders", orders.run, stop),
        )
        if self._config.asks_doors:
            doors = DoorPoll(self._with.client, self._clock, self._inbox.put_event)
            threads = (*threads, _thread("doors", doors.run, stop))
        for thread in threads:
            thread.start()
        self._players.start()
        return analysis, threads

    def _pipeline(self, buffer: RecordBuffer) -> Pipeline:
        return Pipeline(
            network=self._with.network,
            analyser=self._with.analyser,
            reporter=Reporter(self._config.origin, self._config.zone_ids, self._clock.utc()),
            append=buffer.append,
            latest=self._latest,
            checks=self._players.checks(
                [spec.id for spec in self._config.cameras], self._health_folder
            ),
            second=self._second,
        )

    @property
    def _health_folder(self) -> Path:
        return self._config.spool_path.parent.parent / "health"

    def _watch(
        self, stop: threading.Event, threads: Sequence[threading.Thread], analysis: AnalysisLoop
    ) -> None:
        """The main thread's work: judge the cameras from outside, tick, and give heartbeats."""
        offset, home = WallOffset(self._clock), usable_cores()
        self._cores = cores = CoreKeeper(home[0] if len(home) == 1 else None, IdleTime().shares)
        moves = self._moves()
        next_tick = self._clock.monotonic()
        while not self._clock.wait(stop, _WATCH_S):
            for loop in self._players.loops:
                loop.check()
            for thread in threads:
                if not thread.is_alive() and not stop.is_set():
                    raise WorkerError(f"the {thread.name} thread ended; see the log before this")
            if analysis.broken:
                raise WorkerError(analysis.broken)
            offset.check()
            if moves is not None:
                moves.step()
            now = self._clock.monotonic()
            if now >= next_tick:
                next_tick = now.plus(_TICK_S)
                self._inbox.put_event(Tick(self._clock.utc()))
                self._paces.turn()
                cores.turn(behind=self._paces.behind)
                self._costs.turn({loop.spec.id: loop.cpu_s for loop in self._players.loops})
                if (news := self._paces.news()) is not None:
                    self._inbox.put_event(news)
                if now - analysis.last_turn < _STUCK_S:
                    self._with.heartbeat.beat()

    def _stop_threads(
        self, threads: Sequence[threading.Thread], uploader: Uploader, stop: threading.Event
    ) -> None:
        """End everything within the budget; a thread held by its source ends with the process."""
        deadline = self._clock.monotonic().plus(_STOP_BUDGET_S)
        stop.set()
        for loop in self._players.silent:
            loop.stop()
        for loop in self._players.loops:
            loop.stop()
            stopped = loop.status.moved(CameraState.OFFLINE, self._clock.utc(), "worker_down")
            self._inbox.put_event(stopped)
        analysing, records, sender, *_ = threads
        self._analysing.clear()
        analysing.join(self._left_s(deadline) / 3)
        self._judged.set()
        if self._buffer is not None:
            self._buffer.wake()
        records.join(self._left_s(deadline) / 3)
        self._all_said.set()
        uploader.wake()
        sender.join(self._left_s(deadline) / 2)
        for loop in self._players.loops:
            if not loop.join(self._left_s(deadline) / 2):
                _log.warning("decode thread is still held by its source", camera=loop.spec.id)

    def _moves(self) -> CrewMoves | None:
        """This worker's part in moving cameras."""
        folder = self._with.moves
        if folder is None:
            return None
        host = CrewHost(
            self._players,
            self._inbox.put_event,
            lambda: self._paces.follow(self._players.loops),
            self._with.crew_of,
            self._recordings,
            self._health_folder,
        )
        return CrewMoves(folder, self._config.origin.worker_id, host)

    def _left_s(self, deadline: Monotonic) -> float:
        return max(deadline - self._clock.monotonic(), 0.0)

    def _status(self, spool: Spool, uploader: Uploader) -> dict[str, object]:
        """What `GET /status` on the picture socket answers."""
        waiting = spool.counts()
        return {
            "worker_id": self._config.origin.worker_id,
            "run_id": self._config.origin.run_id,
            "cameras": {
                loop.spec.id: {
                    "state": loop.status.state.value,
                    "since": loop.status.since.iso(),
                    "cause": loop.status.cause,
                    "frames": dict(loop.counts()),
                }
                for loop in self._players.loops
            },
            "analysis": self.counts(),
            "pace": self._paces.status(),
            "cores": {} if self._cores is None else self._cores.status(),
            "core_ms_per_s": self._costs.dearest(),
            "recording": self._players.recording_status(),
            "spool": {
                "waiting": waiting.waiting,
                "in_memory": waiting.in_memory,
                "dropped_readings": waiting.dropped_readings,
                "rejected": waiting.rejected,
                "sent": uploader.sent,
                "failed_requests": uploader.failures,
            },
        }


def _thread(name: str, work: Callable[..., None], *given: object) -> threading.Thread:
    return threading.Thread(target=work, args=given, name=name, daemon=True)


__all__ = ["Collaborators", "Worker", "WorkerConfig", "WorkerError"]
