import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from models import load_head_network, load_person_detector, loading, sessions
from models.bench import bench_model
from models.choosing import computes_in_bf16
from models.errors import (
    ModelError,
    RuntimeFailedError,
    RuntimeMissingError,
    WeightsHashError,
    WeightsMissingError,
    WrongFamilyError,
)
from models.heads.network import OwnHeadNetwork
from models.loading import RuntimeChoice
from models.registry import WEIGHTS_DIR
from models.sessions import Precision, RuntimeName, Session, open_session
from tests.models.conftest import HEAD_HEIGHT_PX, write_card


def spot(
    width_px: int = 96, height_px: int = 64
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Black, with one white 8x8 square whose top left corner is at u 40, v 24."""
    image = np.zeros((height_px, width_px, 3), np.uint8)
    image[24:32, 40:48] = 255
    return image


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_white_square_is_one_person_at_its_place(model_dir: Path, runtime: RuntimeChoice) -> None:
    network = load_head_network("tiny", runtime=runtime, weights_dir=model_dir, cards_dir=model_dir)
    found = network.observe(spot())
    assert found.density is not None
    assert found.density.count == pytest.approx(1.0, abs=1e-5)
    assert found.density.people_per_cell[3, 5] == pytest.approx(1.0, abs=1e-5)
    # Four cells of 4x4 are equally white: the top between them is the middle of the square.
    assert found.heads.centres_uv_px.tolist() == [[44.0, 28.0]]
    assert found.heads.sizes_px[0] == pytest.approx(HEAD_HEIGHT_PX, rel=1e-5)
    assert found.relative_error == 0.2


def test_places_are_given_in_pixels_of_the_large_picture(
    model_dir: Path, tiny_network: bytes
) -> None:
    import hashlib

    write_card(
        model_dir, "half", "tiny.onnx", hashlib.sha256(tiny_network).hexdigest(), long_side=96
    )
    network = load_head_network(
        "half", runtime="onnxruntime", weights_dir=model_dir, cards_dir=model_dir
    )
    large = spot().repeat(2, axis=0).repeat(2, axis=1)
    found = network.observe(large)
    assert found.density is not None
    assert (found.density.cell_width_px, found.density.cell_height_px) == (16.0, 16.0)
    assert found.density.people_per_cell.shape == (8, 12)
    assert found.heads.centres_uv_px.tolist() == [[88.0, 56.0]]
    assert found.heads.sizes_px[0] == pytest.approx(2 * HEAD_HEIGHT_PX, rel=1e-5)


def test_padding_is_not_part_of_the_answer(model_dir: Path) -> None:
    network = load_head_network(
        "tiny", runtime="onnxruntime", weights_dir=model_dir, cards_dir=model_dir
    )
    found = network.observe(spot(width_px=90, height_px=50))
    assert found.density is not None
    assert found.density.people_per_cell.shape == (7, 12)


def test_the_same_picture_gives_the_same_answer_twice(model_dir: Path) -> None:
    network = load_head_network(
        "tiny", runtime="openvino", weights_dir=model_dir, cards_dir=model_dir
    )
    image = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    first, second = network.observe(image), network.observe(image)
    assert first.density is not None
    assert second.density is not None
    assert np.array_equal(first.density.people_per_cell, second.density.people_per_cell)


def test_both_runtimes_agree_on_the_shipped_network() -> None:
    image = np.random.default_rng(2).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    found = [load_head_network(runtime=r).observe(image) for r in ("onnxruntime", "openvino")]
    maps = [f.density.people_per_cell for f in found if f.density is not None]
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-4)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_precision_is_pinned_and_stated(tiny_network: bytes, runtime: RuntimeName) -> None:
    session = open_session(tiny_network, source="tiny.onnx", runtime=runtime)
    assert (session.runtime, session.precision) == (runtime, "f32")


@pytest.mark.parametrize(
    ("has_bf16", "most_loss", "offered"),
    [
        (True, 1.0, ("f32", "bf16", "int8")),
        (False, 1.0, ("f32", "int8")),
        (True, 1e-6, ("f32", "bf16")),  # the shipped int8 file loses more than nothing
    ],
)
def test_auto_precision_offers_what_the_processor_and_the_published_loss_allow(
    monkeypatch: pytest.MonkeyPatch, *, has_bf16: bool, most_loss: float, offered: tuple[str, ...]
) -> None:
    asked = []

    def last(ways: Mapping[Precision, object], **_: object) -> Precision:
        asked.append(tuple(ways))
        return list(ways)[-1]

    monkeypatch.setattr(loading, "computes_in_bf16", lambda: has_bf16)
    if has_bf16:
        # OpenVINO computes in f32 then where the processor has none.
        monkeypatch.setattr(sessions, "offers_bf16", lambda _core: True)
    monkeypatch.setattr(loading, "MOST_LOSS", most_loss)
    monkeypatch.setattr(loading, "choose_precision", last)
    network = load_head_network(precision="auto")
    assert asked == [offered]
    assert network.session.precision == offered[-1]
    assert ("-int8@" in network.model_id) == (offered[-1] == "int8")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The weights of the package in a folder of their own."""
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS_DIR, folder)
    return folder


