import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli import models as cli_models
from models.cards import read_card, write_parts
from models.commands import (
    EvaluationReport,
    calibrate_threshold,
    card_metrics,
    evaluate_model,
    evaluation_sets,
    list_models,
    write_metrics,
)
from models.datasets import Sample, is_held_out
from models.degradations import SLICES
from models.errors import CardError, DatasetError
from models.evaluation import (
    EvaluationSet,
    Judged,
    combined_count,
    count_errors,
    counts_of,
    evaluate,
    head_boxes,
    open_set,
    packed_share,
    relative_error,
    subset,
    summarise,
    unbiased_threshold,
)
from models.sessions import Precision
from models.training.batches import HELD_OUT_PERCENT
from vision.arrays import UInt8Array
from vision.observations import CrowdObservation, DensityMap, HeadPoints, Region


def heads_at(*places: tuple[float, float], score: float = 0.9, size: float = 10.0) -> HeadPoints:
    count = len(places)
    return HeadPoints(
        np.array(places, np.float32).reshape(-1, 2),
        np.full(count, size, np.float32),
        np.full(count, score, np.float32),
    )


def judged(truth: int, density: float, *, camera: str = "c", score: float = 0.9) -> Judged:
    found = heads_at(*[(40.0 * i, 0.0) for i in range(round(density))], score=score)
    points = float(len(found))
    counts = {"density": density, "points": points, "combined": points}
    return Judged(camera, truth, counts, found, None)


@dataclass
class FixedNetwork:
    """Always says: one head at (10, 10) and a density of 2 people."""

    model_id: str = "fixed@0"

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        del image_bgr, region
        return CrowdObservation(
            heads_at((10.0, 10.0)), DensityMap(np.full((1, 1), 2.0, np.float32), 8, 8), 0.1
        )


def test_errors_by_hand() -> None:
    found = count_errors(np.array([12.0, 8.0, 1.0]), np.array([10.0, 10.0, 0.0]))
    assert found.mae == pytest.approx(5 / 3)
    assert found.rmse == pytest.approx(np.sqrt(9 / 3))
    assert found.bias == pytest.approx(1 / 3)
    assert found.nae == pytest.approx(0.2)  # the empty picture has no ratio
    assert (found.pictures, found.people) == (3, 20)


def test_nobody_anywhere_has_no_normalised_error() -> None:
    assert count_errors(np.array([1.0]), np.array([0.0])).nae is None


def test_no_picture_cannot_be_judged() -> None:
    with pytest.raises(DatasetError):
        count_errors(np.zeros(0), np.zeros(0))


def test_groups_by_count_and_by_camera() -> None:
    found = summarise("s", "m", [judged(3, 4.0, camera="a"), judged(20, 26.0, camera="b")])
    assert found.by_bin["0-4"]["density"].mae == pytest.approx(1.0)
    assert found.by_bin["15-29"]["density"].mae == pytest.approx(6.0)
    assert set(found.by_bin) == {"0-4", "15-29"}
    assert found.by_camera["b"]["density"].nae == pytest.approx(0.3)
    assert found.head_ap50 is None


@pytest.mark.parametrize(
    ("packed", "saturated", "count"),
    [(0.0, False, 4.0), (1.0, False, 8.0), (0.25, False, 5.0), (0.0, True, 8.0)],
)
def test_the_combined_count_follows_the_packing(
    packed: float, saturated: bool, count: float
) -> None:
    assert combined_count(4.0, 8.0, packed, saturated=saturated) == pytest.approx(count)


def test_packed_share_by_hand() -> None:
    # heads of 10 px: the first two are 12 px apart, the third stands alone
    assert packed_share(heads_at((0, 0), (12, 0), (100, 0))) == pytest.approx(2 / 3)
    assert packed_share(heads_at((0, 0))) == 0.0


