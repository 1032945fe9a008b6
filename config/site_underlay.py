"""A picture under the plan from its keys: where it lies follows from two known points."""

from __future__ import annotations

from pathlib import Path

from config.named_files import is_there, named_file
from config.site import Underlay
from config.site_schema import UnderlayKeys
from config.yaml_source import KeyPath, YamlSource

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
_LEAST_APART_PX = 20.0
_LEAST_APART_M = 0.1
Pair = tuple[tuple[float, float], tuple[float, float]]


def matrix_of(first: Pair, second: Pair) -> tuple[float, float, float, float]:
    """The similarity that carries two pixels to their points on the plan.

    Args:
        first, second: each a pixel (u, v), v down, and its point (x, y) in metres, y up.

    Returns:
        a, b, x0, y0 of `config.site.Underlay`.

    Raises:
        ValueError: when the pixels or the points lie too near each other to tell a scale.
    """
    # With p = u - i v and z = x + i y the picture is z = m p + t, m = a + i b.
    p1, p2 = (complex(pixel[0], -pixel[1]) for pixel, _ in (first, second))
    z1, z2 = (complex(*point) for _, point in (first, second))
    if abs(p2 - p1) < _LEAST_APART_PX or abs(z2 - z1) < _LEAST_APART_M:
        raise ValueError(
            f"the two points lie {abs(p2 - p1):.0f} px and {abs(z2 - z1):.2f} m from each other"
        )
    m = (z2 - z1) / (p2 - p1)
    t = z1 - m * p1
    return (m.real, m.imag, t.real, t.imag)


def build_underlay(
    keys: UnderlayKeys, at: KeyPath, source: YamlSource, directory: Path
) -> Underlay | None:
    """The underlay, or `None` with the reason reported, or noted where the picture is gone.

    A plan without its drawing shows everything that is measured.
    """
    path = named_file(directory, keys.file)
    if path is None or path.suffix.lower() not in PICTURE_SUFFIXES:
        message = f"{keys.file!r} is no picture in the site folder"
        source.report((*at, "file"), message, "name a .png or .jpg beside or below site.yaml")
        return None
    if not is_there(path):
        message = f"there is no file {keys.file!r} beside the site file"
        source.note((*at, "file"), message, "correct the name, or leave the underlay out")
        return None
    first, second = keys.points
    try:
        matrix = matrix_of((first.px, first.at), (second.px, second.at))
    except ValueError as error:
        source.report((*at, "points"), str(error), "take two points far apart")
        return None
    return Underlay(keys.file, directory / keys.file, matrix)


__all__ = ["PICTURE_SUFFIXES", "build_underlay", "matrix_of"]
