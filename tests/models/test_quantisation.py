"""What is done around NNCF: which pictures calibrate, which layers stay, and the counts' factor."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino
import pytest
from openvino import opset13

from models.cards import Decoding
from models.datasets import Sample
from models.quantisation import Calibration, choose_pictures, count_factor, scale_density


def _network(per_pixel: float) -> Any:
    """One uint8 picture in; `density` is `per_pixel` a grey level, `heat` always 0.25 of it."""
    picture = opset13.parameter([1, -1, -1, 3], np.uint8, name="picture")
    levels = opset13.reduce_mean(opset13.convert(picture, np.float32), np.array([3]))
    density = opset13.multiply(levels, np.float32(per_pixel))
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


def test_the_factor_scales_the_density_and_nothing_else() -> None:
    model = _network(0.5)
    scale_density(model, 1.5)
    assert _answers(model, 40) == pytest.approx({"density": 30.0, "heat": 10.0}, rel=5e-3)


def test_the_factor_brings_the_count_back_to_that_in_float(tmp_path: Path) -> None:
    samples = _samples(tmp_path, {"brt": [10, 90], "scut_a": [200]})
    calibration = Calibration(samples, Decoding())
    assert count_factor(_network(0.5), _network(0.4), calibration) == pytest.approx(1.25, rel=5e-3)


def test_the_factor_is_weighed_on_other_pictures_where_they_are_given(tmp_path: Path) -> None:
    """8-bit grey through 0.5 and 0.4: the ratio is the same; a black set alone has none."""
    black = _samples(tmp_path / "black", {"brt": [0]})
    white = _samples(tmp_path / "white", {"brt": [200]})
    weighed = Calibration(black, Decoding(), white)
    assert count_factor(_network(0.5), _network(0.4), weighed) == pytest.approx(1.25, rel=5e-3)
    assert count_factor(_network(0.5), _network(0.4), Calibration(black, Decoding())) == 0.0


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
