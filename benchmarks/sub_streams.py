"""What a sub-stream of 640x360 costs in counts, beside the main stream of the same camera.

Stories of the virtual campus, each film sent as 1280x720 and as 640x360 (2 and 0.5 Mbit/s), go the
whole road to readings; people of the zone are held against those who truly stand in it. The
sub-stream is judged in its own size, as in service, and once enlarged to the calibrated size.

    python -m benchmarks.sub_streams [--seconds 30] [--json]
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import shapely

from benchmarks.footage import as_sent
from benchmarks.report import Report, parser
from config import load_site, sample_school_directory
from config.profiles import load_profiles
from config.site import Site
from models import load_head_network
from streams.decoding.av_container import open_quickly
from streams.decoding.sources import PlainUri, Timeouts
from streams.site_scene import build_analyser, zones_of_cameras
from streams.virtual.film import FILM_STARTS_AT, Shot, render_film
from streams.virtual.scenarios import scenario_named
from streams.virtual.truth import read_truth
from vision.observations import Frame, HeadNetwork

_FPS = 5.0
_SAME_FLOOR_M = 0.7
# Story, camera, and from when on people are there.
_STORIES = (
    ("blocked_stair", "cam-stair", 30.0),
    ("dismissal_stair", "cam-stair", 20.0),
    ("two_way_gate", "cam-gate", 20.0),
)
_SENT = {"720p": (1280, 720), "360p": (640, 360)}
# What is judged: how it was sent, and in which size.
_WAYS = {
    "1280x720": ("720p", (1280, 720)),
    "640x360": ("360p", (640, 360)),
    "640x360 enlarged": ("360p", (1280, 720)),
}


@dataclass(slots=True)
class Counted:
    """Of one way, over all stories: people counted and true ones, and CPU milliseconds."""

    people: list[float] = field(default_factory=list)
    true_people: list[float] = field(default_factory=list)
    spent_ms: list[float] = field(default_factory=list)

    @property
    def mae(self) -> float:
        return float(np.abs(np.subtract(self.people, self.true_people)).mean())

    @property
    def bias(self) -> float:
        return float(np.subtract(self.people, self.true_people).mean())


@dataclass(frozen=True, slots=True)
class Sent:
    """One story: its films by how they were sent, and the people of each zone in each picture."""

    camera_id: str
    films: dict[str, Path]
    true_people: list[float]


def filmed(
    folder: Path, site: Site, story: tuple[str, str, float], seconds: float, seed: int
) -> Sent:
    name, camera_id, start_s = story
    shot = Shot(
        scenario_named(name),
        camera_id,
        seed=seed,
        fps=_FPS,
        start_s=start_s,
        duration_s=seconds,
        oversample=1,
    )
    drawn, truth = folder / f"{name}-drawn.mp4", folder / f"{name}.parquet"
    frames = render_film(shot, drawn, truth)
    films = {}
    for sent, size_px in _SENT.items():
        films[sent] = folder / f"{name}-{sent}.mp4"
        as_sent(drawn, films[sent], size_px)
    return Sent(camera_id, films, _true_people(site, camera_id, truth, frames))


def _true_people(site: Site, camera_id: str, truth: Path, frames: int) -> list[float]:
    """How many stand in the camera's zones in each picture."""
    table, _ = read_truth(truth)
    xyz_m = np.column_stack([table[name].to_numpy() for name in ("x_m", "y_m", "z_m")])
    inside = np.zeros(len(xyz_m), dtype=np.bool_)
    for zone in zones_of_cameras(site, (camera_id,)):
        here = shapely.intersects_xy(zone.polygon_xy_m, xyz_m[:, 0], xyz_m[:, 1])
        inside |= here & (np.abs(xyz_m[:, 2] - zone.plane.z_at(xyz_m[:, :2])) < _SAME_FLOOR_M)
    counts = np.bincount(table["frame"].to_numpy()[inside], minlength=frames)
    return [float(count) for count in counts]


def count(sent: Sent, way: str, site: Site, network: HeadNetwork, found: Counted) -> None:
    """Play one story one way, and add what was counted to `found`."""
    stream, size_px = _WAYS[way]
    analyser = build_analyser(site, (sent.camera_id,), load_profiles(), network.model_id)
    container = open_quickly(PlainUri(f"file:{sent.films[stream]}"), Timeouts())
    try:
        for index, picture in enumerate(container.pictures()):
            began_ns = time.process_time_ns()
            at = FILM_STARTS_AT.plus(index / _FPS)
            frame = Frame(sent.camera_id, index, at, picture.bgr(size_px))
            seen = network.observe(frame.image_bgr, analyser.region(frame))
            readings = analyser.observe(frame, seen)
            found.spent_ms.append((time.process_time_ns() - began_ns) / 1e6)
            measured = [one.measurement for one in readings if one.measurement is not None]
            found.people.append(sum(one.people for one in measured))
            found.true_people.append(sent.true_people[index])
    finally:
        container.close()


def main() -> int:
    arguments = parser(__doc__ or "", seed=101)
    arguments.add_argument("--seconds", type=float, default=30.0, help="of each story")
    options = arguments.parse_args()
    cv2.setNumThreads(1)
    site, network = load_site(sample_school_directory()), load_head_network(threads=1)
    ways = {way: Counted() for way in _WAYS}
    with tempfile.TemporaryDirectory() as name:
        for story in _STORIES:
            sent = filmed(Path(name), site, story, options.seconds, options.seed)
            for way, found in ways.items():
                count(sent, way, site, network, found)
    report = Report(
        "sub_streams",
        options.seed,
        packages=("av", "numpy", "onnxruntime", "openvino"),
        columns=("judged in", "people, true", "mean error", "bias", "CPU ms, median"),
    )
    for way, found in ways.items():
        true_people = float(np.mean(found.true_people))
        spent_ms = float(np.median(found.spent_ms))
        report.row(
            way, f"{true_people:.2f}", f"{found.mae:.2f}", f"{found.bias:+.2f}", f"{spent_ms:.1f}"
        )
        key = way.replace(" ", "_")
        report.figures |= {
            f"mae_people_{key}": round(found.mae, 3),
            f"bias_people_{key}": round(found.bias, 3),
            f"cpu_ms_after_decoding_{key}": round(spent_ms, 2),
        }
    report.figures |= {
        "true_people_mean": round(float(np.mean(ways["1280x720"].true_people)), 3),
        "pictures": len(ways["1280x720"].people),
    }
    report.publish(as_json=options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
