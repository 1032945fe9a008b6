"""Other open systems and this one on the same labelled clips, in one run.

    python -m benchmarks.peers [--environments FOLDER] [--frames 200] [--only supervision,mesopic]

Each peer lives in an environment of its own, made once under FOLDER and installed by name from the
package index; after that nothing is fetched. Each counts the people of every frame on one thread:
decode, detect, and what it does with detections besides. Frames a second and core are frames over
CPU seconds of the whole process, without its start. A peer that cannot run is a row with the
reason. Where a peer's own weights cannot be had, its row says with what it ran.

This project runs twice: at the size that its calibrated geometry asks for (heads of 14 px), and at
the picture's own size.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real_footage import true_counts
from benchmarks.report import (
    CHECKOUT,
    EXIT_TARGET_MISSED,
    Report,
    need_shared_data,
    no_data,
    parser,
)

TARGET_RATIO = 3.0
_DETECTOR = ("weights", "yolox_nano_416.onnx")
_RUN_S = 900.0
_INSTALL_S = 3600.0
# The network's heads in pixels; see `wanted_head_px` of its card.
_WANTED_HEAD_PX = 14.0
# A head's height over a standing person's, of the boxes' lower end: the farthest people.
_HEAD_OF_PERSON, _FAR_SHARE = 0.135, 5.0


@dataclass(frozen=True, slots=True)
class Peer:
    """One system.

    Attributes:
        requirements: names for pip; none for this project itself.
        python: the interpreter it asks for.
        weights: with what it counts.
        counts_people: whether its counts mean anything with these weights.
    """

    name: str
    driver: str
    requirements: tuple[str, ...]
    weights: str
    counts_people: bool = True
    python: str = "python3"

    @property
    def is_own(self) -> bool:
        return not self.requirements


OWN_CALIBRATED = Peer("xiaoan, calibrated size", "run_xiaoan", (), "its own")
OWN_PLAIN = Peer("xiaoan, picture's size", "run_xiaoan", (), "its own")
SHARED_FILE = "YOLOX-nano 416, the shared file"
PEERS = (
    Peer(
        "ultralytics",
        "run_ultralytics",
        ("ultralytics",),
        "yolo11n, random: the count says nothing",
        counts_people=False,
    ),
    Peer(
        "supervision",
        "run_supervision",
        ("supervision", "onnxruntime", "opencv-python-headless"),
        SHARED_FILE,
    ),
    Peer(
        "roomtobreathe",
        "run_roomtobreathe",
        # Its fallback is gone from OpenCV 5, which its own bounds would take.
        ("roomtobreathe[vision]", "opencv-python-headless<5"),
        "OpenCV HOG, its fallback: its own need a download",
    ),
    Peer("mesopic", "run_mesopic", ("mesopic",), SHARED_FILE, python="python3.12"),
    Peer("inference", "run_inference", ("inference",), SHARED_FILE),
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A labelled clip; `head_px` is the height of its farthest heads."""

    name: str
    file: Path
    truth: Counter[int]
    head_px: float


@dataclass(slots=True)
class Outcome:
    """What became of one peer: results by clip, or why there are none."""

    peer: Peer
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str = ""


def clips() -> tuple[Clip, ...]:
    """The two clips with published boxes."""
    return (
        _clip(
            "PETS2009", "pets2009_vtest_480x360.avi", "pets2009_s2l1_gt_mot15_768x576.txt", 0.625
        ),
        _clip("TUD", "tud_stadtmitte_640x480.mp4", "tud_stadtmitte_gt_mot15.txt", 1.0),
    )


def _clip(name: str, file: str, boxes: str, scale: float) -> Clip:
    labels = need_shared_data("video", boxes)
    heights = [float(line.split(",")[5]) for line in labels.read_text("ascii").splitlines()]
    far_px = scale * float(np.percentile(heights, _FAR_SHARE))
    truth = true_counts(labels)
    return Clip(name, need_shared_data("video", file), truth, _HEAD_OF_PERSON * far_px)


class EnvironmentMissingError(RuntimeError):
    """A peer's environment cannot be made; the text says why."""


def environment_of(peer: Peer, folder: Path, constraints: Path | None) -> Path:
    """The Python of the peer's environment, made and filled where it is not there yet."""
    if peer.is_own:
        return Path(sys.executable)
    home = folder / peer.name
    python, ready = home / "bin" / "python", home / "installed"
    if ready.exists():
        return python
    found = shutil.which(peer.python)
    if found is None:
        raise EnvironmentMissingError(f"asks for {peer.python}, which is not on this machine")
    _call([found, "-m", "venv", "--clear", str(home)], _INSTALL_S)
    bound = [] if constraints is None else ["-c", str(constraints)]
    _call([str(python), "-m", "pip", "install", "-q", *peer.requirements, *bound], _INSTALL_S)
    ready.touch()
    return python


