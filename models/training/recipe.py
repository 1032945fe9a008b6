"""The training recipe as plain values: what shapes the result, and the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.training.batches import StepPlan

_WARM_UP_SHARE = 0.05
# Faults are rarer later: the network settles on the pictures that cameras mostly give. The last
# crops are whole pictures of most cameras, with normalisation frozen: trained on small crops alone,
# the network was unbiased on crops and counted too many on whole pictures.
_PHASES = (
    (0.6, StepPlan(crops=16, size_px=(256, 256))),
    (0.8, StepPlan(crops=12, size_px=(320, 320), faults=0.4)),
    (1.0, StepPlan(crops=5, size_px=(640, 384), faults=0.4, frozen_normalisation=True)),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes the result, kept in the checkpoint and the model card.

    Attributes:
        phases: pairs of (share of all steps at which the phase ends, what its steps take).
        average_decay: of the running average of the weights, a step.
    """

    seed: int = 20261123
    epochs: int = 60
    steps_per_epoch: int = 120
    phases: tuple[tuple[float, StepPlan], ...] = _PHASES
    peak_rate: float = 2e-3
    weight_decay: float = 0.02
    average_decay: float = 0.998

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def plans(self) -> list[StepPlan]:
        """The plan of every step."""
        plans: list[StepPlan] = []
        for end, plan in self.phases:
            plans += [plan] * (round(self.steps * end) - len(plans))
        return plans


def rate_at(progress: float, peak: float) -> float:
    """One cycle: linear up in the first twentieth, then a half cosine down to peak / 100."""
    if progress < _WARM_UP_SHARE:
        return peak * (0.04 + 0.96 * progress / _WARM_UP_SHARE)
    turned = (progress - _WARM_UP_SHARE) / (1 - _WARM_UP_SHARE)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, turned))))
