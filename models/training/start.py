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
from models.training.network import PIXEL_MEAN, PIXEL_SPREAD, Conv, HeadNet
from vision.arrays import UInt8Array

_YOLOX_FRONT = 9  # convolutions that YOLOX-nano runs before it reaches stride 8


def start_from(network: HeadNet, file: Path, pictures: UInt8Array) -> int:
    """`start_from_own` for a file of this project's family, else `start_from_yolox`."""
    outputs = {port.name for port in onnx.load(str(file)).graph.output}
    own = {"density", "heat", "log_size"} <= outputs
    return (start_from_own if own else start_from_yolox)(network, file, pictures)


def start_from_own(network: HeadNet, file: Path, pictures: UInt8Array) -> int:
    """Load every convolution of an own network's file; returns how many were taken.

    Raises:
        WrongFamilyError: when the file does not hold the layout of `HeadNet`.
    """
    layers = layers_of(network)
    taken = load_known(network, file)
    for name, layer in layers.items():
        if name not in taken:
            shape = tuple(_conv(layer).weight.shape)
            raise WrongFamilyError(
                f"{file}: no {name} of {shape}: this is no xiaoan-heads of this layout; "
                "`python -m models.training.front` brings a file of the one before to it"
            )
    normalise(network, [layer for layer in layers.values() if isinstance(layer, Conv)], pictures)
    return len(taken)


def layers_of(network: HeadNet) -> dict[str, Conv | nn.Conv2d]:
    """All layers with a kernel by name: those with normalisation, and the last ones."""
    last = ("density.1", "points.1")
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, Conv) or name in last
    }


def load_known(network: HeadNet, file: Path) -> list[str]:
    """Load those convolutions of an own file, by name, that `network` has too, so that they answer
    as in the file; returns their names."""
    layers, taken = layers_of(network), []
    for name, (weight, bias) in _folded(file).items():
        layer = layers.get(name)
        if layer is None or _conv(layer).weight.shape != weight.shape:
            continue
        if layer is network.front.patches:
            weight, bias = weight * PIXEL_SPREAD, bias + PIXEL_MEAN * weight.sum(dim=(1, 2, 3))
        _load(layer, weight, bias)
        taken.append(name)
    return taken


def _conv(layer: Conv | nn.Conv2d) -> nn.Conv2d:
    return layer.conv if isinstance(layer, Conv) else layer


def _load(layer: Conv | nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    with torch.no_grad():
        _conv(layer).weight.copy_(weight)
        if isinstance(layer, Conv):
            layer.norm.running_mean.zero_()
            layer.norm.running_var.fill_(1.0 - layer.norm.eps)
            layer.norm.weight.fill_(1.0)
            layer.norm.bias.copy_(bias)
        else:
            layer.bias.copy_(bias)


def start_from_yolox(network: HeadNet, file: Path, pictures: UInt8Array) -> int:
    """Load trunk and top-down path; returns how many convolutions were taken. The front begins
    by chance, and all statistics with the trunk as it then answers.

    Args:
        pictures: (N, H, W, 3) uint8 BGR training crops, for the normalisation statistics.

    Raises:
        WrongFamilyError: when the file does not hold the layout of YOLOX-nano.
    """
    layers, folded = _trunk(network), list(_folded(file).values())[_YOLOX_FRONT:]
    if len(folded) < len(layers):
        needed = len(layers) + _YOLOX_FRONT
        raise WrongFamilyError(
            f"{file}: {len(folded) + _YOLOX_FRONT} convolutions, {needed} are needed"
        )
    for (name, layer), (weight, bias) in zip(layers, folded, strict=False):
        if weight.shape != layer.conv.weight.shape:
            raise WrongFamilyError(
                f"{file}: {name} needs {tuple(layer.conv.weight.shape)}, "
                f"the file has {tuple(weight.shape)}: this is no YOLOX-nano"
            )
        _load(layer, weight, bias)
    normalise(network, [layer for _, layer in layers], pictures)
    return len(layers)


def _trunk(network: HeadNet) -> list[tuple[str, Conv]]:
    """The layers that YOLOX-nano has too, in the order in which it runs them."""
    parts: tuple[str, ...] = ("stage8", "stage16", "stage32")
    parts += ("narrow32", "merge16", "narrow16", "merge8")
    found: list[tuple[str, Conv]] = []
    for part in parts:
        for name, module in getattr(network, part).named_modules(prefix=part):
            if isinstance(module, Conv):
                found.append((name, module))
    return found


def _folded(file: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Weights and biases of all convolutions of an ONNX file by the name of their layer, in graph
    order."""
    graph = onnx.load(str(file)).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    # Equal values are written once, and named again.
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    found = {}
    for number, node in enumerate(graph.node):
        if node.op_type == "Conv" and len(node.input) == 3:
            weight, bias = (torch.from_numpy(np.array(values[name])) for name in node.input[1:])
            found[layer_name(node.name) or str(number)] = (weight, bias)
    return found


def layer_name(node_name: str) -> str:
    """`/merge8/blocks/blocks.0/first/conv/Conv` of a file is the layer `merge8.blocks.0.first`."""
    path: list[str] = []
    for part in node_name.strip("/").split("/")[:-1]:
        if path and part.startswith(f"{path[-1]}."):
            path.pop()
        path.append(part)
    return ".".join(path).removesuffix(".conv")


def normalise(network: HeadNet, layers: list[Conv], pictures: UInt8Array) -> None:
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
