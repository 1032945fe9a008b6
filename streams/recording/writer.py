"""The ring on the disk: one thread a worker appends, closes, deletes and says how it stands.

The queue in front of it is bounded; when the disk cannot keep up segments are given up, never the
analysis, and none is begun until all that waits is written. The thread begins with a count of what
is on the disk, which may take minutes where the ring holds a month: pieces wait meanwhile.
Recording stops before the disk is full (`reserve_bytes`), so that alarms and their spool still find
room, and goes on by itself when there is room again.
"""

from __future__ import annotations

import errno
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from config.recording import RingSettings
from config.whole_files import replace_whole
from streams.clock import Clock
from streams.recording.ageing import Ageing
from streams.recording.clock_runs import ClockRun
from streams.recording.files import OpenSegment
from streams.recording.index import STATUS_FILE, camera_folder, new_segment_path, status_bytes
from streams.recording.pruning import Shelf
from streams.recording.recovery import close_left_open
from streams.recording.values import Anchor, EndCause, How, RingStatus
from vision.instants import Monotonic, Utc

_log = structlog.get_logger(__name__)

QUEUE_BYTES = 32 * 1024 * 1024
# Each takes about 200 bytes besides its data.
QUEUE_PIECES = 20_000
_LOOK_EVERY_S = 5.0
_RETRY_S = 10.0
_IDLE_S = 0.5
_JOIN_S = 2.0
# After a stop for want of room, so much more than the reserve must be free before it goes on.
_RESUME_SHARE = 1.05
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def free_bytes_of(folder: Path) -> int:
    """Room left on the disk of `folder`."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class _Open:
    camera_id: str
    opened: Utc
    how: How


@dataclass(frozen=True, slots=True)
class _Data:
    camera_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Note:
    camera_id: str
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class _Close:
    camera_id: str
    end: Utc
    cause: EndCause


@dataclass(frozen=True, slots=True)
class _Forget:
    camera_id: str


_Piece = _Open | _Data | _Note | _Close | _Forget


class RingWriter:
    """A `SegmentSink` with its thread; a context manager that starts and ends it."""

    def __init__(
        self,
        root: Path,
        settings: RingSettings,
        clock: Clock,
        *,
        camera_ids: Iterable[str],
        free_bytes: Callable[[Path], int] = free_bytes_of,
    ) -> None:
        self._root = root
        self._settings = settings
        self._clock = clock
        self._free_bytes = free_bytes
        self._pieces: deque[_Piece] = deque()
        self._queued_bytes = 0
        self._overflowed = False
        self._ready = threading.Condition()
        self._ending = threading.Event()
        self._open: dict[str, OpenSegment] = {}
        self._ageing = Ageing(clock)
        now = clock.utc()
        self._stopped: dict[str, tuple[EndCause, Monotonic]] = {}
        self._status = {camera_id: RingStatus(False, now) for camera_id in camera_ids}
        self._shelves = {
            camera_id: Shelf(camera_folder(root, camera_id)) for camera_id in self._status
        }
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def __enter__(self) -> Self:
        """Take segments; the thread first closes what a killed worker left open."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        with self._ready:
            self._ready.notify()
        self._thread.join(_JOIN_S)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def status(self) -> dict[str, RingStatus]:
        """How the recording of each camera stands."""
        return dict(self._status)

    def refusal(self, camera_id: str) -> EndCause | None:
        stopped = self._stopped.get(camera_id)
        if stopped is not None:
            return stopped[0]
        return EndCause.SLOW_DISK if self._overflowed else None

    def open(self, camera_id: str, opened: Utc, how: How) -> None:
        self._put(_Open(camera_id, opened, how))

    def write(self, camera_id: str, data: bytes) -> bool:
        too_much = self._queued_bytes + len(data) > QUEUE_BYTES
        if too_much or len(self._pieces) >= QUEUE_PIECES:
            self._overflowed = True
            return False
        self._put(_Data(camera_id, data))
        return True

    def anchor(self, camera_id: str, anchor: Anchor) -> None:
        self._put(_Note(camera_id, anchor))

    def close_segment(self, camera_id: str, end: Utc, cause: EndCause) -> None:
        self._put(_Close(camera_id, end, cause))

    def forget(self, camera_id: str) -> None:
        """Leave this camera's ring to another process, once what waits is written."""
        self._put(_Forget(camera_id))

    def unrecordable(self, camera_id: str) -> None:
        self._stop(camera_id, EndCause.NOT_RECORDABLE)

    def prepare(self) -> None:
        """Make the folders, close what was left open, count what is there."""
        for camera_id in self._shelves:
            # The file of a killed worker says that it records.
            self._tell(camera_id)
        # All are closed before any is counted: a camera may move to another worker meanwhile.
        for step in (self._close_left_open, self._count):
            for camera_id, shelf in self._shelves.items():
                try:
                    step(shelf)
                except OSError as error:
                    self._disk_failed(camera_id, error)
        self.housekeep()

    def drain(self) -> None:
        """Write everything that waits."""
        while self._pieces:
            with self._ready:
                piece = self._pieces.popleft()
                if isinstance(piece, _Data):
                    self._queued_bytes -= len(piece.data)
            try:
                self._handle(piece)
            except OSError as error:
                self._disk_failed(piece.camera_id, error)
        self._overflowed = False

    def housekeep(self) -> None:
        """Delete what is too old or too much; stop or resume by the room that is left."""
        now, room = self._clock.utc(), self._room()
        for camera_id, shelf in self._shelves.items():
            cause: EndCause | None = None
            try:
                shelf.prune(now, self._settings, by_age=self._ageing.counts_for(camera_id))
                if room < self._needed(camera_id):
                    room += shelf.give_way(
                        now, self._settings.floor_s, self._needed(camera_id) - room
                    )
            except OSError as error:
                _log.warning("old recordings could not be deleted", reason=error.strerror)
            if shelf.total_bytes > self._settings.camera_bytes:
                cause = EndCause.BUDGET
            if room < self._needed(camera_id):
                cause = EndCause.DISK_FULL
            if cause is not None:
                self._stop(camera_id, cause)
            else:
                try:
                    self._resume(camera_id, shelf)
                except OSError as error:
                    self._disk_failed(camera_id, error)
            self._tell(camera_id)

    def _run(self) -> None:
        try:
            self._record()
        finally:
            if not self._ending.is_set():
                # An error that nobody foresaw: nothing may wait that nobody writes any more, and
                # no status may say that it is recorded.
                for camera_id in self._shelves:
                    self._give_up(camera_id, EndCause.STOPPED)

    def _record(self) -> None:
        self.prepare()
        look_at = self._clock.monotonic().plus(_LOOK_EVERY_S)
        while True:
            with self._ready:
                if not self._pieces and not self._ending.is_set():
                    self._ready.wait(_IDLE_S)
            self.drain()
            if self._ending.is_set() and not self._pieces:
                break
            if self._clock.monotonic() >= look_at:
                self.housekeep()
                look_at = self._clock.monotonic().plus(_LOOK_EVERY_S)
        for camera_id in list(self._open):
            self._end(camera_id, self._clock.utc(), EndCause.STOPPED)

    def _put(self, piece: _Piece) -> None:
        with self._ready:
            self._pieces.append(piece)
            if isinstance(piece, _Data):
                self._queued_bytes += len(piece.data)
            self._ready.notify()

    def _handle(self, piece: _Piece) -> None:
        if piece.camera_id not in self._shelves:
            # Another process has this ring now.
            return
        match piece:
            case _Open(camera_id, opened, how):
                self._end(camera_id, opened, EndCause.TIMES_BROKEN)
                if camera_id not in self._stopped:
                    path = new_segment_path(self._root, camera_id, opened)
                    run = ClockRun.of(self._clock)
                    self._open[camera_id] = OpenSegment.create(path, camera_id, opened, how, run)
                    self._shelves[camera_id].begin(path)
                    self._tell(camera_id)
            case _Data(camera_id, data):
                if camera_id in self._open:
                    self._open[camera_id].append(data)
                    self._shelves[camera_id].growing_bytes = self._open[camera_id].size_bytes
            case _Note(camera_id, anchor):
                if camera_id in self._open:
                    self._open[camera_id].note(anchor)
            case _Close(camera_id, end, cause):
                self._end(camera_id, end, cause)
            case _Forget(camera_id):
                self._end(camera_id, self._clock.utc(), EndCause.STREAM_ENDED)
                for known in (self._shelves, self._stopped):
                    known.pop(camera_id, None)
                self._status = {k: v for k, v in self._status.items() if k != camera_id}

    def _end(self, camera_id: str, end: Utc, cause: EndCause) -> None:
        segment = self._open.pop(camera_id, None)
        if segment is None:
            return
        self._shelves[camera_id].add(segment.path, segment.size_bytes)
        try:
            segment.close(end, cause)
        except OSError as error:
            self._disk_failed(camera_id, error)

    def _disk_failed(self, camera_id: str, error: OSError) -> None:
        full = error.errno in _FULL
        self._give_up(camera_id, EndCause.DISK_FULL if full else EndCause.DISK_ERROR)

    def _give_up(self, camera_id: str, cause: EndCause) -> None:
        segment = self._open.pop(camera_id, None)
        if segment is not None:
            self._shelves[camera_id].add(segment.path, segment.size_bytes)
            segment.abandon()
        self._stop(camera_id, cause)

    def _stop(self, camera_id: str, cause: EndCause) -> None:
        """Refuse this camera's segments; said once for each cause."""
        known = self._stopped.get(camera_id)
        self._stopped[camera_id] = (cause, self._clock.monotonic())
        if known is None or known[0] is not cause:
            _log.error("recording stopped; alarms go on", camera=camera_id, cause=cause.value)
            self._status[camera_id] = RingStatus(False, self._clock.utc(), cause)
            self._tell(camera_id)

    def _close_left_open(self, shelf: Shelf) -> None:
        shelf.folder.mkdir(parents=True, exist_ok=True)
        close_left_open(shelf.folder)

    def _count(self, shelf: Shelf) -> None:
        if not shelf.counted:
            shelf.load()
            self._ageing.found(shelf.folder.name, shelf.newest())

    def _resume(self, camera_id: str, shelf: Shelf) -> None:
        stopped = self._stopped.get(camera_id)
        if stopped is None or self._clock.monotonic() - stopped[1] < _RETRY_S:
            return
        if stopped[0] is not EndCause.NOT_RECORDABLE and camera_id not in self._open:
            self._close_left_open(shelf)
            self._count(shelf)
            _log.info("recording goes on", camera=camera_id)
        del self._stopped[camera_id]

    def _needed(self, camera_id: str) -> float:
        reserve = self._settings.reserve_bytes
        return reserve * _RESUME_SHARE if camera_id in self._stopped else float(reserve)

    def _room(self) -> float:
        try:
            return float(self._free_bytes(self._root))
        except OSError:
            return 0.0

    def _tell(self, camera_id: str) -> None:
        """Keep the status file true; a disk that takes nothing leaves the old one."""
        status = self._status[camera_id]
        taken = camera_id in self._open and camera_id not in self._stopped
        if taken and not status.recording:
            status = self._status[camera_id] = RingStatus(True, self._clock.utc())
        path = camera_folder(self._root, camera_id) / STATUS_FILE
        content = status_bytes(status)
        try:
            if path.is_file() and path.read_bytes() == content:
                return
            replace_whole(path, content, durable=False)
        except OSError as error:
            _log.debug("the status of the recording could not be written", reason=error.strerror)


__all__ = ["QUEUE_BYTES", "RingWriter", "free_bytes_of"]