def _call(command: Sequence[str], limit_s: float, **environment: str) -> str:
    """What the command prints.

    Raises:
        EnvironmentMissingError: with the last line of its errors.
    """
    try:
        done = subprocess.run(
            command,
            env=os.environ | environment,
            cwd=tempfile.gettempdir(),
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentMissingError(f"took longer than {limit_s:g} s") from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise EnvironmentMissingError(said[-1][:160] if said else f"exit code {done.returncode}")
    return done.stdout


def run(peer: Peer, python: Path, clip: Clip, frames: int) -> Mapping[str, Any]:
    """One peer on one clip."""
    head_px = _WANTED_HEAD_PX if peer == OWN_PLAIN else clip.head_px
    command = [str(python), "-m", f"benchmarks.peer_drivers.{peer.driver}"]
    command += ["--clip", str(clip.file), "--frames", str(frames), "--head-px", f"{head_px:.2f}"]
    command += ["--detector", str(need_shared_data(*_DETECTOR))]
    printed = _call(command, _RUN_S, PYTHONPATH=str(CHECKOUT), PYTHONWARNINGS="ignore")
    result: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    counts = np.array(result.pop("counts"))
    error = counts - np.array([clip.truth[index] for index in range(len(counts))])
    per_frame_s = result["cpu_s"] / max(result["timed_frames"], 1)
    return result | {
        "frames_per_s_and_core": 1.0 / per_frame_s,
        "cpu_ms_per_frame": 1000 * per_frame_s,
        "mae_people": float(np.abs(error).mean()),
        "bias_people": float(error.mean()),
        "true_people_mean": float(np.mean([clip.truth[index] for index in range(len(counts))])),
    }


def outcome_of(peer: Peer, shot: Sequence[Clip], options: argparse.Namespace) -> Outcome:
    """All clips of one peer; the first thing that fails is the reason."""
    outcome = Outcome(peer)
    try:
        python = environment_of(peer, options.environments, options.constraints)
        for clip in shot:
            outcome.results[clip.name] = run(peer, python, clip, options.frames)
    except EnvironmentMissingError as error:
        outcome.reason = str(error)
    return outcome


def default_environments() -> Path:
    """Where environments are kept: `$XIAOAN_CACHE`, else the system's temporary folder."""
    named = os.environ.get("XIAOAN_CACHE")
    return (Path(named) if named else Path(tempfile.gettempdir()) / "xiaoan-cache") / "peers"


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--environments", type=Path, default=default_environments())
    arguments.add_argument("--constraints", type=Path, help="pip constraints, e.g. a CPU build")
    arguments.add_argument("--frames", type=int, default=200, help="counted of each clip, at most")
    arguments.add_argument("--only", default="", help="names of peers, with commas")
    options = arguments.parse_args()
    wanted = set(filter(None, options.only.split(",")))
    peers = [peer for peer in PEERS if not wanted or peer.name in wanted]
    shot = clips()
    outcomes = [outcome_of(peer, shot, options) for peer in (OWN_CALIBRATED, OWN_PLAIN, *peers)]
    report = Report(
        "peers",
        options.seed,
        packages=("av", "numpy", "openvino"),
        columns=(
            "system",
            "clip",
            "frames/s/core",
            "CPU ms",
            "MiB",
            "MAE",
            "ours is",
            "counts with",
        ),
    )
    figures = judged(outcomes, report)
    report.figures = figures
    report.publish(as_json=options.json)
    if not any(one.results for one in outcomes if one.peer.is_own):
        no_data("ours ran on no clip")
    if not figures["counting_peers"]:
        no_data("no peer that counts people ran on a clip")
    return EXIT_TARGET_MISSED if figures["held_against"] != figures["counting_peers"] else 0


def judged(outcomes: Sequence[Outcome], report: Report) -> dict[str, Any]:
    """Rows and figures; a peer is beaten where ours is fast enough at no larger error."""
    own = {one.peer.name: one for one in outcomes if one.peer.is_own}
    systems: dict[str, Any] = {}
    held, counting = 0, 0
    for one in outcomes:
        systems[one.peer.name] = {"weights": one.peer.weights, "reason": one.reason}
        if one.reason:
            report.row(one.peer.name, "-", "not run", "", "", "", "", one.reason)
        # The same size of ours on every clip: no picking clip by clip, and none that it ended at.
        beaten = {name: other.results.keys() >= one.results.keys() for name, other in own.items()}
        for clip, result in one.results.items():
            ratios = {
                name: result["cpu_ms_per_frame"] / other.results[clip]["cpu_ms_per_frame"]
                for name, other in own.items()
                if clip in other.results
            }
            systems[one.peer.name][clip] = dict(result) | {"ours_times_faster": ratios}
            for name, ratio in ratios.items():
                no_worse = own[name].results[clip]["mae_people"] <= result["mae_people"]
                beaten[name] &= ratio >= TARGET_RATIO and no_worse
            report.row(
                f"{one.peer.name} {result['version']}",
                clip,
                f"{result['frames_per_s_and_core']:.1f}",
                f"{result['cpu_ms_per_frame']:.1f}",
                f"{result['memory_mib']:.0f}",
                f"{result['mae_people']:.2f}" if one.peer.counts_people else "-",
                " / ".join(f"{ratio:.2f}x" for ratio in ratios.values()),
                f"{one.peer.weights}, {result['precision']}",
            )
        if one.results and not one.peer.is_own and one.peer.counts_people and not one.reason:
            counting += 1
            held += any(beaten.values())
    share = {"share_held_against": held / counting} if counting else {}
    return {
        "target_times_faster": TARGET_RATIO,
        "counting_peers": counting,
        "held_against": held,
        "systems": systems,
        **share,
    }


if __name__ == "__main__":
    raise SystemExit(main())
