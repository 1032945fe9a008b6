"""Camera health on real footage: recall of synthetic faults, and false events on ordinary video.

    python -m benchmarks.camera_health [--hours 48] [--trials 3] [--json]

Footage: the clips in ../shared/data/video, played to and fro without end, one picture every 10 s
of simulated time. Ordinary video adds sensor noise, a daily course of light with clouds, lamps
that switch, and day/infrared switches at dusk and dawn. Faults are drawn onto the same footage
after a healthy start. Only these four scenes are measured; they are not school footage.
Where a baseline says that it cannot watch movement, moved cameras are not drawn and the clip is
named.

Targets: recall at least 95 % within 60 s for each kind; at most 0.1 false events a camera-day.
The interval of the false event rate is the exact Poisson one (95 %).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2

from benchmarks.report import EXIT_TARGET_MISSED, Report, need_shared_data, parser
from vision.health import Fault, HealthEvent, HealthSample, HealthState, advance
from vision.health_features import Baseline, Features, Mode, compare, features_of, learn_baseline
from vision.instants import Utc

Picture = NDArray[np.uint8]
PERIOD_S = 10.0
DELAY_S = 60.0
DAY_S = 86_400.0
CLIPS = (
    "pets2009_vtest_480x360.avi",
    "tud_stadtmitte_640x480.mp4",
    "plaza_topdown_1280x720.mp4",
    "intel_one-by-one-person-detection.mp4",
)
MOST_PICTURES = 240


@dataclass(frozen=True, slots=True)
class Weather:
    """What the light does to a picture at one moment."""

    gain: float
    infrared: bool
    tint: tuple[float, float, float]


def pictures_of(clip: str) -> list[Picture]:
    """Up to 240 pictures of a clip, evenly spread, 480 px wide at most.

    Features are taken at 320 px; 480 px leaves the noise of a stream and is quick to draw.
    """
    path = need_shared_data("video", clip)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        step = max(1, math.ceil(stream.frames / MOST_PICTURES))
        width = min(480, stream.width)
        height = round(stream.height * width / stream.width)
        return [
            np.asarray(
                frame.reformat(width=width, height=height, format="bgr24").to_ndarray(),
                dtype=np.uint8,
            )
            for index, frame in enumerate(container.decode(stream))
            if index % step == 0
        ]


def course_of_light(rng: np.random.Generator) -> Callable[[float], Weather]:
    """Light over the day: infrared from 19:00 to 6:30, clouds, and lamps that switch."""
    clouds = rng.uniform(0, 2 * math.pi, 6)
    lamps = np.sort(rng.uniform(0, DAY_S, 8))

    def at(t_s: float) -> Weather:
        hour = t_s % DAY_S / 3600.0
        infrared = not 6.5 <= hour < 19.0
        height = max(0.0, math.sin(math.pi * (hour - 5.5) / 14.5)) if not infrared else 0.8
        drift = sum(math.sin(t_s / 60.0 / (7 * 1.7**k) + phase) for k, phase in enumerate(clouds))
        lamp = 1.15 if np.searchsorted(lamps, t_s % DAY_S) % 2 else 1.0
        gain = (0.45 + 0.6 * height) * (1.0 + 0.04 * drift) * lamp
        warm = 0.0 if infrared else 0.06 * (1.0 - height)
        return Weather(gain, infrared, (1.0 - warm, 1.0, 1.0 + warm))

    return at


NOISE_FIELDS = np.random.default_rng(0).normal(0, 1, (6, 800, 800, 3)).astype(np.float32)


def noise_for(
    shape: tuple[int, ...], sigma: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Sensor noise: a random cut of fields drawn once, for speed."""
    field, top, left = (int(value) for value in rng.integers(0, [6, 160, 160]))
    return NOISE_FIELDS[field, top : top + shape[0], left : left + shape[1]] * np.float32(sigma)


def seen_in(picture: Picture, weather: Weather, rng: np.random.Generator) -> Picture:
    """The picture under this light, with the noise of the sensor and of compression."""
    if weather.infrared:
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        rows, columns = picture.shape[:2]
        y, x = np.ogrid[:rows, :columns]
        spread = np.hypot((x - columns / 2) / columns, (y - rows / 2) / rows)
        lit = grey * 0.8 * (1.15 - 0.7 * spread) * weather.gain
        lit = lit + noise_for(picture.shape, 5.0, rng)[:, :, 0]
        values = np.repeat(lit[:, :, None], 3, axis=2)
    else:
        values = picture * np.array(weather.tint, np.float32) * weather.gain
        values += noise_for(picture.shape, 2.5, rng)
    noisy = np.clip(values, 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)


