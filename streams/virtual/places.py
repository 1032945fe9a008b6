"""The empty places of the sample school as surfaces: stair with hall, yard gate, corridor."""

from __future__ import annotations

import numpy as np

from streams.virtual.stage import Lamp, Stage, Surface

_Vec = tuple[float, float, float]
_FLOOR = (0.46, 0.50, 0.52)
_HALL_FLOOR = (0.42, 0.46, 0.47)
_WALL = (0.62, 0.68, 0.68)
_GREEN = (0.52, 0.66, 0.58)
_DOOR = (0.16, 0.27, 0.42)
_METAL = (0.50, 0.50, 0.48)


def floor(
    x0: float, y0: float, x1: float, y1: float, *, z_m: float = 0.0, texture: str = "tiles",
    colour: _Vec = _FLOOR,
) -> Surface:  # fmt: skip
    """A level rectangle."""
    return Surface((x0, y0, z_m), (x1 - x0, 0, 0), (0, y1 - y0, 0), colour, texture)


def wall(
    start: tuple[float, float], end: tuple[float, float], base_m: float, top_m: float,
    *, texture: str = "dado", colour: _Vec = _WALL, occludes: bool = False,
) -> Surface:  # fmt: skip
    """An upright rectangle over a plan segment."""
    along = (end[0] - start[0], end[1] - start[1], 0.0)
    return Surface((*start, base_m), along, (0, 0, top_m - base_m), colour, texture, occludes)


def box(
    x0: float, y0: float, x1: float, y1: float, z0_m: float, z1_m: float, colour: _Vec,
    texture: str = "plain", occludes: bool = True,
) -> tuple[Surface, ...]:  # fmt: skip
    """Four sides and the top of an upright block."""
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    sides = tuple(
        wall(a, b, z0_m, z1_m, texture=texture, colour=colour, occludes=occludes)
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
    )
    top = Surface((x0, y0, z1_m), (x1 - x0, 0, 0), (0, y1 - y0, 0), colour, texture, occludes)
    return (*sides, top)


def steps(
    x_top: float, x_foot: float, y0: float, y1: float, rise_m: float, count: int
) -> tuple[Surface, ...]:
    """A flight that goes down along +x from `rise_m` to 0, treads at the height of their nosing."""
    tread, riser = (x_foot - x_top) / count, rise_m / count
    made: list[Surface] = []
    for k in range(count):
        x, z = x_top + k * tread, rise_m - k * riser
        across = (0.0, y1 - y0, 0.0)
        made.append(Surface((x, y0, z - riser), across, (0, 0, riser), (0.36, 0.39, 0.40), "plain"))
        made.append(
            Surface((x, y0, z - riser), across, (tread, 0, 0), (0.50, 0.53, 0.54), "nosed_tread")
        )
    return tuple(made)


def stair_hall(
    *, gate_closed: bool, shut_leaf_y_m: tuple[float, float] | None = None, seed: int = 3
) -> Stage:
    """Upper corridor, flight `stair-a` and ground hall; the folding gate stands at its foot.

    `shut_leaf_y_m` bars only this part of the foot.
    """
    top = 4.8
    surfaces = [
        floor(-17, 0, 0, 3, z_m=1.8, texture="terrazzo"),
        *steps(0.0, 3.6, 0.0, 3.0, 1.8, 12),
        floor(3.6, -1.5, 11.6, 4.5, texture="tiles", colour=_HALL_FLOOR),
        floor(11.6, 0.6, 13.2, 2.4, texture="concrete", colour=(0.6, 0.62, 0.62)),
        wall((-17, 0), (3.6, 0), 0.0, top, colour=_GREEN),
        wall((-17, 3), (3.6, 3), 0.0, top, colour=_GREEN),
        wall((-17, 0), (-17, 3), 1.8, top),
        wall((3.6, -1.5), (3.6, 0), 0.0, top, occludes=True),
        wall((3.6, 3), (3.6, 4.5), 0.0, top, occludes=True),
        wall((3.6, -1.5), (11.6, -1.5), 0.0, top),
        wall((3.6, 4.5), (11.6, 4.5), 0.0, top),
        wall((11.6, -1.5), (11.6, 0.6), 0.0, top),
        wall((11.6, 2.4), (11.6, 4.5), 0.0, top),
        wall((11.6, 0.6), (11.6, 2.4), 2.3, top),
        wall((13.2, -1), (13.2, 4), 0.0, 3.0, texture="plain", colour=(0.9, 0.9, 0.88)),
        wall((5.2, 4.49), (7.2, 4.49), 1.1, 2.1, texture="poster", colour=(0.35, 0.45, 0.7)),
        wall((7.9, -1.49), (10.9, -1.49), 1.0, 2.9, texture="window", colour=(0.85, 0.82, 0.8)),
        wall((-9.5, 2.99), (-8.6, 2.99), 1.8, 3.9, texture="door", colour=_DOOR),
        wall((-4.5, 2.99), (-3.6, 2.99), 1.8, 3.9, texture="door", colour=_DOOR),
        wall((-8.0, 0.01), (-5.0, 0.01), 2.8, 4.3, texture="window", colour=(0.85, 0.82, 0.8)),
        Surface((-17, 0, top), (20.6, 0, 0), (0, 3, 0), (0.78, 0.8, 0.8)),
        Surface((3.6, -1.5, top), (8, 0, 0), (0, 6, 0), (0.78, 0.8, 0.8)),
        *_handrail(0.03),
        *_handrail(2.95),
        *box(4.0, 3.9, 4.7, 4.4, 0.0, 1.0, (0.3, 0.36, 0.42)),
    ]
    barred = (0.0, 3.0) if gate_closed else shut_leaf_y_m
    if barred is not None:
        ends = (3.6, barred[0]), (3.6, barred[1])
        surfaces.append(wall(*ends, 0.0, 1.2, texture="bars", colour=_METAL, occludes=True))
    lamps = tuple(Lamp((x, 1.5, top - 0.3), 1.9) for x in (-12.0, -8.0, -4.0, 0.2, 5.0, 8.0, 10.6))
    return Stage(tuple(surfaces), lamps, ambient=0.55, seed=seed)


