"""Camera health on real footage: recall of drawn faults, and false events on ordinary video.

    python -m benchmarks.camera_health [--half held-out] [--part both] [--hours 960] [--trials 5]
        [--json]

Footage: `benchmarks.health_footage`; the held-out half unless `--half training` is asked for. One
picture every 10 s of simulated time, as the workers look. Faults are drawn onto the footage after
a healthy start, by day and by infrared, with strengths, sides and directions of their own for
each trial. Ordinary video plays the footage to and fro under a daily course of light with clouds,
lamps that switch, day/infrared switches at dusk and dawn, and somebody close before the lens for
up to 20 s about once an hour.

The hours of ordinary video are replayed: the same pictures come again under other light and in
other order, and a picture under nearly the same light is measured once. So many hours of a replay
say less than as many hours of a camera. The scenes are not school footage. Where a baseline says
that it cannot tell movement or a cover, those faults are not drawn and the scene is named.

Targets: recall at least 95 % within 60 s for each kind; at most 0.1 false events a camera-day over
at least 48 h. The interval of the rate is the exact Poisson one (95 %).
"""

from __future__ import annotations

import math
import re
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.stats import binomtest, chi2

from benchmarks.health_footage import (
    DAY_S,
    Picture,
    Scene,
    Weather,
    course_of_light,
    held_out_scenes,
    passed_by,
    seen_in,
    to_and_fro,
    training_scenes,
)
from benchmarks.report import EXIT_TARGET_MISSED, Report, parser
from vision.health.features import (
    Baseline,
    Comparison,
    Features,
    Mode,
    compare,
    features_of,
    learn_baseline,
)
from vision.health.picture import Fault, HealthEvent, HealthSample, HealthState, advance
from vision.instants import Utc

PERIOD_S = 10.0
DELAY_S = 60.0
LEAST_HOURS = 48.0
_LEARN_FROM = 15
_PASSES_PER_H = 1.0
_NO_GREY = np.zeros((1, 1), np.uint8)
Baselines = Mapping[Mode, Baseline]
Spoil = Callable[[Picture], Picture]


class Watch:
    """One camera under observation, with baselines learnt from its own healthy pictures."""

    def __init__(self, baselines: Baselines) -> None:
        self.baselines = baselines
        self.state = HealthState()

    def measured(self, picture: Picture) -> tuple[Features, Comparison | None]:
        features = features_of(picture)
        baseline = self.baselines.get(features.mode)
        return features, compare(features, baseline) if baseline else None

    def take(
        self, t_s: float, features: Features, comparison: Comparison | None
    ) -> tuple[HealthEvent, ...]:
        baseline = self.baselines.get(features.mode)
        sample = HealthSample(Utc(round(t_s * 1e9)), features, comparison, baseline, 50)
        self.state, events = advance(self.state, sample)
        return events


def learnt(scene: Scene, rng: np.random.Generator) -> Baselines:
    """Baselines of both modes from 15 healthy pictures each, under middling light."""
    found = {}
    spread = np.linspace(0, len(scene.pictures) - 1, _LEARN_FROM).astype(int)
    for infrared in (False, True):
        light = Weather(0.85, infrared)
        samples = [features_of(seen_in(scene.pictures[i], light, rng)) for i in spread]
        # A grey place looks infrared by day too; its camera then has one baseline for both.
        mode = Counter(sample.mode for sample in samples).most_common(1)[0][0]
        if mode not in found:
            found[mode] = learn_baseline([s for s in samples if s.mode is mode])
    return found


def _moved(share: float, turn_deg: float, rng: np.random.Generator) -> Spoil:
    """Shifted by a share of the width in a random direction, or turned in the picture."""
    heading = float(rng.uniform(0, 2 * math.pi))
    side = 1.0 if rng.random() < 0.5 else -1.0

    def spoil(picture: Picture) -> Picture:
        rows, columns = picture.shape[:2]
        matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), side * turn_deg, 1.0)
        matrix[:, 2] += share * columns * np.array([math.cos(heading), math.sin(heading)])
        moved = cv2.warpAffine(picture, matrix, (columns, rows), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, dtype=np.uint8)

    return spoil


