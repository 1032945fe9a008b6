"""Train the head network.

    python -m models.training.train --data DIR --out DIR [--rendered DIR] [--start FILE] [--resume]

Writes `checkpoint.pt` after every epoch, `history.jsonl` with the validation figures and, at the
end, `heads.onnx`. `--resume` goes on from the checkpoint; pictures may be added in between
(`--rendered`), and the number of epochs may change: the learning rate follows the share of all
steps done.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.training.augment import PAD_VALUE
from models.training.batches import (
    Batch,
    StepPlan,
    TrainingSet,
    ahead,
    read_training_samples,
)
from models.training.cache import cache_folder
from models.training.export import export_onnx
from models.training.losses import imitation_terms, loss_terms
from models.training.network import HeadNet, parameter_count
from models.training.recipe import Recipe, rate_at
from models.training.start import start_from
from models.training.teacher import Teacher
from vision.arrays import UInt8Array

_GRADIENT_NORM = 5.0
_TEACHER_SHARE = 0.5


class Trainer:
    """Network, optimiser and running average, with one step and one checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        device: torch.device,
        *,
        half: bool = False,
        teacher: Teacher | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device, self.half = recipe, device, half
        self.teacher = teacher
        self.plans = recipe.plans()
        self.network = HeadNet().to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval()
        self.optimiser = torch.optim.AdamW(
            _parameter_groups(self.network, recipe.weight_decay), lr=recipe.peak_rate, fused=True
        )
        self.step_number = 0
        self.seconds = 0.0

    def start(self, file: Path, pictures: UInt8Array) -> int:
        """Take an own file or the trunk of YOLOX-nano; returns how many convolutions were taken."""
        taken = start_from(self.network, file, pictures)
        self.average = copy.deepcopy(self.network).eval()
        return taken

    def step(self, batch: Batch) -> dict[str, float]:
        """One gradient step; returns the loss terms."""
        rate = rate_at(self.step_number / self.recipe.steps, self.recipe.peak_rate)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self._set_mode(self.plans[self.step_number])
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            density, points = self.network.logits(self._tensor(batch.pictures))
        targets = (batch.density, batch.heat, batch.log_size)
        truth, heat, size = (self._tensor(t) for t in targets)
        terms = loss_terms(density, points, truth, heat, size)
        total = terms.total
        if self.teacher is not None:
            answers = (self._tensor(a) for a in self.teacher.answer(batch.pictures))
            told = imitation_terms(density, points, *answers)
            total = (1.0 - _TEACHER_SHARE) * total + _TEACHER_SHARE * told.total
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT_NORM)
        self.optimiser.step()
        self.step_number += 1
        self._average()
        names = ("poisson", "blocks", "count", "heat", "size")
        return {name: float(getattr(terms, name).detach()) for name in names}

    def _set_mode(self, plan: StepPlan) -> None:
        self.network.train()
        if plan.frozen_normalisation:
            for part in self.network.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.eval()

    def _tensor(self, values: np.ndarray | Tensor) -> Tensor:
        return torch.as_tensor(values).to(self.device)

    def _average(self) -> None:
        decay = min(self.recipe.average_decay, (1 + self.step_number) / (10 + self.step_number))
        kept_all, now_all = self.average.state_dict(), self.network.state_dict()
        floats = [name for name, kept in kept_all.items() if kept.dtype.is_floating_point]
        now = [now_all[name] for name in floats]
        torch._foreach_lerp_([kept_all[name] for name in floats], now, 1 - decay)
        for name in kept_all.keys() - set(floats):
            kept_all[name].copy_(now_all[name])

    def save(self, path: Path, sources: dict[str, int]) -> None:
        """Write the checkpoint whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step_number,
            "seconds": self.seconds,
            "recipe": asdict(self.recipe),
            "sources": sources,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_number, self.seconds = state["step"], state["seconds"]


def _parameter_groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weight decay on convolution kernels only, not on biases and normalisation."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def validate(network: nn.Module, data: TrainingSet, device: torch.device) -> dict[str, float]:
    """Count errors on the held-out pictures at their own size: MAE and NAE by source."""
    network.eval()
    rows: dict[str, list[tuple[float, float]]] = {}
    for position in data.held_out:
        sample = data.samples[position]
        padded = torch.from_numpy(_padded(data.picture(position)))[None].to(device)
        with torch.inference_mode():
            count = float(network(padded)[0].sum())
        rows.setdefault(sample.source, []).append((count, float(len(sample.heads))))
    figures = {}
    for source, pairs in sorted(rows.items()):
        found, truth = np.array(pairs).T
        figures[f"{source}_mae"] = float(np.abs(found - truth).mean())
        figures[f"{source}_nae"] = float(np.abs(found - truth).sum() / max(truth.sum(), 1.0))
        figures[f"{source}_bias"] = float((found - truth).mean())
    return figures


def _padded(image: UInt8Array) -> UInt8Array:
    height, width = image.shape[:2]
    out = np.full((-(-height // 32) * 32, -(-width // 32) * 32, 3), PAD_VALUE, np.uint8)
    out[:height, :width] = image
    return out


def train(
    trainer: Trainer, data: TrainingSet, out: Path, *, every: int, report: Callable[[str], None]
) -> None:
    """Run from where the trainer stands to the end of its recipe."""
    recipe, started = trainer.recipe, time.monotonic() - trainer.seconds
    steps, sums = range(trainer.step_number, recipe.steps), dict[str, float]()
    batches = ahead(data, recipe.seed, steps, trainer.plans)
    for batch in batches:
        for name, value in trainer.step(batch).items():
            sums[name] = sums.get(name, 0.0) + value / recipe.steps_per_epoch
        if trainer.step_number % recipe.steps_per_epoch:
            continue
        epoch = trainer.step_number // recipe.steps_per_epoch
        trainer.seconds = time.monotonic() - started
        row: dict[str, float] = {"epoch": epoch, "seconds": round(trainer.seconds, 1), **sums}
        if epoch % every == 0 or epoch == recipe.epochs:
            row |= validate(trainer.average, data, trainer.device)
        trainer.save(out / "checkpoint.pt", data.counts())
        line = json.dumps({name: round(value, 4) for name, value in row.items()})
        with (out / "history.jsonl").open("a", encoding="utf-8") as history:
            history.write(line + "\n")
        report(line)
        sums = {}


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and ONNX")
    parser.add_argument("--rendered", type=Path, help="rendered pictures with heads.csv")
    parser.add_argument("--start", type=Path, help="ONNX file to start from: YOLOX-nano or own")
    parser.add_argument(
        "--teacher", type=Path, help="own ONNX file: half of the loss is against its answers"
    )
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    parser.add_argument("--rate", type=float, default=Recipe().peak_rate, help="highest rate")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--half", action="store_true", help="convolutions in bfloat16, where the machine has it"
    )
    parser.add_argument(
        "--keep", nargs="*", default=[], help="parts that are not trained, such as front"
    )
    parser.add_argument(
        "--without", nargs="*", default=[], metavar="CAMERA", help="cameras left out, as brt-1"
    )
    parser.add_argument("--validate-every", type=int, default=3, help="epochs")
    parser.add_argument(
        "--finish", action="store_true", help="all steps left are of the last phase"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    return parser.parse_args()


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    asked.out.mkdir(parents=True, exist_ok=True)
    samples = read_training_samples(asked.data, asked.rendered)
    data = TrainingSet(samples, cache_folder(), without=asked.without)
    recipe = replace(Recipe(), epochs=asked.epochs, seed=asked.seed, peak_rate=asked.rate)
    if asked.finish:
        recipe = replace(recipe, phases=recipe.phases[-1:])
    teacher = Teacher(asked.teacher, asked.threads) if asked.teacher else None
    trainer = Trainer(recipe, _device(asked.device), half=asked.half, teacher=teacher)
    for part in asked.keep:
        trainer.network.get_submodule(part).requires_grad_(False)
    checkpoint = asked.out / "checkpoint.pt"
    if asked.resume and checkpoint.exists():
        trainer.load(checkpoint)
    elif asked.start:
        pictures = data.batch(recipe.seed, recipe.steps, recipe.plans()[0]).pictures
        report(f"{trainer.start(asked.start, pictures)} convolutions from {asked.start.name}")
    report(f"{parameter_count(trainer.network)} parameters, {recipe.steps} steps, {data.counts()}")
    train(trainer, data, asked.out, every=asked.validate_every, report=report)
    report(str(export_onnx(trainer.average, asked.out / "heads.onnx")))


def report(line: str) -> None:
    """One line of progress on standard output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
