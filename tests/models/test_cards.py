import math
from pathlib import Path

import pytest

from models.cards import read_card, write_parts
from models.errors import CardError
from tests.models.conftest import write_card

SHA256 = "ab" * 32
INT8 = f"quantised:\n  file: t.zip\n  sha256: {SHA256}"


def test_a_card_is_read_as_written(tmp_path: Path) -> None:
    card = read_card(write_card(tmp_path, "tiny", "tiny.onnx", SHA256, long_side=640))
    assert card.model_id == "tiny"
    assert card.versioned_id == "tiny@abababab"
    assert card.decoding.working_long_side_px == 640
    assert card.decoding.score_threshold == 0.5
    assert card.relative_error == 0.2
    assert card.summary.zh == "测试"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("model_id: tiny", "model_id: ''", "model_id: missing or not a text"),
        ("task: heads", "task: birds", "task: 'birds' is not known; write heads or persons"),
        ("task: heads", "task: heads\ncolour: red", "colour: unknown key"),
        (SHA256, "abcd", "weights.sha256: expected 64 hexadecimal digits"),
        ("score_threshold: 0.5", "score_threshold: 2", "score_threshold between 0 and 1"),
        ("score_threshold: 0.5", "speed: 2", "decoding:"),
        ("summary: {zh: 测试, en: test}", "summary: test", "summary: missing or without keys"),
        ("score_threshold: 0.5", "score_threshold: high", "score_threshold is not a number"),
        ("score_threshold: 0.5", "person_class: -1", "person_class must be a whole number"),
        ("score_threshold: 0.5", "person_class: 0.5", "person_class must be a whole number"),
        ("score_threshold: 0.5", "person_class: true", "person_class is not a number"),
        ("score_threshold: 0.5", "person_class: 2, class_count: 2", "below class_count (2)"),
        ("score_threshold: 0.5", "class_count: -2", "class_count must be a whole number"),
        ("score_threshold: 0.5", "iou_threshold: 1.5", "iou_threshold must be between 0 and 1"),
        ("score_threshold: 0.5", "iou_threshold: .nan", "iou_threshold must be between 0 and 1"),
        ("task: heads", "task: heads\ndata: 3", "data: not a list"),
        ("task: heads", "task: heads\ndata: [3]", "data: not a list of parts with keys"),
        ("task: heads", "task: heads\ntraining: [3]", "training: missing or without keys"),
        ("relative_error: 0.2", "sets: 5", "sets: missing or without keys of its own"),
        ("metrics: {relative_error: 0.2}", "metrics: good", "metrics: missing or without keys"),
        ("task: heads", f"task: heads\n{INT8}\n  loss: [3]", "loss: missing or without keys"),
        ("task: heads", f"task: heads\n{INT8}\n  made: by us", "made: missing or without keys"),
        ("task: heads", "task: heads\nbf16: {metrics: [3]}", "metrics: missing or without keys"),
        ("task: heads", "task: heads\ncolour: red\n7: red", "7: unknown key"),
        ("task: heads", "task: heads\ntraining: {day: 2026-13-45}", "not valid YAML"),
        ("family: xiaoan-heads", "family: [", "not valid YAML"),
    ],
)
def test_a_wrong_card_is_refused_with_its_file_and_key(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", SHA256)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(CardError) as refusal:
        read_card(path)
    assert str(path) in str(refusal.value)
    assert says in str(refusal.value)


def test_parts_that_were_left_empty_by_hand_are_missing_ones(tmp_path: Path) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", SHA256)
    text = path.read_text(encoding="utf-8").replace("metrics: {relative_error: 0.2}", "metrics:")
    path.write_text(f"{text}{INT8}\n  made:\n  loss:\ntraining:\ndata:\n", encoding="utf-8")
    card = read_card(path)
    with pytest.raises(CardError, match="xiaoan models evaluate tiny --write"):
        _ = card.relative_error
    assert card.int8_loss == math.inf
    with pytest.raises(CardError, match="the int8 file is not of tiny@abababab"):
        card.as_int8()


def test_a_missing_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be read"):
        read_card(tmp_path / "none.yaml")


def test_a_card_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", SHA256)
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    with pytest.raises(CardError, match=r"tiny\.yaml: not valid YAML .*utf-8"):
        read_card(path)


def test_a_card_without_metrics_names_the_command_that_writes_them(tmp_path: Path) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", SHA256)
    write_parts(path, {"metrics": {}})
    with pytest.raises(CardError, match="xiaoan models evaluate tiny --write"):
        _ = read_card(path).relative_error


def test_writing_a_part_leaves_the_others(tmp_path: Path) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", SHA256)
    before = read_card(path)
    write_parts(path, {"metrics": {"relative_error": 0.1}})
    after = read_card(path)
    assert after.relative_error == 0.1
    assert (after.summary, after.weights_sha256) == (before.summary, before.weights_sha256)


def test_an_unknown_part_is_not_written(tmp_path: Path) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", SHA256)
    with pytest.raises(CardError, match="praise"):
        write_parts(path, {"praise": "much"})


@pytest.mark.parametrize(
    ("loss", "worst"),
    [
        ({"a": {"density_mae": 0.007, "head_ap50": 0.5}, "b": {"density_mae": 0.024}}, 0.024),
        ({"a": {"density_mae": -0.01}, "b": {"density_mae": -0.02}}, -0.01),
        ({"a": {"density_mae": 0.0}, "b": {"density_mae": 0.0}, "c": {"density_mae": 0.03}}, 0.03),
        ({"a": {"density_mae": 0.007}, "b": {"density_nae": 0.001}}, math.inf),
        ({"a": {"density_mae": 0.007}}, math.inf),
        ({}, math.inf),
    ],
)
def test_an_unmeasured_loss_is_no_small_one(
    tmp_path: Path, loss: dict[str, object], worst: float
) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", SHA256)
    assert read_card(path).int8_loss == math.inf
    sets = {"a": {"density": {"mae": 1.0}}, "b": {"density": {"mae": 2.0}}}
    int8 = {"file": "f.zip", "sha256": SHA256, "loss": loss}
    write_parts(path, {"metrics": {"relative_error": 0.1, "sets": sets}, "quantised": int8})
    assert read_card(path).int8_loss == worst
    write_parts(path, {"metrics": {"relative_error": 0.1}})
    assert read_card(path).int8_loss == math.inf
