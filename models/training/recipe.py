"""The training recipe as plain values: what shapes the result, and the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.training.batches import StepPlan

_WARM_UP_SHARE = 0.05
_EARLY = StepPlan(crops=16, side_px=256)
# Faults are rarer at the end: the network settles on the pictures that cameras mostly give.
_LATE = StepPlan(crops=12, side_px=320, faults=0.4)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes the result, kept in the checkpoint and the model card."""

    seed: int = 20261123
    epochs: int = 60
    crops_per_epoch: int = 1440
    early_plan: StepPlan = _EARLY
    late_plan: StepPlan = _LATE
    late_share: float = 0.4
    peak_rate: float = 3e-3
    weight_decay: float = 0.02
    average_decay: float = 0.999

    @property
    def steps_per_epoch(self) -> int:
        return self.crops_per_epoch // self.late_plan.crops

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def plans(self) -> list[StepPlan]:
        late_from = round(self.steps * (1 - self.late_share))
        return [self.early_plan if s < late_from else self.late_plan for s in range(self.steps)]


def rate_at(progress: float, peak: float) -> float:
    """One cycle: linear up in the first twentieth, then a half cosine down to peak / 100."""
    if progress < _WARM_UP_SHARE:
        return peak * (0.04 + 0.96 * progress / _WARM_UP_SHARE)
    turned = (progress - _WARM_UP_SHARE) / (1 - _WARM_UP_SHARE)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, turned))))
