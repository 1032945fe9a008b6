"""Evacuation curves as drawings: persons left over seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 640.0
HEIGHT = 240.0
_LEFT, _LOW = 48.0, 28.0
Curve = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One line: SVG points, and where its name stands. `style`: index of its stroke pattern."""

    name: str
    points: str
    style: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis at `at` points along it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over common axes, in points of a `WIDTH` x `HEIGHT` picture with y downwards.

    Attributes:
        target_x: where the target time stands; `None` without a target, or beyond the axis.
    """

    lines: tuple[Drawn, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    target_x: float | None = None


def plot(curves: Mapping[str, Curve], target_s: float | None = None) -> Plot | None:
    """Draw named curves of (seconds, persons); `None` when there is no point at all."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return None
    last_s = max(1.0, max(p[0] for p in points), target_s or 0.0)
    most = max(1.0, max(p[1] for p in points))
    x_step, y_step = _step(last_s), _step(most)

    def x(seconds: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - 8) * seconds / last_s, 1)

    def y(people: float) -> float:
        return round(8 + (HEIGHT - _LOW - 8) * (1 - people / most), 1)

    drawn = tuple(
        Drawn(name, " ".join(f"{x(s)},{y(n)}" for s, n in curve), number % 4)
        for number, (name, curve) in enumerate(curves.items())
    )
    return Plot(
        lines=drawn,
        x_ticks=tuple(Tick(x(s), f"{s:g}") for s in _steps(last_s, x_step)),
        y_ticks=tuple(Tick(y(n), f"{n:g}") for n in _steps(most, y_step)),
        target_x=None if target_s is None else x(target_s),
    )


def _step(most: float) -> float:
    """1, 2 or 5 times a power of ten, so that an axis has at most eight steps."""
    step = 1.0
    while most / step > 8:
        step *= 2.5 if str(step)[0] == "2" else 2.0
    return step


def _steps(most: float, step: float) -> list[float]:
    return [step * number for number in range(int(most / step) + 1)]
