"""The head network: a small cross-stage-partial trunk down to stride 32, and back up to 8.

One input, (N, height, width, 3) uint8 BGR with sides that are multiples of 32, three outputs:

- `density` (N, height/8, width/8): people per cell, softplus.
- `heat` (N, height/4, width/4): 0..1, peaks at head centres.
- `log_size` (N, height/4, width/4): natural log of the head height in pixels.

From stride 8 on, trunk and top-down path have the layout of YOLOX-nano (Ge et al., 2021), so that
its weights can be the start of training (`start.py`); hard-swish stands for its SiLU, which costs
more in int8. What is done at strides 2 and 4 costs most: the front goes to stride 4 in one layer,
and heat and size are told at stride 8, four cells at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

PIXEL_MEAN, PIXEL_SPREAD = 114.0, 58.0
_DENSITY_BIAS = -4.6  # softplus(-4.6) = 0.01 people per cell: about what training crops hold
_HEAT_BIAS = -4.6


class Conv(nn.Module):  # type: ignore[misc]
    """Convolution, batch normalisation, hard-swish."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        padding = (kernel - 1) // 2 if isinstance(kernel, int) else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardswish(self.norm(self.conv(x)))


class Separable(nn.Module):  # type: ignore[misc]
    """Depthwise 3x3 and pointwise convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = Conv(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = Conv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class Bottleneck(nn.Module):  # type: ignore[misc]
    """1x1 and separable 3x3, with or without the way around them."""

    def __init__(self, channels: int, *, around: bool) -> None:
        super().__init__()
        self.first = Conv(channels, channels, 1)
        self.second = Separable(channels, channels)
        self.around = around

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x))
        return x + y if self.around else y


class Partial(nn.Module):  # type: ignore[misc]
    """Cross-stage partial block: half of the channels pass `blocks` bottlenecks, half pass by."""

    def __init__(self, inputs: int, outputs: int, blocks: int, *, around: bool) -> None:
        super().__init__()
        half = outputs // 2
        self.through = Conv(inputs, half, 1)
        self.by = Conv(inputs, half, 1)
        self.blocks = nn.Sequential(*(Bottleneck(half, around=around) for _ in range(blocks)))
        self.join = Conv(outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        through, by = self.through(x), self.by(x)
        return self.join(torch.cat((self.blocks(through), by), dim=1))


class Pyramid(nn.Module):  # type: ignore[misc]
    """Spatial pyramid pooling over 5, 9 and 13 cells."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels // 2, 1)
        self.last = Conv(channels * 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        five = functional.max_pool2d(x, 5, 1, 2)
        nine = functional.max_pool2d(five, 5, 1, 2)
        thirteen = functional.max_pool2d(nine, 5, 1, 2)
        return self.last(torch.cat((x, five, nine, thirteen), dim=1))


class Front(nn.Module):  # type: ignore[misc]
    """From pixels to stride 4: patches of 8x12 pixels that overlap, then each channel by itself.

    Four pixels of a row are twelve channels, which is a view of the picture's bytes. What lies
    beyond the picture is black.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.patches = Conv(12, outputs, (8, 3), (4, 1))
        self.around = Conv(outputs, outputs, 3, groups=outputs)
        self.of_pixels = False

    def forward(self, picture: Tensor) -> Tensor:
        count, height = picture.shape[:2]
        fours = picture.reshape(count, height, -1, 12)
        if self.of_pixels:
            x = fours.permute(0, 3, 1, 2).float()
        else:
            x = functional.pad(fours, (0, 0, 1, 1, 2, 2)).permute(0, 3, 1, 2).float()
            x = x.sub_(PIXEL_MEAN).mul_(1 / PIXEL_SPREAD)
        return self.around(self.patches(x))


class HeadNet(nn.Module):  # type: ignore[misc]
    """See the module text."""

    def __init__(self) -> None:
        super().__init__()
        self.front = Front(32)
        self.stage8 = nn.Sequential(Separable(32, 64, 2), Partial(64, 64, 3, around=True))
        self.stage16 = nn.Sequential(Separable(64, 128, 2), Partial(128, 128, 3, around=True))
        self.stage32 = nn.Sequential(
            Separable(128, 256, 2), Pyramid(256), Partial(256, 256, 1, around=False)
        )
        self.narrow32 = Conv(256, 128, 1)
        self.merge16 = Partial(256, 128, 1, around=False)
        self.narrow16 = Conv(128, 64, 1)
        self.merge8 = Partial(128, 64, 1, around=False)
        self.density = nn.Sequential(Separable(64, 64), nn.Conv2d(64, 1, 1))
        self.points = nn.Sequential(Separable(64, 64), nn.Conv2d(64, 8, 1))
        nn.init.constant_(self.density[-1].bias, _DENSITY_BIAS)
        nn.init.zeros_(self.points[-1].weight)
        with torch.no_grad():
            self.points[-1].bias.copy_(torch.tensor([_HEAT_BIAS, 3.0]).repeat_interleave(4))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        density, points = self.logits(picture)
        heat = torch.sigmoid(points[:, 0])
        return functional.softplus(density), heat, points[:, 1]

    def logits(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Before the last functions: density (N, h/8, w/8); heat and log size
        (N, 2, h/4, w/4)."""
        at8 = self.stage8(self.front(picture))
        at16 = self.stage16(at8)
        up16 = _twice(self.narrow32(self.stage32(at16)))
        up8 = _twice(self.narrow16(self.merge16(torch.cat((up16, at16), dim=1))))
        found8 = self.merge8(torch.cat((up8, at8), dim=1))
        return self.density(found8)[:, 0], functional.pixel_shuffle(self.points(found8), 2)


def on_pixels(network: HeadNet) -> HeadNet:
    """The same network with the same answers, whose first layer reads bytes as they are: scale and
    mean of the pixels go into its weights, so that int8 has nothing to round before it.

    Changes `network`.
    """
    front, patches = network.front, network.front.patches
    with torch.no_grad():
        whole = patches.conv.weight.sum(dim=(1, 2, 3))
        patches.norm.running_mean += whole * (PIXEL_MEAN / PIXEL_SPREAD)
        patches.conv.weight /= PIXEL_SPREAD
    patches.conv.padding = (2, 1)
    front.of_pixels = True
    return network


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