def test_points_below_the_threshold_are_not_counted() -> None:
    found = CrowdObservation(heads_at((1, 1), score=0.3), None, 0.1)
    assert counts_of(found, 0.5) == {"density": 0.0, "points": 0.0, "combined": 0.0}
    assert counts_of(found, 0.2)["points"] == 1.0


def test_head_boxes_are_narrower_than_high() -> None:
    np.testing.assert_allclose(
        head_boxes(heads_at((100, 50), size=20)), [[91.3, 40, 108.7, 60]], rtol=1e-5
    )


def test_relative_error_weighs_sets_alike() -> None:
    small = summarise("a", "m", [judged(10, 12.0)])
    large = summarise("b", "m", [judged(10, 10.0)] * 9 + [judged(2, 9.0)])
    assert relative_error([small, large]) == pytest.approx(np.sqrt(0.04 / 2))
    with pytest.raises(DatasetError):
        relative_error([summarise("c", "m", [judged(2, 3.0)])])


def test_the_unbiased_threshold_counts_as_many_points_as_heads() -> None:
    rows = [judged(2, 2.0, score=0.8), judged(1, 3.0, score=0.4)]
    assert unbiased_threshold(rows) == pytest.approx(0.4)
    assert unbiased_threshold(rows[:1]) == pytest.approx(0.8)


@pytest.fixture
def two_pictures(tmp_path: Path) -> EvaluationSet:
    samples = []
    for i in range(2):
        path = tmp_path / f"{i}.png"
        cv2.imwrite(str(path), np.full((40, 80, 3), 100, np.uint8))
        heads = np.array([[10.0, 10.0, 10.0]] * (i + 1), np.float32)
        samples.append(Sample("s", f"cam-{i}", path, heads, fractional=False))
    return EvaluationSet("two", tuple(samples))


def test_every_picture_is_judged_with_progress(two_pictures: EvaluationSet) -> None:
    steps: list[tuple[int, int]] = []
    found = evaluate(
        FixedNetwork(),
        two_pictures,
        score_threshold=0.5,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(1, 2), (2, 2)]
    assert found.overall["density"].mae == pytest.approx(0.5)
    assert found.overall["points"].bias == pytest.approx(-0.5)
    assert set(found.by_camera) == {"cam-0", "cam-1"}


def test_an_unreadable_picture_is_named(two_pictures: EvaluationSet) -> None:
    two_pictures.samples[1].picture.write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"1\.png: not a readable picture"):
        evaluate(FixedNetwork(), two_pictures, score_threshold=0.5)


def test_every_nth_picture(two_pictures: EvaluationSet) -> None:
    assert subset(two_pictures, 2).samples == two_pictures.samples[:1]


@pytest.mark.parametrize("name", sorted(SLICES))
def test_a_slice_is_the_same_every_time_and_keeps_the_shape(name: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    heads = np.array([[10.0, 5.0, 8.0], [60.0, 5.0, 8.0]], np.float32)
    first, second = SLICES[name](image, heads), SLICES[name](image, heads)
    assert np.array_equal(first[0], second[0])
    assert first[0].shape == image.shape
    assert not np.array_equal(first[0], image)


def test_heads_behind_a_bar_are_not_in_the_truth() -> None:
    image = np.zeros((40, 80, 3), np.uint8)  # bars of 4 px around 10, 30, 50 and 70
    _, seen = SLICES["occluded"](image, np.array([[10, 5, 8], [20, 5, 8]], np.float32))
    assert seen[:, 0].tolist() == [20.0]


def test_an_unknown_set_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="known: brt-test, scut-a-room, scut-b, rendered"):
        open_set("imagenet", tmp_path)


