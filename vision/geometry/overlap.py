"""Where shapes of several cameras lie over each other."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry


def layers(shapes: Sequence[BaseGeometry], count: int) -> list[BaseGeometry]:
    """Where at least one, two ... `count` of the shapes lie over each other."""
    found: list[BaseGeometry] = [MultiPolygon()] * count
    for shape in shapes:
        if shape.is_empty:
            continue
        for index in range(count - 1, 0, -1):
            both = shapely.intersection(found[index - 1], shape)
            found[index] = shapely.union(found[index], both)
        found[0] = shapely.union(found[0], shape)
    return found


__all__ = ["layers"]
