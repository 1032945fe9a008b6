"""What a further camera costs: processor and memory from one camera to past this machine's limit.

    python -m benchmarks.scaling [--cameras 1,4,8,16,24,32] [--seconds 20]

As `capacity`, with every second camera on a stair and the others on corridors, which are analysed
less first. Up to the limit cost should grow in a straight line; past it every stair should still be
analysed once a second.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.capacity import SIZES, Sustained, school_films, watch
from benchmarks.report import EXIT_TARGET_MISSED, Report, no_data, parser
from models.registry import default_head_network_id

_STAIR_TARGET_FPS = 1.0
_ANALYSED = 0.98
_MEMORY_TARGET_MIB = 120.0


def one_run(
    folder: Path, cameras: int, kind: str, seconds: float, seed: int
) -> tuple[Sustained, float]:
    """What this many cameras cost, and the slowest stair's analysed frames a second."""
    films, _ = school_films(folder, cameras, kind, mixed="", seconds=seconds, seed=seed)
    films = [replace(film, stairs=number % 2 == 0) for number, film in enumerate(films)]
    stairs = {f"cam-{number + 1}" for number in range(0, cameras, 2)}
    found = watch(films, stairs, folder / f"{cameras}-cameras", seconds, default_head_network_id())
    return found, found.least_fps


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--cameras", default="1,4,8,16,24,32", help="ascending")
    arguments.add_argument("--kind", choices=tuple(SIZES), default="720p")
    arguments.add_argument("--seconds", type=float, default=20.0, help="watched, each")
    options = arguments.parse_args()
    report = Report(
        "scaling",
        options.seed,
        packages=("av", "numpy", "openvino"),
        columns=("cameras", "cores", "MiB", "stairs analysed", "slowest stair", "age p95"),
    )
    numbers = [int(text) for text in options.cameras.split(",")]
    with tempfile.TemporaryDirectory() as name:
        runs = [
            one_run(Path(name), number, options.kind, options.seconds, options.seed)
            for number in numbers
        ]
    for one, slowest in runs:
        report.row(
            one.cameras,
            f"{one.cpu_cores:.2f}",
            f"{one.memory_mib:.0f}",
            f"{one.analysed_share:.1%}",
            f"{slowest:.2f}/s",
            f"{one.age_p95_ms:.0f} ms",
        )
    within = [one for one, _ in runs if one.analysed_share >= _ANALYSED]
    memory_mib = np.polyfit(numbers, [one.memory_mib for one, _ in runs], 1)[0]
    report.figures = {
        "kind": options.kind,
        "memory_mib_per_further_camera": round(float(memory_mib), 1),
        "target_memory_mib_per_further_camera": _MEMORY_TARGET_MIB,
        "target_slowest_stair_fps": _STAIR_TARGET_FPS,
        "cameras": numbers,
        "cpu_cores": [round(one.cpu_cores, 3) for one, _ in runs],
        "stairs_analysed_share": [round(one.analysed_share, 4) for one, _ in runs],
    }
    beyond = [slowest for one, slowest in runs if one.analysed_share < _ANALYSED]
    if beyond:
        report.figures["slowest_stair_fps"] = round(min(beyond), 3)
    if len(within) >= 3:
        counts = np.array([one.cameras for one in within], float)
        cores = np.array([one.cpu_cores for one in within])
        report.figures |= {
            "cores_per_camera": round(float(np.polyfit(counts, cores, 1)[0]), 4),
            "straight_line_r2": round(float(np.corrcoef(counts, cores)[0, 1] ** 2), 4),
        }
    report.publish(as_json=options.json)
    if memory_mib > _MEMORY_TARGET_MIB or (beyond and min(beyond) < _STAIR_TARGET_FPS):
        return EXIT_TARGET_MISSED
    if not beyond:
        no_data("no run was past the limit; ask for more cameras")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