def _gone(file: Path) -> None:
    file.unlink()


def _changed(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("spoil", [_gone, _changed])
def test_a_remembered_int8_that_does_not_open_gives_way_to_f32(
    shipped: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], None],
) -> None:
    monkeypatch.setattr(loading, "choose_precision", lambda *_, **__: "int8")
    memory = shipped / "m.json"

    def load(precision: Precision | Literal["auto"]) -> str:
        network = load_head_network(weights_dir=shipped, precision=precision, memory=memory)
        return f"{network.model_id.partition('@')[0]} {network.session.precision}"

    assert load("auto") == "xiaoan-heads-2-int8 int8"
    spoil(shipped / "xiaoan-heads-2-int8.zip")
    assert load("auto") == "xiaoan-heads-2 f32"
    (warning,) = caplog.records
    assert warning.getMessage().startswith("precision int8 is left out: ")
    assert "xiaoan-heads-2-int8.zip" in warning.getMessage()
    with pytest.raises((WeightsHashError, WeightsMissingError), match="heads-2-int8"):
        load("int8")


def test_without_openvino_a_remembered_int8_gives_way_to_f32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "choose_precision", lambda *_, **__: "int8")
    monkeypatch.setitem(sys.modules, "openvino", None)
    memory = tmp_path / "m.json"
    session = load_head_network(precision="auto", memory=memory).session
    assert (session.precision, session.runtime) == ("f32", "onnxruntime")
    with pytest.raises(RuntimeMissingError):
        load_head_network(precision="int8", memory=memory)


def test_the_choice_is_remembered_where_it_is_told(model_dir: Path, tmp_path: Path) -> None:
    memory = tmp_path / "run" / "runtimes.json"
    card = model_dir / "tiny.yaml"
    load_head_network("tiny", weights_dir=model_dir, cards_dir=model_dir, memory=memory)
    assert len(json.loads(memory.read_text())) == 1
    text = card.read_text(encoding="utf-8").replace(
        "xiaoan-heads\ntask: heads", "yolo\ntask: persons"
    )
    card.write_text(text, encoding="utf-8")
    with pytest.raises(WrongFamilyError):
        load_person_detector(
            "tiny", runtime="auto", weights_dir=model_dir, cards_dir=model_dir, memory=memory
        )
    assert len(json.loads(memory.read_text())) == 1


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_picture_that_a_runtime_cannot_compute_is_one_error(
    tiny_network: bytes, runtime: RuntimeName
) -> None:
    session = open_session(tiny_network, source="tiny.onnx", runtime=runtime)
    with pytest.raises(RuntimeFailedError, match=rf"tiny\.onnx: {runtime} fails on a picture"):
        session.run(np.zeros((1, 2, 2, 3), np.float32).reshape(1, 3, 4))


