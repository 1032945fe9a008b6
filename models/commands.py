"""What `xiaoan models` does, as plain functions that return values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from models.cards import INT8_SUFFIX, ModelCard, judged_sets, write_parts
from models.degradations import SLICES
from models.errors import CardError, UnknownModelError
from models.evaluation import (
    CountErrors,
    Evaluation,
    EvaluationSet,
    evaluate,
    open_set,
    relative_error,
    unbiased_threshold,
)
from models.heads.network import OwnHeadNetwork
from models.loading import RuntimeChoice, open_checked
from models.registry import find_card, list_cards, sha256_of, weights_path
from models.sessions import Precision
from vision.observations import HeadNetwork

_WEAKEST_POINT = 0.05
WeightsState = Literal["present", "missing", "changed"]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A row of `models list`."""

    model_id: str
    task: str
    family: str
    weights: WeightsState
    size_bytes: int
    summary_zh: str
    summary_en: str


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Result of `models evaluate`: one evaluation a set, and slices when asked for."""

    model_id: str
    evaluations: tuple[Evaluation, ...]
    slices: Mapping[str, tuple[Evaluation, ...]]
    relative_error: float
    seconds: float
    precision: Precision = "f32"
    runtime: str = "onnxruntime"


def list_models(
    weights_dir: Path | None = None, cards_dir: Path | None = None
) -> tuple[list[ModelSummary], list[CardError]]:
    """Every card, with whether its weights are on this machine unchanged, and each refused card."""
    cards, refusals = list_cards(cards_dir)
    return [summary_of(card, weights_dir) for card in cards], refusals


def summary_of(card: ModelCard, weights_dir: Path | None = None) -> ModelSummary:
    path = weights_path(card, weights_dir)
    state: WeightsState = "missing"
    if path.is_file():
        state = "present" if sha256_of(path) == card.weights_sha256 else "changed"
    return ModelSummary(
        model_id=card.model_id,
        task=card.task,
        family=card.family,
        weights=state,
        size_bytes=path.stat().st_size if path.is_file() else 0,
        summary_zh=card.summary.zh,
        summary_en=card.summary.en,
    )


def show_model(model_id: str) -> ModelCard:
    """The card.

    Raises:
        UnknownModelError: the text lists the known ids.
    """
    return find_card(model_id)


def judge_network(
    model_id: str,
    *,
    runtime: RuntimeChoice = "onnxruntime",
    threads: int = 1,
    precision: Precision = "f32",
) -> tuple[OwnHeadNetwork, ModelCard]:
    """The network with weak points let through, as AP50 needs them, and its card as it is.

    Any precision but f32 runs in OpenVINO.
    """
    card = find_card(model_id)
    if precision == "int8":
        card = card.as_int8()
    if precision != "f32":
        runtime = "openvino"
    if card.task != "heads":
        raise UnknownModelError(f"{card.path}: task is {card.task}; only head networks are judged")
    weak = replace(card, decoding=replace(card.decoding, score_threshold=_WEAKEST_POINT))
    # A card that has not been judged yet has no error of its own; the judge does not use it.
    weak = replace(weak, metrics={"relative_error": 1.0})
    session = open_checked(card, runtime, threads, precision=precision)
    return OwnHeadNetwork(session, weak), card


def evaluate_model(
    model_id: str,
    sets: Sequence[EvaluationSet],
    *,
    with_slices: bool = False,
    threads: int = 1,
    precision: Precision = "f32",
    progress: Progress | None = None,
) -> EvaluationReport:
    """Judge a head network on labelled sets.

    Args:
        with_slices: also dark, blurred, compressed and occluded.
        progress: called with set name, pictures done, pictures in total.
    """
    begun = time.perf_counter()
    network, card = judge_network(model_id, threads=threads, precision=precision)
    threshold = card.decoding.score_threshold
    plain = tuple(_one(network, s, threshold, None, progress) for s in sets)
    slices = {
        name: tuple(_one(network, s, threshold, name, progress) for s in sets)
        for name in (SLICES if with_slices else ())
    }
    return EvaluationReport(
        model_id=card.versioned_id,
        evaluations=plain,
        slices=slices,
        relative_error=relative_error(plain),
        seconds=time.perf_counter() - begun,
        precision=precision,
        runtime=network.session.runtime,
    )


def _one(
    network: HeadNetwork,
    dataset: EvaluationSet,
    threshold: float,
    slice_name: str | None,
    progress: Progress | None,
) -> Evaluation:
    name = dataset.name if slice_name is None else f"{dataset.name}, {slice_name}"
    step = None if progress is None else (lambda done, total: progress(name, done, total))
    return evaluate(
        network,
        dataset,
        score_threshold=threshold,
        spoil=SLICES[slice_name] if slice_name else None,
        progress=step,
    )


def write_metrics(report: EvaluationReport, command: str, now: datetime | None = None) -> Path:
    """Write the card's `metrics` part, for int8 that of `quantised`, for bf16 that of `bf16`.

    The losses of the shorter precisions are told anew, whichever was judged.

    Args:
        command: the command that judged, as it was given; the card repeats it.

    Returns:
        the card's path.

    Raises:
        CardError: when the card cannot be written, or tells of a set that was not judged.
    """
    model_id = report.model_id.split("@")[0]
    card = find_card(model_id.removesuffix(INT8_SUFFIX) if report.precision == "int8" else model_id)
    refuse_fewer_sets(card, report.precision, [e.dataset for e in report.evaluations])
    found = {report.precision: card_metrics(report, command, now or datetime.now(UTC))}
    full = found.get("f32", card.metrics)
    parts: dict[str, Any] = {"metrics": full} if "f32" in found else {}
    if card.quantised is not None:
        parts["quantised"] = {
            "file": card.quantised.file,
            "sha256": card.quantised.sha256,
            "made": card.quantised.made,
        } | _beside(full, found.get("int8", card.quantised.metrics))
    short = found.get("bf16", None if card.bf16 is None else card.bf16.metrics)
    if short is not None:
        parts["bf16"] = _beside(full, short)
    write_parts(card.path, parts)
    return card.path


def _beside(full: Mapping[str, Any], short: Mapping[str, Any]) -> dict[str, Any]:
    return {"metrics": short, "loss": relative_loss(full, short)}


def refuse_fewer_sets(card: ModelCard, precision: Precision, names: Sequence[str]) -> None:
    """Refuse to write what was judged on `names` where the card tells of other sets too.

    An error stated from fewer sets is a smaller one by choice. A shorter precision is measured
    beside f32, so it needs the sets of f32 as well.

    Raises:
        CardError: the text lists the missing sets.
    """
    told = set(judged_sets(card.metrics))
    if precision == "int8" and card.quantised is not None:
        told |= set(judged_sets(card.quantised.metrics))
    if precision == "bf16" and card.bf16 is not None:
        told |= set(judged_sets(card.bf16.metrics))
    missing = sorted(told - set(names))
    if missing:
        raise CardError(
            f"{card.path}: metrics.sets: {', '.join(missing)} would be lost; judge them too, or "
            "leave out --write"
        )


_LOSS_OF = ("mae", "nae")


def relative_loss(full: Mapping[str, Any], short: Mapping[str, Any]) -> dict[str, Any]:
    """By how much a shorter precision is worse than f32, as a share of f32; negative: it is better.

    For errors of the density count (short - full) / full; for AP50 (full - short) / full.
    """
    loss: dict[str, Any] = {}
    for name, found in short.get("sets", {}).items():
        before = full.get("sets", {}).get(name)
        if before is None:
            continue
        row = {}
        for measure in _LOSS_OF:
            was, now = before["density"].get(measure), found["density"].get(measure)
            if was and now is not None:
                row[f"density_{measure}"] = round((now - was) / was, 4)
        if before.get("head_ap50") and "head_ap50" in found:
            row["head_ap50"] = round(
                (before["head_ap50"] - found["head_ap50"]) / before["head_ap50"], 4
            )
        loss[name] = row
    return loss


def card_metrics(report: EvaluationReport, command: str, now: datetime) -> dict[str, Any]:
    """The `metrics` part as plain values, rounded to what the number of pictures supports."""
    sets: dict[str, Any] = {}
    for evaluation in report.evaluations:
        sets[evaluation.dataset] = _set_metrics(evaluation) | {
            "slices": {
                name: _rounded(found.overall["density"])
                for name, group in report.slices.items()
                for found in group
                if found.dataset == evaluation.dataset
            }
        }
        if not report.slices:
            del sets[evaluation.dataset]["slices"]
    return {
        "written_by": command,
        "judged_on": now.date().isoformat(),
        "weights": report.model_id,
        "runtime": report.runtime,
        "precision": report.precision,
        "relative_error": round(report.relative_error, 3),
        "sets": sets,
    }


def _set_metrics(evaluation: Evaluation) -> dict[str, Any]:
    found: dict[str, Any] = {rule: _rounded(e) for rule, e in evaluation.overall.items()}
    found["density_by_count"] = {
        name: _rounded(rules["density"]) for name, rules in evaluation.by_bin.items()
    }
    if len(evaluation.by_camera) > 1:
        found["density_by_camera"] = {
            name: _rounded(rules["density"]) for name, rules in evaluation.by_camera.items()
        }
    if evaluation.head_ap50 is not None:
        found["head_ap50"] = round(evaluation.head_ap50, 3)
    return found


def _rounded(errors: CountErrors) -> dict[str, float | int | None]:
    return {
        "pictures": errors.pictures,
        "mae": round(errors.mae, 3),
        "rmse": round(errors.rmse, 3),
        "nae": None if errors.nae is None else round(errors.nae, 4),
        "bias": round(errors.bias, 2),
    }


def calibrate_threshold(
    model_id: str, dataset: EvaluationSet, progress: Progress | None = None
) -> float:
    """The score threshold at which the points of a set are counted without bias. Use pictures
    of the training part that training held out, never a test set."""
    network, card = judge_network(model_id)
    found = _one(network, dataset, card.decoding.score_threshold, None, progress)
    return unbiased_threshold(found.judged)


def evaluation_sets(data: Path, names: Sequence[str]) -> list[EvaluationSet]:
    """Open test sets below the data folder; a name may be `rendered=FOLDER`.

    Raises:
        DatasetError: for an unknown name or missing data.
    """
    sets = []
    for name in names:
        label, _, folder = name.partition("=")
        sets.append(open_set(label, Path(folder) if folder else data))
    return sets
