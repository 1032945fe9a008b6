"""The start of training from files of other layouts and of its own, with PyTorch."""

from pathlib import Path
from typing import Any

import cv2
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


def _yolox_shapes() -> list[tuple[int, ...]]:
    """Those of YOLOX-nano: nine convolutions to stride 8, then the layers that the network has."""
    from models.training.network import HeadNet
    from models.training.start import _YOLOX_FRONT, _trunk

    front = [(16, 12, 3, 3)] * _YOLOX_FRONT
    return front + [tuple(layer.conv.weight.shape) for _, layer in _trunk(HeadNet())]


def _pictures() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (2, 64, 64, 3), np.uint8)


def test_the_trunk_answers_as_the_file_s(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_yolox

    shapes = _yolox_shapes()
    _file_with(tmp_path / "trunk.onnx", shapes, seed=3)
    network = HeadNet()
    assert start_from_yolox(network, tmp_path / "trunk.onnx", _pictures()) == len(shapes) - 9
    values = {
        v.name: torch.from_numpy(numpy_helper.to_array(v).copy())
        for v in onnx.load(str(tmp_path / "trunk.onnx")).graph.initializer
    }
    # The first layer after the front: a depthwise one with stride 2.
    layer = network.stage8[0].depthwise
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 32, 16, 16)).astype(np.float32))
    network.eval()
    with torch.inference_mode():
        found = layer.norm(layer.conv(x))
        expected = torch.nn.functional.conv2d(
            x, values["w9"], values["b9"], stride=2, padding=1, groups=32
        )
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-4)


def test_a_file_of_another_layout_is_refused_by_layer(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_yolox

    shapes = _yolox_shapes()
    shapes[12] = (7, *shapes[12][1:])
    _file_with(tmp_path / "other.onnx", shapes, seed=3)
    with pytest.raises(WrongFamilyError, match=r"other\.onnx: stage8.* this is no YOLOX-nano"):
        start_from_yolox(HeadNet(), tmp_path / "other.onnx", _pictures())


def test_a_file_with_too_few_layers_is_no_yolox(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_yolox

    _file_with(tmp_path / "short.onnx", _yolox_shapes()[:20], seed=3)
    with pytest.raises(WrongFamilyError, match=r"short\.onnx: 20 convolutions, 61 are needed"):
        start_from_yolox(HeadNet(), tmp_path / "short.onnx", _pictures())


def _own_file(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
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
    return network, dict(zip(names, session.run(None, {"picture": _pictures()}), strict=True))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_an_own_file_goes_on_where_it_stands(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import layers_of, start_from

    _, answers = _own_file(tmp_path / "own.onnx")
    network = HeadNet()
    assert start_from(network, tmp_path / "own.onnx", _pictures()) == len(layers_of(network))
    with torch.inference_mode():
        found = network(torch.from_numpy(_pictures()))
    assert set(answers) == {"density", "heat", "log_size"}
    for name, mine in zip(("density", "heat", "log_size"), found, strict=True):
        np.testing.assert_allclose(mine.numpy(), answers[name], atol=2e-3)
    # Its normalisation tells the statistics of real pictures, so that training can go on with it.
    assert float(network.front.patches.norm.running_var.min()) != 1.0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_values_that_a_file_holds_once_are_found_for_each_layer(tmp_path: Path) -> None:
    """What was never trained is equal, and the exporter writes it once."""
    from models.training.export import export_onnx
    from models.training.network import HeadNet
    from models.training.start import layers_of, load_known

    export_onnx(HeadNet(), tmp_path / "new.onnx")
    network = HeadNet()
    assert set(load_known(network, tmp_path / "new.onnx")) == set(layers_of(network))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_the_file_reads_pixels_as_they_are(tmp_path: Path) -> None:
    """Mean and scale of the pixels lie in the first layer's weights: nothing stands before it."""
    network, answers = _own_file(tmp_path / "own.onnx")
    network.eval()
    with torch.inference_mode():
        found = network(torch.from_numpy(_pictures()))
    for name, mine in zip(("density", "heat", "log_size"), found, strict=True):
        np.testing.assert_allclose(answers[name], mine.numpy(), atol=1e-4)
    kinds = [node.op_type for node in onnx.load(str(tmp_path / "own.onnx")).graph.node]
    before = kinds[: kinds.index("Conv")]
    assert not {"Sub", "Mul", "Div", "Add", "Pad"} & set(before)


def test_an_own_file_with_other_layers_is_refused(tmp_path: Path) -> None:
    from models.training.network import HeadNet
    from models.training.start import start_from_own

    _file_with(tmp_path / "short.onnx", _yolox_shapes(), seed=3)
    with pytest.raises(
        WrongFamilyError, match=r"short\.onnx: no front\.patches of .*front` brings"
    ):
        start_from_own(HeadNet(), tmp_path / "short.onnx", _pictures())


@pytest.mark.parametrize(
    ("node", "layer"),
    [
        ("/front/patches/conv/Conv", "front.patches"),
        ("/merge8/blocks/blocks.0/first/conv/Conv", "merge8.blocks.0.first"),
        ("/density/density.1/Conv", "density.1"),
        ("", ""),
    ],
)
def test_the_name_of_a_node_tells_its_layer(node: str, layer: str) -> None:
    from models.training.start import layer_name

    assert layer_name(node) == layer


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_the_front_learns_what_the_file_s_own_layers_hear(tmp_path: Path) -> None:
    from models.datasets import Sample
    from models.training.batches import TrainingSet
    from models.training.front import TAUGHT, teach
    from models.training.network import HeadNet
    from models.training.start import load_known
    from models.training.teacher import Teacher

    _own_file(tmp_path / "own.onnx")
    rng = np.random.default_rng(8)
    samples = []
    for number in range(20):
        path = tmp_path / f"{number}.png"
        coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (256, 256)))
        samples.append(Sample("brt", "c", path, np.zeros((0, 3), np.float32), fractional=False))
    data = TrainingSet(samples, tmp_path / "cache")
    torch.manual_seed(1)
    network = HeadNet()
    load_known(network, tmp_path / "own.onnx")
    torch.nn.init.normal_(network.front.patches.conv.weight, std=0.05)
    kept = network.stage16[0].depthwise.conv.weight.clone()
    teacher = Teacher(tmp_path / "own.onnx", 1, (TAUGHT,))
    few = teach(network, teacher, data, steps=4)
    assert teach(network, teacher, data, steps=30) < few
    assert torch.equal(network.stage16[0].depthwise.conv.weight, kept)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_teacher_answers_as_its_file(tmp_path: Path) -> None:
    from models.training.teacher import ANSWERS, Teacher

    _, answers = _own_file(tmp_path / "own.onnx")
    told = Teacher(tmp_path / "own.onnx", 1).answer(_pictures())
    for name, found in zip(ANSWERS, told, strict=True):
        np.testing.assert_array_equal(found.numpy(), answers[name])
    with pytest.raises(WrongFamilyError, match="has no stage7"):
        Teacher(tmp_path / "own.onnx", 1, ("stage7",))
