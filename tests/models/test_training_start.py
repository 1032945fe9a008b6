"""The start of training from YOLOX-nano's layout: exact numbers, in an environment with PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.errors import WrongFamilyError

torch = pytest.importorskip("torch", reason="PyTorch lives in the training environment")


def _file_with(path: Path, shapes: list[tuple[int, ...]], seed: int) -> None:
    """An ONNX file whose convolutions have these weight shapes, in this order."""
    rng = np.random.default_rng(seed)
    nodes, values = [], []
    for k, shape in enumerate(shapes):
        weight = (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        values.append(numpy_helper.from_array(weight, f"w{k}"))
        bias = rng.normal(size=shape[0]).astype(np.float32)
        values.append(numpy_helper.from_array(bias, f"b{k}"))
        nodes.append(helper.make_node("Conv", ["x", f"w{k}", f"b{k}"], [f"y{k}"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 12, 8, 8])
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [x], values)), str(path))


def _trunk_shapes() -> list[tuple[int, ...]]:
    from models.training.network import HeadNet
    from models.training.start import _trunk

    return [tuple(layer.conv.weight.shape) for _, layer in _trunk(HeadNet())]


def _pictures() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (2, 64, 64, 3), np.uint8)


def test_the_first_layer_answers_as_the_file_s_on_the_same_picture(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_yolox

    shapes = _trunk_shapes()
    _file_with(tmp_path / "trunk.onnx", shapes, seed=3)
    network = HeadNet()
    assert start_from_yolox(network, tmp_path / "trunk.onnx", _pictures()) == len(shapes)
    graph = onnx.load(str(tmp_path / "trunk.onnx")).graph
    weight, bias = (
        torch.from_numpy(numpy_helper.to_array(v).copy()) for v in graph.initializer[:2]
    )
    pixels = torch.from_numpy(_pictures()).permute(0, 3, 1, 2).float()
    # YOLOX's own order of the four pixels of a square.
    even, odd = pixels[..., ::2, :], pixels[..., 1::2, :]
    stacked = torch.cat((even[..., ::2], odd[..., ::2], even[..., 1::2], odd[..., 1::2]), dim=1)
    expected = torch.nn.functional.conv2d(stacked, weight, bias, padding=1)
    heard: list[Any] = []
    hook = network.stem.norm.register_forward_hook(lambda *told: heard.append(told[2]))
    network.eval()
    with torch.inference_mode():
        network.logits(torch.from_numpy(_pictures()))
    hook.remove()
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # borders are padded otherwise
    np.testing.assert_allclose(heard[0][inner].numpy(), expected[inner].numpy(), atol=2e-2)


def test_a_file_of_another_layout_is_refused_by_layer(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_yolox

    shapes = _trunk_shapes()
    shapes[4] = (7, *shapes[4][1:])
    _file_with(tmp_path / "other.onnx", shapes, seed=3)
    with pytest.raises(WrongFamilyError, match=r"other\.onnx: stage4.* this is no YOLOX-nano"):
        start_from_yolox(HeadNet(), tmp_path / "other.onnx", _pictures())
