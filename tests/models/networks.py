"""Detectors small enough to write by hand, as ONNX files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

SIDE = 64
CELLS = 64 + 16 + 4
NAMES = "{0: 'person', 1: 'bag'}"


def detector(
    *,
    names: str = NAMES,
    element: int = TensorProto.FLOAT,
    batch: int | str = 1,
    filled: float = 0.0,
) -> ModelProto:
    """YOLOv8's layout with two classes; it answers the same to every picture."""
    kind = np.float16 if element == TensorProto.FLOAT16 else np.float32
    answer = numpy_helper.from_array(np.full((1, 6, CELLS), filled, kind), "answer")
    zero = numpy_helper.from_array(np.zeros((), kind), "zero")
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output0"]),
    ]
    made = of_nodes(nodes, [answer, zero], element=element, shape=[batch, 3, SIDE, SIDE])
    entry = made.metadata_props.add()
    entry.key, entry.value = "names", names
    return made


def of_nodes(
    nodes: Sequence[object],
    weights: Sequence[TensorProto] = (),
    *,
    element: int = TensorProto.FLOAT,
    shape: Sequence[int | str] = (1, 3, SIDE, SIDE),
    sequence: bool = False,
) -> ModelProto:
    """A network from `images` to `output0`."""
    output = helper.make_tensor_value_info("output0", element, None)
    if sequence:
        output = helper.make_tensor_sequence_value_info("output0", element, None)
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("images", element, shape)],
        [output],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def outside(tensor: TensorProto, file: str) -> TensorProto:
    """The same tensor with its numbers in another file."""
    moved = TensorProto()
    moved.CopyFrom(tensor)
    moved.ClearField("raw_data")
    moved.data_location = TensorProto.EXTERNAL
    entry = moved.external_data.add()
    entry.key, entry.value = "location", file
    return moved
