"""Looks at one camera's pictures every few seconds of capture time: faults, baselines, suspension.

    learning --15 healthy pictures of a mode--> baseline --a person confirms--> confirmed
    calibrated --the camera moved--> suspended --a person confirms--> calibrated

A baseline is learnt once for each mode and never moves by itself: a camera that turns by and by
would teach it its own fault. A camera that was moved measures the wrong place, so its zones stay
UNKNOWN until a person has looked. Used by the analysis thread alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from streams.cameras.health_memory import HealthMemory, Remembered
from streams.pictures.drawing import encode_jpeg
from vision.arrays import UInt8Array
from vision.geometry.camera import Camera, Pose
from vision.health.fault_course import Fault, HealthEvent
from vision.health.features import (
    Baseline,
    Comparison,
    Features,
    Mode,
    compare,
    features_of,
    learn_baseline,
)
from vision.health.picture import HealthSample, HealthState, advance
from vision.health.stream import StreamSample, StreamState, advance_stream
from vision.instants import Utc
from vision.observations import Frame
from vision.pose.observed import observed_pose

CHECK_EVERY_S = 10.0
LEARN_FROM = 15
_TELL_AGAIN_S = 60.0
_PICTURE_WIDTH_PX = 320
# Smaller pictures say nothing of sharpness, and no camera sends them.
_LEAST_PX = 64
_WHOLLY_HIDING = (Fault.FROZEN,)
_HIDES_LOW_LEVELS = (Fault.COVERED, Fault.BLURRED, Fault.GLARE)
# A picture that is dark or burnt out teaches nothing of how the camera looks when it is well.
_DARK, _BURNT = 0.09, 0.4


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Counts since the camera's loop began; they only grow.

    Attributes:
        bytes_read: of its stream; `None` where it is not counted.
    """

    pictures: int = 0
    bytes_read: int | None = None


@dataclass(frozen=True, slots=True)
class CheckedCamera:
    """A camera as its check needs it.

    Attributes:
        view: pose and lens, to say where it looks after it was moved; `None` without one.
        live: whether its rates mean anything: a recording plays at its own speed.
    """

    id: str
    view: Camera | None = None
    live: bool = True


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that stands, with its newest numbers."""

    fault: Fault
    since: Utc
    measured: float
    limit: float


@dataclass(frozen=True, slots=True)
class Learnt:
    """A baseline that was just learnt and waits for a person's look."""

    mode: Mode
    at: Utc
    landmarks: int
    watches_movement: bool
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Checkup:
    """What is told of a camera's health: all faults that stand, not only what changed.

    Attributes:
        observed: where the camera looks while it counts as moved.
        suspended_since: since when its calibration does not hold; `None` while it does.
        jpeg: the small picture behind a fault that has just opened; empty otherwise.
    """

    camera_id: str
    at: Utc
    mode: Mode
    faults: tuple[OpenFault, ...]
    suspended_since: Utc | None
    observed: Pose | None = None
    learnt: Learnt | None = None
    jpeg: bytes = b""


@dataclass(frozen=True, slots=True)
class Hiding:
    """Why a camera's readings cannot be believed.

    Attributes:
        cause: catalogue key.
        whole: no reading counts; otherwise only the low ones: what is seen of a crowd through a
            half-covered lens is still a crowd.
    """

    cause: str
    whole: bool


@dataclass(frozen=True, slots=True)
class SideNumbers:
    """What others know of a camera's stream; each gives `None` while it does not know.

    Attributes:
        clock_offset_s: camera clock less this machine's, by camera id.
        recording_gap_s: the newest gap in the recorder's index, by camera id.
        count_doubt: by which share another count of the camera's people differs.
    """

    clock_offset_s: Callable[[str], float | None] = lambda _camera_id: None
    recording_gap_s: Callable[[str], float | None] = lambda _camera_id: None
    count_doubt: Callable[[str], float | None] = lambda _camera_id: None


