"""How large heads have to be in what the network is shown: counts and cost by `wanted_head_px`.

    python -m benchmarks.working_size [--sizes 10,12,14,17] [--model ID] [--seeds 2] [--json]

A calibrated camera's picture is made as small as the smallest heads of its zones allow
(`models/canvas.py`), and the network costs by the pixel. Two sets are counted at each size:
pictures of the virtual campus, every four seconds of each story, against the people who really are
in the judged zone; and held-out training pictures of SCUT-HEAD, whole, whose smallest heads are
known. Sizes are chosen with these, never with a test set. Cost is CPU time of one thread beside
that of 14 px in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import shapely

from benchmarks.crowd_moments import BODY_PX, rate_factor
from benchmarks.crowd_runs import BEGAN
from benchmarks.crowd_truth import STORIES
from benchmarks.report import SHARED_DATA, Report, no_data, parser
from config import load_site, sample_school_directory
from config.profiles import load_profiles
from models import load_head_network
from models.datasets import is_held_out, read_scut
from models.heads.network import OwnHeadNetwork
from models.registry import default_head_network_id
from models.training.batches import HELD_OUT_PERCENT
from streams.site_scene import build_analyser
from streams.virtual.film import Shot, virtual_frames
from streams.virtual.scenarios import sample_camera, scenario_named
from streams.virtual.simulate import SimulationMissingError
from vision.arrays import UInt8Array
from vision.crowd.density import density_peak, kernel_field
from vision.geometry.grid import PlanGrid
from vision.observations import Frame, Region

FIRST_SEED = 9_201
_FPS = 0.25
_DRAWN_PX = (1280, 720)
# As a camera's encoder leaves them.
_JPEG_QUALITY = 80
_BESIDE = 14.0
# As `vision.crowd.looking` takes the smallest heads of a zone.
_FAR_SHARE = 0.05
_FEWEST_HEADS = 3
_DENSE_PER_M2 = 2.5


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture of a story, coded, with the people in its zone and their densest place."""

    camera_id: str
    coded: UInt8Array
    people: int
    peak_per_m2: float


def drawn(seeds: Sequence[int]) -> Iterator[Drawn]:
    """Every four seconds of all stories of `crowd_truth`; an empty zone only now and then."""
    site = load_site(sample_school_directory())
    for name, camera_id in STORIES:
        zone = site.zones_of(camera_id)[0]
        grid = PlanGrid.over(zone.polygon_xy_m)
        everywhere = np.ones(grid.shape, dtype=np.bool_)
        camera = sample_camera(camera_id, width_px=_DRAWN_PX[0], height_px=_DRAWN_PX[1])
        for seed in seeds:
            scenario = scenario_named(name).at_rate(rate_factor(seed))
            shot = Shot(
                scenario, camera_id, seed, fps=_FPS, camera=camera, oversample=1, body_px=BODY_PX
            )
            for number, frame in enumerate(virtual_frames(shot)):
                xy_m = frame.truth.feet_xyz_m.reshape(-1, 3)[:, :2]
                inside = shapely.contains_xy(zone.polygon_xy_m, xy_m[:, 0], xy_m[:, 1])
                if not inside.any() and number % 4:
                    continue
                peak = density_peak(grid, kernel_field(grid, xy_m[inside]), everywhere)
                _, coded = cv2.imencode(
                    ".jpg", frame.image_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
                )
                yield Drawn(
                    camera_id,
                    np.asarray(coded, np.uint8),
                    int(inside.sum()),
                    peak.density_per_m2,
                )


@dataclass(frozen=True, slots=True)
class Size:
    """What one size gave: rows of (truth, found), and CPU seconds of the network by picture."""

    people: np.ndarray
    peaks_per_m2: np.ndarray
    held_out: np.ndarray
    spent_s: np.ndarray