def to_and_fro(pictures: list[Picture], start: int) -> Iterator[Picture]:
    """The clip forwards and backwards without end, 7 pictures on at each sample."""
    cycle = 2 * len(pictures) - 2
    index = start
    while True:
        place = index % cycle
        yield pictures[place if place < len(pictures) else cycle - place]
        index += 7


class Watch:
    """One camera under observation, with baselines learnt from its own healthy pictures."""

    def __init__(self, baselines: dict[Mode, Baseline]) -> None:
        self.baselines = baselines
        self.state = HealthState()

    def take(self, t_s: float, picture: Picture) -> tuple[HealthEvent, ...]:
        features = features_of(picture)
        baseline = self.baselines.get(features.mode)
        comparison = compare(features, baseline) if baseline else None
        sample = HealthSample(Utc(round(t_s * 1e9)), features, comparison, baseline, 50)
        self.state, events = advance(self.state, sample)
        return events


def learnt(pictures: list[Picture], rng: np.random.Generator) -> dict[Mode, Baseline]:
    """Baselines of both modes from 15 healthy pictures each, under middling light."""
    found = {}
    for mode in Mode:
        light = Weather(0.85, mode is Mode.INFRARED, (1.0, 1.0, 1.0))
        spread = np.linspace(0, len(pictures) - 1, 15).astype(int)
        samples: list[Features] = [features_of(seen_in(pictures[i], light, rng)) for i in spread]
        same = [sample for sample in samples if sample.mode is mode]
        if same:
            found[mode] = learn_baseline(same)
    return found


def _move(share: float) -> Callable[[Picture], Picture]:
    def turned(picture: Picture) -> Picture:
        rows, columns = picture.shape[:2]
        shift = np.array([[1, 0, share * columns], [0, 1, share * rows / 2]], np.float32)
        out = cv2.warpAffine(picture, shift, (columns, rows), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(out)

    return turned


def _rotate(degrees: float) -> Callable[[Picture], Picture]:
    def turned(picture: Picture) -> Picture:
        rows, columns = picture.shape[:2]
        turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1.0)
        out = cv2.warpAffine(picture, turn, (columns, rows), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(out)

    return turned


def _blur(sigma: float) -> Callable[[Picture], Picture]:
    """Blur of `sigma` pixels on a picture 320 px wide."""

    def soft(picture: Picture) -> Picture:
        scaled = sigma * picture.shape[1] / 320
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), scaled))

    return soft


def _cover(share: float, grey: int) -> Callable[[Picture], Picture]:
    def hidden(picture: Picture) -> Picture:
        out = picture.copy()
        out[:, : round(share * picture.shape[1])] = grey
        return out

    return hidden


