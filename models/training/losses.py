"""The training loss: how wrong the density map, the points and the head sizes are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_RATE_FLOOR = 1e-6
_CROWD_SCALE = 20.0
_SURE = 0.3
_BLOCK_CELLS = 4  # 4 x 4 density cells are one block of 32 x 32 pixels


@dataclass(frozen=True, slots=True)
class LossTerms:
    """Means over the batch, already weighted; their sum is what is minimised."""

    poisson: Tensor
    blocks: Tensor
    count: Tensor
    heat: Tensor
    size: Tensor

    @property
    def total(self) -> Tensor:
        return self.poisson + self.blocks + self.count + self.heat + self.size


def loss_terms(
    density_logits: Tensor,
    points: Tensor,
    density: Tensor,
    heat: Tensor,
    log_size: Tensor,
) -> LossTerms:
    """Loss of a batch.

    Args:
        density_logits: (N, h, w) before softplus.
        points: (N, 2, 2h, 2w): heat before sigmoid, log size.
        density, heat: the targets, as `targets.Targets`, stacked.
        log_size: likewise; NaN where it is not known.

    The density terms are Poisson likelihood on 8x8-pixel cells, L1 on 32x32-pixel blocks and L1
    on the crop's count; each crop is weighted by 1 / (1 + count / 20), so that a packed crop
    counts by its relative error and not by its number of heads.
    """
    poisson, blocks, count = _density_terms(density_logits, density)
    return LossTerms(
        poisson,
        blocks,
        count,
        heat=0.5 * _focal(points[:, 0].float(), heat),
        size=0.3 * _where_known(points[:, 1].float(), log_size),
    )


def imitation_terms(
    density_logits: Tensor,
    points: Tensor,
    density: Tensor,
    heat: Tensor,
    log_size: Tensor,
) -> LossTerms:
    """As `loss_terms`, with what another network answers for the truth: its density, its heat as
    chances, and its sizes where it is sure of a head."""
    poisson, blocks, count = _density_terms(density_logits, density)
    chances = functional.binary_cross_entropy_with_logits(
        points[:, 0].float(), heat, reduction="none"
    )
    sure = heat > _SURE
    of_heads = (chances - _entropy(heat)).sum(dim=(1, 2)) / sure.sum(dim=(1, 2)).clamp(min=4)
    told = torch.where(sure, log_size, torch.full_like(log_size, torch.nan))
    return LossTerms(
        poisson,
        blocks,
        count,
        heat=0.5 * of_heads.mean(),
        size=0.3 * _where_known(points[:, 1].float(), told),
    )


def _entropy(chance: Tensor) -> Tensor:
    """Of a chance, so that a perfect imitation costs nothing."""
    return functional.binary_cross_entropy(chance, chance, reduction="none")


def _density_terms(density_logits: Tensor, density: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rate = functional.softplus(density_logits.float())
    truth_count = density.sum(dim=(1, 2))
    weight = 1.0 / (1.0 + truth_count / _CROWD_SCALE)
    poisson = (rate - density * torch.log(rate + _RATE_FLOOR)).sum(dim=(1, 2))
    blocks = (_blocks(rate) - _blocks(density)).abs().sum(dim=(1, 2))
    count = (rate.sum(dim=(1, 2)) - truth_count).abs()
    return (
        0.1 * (weight * poisson).mean(),
        0.25 * (weight * blocks).mean(),
        0.5 * (weight * count).mean(),
    )


def _blocks(cells: Tensor) -> Tensor:
    return functional.avg_pool2d(cells[:, None], _BLOCK_CELLS)[:, 0] * _BLOCK_CELLS**2


def _focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Penalty-reduced focal loss, alpha 2, beta 4 (Law and Deng, CornerNet, 2018)."""
    found = torch.sigmoid(logits)
    centre = heat.eq(1.0).float()
    missed = -functional.logsigmoid(logits) * (1 - found).square() * centre
    false = -functional.logsigmoid(-logits) * found.square() * (1 - heat).pow(4) * (1 - centre)
    per_crop = (missed + false).sum(dim=(1, 2)) / centre.sum(dim=(1, 2)).clamp(min=4.0)
    return per_crop.mean()


def _where_known(found: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error where the truth is no NaN."""
    known = torch.isfinite(truth)
    off = (found - torch.nan_to_num(truth)).abs() * known
    return off.sum() / known.sum().clamp(min=1)
