"""How often a picture of an empty place needs no new look of the network, and what that misses.

Every picture is shown to the network and to `vision.crowd.stillness`. Missed is a picture that
counted as unchanged though the network finds somebody in it; for how long, is how much later than
the network he is found. Looked at five times and once a second.

Films: an empty stair and stories of the virtual campus from their beginning on, as a sub-stream of
640x360; and where the data set folder is there, a real corridor in which people come one by one.

    python -m benchmarks.unchanged_pictures [--seconds 40] [--json]
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.footage import as_sent, deserted_film
from benchmarks.report import SHARED_DATA, Report, parser
from config import load_site, sample_school_directory
from config.profiles import load_profiles
from config.site import Site
from models import load_head_network
from streams.decoding.av_container import open_quickly
from streams.decoding.sources import PlainUri, Timeouts
from streams.site_scene import build_analyser
from streams.virtual.film import FILM_STARTS_AT, Shot, render_film
from streams.virtual.render import Light
from streams.virtual.scenarios import scenario_named
from vision.crowd.stillness import StillPlace
from vision.observations import CrowdObservation, Frame, HeadNetwork, Region

_FPS = 5.0
_STORIES = (
    ("blocked_stair", "cam-stair"),
    ("bidirectional_stair", "cam-stair"),
    ("quiet_corridor", "cam-corridor3"),
    ("two_way_gate", "cam-gate"),
)
_LIGHTS = ("day", "ir")
_REAL = ("video", "intel_one-by-one-person-detection.mp4")
# Heads in that corridor are about so high; its camera is not calibrated.
_REAL_HEAD_PX = 40.0
_SOMEBODY = 0.5


@dataclass(slots=True)
class Tally:
    """What became of the pictures of one film at one rate.

    Attributes:
        empty: pictures in which the network finds nobody.
        longest_s: how much later somebody was found at most.
    """

    pictures: int = 0
    empty: int = 0
    unchanged: int = 0
    missed: int = 0
    longest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture with what the network says of it."""

    frame: Frame
    region: Region
    found: CrowdObservation

    @property
    def somebody(self) -> bool:
        density = self.found.density
        people = 0.0 if density is None else density.count
        return len(self.found.heads) > 0 or people >= _SOMEBODY


def pictures(film: Path, site: Site, camera_id: str | None, network: HeadNetwork) -> Iterator[Seen]:
    """Five pictures a second of a film, each looked at; `None` for a camera without a site."""
    analyser = None
    if camera_id is not None:
        analyser = build_analyser(site, (camera_id,), load_profiles(), network.model_id)
    container, due_s = open_quickly(PlainUri(f"file:{film}"), Timeouts()), 0.0
    try:
        for number, picture in enumerate(container.pictures()):
            at_s = picture.pts_s or 0.0
            if at_s < due_s - 1e-3:
                continue
            due_s += 1.0 / _FPS
            image_bgr = picture.bgr(picture.size_px)
            frame = Frame(camera_id or "real", number, FILM_STARTS_AT.plus(at_s), image_bgr)
            region = None if analyser is None else analyser.region(frame)
            if region is None:
                region = Region(0, 0, *picture.size_px, _REAL_HEAD_PX)
            yield Seen(frame, region, network.observe(image_bgr, region))
    finally:
        container.close()


def tally(seen: list[Seen]) -> Tally:
    """Play the pictures past `StillPlace` as a worker does."""
    place, found = StillPlace(), Tally()
    missed_since = None
    for one in seen:
        at = one.frame.captured_at
        found.pictures += 1
        found.empty += not one.somebody
        unchanged = place.known(one.frame, one.region) is not None
        found.unchanged += unchanged
        if not unchanged:
            place.looked(one.frame, one.region, one.found)
        if unchanged and one.somebody:
            found.missed += 1
            missed_since = missed_since or at
        elif missed_since is not None:
            found.longest_s = max(found.longest_s, at - missed_since)
            missed_since = None
    if missed_since is not None:
        # Nobody had looked by the end of the film.
        found.longest_s = max(found.longest_s, seen[-1].frame.captured_at - missed_since)
    return found


def cost_ms(seen: list[Seen]) -> float:
    """CPU milliseconds of one comparison, median."""
    place, spent = StillPlace(), []
    empty = [one for one in seen if not one.somebody]
    for one in empty:
        place.looked(one.frame, one.region, one.found)
        began_ns = time.process_time_ns()
        place.known(one.frame, one.region)
        spent.append((time.process_time_ns() - began_ns) / 1e6)
    return float(np.median(spent)) if spent else 0.0


def films(folder: Path, seconds: float, seed: int) -> Iterator[tuple[str, str | None, Path]]:
    """Title, camera and file of each film; those of the campus are drawn one by one."""
    yield (
        "empty stair",
        "cam-stair",
        deserted_film(folder, seconds, seed, fps=_FPS, size_px=(640, 360)),
    )
    for story, camera_id in _STORIES:
        for light in _LIGHTS:
            shot = Shot(
                scenario_named(story),
                camera_id,
                seed=seed,
                light=Light(light),
                fps=_FPS,
                duration_s=seconds,
                oversample=1,
            )
            drawn, sent = folder / "drawn.mp4", folder / f"{story}-{light}.mp4"
            render_film(shot, drawn, None)
            as_sent(drawn, sent, (640, 360))
            yield f"{story}, {light}", camera_id, sent
    real = SHARED_DATA.joinpath(*_REAL)
    if real.exists():
        yield "real corridor", None, real


def main() -> int:
    arguments = parser(__doc__ or "", seed=101)
    arguments.add_argument("--seconds", type=float, default=40.0, help="of each drawn film")
    options = arguments.parse_args()
    cv2.setNumThreads(1)
    site, network = load_site(sample_school_directory()), load_head_network(threads=1)
    report = Report(
        "unchanged_pictures",
        options.seed,
        packages=("av", "numpy", "opencv-python", "openvino"),
        columns=("film", "a second", "pictures", "empty", "unchanged", "missed", "longest"),
    )
    every, rows = {5: 1, 1: 5}, []
    with tempfile.TemporaryDirectory() as name:
        for title, camera_id, film in films(Path(name), options.seconds, options.seed):
            seen = list(pictures(film, site, camera_id, network))
            for rate, step in every.items():
                found = tally(seen[::step])
                rows.append((title, rate, found))
                report.row(
                    title,
                    rate,
                    found.pictures,
                    found.empty,
                    found.unchanged,
                    found.missed,
                    f"{found.longest_s:.1f} s",
                )
            if title == "empty stair":
                report.figures["comparison_cpu_ms"] = round(cost_ms(seen), 3)
    for rate in every:
        of_rate = [found for _, one, found in rows if one == rate]
        empty = sum(found.empty for found in of_rate)
        report.figures |= {
            f"pictures_at_{rate}_fps": sum(found.pictures for found in of_rate),
            f"empty_at_{rate}_fps": empty,
            f"unchanged_at_{rate}_fps": sum(found.unchanged for found in of_rate),
            f"missed_at_{rate}_fps": sum(found.missed for found in of_rate),
            f"longest_missed_s_at_{rate}_fps": round(max(f.longest_s for f in of_rate), 2),
        }
    report.figures["films"] = [
        {
            "film": title,
            "fps": rate,
            "pictures": found.pictures,
            "empty": found.empty,
            "unchanged": found.unchanged,
            "missed": found.missed,
            "longest_missed_s": round(found.longest_s, 2),
        }
        for title, rate, found in rows
    ]
    report.publish(as_json=options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
