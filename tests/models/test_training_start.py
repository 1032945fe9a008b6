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


def _own_file(path: Path, *, more_maps: int = 0) -> tuple[Any, dict[str, np.ndarray]]:
    """A network with random weights and statistics as a file, and its answers to `_pictures`."""
    import onnxruntime

    from models.training.export import export_onnx
    from models.training.network import HeadNet

    torch.manual_seed(4)
    network = HeadNet()
    torch.nn.init.normal_(network.points[-1].weight, std=0.1)
    with torch.no_grad():
        for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.running_mean.uniform_(-0.5, 0.5)
            norm.running_var.uniform_(0.5, 2.0)
            norm.bias.uniform_(-0.5, 0.5)
    export_onnx(network, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    answers = dict(zip(names, session.run(None, {"picture": _pictures()}), strict=True))
    if more_maps:
        model = onnx.load(str(path))
        for value in model.graph.initializer:
            if value.name.startswith("points.1."):
                taken = numpy_helper.to_array(value)
                extra = np.ones((more_maps, *taken.shape[1:]), np.float32)
                value.CopyFrom(numpy_helper.from_array(np.concatenate([taken, extra]), value.name))
        onnx.save(model, str(path))
    return network, answers


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_an_own_file_goes_on_where_it_stands(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from

    _, answers = _own_file(tmp_path / "own.onnx")
    network = HeadNet()
    assert start_from(network, tmp_path / "own.onnx", _pictures()) == 68
    with torch.inference_mode():
        found = network(torch.from_numpy(_pictures()))
    assert set(answers) == {"density", "heat", "log_size"}
    for name, mine in zip(("density", "heat", "log_size"), found, strict=True):
        np.testing.assert_allclose(mine.numpy(), answers[name], atol=2e-3)
    # Its normalisation tells the statistics of real pictures, so that training can go on with it.
    assert float(network.stem.norm.running_var.min()) != 1.0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_of_a_file_with_more_maps_heat_and_size_are_taken(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_own

    before, _ = _own_file(tmp_path / "old.onnx", more_maps=2)
    network = HeadNet()
    start_from_own(network, tmp_path / "old.onnx", _pictures())
    assert torch.equal(network.points[-1].weight, before.points[-1].weight)
    assert torch.equal(network.points[-1].bias, before.points[-1].bias)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_reading_pairs_of_pixels_changes_no_answer(tmp_path: Path) -> None:
    from models.training.network import pair_weights, square_weights, with_pairs

    network, answers = _own_file(tmp_path / "own.onnx")
    squares = network.stem.conv.weight
    assert torch.equal(square_weights(pair_weights(squares)), squares)
    network.eval()
    with torch.inference_mode():
        before = network(torch.from_numpy(_pictures()))
        after = with_pairs(network)(torch.from_numpy(_pictures()))
    for name, first, second in zip(("density", "heat", "log_size"), before, after, strict=True):
        np.testing.assert_allclose(first.numpy(), second.numpy(), atol=1e-5)
        np.testing.assert_allclose(answers[name], second.numpy(), atol=1e-5)


def test_an_own_file_with_other_layers_is_refused(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_own

    _file_with(tmp_path / "short.onnx", _trunk_shapes(), seed=3)
    with pytest.raises(WrongFamilyError, match=r"short\.onnx: \d+ convolutions, 68 are needed"):
        start_from_own(HeadNet(), tmp_path / "short.onnx", _pictures())
