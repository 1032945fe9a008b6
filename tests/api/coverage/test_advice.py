"""Advice for the sample school: the proposal loads, and its audit is no worse than today's."""

from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import Point, box

from api.coverage.advice import AdviceTerms, advise_site, shared_out
from api.coverage.audit import audit_site
from api.coverage.document import AuditDocument
from api.coverage.errors import DrawingError
from api.coverage.floors import scenes_of
from api.coverage.proposal import write_proposal
from config import load_site, sample_school_directory
from config.site import ForbiddenArea, LocalText, Obstacle, RequiredArea
from tests.api.coverage.conftest import MADE_AT
from vision.coverage.audit import CoverageCamera, Sights, forbidden_views
from vision.geometry.camera import Camera
from vision.geometry.planes import Plane
from vision.geometry.sight import visible_share


def test_the_proposal_loads_and_covers_more(document: AuditDocument, tmp_path: Path) -> None:
    site = load_site(sample_school_directory())
    found = advise_site(site, AdviceTerms(most_new=1, limit_s=5.0))
    for part in found:
        assert part.before_weight <= part.after_weight <= part.bound_weight + 1e-6
        assert part.bound_weight <= part.required_weight + 1e-6
        assert len(part.added) <= 1
    write_proposal(site, found, tmp_path / "proposal")
    proposed = load_site(tmp_path / "proposal")
    added = sum(len(part.added) for part in found)
    assert len(proposed.cameras) == len(site.cameras) + added
    audited = audit_site(proposed, MADE_AT)
    assert audited.totals.seen_m2 > document.totals.seen_m2
    with pytest.raises(DrawingError, match="empty"):
        write_proposal(site, found, tmp_path / "proposal")


def test_where_nothing_may_hang_no_camera_is_proposed() -> None:
    """The third floor as a whole, and the hall and the corridor of the first by their areas."""
    site = load_site(sample_school_directory())
    places = frozenset({"f3", "area-hall", "area-corridor-2f", "stair-a", "yard"})
    found = advise_site(site, AdviceTerms(1, no_mount=places, limit_s=5.0))
    assert [part.added for part in found] == [(), (), ()]
    with pytest.raises(DrawingError, match=r"called f9, hell; the site has .*area-hall"):
        advise_site(site, AdviceTerms(1, no_mount=frozenset({"f9", "hell"})))


def test_a_camera_is_not_turned_away_from_the_zone_that_it_measures(tmp_path: Path) -> None:
    """All that must be covered lies behind the gate's camera; the gate's zone lies before it."""
    school = load_site(sample_school_directory())
    yard = school.floor("yard")
    behind = RequiredArea(
        "behind", "yard", LocalText("后", "Behind"), box(4, -3, 8, -2.5), "detect"
    )
    gate = replace(school.camera("cam-gate"), camera=_turned(school.camera("cam-gate").camera, 40))
    zones = tuple(zone for zone in school.zones if zone.floor_id == "yard")
    site = replace(school, floors=(replace(yard, areas=(behind,)),), cameras=(gate,), zones=zones)
    (free,) = advise_site(replace(site, cameras=(replace(gate, zone_ids=()),)), AdviceTerms(0))
    assert free.changed
    assert free.after_weight > free.before_weight
    (bound,) = advise_site(site, AdviceTerms(0))
    assert bound.after_weight < free.after_weight
    for camera in bound.changed.values():
        for zone in site.zones_of("cam-gate"):
            least = 0.95 * visible_share(gate.camera, zone)
            assert visible_share(camera, zone) >= least


def _turned(camera: Camera, by_deg: float) -> Camera:
    return replace(camera, pose=replace(camera.pose, pan_deg=camera.pose.pan_deg + by_deg))


def test_a_budget_goes_where_it_shows_most() -> None:
    """Only the third floor gains from a camera, so the one camera of the budget goes there."""
    school = load_site(sample_school_directory())
    floors = (school.floor("yard"), school.floor("f3"))
    ids = {floor.id for floor in floors}
    cameras = tuple(camera for camera in school.cameras if camera.floor_id in ids)
    zones = tuple(zone for zone in school.zones if zone.floor_id in ids)
    site = replace(school, floors=floors, cameras=cameras, zones=zones)
    for budget, added in ((1, {"yard": 0, "f3": 1}), (0, {"yard": 0, "f3": 0})):
        found = advise_site(site, AdviceTerms(2, budget=budget, limit_s=5.0))
        assert {part.floor_id: len(part.added) for part in found} == added