def test_the_reason_is_what_happened_and_not_where_in_the_source(tiny_network: bytes) -> None:
    session = open_session(tiny_network, source="t", runtime="openvino")
    for work in (
        lambda: session.run(np.zeros((1, 3, 4), np.float32)),
        lambda: open_session(b"x", source="t", runtime="openvino"),
    ):
        with pytest.raises(ModelError) as failed:
            work()
        assert "src/" not in str(failed.value)


def test_a_named_runtime_or_no_wish_means_f32() -> None:
    assert load_head_network(runtime="onnxruntime", precision="auto").session.precision == "f32"
    assert load_head_network().session.precision == "f32"


@pytest.mark.skipif(not computes_in_bf16(), reason="this processor does not compute in bf16")
def test_bf16_counts_nearly_as_f32_does() -> None:
    image = np.random.default_rng(2).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    image[20:40, 30:50] = 255
    counts = []
    for precision in ("f32", "bf16"):
        network = load_head_network(runtime="openvino", precision=precision)
        density = network.observe(image).density
        assert density is not None
        counts.append(density.count)
    assert counts[1] == pytest.approx(counts[0], abs=0.1)


def test_a_processor_without_bf16_refuses_it_and_does_not_compute_in_f32_instead(
    tiny_network: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO would: what it computes would be told, and written into cards, as bf16."""
    monkeypatch.setattr(sessions, "offers_bf16", lambda _core: False)
    with pytest.raises(RuntimeMissingError, match=r"tiny\.onnx: this processor does not compute"):
        open_session(tiny_network, source="tiny.onnx", runtime="openvino", precision="bf16")
    (row,) = [one for one in bench_model("xiaoan-heads-2", rounds=1) if one.precision == "bf16"]
    assert row.wall_ms is None
    assert row.refusal.endswith("this processor does not compute in bf16; ask for f32 or int8")


def test_onnx_runtime_refuses_another_precision(tiny_network: bytes) -> None:
    with pytest.raises(RuntimeMissingError, match=r"tiny\.onnx: .* f32 only"):
        open_session(tiny_network, source="tiny.onnx", runtime="onnxruntime", precision="bf16")


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("content", [b"", b"not a graph at all", b"\x08\x08\x12\x07pytorch"])
def test_bytes_that_are_no_network_are_refused(runtime: RuntimeName, content: bytes) -> None:
    with pytest.raises(WrongFamilyError, match=r"bad\.onnx"):
        open_session(content, source="bad.onnx", runtime=runtime)


def test_a_file_larger_than_any_network_is_not_read(model_dir: Path) -> None:
    with (model_dir / "tiny.onnx").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(WeightsMissingError, match=r"tiny\.onnx: .* \(File too large\)"):
        load_head_network("tiny", weights_dir=model_dir, cards_dir=model_dir)
    with pytest.raises(WeightsMissingError, match=r"tiny\.onnx: cannot be read \(File too large\)"):
        load_person_detector(model_dir / "tiny.onnx")


def test_a_changed_file_is_refused_before_it_is_run(model_dir: Path) -> None:
    (model_dir / "tiny.onnx").write_bytes(b"something else")
    with pytest.raises(WeightsHashError):
        load_head_network("tiny", weights_dir=model_dir, cards_dir=model_dir)


def test_a_person_detector_is_no_head_network(model_dir: Path) -> None:
    card = model_dir / "tiny.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace("xiaoan-heads", "yolox"), "utf-8")
    with pytest.raises(WrongFamilyError, match="no head network"):
        load_head_network("tiny", weights_dir=model_dir, cards_dir=model_dir)


def test_a_yolox_graph_under_a_head_card_is_refused(model_dir: Path, shared_data: Path) -> None:
    import hashlib

    content = (shared_data / "weights" / "yolox_nano_416.onnx").read_bytes()
    (model_dir / "tiny.onnx").write_bytes(content)
    write_card(model_dir, "tiny", "tiny.onnx", hashlib.sha256(content).hexdigest())
    with pytest.raises(WrongFamilyError, match="not a graph of family xiaoan-heads"):
        load_head_network("tiny", runtime="onnxruntime", weights_dir=model_dir, cards_dir=model_dir)


def test_a_head_network_file_is_no_person_detector(model_dir: Path) -> None:
    with pytest.raises(WrongFamilyError, match="a head network, not a person detector"):
        load_person_detector(model_dir / "tiny.onnx")


def test_a_person_detector_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"none\.onnx: cannot be read"):
        load_person_detector(tmp_path / "none.onnx")


def test_the_shipped_network_is_of_the_own_family() -> None:
    network = load_head_network(runtime="onnxruntime")
    assert isinstance(network, OwnHeadNetwork)
    assert network.model_id.startswith("xiaoan-heads-2@")


def person_card(folder: Path, content: bytes, sha256: str = "") -> None:
    import hashlib

    digest = sha256 or hashlib.sha256(content).hexdigest()
    (folder / "nano.onnx").write_bytes(content)
    path = write_card(folder, "nano", "nano.onnx", digest)
    text = path.read_text(encoding="utf-8")
    text = text.replace("family: xiaoan-heads\ntask: heads", "family: yolox\ntask: persons")
    path.write_text(text, encoding="utf-8")


def test_the_second_look_takes_an_installed_detector_or_none(
    model_dir: Path, shared_data: Path
) -> None:
    assert loading.second_look("auto", cards_dir=model_dir) is None
    person_card(model_dir, (shared_data / "weights" / "yolox_nano_416.onnx").read_bytes())
    for wanted in ("auto", "nano"):
        detector = loading.second_look(wanted, cards_dir=model_dir)
        assert detector is not None
        assert detector.model_id.startswith("nano@")
    assert loading.second_look("off", cards_dir=model_dir) is None


def test_a_changed_detector_is_left_out_with_a_warning_unless_it_was_asked_for(
    model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    person_card(model_dir, b"changed", "ab" * 32)
    assert loading.second_look("auto", cards_dir=model_dir) is None
    (warning,) = caplog.records
    assert warning.getMessage().startswith("no second look with nano: ")
    with pytest.raises(WeightsHashError):
        loading.second_look("nano", cards_dir=model_dir)


def test_a_card_that_cannot_be_read_costs_the_second_look_of_no_other(
    model_dir: Path, shared_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (model_dir / "a-torn-one.yaml").write_text("model_id: [", "utf-8")
    (model_dir / "b-gbk.yaml").write_bytes("summary: 测试".encode("gb18030"))
    assert loading.second_look("auto", cards_dir=model_dir) is None
    person_card(model_dir, (shared_data / "weights" / "yolox_nano_416.onnx").read_bytes())
    assert loading.second_look("auto", cards_dir=model_dir) is not None
    said = [warning.getMessage().split(":")[0] for warning in caplog.records]
    assert said == ["no second look with a-torn-one", "no second look with b-gbk"] * 2


def test_a_provider_that_does_not_load_gives_way_with_one_warning_that_names_it(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def without_cuda(*args: Any, runtime: RuntimeName, **others: Any) -> Session:
        if runtime == "cuda":
            raise RuntimeMissingError("tiny.onnx: CUDAExecutionProvider did not load")
        return open_session(*args, runtime=runtime, **others)

    monkeypatch.setattr(loading, "open_session", without_cuda)
    network = load_head_network("tiny", runtime="cuda", cards_dir=model_dir, weights_dir=model_dir)
    assert network.session.runtime == "onnxruntime"
    (warning,) = caplog.records
    assert warning.getMessage().startswith("runtime cuda is left out: ")
    assert "CUDAExecutionProvider did not load" in warning.getMessage()
