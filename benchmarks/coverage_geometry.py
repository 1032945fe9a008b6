"""Visible regions against an independent dense raster, and their cost.

    python -m benchmarks.coverage_geometry [--floors 200] [--json]

Targets: areas differ by at most 0.2 %; at most 5 ms of CPU time for each camera.

The raster asks of each 5 cm cell by itself whether any barrier rises above the line from the eye
to the cell; it shares no code with `vision.geometry.visibility`. Random floors hold walls that
cross and touch, obstacles of all heights, open doors with a lintel and, now and then, a camera on a
wall.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.report import EXIT_TARGET_MISSED, Report, parser
from vision.geometry.barriers import Barriers
from vision.geometry.planes import Plane
from vision.geometry.visibility import Eye, visible_region

Line = tuple[Sequence[tuple[float, float]], float]
CELL_M = 0.05


@dataclass(frozen=True, slots=True)
class RandomFloor:
    """One random room with what stands in it, an eye, and the surface it looks at."""

    width_m: float
    depth_m: float
    lines: tuple[Line, ...]
    lintels: tuple[Line, ...]
    eye: Eye
    plane: Plane


def random_floor(seed: int, walls: int | None = None) -> RandomFloor:
    """A room with about `walls` wall and obstacle segments inside; equal for equal seed."""
    rng = np.random.default_rng(seed)
    width, depth = (round(float(rng.uniform(6, 18)) / CELL_M) * CELL_M for _ in range(2))
    outline = [(0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth), (0.0, 0.0)]
    lines: list[Line] = [(outline, math.inf)]
    count = int(rng.integers(4, 30)) if walls is None else walls
    while sum(len(points) - 1 for points, _ in lines) < count:
        lines.append(_random_line(rng, width, depth))
    lintels = [_random_line(rng, width, depth)[0][:2] for _ in range(int(rng.integers(0, 4)))]
    x, y = float(rng.uniform(0.3, width - 0.3)), float(rng.uniform(0.3, depth - 0.3))
    heading = None
    if rng.random() < 0.2:
        x, heading = 0.0, 0.0
    slope = float(rng.choice([0.0, 0.0, 0.15]))
    height = float(rng.choice([0.0, 1.2, 1.5]))
    return RandomFloor(
        width,
        depth,
        tuple(lines),
        tuple((door, float(rng.uniform(1.9, 2.3))) for door in lintels),
        Eye(x, y, float(rng.uniform(2.4, 4.0)) + slope * x, heading),
        Plane(height, slope),
    )


def _random_line(rng: np.random.Generator, width: float, depth: float) -> Line:
    start = rng.uniform([0, 0], [width, depth])
    kind = rng.random()
    if kind < 0.5:
        turn, length = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 4.0)
        if rng.random() < 0.5:
            turn = round(turn / (math.pi / 2)) * math.pi / 2
        end = start + length * np.array([math.cos(turn), math.sin(turn)])
        height = math.inf if kind < 0.3 else float(rng.uniform(0.5, 3.0))
        return [(float(start[0]), float(start[1])), (float(end[0]), float(end[1]))], height
    size = rng.uniform(0.2, 1.5, 2)
    corners = start + size * np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    return [(float(x), float(y)) for x, y in corners], float(rng.uniform(0.5, 2.3))


def raster_visible_m2(floor: RandomFloor) -> float:
    """Seen area by a raster of 5 cm cells; cells at an edge are asked again at 5 mm."""
    xs = np.arange(CELL_M / 2, floor.width_m, CELL_M)
    ys = np.arange(CELL_M / 2, floor.depth_m, CELL_M)
    x, y = np.meshgrid(xs, ys)
    seen = points_visible(floor, x, y)
    padded = np.pad(seen, 1, mode="edge")
    edge = np.zeros_like(seen)
    for row in range(3):
        for column in range(3):
            window = padded[row : row + seen.shape[0], column : column + seen.shape[1]]
            edge |= window != seen
    offsets = (np.arange(5) - 2) * CELL_M / 10
    fine_x = x[edge][:, None] + np.repeat(offsets, 10)
    fine_y = y[edge][:, None] + np.tile(offsets, 10)
    whole = float((seen & ~edge).sum())
    return (whole + float(points_visible(floor, fine_x, fine_y).mean(axis=1).sum())) * CELL_M**2


def points_visible(
    floor: RandomFloor, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which plan points the eye sees, asked one by one: same shape as `x` and `y`."""
    z = floor.plane.z0_m + floor.plane.slope_x * x + floor.plane.slope_y * y
    eye = floor.eye
    seen = np.ones(x.shape, dtype=bool)
    edges = [(points, height, False) for points, height in floor.lines]
    edges += [(points, height, True) for points, height in floor.lintels]
    for points, height, hangs in edges:
        for (ax, ay), (bx, by) in pairwise(points):
            # Line eye + s (cell - eye) and barrier a + u (b - a), by Cramer's rule.
            dx, dy, wx, wy = x - eye.x_m, y - eye.y_m, bx - ax, by - ay
            det = dx * wy - dy * wx
            with np.errstate(divide="ignore", invalid="ignore"):
                s = ((ax - eye.x_m) * wy - (ay - eye.y_m) * wx) / det
                u = ((ax - eye.x_m) * dy - (ay - eye.y_m) * dx) / det
                sight = eye.z_m + s * (z - eye.z_m)
                hit = (s > 1e-9) & (s < 1) & (u >= 0) & (u <= 1)
                seen &= ~(hit & ((sight > height) if hangs else (sight < height)))
    return seen


