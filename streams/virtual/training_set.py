"""Rendered training pictures with head points, from cameras and places drawn by chance.

`python -m streams.virtual.training_set OUT --count 1500 --seed 10000` writes pictures to
`OUT/images` and their points to `OUT/heads.csv` (file, u, v, size_px, visible); only heads of which
at least 0.3 shows are points.

Seeds: training uses 10_000 to 19_999, evaluation (tests, benchmarks, the demo) 0 to 9_999.
Picture k of a set uses chance from (seed, k) alone, so a set can be made in parts.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from streams.virtual.bodies import STAND, WALK_POSES
from streams.virtual.looks import Look, draw_look
from streams.virtual.places import box, floor, steps, wall
from streams.virtual.render import Crowd, Light, Renderer
from streams.virtual.sprites import Wardrobe
from streams.virtual.stage import Lamp, Stage, Surface
from vision.arrays import Float64Array
from vision.errors import VisionError
from vision.geometry.camera import Camera, Lens, Pose

TRAINING_SEEDS = range(10_000, 20_000)
EVALUATION_SEEDS = range(10_000)
VISIBLE_MIN = 0.3
_LOOKS = 240
_MOST_PEOPLE = 170
_FLOORS = ("tiles", "terrazzo", "concrete", "bricks", "boards", "plain")
_WALLS = ("dado", "plain", "bricks", "window", "poster", "concrete")
_SIZES = ((640, 360), (704, 576), (768, 432), (800, 600), (960, 540))


@dataclass(frozen=True, slots=True)
class _Place:
    """A random place: the area where people stand and how high its ground is."""

    stage: Stage
    half_long_m: float
    half_wide_m: float
    slope_x: float

    def ground_m(self, x_m: Float64Array) -> Float64Array:
        return np.asarray(np.maximum(0.0, -self.slope_x * (self.half_long_m - x_m)))


def make_training_set(out_dir: Path, count: int, seed: int, *, first: int = 0) -> int:
    """Write pictures `first` to `first + count - 1`; returns how many head points were written.

    Raises:
        VisionError: when `seed` is no training seed.
        OSError: when the folder cannot be written.
    """
    if seed not in TRAINING_SEEDS:
        raise VisionError(
            f"seed {seed} is not one for training; use {TRAINING_SEEDS.start} to "
            f"{TRAINING_SEEDS.stop - 1}, the others are kept for evaluation"
        )
    return _make_set(out_dir, count, seed, first)


def make_evaluation_set(out_dir: Path, count: int, seed: int) -> int:
    """As `make_training_set`, from a seed that no training ever used.

    Raises:
        VisionError: when `seed` is no evaluation seed.
        OSError: when the folder cannot be written.
    """
    if seed not in EVALUATION_SEEDS:
        raise VisionError(f"seed {seed} is one for training; use 0 to {EVALUATION_SEEDS.stop - 1}")
    return _make_set(out_dir, count, seed, 0)


def _make_set(out_dir: Path, count: int, seed: int, first: int) -> int:
    images = out_dir / "images"
    images.mkdir(parents=True, exist_ok=True)
    looks = _wardrobe_looks(seed)
    lit, infrared = Wardrobe(), Wardrobe(lamp_at_camera=True)
    points = 0
    fresh = first == 0 or not (out_dir / "heads.csv").exists()
    with (out_dir / "heads.csv").open("w" if fresh else "a", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        if fresh:
            table.writerow(["file", "u", "v", "size_px", "visible"])
        for k in range(first, first + count):
            rng = np.random.default_rng((seed, k))
            light = Light(str(rng.choice(["day", "dim", "ir"], p=[0.68, 0.18, 0.14])))
            image, rows = _picture(rng, light, looks, infrared if light is Light.IR else lit)
            name = f"images/{seed}_{k:05d}.jpg"
            cv2.imwrite(
                str(out_dir / name), image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(55, 93))]
            )
            for u, v, size_px, visible in rows:
                table.writerow([name, f"{u:.2f}", f"{v:.2f}", f"{size_px:.2f}", f"{visible:.2f}"])
            points += len(rows)
            file.flush()
    return points


def _wardrobe_looks(seed: int) -> tuple[Look, ...]:
    rng = np.random.default_rng((seed, 0x100C5))
    made = []
    for k in range(_LOOKS):
        heights = (1.5, 1.85) if k % 4 == 0 else (1.15, 1.75)
        made.append(draw_look(rng, height_range_m=heights, uniform=None if k % 5 < 2 else k % 6))
    return tuple(made)


def _picture(
    rng: np.random.Generator, light: Light, looks: tuple[Look, ...], wardrobe: Wardrobe
) -> tuple[np.ndarray, list[tuple[float, float, float, float]]]:
    place = _draw_place(rng)
    camera = _draw_camera(rng, place)
    crowd = _draw_crowd(rng, place, camera, looks)
    seed = int(rng.integers(2**31))
    renderer = Renderer(place.stage, camera, light, seed, oversample=1, wardrobe=wardrobe)
    rendered = renderer.draw(crowd, 0)
    image = rendered.image_bgr.astype(np.float32)
    # Exposure and white balance differ between cameras.
    image = np.clip(image * rng.uniform(0.75, 1.3) * rng.uniform(0.93, 1.07, 3), 0, 255).astype(
        np.uint8
    )
    if rng.random() < 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.3))), np.uint8)
    heads = rendered.heads
    keep = heads.in_picture & (heads.visible >= VISIBLE_MIN)
    columns = np.column_stack([heads.uv_px, heads.size_px, heads.visible])[keep]
    return image, [(float(a), float(b), float(c), float(d)) for a, b, c, d in columns]


def _draw_camera(rng: np.random.Generator, place: _Place) -> Camera:
    width, height = _SIZES[int(rng.integers(len(_SIZES)))]
    z_m, tilt_deg = float(rng.uniform(2.5, 8.0)), float(rng.uniform(15.0, 75.0))
    hfov_deg = float(rng.uniform(50.0, 100.0))
    pan_deg = 180.0 if place.slope_x and rng.random() < 0.5 else float(rng.uniform(0.0, 360.0))
    # The optical axis meets the heads near the middle of the place.
    reach = min((z_m - 1.3) / np.tan(np.radians(tilt_deg)), 9.0)
    pan = np.radians(pan_deg)
    aim = rng.uniform(-0.3, 0.3, 2) * [place.half_long_m, place.half_wide_m]
    x_m, y_m = aim - reach * np.array([np.cos(pan), np.sin(pan)])
    # On a flight the camera hangs over its upper end at most, never inside the crowd.
    z_m += 0.8 * float(place.ground_m(np.array([-place.half_long_m]))[0])
    pose = Pose(float(x_m), float(y_m), z_m, pan_deg, tilt_deg, float(rng.normal(0.0, 1.5)))
    return Camera(pose, Lens.from_hfov(width, height, hfov_deg))


def _draw_place(rng: np.random.Generator) -> _Place:
    half_long, half_wide = float(rng.uniform(3.0, 11.0)), float(rng.uniform(1.5, 7.0))
    slope = -0.5 if rng.random() < 0.25 else 0.0
    shade = rng.uniform(0.2, 0.6) + rng.normal(0.0, 0.04, 3)
    ground = (float(shade[0]), float(shade[1]), float(shade[2]))
    texture = str(rng.choice(_FLOORS))
    surfaces: list[Surface] = [floor(-40, -40, 40, 40, z_m=-0.02, texture=texture, colour=ground)]
    if slope:
        half_long = min(half_long, 3.6)
        surfaces.extend(
            steps(-half_long, half_long, -half_wide, half_wide, half_long, round(half_long * 6.7))
        )
    surfaces.extend(
        _far_wall(rng, edge, half_long, half_wide) for edge in range(4) if rng.random() < 0.6
    )
    for _ in range(int(rng.integers(0, 7)) if not slope else 0):
        surfaces.extend(_clutter(rng, half_long, half_wide))
    lamps = tuple(
        Lamp((float(rng.uniform(-9, 9)), float(rng.uniform(-6, 6)), 8.5), float(rng.uniform(4, 30)))
        for _ in range(int(rng.integers(1, 5)))
    )
    stage = Stage(
        tuple(surfaces), lamps, ambient=float(rng.uniform(0.3, 0.8)), seed=int(rng.integers(2**31))
    )
    return _Place(stage, half_long, half_wide, slope)


def _colour(
    rng: np.random.Generator, low: float, high: float, spread: float
) -> tuple[float, float, float]:
    b, g, r = np.clip(rng.uniform(low, high) + rng.normal(0.0, spread, 3), 0.05, 0.95)
    return float(b), float(g), float(r)


def _far_wall(rng: np.random.Generator, edge: int, long_m: float, wide_m: float) -> Surface:
    # Walls stand a little outside the crowd; those behind the camera do no harm.
    x, y = long_m + float(rng.uniform(0.4, 6.0)), wide_m + float(rng.uniform(0.4, 6.0))
    ends = (((-x, y), (x, y)), ((-x, -y), (x, -y)), ((x, -y), (x, y)), ((-x, -y), (-x, y)))[edge]
    colour = _colour(rng, 0.35, 0.85, 0.06)
    return wall(
        *ends, 0.0, float(rng.uniform(2.5, 7.0)), texture=str(rng.choice(_WALLS)), colour=colour
    )


def _clutter(rng: np.random.Generator, long_m: float, wide_m: float) -> tuple[Surface, ...]:
    """Furniture: blocks of the size of bins, benches and cupboards, dark tops among them."""
    x, y = float(rng.uniform(-long_m, long_m)), float(rng.uniform(-wide_m, wide_m))
    dx, dy, top = (float(rng.uniform(0.15, 1.4)) for _ in range(3))
    texture = str(rng.choice(["plain", "boards", "poster", "bars"]))
    return box(x, y, x + dx, y + dy, 0.0, top, _colour(rng, 0.05, 0.6, 0.12), texture)


def _draw_crowd(
    rng: np.random.Generator, place: _Place, camera: Camera, looks: tuple[Look, ...]
) -> Crowd:
    area = 4.0 * place.half_long_m * place.half_wide_m
    density = float(rng.choice([0.0, 0.15, 0.5, 1.2, 2.5, 4.5, 6.0]) * rng.uniform(0.6, 1.1))
    most = min(_MOST_PEOPLE, round(density * area))
    gap = 0.26 if density > 3 else 0.36
    # With a cap on the number, a dense crowd fills a part of the place, at the density drawn.
    share = min(1.0, most / max(density * area, 1e-6)) ** 0.5
    half = np.array([place.half_long_m, place.half_wide_m]) * max(share, 0.25)
    xy = _scatter(rng, half, most, gap)
    # Only people before the lens count against the picture.
    look_at = camera.pose.axes()[2]
    ahead = (np.column_stack([xy, np.full(len(xy), 1.0)]) - camera.position_xyz_m) @ look_at > 0.8
    xy = xy[ahead]
    count = len(xy)
    common = float(rng.uniform(-np.pi, np.pi))
    spread = float(rng.choice([0.25, 0.8, 6.0]))
    walking = rng.random(count) < (0.25 if density > 2 else 0.8)
    pose = np.where(
        walking, rng.integers(0, WALK_POSES, count), rng.integers(STAND, STAND + 2, count)
    )
    feet = np.column_stack([xy, place.ground_m(xy[:, 0])])
    chosen = tuple(looks[int(i)] for i in rng.integers(0, len(looks), count))
    heading = common + rng.normal(0.0, spread, count)
    return Crowd(np.arange(count), feet, heading, pose, chosen)


def _scatter(
    rng: np.random.Generator, half_xy_m: Float64Array, most: int, gap_m: float
) -> Float64Array:
    """Up to `most` points at least `gap_m` apart, by throwing darts."""
    kept = np.empty((0, 2))
    for dart in rng.uniform(-half_xy_m, half_xy_m, (most * 4, 2)):
        if len(kept) >= most:
            break
        if not len(kept) or np.min(np.sum((kept - dart) ** 2, axis=1)) > gap_m**2:
            kept = np.vstack([kept, dart])
    return kept


def main() -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Render training pictures with head points.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=TRAINING_SEEDS.start)
    parser.add_argument("--first", type=int, default=0, help="number of the first picture")
    given = parser.parse_args()
    points = make_training_set(given.out, given.count, given.seed, first=given.first)
    sys.stdout.write(f"{given.count} pictures, {points} head points in {given.out}\n")


if __name__ == "__main__":
    main()

__all__ = [
    "EVALUATION_SEEDS",
    "TRAINING_SEEDS",
    "VISIBLE_MIN",
    "make_evaluation_set",
    "make_training_set",
]
