"""One camera: a decode thread that reconnects for ever, and a watchdog that judges it from outside.

There is at most one decode thread a camera: a blocked one comes back by FFmpeg's timeouts, and the
next connection is opened by the same thread. The watchdog (`check`) runs in another thread and
looks only at when the last picture came, so it sees a hung camera while the decode thread is still
blocked in it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from streams.backoff import Backoff, BackoffSettings
from streams.cameras.check import Arrivals
from streams.cameras.resolution import analysed_size_px
from streams.cameras.state import CameraStatus, SilenceLimits, after_silence
from streams.clock import Clock
from streams.decoding.sources import (
    Opener,
    Picture,
    Playback,
    SourceUri,
    Thrift,
    Timeouts,
    open_source,
)
from streams.decoding.tap import SourceTap
from streams.errors import EndOfStreamError, SourceError
from streams.pacing.sampling import DropCounts, Sampler
from streams.records import CameraState
from vision.geometry.camera import Camera
from vision.instants import Monotonic, Utc
from vision.observations import Frame

_log = structlog.get_logger(__name__)

# A connection that held this long was a good one: the next failure starts the waits anew.
_GOOD_CONNECTION_S = 10.0
# Reconnects may shift the anchor of capture time by a little; a larger step back is a real one.
_CAPTURE_STEP_BACK_S = 2.0
_REVIVE_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera as its loop needs it.

    Attributes:
        size_px: width and height for which the camera is calibrated; no picture is analysed
            larger.
        squeezed_px: size of a stream that shows the same view with pixels that are not square.
        analysed_fps: pictures a second that are analysed.
        repeat: a recording starts again at its end; otherwise it ends offline.
        view: pose and lens, for a source that is drawn instead of filmed.
        silence: limits of its own; `None` for those of the loop's settings.
        zone_ids: zones that it measures; pacing looks whether they are calm.
        guards_stair: one of them is a stair, so its rate is lowered last.
        phase: shifts its samples by this share of the time between two, so that the cameras of a
            worker are not analysed all at once; `None` counts from the first picture.
        opens_after_s: its first connection waits so long, for the same reason.
    """

    id: str
    uri: SourceUri
    size_px: tuple[int, int]
    analysed_fps: float = 5.0
    repeat: bool = False
    view: Camera | None = None
    silence: SilenceLimits | None = None
    zone_ids: tuple[str, ...] = ()
    guards_stair: bool = False
    squeezed_px: tuple[int, int] | None = None
    phase: float | None = None
    opens_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Times of a camera loop; the defaults meet killed 1 s, hung 5 s, back within 10 s."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    silence: SilenceLimits = field(default_factory=SilenceLimits)
    backoff: BackoffSettings = field(default_factory=BackoffSettings)


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a loop sends what it finds; both are called from several threads and must be quick.

    Attributes:
        deliver: takes a sampled frame; returns whether it replaced one that nobody had taken.
        report: takes each new status.
    """

    deliver: Callable[[Frame], bool]
    report: Callable[[CameraStatus], None]


class CameraLoop:
    """Keeps one camera playing until it is stopped."""

    def __init__(
        self,
        spec: CameraSpec,
        *,
        opener: Opener,
        clock: Clock,
        outlets: Outlets,
        settings: LoopSettings | None = None,
        random_source: random.Random | None = None,
        tap: SourceTap | None = None,
    ) -> None:
        self.spec = spec
        self.drops = DropCounts()
        self._opener = opener
        self._clock = clock
        self._outlets = outlets
        self._tap = tap
        self._thrift = Thrift()
        self._settings = settings or LoopSettings()
        self._silence = spec.silence or self._settings.silence
        self._backoff = Backoff(self._settings.backoff, random_source or random.Random())
        self._stop = threading.Event()
        self._fps, self._bunched = spec.analysed_fps, False
        self._sampler = Sampler(self._fps, spec.phase)
        self._sequence = 0
        self._last_captured = Utc(0)
        self._lock = threading.Lock()
        now = clock.utc()
        self._status = CameraStatus(spec.id, CameraState.STARTING, since=now, at=now)
        self._last_sign: Monotonic = clock.monotonic()
        self._thread: threading.Thread | None = None
        self._ended = False
        self._cpu_s = self._cpu_before_s = self._held_s = 0.0

    @property
    def status(self) -> CameraStatus:
        with self._lock:
            return self._status

    def counts(self) -> Mapping[str, int]:
        """Pictures that were not analysed, by cause, and how many were."""
        return {**self.drops.snapshot(), "delivered": self._sequence}

    @property
    def started(self) -> bool:
        """Whether its decode thread was ever started."""
        return self._thread is not None

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the decode thread has used, up to its newest picture."""
        return self._cpu_s

    @property
    def held_s(self) -> float:
        """For how long its newest picture was held back until the next one came."""
        return self._held_s

    def arrivals(self) -> Arrivals:
        """Pictures that came so far, analysed or not."""
        dropped = self.drops.snapshot()
        unused = dropped.get("not_sampled", 0) + dropped.get("not_decoded", 0)
        return Arrivals(unused + self._sequence)

    def pace(
        self, fps: float, *, calm: bool = False, short: bool = False, bunched: bool = False
    ) -> None:
        """Analyse `fps` pictures a second from the next picture on, `bunched` or evenly.

        `calm` and `short` (of time) let the source decode keyframes only, where they come about
        once a second, or for `short` at least so often; full rate comes back with the next packet.
        """
        self._thrift.calm, self._thrift.short = calm, short
        if (fps, bunched) != (self._fps, self._bunched):
            self._fps, self._bunched = fps, bunched
            # Replaced whole: the decode thread takes a picture by the old one or by the new one.
            self._sampler = self._sampler.at_rate(fps, bunched=bunched)

    def start(self) -> None:
        with self._lock:
            self._last_sign = self._clock.monotonic()
            self._outlets.report(self._status)
        self._launch()

    def stop(self) -> None:
        """Ask the loop to end; a wait for the next attempt ends at once."""
        self._stop.set()

    def join(self, seconds: float) -> bool:
        """Wait for the decode thread; `False` when FFmpeg still holds it after `seconds`."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def check(self) -> CameraStatus:
        """The watchdog's look, about four times a second, from outside the decode thread."""
        now = self._clock.monotonic()
        with self._lock:
            silent_s = now - self._last_sign
            self._settle(after_silence(self._status, silent_s, self._clock.utc(), self._silence))
            status = self._status
        if self._is_dead() and silent_s > _REVIVE_AFTER_S:
            self._revive()
        return status

    def run(self) -> None:
        """The decode thread: play, and after each failure wait and try again."""
        # A thread that is started anew counts its CPU time from zero.
        self._cpu_before_s = self._cpu_s
        if self.spec.opens_after_s:
            self._clock.wait(self._stop, self.spec.opens_after_s)
        while not self._stop.is_set():
            opened_at = self._clock.monotonic()
            try:
                self._play()
                failure: SourceError = self._end_of_stream()
            except SourceError as error:
                failure = error
            if self._stop.is_set():
                return
            if isinstance(failure, EndOfStreamError) and self._after_end(opened_at):
                continue
            self._fail(failure)
            if self._ended:
                return
            if self._clock.monotonic() - opened_at > _GOOD_CONNECTION_S:
                self._backoff.reset()
            self._clock.wait(self._stop, self._backoff.next_wait_s(failure.retry_floor_s))

    def _play(self) -> None:
        playback = Playback(
            clock=self._clock,
            stop=self._stop,
            tap=self._tap,
            thrift=self._thrift,
            wants=lambda captured_at, anew: self._sampler.wants(captured_at, anew=anew),
        )
        corrupt = undecoded = 0
        with open_source(
            self.spec.uri,
            opener=self._opener,
            timeouts=self._settings.timeouts,
            playback=playback,
        ) as source:
            for picture in source.pictures():
                self._take(picture)
                self._cpu_s = self._cpu_before_s + time.thread_time()
                if source.corrupt > corrupt:
                    self.drops.add("corrupt", source.corrupt - corrupt)
                    corrupt = source.corrupt
                if source.undecoded > undecoded:
                    self.drops.add("not_decoded", source.undecoded - undecoded)
                    undecoded = source.undecoded
                if self._stop.is_set():
                    return

    def _take(self, picture: Picture) -> None:
        size_px = analysed_size_px(
            picture.raw.size_px,
            self.spec.size_px,
            where=str(self.spec.uri),
            squeezed_px=self.spec.squeezed_px,
        )
        self._alive(picture.captured_at.plus(picture.held_s))
        self._held_s = picture.held_s
        captured_at = self._in_order(picture.captured_at)
        if not self._sampler.take(captured_at):
            self.drops.add("not_sampled")
            return
        frame = Frame(self.spec.id, self._sequence, captured_at, picture.raw.bgr(size_px))
        self._sequence += 1
        if self._outlets.deliver(frame):
            self.drops.add("superseded")

    def _in_order(self, captured_at: Utc) -> Utc:
        """Capture time across reconnects: small steps back are held, large ones start anew."""
        behind_s = self._last_captured - captured_at
        if 0.0 < behind_s <= _CAPTURE_STEP_BACK_S:
            captured_at = self._last_captured
        elif behind_s > _CAPTURE_STEP_BACK_S:
            self._sampler = Sampler(self._fps, self.spec.phase, bunched=self._bunched)
        self._last_captured = captured_at
        return captured_at

    def _alive(self, sent_at: Utc) -> None:
        """Note that the camera sent something at `sent_at`: a picture, or the next one for which it
        was held back.

        An old picture is no sign of life: FFmpeg hands out one that it held back when a hung
        connection runs into its timeout.
        """
        with self._lock:
            now = self._clock.utc()
            age_s = max(now - sent_at, 0.0)
            self._last_sign = max(self._last_sign, self._clock.monotonic().plus(-age_s))
            fresh = age_s < self._silence.stalled_s
            if fresh and self._status.state is not CameraState.LIVE:
                self._settle(self._status.moved(CameraState.LIVE, now))

    def _fail(self, failure: SourceError) -> None:
        with self._lock:
            self._settle(
                self._status.moved(
                    CameraState.OFFLINE, self._clock.utc(), failure.cause, str(failure)
                )
            )

    def _settle(self, status: CameraStatus) -> None:
        """Adopt `status` (the lock is held, so that reports leave in order) and tell news once."""
        if status is self._status:
            return
        news = not self._status.same_news(status)
        self._status = status
        if news:
            _log.info(
                "camera state",
                camera=status.camera_id,
                state=status.state.value,
                cause=status.cause,
                detail=status.detail,
            )
            self._outlets.report(status)

    def _end_of_stream(self) -> EndOfStreamError:
        return EndOfStreamError(
            str(self.spec.uri), "the recording was played to its end", "name another recording"
        )

    def _after_end(self, opened_at: Monotonic) -> bool:
        """Whether to play a recording again at once; one without pictures waits like a failure."""
        self._ended = not self.spec.repeat
        return self.spec.repeat and self._last_sign > opened_at

    def _is_dead(self) -> bool:
        thread = self._thread
        dead = thread is not None and not thread.is_alive()
        return dead and not self._ended and not self._stop.is_set()

    def _revive(self) -> None:
        """Start the decode thread again after a fault in this program ended it."""
        self.drops.add("decode_thread_restarted")
        _log.error("decode thread ended without a reason; started again", camera=self.spec.id)
        with self._lock:
            self._last_sign = self._clock.monotonic()
        self._launch()

    def _launch(self) -> None:
        self._thread = threading.Thread(target=self.run, name=f"decode-{self.spec.id}", daemon=True)
        self._thread.start()


__all__ = ["CameraLoop", "CameraSpec", "LoopSettings", "Outlets"]
