"""A worker on its cores, second by second, as far as pacing sees it: who asks for how much
processor time, who gets it, and which frames are lost for want of it.

Decoding and analysis share the cores. While all that is asked for fits, all is done; otherwise
decoding gets at least half, as the kernel divides time among threads that all want it, and analysis
what is left. Frames that nobody has time for are lost, and pictures that are decoded late are old.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streams.pacing.pacer import Pace, PacedCamera, Pacer, PaceReason
from streams.pacing.turn_costs import FrameTotals, WorkerTurn
from vision.risk.readings import ZoneReading

# Near the limit frames are lost to queueing already.
_QUEUEING_FROM, _QUEUEING_LOSS = 0.93, 0.05
_INPUT_FPS = 25.0


@dataclass(slots=True)
class Plant:
    """A worker with these cameras.

    Attributes:
        decode_s: core-seconds of decoding one picture; 25 a second come.
        keyframes_share: of the decoding that is left when keyframes are enough; 1 where it is not.
        bunched_share: of it that is left when pictures are taken in bunches: 13 of 21 pictures with
            one key picture a second.
        frame_s: core-seconds of analysing one.
        others: cores that other programs take meanwhile.
        greedy: whether they take what the worker leaves besides, so that nothing is ever idle.
        wait_share: of its time the analysis thread waits for locks and cores, 0..1.
        device_s: so long it waits for the device that judges a frame, and uses no core.
        noise: relative scatter of the costs from second to second.
    """

    cameras: Mapping[str, PacedCamera]
    decode_s: float = 0.0015
    keyframes_share: float = 0.2
    bunched_share: float = 13 / 21
    frame_s: float = 0.011
    cores: float = 1.0
    others: float = 0.0
    greedy: bool = False
    overhead_s: float = 0.02
    wait_share: float = 0.0
    device_s: float = 0.0
    noise: float = 0.0
    seed: int = 0
    readings: dict[str, ZoneReading] = field(default_factory=dict)
    busy: float = 0.0
    lost: float = 0.0
    analysed_fps: dict[str, float] = field(default_factory=dict)
    paces: dict[str, Pace] = field(init=False)
    pacer: Pacer = field(init=False)
    _delivered: dict[str, float] = field(init=False)
    _superseded: dict[str, float] = field(init=False)
    _lag_s: float = 0.0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.pacer = Pacer(self.cameras)
        self.paces = {
            one: Pace(camera.full_fps, PaceReason.FULL) for one, camera in self.cameras.items()
        }
        self._random = random.Random(self.seed)
        # Cameras lose their whole frames at different times.
        self._delivered = {one: self._random.random() for one in self.cameras}
        self._superseded = {one: self._random.random() for one in self.cameras}

    def demand(self, fps_of: Callable[[str], float]) -> float:
        """Core-seconds a second at these rates, all told."""
        decoding = sum(self._decoding(one, fps_of(one)) for one in self.cameras)
        return decoding + self.frame_s * sum(map(fps_of, self.cameras)) + self.overhead_s

    @property
    def full_demand(self) -> float:
        """With every camera at its full rate."""
        return self.demand(lambda one: self.cameras[one].full_fps)

    @property
    def least_demand(self) -> float:
        """With every camera at its least rate."""
        return self.demand(lambda one: self.cameras[one].least_fps)

    def _decoding(self, camera_id: str, fps: float) -> float:
        thrifty = fps <= self.cameras[camera_id].least_fps and fps <= 1.0
        whole = self.decode_s * _INPUT_FPS
        if thrifty:
            return whole * self.keyframes_share
        return whole * self.bunched_share if self.pacer.bunched else whole

    def second(self) -> dict[str, float]:
        """One second, and then the rates for the next."""
        scatter = {one: self._scattered(1.0) for one in self.cameras}
        frame_s = self._scattered(self.frame_s)
        fps = {one: pace.fps for one, pace in self.paces.items()}
        decoding = {one: self._decoding(one, rate) * scatter[one] for one, rate in fps.items()}
        asked_decode, asked = sum(decoding.values()), sum(fps.values())
        cores = max(self.cores - self.others, 0.05)
        asked_analysis = asked * frame_s + self.overhead_s
        # One thread analyses: it cannot use more than one core, less what it waits.
        most_analysis = min(1.0 - self.wait_share, cores)
        done_analysis = min(asked_analysis, most_analysis, max(cores - asked_decode, cores / 2))
        if self.device_s:
            in_time = self.frame_s / (self.frame_s + self.device_s)
            done_analysis = min(done_analysis, in_time + self.overhead_s)
        done_decode = min(asked_decode, cores - done_analysis)
        played = done_decode / asked_decode if asked_decode else 1.0
        self._lag_s = 0.5 if played < 0.98 else 0.1
        delivered = {one: rate * played for one, rate in fps.items()}
        total = sum(delivered.values())
        analysed = min(total, max(done_analysis - self.overhead_s, 0.0) / frame_s)
        self.busy = (done_decode + done_analysis) / cores
        loss = 1.0 - analysed / total if total else 0.0
        if self.busy > _QUEUEING_FROM:
            loss = max(loss, _QUEUEING_LOSS * self._random.random())
        self.lost = loss
        for one, rate in delivered.items():
            self._delivered[one] += rate
            self._superseded[one] += rate * loss
        self.analysed_fps = {one: rate * (1.0 - loss) for one, rate in delivered.items()}
        turn = WorkerTurn(
            passed_s=1.0,
            spent_s=done_decode + done_analysis,
            idle_s=0.0 if self.greedy else max(cores - done_decode - done_analysis, 0.0),
            analysing_s=min(
                self._analysing_s(done_analysis, done_decode) + analysed * self.device_s, 1.0
            ),
            decoding_s={one: spent * played for one, spent in decoding.items()},
            frames={
                one: FrameTotals(round(self._delivered[one]), round(self._superseded[one]))
                for one in self.cameras
            },
            age_s=self._lag_s,
            others_s=self.cores - (done_decode + done_analysis) if self.greedy else self.others,
            cores=round(self.cores),
        )
        self.paces = self.pacer.turn(self.readings, turn)
        return {one: pace.fps for one, pace in self.paces.items()}

    def run(self, seconds: int) -> list[dict[str, float]]:
        """The rates after each of these seconds."""
        return [self.second() for _ in range(seconds)]

    def _analysing_s(self, analysis_s: float, decode_s: float) -> float:
        """Of the clock: on one core the thread is taken off it while others decode."""
        alone = 1.0 - (decode_s if round(self.cores) == 1 else self.wait_share)
        return min(analysis_s / max(alone, 1e-6), 1.0)

    def _scattered(self, value: float) -> float:
        return value * (1.0 + self.noise * (2.0 * self._random.random() - 1.0))


def school(stairs: int, others: int, fps: float = 5.0) -> dict[str, PacedCamera]:
    """So many cameras of each kind."""
    return {
        f"stair-{i}": PacedCamera(fps, (f"s{i}",), guards_stair=True) for i in range(stairs)
    } | {f"hall-{i}": PacedCamera(fps, (f"h{i}",), guards_stair=False) for i in range(others)}
