"""The head network: inverted residuals down to stride 32, and back up to strides 8 and 4.

One input, (N, height, width, 3) uint8 BGR with sides that are multiples of 32, three outputs:

- `density` (N, height/8, width/8): people per cell, softplus.
- `heat` (N, height/4, width/4): 0..1, peaks at head centres.
- `log_size` (N, height/4, width/4): natural log of the head height in pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_DENSITY_BIAS = -4.6  # softplus(-4.6) = 0.01 people per cell: about what training crops hold
_HEAT_BIAS = -4.6


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class FusedBlock(nn.Module):  # type: ignore[misc]
    """3x3 convolution and 1x1 projection: cheaper than depthwise where channels are few."""

    def __init__(self, inputs: int, middle: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.spread = _conv(inputs, middle, 3, stride)
        self.project = _conv(middle, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(functional.relu(self.spread(x), inplace=True))


class InvertedResidual(nn.Module):  # type: ignore[misc]
    """Expand, depthwise, project (Sandler et al., MobileNetV2, 2018), with ReLU."""

    def __init__(self, inputs: int, outputs: int, expand: int, kernel: int, stride: int) -> None:
        super().__init__()
        middle = inputs * expand
        self.spread = _conv(inputs, middle, 1)
        self.depthwise = _conv(middle, middle, kernel, stride, groups=middle)
        self.project = _conv(middle, outputs, 1)
        self.keeps_shape = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.spread(x), inplace=True)
        y = self.project(functional.relu(self.depthwise(y), inplace=True))
        return x + y if self.keeps_shape else y


class Separable(nn.Module):  # type: ignore[misc]
    """Depthwise 3x3 and pointwise convolution, each with ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.depthwise = _conv(inputs, inputs, kernel, groups=inputs)
        self.pointwise = _conv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(
            self.pointwise(functional.relu(self.depthwise(x), inplace=True)), inplace=True
        )


def _stage(inputs: int, outputs: int, blocks: int, expand: int, stride: int = 2) -> nn.Sequential:
    first = InvertedResidual(inputs, outputs, expand, 5, stride)
    rest = [InvertedResidual(outputs, outputs, expand, 5, 1) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


class HeadNet(nn.Module):  # type: ignore[misc]
    """See the module text. About 0.6 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 16, 3, 2)
        self.stage4 = FusedBlock(16, 40, 24, 2)
        self.stage8 = nn.Sequential(
            FusedBlock(24, 80, 40, 2),
            InvertedResidual(40, 40, 3, 3, 1),
            InvertedResidual(40, 40, 3, 3, 1),
        )
        self.stage16 = _stage(40, 64, 4, 4)
        self.stage32 = _stage(64, 96, 3, 4)
        self.lateral32 = _conv(96, 64, 1)
        self.lateral16 = _conv(64, 64, 1)
        self.lateral8 = _conv(40, 64, 1)
        self.merge16 = Separable(64, 64, 5)
        self.merge8 = Separable(64, 64, 5)
        self.density = nn.Sequential(Separable(64, 64), nn.Conv2d(64, 1, 1))
        self.lateral4 = _conv(24, 32, 1)
        self.down4 = _conv(64, 32, 1)
        self.points = nn.Sequential(Separable(32, 32), nn.Conv2d(32, 2, 1))
        nn.init.constant_(self.density[-1].bias, _DENSITY_BIAS)
        nn.init.zeros_(self.points[-1].weight)
        with torch.no_grad():
            self.points[-1].bias.copy_(torch.tensor([_HEAT_BIAS, 3.0]))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        density, points = self.logits(picture)
        return functional.softplus(density), torch.sigmoid(points[:, 0]), points[:, 1]

    def logits(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Before the last functions: density (N, h/8, w/8); heat and log size (N, 2, h/4, w/4)."""
        x = (picture.permute(0, 3, 1, 2).float() - 114.0) * (1 / 58.0)
        x = functional.relu(self.stem(x), inplace=True)
        at4 = self.stage4(x)
        at8 = self.stage8(at4)
        at16 = self.stage16(at8)
        at32 = self.stage32(at16)
        up16 = functional.relu(self.lateral16(at16) + _twice(self.lateral32(at32)))
        up16 = self.merge16(up16)
        up8 = self.merge8(functional.relu(self.lateral8(at8) + _twice(up16)))
        up4 = functional.relu(self.lateral4(at4) + _twice(self.down4(up8)))
        return self.density(up8)[:, 0], self.points(up4)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
