"""What becomes of files that a school brings: kept, refused with the mend, never lost."""

import json
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from api.cli.models import models_app
from models.errors import CardError, ModelError, NotWrittenError, RuntimeMissingError
from models.importing import export_model, import_file, pull
from models.registry import checked_weights, find_card
from tests.models.networks import SIDE, detector, of_nodes, outside

WORDS = "已核对：校内自训"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own"
    monkeypatch.setenv("XIAOAN_MODELS", str(folder))
    return folder


@pytest.fixture
def school(tmp_path: Path) -> Path:
    """A folder with the school's `best.pt` and the export it made of it itself."""
    folder = tmp_path / "school"
    folder.mkdir()
    with zipfile.ZipFile(folder / "best.pt", "w") as archive:
        archive.writestr("best/data.pkl", b"cultralytics.nn.tasks\nDetectionModel\n)\x81.")
    (folder / "best.onnx").write_bytes(b"the school's own export")
    return folder


class Yolo:
    """Ultralytics as far as it is used: the export lies beside the weights."""

    made = detector().SerializeToString()
    fails: Exception | None = None
    opened: list[Path] = []  # noqa: RUF012

    def __init__(self, weights: str) -> None:
        self.opened.append(Path(weights))

    def export(self, **_: object) -> str:
        if self.fails is not None:
            raise self.fails
        target = self.opened[-1].with_suffix(".onnx")
        target.write_bytes(self.made)
        return str(target)


@pytest.fixture
def ultralytics(monkeypatch: pytest.MonkeyPatch) -> type[Yolo]:
    class Here(Yolo):
        opened: list[Path] = []  # noqa: RUF012

    module = types.ModuleType("ultralytics")
    module.__dict__.update(YOLO=Here, settings={"sync": True})
    monkeypatch.setitem(sys.modules, "ultralytics", module)
    return Here


def written(path: Path, made: ModelProto | bytes) -> Path:
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return path


def test_a_file_becomes_a_model(tmp_path: Path, own: Path) -> None:
    found = import_file(written(tmp_path / "Best.ONNX", detector()))
    assert found.card == find_card("best")
    assert found.card.path == own / "best.yaml"
    assert checked_weights(found.card) == detector().SerializeToString()
    assert (found.card.decoding.person_class, found.card.decoding.class_count) == (0, 2)


def no_utf8() -> bytes:
    content: bytes = detector(names="XXXX").SerializeToString()
    return content.replace(b"XXXX", b"\xff\xfe\xc4\xe3")


def fails_at_run() -> ModelProto:
    shape = numpy_helper.from_array(np.array([7, 11], np.int64), "shape")
    return of_nodes([helper.make_node("Reshape", ["images", "shape"], ["output0"])], [shape])


def external() -> ModelProto:
    made = detector()
    made.graph.initializer[0].CopyFrom(outside(made.graph.initializer[0], "best.onnx.data"))
    return made


def sequence() -> ModelProto:
    return of_nodes([helper.make_node("SequenceConstruct", ["images"], ["output0"])], sequence=True)


def newer() -> ModelProto:
    made = detector()
    made.opset_import[0].version = 99
    return made


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (newer(), "FAIL : ONNX Runtime only *guarantees* support for models stamped with official"),
        (detector(batch=4), "it takes 4 pictures at a time; export it with a batch of 1"),
        (detector(names="80"), "names: not readable"),
        (no_utf8(), "its metadata are not in UTF-8"),
        (sequence(), "its output output0 is no array of numbers"),
        (detector(filled=np.nan), "onnxruntime gives no finite numbers for a picture (output o"),
        (detector(element=TensorProto.FLOAT16), f"an input of float16 (1, 3, {SIDE}, {SIDE}) is"),
        (fails_at_run(), "best.onnx: onnxruntime fails on a picture"),
        (external(), "its weights lie in a second file ('best.onnx.data')"),
        (b"<html>404</html>", "ONNX Runtime cannot load it"),
    ],
)
def test_a_bad_file_is_refused_in_words_and_leaves_nothing(
    tmp_path: Path, own: Path, made: ModelProto | bytes, says: str
) -> None:
    with pytest.raises(ModelError, match=r"best\.onnx") as refusal:
        import_file(written(tmp_path / "best.onnx", made))
    assert says in str(refusal.value)
    assert not own.exists()


def test_names_in_the_order_of_texts_do_not_shift_the_class_of_persons(
    tmp_path: Path, own: Path
) -> None:
    names = json.dumps({"1": "person", "0": "bag"})
    found = import_file(written(tmp_path / "best.onnx", detector(names=names)))
    assert found.card.decoding.person_class == 1


def went_over(path: Path) -> str:
    """The card as somebody left it: another threshold, and what was found out of the licence."""
    text = path.read_text(encoding="utf-8").replace("score_threshold: 0.25", "score_threshold: 0.4")
    text = text.replace("由用户核对", WORDS)
    path.write_text(text, encoding="utf-8")
    return text


def test_another_file_of_the_same_name_takes_no_place_unasked(tmp_path: Path, own: Path) -> None:
    first = import_file(written(tmp_path / "best.onnx", detector())).card
    text = went_over(first.path)
    other = written(tmp_path / "best.onnx", detector(filled=0.25))
    with pytest.raises(CardError, match=r"best\.yaml: is there already \(sha256 ") as refusal:
        import_file(other)
    assert first.weights_sha256[:12] in str(refusal.value)
    assert first.path.read_text(encoding="utf-8") == text
    assert checked_weights(find_card("best")) == detector().SerializeToString()
    assert import_file(other, model_id="best-2").card.model_id == "best-2"
    found = import_file(other, replace=True).card
    assert found.weights_sha256 != first.weights_sha256
    assert checked_weights(found) == other.read_bytes()