def _handrail(y_m: float) -> tuple[Surface, ...]:
    rail = Surface((0.0, y_m, 1.8 + 0.85), (3.6, 0, -1.8), (0, 0, 0.06), (0.2, 0.3, 0.45))
    edge = Surface((0.0, y_m, 1.8 + 0.91), (3.6, 0, -1.8), (0, 0.04, 0), (0.25, 0.38, 0.55))
    return rail, edge


def yard_gate(*, gate_closed: bool = False, seed: int = 5) -> Stage:
    """The gate square of the yard: a wall across with an opening of 3 m, barred when shut."""
    surfaces = [
        floor(-8, -6, 20, 16, z_m=-0.01, texture="concrete", colour=(0.34, 0.35, 0.36)),
        floor(0, 0, 12, 8, texture="bricks", colour=(0.38, 0.42, 0.47)),
        *box(5.9, 0.0, 6.1, 2.5, 0.0, 2.4, (0.55, 0.6, 0.64), "bricks"),
        *box(5.9, 5.5, 6.1, 8.0, 0.0, 2.4, (0.55, 0.6, 0.64), "bricks"),
        *box(5.8, 2.3, 6.2, 2.5, 0.0, 2.7, (0.4, 0.42, 0.5)),
        *box(5.8, 5.5, 6.2, 5.7, 0.0, 2.7, (0.4, 0.42, 0.5)),
        wall((-8, 8.3), (20, 8.3), 0.0, 0.9, texture="bricks", colour=(0.45, 0.5, 0.5)),
        wall((-8, 15.9), (20, 15.9), 0.0, 6.0, texture="window", colour=(0.55, 0.56, 0.58)),
        *box(2.2, 8.6, 4.0, 9.4, 0.0, 0.7, (0.2, 0.36, 0.2), "concrete"),
        *box(8.2, 8.6, 10.4, 9.4, 0.0, 0.7, (0.2, 0.36, 0.2), "concrete"),
    ]
    if gate_closed:
        surfaces.append(wall((6, 2.5), (6, 5.5), 0.0, 2.0, texture="bars", colour=_METAL))
    sun = (Lamp((-30.0, -40.0, 80.0), 5200.0),)
    return Stage(tuple(surfaces), sun, ambient=0.6, seed=seed)


def classroom_corridor(*, seed: int = 7) -> Stage:
    """The corridor of the third floor: classroom doors on one side, windows on the other."""
    top = 3.3
    surfaces = [
        floor(-3, 0, 27, 3, texture="terrazzo"),
        wall((-3, 0), (27, 0), 0.0, top, colour=_GREEN),
        wall((-3, 3), (27, 3), 0.0, top, colour=_WALL),
        wall((27, 0), (27, 3), 0.0, top),
        wall((-3, 0), (-3, 3), 0.0, top),
        Surface((-3, 0, top), (30, 0, 0), (0, 3, 0), (0.78, 0.8, 0.8)),
    ]
    surfaces.extend(
        wall((x, 2.99), (x + 0.9, 2.99), 0.0, 2.2, texture="door", colour=_DOOR)
        for x in (3.0, 8.2, 11.5, 16.7, 20.0)
    )
    surfaces.extend(
        wall((x, 0.01), (x + 3.0, 0.01), 1.0, 2.6, texture="window", colour=(0.85, 0.82, 0.8))
        for x in (1.0, 6.5, 12.0, 17.5)
    )
    surfaces.append(
        wall((13.5, 2.985), (15.5, 2.985), 1.1, 2.1, texture="poster", colour=(0.4, 0.5, 0.7))
    )
    surfaces.extend(box(9.6, 2.7, 10.4, 3.0, 0.0, 1.1, (0.5, 0.45, 0.35)))
    lamps = tuple(Lamp((x, 1.5, top - 0.1), 1.0) for x in np.arange(0.5, 27.0, 3.0).tolist())
    return Stage(tuple(surfaces), lamps, ambient=0.5, seed=seed)


__all__ = [
    "box",
    "classroom_corridor",
    "floor",
    "stair_hall",
    "steps",
    "wall",
    "yard_gate",
]