def areas_m2(floor: RandomFloor) -> tuple[float, float]:
    """Seen area in the room: by the exact region, and by the raster."""
    region = visible_region(Barriers.of(floor.lines, floor.lintels), floor.eye, plane=floor.plane)
    room = shapely.box(0, 0, floor.width_m, floor.depth_m)
    return float(shapely.intersection(region, room).area), raster_visible_m2(floor)


def time_per_camera_ms(walls: int = 200, floors: int = 20) -> list[float]:
    """CPU milliseconds for the visible region of one camera on floors of `walls` segments."""
    found = []
    for seed in range(floors):
        floor = random_floor(10_000 + seed, walls)
        barriers = Barriers.of(floor.lines, floor.lintels)
        best = math.inf
        for _ in range(3):
            start = time.process_time()
            visible_region(barriers, floor.eye, plane=floor.plane)
            best = min(best, (time.process_time() - start) * 1000.0)
        found.append(best)
    return found


def measure(floors: int, report: Report) -> bool:
    """Fill the report; whether the targets hold."""
    rows = []
    for seed in range(report.seed, report.seed + floors):
        floor = random_floor(seed)
        rows.append((*areas_m2(floor), floor.width_m * floor.depth_m))
    exact, raster, rooms = np.array(rows).T
    difference = np.abs(exact - raster)
    times = time_per_camera_ms()
    report.figures = {
        "floors": floors,
        "cell_m": CELL_M,
        "difference_share_of_floor_max": float((difference / rooms).max()),
        "difference_share_of_seen_median": float(np.median(difference / exact)),
        "difference_share_of_seen_max": float((difference / exact).max()),
        "exact_area_total_m2": float(exact.sum()),
        "raster_area_total_m2": float(raster.sum()),
        "cpu_per_camera_200_walls_median_ms": float(np.median(times)),
        "cpu_per_camera_200_walls_max_ms": max(times),
    }
    worst, typical = float((difference / exact).max()), float(np.median(times))
    report.row("largest area difference, share of seen area", f"{worst:.4%}", "<= 0.2 %")
    report.row("CPU time a camera, 200 walls, median", f"{typical:.2f} ms", "<= 5 ms")
    report.row("CPU time a camera, 200 walls, slowest floor", f"{max(times):.2f} ms", "-")
    return worst <= 0.002 and typical <= 5.0


def main() -> None:
    arguments_parser = parser("Visible regions against a dense raster, and their cost.")
    arguments_parser.add_argument("--floors", type=int, default=200)
    arguments = arguments_parser.parse_args()
    report = Report("coverage_geometry", arguments.seed, packages=("numpy", "shapely"))
    holds = measure(arguments.floors, report)
    report.publish(as_json=arguments.json)
    if not holds:
        raise SystemExit(EXIT_TARGET_MISSED)


if __name__ == "__main__":
    main()
