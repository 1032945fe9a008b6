"""What is done around NNCF: which pictures calibrate, and a density that comes back."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import openvino
import pytest
from openvino import opset13

from models import quantisation
from models.datasets import Sample
from models.decoding import Decoding
from models.errors import NotWrittenError
from models.quantisation import Calibration, QuantisedNetwork, choose_pictures, fit_density


def _network(answers: float) -> Any:
    """One uint8 picture in; `density` is a 1 x 1 convolution and softplus over two channels, the
    grey level's share and its square, each times `answers`; `heat` is a quarter of the level."""
    picture = opset13.parameter([1, -1, -1, 3], np.uint8, name="picture")
    levels = opset13.reduce_mean(opset13.convert(picture, np.float32), np.array([3]))
    share = opset13.unsqueeze(opset13.multiply(levels, np.float32(1 / 255)), np.array([1]))
    both = opset13.concat([share, opset13.multiply(share, share)], 1)
    inputs = opset13.multiply(both, np.float32(answers))
    weights = np.array([2.0, 3.0], np.float32).reshape(1, 2, 1, 1)
    folded = opset13.convolution(inputs, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    biased = opset13.add(folded, np.full((1, 1, 1, 1), -2.0, np.float32))
    density = opset13.squeeze(opset13.softplus(biased), np.array([1]))
    heat = opset13.multiply(levels, np.float32(0.25))
    density.output(0).set_names({"density"})
    heat.output(0).set_names({"heat"})
    return openvino.Model([density, heat], [picture])


def _samples(folder: Path, greys: dict[str, list[int]]) -> tuple[Sample, ...]:
    folder.mkdir(exist_ok=True)
    found = []
    for source, levels in greys.items():
        for k, level in enumerate(levels):
            path = folder / f"{source}{k}.png"
            cv2.imwrite(str(path), np.full((32, 64, 3), level, np.uint8))
            heads = np.zeros((0, 3), np.float32)
            found.append(Sample(source, "c", path, heads, fractional=False))
    return tuple(found)


def _answers(model: Any, level: int) -> dict[str, float]:
    found = openvino.compile_model(model, "CPU")(np.full((1, 8, 8, 3), level, np.uint8))
    return {name: float(found[name].mean()) for name in ("density", "heat")}


def test_the_density_comes_back_to_that_in_float_and_nothing_else_changes(tmp_path: Path) -> None:
    """Rounding that makes all answers smaller moves dark and bright pictures differently."""
    samples = _samples(tmp_path, {"brt": [10, 90, 160], "scut_a": [200, 250]})
    whole, rounded = _network(1.0), _network(0.8)
    apart = [
        _answers(rounded, grey)["density"] / _answers(whole, grey)["density"] for grey in (10, 250)
    ]
    assert apart[0] > 0.97
    assert apart[1] < 0.85
    fit_density(whole, rounded, list(Calibration(samples, Decoding()).other_blobs()))
    for grey in (10, 60, 120, 250):
        assert _answers(rounded, grey) == pytest.approx(_answers(whole, grey), rel=0.01)


def test_other_pictures_are_shown_where_they_are_given(tmp_path: Path) -> None:
    black = _samples(tmp_path / "black", {"brt": [0]})
    white = _samples(tmp_path / "white", {"brt": [200]})
    (other,) = Calibration(black, Decoding(), white).other_blobs()
    assert other.max() == 200
    (same,) = Calibration(black, Decoding()).other_blobs()
    assert same[:, :32, :64].max() == 0


def test_pictures_that_are_taken_are_not_taken_again(tmp_path: Path) -> None:
    samples = _samples(tmp_path, {"brt": list(range(40)), "scut_a": list(range(100, 130))})
    first = choose_pictures(samples, 20)
    others = choose_pictures(samples, 20, but=first)
    assert len(others) == 20
    assert not {s.picture for s in first} & {s.picture for s in others}


def test_each_set_weighs_the_same_in_the_calibration(tmp_path: Path) -> None:
    samples = _samples(tmp_path, {"brt": list(range(40)), "scut_a": list(range(100, 112))})
    chosen = [s.source for s in choose_pictures(samples, 12)]
    assert chosen.count("brt") == chosen.count("scut_a") == 6


def test_a_file_that_cannot_be_written_is_a_refusal_and_leaves_the_card(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = _samples(tmp_path / "pictures", {"brt": list(range(40))})
    monkeypatch.setenv("XIAOAN_MODELS", str(model_dir))
    monkeypatch.setattr(quantisation, "_nncf", lambda: SimpleNamespace(__version__="0"))
    monkeypatch.setattr(quantisation, "read_training_samples", lambda *_: samples)
    monkeypatch.setattr(quantisation, "quantise", lambda *_, **__: QuantisedNetwork(b"int8", ()))
    (model_dir / "tiny-int8.zip").mkdir()
    card = (model_dir / "tiny.yaml").read_text(encoding="utf-8")
    with pytest.raises(NotWrittenError, match=r"tiny-int8\.zip: cannot be written"):
        quantisation.quantise_model("tiny", tmp_path, pictures=4)
    assert (model_dir / "tiny.yaml").read_text(encoding="utf-8") == card
