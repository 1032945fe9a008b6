"""The last layer fitted anew: exact where it can be, counts kept where it cannot."""

import numpy as np
import pytest

from models.last_layer import Answer, LastLayer, fitted

CHANNELS = 5
TRUE = LastLayer(np.array([0.8, -0.5, 0.3, 0.0, 1.1]), -3.0)


def inputs_of(seed: int, level: float) -> np.ndarray:
    """Answers of the layers before, larger where more people are."""
    rng = np.random.default_rng(seed)
    return level * rng.gamma(2.0, 0.5, size=(CHANNELS, 9, 14))


def answers(*, moved: bool) -> list[Answer]:
    """Sparse and packed pictures; `moved` inputs are a little smaller, with noise."""
    found = []
    for seed in range(12):
        inputs = inputs_of(seed, 0.3 if seed % 2 else 1.5)
        wanted = TRUE.density(inputs)
        if moved:
            noise = np.random.default_rng(100 + seed).normal(0.0, 0.05, inputs.shape)
            inputs = 0.9 * inputs + noise
        found.append(Answer(inputs.astype(np.float32), wanted.astype(np.float32)))
    return found


def counts(layer: LastLayer, known: list[Answer]) -> np.ndarray:
    """Relative error of each picture's count."""
    said = np.array([layer.density(one.inputs).sum() for one in known])
    return np.asarray(said / np.array([one.density.sum() for one in known]) - 1.0)


def test_a_layer_that_says_what_it_should_stays() -> None:
    found = fitted(TRUE, answers(moved=False))
    assert found.weights == pytest.approx(TRUE.weights, abs=1e-4)
    assert found.bias == pytest.approx(TRUE.bias, abs=1e-4)


def test_another_layer_finds_the_one_that_answers() -> None:
    near = LastLayer(TRUE.weights + 0.1, TRUE.bias - 0.2)
    found = fitted(near, answers(moved=False))
    assert np.abs(counts(found, answers(moved=False))).max() < 1e-3


def test_counts_of_sparse_and_of_packed_pictures_come_back() -> None:
    """One factor cannot: sparse pictures lose little and packed ones much."""
    moved = answers(moved=True)
    before, after = counts(TRUE, moved), counts(fitted(TRUE, moved), moved)
    sparse, packed = before[1::2].mean(), before[::2].mean()
    assert packed < sparse - 0.02
    assert abs(after[::2].mean()) < 0.005
    assert abs(after[1::2].mean()) < 0.005
    assert np.abs(after).max() < np.abs(before).max() / 3.0


def test_what_nothing_tells_apart_stays_where_it_was() -> None:
    """A channel that is always zero keeps its weight."""
    known = [
        Answer(np.where(np.arange(CHANNELS)[:, None, None] == 2, 0.0, one.inputs), one.density)
        for one in answers(moved=True)
    ]
    assert fitted(TRUE, known).weights[2] == pytest.approx(TRUE.weights[2])
