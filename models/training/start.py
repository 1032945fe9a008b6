"""The start of training: a file of this project's own network, or the trunk of YOLOX-nano (COCO,
Apache-2.0).

The ONNX file holds convolutions with normalisation folded in. Each layer here gets its
normalisation back from the statistics of real pictures, so that the network begins exactly where
the file stands (up to hard-swish for SiLU) and can still be trained with batch normalisation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.errors import WrongFamilyError
from models.training.network import Conv, HeadNet, square_weights
from vision.arrays import UInt8Array

# The stem sees (pixel - 114) / 58 where YOLOX sees the pixel itself.
_PIXEL_OFFSET, _PIXEL_SCALE = 114.0, 58.0
# YOLOX stacks the four pixels of a square as (even row, even column), (odd, even), (even, odd),
# (odd, odd); ours run along the rows first.
_SQUARE_ORDER = (0, 2, 1, 3)
_POINTS = "points.1"


def start_from(network: HeadNet, file: Path, pictures: UInt8Array) -> int:
    """`start_from_own` for a file of this project's family, else `start_from_yolox`."""
    outputs = {port.name for port in onnx.load(str(file)).graph.output}
    own = {"density", "heat", "log_size"} <= outputs
    return (start_from_own if own else start_from_yolox)(network, file, pictures)


def start_from_own(network: HeadNet, file: Path, pictures: UInt8Array) -> int:
    """Load every convolution of an own network's file; returns how many were taken.

    The maps beyond heat and size that some older files have are left.

    Raises:
        WrongFamilyError: when the file does not hold the layout of `HeadNet`.
    """
    layers, folded = _in_order(network), _folded(file)
    if len(folded) != len(layers):
        raise WrongFamilyError(f"{file}: {len(folded)} convolutions, {len(layers)} are needed")
    with torch.no_grad():
        for (name, layer), (weight, bias) in zip(layers, folded, strict=True):
            last = isinstance(layer, nn.Conv2d)
            own = layer if last else layer.conv
            if name == _POINTS:
                weight, bias = weight[: len(own.weight)], bias[: len(own.weight)]
            if own.weight.shape != weight.shape:
                raise WrongFamilyError(
                    f"{file}: {name} needs {tuple(own.weight.shape)}, "
                    f"the file has {tuple(weight.shape)}: this is no xiaoan-heads of this layout"
                )
            own.weight.copy_(weight)
            (layer.bias if last else layer.norm.bias).copy_(bias)
    _normalise(network, [layer for _, layer in layers if isinstance(layer, Conv)], pictures)
    return len(layers)


def _in_order(network: HeadNet) -> list[tuple[str, Conv | nn.Conv2d]]:
    """All layers with a kernel in the order in which they run, which is a file's order."""
    ran: list[tuple[str, Conv | nn.Conv2d]] = []

    def note(layer: nn.Module, name: str) -> None:
        ran.append((name, layer))

    last = ("density.1", _POINTS)
    hooks = [
        module.register_forward_pre_hook(lambda layer, _, name=name: note(layer, name))
        for name, module in network.named_modules()
        if isinstance(module, Conv) or name in last
    ]
    network.eval()
    with torch.no_grad():
        network.logits(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return ran


def start_from_yolox(network: HeadNet, file: Path, pictures: UInt8Array) -> int:
    """Load trunk and top-down path; returns how many convolutions were taken.

    Args:
        pictures: (N, H, W, 3) uint8 BGR training crops, for the normalisation statistics.

    Raises:
        WrongFamilyError: when the file does not hold the layout of YOLOX-nano.
    """
    layers, folded = _trunk(network), _folded(file)
    if len(folded) < len(layers):
        raise WrongFamilyError(f"{file}: {len(folded)} convolutions, {len(layers)} are needed")
    with torch.no_grad():
        for (name, layer), (weight, bias) in zip(layers, folded, strict=False):
            own = _stem_weights(weight, bias) if layer is network.stem else (weight, bias)
            if tuple(own[0].shape) != tuple(layer.conv.weight.shape):
                raise WrongFamilyError(
                    f"{file}: {name} needs {tuple(layer.conv.weight.shape)}, "
                    f"the file has {tuple(own[0].shape)}: this is no YOLOX-nano"
                )
            layer.conv.weight.copy_(own[0])
            layer.norm.bias.copy_(own[1])
    _normalise(network, [layer for _, layer in layers], pictures)
    return len(layers)


def _trunk(network: HeadNet) -> list[tuple[str, Conv]]:
    """The layers that YOLOX-nano has too, in the order in which it runs them."""
    parts: tuple[str, ...] = ("stem", "stage4", "stage8", "stage16", "stage32")
    parts += ("narrow32", "merge16", "narrow16", "merge8")
    found: list[tuple[str, Conv]] = []
    for part in parts:
        for name, module in getattr(network, part).named_modules(prefix=part):
            if isinstance(module, Conv):
                found.append((name, module))
    return found


def _folded(file: Path) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of all convolutions of an ONNX file, in graph order; a first layer over
    pairs of pixels comes back as one over squares."""
    graph = onnx.load(str(file)).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    found = [
        tuple(torch.from_numpy(np.array(values[name])) for name in node.input[1:3])
        for node in graph.node
        if node.op_type == "Conv" and len(node.input) == 3
    ]
    if found and found[0][0].shape[1:] == (6, 6, 3):
        found[0] = (square_weights(found[0][0]), found[0][1])
    return found


def _stem_weights(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    outputs = weight.shape[0]
    squares = weight.reshape(outputs, 4, 3, 3, 3)[:, list(_SQUARE_ORDER)]
    ours = squares.reshape(outputs, 12, 3, 3)
    return ours * _PIXEL_SCALE, bias + _PIXEL_OFFSET * ours.sum(dim=(1, 2, 3))


def _normalise(network: HeadNet, layers: list[Conv], pictures: UInt8Array) -> None:
    """Give each layer the normalisation that leaves its output as the file has it."""

    def fit(norm: nn.BatchNorm2d, arguments: tuple[Tensor, ...]) -> None:
        values = arguments[0].transpose(0, 1).flatten(1)
        mean, variance = values.mean(dim=1), values.var(dim=1)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)

    hooks = [layer.norm.register_forward_pre_hook(fit) for layer in layers]
    network.eval()
    with torch.no_grad():
        network.logits(torch.from_numpy(pictures))
    for hook in hooks:
        hook.remove()
