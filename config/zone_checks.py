"""Whether size, width and exits of a zone can be meant as they are written."""

from __future__ import annotations

import math

import shapely
from shapely.geometry import LineString, Polygon

from config.site_schema import ExitKeys, ZoneKeys
from config.yaml_source import KeyPath, YamlSource

LARGEST_M2 = 20_000.0
LONGEST_M = 500.0
"""Four football pitches, and farther than a camera tells people apart. The grid of a zone has a
cell each quarter of a metre: drawn in centimetres it would not fit into the memory."""

AT_THE_ZONE_M = 0.5
"""How far from its zone an exit may be drawn: a plan that is clicked on a screen is no better."""

_BESIDE_M = 1.0
# An exit may lie inside its zone; it then faces inwards where most of the zone is.
_TIMES_LARGER = 1.5


def check_zone(keys: ZoneKeys, polygon: Polygon, at: KeyPath, source: YamlSource) -> None:
    """Report a zone that is too large, a width that it does not have, and exits away from it."""
    left, bottom, right, top = polygon.bounds
    if max(right - left, top - bottom) > LONGEST_M or polygon.area > LARGEST_M2:
        message = f"the zone is {right - left:.0f} m by {top - bottom:.0f} m"
        mend = f"the unit is not metres, or split the zone: at most {LONGEST_M:.0f} m and "
        source.report((*at, "polygon"), message, f"{mend}{LARGEST_M2:.0f} m²")
        return
    across_m = _across_m(polygon)
    if keys.width_m is not None and keys.width_m > across_m:
        message = f"the zone is {across_m:.1f} m across, less than its width of {keys.width_m:g} m"
        source.report((*at, "width_m"), message, "write the clear width in metres")
    for index, line in enumerate(keys.exits):
        _check_exit(line, polygon, (*at, "exits", index), source)


def _across_m(polygon: Polygon) -> float:
    """The longest straight way between two corners."""
    corners = shapely.get_coordinates(polygon.convex_hull)
    return max(math.dist(one, other) for one in corners for other in corners)


def _check_exit(keys: ExitKeys, polygon: Polygon, at: KeyPath, source: YamlSource) -> None:
    line = LineString((keys.start, keys.end))
    at_zone = line.intersection(polygon.buffer(AT_THE_ZONE_M)).length / line.length
    if at_zone < 0.5:
        message = f"exit {keys.id!r} does not lie at the zone: {at_zone:.0%} of it is within "
        message += f"{AT_THE_ZONE_M:g} m"
        source.report((*at, "from"), message, "correct `from` and `to`, in metres on the plan")
        return
    # Looking from `from` to `to`, the right side is outside.
    inside_m2, outside_m2 = (
        polygon.intersection(line.buffer(side, single_sided=True)).area
        for side in (_BESIDE_M, -_BESIDE_M)
    )
    if outside_m2 > _TIMES_LARGER * inside_m2:
        message = f"exit {keys.id!r} takes who comes in for going out: its right side faces inwards"
        source.note((*at, "from"), message, "swap `from` and `to`")


__all__ = ["AT_THE_ZONE_M", "LARGEST_M2", "LONGEST_M", "check_zone"]
