"""Plan grid, local density, classic and Voronoi density, and the blend of heads and map."""

import math

import numpy as np
import pandas as pd
import pedpy
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.affinity import rotate, translate
from shapely.geometry import MultiPoint, Polygon, box

from vision.crowd.density import (
    CrowdField,
    classic_density,
    combine_points_and_density,
    density_peak,
    kernel_density,
    kernel_field,
    local_density,
    voronoi_cells,
    voronoi_density,
)
from vision.errors import GeometryError
from vision.geometry.grid import PlanGrid, disc_area_m2

ROOM = box(0, 0, 6, 4)
L_SHAPE = Polygon([(0, 0), (6, 0), (6, 2), (2, 2), (2, 5), (0, 5)])


def everywhere(grid: PlanGrid) -> np.ndarray:
    return np.ones(grid.shape, dtype=np.bool_)


def places(least: int = 0, most: int = 30) -> st.SearchStrategy[np.ndarray]:
    count = st.integers(least, most)
    unit = st.floats(0.0, 1.0, width=32)
    return count.flatmap(lambda n: arrays(np.float64, (n, 2), elements=unit))


@pytest.mark.parametrize("polygon", [ROOM, L_SHAPE, rotate(ROOM, 30), box(0.1, 0.1, 0.7, 0.9)])
def test_cell_areas_sum_to_the_zone(polygon: Polygon) -> None:
    assert PlanGrid.over(polygon).area_m2.sum() == pytest.approx(polygon.area)


@pytest.mark.parametrize("turn_deg", [0, 3, 45, 77])
def test_cells_inside_are_whole_and_those_at_the_border_are_cut(turn_deg: float) -> None:
    holed = Polygon(L_SHAPE.exterior.coords, [box(0.6, 0.6, 1.4, 1.4).exterior.coords])
    polygon = rotate(holed, turn_deg)
    grid = PlanGrid.over(polygon)
    corners = grid.centres_xy_m - 0.125
    cut = [box(x, y, x + 0.25, y + 0.25).intersection(polygon).area for x, y in corners]
    np.testing.assert_allclose(grid.area_m2.ravel(), cut, atol=1e-12)


def test_points_find_their_cells() -> None:
    grid = PlanGrid.over(box(0, 0, 1, 0.5))
    cells = grid.cell_of(np.array([[0, 0], [0.3, 0.3], [1.0, 0.5], [1.2, 0.1], [np.nan, 0]]))
    np.testing.assert_array_equal(cells, [0, 5, 7, -1, -1])


def test_a_whole_disc_has_pi_square_metres_and_a_small_one_is_guarded() -> None:
    grid = PlanGrid.over(ROOM)
    area = disc_area_m2(grid, everywhere(grid))
    assert area.max() == pytest.approx(math.pi)
    # Half a disc, although the corner's disc lies to three quarters outside the room.
    assert area[0, 0] == pytest.approx(math.pi / 2)
    tiny = PlanGrid.over(box(0, 0, 1.2, 1.0))
    np.testing.assert_allclose(disc_area_m2(tiny, everywhere(tiny)), 1.2, rtol=0.01)


def test_seven_people_within_a_metre() -> None:
    grid = PlanGrid.over(ROOM)
    ring = [(3 + 0.4 * math.cos(a), 2 + 0.4 * math.sin(a)) for a in np.arange(6) * math.pi / 3]
    points = np.array([*ring, (3, 2), (0.5, 0.5)])
    peak = density_peak(grid, kernel_field(grid, points), everywhere(grid))
    assert peak.density_per_m2 == pytest.approx(7 / math.pi, rel=0.01)
    assert peak.xy_m is not None
    assert math.dist(peak.xy_m, (3, 2)) < 0.3


def test_a_lone_person_in_a_corner_is_no_crowd() -> None:
    grid = PlanGrid.over(ROOM)
    peak = density_peak(grid, kernel_field(grid, np.array([[0.05, 0.05]])), everywhere(grid))
    assert peak.density_per_m2 == pytest.approx(2 / math.pi, rel=0.01)


