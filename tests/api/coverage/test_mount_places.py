"""Where new cameras are proposed: heights above what people stand on, and what holds them."""

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from shapely.geometry import MultiPolygon, Point, box

from api.coverage.advice import FloorAdvice
from api.coverage.floors import FloorScene, scenes_of
from api.coverage.mount_places import mounts, needs_pole
from api.coverage.proposal import write_proposal
from config import Site, load_site, sample_school_directory
from config.site import LocalText, Obstacle, Wall
from vision.geometry.camera import Camera, Lens, Pose


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(sample_school_directory())


def scene_of(site: Site, floor_id: str) -> FloorScene:
    return next(scene for scene in scenes_of(site) if scene.floor.id == floor_id)


def heights(site: Site, floor_id: str) -> dict[tuple[float, float], float]:
    found = mounts(site, scene_of(site, floor_id), MultiPolygon())
    poses = [candidate.camera.pose for candidate in found]
    return {(round(pose.x_m, 2), round(pose.y_m, 2)): pose.z_m for pose in poses}


def test_a_mount_hangs_three_metres_above_what_people_stand_on(site: Site) -> None:
    """The upper corridor lies at 1.8 m below a ceiling of 4.8 m: 4.6 m there, 3 m in the hall."""
    stair = site.zone("stair-a").plane
    corridor, flight, hall = [], [], []
    for (x_m, y_m), z_m in heights(site, "f1").items():
        if x_m < 0.0:
            corridor.append(z_m)
        elif x_m <= 3.6 and 0.0 <= y_m <= 3.0:
            expected = min(4.6, 3.0 + 1.8 + stair.slope_x * x_m)
            flight.append(z_m - expected)
        else:
            hall.append(z_m)
    assert corridor == pytest.approx([4.6] * len(corridor))
    assert flight == pytest.approx([0.0] * len(flight))
    assert hall == pytest.approx([3.0] * len(hall))
    assert len(corridor) >= 5
    assert len(flight) >= 1
    assert len(hall) >= 5


def test_a_mount_stays_below_the_ceiling_and_each_is_a_mount_of_its_own(site: Site) -> None:
    low = replace(site.floor("f3"), ceiling_m=2.7)
    changed = replace(site, floors=(low,), cameras=(), zones=())
    found = list(mounts(changed, scene_of(changed, "f3"), MultiPolygon()))
    assert {round(candidate.camera.pose.z_m, 6) for candidate in found} == {2.5}
    places = {(one.camera.pose.x_m, one.camera.pose.y_m) for one in found}
    assert len({one.group for one in found}) == len(places) == len(found) / 8


@pytest.mark.parametrize(
    ("place", "z_m", "pole"),
    [
        ((3.0, 0.3), 3.0, True),
        ((3.0, 0.3), 2.0, False),
        ((3.0, 0.7), 2.0, True),
        ((3.0, 7.8), 3.0, False),
        ((9.7, -2.0), 3.0, False),
        ((9.7, -2.0), 9.0, True),
    ],
    ids=["low wall", "as high", "too far", "high wall", "on a house", "over the house"],
)
def test_outdoors_a_mount_needs_a_wall_as_high_or_a_pole(
    site: Site, place: tuple[float, float], z_m: float, pole: bool
) -> None:
    """The yard's walls are 2.2 m high; one at y = 8 is drawn higher here, and a house put up."""
    yard = site.floor("yard")
    house = Obstacle("house", LocalText("楼", "House"), box(10, -3, 13, -1), 8.0)
    high = Wall(((-1.0, 8.0), (13.0, 8.0)), 4.0)
    changed = replace(yard, walls=(*yard.walls, high), obstacles=(house,))
    assert needs_pole(changed, Pose(*place, z_m, 0.0, 20.0)) is pole


def test_indoors_the_ceiling_holds_it(site: Site) -> None:
    assert not needs_pole(site.floor("f1"), Pose(7.0, 1.5, 3.0, 0.0, 20.0))


def test_a_proposed_camera_tells_that_it_needs_a_pole(site: Site, tmp_path: Path) -> None:
    lens = Lens.from_hfov(2560, 1440, 84.0)
    added = tuple(Camera(Pose(*at, 3.0, 0.0, 20.0), lens) for at in ((6.0, 8.5), (12.0, 1.5)))
    parts = [
        FloorAdvice("yard", {}, frozenset(), added[:1], 1.0, 0.5, 1.0, 1.0),
        FloorAdvice("f3", {}, frozenset(), added[1:], 1.0, 0.5, 1.0, 1.0),
    ]
    path = write_proposal(site, parts, tmp_path / "new")
    cameras = YAML(typ="safe").load(path.read_text(encoding="utf-8"))["cameras"]
    names = {one["id"]: one["name"] for one in cameras}
    assert names["proposed-yard-1"] == {
        "zh": "建议新增 proposed-yard-1（需立杆）",
        "en": "Proposed proposed-yard-1, needs a pole",
    }
    assert names["proposed-f3-1"]["en"] == "Proposed proposed-f3-1"
    assert site.floor("yard").outline.contains(Point(6.0, 8.5))
