"""Footage for the camera health benchmark: fixed cameras, split in halves, under simulated light.

The training half is what the limits of `vision.health.picture` may be set on; the held-out half
only says whether they hold elsewhere. Two clips make the first. The second has two other clips and
stretches of two surveillance cameras of a bus station, whose light, shade, crowds and passing buses
are real (still pictures, minutes apart; stretches in which the camera stood still).

Pictures are 320 px wide, as `vision.health.features` looks at them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.report import need_shared_data, no_data

Picture = NDArray[np.uint8]
WIDTH_PX = 320
DAY_S = 86_400.0
_MOST_PICTURES = 120
# An index step that never shows the same picture twice running, whatever the length of the clip.
_STEP = 7

TRAINING_CLIPS = ("pets2009_vtest_480x360.avi", "plaza_topdown_1280x720.mp4")
HELD_OUT_CLIPS = ("tud_stadtmitte_640x480.mp4", "intel_one-by-one-person-detection.mp4")
# Camera, first and last picture of stretches in which the bus station's cameras stood still.
HELD_OUT_STRETCHES = (
    ("1-20170506104812", "1-20170506111626"),
    ("1-20170506164507", "1-20170506165543"),
    ("2-20170506103907", "2-20170506125243"),
    ("2-20170507000000", "2-20170507235959"),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One fixed camera: (H, 320, 3) uint8 BGR pictures in order of time."""

    name: str
    pictures: tuple[Picture, ...]

    @property
    def most_gain(self) -> float:
        """The camera's own exposure keeps its picture from burning out."""
        bright = float(np.percentile(np.stack(self.pictures[::10]), 90))
        return max(1.0, 240.0 / max(bright, 1.0))


def training_scenes() -> tuple[Scene, ...]:
    """The half on which limits may be set."""
    return tuple(Scene(name, _clip(name)) for name in TRAINING_CLIPS)


def held_out_scenes() -> tuple[Scene, ...]:
    """The half that only judges."""
    clips = [Scene(name, _clip(name)) for name in HELD_OUT_CLIPS]
    stretches = [
        Scene(f"bus station {first}", _stretch(first, last)) for first, last in HELD_OUT_STRETCHES
    ]
    return (*clips, *stretches)


def _clip(name: str) -> tuple[Picture, ...]:
    """Up to 120 pictures of a clip, evenly spread."""
    path = need_shared_data("video", name)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        step = max(1, math.ceil(stream.frames / _MOST_PICTURES))
        return tuple(
            _small(np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8))
            for index, frame in enumerate(container.decode(stream))
            if index % step == 0
        )


def _stretch(first: str, last: str) -> tuple[Picture, ...]:
    """The still pictures of one bus station camera between two times."""
    folder = need_shared_data("beijing_brt")
    paths: list[Path] = [
        path for path in folder.glob("*/images/*") if first <= path.stem <= last + "~"
    ]
    pictures = [cv2.imread(str(path)) for path in sorted(paths, key=lambda path: path.stem)]
    if not pictures:
        no_data(f"../shared/data/beijing_brt holds no picture from {first} to {last}")
    return tuple(
        _small(np.asarray(picture, dtype=np.uint8)) for picture in pictures if picture is not None
    )


def _small(picture: Picture) -> Picture:
    height = round(picture.shape[0] * WIDTH_PX / picture.shape[1])
    small = cv2.resize(picture, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def to_and_fro(count: int, start: int) -> Iterator[int]:
    """Indices of a clip of `count` pictures, forwards and backwards without end."""
    cycle = 2 * count - 2
    index = start
    while True:
        place = index % cycle
        yield place if place < count else cycle - place
        index += _STEP


@dataclass(frozen=True, slots=True)
class Weather:
    """What the light does to a picture at one moment; `warmth` tints it, 0..0.06."""

    gain: float
    infrared: bool
    warmth: float = 0.0

    def in_steps(self, most_gain: float) -> Weather:
        """Rounded, so that equal pictures under nearly equal light are drawn once."""
        gain = min(self.gain, most_gain)
        return Weather(round(gain * 10) / 10, self.infrared, round(self.warmth * 50) / 50)


def course_of_light(rng: np.random.Generator) -> Callable[[float], Weather]:
    """Light over days: infrared from 19:00 to 6:30, clouds, and lamps that switch."""
    clouds = rng.uniform(0, 2 * math.pi, 6)
    lamps = np.sort(rng.uniform(0, DAY_S, 8))

    def at(t_s: float) -> Weather:
        hour = t_s % DAY_S / 3600.0
        infrared = not 6.5 <= hour < 19.0
        height = max(0.0, math.sin(math.pi * (hour - 5.5) / 14.5)) if not infrared else 0.8
        drift = sum(math.sin(t_s / 60.0 / (7 * 1.7**k) + phase) for k, phase in enumerate(clouds))
        lamp = 1.15 if np.searchsorted(lamps, t_s % DAY_S) % 2 else 1.0
        gain = (0.45 + 0.6 * height) * (1.0 + 0.04 * drift) * lamp
        return Weather(gain, infrared, 0.0 if infrared else 0.06 * (1.0 - height))

    return at


_NOISE = np.random.default_rng(0).normal(0, 1, (6, 760, 480, 3)).astype(np.float32)


def _noise_for(
    shape: tuple[int, ...], sigma: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Sensor noise: a random cut of fields drawn once, for speed."""
    field, top, left = (int(value) for value in rng.integers(0, [6, 160, 160]))
    return _NOISE[field, top : top + shape[0], left : left + shape[1]] * np.float32(sigma)


def seen_in(picture: Picture, weather: Weather, rng: np.random.Generator) -> Picture:
    """The picture under this light, with the noise of the sensor and of compression."""
    if weather.infrared:
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        rows, columns = picture.shape[:2]
        y, x = np.ogrid[:rows, :columns]
        spread = np.hypot((x - columns / 2) / columns, (y - rows / 2) / rows)
        lit = grey * 0.8 * (1.15 - 0.7 * spread) * weather.gain
        lit = lit + _noise_for(picture.shape, 4.0, rng)[:, :, 0]
        values = np.repeat(lit[:, :, None], 3, axis=2)
    else:
        tint = np.array((1.0 - weather.warmth, 1.0, 1.0 + weather.warmth), np.float32)
        values = picture * tint * weather.gain
        values += _noise_for(picture.shape, 2.0, rng)
    noisy = np.clip(values, 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)


def passed_by(picture: Picture) -> Picture:
    """Somebody passes close before the lens: a dark, soft shape over half of the picture."""
    rows, columns = picture.shape[:2]
    veil = np.zeros((rows, columns), np.float32)
    cv2.ellipse(
        veil, (columns // 3, rows), (columns // 3, round(0.9 * rows)), 0.0, 0.0, 360.0, (1.0,), -1
    )
    veil = np.asarray(cv2.GaussianBlur(veil, (0, 0), 8.0), dtype=np.float32)[:, :, None]
    return np.asarray(picture * (1.0 - veil) + 45.0 * veil, dtype=np.uint8)
