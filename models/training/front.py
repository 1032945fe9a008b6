"""Bring a file of another layout to this one: what it holds is taken, the front learns to answer as
the file's own layers do.

    python -m models.training.front TEACHER.onnx OUT.onnx --data DIR [--rendered DIR] [--steps N]

The file's layers from stride 8 on are taken by name and stay as they are; the front is trained
until they hear what they heard. Heads and sizes begin anew where their layers differ, so that OUT
is a start for `models.training.train --start`, and no network to count with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch.nn import functional

from models.training.batches import StepPlan, TrainingSet, ahead, read_training_samples
from models.training.cache import cache_folder
from models.training.export import export_onnx
from models.training.network import HeadNet
from models.training.recipe import rate_at
from models.training.start import load_known
from models.training.teacher import Teacher

_SEED = 20261123
_PEAK_RATE = 4e-3
_PLAN = StepPlan(crops=16, size_px=(256, 256))
TAUGHT = "stage8"


def teach(network: HeadNet, teacher: Teacher, data: TrainingSet, steps: int) -> float:
    """Train the front alone; returns the share of the stage's variance that is still missed."""
    network.eval()
    network.front.train()
    for part in network.parameters():
        part.requires_grad_(False)
    for part in network.front.parameters():
        part.requires_grad_(True)
    optimiser = torch.optim.AdamW(network.front.parameters(), lr=_PEAK_RATE, weight_decay=1e-3)
    missed = 1.0
    for step, batch in enumerate(ahead(data, _SEED, range(steps), [_PLAN] * steps)):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step / steps, _PEAK_RATE)
        (wanted,) = teacher.answer(batch.pictures)
        told = network.stage8(network.front(torch.from_numpy(batch.pictures)))
        spread = wanted.var(dim=(0, 2, 3), keepdim=True) + 1e-4
        loss = functional.mse_loss(told / spread.sqrt(), wanted / spread.sqrt())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        missed += 0.02 * (float(loss.detach()) - missed)
        if (step + 1) % 100 == 0:
            sys.stdout.write(f"{step + 1} of {steps}: {missed:.3f} of the variance is missed\n")
            sys.stdout.flush()
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.front", description=__doc__)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.manual_seed(_SEED)
    torch.set_num_threads(asked.threads)
    data = TrainingSet(read_training_samples(asked.data, asked.rendered), cache_folder())
    network = HeadNet()
    taken = load_known(network, asked.teacher)
    teacher = Teacher(asked.teacher, asked.threads, (TAUGHT,))
    missed = teach(network, teacher, data, asked.steps)
    export_onnx(network, asked.out)
    sys.stdout.write(f"{asked.out}: {len(taken)} layers taken, {missed:.3f} missed\n")


if __name__ == "__main__":
    main()