def test_nobody_has_no_peak_place() -> None:
    grid = PlanGrid.over(ROOM)
    peak = density_peak(grid, kernel_field(grid, np.zeros((0, 2))), everywhere(grid))
    assert (peak.density_per_m2, peak.std_per_m2, peak.xy_m) == (0.0, 0.0, None)


@settings(max_examples=15, deadline=None)
@given(places(), st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_one_more_person_never_lowers_density(unit: np.ndarray, extra: tuple[float, float]) -> None:
    grid = PlanGrid.over(ROOM)
    points = unit * [6, 4]
    more = np.vstack([points, np.array(extra) * [6, 4]])
    before = kernel_density(grid, points, everywhere(grid))
    assert (kernel_density(grid, more, everywhere(grid)) >= before - 1e-12).all()
    map_people = np.full(grid.shape, 0.12)
    peaks = [
        density_peak(
            grid,
            combine_points_and_density(
                grid,
                chosen,
                np.full(len(chosen), 0.9),
                map_people,
                seen=everywhere(grid),
                relative_error=0.1,
            ),
            everywhere(grid),
        ).density_per_m2
        for chosen in (points, more)
    ]
    assert peaks[1] >= peaks[0] - 1e-9


@settings(max_examples=15, deadline=None)
@given(places(1), st.floats(-50, 50), st.floats(-50, 50))
def test_moving_the_plan_moves_nothing_else(unit: np.ndarray, dx: float, dy: float) -> None:
    points = unit * [6, 4]
    here, there = PlanGrid.over(ROOM), PlanGrid.over(translate(ROOM, dx, dy))
    assert here.shape == there.shape
    # A person exactly 1 m from a cell's middle may fall on either side by rounding.
    gaps = np.linalg.norm(here.centres_xy_m[:, None] - points[None], axis=2)
    if np.abs(gaps - 1.0).min() < 1e-6:
        return
    np.testing.assert_allclose(
        kernel_density(here, points, everywhere(here)),
        kernel_density(there, points + np.array([dx, dy]), everywhere(there)),
        rtol=1e-6,
        atol=1e-9,
    )


@pytest.mark.parametrize("angle_deg", [0, 15, 37, 90, 133])
def test_turning_the_plan_changes_the_peak_by_little(angle_deg: float) -> None:
    points = np.random.default_rng(3).uniform([0.5, 0.5], [5.5, 3.5], (70, 2))
    turned = rotate(MultiPoint(points), angle_deg, origin=(0, 0))
    zone = rotate(ROOM, angle_deg, origin=(0, 0))
    grid = PlanGrid.over(zone)
    xy_m = np.array([(p.x, p.y) for p in turned.geoms])
    peak = density_peak(grid, kernel_field(grid, xy_m), everywhere(grid)).density_per_m2
    straight = PlanGrid.over(ROOM)
    reference = density_peak(straight, kernel_field(straight, points), everywhere(straight))
    assert peak == pytest.approx(reference.density_per_m2, rel=0.12)


def test_an_even_crowd_has_the_density_it_has() -> None:
    grid = PlanGrid.over(box(0, 0, 10, 10))
    step = 0.5  # four people per m²
    x, y = np.meshgrid(np.arange(0.25, 10, step), np.arange(0.25, 10, step))
    field = kernel_field(grid, np.column_stack([x.ravel(), y.ravel()]))
    density, _ = local_density(grid, field, everywhere(grid))
    assert np.median(density) == pytest.approx(4.0, rel=0.1)


def blend(map_per_m2: float, heads: int, *, saturated: bool = False) -> float:
    """People of a 24 m² room by `heads` heads and a map of even density."""
    grid = PlanGrid.over(ROOM)
    side = math.ceil(math.sqrt(max(heads, 1)))
    x, y = np.meshgrid(np.linspace(0.2, 5.8, side), np.linspace(0.2, 3.8, side))
    points = np.column_stack([x.ravel(), y.ravel()])[:heads]
    return combine_points_and_density(
        grid,
        points,
        np.full(heads, 0.9),
        map_per_m2 * grid.area_m2,
        seen=everywhere(grid),
        relative_error=0.1,
        saturated=saturated,
    ).people


@pytest.mark.parametrize(
    ("map_per_m2", "heads", "people"),
    [
        (0.0, 5, 5.0),  # only heads
        (1.5, 5, 5.0),  # still sparse: the map is not asked
        (2.5, 36, 36 * 0.5 + 2.5 * 24 * 0.5),  # half and half
        (4.0, 50, 96.0),  # packed: only the map
    ],
)
def test_heads_where_sparse_map_where_packed(map_per_m2: float, heads: int, people: float) -> None:
    # Discs at the border hold a little less, so the blend is not exact there.
    assert blend(map_per_m2, heads) == pytest.approx(people, rel=0.1)


def test_a_full_list_of_heads_gives_way_to_the_map() -> None:
    assert blend(1.5, 10, saturated=True) == pytest.approx(36.0, rel=1e-6)


def test_uncertainty_follows_scores_and_relative_error() -> None:
    grid = PlanGrid.over(ROOM)
    points = np.tile([[3.0, 2.0]], (8, 1)) + np.linspace(-0.2, 0.2, 8)[:, None]
    by_error = {}
    for error in (0.0, 0.2):
        field = combine_points_and_density(
            grid, points, np.full(8, 0.5), None, seen=everywhere(grid), relative_error=error
        )
        by_error[error] = field.people_std
    assert by_error[0.0] == pytest.approx(math.sqrt(8 * 0.25))
    assert by_error[0.2] == pytest.approx(math.sqrt(8 * 0.25 + 1.6**2))


def test_density_of_pedpy_on_the_same_people() -> None:
    """Classic and Voronoi density in an L-shaped room, with PedPy as the oracle."""
    rng = np.random.default_rng(11)
    points = rng.uniform(0, [6, 5], (60, 2))
    xy_m = points[shapely.contains_xy(L_SHAPE.buffer(-0.05), points)]
    area = box(0.5, 0.5, 3.5, 1.8)
    frame = pd.DataFrame({"id": range(len(xy_m)), "frame": 0, "x": xy_m[:, 0], "y": xy_m[:, 1]})
    data = pedpy.TrajectoryData(data=frame, frame_rate=10.0)
    measured = pedpy.MeasurementArea(area)
    classic = pedpy.compute_classic_density(traj_data=data, measurement_area=measured)
    assert classic_density(xy_m, area) == pytest.approx(float(classic.density.iloc[0]))
    for cutoff, theirs in ((None, None), (0.8, pedpy.Cutoff(radius=0.8, quad_segments=3))):
        cells = pedpy.compute_individual_voronoi_polygons(
            traj_data=data, walkable_area=pedpy.WalkableArea(L_SHAPE), cut_off=theirs
        )
        table, _ = pedpy.compute_voronoi_density(
            individual_voronoi_data=cells, measurement_area=measured
        )
        ours = voronoi_density(xy_m, L_SHAPE, area, cutoff)
        assert ours == pytest.approx(float(table.density.iloc[0]), rel=1e-9)


def test_voronoi_cells_share_the_whole_room() -> None:
    points = np.random.default_rng(5).uniform(0.2, [5.8, 3.8], (25, 2))
    assert sum(cell.area for cell in voronoi_cells(points, ROOM)) == pytest.approx(ROOM.area)
    assert voronoi_density(points, ROOM, ROOM) == pytest.approx(25 / 24)
    assert voronoi_cells(points[:1], ROOM)[0].area == pytest.approx(24)
    assert voronoi_density(np.zeros((0, 2)), ROOM, ROOM) == 0.0


@pytest.mark.parametrize("points", [[[1.0, 1.0], [1.0, 1.0]], [[9.0, 1.0], [1.0, 1.0]]])
def test_impossible_people_have_no_voronoi_cells(points: list[list[float]]) -> None:
    with pytest.raises(GeometryError):
        voronoi_cells(np.array(points), ROOM)


def test_the_disc_of_a_small_grid_is_that_of_a_large_one() -> None:
    """Few cells are summed by a matrix, many by a filter: the same cells in both."""
    small, large = PlanGrid.over(box(0, 0, 3, 3)), PlanGrid.over(box(0, 0, 3, 12))
    people = np.random.default_rng(5).random(small.shape)
    wide = np.zeros(large.shape)
    wide[: people.shape[0]] = people
    assert small.area_m2.size < 400 < large.area_m2.size
    np.testing.assert_allclose(small.disc_sum(people), large.disc_sum(wide)[:12], atol=1e-12)
    assert not small.disc_sum(np.zeros(small.shape)).any()


def test_the_cell_of_a_place_by_hand() -> None:
    grid = PlanGrid.over(box(1, 2, 2, 2.5))  # two rows of four cells
    places = [[1.1, 2.1], [1.9, 2.4], [2.0, 2.5], [0.9, 2.1], [1.1, 2.6], [np.nan, 2.1]]
    assert grid.cell_of(np.array(places)).tolist() == [0, 7, 7, -1, -1, -1]
    assert grid.cell_of(np.zeros((0, 2))).tolist() == []


def blended(map_per_m2: float) -> tuple[PlanGrid, CrowdField, np.ndarray]:
    """A hall whose map is even; one head in its middle, of score 0.8, that stands here by half."""
    grid = PlanGrid.over(box(0.0, 0.0, 6.0, 6.0))
    seen = everywhere(grid)
    field = combine_points_and_density(
        grid,
        np.array([[3.1, 3.1]]),
        np.array([0.8]),
        map_per_m2 * grid.area_m2,
        seen=seen,
        relative_error=0.1,
        shares=np.array([0.5]),
    )
    return grid, field, seen


@pytest.mark.parametrize(
    ("map_per_m2", "trust"), [(1.9, 0.0), (2.25, 0.25), (2.5, 0.5), (3.1, 1.0)]
)
def test_between_sparse_and_packed_heads_and_map_share_the_count(
    map_per_m2: float, trust: float
) -> None:
    """By hand, in the middle of the hall: a disc of pi m2 with one half of a head in it."""
    grid, field, seen = blended(map_per_m2)
    middle = np.unravel_index(grid.cell_of(np.array([[3.1, 3.1]]))[0], grid.shape)
    on_map = map_per_m2 * math.pi
    assert field.point_people == pytest.approx([0.5 * (1.0 - trust)])
    assert field.cell_people[middle] == pytest.approx(trust * map_per_m2 / 16)
    # A half share of a head of score 0.8: 0.25 x 0.16 + 0.5 x 0.5.
    assert field.point_variance == pytest.approx([0.29 * (1.0 - trust) ** 2])
    between = trust * (1.0 - trust) * (0.5 - on_map) ** 2
    assert field.between_variance[middle] == pytest.approx(between)
    people = 0.5 * (1.0 - trust) + trust * on_map
    variance = 0.29 * (1.0 - trust) ** 2 + 0.1 * trust * on_map + between + (0.1 * people) ** 2
    density, std = local_density(grid, field, seen)
    assert density[middle] == pytest.approx(people / math.pi)
    assert std[middle] == pytest.approx(math.sqrt(variance) / math.pi)
    spread = float(field.cell_people.sum())
    whole = 0.5 * (1.0 - trust) + spread
    assert field.people == pytest.approx(whole)
    own = 0.29 * (1.0 - trust) ** 2 + 0.1 * spread
    assert field.people_std == pytest.approx(math.sqrt(own + (0.1 * whole) ** 2))


def test_where_nobody_looks_there_is_no_density_and_no_error() -> None:
    grid, field, seen = blended(2.5)
    seen = seen.copy()
    seen[:, : seen.shape[1] // 2] = False
    density, std = local_density(grid, field, seen)
    assert not density[~seen].any()
    assert not std[~seen].any()
    assert density[seen].all()
