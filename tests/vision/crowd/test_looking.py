"""The part of a picture that matters, against corners worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import box

from vision.crowd.looking import region_of
from vision.crowd.zone_view import ZoneView
from vision.errors import ShapeError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.zones import Zone, ZoneType
from vision.observations import DensityMap, Region

# Straight down from 11.5 m at the head plane of 1.5 m: 10 m away, 100 px a metre.
OVERHEAD = Camera(Pose(0, 0, 11.5, 90, 90), Lens(1280, 720, 1000.0))


def view_of(left: float, bottom: float, right: float, top: float) -> ZoneView:
    zone = Zone("z", "f1", ZoneType.CORRIDOR, box(left, bottom, right, top), head_height_m=1.5)
    return ZoneView.build(OVERHEAD, zone)


def test_the_region_holds_the_zone_its_margin_and_one_head() -> None:
    region = region_of(OVERHEAD, [view_of(-1.0, -1.0, 1.0, 1.0)])
    assert region is not None
    # 1 m of zone, 0.6 m of margin, one head of 23 px.
    reach_px = 100.0 + 60.0 + 23.0
    assert region.left_px == pytest.approx(640 - reach_px, abs=2.0)
    assert region.right_px == pytest.approx(640 + reach_px, abs=2.0)
    assert region.top_px == pytest.approx(360 - reach_px, abs=2.0)
    assert region.bottom_px == pytest.approx(360 + reach_px, abs=2.0)
    assert region.least_head_px == pytest.approx(23.0, rel=0.02)


def test_it_ends_with_the_picture_and_holds_all_zones() -> None:
    region = region_of(OVERHEAD, [view_of(-6.0, -3.0, 0.0, 3.0), view_of(1.0, -1.0, 2.0, 1.0)])
    assert region is not None
    assert (region.left_px, region.top_px, region.bottom_px) == (0, 0, 720)
    assert region.right_px == pytest.approx(640 + 200 + 60 + 23, abs=2.0)


def test_without_zones_nothing_is_left_out() -> None:
    assert region_of(OVERHEAD, []) is None


def test_a_smaller_picture_has_a_smaller_region() -> None:
    region = Region(100, 50, 301, 151, least_head_px=20.0)
    assert region.scaled(0.5, 0.5) == Region(50, 25, 150, 75, least_head_px=10.0)


@pytest.mark.parametrize("corners", [(5, 0, 5, 9), (0, 9, 5, 9), (-1, 0, 5, 9)])
def test_an_empty_region_is_refused(corners: tuple[int, int, int, int]) -> None:
    with pytest.raises(ShapeError, match="left < right"):
        Region(*corners, least_head_px=10.0)


def test_a_map_of_a_part_falls_on_the_same_cells_as_the_whole_map() -> None:
    view = view_of(-1.0, -1.0, 1.0, 1.0)
    whole = np.random.default_rng(3).random((90, 160)).astype(np.float32)
    part = whole[20:70, 50:110]
    expected = view.project_map(DensityMap(whole, 8.0, 8.0))
    found = view.project_map(DensityMap(part, 8.0, 8.0, left_px=400.0, top_px=160.0))
    np.testing.assert_allclose(found, expected)
    centre = DensityMap(part, 8.0, 8.0, left_px=400.0, top_px=160.0).cell_centres_uv_px()[0]
    assert centre.tolist() == [404.0, 164.0]
