"""Counting accuracy of the shipped head network on the labelled test sets.

python -m benchmarks.network_accuracy [--json] [--every N] [--slices] [--rendered FOLDER]
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import Report, need_shared_data, no_data, parser
from models.commands import EvaluationReport, evaluate_model, evaluation_sets
from models.errors import DatasetError
from models.evaluation import RULES, Evaluation, subset
from models.registry import default_head_network_id

BRT_MAE_TARGET = 1.7
COLUMNS = ("set", "count by", "pictures", "MAE", "RMSE", "NAE %", "bias", "head AP50", "target")


def main() -> None:
    arguments = parser("Counting accuracy of the shipped head network.")
    arguments.add_argument("--rendered", type=Path, help="folder of rendered pictures, heads.csv")
    arguments.add_argument("--every", type=int, default=1, help="judge every N-th picture only")
    arguments.add_argument("--slices", action="store_true", help="also spoilt pictures")
    asked = arguments.parse_args()
    data = need_shared_data("beijing_brt", "test").parents[1]
    names = ["brt-test", "scut-a-room", "scut-b"]
    names += [f"rendered={asked.rendered}"] if asked.rendered else []
    try:
        sets = [subset(s, asked.every) for s in evaluation_sets(data, names)]
        judged = evaluate_model(default_head_network_id(), sets, with_slices=asked.slices)
    except DatasetError as error:
        no_data(str(error))
    report = Report(
        "network_accuracy", asked.seed, packages=("numpy", "onnxruntime"), columns=COLUMNS
    )
    report.figures["model"] = judged.model_id
    report.figures["every_nth_picture"] = asked.every
    report.figures["relative_error_1sd"] = round(judged.relative_error, 4)
    report.figures["wall_s"] = round(judged.seconds, 1)
    for label, evaluation in labelled(judged):
        add(report, label, evaluation)
    report.publish(as_json=asked.json)


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
        judged_by_mae = label == "brt-test" and rule == "density"
        report.row(
            label,
            rule,
            found.pictures,
            f"{found.mae:.2f}",
            f"{found.rmse:.2f}",
            nae,
            f"{found.bias:+.2f}",
            "" if ap is None else f"{ap:.3f}",
            f"MAE <= {BRT_MAE_TARGET}" if judged_by_mae else "",
        )
        key = f"{label} {rule}".replace(" ", "_").replace("-", "_")
        report.figures[f"{key}_mae_people"] = round(found.mae, 4)
        report.figures[f"{key}_rmse_people"] = round(found.rmse, 4)
        report.figures[f"{key}_bias_people"] = round(found.bias, 4)
        report.figures[f"{key}_nae_ratio"] = None if found.nae is None else round(found.nae, 4)
        if ap is not None:
            report.figures[f"{key}_head_ap50_ratio"] = round(ap, 4)


if __name__ == "__main__":
    main()