def test_the_same_file_again_mends_the_weights_and_leaves_the_card(
    tmp_path: Path, own: Path
) -> None:
    file = written(tmp_path / "best.onnx", detector())
    text = went_over(import_file(file).card.path)
    (own / "best.onnx").write_bytes(b"cut short")
    found = import_file(file).card
    assert (found.decoding.score_threshold, found.licence.zh) == (0.4, WORDS)
    assert found.path.read_text(encoding="utf-8") == text
    assert checked_weights(found) == file.read_bytes()
    with pytest.raises(CardError, match="is there already"):
        import_file(file, person_class=1)


def test_a_file_without_a_card_is_not_lost_either(tmp_path: Path, own: Path) -> None:
    own.mkdir()
    (own / "best.onnx").write_bytes(b"put here by hand")
    with pytest.raises(CardError, match=r"best\.onnx: is there already"):
        import_file(written(tmp_path / "best.onnx", detector()))
    assert (own / "best.onnx").read_bytes() == b"put here by hand"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, own: Path) -> None:
    own.write_text("a file where the folder should be")
    with pytest.raises(NotWrittenError, match=r"best\.onnx: cannot be written"):
        import_file(written(tmp_path / "best.onnx", detector()))


def test_what_the_school_made_of_its_checkpoint_stays(
    school: Path, own: Path, ultralytics: type[Yolo]
) -> None:
    assert import_file(school / "best.pt").card.family == "yolo"
    assert [path.parent == school for path in ultralytics.opened] == [False]
    assert (school / "best.onnx").read_bytes() == b"the school's own export"
    assert sorted(path.name for path in school.iterdir()) == ["best.onnx", "best.pt"]


def test_an_export_is_reported_to_nobody(school: Path, own: Path, ultralytics: type[Yolo]) -> None:
    import_file(school / "best.pt")
    assert vars(sys.modules["ultralytics"])["settings"] == {"sync": False}


def test_a_refusal_names_the_file_that_was_given(
    school: Path, own: Path, ultralytics: type[Yolo]
) -> None:
    ultralytics.made = detector(names="{0: 'bag', 1: 'cup'}").SerializeToString()
    with pytest.raises(ModelError) as refusal:
        import_file(school / "best.pt")
    assert str(refusal.value).startswith(f"{school / 'best.pt'}: none of its classes is a person")


def test_an_export_goes_over_no_other_file(
    school: Path, tmp_path: Path, own: Path, ultralytics: type[Yolo]
) -> None:
    with pytest.raises(NotWrittenError, match=r"best\.onnx: is there already and would be lost"):
        export_model(str(school / "best.pt"), school)
    assert ultralytics.opened == []
    assert (school / "best.onnx").read_bytes() == b"the school's own export"
    made = export_model(str(school / "best.pt"), tmp_path / "out")
    assert (made.name, made.read_bytes()) == ("best.onnx", Yolo.made)


def test_an_export_of_a_model_may_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        made = export_model("xiaoan-heads-2", tmp_path / "out")
        assert made.read_bytes() == checked_weights(find_card("xiaoan-heads-2"))
    made.write_bytes(b"something else")
    with pytest.raises(NotWrittenError, match="is there already and would be lost"):
        export_model("xiaoan-heads-2", tmp_path / "out")


@pytest.mark.parametrize("model", ["xiaoan-heads-2", "best.pt"])
def test_a_folder_that_cannot_be_made_is_named(
    school: Path, ultralytics: type[Yolo], model: str
) -> None:
    model = str(school / model) if model.endswith(".pt") else model
    with pytest.raises(NotWrittenError, match=r"\.onnx: cannot be written"):
        export_model(model, school / "best.pt")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("PytorchStreamReader failed reading zip archive"),
        AssertionError(),
        ModuleNotFoundError("No module named 'onnxslim'"),
        KeyError("model"),
        TypeError("a\nb"),
    ],
)
def test_what_fails_inside_ultralytics_is_one_refusal(
    school: Path, own: Path, ultralytics: type[Yolo], error: Exception
) -> None:
    ultralytics.fails = error
    with pytest.raises(ModelError, match=r"best\.pt: Ultralytics cannot export it \(.+\); "):
        import_file(school / "best.pt")
    with pytest.raises(RuntimeMissingError, match=r"yolo11n\.pt cannot be fetched"):
        pull("yolo11n")
    assert not own.exists()


def test_a_model_that_is_pulled_takes_no_place_unasked(own: Path, ultralytics: type[Yolo]) -> None:
    first = pull("yolo11n").card
    ultralytics.made = detector(filled=0.25).SerializeToString()
    with pytest.raises(CardError, match="is there already"):
        pull("yolo11n")
    assert find_card("yolo11n") == first
    assert pull("yolo11n", replace=True).card.weights_sha256 != first.weights_sha256


@pytest.mark.parametrize(
    "command", [lambda file: ["import", file], lambda file: ["import", file, "--replace"]]
)
def test_the_command_replaces_only_when_told(
    tmp_path: Path, own: Path, command: Callable[[str], list[str]]
) -> None:
    import_file(written(tmp_path / "best.onnx", detector()))
    other = written(tmp_path / "best.onnx", detector(filled=0.25))
    arguments = command(str(other))
    found = CliRunner().invoke(models_app, arguments)
    assert found.exit_code == (0 if "--replace" in arguments else 1)
    first = found.output.splitlines()[0]
    assert ("已经有了" in first) == ("--replace" not in arguments)