class CameraCheck:
    """The check of one camera."""

    def __init__(
        self,
        camera: CheckedCamera,
        memory: HealthMemory,
        arrivals: Callable[[], Arrivals] = Arrivals,
        side: SideNumbers | None = None,
    ) -> None:
        self._camera = camera
        self._memory = memory
        self._arrivals = arrivals
        self._side = side or SideNumbers()
        self._kept: Remembered = memory.load(camera.id)
        self._picture, self._stream = HealthState(), StreamState()
        self._numbers: dict[Fault, OpenFault] = {}
        self._learning: dict[Mode, list[Features]] = {}
        self._last: tuple[Utc, Arrivals] | None = None
        self._told_at: Utc | None = None
        self._sequence = -1
        self._observed: Pose | None = None

    @property
    def hiding(self) -> Hiding | None:
        """Why the camera's readings cannot be believed now; `None` while they can."""
        if self._kept.suspended_since is not None:
            return Hiding(Fault.MOVED.value, whole=True)
        for faults, whole in ((_WHOLLY_HIDING, True), (_HIDES_LOW_LEVELS, False)):
            for fault in faults:
                if fault in self._numbers:
                    return Hiding(fault.value, whole)
        return None

    def look(self, frame: Frame) -> Checkup | None:
        """Judge a picture when its turn has come; what is to be told, or `None`."""
        at = frame.captured_at
        if self._last is not None and 0.0 <= at - self._last[0] < CHECK_EVERY_S:
            return None
        if min(frame.image_bgr.shape[:2]) < _LEAST_PX:
            return None
        features = features_of(frame.image_bgr)
        baseline = self._fitting(features)
        found = compare(features, baseline) if baseline is not None else None
        # A recording may well hold equal pictures: only a camera that sends them is frozen.
        arrived = max(0, frame.sequence - self._sequence) if self._camera.live else 0
        sample = HealthSample(at, features, found, baseline, arrived)
        self._sequence = frame.sequence
        self._picture, picture_events = advance(self._picture, sample)
        stream_events = self._look_at_stream(at)
        opened = self._note((*picture_events, *stream_events))
        self._note_movement(found, opened, at)
        learnt = self._learn(features, baseline, at)
        due = self._told_at is None or at - self._told_at >= _TELL_AGAIN_S
        if not (due or picture_events or stream_events or learnt):
            return None
        self._told_at = at
        jpeg = _small_jpeg(frame.image_bgr) if opened else b""
        return self._checkup(at, features.mode, learnt=learnt, jpeg=jpeg)

    def resume(self) -> None:
        """A person has confirmed the calibration. A view that is still another is learnt anew."""
        kept = replace(self._kept, suspended_since=None)
        if Fault.MOVED in self._numbers:
            kept = self._forget(kept)
        self._keep(kept)

    def relearn(self) -> None:
        """A person wants the baselines learnt anew, after a change on purpose."""
        self._keep(self._forget(self._kept))

    def confirm(self, mode: Mode, learnt_at: Utc, name: str) -> None:
        """A person found the baseline right; an order for an earlier one changes nothing."""
        baseline = self._kept.baselines.get(mode)
        if baseline is not None and self._kept.learnt_at[mode] == learnt_at:
            confirmed = replace(baseline, confirmed_by=name)
            self._keep(self._kept.with_baseline(confirmed, learnt_at))

    def _fitting(self, features: Features) -> Baseline | None:
        """The baseline of the picture's mode; one of another picture size is forgotten."""
        baseline = self._kept.baselines.get(features.mode)
        if baseline is None:
            return None
        if features.grey.shape != (baseline.height_px, baseline.width_px):
            self._keep(self._forget(self._kept))
            return None
        return baseline

    def _look_at_stream(self, at: Utc) -> tuple[HealthEvent, ...]:
        now, last = self._arrivals(), self._last
        self._last = (at, now)
        fps = bitrate = None
        if last is not None and self._camera.live and at > last[0]:
            passed_s = at - last[0]
            fps = (now.pictures - last[1].pictures) / passed_s
            if now.bytes_read is not None and last[1].bytes_read is not None:
                bitrate = (now.bytes_read - last[1].bytes_read) * 8e-3 / passed_s
        sample = StreamSample(
            at,
            fps,
            bitrate,
            self._side.clock_offset_s(self._camera.id),
            self._side.recording_gap_s(self._camera.id),
            self._side.count_doubt(self._camera.id),
        )
        self._stream, events = advance_stream(self._stream, sample)
        return events

    def _note(self, events: tuple[HealthEvent, ...]) -> bool:
        """Keep the numbers of what opened, forget what closed; whether anything opened."""
        for event in events:
            if event.opened:
                self._numbers[event.fault] = OpenFault(
                    event.fault, event.since, event.measured, event.limit
                )
            else:
                self._numbers.pop(event.fault, None)
        return any(event.opened for event in events)

    def _note_movement(self, found: Comparison | None, opened: bool, at: Utc) -> None:
        moved = self._numbers.get(Fault.MOVED)
        if moved is None:
            self._observed = None
            return
        if self._picture.away_since is not None:
            # It looks where nothing of its view is: what it was seen to show before is gone too.
            self._observed = None
        elif found is not None and found.shift is not None and self._camera.view is not None:
            self._observed = observed_pose(self._camera.view, found.shift)
        if opened and self._kept.suspended_since is None and moved.since <= at:
            self._keep(replace(self._kept, suspended_since=moved.since))

    def _learn(self, features: Features, baseline: Baseline | None, at: Utc) -> Learnt | None:
        well = features.luminance > _DARK and features.glare_share < _BURNT
        if baseline is not None or not well or Fault.FROZEN in self._numbers:
            return None
        samples = self._learning.setdefault(features.mode, [])
        if samples and samples[0].grey.shape != features.grey.shape:
            samples.clear()
        samples.append(features)
        if len(samples) < LEARN_FROM:
            return None
        made = learn_baseline(samples)
        self._learning.pop(features.mode)
        self._keep(self._kept.with_baseline(made, at))
        return Learnt(
            features.mode,
            at,
            len(made.points_uv_px),
            made.watches_movement,
            encode_jpeg(features.grey, 70),
        )

    def _forget(self, kept: Remembered) -> Remembered:
        self._learning.clear()
        self._picture = HealthState()
        for fault in (Fault.MOVED, Fault.COVERED, Fault.BLURRED, Fault.NOISY):
            self._numbers.pop(fault, None)
        return kept.without_baselines()

    def _keep(self, kept: Remembered) -> None:
        self._kept = kept
        # The next look tells how things stand now.
        self._told_at = None
        self._memory.save(self._camera.id, kept)

    def _checkup(self, at: Utc, mode: Mode, *, learnt: Learnt | None, jpeg: bytes) -> Checkup:
        return Checkup(
            self._camera.id,
            at,
            mode,
            tuple(self._numbers.values()),
            self._kept.suspended_since,
            self._observed,
            learnt,
            jpeg,
        )


def _small_jpeg(image_bgr: UInt8Array) -> bytes:
    """The picture 320 px wide: enough to see what is wrong, too little for faces."""
    step = max(1, image_bgr.shape[1] // _PICTURE_WIDTH_PX)
    return encode_jpeg(image_bgr[::step, ::step], 70)


__all__ = [
    "CHECK_EVERY_S",
    "LEARN_FROM",
    "Arrivals",
    "CameraCheck",
    "CheckedCamera",
    "Checkup",
    "Hiding",
    "Learnt",
    "OpenFault",
    "SideNumbers",
]
