"""What leaving out the decoder's loop filter does to the counts, and what it saves.

The same films are decoded both ways; the head network counts every fifth picture. Block edges that
the filter would smooth stay in the picture until the next keyframe.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.footage import stair_film
from benchmarks.report import Report, need_shared_data, parser
from models import load_head_network
from streams.decoding.av_container import open_with_av
from streams.decoding.sources import PlainUri, Timeouts
from vision.observations import HeadNetwork

_EVERY = 5
_MOST = 300


def counted(film: Path, network: HeadNetwork, *, quick: bool) -> tuple[np.ndarray, float]:
    """Density count and head points of each judged picture (N, 2); decoding CPU ms a picture."""
    container = open_with_av(PlainUri(f"file:{film}"), Timeouts(), quick=quick)
    rows, spent_ns, index = [], 0, 0
    pictures = iter(container.pictures())
    try:
        while index < _MOST:
            began_ns = time.process_time_ns()
            picture = next(pictures, None)
            spent_ns += time.process_time_ns() - began_ns
            if picture is None:
                break
            if index % _EVERY == 0:
                seen = network.observe(picture.bgr(picture.size_px))
                count = seen.density.count if seen.density is not None else float(len(seen.heads))
                rows.append((count, float(len(seen.heads))))
            index += 1
    finally:
        container.close()
    return np.array(rows), spent_ns / 1e6 / max(index, 1)


def main() -> int:
    options = parser(__doc__ or "").parse_args()
    pets = need_shared_data("video", "pets2009_vtest_480x360.avi")
    network = load_head_network(threads=1)
    report = Report(
        "quick_decoding",
        options.seed,
        packages=("av", "numpy", "onnxruntime", "openvino"),
        columns=("film", "decode ms", "people, mean", "mean abs difference", "heads"),
    )
    with tempfile.TemporaryDirectory() as name:
        stair = stair_film(Path(name), 10.0, options.seed)
        films = {"virtual stair, 720p": stair, "PETS 2009, 480x360": pets}
        for title, film in films.items():
            whole, whole_ms = counted(film, network, quick=False)
            quick, quick_ms = counted(film, network, quick=True)
            off = np.abs(whole - quick).mean(axis=0)
            report.row(
                title,
                f"{whole_ms:.2f} -> {quick_ms:.2f}",
                f"{whole[:, 0].mean():.2f} -> {quick[:, 0].mean():.2f}",
                f"{off[0]:.3f}",
                f"{whole[:, 1].mean():.2f} -> {quick[:, 1].mean():.2f}",
            )
            key = title.split(",")[0].replace(" ", "_").lower()
            report.figures |= {
                f"{key}_decode_cpu_ms": round(whole_ms, 3),
                f"{key}_quick_decode_cpu_ms": round(quick_ms, 3),
                f"{key}_people_mean": round(float(whole[:, 0].mean()), 3),
                f"{key}_quick_people_mean": round(float(quick[:, 0].mean()), 3),
                f"{key}_people_mean_abs_difference": round(float(off[0]), 4),
            }
    report.publish(as_json=options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