def at_size(network: OwnHeadNetwork, pictures: Sequence[Drawn], data: Path | None) -> Size:
    """Count everything with a network that was made for a size."""
    site, profiles = load_site(sample_school_directory()), load_profiles()
    people, peaks, held_out, spent_s = [], [], [], []
    for one in pictures:
        image_bgr = np.asarray(cv2.imdecode(one.coded, cv2.IMREAD_COLOR), np.uint8)
        analyser = build_analyser(site, (one.camera_id,), profiles, "")
        frame = Frame(one.camera_id, 0, BEGAN, image_bgr)
        region = analyser.region(frame)
        began_s = time.process_time()
        seen = network.observe(frame.image_bgr, region)
        spent_s.append(time.process_time() - began_s)
        (reading,) = analyser.observe(frame, seen)
        if reading.measurement is not None:
            people.append((one.people, reading.measurement.people))
            peaks.append((one.peak_per_m2, reading.measurement.density_peak_per_m2))
    for sample in [] if data is None else read_scut(data / "scut_head" / "train"):
        if not is_held_out(sample, HELD_OUT_PERCENT):
            continue
        whole = np.asarray(cv2.imread(str(sample.picture)), np.uint8)
        height, width = whole.shape[:2]
        heads = sample.heads_px(width, height)
        known_px = heads[np.isfinite(heads[:, 2]), 2]
        if len(known_px) < _FEWEST_HEADS:
            continue
        region = Region(0, 0, width, height, float(np.quantile(known_px, _FAR_SHARE)))
        density = network.observe(whole, region).density
        if density is not None:
            held_out.append((len(heads), float(density.people_per_cell.sum())))
    return Size(_pairs(people), _pairs(peaks), _pairs(held_out), np.array(spent_s))


def _pairs(rows: Sequence[tuple[float, float]]) -> np.ndarray:
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def errors(pairs: np.ndarray) -> dict[str, float]:
    """MAE, error over the sum of truth in per cent, and bias of (N, 2) truth and found."""
    if not len(pairs):
        return {}
    off = pairs[:, 1] - pairs[:, 0]
    return {
        "mae": round(float(np.abs(off).mean()), 3),
        "error_over_truth_percent": round(100.0 * float(np.abs(off).sum() / pairs[:, 0].sum()), 2),
        "bias": round(float(off.mean()), 3),
    }


def main() -> None:
    arguments = parser(__doc__ or "", seed=FIRST_SEED)
    arguments.add_argument("--sizes", default="10,12,14,17", help="head heights in px, with commas")
    arguments.add_argument("--model", default=default_head_network_id(), help="the head network")
    arguments.add_argument("--precision", choices=("f32", "bf16", "int8"), default="f32")
    arguments.add_argument("--seeds", type=int, default=2, help="runs a story")
    asked = arguments.parse_args()
    sizes = sorted({float(text) for text in asked.sizes.split(",")} | {_BESIDE})
    try:
        pictures = list(drawn(range(asked.seed, asked.seed + asked.seeds)))
    except SimulationMissingError as error:
        no_data(str(error))
    loaded = load_head_network(asked.model, threads=1, precision=asked.precision)
    data = SHARED_DATA if (SHARED_DATA / "scut_head").is_dir() else None
    found = {
        px: at_size(
            loaded.with_decoding(replace(loaded.card.decoding, wanted_head_px=px)), pictures, data
        )
        for px in sizes
    }
    report = Report(
        "working_size",
        asked.seed,
        packages=("numpy", "onnxruntime", "opencv-python"),
        columns=("head px", "people MAE", "%", "bias", "dense peak MAE", "bias", "SCUT %", "CPU"),
    )
    report.figures |= {
        "network": loaded.model_id,
        "precision": loaded.session.precision,
        "pictures": len(pictures),
        "held_out_pictures": len(found[_BESIDE].held_out),
    }
    for px, size in found.items():
        dense = size.peaks_per_m2[size.peaks_per_m2[:, 0] >= _DENSE_PER_M2]
        people, peak, scut = errors(size.people), errors(dense), errors(size.held_out)
        ratio = round(float(np.median(size.spent_s / found[_BESIDE].spent_s)), 3)
        report.row(
            f"{px:g}",
            people["mae"],
            people["error_over_truth_percent"],
            people["bias"],
            peak.get("mae", "-"),
            peak.get("bias", "-"),
            scut.get("error_over_truth_percent", "no data"),
            f"{ratio:.2f}x",
        )
        report.figures[f"at_{px:g}_px"] = {
            "people": people,
            "dense_peak_per_m2": peak,
            "held_out_people": scut,
            "network_cpu_over_14_px": ratio,
        }
    report.publish(as_json=asked.json)


if __name__ == "__main__":
    main()
