"""The last layer of a density map, fitted anew to what another network says.

Rounding to int8 moves what all layers before the last one answer, and with it the counts: one way
where few people are, the other way where many are, so that no single factor mends it. The last
layer stays in float; its few numbers are fitted so that it says of the moved answers what the
network said in float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.arrays import Float64Array

_ROUNDS = 4
# Numbers that nothing tells apart stay where they were.
_DAMPING = 1e-4
# As in training (`training.losses`): blocks of 4 x 4 cells, and crowds by their relative error.
_BLOCK, _CROWD = 4, 20.0


@dataclass(frozen=True, slots=True, eq=False)
class LastLayer:
    """A 1 x 1 convolution to one channel and softplus: weights (channels,) and a bias."""

    weights: Float64Array
    bias: float

    def density(self, inputs: NDArray[np.floating]) -> Float64Array:
        """People per cell (rows, columns) of inputs (channels, rows, columns)."""
        logits = np.tensordot(self.weights, inputs.astype(np.float64), 1) + self.bias
        return np.asarray(np.logaddexp(0.0, logits))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Of one picture: what the last layer reads, (channels, rows, columns), and what it is to say,
    (rows, columns)."""

    inputs: NDArray[np.floating]
    density: NDArray[np.floating]


def fitted(layer: LastLayer, answers: Sequence[Answer]) -> LastLayer:
    """The layer near `layer` that says the densities of `answers` best.

    Least squares by Gauss-Newton over cells, blocks of cells and whole pictures alike: cells tell
    where people are, whole pictures that none is lost by a little in each cell.
    """
    start = np.append(layer.weights, layer.bias)
    found = start.copy()
    for _ in range(_ROUNDS):
        normal, pull = np.zeros((len(start), len(start))), np.zeros(len(start))
        for answer in answers:
            slopes, off = _linearised(found, answer)
            weight = 1.0 / (1.0 + float(answer.density.sum()) / _CROWD)
            for over in (_cells, _blocks, _picture):
                slope, missing = over(slopes), over(off[None])[0]
                normal += weight * (slope @ slope.T)
                pull += weight * (slope @ missing)
        damping = _DAMPING * np.trace(normal) / len(start)
        pull += damping * (start - found)
        found += np.linalg.solve(normal + damping * np.eye(len(start)), pull)
    return LastLayer(found[:-1], float(found[-1]))


def _linearised(numbers: Float64Array, answer: Answer) -> tuple[Float64Array, Float64Array]:
    """How each cell's people change with each number, (numbers, rows, columns), and what is missing
    to the wanted density, (rows, columns)."""
    layer = LastLayer(numbers[:-1], float(numbers[-1]))
    said = layer.density(answer.inputs)
    # The slope of softplus at its value.
    steep = -np.expm1(-said)
    inputs = answer.inputs.astype(np.float64)
    slopes = np.concatenate([inputs, np.ones((1, *said.shape))]) * steep
    return slopes, answer.density - said


def _cells(maps: Float64Array) -> Float64Array:
    return maps.reshape(len(maps), -1)


def _blocks(maps: Float64Array) -> Float64Array:
    """Sums over whole blocks; a rest at the edges is left to the cells."""
    count, rows, columns = maps.shape
    down, across = rows // _BLOCK, columns // _BLOCK
    whole = maps[:, : down * _BLOCK, : across * _BLOCK]
    parts = whole.reshape(count, down, _BLOCK, across, _BLOCK)
    return np.asarray(parts.sum(axis=(2, 4)).reshape(count, -1))


def _picture(maps: Float64Array) -> Float64Array:
    return np.asarray(maps.sum(axis=(1, 2))[:, None])


__all__ = ["Answer", "LastLayer", "fitted"]