def test_held_out_pictures_of_a_source_are_those_that_training_leaves(shared_data: Path) -> None:
    found = open_set("held-out-scut_a", shared_data)
    assert {sample.source for sample in found.samples} == {"scut_a"}
    assert all(is_held_out(sample, HELD_OUT_PERCENT) for sample in found.samples)
    assert all("test" not in sample.picture.parts[-3] for sample in found.samples)
    assert found.boxes_of is not None
    assert open_set("held-out-brt", shared_data).boxes_of is None
    with pytest.raises(DatasetError, match="no picture is held out of it; known: brt, scut_a"):
        open_set("held-out-imagenet", shared_data)


def test_listing_names_the_state_of_the_weights(tmp_path: Path) -> None:
    assert {row.weights for row in list_models()[0]} == {"present"}
    assert {row.weights for row in list_models(tmp_path)[0]} == {"missing"}


# The gate: the shipped networks on every 20th picture of the Beijing BRT test split. The bound is
# the 1.7 and a margin for the 28 pictures; a worse network must not be shipped.
GATE_EVERY = 20
GATE_MAE = 1.9


@pytest.mark.parametrize("model_id", ["xiaoan-heads-1", "xiaoan-heads-2"])
def test_the_shipped_networks_still_count(shared_data: Path, model_id: str) -> None:
    (full,) = evaluation_sets(shared_data, ["brt-test"])
    report = evaluate_model(model_id, [subset(full, GATE_EVERY)])
    (found,) = report.evaluations
    assert found.overall["density"].pictures == 28
    assert found.overall["density"].mae <= GATE_MAE


def test_metrics_of_a_report_are_plain_and_rounded(shared_data: Path) -> None:
    from datetime import UTC, datetime

    sets = [subset(s, 140) for s in evaluation_sets(shared_data, ["scut-a-room"])]
    report = evaluate_model("xiaoan-heads-2", sets, with_slices=True)
    metrics = card_metrics(report, "said so", datetime(2026, 1, 2, tzinfo=UTC))
    assert metrics["judged_on"] == "2026-01-02"
    assert (metrics["written_by"], metrics["precision"]) == ("said so", "f32")
    assert set(metrics["sets"]["scut-a-room"]["slices"]) == set(SLICES)
    assert metrics["relative_error"] > 0


def test_a_calibrated_threshold_lies_between_its_bounds(shared_data: Path) -> None:
    (full,) = evaluation_sets(shared_data, ["scut-b"])
    assert 0.05 <= calibrate_threshold("xiaoan-heads-2", subset(full, 140)) <= 0.95


