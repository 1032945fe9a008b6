"""Where shapes lie over each other."""

import pytest
from shapely.geometry import MultiPolygon, box

from vision.geometry.overlap import layers


def test_layers_count_how_many_lie_over_a_place() -> None:
    shapes = [box(0, 0, 4, 1), box(2, 0, 6, 1), box(3, 0, 4, 1), MultiPolygon()]
    assert [one.area for one in layers(shapes, 4)] == pytest.approx([6.0, 2.0, 1.0, 0.0])
    assert [one.area for one in layers([], 2)] == [0.0, 0.0]
