"""Counting error of the head network on labelled cameras that its training never saw.

python -m benchmarks.leave_one_camera_out --work DIR [--python TORCH_PYTHON] [--epochs 2] [--json]

Three short trainings by one schedule, each from YOLOX-nano's weights: one with all cameras, and one
for each fold, without one camera of each place (a classroom building, a street). They are not the
shipped weights, whose training is far longer and saw all four cameras; what counts is the ratio of
the two errors. Both are judged on the pictures of the camera that the validation holds out;
`unseen, all` adds the rest of its pictures. `TORCH_PYTHON` is an interpreter of `make train-env`.
Trainings are kept in DIR: a run that was stopped goes on.
"""

from __future__ import annotations

import subprocess
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.report import CHECKOUT, Report, need_shared_data, no_data, parser
from models.choosing import computes_in_bf16
from models.datasets import is_held_out
from models.errors import ModelError
from models.evaluation import CountErrors, EvaluationSet, evaluate, open_set
from models.heads.network import OwnHeadNetwork
from models.registry import default_head_network_id, find_card
from models.sessions import open_session
from models.training.batches import HELD_OUT_PERCENT

# The cameras with enough pictures. The two places have nothing in common, so that one training
# tells about a camera of each.
FOLDS = (("scut-a-401", "brt-1"), ("scut-a-403", "brt-2"))
COLUMNS = ("camera", "judged on", "network", "pictures", "MAE", "NAE %", "bias")
_THRESHOLD = 0.3


def main() -> None:
    arguments = parser("Counting error on cameras that training never saw.", seed=20261123)
    arguments.add_argument("--work", type=Path, required=True, help="folder of the trainings")
    arguments.add_argument("--python", type=Path, default=CHECKOUT / ".venv-train/bin/python")
    arguments.add_argument("--epochs", type=int, default=2, help="of 120 steps, each training")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--folds", type=int, default=len(FOLDS), help="the first so many")
    asked = arguments.parse_args()
    data = need_shared_data("weights", "yolox_nano_416.onnx").parents[1]
    if not asked.python.exists():
        no_data("training needs PyTorch: run `make train-env`, or give --python")
    report = Report("leave_one_camera_out", asked.seed, columns=COLUMNS)
    report.figures |= {"epochs": asked.epochs, "steps": 120 * asked.epochs}
    seen = trained(asked, data, ())
    for fold in FOLDS[: asked.folds]:
        unseen = trained(asked, data, fold)
        for camera in fold:
            try:
                add(report, open_set(f"left-out-{camera}", data), seen, unseen)
            except ModelError as error:
                no_data(str(error))
    report.publish(as_json=asked.json)


def trained(asked: Namespace, data: Path, left_out: Sequence[str]) -> OwnHeadNetwork:
    """The network of one training, from its folder where it is done."""
    out = asked.work / ("-and-".join(left_out) or "all-cameras")
    file = out / "heads.onnx"
    if not file.exists():
        done = subprocess.run(_command(asked, data, left_out, out), cwd=CHECKOUT, check=False)
        if done.returncode:
            no_data(f"the training for {out.name} ended with {done.returncode}")
    card = find_card(default_head_network_id())
    weak = replace(card, decoding=replace(card.decoding, score_threshold=_THRESHOLD))
    session = open_session(file.read_bytes(), source=str(file), runtime="onnxruntime")
    return OwnHeadNetwork(session, weak)


def _command(asked: Namespace, data: Path, left_out: Sequence[str], out: Path) -> list[str]:
    command = [str(asked.python), "-m", "models.training.train", "--data", str(data)]
    command += ["--out", str(out), "--start", str(data / "weights" / "yolox_nano_416.onnx")]
    command += ["--epochs", str(asked.epochs), "--seed", str(asked.seed), "--resume"]
    command += ["--threads", str(asked.threads), "--validate-every", str(asked.epochs)]
    command += ["--half"] if computes_in_bf16() else []
    return command + (["--without", *left_out] if left_out else [])


def add(
    report: Report, dataset: EvaluationSet, seen: OwnHeadNetwork, unseen: OwnHeadNetwork
) -> None:
    """Rows and figures of one camera."""
    camera = dataset.name.removeprefix("left-out-")
    held = tuple(s for s in dataset.samples if is_held_out(s, HELD_OUT_PERCENT))
    few = replace(dataset, samples=held)
    found = {
        "seen": judged(seen, few),
        "unseen": judged(unseen, few),
        "unseen_all": judged(unseen, dataset),
    }
    key = camera.replace("-", "_")
    for name, errors in found.items():
        nae = errors.nae or 0.0
        on = "all" if name == "unseen_all" else "held out"
        cells = (errors.pictures, f"{errors.mae:.2f}", f"{nae * 100:.1f}", f"{errors.bias:+.2f}")
        report.row(camera, on, "without it" if name != "seen" else "with it", *cells)
        report.figures[f"{key}_{name}_mae_people"] = round(errors.mae, 3)
        report.figures[f"{key}_{name}_nae_ratio"] = round(nae, 4)
        report.figures[f"{key}_{name}_pictures"] = errors.pictures
    report.figures[f"{key}_unseen_over_seen_mae_ratio"] = round(
        found["unseen"].mae / max(found["seen"].mae, 1e-6), 3
    )


def judged(network: OwnHeadNetwork, dataset: EvaluationSet) -> CountErrors:
    """Errors of the density count."""
    return evaluate(network, dataset, score_threshold=_THRESHOLD).overall["density"]


if __name__ == "__main__":
    main()
