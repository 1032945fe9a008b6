"""Weights between two files: by hand on one convolution."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.errors import WrongFamilyError
from models.training.mix import mix


def _file(path: Path, weight: list[float], name: str = "w", kind: str = "Mul") -> Path:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    values = [
        numpy_helper.from_array(np.array(weight, np.float32), name),
        numpy_helper.from_array(np.array([3], np.int64), "axis"),
    ]
    graph = helper.make_graph([helper.make_node(kind, ["x", name], ["y"])], "g", [x], [x], values)
    onnx.save(helper.make_model(graph), str(path))
    return path


def _values(path: Path) -> dict[str, list[float]]:
    found = onnx.load(str(path)).graph.initializer
    return {value.name: numpy_helper.to_array(value).tolist() for value in found}


def test_weights_move_by_the_share_and_whole_numbers_stay(tmp_path: Path) -> None:
    first = _file(tmp_path / "a.onnx", [1.0, 4.0])
    second = _file(tmp_path / "b.onnx", [3.0, 0.0])
    assert _values(mix(first, second, tmp_path / "m.onnx")) == {"w": [2.0, 2.0], "axis": [3]}
    assert _values(mix(first, second, tmp_path / "m.onnx", 0.25))["w"] == [1.5, 3.0]
    assert _values(mix(first, second, tmp_path / "m.onnx", 0.0)) == _values(first)


@pytest.mark.parametrize(
    "other",
    [{"kind": "Add"}, {"name": "v"}, {"weight": [1.0, 2.0, 3.0]}],
    ids=["operation", "name", "shape"],
)
def test_files_of_different_graphs_are_refused(tmp_path: Path, other: dict[str, object]) -> None:
    first = _file(tmp_path / "a.onnx", [1.0, 4.0])
    second = _file(tmp_path / "b.onnx", **({"weight": [1.0, 2.0]} | other))  # type: ignore[arg-type]
    with pytest.raises(WrongFamilyError, match=r"b\.onnx"):
        mix(first, second, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
