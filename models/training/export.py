"""Write a trained network as ONNX.

python -m models.training.export CHECKPOINT.pt OUT.onnx
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import torch

from models.training.network import HeadNet, on_pixels

_OPSET = 17
_OUTPUTS = ("density", "heat", "log_size")


def export_onnx(network: HeadNet, path: Path) -> Path:
    """Export with free batch size, height and width (multiples of 32)."""
    plain = copy.deepcopy(network).to("cpu", memory_format=torch.contiguous_format).eval()
    plain = on_pixels(plain)
    axes = {name: {0: "n", 1: "h4", 2: "w4"} for name in _OUTPUTS}
    axes |= {"density": {0: "n", 1: "h8", 2: "w8"}}
    torch.onnx.export(
        plain,
        (torch.zeros(1, 96, 128, 3, dtype=torch.uint8),),
        str(path),
        input_names=["picture"],
        output_names=list(_OUTPUTS),
        dynamic_axes={"picture": {0: "n", 1: "h", 2: "w"}, **axes},
        opset_version=_OPSET,
        dynamo=False,
    )
    return path


def load_average(checkpoint: Path) -> HeadNet:
    """The averaged weights of a checkpoint."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = HeadNet()
    network.load_state_dict(state["average"])
    network.eval()
    return network


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    export_onnx(load_average(asked.checkpoint), asked.out)


if __name__ == "__main__":
    main()
