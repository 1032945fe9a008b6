"""Time, planes and messages: what they accept, refuse and compute."""

from datetime import UTC, datetime

import numpy as np
import pytest
from shapely.geometry import Polygon

from vision.errors import GeometryError, ShapeError
from vision.geometry.planes import Plane
from vision.geometry.zones import Zone, ZoneType
from vision.instants import Monotonic, Utc
from vision.observations import DensityMap, Frame, HeadPoints
from vision.risk.readings import Level


def test_utc_round_trips_and_measures_seconds() -> None:
    start = Utc.from_iso("2026-11-23T08:00:00+08:00")
    assert start.iso() == "2026-11-23T00:00:00Z"
    assert start.plus(1.5) - start == 1.5
    assert start.to_datetime() == datetime(2026, 11, 23, tzinfo=UTC)


def test_the_two_kinds_of_time_do_not_mix() -> None:
    with pytest.raises(TypeError):
        _ = Utc(5) - Monotonic(3)  # type: ignore[operator]
    with pytest.raises(TypeError):
        _ = Monotonic(5) - Utc(3)  # type: ignore[operator]


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Utc.from_iso("2026-11-23T08:00:00")


def test_plane_through_a_stair_flight() -> None:
    plane = Plane.through(np.array([[0, 0, 1.8], [0, 3, 1.8], [3.6, 0, 0.0]]))
    assert plane.slope_x == pytest.approx(-0.5)
    np.testing.assert_allclose(plane.raised(1.5).z_at(np.array([[1.8, 1.0]])), [2.4])


@pytest.mark.parametrize(
    "points", [[[0, 0, 0], [1, 1, 0], [2, 2, 0]], [[0, 0, 0], [1, 0, 2], [0, 1, 0]]]
)
def test_impossible_planes_are_refused(points: list[list[float]]) -> None:
    with pytest.raises(GeometryError):
        Plane.through(np.array(points))


def test_density_map_counts_and_places_its_cells() -> None:
    density = DensityMap(np.full((2, 3), 0.5, np.float32), 8.0, 4.0)
    assert density.count == pytest.approx(3.0)
    np.testing.assert_allclose(density.cell_centres_uv_px()[[0, 5]], [[4, 2], [20, 6]])
    with pytest.raises(ShapeError):
        DensityMap(np.full((2, 2), -1, np.float32), 8.0, 8.0)


def test_messages_are_read_only_and_checked() -> None:
    heads = HeadPoints(np.zeros((2, 2)), np.ones(2), np.ones(2))  # type: ignore[arg-type]
    assert len(heads) == 2
    assert heads.centres_uv_px.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        heads.scores[0] = 0.0
    with pytest.raises(ShapeError, match=r"expected shape \(2\), got \(3,\)"):
        HeadPoints(np.zeros((2, 2)), np.ones(3), np.ones(2))  # type: ignore[arg-type]
    with pytest.raises(ShapeError):
        Frame("cam", 0, Utc(0), np.zeros((4, 4), np.uint8))


def test_unknown_has_no_severity() -> None:
    assert [Level.of_severity(n).severity for n in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="UNKNOWN"):
        _ = Level.UNKNOWN.severity


@pytest.mark.parametrize(
    ("polygon", "head_height_m", "width_m"),
    [
        (Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), 1.5, None),
        (Polygon([(0, 0), (0.1, 0), (0, 0.1)]), 1.5, None),
        (Polygon([(0, 0), (4, 0), (4, 4)]), 3.0, None),
        (Polygon([(0, 0), (4, 0), (4, 4)]), 1.5, 0.0),
    ],
)
def test_impossible_zones_are_refused(
    polygon: Polygon, head_height_m: float, width_m: float | None
) -> None:
    with pytest.raises(GeometryError):
        Zone("z", "f1", ZoneType.STAIRS, polygon, Plane(), head_height_m, width_m)