def _covered(share: float, rng: np.random.Generator) -> Spoil:
    """A plain cover over a share of the picture, from any side, of any grey from 20 to 200.

    A whole one is no darker than 60: black all over is found as "dark", since nothing in such a
    picture tells a cover from a lamp that is out.
    """
    grey = int(rng.integers(60 if share > 0.9 else 20, 201))
    quarter = int(rng.integers(4))

    def spoil(picture: Picture) -> Picture:
        turned = np.rot90(picture, quarter).copy()
        turned[: math.ceil(share * turned.shape[0])] = grey
        return np.ascontiguousarray(np.rot90(turned, -quarter))

    return spoil


def _elsewhere(rng: np.random.Generator) -> Spoil:
    """The camera was knocked round: half of its picture, mirrored and enlarged, as another view."""
    left, flip = bool(rng.integers(2)), int(rng.integers(2))

    def spoil(picture: Picture) -> Picture:
        rows, columns = picture.shape[:2]
        half = picture[:, : columns // 2] if left else picture[:, columns // 2 :]
        return np.asarray(cv2.resize(cv2.flip(half, flip), (columns, rows)), dtype=np.uint8)

    return spoil


def _blurred(sigma_px: float) -> Spoil:
    return lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), dtype=np.uint8)


def _darkened(picture: Picture) -> Picture:
    return np.asarray(picture // 16, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A kind of fault and how it is drawn in one trial.

    Attributes:
        also: another fault whose event counts as well: either says that the view is gone.
        far: needs a baseline with many landmarks.
    """

    name: str
    fault: Fault
    draw: Callable[[np.random.Generator], Spoil]
    also: Fault | None = None
    far: bool = False

    def judged_on(self, baselines: Baselines) -> bool:
        """Whether the baselines themselves say that they could tell it."""
        each = baselines.values()
        if self.far:
            return all(baseline.watches_turning for baseline in each)
        if self.fault is Fault.MOVED:
            return all(baseline.watches_movement for baseline in each)
        return self.fault is not Fault.COVERED or all(one.watches_cover for one in each)


FAULTS: tuple[Drawn, ...] = (
    Drawn("covered, half", Fault.COVERED, lambda rng: _covered(0.5, rng)),
    Drawn("covered, half to all", Fault.COVERED, lambda rng: _covered(rng.uniform(0.5, 1.0), rng)),
    Drawn("covered, whole", Fault.COVERED, lambda rng: _covered(1.0, rng)),
    Drawn("moved 4 % of width", Fault.MOVED, lambda rng: _moved(0.04, 0.0, rng)),
    Drawn("moved 4 to 15 %", Fault.MOVED, lambda rng: _moved(rng.uniform(0.04, 0.15), 0.0, rng)),
    Drawn(
        "moved 15 to 60 %, told as moved or covered",
        Fault.MOVED,
        lambda rng: _moved(rng.uniform(0.15, 0.6), 0.0, rng),
        Fault.COVERED,
        far=True,
    ),
    Drawn(
        "turned away, told as moved or covered", Fault.MOVED, _elsewhere, Fault.COVERED, far=True
    ),
    Drawn("turned 5 degrees", Fault.MOVED, lambda rng: _moved(0.0, 5.0, rng)),
    Drawn("blurred, sigma 3", Fault.BLURRED, lambda _rng: _blurred(3.0)),
    Drawn("blurred, sigma 3 to 8", Fault.BLURRED, lambda rng: _blurred(rng.uniform(3.0, 8.0))),
    Drawn("dark", Fault.DARK, lambda _rng: _darkened),
    Drawn("frozen", Fault.FROZEN, lambda _rng: lambda picture: picture),
)


def trial(
    scene: Scene, baselines: Baselines, drawn: Drawn, infrared: bool, rng: np.random.Generator
) -> float | None:
    """Seconds until the drawn fault was found; `None` when it was not within 60 s."""
    watch, spoil = Watch(baselines), drawn.draw(rng)
    places = to_and_fro(len(scene.pictures), int(rng.integers(0, 1000)))
    light = Weather(float(rng.uniform(0.6, 1.1)), infrared)
    t_s = 0.0

    def next_picture() -> Picture:
        return scene.pictures[next(places)]

    for _ in range(6):
        watch.take(t_s, *watch.measured(seen_in(next_picture(), light, rng)))
        t_s += PERIOD_S
    start_s = t_s - PERIOD_S + float(rng.uniform(0.1, PERIOD_S))
    stuck = seen_in(next_picture(), light, rng)
    while t_s - start_s <= DELAY_S:
        still = drawn.fault is Fault.FROZEN
        picture = stuck if still else seen_in(spoil(next_picture()), light, rng)
        for event in watch.take(t_s, *watch.measured(picture)):
            if event.opened and event.fault in (drawn.fault, drawn.also):
                return t_s - start_s
        t_s += PERIOD_S
    return None


class Ordinary:
    """One camera's ordinary days; what was measured once under equal light is not drawn again."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        self._scene, self._rng = scene, rng
        self._watch = Watch(learnt(scene, rng))
        self._known: dict[tuple[int, Weather, bool], tuple[Features, Comparison | None]] = {}

    def events(self, hours: float) -> Counter[str]:
        """Faults that opened over so many hours."""
        light, most_gain = course_of_light(self._rng), self._scene.most_gain
        places = to_and_fro(len(self._scene.pictures), 0)
        start_s = float(self._rng.uniform(0, DAY_S))
        found: Counter[str] = Counter()
        passing = 0
        for index in range(round(hours * 3600 / PERIOD_S)):
            t_s = start_s + index * PERIOD_S
            passing = max(0, passing - 1)
            if self._rng.random() < _PASSES_PER_H * PERIOD_S / 3600:
                passing = int(self._rng.integers(1, 3))
            key = (next(places), light(t_s).in_steps(most_gain), passing > 0)
            events = self._watch.take(t_s, *self._measured(*key))
            found.update(event.fault.value for event in events if event.opened)
        return found

    def _measured(
        self, place: int, light: Weather, passing: bool
    ) -> tuple[Features, Comparison | None]:
        key = (place, light, passing)
        if key not in self._known:
            picture = self._scene.pictures[place]
            picture = passed_by(picture) if passing else picture
            features, comparison = self._watch.measured(seen_in(picture, light, self._rng))
            self._known[key] = (replace(features, grey=_NO_GREY), comparison)
        return self._known[key]

    @property
    def pictures_measured(self) -> int:
        return len(self._known)


def poisson_interval(events: int, days: float) -> tuple[float, float]:
    """Exact 95 % interval of the rate a day."""
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    return float(low) / days, float(chi2.ppf(0.975, 2 * events + 2)) / 2 / days


def _key(drawn: Drawn) -> str:
    """The kind's name as a key: lower-case words joined by underscores."""
    return "_".join(re.findall(r"[a-z0-9]+", drawn.name.lower()))


def measure_recall(scenes: Sequence[Scene], trials: int, report: Report) -> bool:
    """Recall for each kind of fault over all scenes, both modes."""
    baselines = {
        scene.name: learnt(scene, np.random.default_rng([report.seed, index]))
        for index, scene in enumerate(scenes)
    }
    for drawn in FAULTS:
        left_out = [name for name, found in baselines.items() if not drawn.judged_on(found)]
        if left_out:
            why = "the baselines say that they cannot tell it"
            report.row(f"{drawn.name} not judged: {', '.join(left_out)}", why, "-")
        report.figures[f"scenes_not_judged_{_key(drawn)}"] = len(left_out)
    by_fault: dict[Fault, list[float | None]] = {}
    for drawn in FAULTS:
        delays = [
            trial(scene, baselines[scene.name], drawn, infrared, _seeded(report, drawn, s, i))
            for s, scene in enumerate(scenes)
            for i in range(trials)
            for infrared in (False, True)
            if drawn.judged_on(baselines[scene.name])
        ]
        by_fault.setdefault(drawn.fault, []).extend(delays)
        found = [delay for delay in delays if delay is not None]
        slowest = f"{max(found):.0f} s" if found else "-"
        report.figures[f"trials_{_key(drawn)}"] = len(delays)
        report.figures[f"found_{_key(drawn)}"] = len(found)
        _tell(report, f"recall: {drawn.name}", f"{len(found)} / {len(delays)}, slowest {slowest}")
    held = [_recall_row(fault, delays, report) for fault, delays in by_fault.items()]
    return all(held)


def _tell(report: Report, what: str, found: str) -> None:
    """A row of the table, and at once a line of progress: the whole takes minutes."""
    report.row(what, found, "")
    print(f"{what}: {found}", file=sys.stderr, flush=True)


def _seeded(report: Report, drawn: Drawn, scene: int, number: int) -> np.random.Generator:
    return np.random.default_rng([report.seed, zlib.crc32(drawn.name.encode()), scene, number])


def _recall_row(fault: Fault, delays: Sequence[float | None], report: Report) -> bool:
    hits = sum(delay is not None for delay in delays)
    interval = binomtest(hits, len(delays)).proportion_ci(0.95)
    report.figures[f"recall_{fault.value}_share"] = hits / len(delays)
    report.figures[f"recall_{fault.value}_low_share"] = float(interval.low)
    report.figures[f"recall_{fault.value}_trials"] = len(delays)
    report.row(
        f"recall of {fault.value} within 60 s",
        f"{hits / len(delays):.1%} (95 % interval {interval.low:.1%}..{interval.high:.1%})",
        ">= 95 %",
    )
    return hits / len(delays) >= 0.95


def measure_false(scenes: Sequence[Scene], hours: float, report: Report) -> bool:
    """False events a camera-day over ordinary video, shared out between the scenes."""
    total: Counter[str] = Counter()
    pictures = 0
    cpu_s = time.process_time()
    for index, scene in enumerate(scenes):
        camera = Ordinary(scene, np.random.default_rng([report.seed, 999, index]))
        found = camera.events(hours / len(scenes))
        pictures += camera.pictures_measured
        total += found
        _tell(report, f"ordinary video: {scene.name}", str(dict(found) or "no event"))
    cpu_s = time.process_time() - cpu_s
    days = hours / 24
    rate, (low, high) = total.total() / days, poisson_interval(total.total(), days)
    report.figures |= {
        "ordinary_camera_hours": hours,
        "different_pictures_measured": pictures,
        "cpu_per_picture_ms": 1e3 * cpu_s / pictures,
        "false_events": total.total(),
        "false_events_per_camera_day": rate,
        "false_events_per_camera_day_low": low,
        "false_events_per_camera_day_high": high,
    }
    report.row(
        f"false events over {hours:.0f} camera-hours, {pictures} different pictures",
        f"{total.total()}: {rate:.3f} a day (95 % interval {low:.3f}..{high:.3f})",
        "<= 0.1",
    )
    # With what it takes to draw it: light, noise and compression.
    report.row("CPU time a picture, drawn and judged", f"{1e3 * cpu_s / pictures:.1f} ms", "-")
    # A shorter run may be printed, but it shows nothing about the target.
    return rate <= 0.1 and hours >= LEAST_HOURS


def main() -> None:
    arguments_parser = parser("Camera health: recall of drawn faults, false events.", seed=1)
    arguments_parser.add_argument("--half", choices=("held-out", "training"), default="held-out")
    arguments_parser.add_argument("--part", choices=("both", "recall", "false"), default="both")
    arguments_parser.add_argument("--hours", type=float, default=960.0)
    arguments_parser.add_argument("--trials", type=int, default=5)
    arguments = arguments_parser.parse_args()
    cv2.setNumThreads(1)
    scenes = held_out_scenes() if arguments.half == "held-out" else training_scenes()
    # Each half has fault seeds of its own.
    seed = arguments.seed + (1000 if arguments.half == "held-out" else 0)
    report = Report("camera_health", seed, packages=("numpy", "opencv-python", "av"))
    report.figures["half"] = arguments.half
    holds = True
    if arguments.part != "false":
        holds &= measure_recall(scenes, arguments.trials, report)
    if arguments.part != "recall":
        holds &= measure_false(scenes, arguments.hours, report)
    report.publish(as_json=arguments.json)
    if not holds:
        raise SystemExit(EXIT_TARGET_MISSED)


if __name__ == "__main__":
    main()
