"""Places of two buildings that the school calls alike, as alarms name them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.watched import Name, WatchedSite
from config import load_site, parse_site, sample_school_directory

FLOOR = """\
  - id: {id}
    name: {{zh: 一层, en: Ground floor}}
    building: {{zh: {zh}, en: {en}}}
    outline: [[0, 0], [20, 0], [20, 10], [0, 10]]
    required_areas:
      - id: {id}-area
        name: {{zh: 门厅, en: Lobby}}
        level: detect
        polygon: [[1, 1], [2, 1], [2, 2]]
"""
ZONE = """\
  - id: {id}
    name: {{zh: {zh}, en: {en}}}
    floor: {floor}
    type: corridor
    polygon: [[8, 2], [12, 2], [12, 6], [8, 6]]
"""
SITE = (
    "format: 1\nsite: {id: s, name: {zh: 校, en: School}, timezone: Asia/Shanghai}\nfloors:\n"
    + FLOOR.format(id="a", zh="甲楼", en="Block A")
    + FLOOR.format(id="b", zh="乙楼", en="Block B")
    + "zones:\n"
    + ZONE.format(id="a-1", zh="走廊", en="Corridor", floor="a")
    + ZONE.format(id="b-1", zh="走廊", en="Passage", floor="b")
    + ZONE.format(id="b-2", zh="乙楼走道", en="Way", floor="b")
)


@pytest.fixture(scope="module")
def watched() -> WatchedSite:
    return WatchedSite.of(parse_site(SITE.encode(), directory=Path()))


def test_equal_names_are_told_apart_by_building_and_floor(watched: WatchedSite) -> None:
    assert {zone.id: zone.name for zone in watched.zones} == {
        "a-1": Name("甲楼 一层 走廊", "Block A, Ground floor, Corridor"),
        "b-1": Name("乙楼 一层 走廊", "Block B, Ground floor, Passage"),
        "b-2": Name("乙楼走道", "Way"),
    }
    assert [area.name.zh for area in watched.areas] == ["甲楼 一层 门厅", "乙楼 一层 门厅"]


def test_floors_that_are_called_alike_carry_their_building(watched: WatchedSite) -> None:
    assert [zone.floor.zh for zone in watched.zones] == ["甲楼 一层", "乙楼 一层", "乙楼 一层"]


def test_cameras_and_areas_that_one_floor_calls_alike_carry_their_ids(tmp_path: Path) -> None:
    shutil.copytree(sample_school_directory(), tmp_path / "site")
    site_file = tmp_path / "site" / "site.yaml"
    text = site_file.read_text("utf-8")
    for old, new in (
        ("{zh: 一层大厅摄像机, en: Ground hall camera}", "{zh: 楼梯甲摄像机, en: Hall camera}"),
        ("{zh: 大厅出口, en: Hall exit}", "{zh: 楼梯甲, en: Stair A}"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    site_file.write_text(text, "utf-8")
    watched = WatchedSite.of(load_site(tmp_path / "site"))
    assert watched.camera["cam-stair"].name == Name(
        "教学楼一层与楼梯 楼梯甲摄像机（cam-stair）",
        "Teaching block, ground floor and stair, Stair A camera (cam-stair)",
    )
    assert watched.camera["cam-hall"].name.zh.endswith("楼梯甲摄像机（cam-hall）")
    assert watched.area["area-stair"].name.en.endswith("Stair A (area-stair)")
    assert watched.area["area-exit"].name.en.endswith("Stair A (area-exit)")
    assert watched.area["area-hall"].name == Name("一层大厅", "Ground hall")


def test_a_name_that_nothing_else_bears_stays() -> None:
    site = load_site(sample_school_directory())
    watched = WatchedSite.of(site)
    assert {zone.id: zone.name.zh for zone in watched.zones} == {
        zone_id: name.zh for zone_id, name in site.zone_names
    }
    assert {camera.name.en for camera in watched.cameras} == {one.name.en for one in site.cameras}