FAULTS: tuple[tuple[str, Fault, Callable[[Picture], Picture]], ...] = (
    ("covered, half, grey", Fault.COVERED, _cover(0.5, 90)),
    ("covered, three quarters, dark", Fault.COVERED, _cover(0.75, 40)),
    ("covered, whole, grey", Fault.COVERED, _cover(1.0, 120)),
    ("moved 4 %", Fault.MOVED, _move(0.04)),
    ("moved 10 %", Fault.MOVED, _move(0.10)),
    ("turned 5 degrees", Fault.MOVED, _rotate(5.0)),
    ("blurred, sigma 3", Fault.BLURRED, _blur(3.0)),
    ("blurred, sigma 6", Fault.BLURRED, _blur(6.0)),
    ("dark", Fault.DARK, lambda picture: np.asarray(picture // 16, dtype=np.uint8)),
    ("frozen", Fault.FROZEN, lambda picture: picture),
)


def trial(
    pictures: list[Picture],
    baselines: dict[Mode, Baseline],
    kind: int,
    infrared: bool,
    rng: np.random.Generator,
) -> float | None:
    """Seconds until the drawn fault was found; `None` when it was not within 60 s."""
    _, fault, spoil = FAULTS[kind]
    watch = Watch(baselines)
    source = to_and_fro(pictures, int(rng.integers(0, 1000)))
    light = Weather(float(rng.uniform(0.6, 1.1)), infrared, (1.0, 1.0, 1.0))
    t_s = 0.0
    for _ in range(6):
        watch.take(t_s, seen_in(next(source), light, rng))
        t_s += PERIOD_S
    start_s = t_s - PERIOD_S + float(rng.uniform(0.1, PERIOD_S))
    stuck = seen_in(next(source), light, rng)
    while t_s - start_s <= DELAY_S:
        picture = stuck if fault is Fault.FROZEN else seen_in(spoil(next(source)), light, rng)
        for event in watch.take(t_s, picture):
            if event.opened and event.fault is fault:
                return t_s - start_s
        t_s += PERIOD_S
    return None


def ordinary(
    pictures: list[Picture], hours: float, rng: np.random.Generator
) -> tuple[Counter[str], int]:
    """Events that opened over so many hours of ordinary video, and the number of samples."""
    watch = Watch(learnt(pictures, rng))
    light = course_of_light(rng)
    source = to_and_fro(pictures, 0)
    found: Counter[str] = Counter()
    samples = round(hours * 3600 / PERIOD_S)
    start_s = float(rng.uniform(0, DAY_S))
    for index in range(samples):
        t_s = start_s + index * PERIOD_S
        picture = seen_in(next(source), light(t_s), rng)
        found.update(event.fault.value for event in watch.take(t_s, picture) if event.opened)
    return found, samples


def poisson_interval(events: int, days: float) -> tuple[float, float]:
    """Exact 95 % interval of the rate a day."""
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    return float(low) / days, float(chi2.ppf(0.975, 2 * events + 2)) / 2 / days


def _judges_movement(baselines: dict[Mode, Baseline]) -> bool:
    return all(baseline.watches_movement for baseline in baselines.values())


def measure_recall(clips: dict[str, list[Picture]], trials: int, report: Report) -> bool:
    """Recall for each kind of fault over all clips, both modes."""
    holds = True
    baselines = {
        clip: learnt(pictures, np.random.default_rng([report.seed, index]))
        for index, (clip, pictures) in enumerate(clips.items())
    }
    for clip, learned in baselines.items():
        if not _judges_movement(learned):
            report.row(f"movement not judged: {clip}", "too few lasting landmarks", "-")
    report.figures["clips_without_landmarks"] = sum(
        not _judges_movement(learned) for learned in baselines.values()
    )
    by_fault: dict[Fault, list[float | None]] = {}
    for kind, (name, fault, _) in enumerate(FAULTS):
        delays = [
            trial(
                pictures,
                baselines[clip],
                kind,
                infrared,
                np.random.default_rng([report.seed, kind, c, i]),
            )
            for c, (clip, pictures) in enumerate(clips.items())
            for i in range(trials)
            for infrared in (False, True)
            if fault is not Fault.MOVED or _judges_movement(baselines[clip])
        ]
        by_fault.setdefault(fault, []).extend(delays)
        found = [delay for delay in delays if delay is not None]
        slowest = f"{max(found):.0f} s" if found else "-"
        report.row(f"recall: {name}", f"{len(found)} / {len(delays)}, slowest {slowest}", "")
    for fault, delays in by_fault.items():
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
        holds &= hits / len(delays) >= 0.95
    return holds


def measure_false(clips: dict[str, list[Picture]], hours: float, report: Report) -> bool:
    """False events a camera-day over ordinary video, shared out between the clips."""
    total: Counter[str] = Counter()
    samples = 0
    for index, (clip, pictures) in enumerate(clips.items()):
        found, count = ordinary(
            pictures, hours / len(clips), np.random.default_rng([report.seed, 999, index])
        )
        total += found
        samples += count
        report.row(f"ordinary video: {clip}", dict(found) or "no event", "")
    days = samples * PERIOD_S / DAY_S
    rate, (low, high) = total.total() / days, poisson_interval(total.total(), days)
    report.figures |= {
        "ordinary_camera_days": days,
        "false_events": total.total(),
        "false_events_per_camera_day": rate,
        "false_events_per_camera_day_low": low,
        "false_events_per_camera_day_high": high,
    }
    report.row(
        f"false events over {days * 24:.0f} camera-hours",
        f"{total.total()}: {rate:.2f} a day (95 % interval {low:.2f}..{high:.2f})",
        "<= 0.1",
    )
    # A shorter run may be printed, but it shows nothing about the target.
    return rate <= 0.1 and days >= 1.99


def main() -> None:
    arguments_parser = parser("Camera health: recall of drawn faults, false events.", seed=1)
    arguments_parser.add_argument("--hours", type=float, default=48.0)
    arguments_parser.add_argument("--trials", type=int, default=3)
    arguments = arguments_parser.parse_args()
    cv2.setNumThreads(1)
    clips = {clip: pictures_of(clip) for clip in CLIPS}
    report = Report("camera_health", arguments.seed, packages=("numpy", "opencv-python", "av"))
    holds = measure_recall(clips, arguments.trials, report)
    holds &= measure_false(clips, arguments.hours, report)
    report.publish(as_json=arguments.json)
    if not holds:
        raise SystemExit(EXIT_TARGET_MISSED)


if __name__ == "__main__":
    main()
