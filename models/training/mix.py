"""Weights between those of two own ONNX files: the mean of two stands of one training can count
better than either (Wortsman et al., Model soups, 2022). Of the means tried here one was kept; of
runs with seeds of their own none was better than the better run.

    python -m models.training.mix FIRST.onnx SECOND.onnx OUT.onnx [--share 0.5]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from models.errors import WrongFamilyError


def mix(first: Path, second: Path, out: Path, share: float = 0.5) -> Path:
    """Write `first` with every weight moved by `share` (0..1) of the way to that of `second`.

    Raises:
        WrongFamilyError: when the two graphs differ in more than their weights.
    """
    model, other = onnx.load(str(first)), onnx.load(str(second))
    values = {value.name: numpy_helper.to_array(value) for value in other.graph.initializer}
    if [n.op_type for n in model.graph.node] != [n.op_type for n in other.graph.node]:
        raise WrongFamilyError(f"{second}: its graph is not that of {first}; export both again")
    for value in model.graph.initializer:
        mine, theirs = numpy_helper.to_array(value), values.get(value.name)
        if theirs is None or theirs.shape != mine.shape:
            raise WrongFamilyError(f"{second}: {value.name} is not as in {first}")
        if mine.dtype == np.float32:
            moved = np.float32(1 - share) * mine + np.float32(share) * theirs
            value.CopyFrom(numpy_helper.from_array(moved, value.name))
    onnx.save(model, str(out))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.mix", description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5)
    asked = parser.parse_args()
    mix(asked.first, asked.second, asked.out, asked.share)


if __name__ == "__main__":
    main()
