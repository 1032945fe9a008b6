"""The last layer of the head sizes fitted again, on whole training pictures.

    python -m models.training.refit FILE.onnx OUT.onnx --data DIR [--rendered DIR]

A size is read at run time as the mean over a peak and its eight neighbours; training until
epoch 121 told it at the centre alone. Everything before the last layer stays as it is, so that the
fit is a weighted least absolute deviation of 33 numbers, solved by reweighted least squares
(Schlossmacher, 1973). Weights are the heat that the network gives a cell, as at run time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.canvas import fit
from models.cards import Decoding
from models.datasets import Sample, is_held_out
from models.registry import default_head_network_id, find_card
from models.training.batches import HELD_OUT_PERCENT, StepPlan, TrainingSet, read_training_samples
from models.training.cache import cache_folder
from models.training.export import export_onnx
from models.training.network import HeadNet
from models.training.start import start_from_own
from models.training.targets import targets_for
from vision.arrays import UInt8Array

PICTURES = {"scut_a": 170, "scut_b": 300, "rendered": 90}
_SOURCE_WEIGHT = {"rendered": 0.3}
_LEAST_HEAT, _LEAST_MISS, _ROUNDS, _RIDGE = 0.02, 0.05, 12, 1e-3
_SEED = 20261123


def least_absolute(
    features: NDArray[np.float64], truth: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients (K + 1,), the last a constant, with the least weighted mean of
    |features @ coefficients - truth|, for features (N, K)."""
    columns = np.column_stack([features, np.ones(len(features))])
    ridge = _RIDGE * np.eye(columns.shape[1])
    now = weight / weight.sum()
    found = np.zeros(columns.shape[1])
    for _ in range(_ROUNDS):
        scaled = columns * now[:, None]
        found = np.linalg.solve(columns.T @ scaled + ridge * now.sum(), scaled.T @ truth)
        miss = np.abs(columns @ found - truth)
        now = weight / np.maximum(miss, _LEAST_MISS)
        now /= now.sum()
    return found


def chosen(samples: Sequence[Sample]) -> list[Sample]:
    """Training pictures with head sizes, by `PICTURES`, none held out."""
    rng = np.random.default_rng(_SEED)
    found: list[Sample] = []
    for source, most in PICTURES.items():
        group = [s for s in samples if s.source == source and not is_held_out(s, HELD_OUT_PERCENT)]
        found += [group[int(i)] for i in rng.permutation(len(group))[:most]]
    return found


def cells_of(
    network: HeadNet, image_bgr: UInt8Array, sample: Sample, decoding: Decoding
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of the cells that tell a size: features (N, 32), log size (N,), heat (N,)."""
    canvas = fit(image_bgr, decoding.working_long_side_px, decoding.enlarge_below_px)
    heads = sample.heads_px(image_bgr.shape[1], image_bgr.shape[0])
    scale = np.array([canvas.scale_u, canvas.scale_v, canvas.scale_v], np.float32)
    height, width = canvas.pixels.shape[:2]
    truth = targets_for(heads * scale, (width, height)).log_size
    heard: list[torch.Tensor] = []
    hook = network.points[-1].register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    with torch.inference_mode():
        heat = network(torch.from_numpy(canvas.pixels)[None])[1][0].numpy()
    hook.remove()
    rows, columns = np.nonzero(np.isfinite(truth))
    features = heard[0][0].numpy()[:, rows, columns].T
    told = truth[rows, columns]
    return features.astype(float), told.astype(float), heat[rows, columns].astype(float)


def refit_sizes(network: HeadNet, data: TrainingSet, decoding: Decoding) -> int:
    """Replace the size map's layer; returns how many cells it was fitted to."""
    positions = {sample.picture: i for i, sample in enumerate(data.samples)}
    parts, weights = [], []
    for sample in chosen(data.samples):
        image = data.picture(positions[sample.picture])
        features, truth, heat = cells_of(network, image, sample, decoding)
        parts.append((features, truth))
        share = _SOURCE_WEIGHT.get(sample.source, 1.0)
        weights.append(share * np.clip(heat, _LEAST_HEAT, 1.0))
    features, truth = (np.concatenate(part) for part in zip(*parts, strict=True))
    found = torch.from_numpy(least_absolute(features, truth, np.concatenate(weights))).float()
    with torch.no_grad():
        network.points[-1].weight[1, :, 0, 0] = found[:-1]
        network.points[-1].bias[1] = found[-1]
    return len(truth)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.refit", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rendered", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = TrainingSet(read_training_samples(asked.data, asked.rendered), cache_folder())
    network = HeadNet()
    pictures = data.batch(_SEED, 0, StepPlan(crops=8, size_px=(256, 256))).pictures
    start_from_own(network, asked.file, pictures)
    network.eval()
    cells = refit_sizes(network, data, find_card(default_head_network_id()).decoding)
    export_onnx(network, asked.out)
    sys.stdout.write(f"{asked.out}: fitted to {cells} cells\n")


if __name__ == "__main__":
    main()