@pytest.fixture
def judged_card(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`tiny`, judged on two sets in f32 and in int8."""
    monkeypatch.setenv("XIAOAN_MODELS", str(model_dir))
    path = model_dir / "tiny.yaml"
    write_parts(path, {"quantised": {"file": "tiny.zip", "sha256": "cd" * 32, "made": {"by": "x"}}})
    write_metrics(report_of(path, [1.0, 1.0]), "f32")
    write_metrics(report_of(path, [1.01, 1.02], precision="int8"), "int8")
    assert read_card(path).int8_loss == pytest.approx(0.02)
    return path


def report_of(
    path: Path, errors: Sequence[float], precision: Precision = "f32"
) -> EvaluationReport:
    """Sets `a`, `b`, ... in which every picture is counted too high by so many people."""
    model_id = f"{path.stem}-int8@0" if precision == "int8" else f"{path.stem}@0"
    found = tuple(
        summarise(name, model_id, [judged(10, 10.0 + error)])
        for name, error in zip("abc", errors, strict=False)
    )
    return EvaluationReport(model_id, found, {}, relative_error(found), 1.0, precision)


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_figures_of_fewer_sets_take_no_place(judged_card: Path, precision: Precision) -> None:
    text = judged_card.read_text(encoding="utf-8")
    with pytest.raises(CardError, match=r"tiny\.yaml: metrics\.sets: b would be lost"):
        write_metrics(report_of(judged_card, [0.1], precision), "on one set")
    assert judged_card.read_text(encoding="utf-8") == text


def test_figures_of_bf16_stand_beside_those_of_f32(judged_card: Path) -> None:
    before = read_card(judged_card)
    write_metrics(report_of(judged_card, [1.5, 1.0], "bf16"), "bf16")
    card = read_card(judged_card)
    assert (card.metrics, card.relative_error) == (before.metrics, before.relative_error)
    assert (card.quantised, card.int8_loss) == (before.quantised, before.int8_loss)
    assert card.bf16 is not None
    assert card.bf16.metrics["precision"] == "bf16"
    losses = {name: row["density_mae"] for name, row in card.bf16.loss.items()}
    assert losses == {"a": 0.5, "b": 0.0}
    # f32 judged anew is what bf16 is compared with, and on no fewer sets than are told.
    write_metrics(report_of(judged_card, [3.0, 1.0]), "worse on a")
    again = read_card(judged_card).bf16
    assert again is not None
    assert again.loss["a"]["density_mae"] == -0.5
    with pytest.raises(CardError, match="b would be lost"):
        write_metrics(report_of(judged_card, [1.0], "bf16"), "bf16 on one set")
    write_metrics(report_of(judged_card, [1.0, 1.0, 1.0], "bf16"), "bf16 on one more")
    with pytest.raises(CardError, match="c would be lost"):
        write_metrics(report_of(judged_card, [1.0, 1.0], "bf16"), "bf16 on two")
    assert set(read_card(judged_card).metrics["sets"]) == {"a", "b"}


def test_int8_is_measured_on_every_set_of_f32(judged_card: Path) -> None:
    write_parts(
        judged_card, {"quantised": {"file": "tiny.zip", "sha256": "ef" * 32, "made": {"by": "y"}}}
    )
    with pytest.raises(CardError, match="b would be lost"):
        write_metrics(report_of(judged_card, [1.0], "int8"), "a new int8 file on one set")
    assert read_card(judged_card).int8_loss == math.inf


def test_a_new_judgement_of_f32_is_what_int8_is_compared_with(judged_card: Path) -> None:
    write_metrics(report_of(judged_card, [0.5, 1.0]), "better on a")
    card = read_card(judged_card)
    assert card.int8_loss == pytest.approx(1.02)
    assert card.quantised is not None
    assert card.quantised.made == {"by": "x"}
    # On a third set int8 has not been judged.
    write_metrics(report_of(judged_card, [1.0, 1.0, 1.0]), "one more")
    assert read_card(judged_card).int8_loss == math.inf


def test_the_command_refuses_fewer_sets_before_it_judges(
    judged_card: Path, two_pictures: EvaluationSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_models, "evaluation_sets", lambda *_: [two_pictures])
    arguments = ["evaluate", "tiny", "two", "--data", ".", "--write"]
    found = CliRunner().invoke(cli_models.models_app, arguments)
    assert found.exit_code == 1
    assert "a, b would be lost" in found.stderr
    assert found.stdout == ""


def test_the_command_prints_errors_by_count_and_by_camera(
    model_dir: Path, two_pictures: EvaluationSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_MODELS", str(model_dir))
    crowd = np.tile(np.array([[10.0, 10.0, 10.0]], np.float32), (6, 1))
    samples = (two_pictures.samples[0], replace(two_pictures.samples[1], heads=crowd))
    both = replace(two_pictures, samples=samples)
    monkeypatch.setattr(cli_models, "evaluation_sets", lambda *_: [both])
    arguments = ["evaluate", "tiny", "two", "--data", ".", "--lang", "en"]
    found = CliRunner().invoke(cli_models.models_app, arguments, env={"COLUMNS": "200"})
    assert found.exit_code == 0
    rows = [line.split() for line in found.stdout.splitlines() if line.strip().startswith("two")]
    named = [(row[2], row[4]) for row in rows if row[1] == "·"]
    assert named == [("0-4", "1"), ("5-14", "1"), ("cam-0", "1"), ("cam-1", "1")]
