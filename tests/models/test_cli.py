from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.models import models_app
from models import load_head_network, load_person_detector
from models.cards import write_parts
from models.errors import CardError, WrongFamilyError
from models.importing import import_file
from models.registry import default_head_network_id, find_card
from tests.models.networks import detector

runner = CliRunner()


def test_the_list_names_the_shipped_network_in_both_languages() -> None:
    chinese = runner.invoke(models_app, ["list"])
    english = runner.invoke(models_app, ["list", "--lang", "en"])
    assert chinese.exit_code == english.exit_code == 0
    assert "xiaoan-heads-1" in chinese.output
    assert "完好" in chinese.output
    assert "intact" in english.output


def test_show_carries_the_licence_caution() -> None:
    found = runner.invoke(models_app, ["show", "--lang", "en"])
    assert found.exit_code == 0
    assert "these weights are for evaluation" in found.output


def test_the_list_shows_the_others_beside_a_card_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_MODELS", str(tmp_path))
    (tmp_path / "torn.yaml").write_text("model_id: [", encoding="utf-8")
    (tmp_path / "zzz.yaml").write_text("model_id: other", encoding="utf-8")
    found = runner.invoke(models_app, ["list"])
    assert found.exit_code == 1
    assert "xiaoan-heads-1" in found.stdout
    assert "xiaoan-heads-2" in found.stdout
    first, second, *_ = [li for li in found.stderr.splitlines() if li.startswith(str(tmp_path))]
    assert first.startswith(f"{tmp_path / 'torn.yaml'}：不是有效的 YAML")
    assert second.startswith(f"{tmp_path / 'torn.yaml'}: not valid YAML")
    assert f"{tmp_path / 'zzz.yaml'}: " in found.stderr
    assert "Traceback" not in found.output


def test_a_person_detector_is_not_sent_to_a_judge_that_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_MODELS", str(tmp_path / "own"))
    file = tmp_path / "nano.onnx"
    file.write_bytes(detector().SerializeToString())
    import_file(file)
    found = runner.invoke(models_app, ["show", "nano", "--lang", "en"])
    assert found.exit_code == 0
    assert "judges head networks only" in found.output
    assert "run xiaoan models evaluate" not in found.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "huge"], "'huge' has no card"),
        (["import", "net.pt"], "net.pt: cannot be read"),
        (["import", "none.onnx"], "none.onnx: cannot be read"),
        (["evaluate", "huge", "brt-test", "--data", "/nowhere"], "no such folder"),
        (["evaluate", "xiaoan-heads-2", "imagenet", "--data", "."], "'imagenet' is not known"),
    ],
)
def test_a_refusal_is_one_clear_line_and_exit_code_1(arguments: list[str], says: str) -> None:
    found = runner.invoke(models_app, arguments)
    assert found.exit_code == 1
    assert says in found.output
    assert "Traceback" not in found.output


def test_an_unknown_language_is_refused() -> None:
    assert runner.invoke(models_app, ["list", "--lang", "fr"]).exit_code == 2


def test_a_yolox_file_is_recognised(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_MODELS", str(tmp_path))
    found = import_file(shared_data / "weights" / "yolox_nano_416.onnx")
    assert (found.family, found.shape) == ("yolox", "1x3x416x416")


def test_a_head_network_is_not_taken_for_a_person_detector(model_dir: Path) -> None:
    with pytest.raises(WrongFamilyError, match="a head network, not a person detector"):
        load_person_detector(model_dir / "tiny.onnx")


def test_a_head_network_of_ones_own_becomes_a_model_that_is_to_be_judged_first(
    tiny_network: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_MODELS", str(tmp_path / "own"))
    (tmp_path / "heads.onnx").write_bytes(tiny_network)
    shown = runner.invoke(models_app, ["import", str(tmp_path / "heads.onnx"), "--lang", "en"])
    assert shown.exit_code == 0
    assert "xiaoan models evaluate heads DATASETS" in shown.output
    assert "person detector" not in shown.output
    card = find_card("heads")
    assert (card.family, card.task) == ("xiaoan-heads", "heads")
    assert card.decoding == find_card(default_head_network_id()).decoding
    with pytest.raises(CardError, match="run `xiaoan models evaluate heads --write`"):
        load_head_network("heads", runtime="onnxruntime")
    write_parts(card.path, {"metrics": {"relative_error": 0.2}})
    assert load_head_network("heads", runtime="onnxruntime").model_id == card.versioned_id
