"""An ONNX file whose weights lie in a second file is refused, wherever in it the tensor is."""

from collections.abc import Callable

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from models.errors import WrongFamilyError
from models.external_data import external_file
from models.registry import checked_weights, find_card
from models.sessions import RuntimeName, open_session
from tests.models.networks import detector, outside

TENSOR = numpy_helper.from_array(np.ones(3, np.float32), "weights")
OUTSIDE = outside(TENSOR, "net.data")


def plain() -> ModelProto:
    return detector()


def of_graph(tensor: TensorProto) -> ModelProto:
    made = plain()
    made.graph.initializer.append(tensor)
    return made


def of_attribute(tensor: TensorProto) -> ModelProto:
    made = plain()
    made.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))
    return made


def of_branch(tensor: TensorProto) -> ModelProto:
    made = plain()
    inner = helper.make_graph([], "branch", [], [], [tensor])
    made.graph.node.append(helper.make_node("If", ["t"], ["c"], then_branch=inner))
    return made


def of_lists(tensor: TensorProto) -> ModelProto:
    made = plain()
    node = made.graph.node.add()
    node.attribute.add(name="many", type=AttributeProto.TENSORS).tensors.append(tensor)
    return made


def of_sparse(tensor: TensorProto) -> ModelProto:
    made = plain()
    made.graph.sparse_initializer.add().values.CopyFrom(tensor)
    return made


def of_function(tensor: TensorProto) -> ModelProto:
    made = plain()
    node = helper.make_node("Constant", [], ["c"], value=tensor)
    made.functions.add(name="f", domain="d").node.append(node)
    return made


def of_training(tensor: TensorProto) -> ModelProto:
    made = plain()
    made.training_info.add().algorithm.initializer.append(tensor)
    return made


@pytest.mark.parametrize(
    "put", [of_graph, of_attribute, of_branch, of_lists, of_sparse, of_function, of_training]
)
def test_the_second_file_is_found_wherever_the_tensor_lies(
    put: Callable[[TensorProto], ModelProto],
) -> None:
    assert external_file(put(OUTSIDE).SerializeToString()) == "net.data"
    assert external_file(put(TENSOR).SerializeToString()) is None


def test_a_tensor_outside_without_a_name_is_outside_all_the_same() -> None:
    nameless = TensorProto()
    nameless.CopyFrom(OUTSIDE)
    nameless.ClearField("external_data")
    assert external_file(of_graph(nameless).SerializeToString()) == ""


def test_an_enumeration_has_32_bits() -> None:
    content = of_graph(OUTSIDE).SerializeToString()
    # Field 14, number 1; and as a number of five bytes, 1 + 2**32, in graph and tensor made longer.
    tensor = OUTSIDE.SerializeToString()
    longer = tensor.replace(b"\x70\x01", b"\x70\x81\x80\x80\x80\x10")
    assert tensor != longer
    graph = of_graph(TENSOR).graph
    graph.initializer.pop()
    inner = graph.SerializeToString() + bytes([5 << 3 | 2, len(longer)]) + longer
    size = len(inner)
    whole = bytes([7 << 3 | 2, size & 0x7F | 0x80, size >> 7]) + inner
    assert external_file(whole) == external_file(content) == "net.data"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\xff" * 20, b"\x3a\x7f", b"\x3a\x02\x2f\x00", b"<html>", b"PK\x03\x04"],
)
def test_bytes_that_are_no_onnx_file_are_left_to_the_runtime(content: bytes) -> None:
    assert external_file(content) is None


def test_a_long_row_of_zeros_is_left_at_once() -> None:
    assert external_file(bytes(50_000_000)) is None


def test_shipped_networks_are_whole() -> None:
    for model_id in ("xiaoan-heads-1", "xiaoan-heads-2"):
        assert external_file(checked_weights(find_card(model_id))) is None


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_no_runtime_gets_to_look_for_the_second_file(runtime: RuntimeName) -> None:
    made = plain()
    made.graph.initializer[0].CopyFrom(outside(made.graph.initializer[0], "net.data"))
    with pytest.raises(
        WrongFamilyError, match=r"net\.onnx: its weights lie in a second file"
    ) as no:
        open_session(made.SerializeToString(), source="net.onnx", runtime=runtime)
    assert "('net.data'); export it in one file" in str(no.value)


def test_the_format_of_onnx_runtime_itself_is_not_read() -> None:
    # Four bytes of a place and then its mark; in it weights outside would not be seen.
    content = b"\x10\x00\x00\x00ORTM" + bytes(64)
    with pytest.raises(WrongFamilyError, match=r"net\.ort: ONNX Runtime cannot load it"):
        open_session(content, source="net.ort", runtime="onnxruntime")