@pytest.mark.parametrize(
    ("values", "budget", "counts"),
    [
        ([[0.0, 5.0, 6.0], [0.0, 4.0, 8.0]], 2, [1, 1]),
        ([[0.0, 5.0, 6.0], [0.0, 4.0, 8.0]], 3, [1, 2]),
        ([[3.0], [1.0, 1.0]], 2, [0, 0]),
        ([[0.0, 1.0], [0.0, 2.0]], 0, [0, 0]),
        ([], 3, []),
    ],
)
def test_sharing_out(values: list[list[float]], budget: int, counts: list[int]) -> None:
    assert shared_out(values, budget) == counts


def test_nothing_is_proposed_that_looks_into_a_forbidden_place(tmp_path: Path) -> None:
    """Without the wall behind its door the toilet could be looked into from half of the hall."""
    site = load_site(sample_school_directory())
    floor = site.floor("f1")
    bare = replace(floor, walls=floor.walls[:-1])
    # No camera hangs there yet, so that all of it has to be proposed.
    open_site = replace(site, floors=(bare,), cameras=(), zones=())
    (found,) = advise_site(open_site, AdviceTerms(4, limit_s=5.0))
    assert found.added
    toilet = next(area for area in bare.areas if isinstance(area, ForbiddenArea))
    assert not any(
        toilet.polygon_xy_m.intersects(Point(one.pose.x_m, one.pose.y_m)) for one in found.added
    )
    (scene,) = scenes_of(open_site)
    new = [CoverageCamera(f"n{i}", camera) for i, camera in enumerate(found.added)]
    ((area, surfaces),) = scene.forbidden
    assert forbidden_views(area.id, surfaces, Sights(scene.open_barriers, new)) == ()


def test_a_range_holds_for_what_is_advised() -> None:
    """Lamps of 6 m in a corridor of 24 m: no turn and no lens of that camera shows all of it."""
    school = load_site(sample_school_directory())
    camera = school.camera("cam-corridor3")
    base = replace(school, floors=(school.floor("f3"),), zones=())
    shares = {}
    for range_m in (6.0, 100.0):
        short = replace(camera, range_m=range_m, zone_ids=())
        (found,) = advise_site(replace(base, cameras=(short,)), AdviceTerms(0))
        document = audit_site(replace(base, cameras=(short,)), MADE_AT)
        shares[range_m] = found.before_weight / found.required_weight
        assert shares[range_m] == pytest.approx(
            document.totals.seen_m2 / document.totals.required_m2, abs=0.02
        )
    assert shares[6.0] < 0.25 < 0.85 < shares[100.0]


def test_nothing_is_advised_from_below_a_gallery() -> None:
    """A gallery 3.6 m above a hall without a ceiling over it: a camera at 3 m shows no floor."""
    school = load_site(sample_school_directory())
    floor = replace(
        school.floor("f3"),
        ceiling_m=None,
        areas=(
            RequiredArea(
                "g", "f3", LocalText("廊", "Gallery"), box(4, 0, 20, 3), "detect", ("floor",)
            ),
        ),
    )
    camera = replace(school.camera("cam-corridor3"), zone_ids=())
    gallery = replace(school.zone("corridor-3f"), plane=Plane(3.6))
    site = replace(school, floors=(floor,), cameras=(camera,), zones=(gallery,))
    (found,) = advise_site(site, AdviceTerms(0))
    assert (found.before_weight, found.after_weight) == (0.0, 0.0)


def test_progress_is_told_to_the_end() -> None:
    school = load_site(sample_school_directory())
    steps: list[tuple[int, int]] = []
    advise_site(school, AdviceTerms(0), progress=lambda done, of: steps.append((done, of)))
    assert steps == [(done, 12) for done in range(1, 13)]


def test_a_floor_of_which_nothing_is_asked_is_left_out() -> None:
    """An area below an obstacle; a site file with one is refused."""
    school = load_site(sample_school_directory())
    stage = Obstacle("stage", LocalText("台", "Stage"), box(2, 0, 6, 3), 0.9)
    below = RequiredArea("below", "f3", LocalText("台", "Stage"), box(3, 1, 5, 2), "detect")
    floor = replace(school.floor("f3"), obstacles=(stage,), areas=(below,))
    site = replace(school, floors=(floor,), zones=(), cameras=())
    assert advise_site(site, AdviceTerms(1)) == ()
    document = audit_site(site, MADE_AT)
    ((_, part),) = document.areas
    assert (part.area_m2, part.met, document.totals.areas_met) == (0.0, False, 0)
