"""A head network small enough to check by hand, written as ONNX without any training."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

CARD = """\
model_id: {model_id}
family: xiaoan-heads
task: heads
summary: {{zh: 测试, en: test}}
licence: {{zh: 无, en: none}}
weights: {{file: {file}, sha256: '{sha256}'}}
decoding: {{working_long_side_px: {long_side}, score_threshold: 0.5}}
metrics: {{relative_error: 0.2}}
"""
HEAD_HEIGHT_PX = 20.0


def brightness_network() -> bytes:
    """heat = mean brightness of a 4x4 cell, density = of an 8x8 cell, every head 20 px high."""
    one = helper.make_tensor("to_unit", TensorProto.FLOAT, [], [255.0])
    log_height = helper.make_tensor(
        "log_height", TensorProto.FLOAT, [], [float(np.log(HEAD_HEIGHT_PX))]
    )
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    nodes = [
        helper.make_node("Cast", ["picture"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("ReduceMean", ["planes"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Div", ["grey", "to_unit"], ["unit"]),
        helper.make_node("AveragePool", ["unit"], ["fine"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("AveragePool", ["unit"], ["coarse"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("ReduceMean", ["fine"], ["heat"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["coarse"], ["density"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["heat", "zero"], ["flat"]),
        helper.make_node("Add", ["flat", "log_height"], ["log_size"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["n", "h", "w", 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", f"h{k}", f"w{k}"])
            for name, k in (("density", 8), ("heat", 4), ("log_size", 4))
        ],
        [one, log_height, zero],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


@pytest.fixture(scope="session")
def tiny_network() -> bytes:
    return brightness_network()


@pytest.fixture
def model_dir(tmp_path: Path, tiny_network: bytes) -> Path:
    """A folder with one card, `tiny`, and its weights."""
    (tmp_path / "tiny.onnx").write_bytes(tiny_network)
    write_card(tmp_path, "tiny", "tiny.onnx", hashlib.sha256(tiny_network).hexdigest())
    return tmp_path


def write_card(
    folder: Path, model_id: str, file: str, sha256: str, *, long_side: int = 960
) -> Path:
    path = folder / f"{model_id}.yaml"
    path.write_text(
        CARD.format(model_id=model_id, file=file, sha256=sha256, long_side=long_side),
        encoding="utf-8",
    )
    return path
