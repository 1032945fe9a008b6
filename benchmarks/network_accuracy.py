"""Counting accuracy of the shipped head network on the labelled test sets.

python -m benchmarks.network_accuracy [--json] [--every N] [--slices] [--rendered FOLDER]
                                      [--campus N] [--precision f32|bf16|int8] [--by-camera]

`--campus N` renders N pictures of up to 6 persons per m2 from `--seed`, one that no training used.
`normalised error` of the issue's targets is NAE by the density map: the mean over pictures with
people of |count - truth| / truth; `error_over_people` in the
figures is the sum of |count - truth| over the sum of truth.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import EXIT_TARGET_MISSED, Report, need_shared_data, no_data, parser
from models.commands import EvaluationReport, evaluate_model, evaluation_sets
from models.errors import ModelError
from models.evaluation import RULES, CountErrors, Evaluation, subset
from models.registry import default_head_network_id
from streams.virtual.training_set import make_evaluation_set

TARGETS = {
    "brt-test": ("mae", 1.35),
    "scut-a-room": ("nae", 0.05),
    "scut-b": ("nae", 0.09),
    "rendered": ("nae", 0.08),
}
COLUMNS = ("set", "count by", "pictures", "MAE", "RMSE", "NAE %", "bias", "head AP50", "target")


def main() -> int:
    arguments = parser("Counting accuracy of the shipped head network.")
    arguments.add_argument("--rendered", type=Path, help="folder of rendered pictures, heads.csv")
    arguments.add_argument("--every", type=int, default=1, help="judge every N-th picture only")
    arguments.add_argument("--slices", action="store_true", help="also spoilt pictures")
    arguments.add_argument("--campus", type=int, default=0, help="render so many pictures")
    arguments.add_argument("--precision", choices=("f32", "bf16", "int8"), default="f32")
    arguments.add_argument("--by-camera", action="store_true", help="also each camera")
    arguments.add_argument("--model", default=default_head_network_id())
    arguments.add_argument("--sets", nargs="+", default=["brt-test", "scut-a-room", "scut-b"])
    asked = arguments.parse_args()
    with TemporaryDirectory() as folder:
        if asked.campus:
            make_evaluation_set(Path(folder), asked.campus, asked.seed)
            asked.rendered = Path(folder)
        return measure(asked)


def measure(asked: Namespace) -> int:
    """Judge and publish; the exit code."""
    data = need_shared_data("beijing_brt", "test").parents[1]
    names = list(asked.sets)
    names += [f"rendered={asked.rendered}"] if asked.rendered else []
    try:
        sets = [subset(s, asked.every) for s in evaluation_sets(data, names)]
        judged = evaluate_model(
            asked.model, sets, with_slices=asked.slices, precision=asked.precision
        )
    except ModelError as error:
        no_data(str(error))
    report = Report(
        "network_accuracy", asked.seed, packages=("numpy", "onnxruntime"), columns=COLUMNS
    )
    report.figures["model"] = judged.model_id
    report.figures["precision"] = judged.precision
    report.figures["runtime"] = judged.runtime
    report.figures["every_nth_picture"] = asked.every
    report.figures["relative_error_1sd"] = round(judged.relative_error, 4)
    report.figures["wall_s"] = round(judged.seconds, 1)
    for label, evaluation in labelled(judged):
        add(report, label, evaluation)
        for camera, errors in evaluation.by_camera.items() if asked.by_camera else ():
            add_camera(report, f"{label} {camera}", errors["density"])
    report.publish(as_json=asked.json)
    missed = [e.dataset for e in judged.evaluations if misses_target(e)]
    return EXIT_TARGET_MISSED if missed else 0


def misses_target(evaluation: Evaluation) -> bool:
    """Whether the density map's count of a plain set is further off than its target."""
    if evaluation.dataset not in TARGETS:
        return False
    name, most = TARGETS[evaluation.dataset]
    found = evaluation.overall["density"]
    off = found.mae if name == "mae" else found.nae
    return off is None or off > most


def labelled(judged: EvaluationReport) -> list[tuple[str, Evaluation]]:
    """Every evaluation with its name, the spoilt ones after the plain ones."""
    named = [(e.dataset, e) for e in judged.evaluations]
    named += [(f"{e.dataset} {name}", e) for name, group in judged.slices.items() for e in group]
    return named


def add(report: Report, label: str, evaluation: Evaluation) -> None:
    """Rows and figures of one evaluation."""
    for rule in RULES:
        found = evaluation.overall[rule]
        nae = "" if found.nae is None else f"{found.nae * 100:.1f}"
        ap = evaluation.head_ap50 if rule == "points" else None
        target = TARGETS.get(label) if rule == "density" else None
        report.row(
            label,
            rule,
            found.pictures,
            f"{found.mae:.2f}",
            f"{found.rmse:.2f}",
            nae,
            f"{found.bias:+.2f}",
            "" if ap is None else f"{ap:.3f}",
            "" if target is None else f"{target[0].upper()} <= {target[1]}",
        )
        key = f"{label} {rule}".replace(" ", "_").replace("-", "_")
        report.figures[f"{key}_mae_people"] = round(found.mae, 4)
        report.figures[f"{key}_rmse_people"] = round(found.rmse, 4)
        report.figures[f"{key}_bias_people"] = round(found.bias, 4)
        report.figures[f"{key}_nae_ratio"] = None if found.nae is None else round(found.nae, 4)
        if rule == "density":
            far = sum(abs(j.counts[rule] - j.truth) for j in evaluation.judged)
            people = max(1, sum(j.truth for j in evaluation.judged))
            report.figures[f"{key}_error_over_people_ratio"] = round(far / people, 4)
        if ap is not None:
            report.figures[f"{key}_head_ap50_ratio"] = round(ap, 4)


def add_camera(report: Report, label: str, found: CountErrors) -> None:
    """Row and figures of one camera, by the density map."""
    nae = "" if found.nae is None else f"{found.nae * 100:.1f}"
    cells = (f"{found.mae:.2f}", f"{found.rmse:.2f}", nae, f"{found.bias:+.2f}")
    report.row(label, "density", found.pictures, *cells, "", "")
    key = label.replace(" ", "_").replace("-", "_")
    report.figures[f"{key}_mae_people"] = round(found.mae, 4)
    report.figures[f"{key}_nae_ratio"] = None if found.nae is None else round(found.nae, 4)


if __name__ == "__main__":
    raise SystemExit(main())
