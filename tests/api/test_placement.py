"""Who has which camera: by measured cost, and alike for every process of one run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from api.placement import picture_sockets, settle_shares, worker_shares
from config import load_site, parse_site, sample_school_directory
from config.settings import ServiceSettings
from config.site import Site


@pytest.fixture(name="site", scope="module")
def _site() -> Site:
    return load_site(sample_school_directory())


def settings(run_dir: Path, workers: int = 2) -> ServiceSettings:
    return ServiceSettings(run_dir=run_dir, workers=workers)


def test_a_dear_camera_gets_a_worker_for_itself(site: Site, tmp_path: Path) -> None:
    dear = site.camera("cam-gate")
    cheap = [one for one in site.cameras if not set(one.zone_ids) & set(dear.zone_ids)]
    assert len(cheap) >= 2
    (tmp_path / "costs").mkdir()
    told = {one.id: 10.0 for one in site.cameras} | {dear.id: 900.0}
    (tmp_path / "costs" / "worker-0.json").write_text(json.dumps(told))
    shares = settle_shares(site, settings(tmp_path))
    (with_dear,) = [share for share in shares if dear.id in share.camera_ids]
    assert not {one.id for one in cheap} & set(with_dear.camera_ids)
    assert worker_shares(site, settings(tmp_path)) == shares
    assert set(picture_sockets(site, settings(tmp_path))) == {one.id for one in site.cameras}


def test_costs_that_change_during_a_run_move_nobody(site: Site, tmp_path: Path) -> None:
    shares = settle_shares(site, settings(tmp_path))
    (tmp_path / "costs").mkdir()
    (tmp_path / "costs" / "worker-0.json").write_text(json.dumps({site.cameras[0].id: 900.0}))
    assert worker_shares(site, settings(tmp_path)) == shares


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "[]",
        '{"worker-0": []}',
        '{"worker-0": ["a stranger"], "worker-1": []}',
        '{"worker-0": 5}',
    ],
)
def test_a_placement_of_another_site_or_run_is_not_followed(
    site: Site, tmp_path: Path, told: str
) -> None:
    (tmp_path / "placement.json").write_text(told)
    by_rate = worker_shares(site, settings(tmp_path / "fresh"))
    assert worker_shares(site, settings(tmp_path)) == by_rate


def test_a_placement_that_parts_a_zone_is_not_followed(site: Site, tmp_path: Path) -> None:
    first = site.camera("cam-hall")
    second, *others = (camera for camera in site.cameras if camera.id != first.id)
    joined = replace(first, zone_ids=(*first.zone_ids, *second.zone_ids))
    shared = replace(site, cameras=(joined, second, *others))
    rest = [camera.id for camera in (second, *others)]
    parted = {"worker-0": [joined.id], "worker-1": rest}
    (tmp_path / "placement.json").write_text(json.dumps(parted))
    followed = worker_shares(site, settings(tmp_path))
    assert [share.camera_ids for share in followed] == [(first.id,), tuple(rest)]
    assert worker_shares(shared, settings(tmp_path)) != followed


def test_who_sees_the_way_to_a_stair_shares_its_worker(site: Site, tmp_path: Path) -> None:
    shares = settle_shares(site, settings(tmp_path, workers=5))
    (stair,) = [share for share in shares if "cam-stair" in share.camera_ids]
    assert stair.camera_ids == ("cam-stair", "cam-upper")


HALVES = """\
format: 1
site: {id: s, name: {zh: 校, en: School}, timezone: Asia/Shanghai}
floors:
  - id: f
    name: {zh: 层, en: Floor}
    outline: [[-2, 0], [12, 0], [12, 3], [-2, 3]]
zones:
  - {id: west, name: {zh: 西, en: West}, floor: f, type: corridor, plane: {z: 0},
     polygon: [[0, 0], [5, 0], [5, 3], [0, 3]]}
  - {id: east, name: {zh: 东, en: East}, floor: f, type: corridor, plane: {z: 0},
     polygon: [[5, 0], [10, 0], [10, 3], [5, 3]]}
cameras:
  - {id: to-east, name: {zh: 甲, en: A}, floor: f, uri: "rtsp://10.0.0.5/a",
     lens: {width_px: 640, height_px: 360, hfov_deg: 70},
     pose: {x_m: -1, y_m: 1.5, z_m: 3, pan_deg: 0, tilt_deg: 25}, zones: [west]}
  - {id: second, name: {zh: 乙, en: B}, floor: f, uri: "rtsp://10.0.0.6/b",
     lens: {width_px: 640, height_px: 360, hfov_deg: 70},
     pose: {x_m: X_M, y_m: 1.5, z_m: 3, pan_deg: PAN_DEG, tilt_deg: 25}, zones: [east]}
"""


@pytest.mark.parametrize(("x_m", "pan_deg", "together"), [(11.0, 180.0, True), (4.5, 0.0, False)])
def test_cameras_of_two_halves_share_a_worker_where_they_look_at_each_other_over_the_border(
    x_m: float, pan_deg: float, *, together: bool, tmp_path: Path
) -> None:
    """The second one hangs at the far end, or at the border and looks away from it."""
    text = HALVES.replace("X_M", str(x_m)).replace("PAN_DEG", str(pan_deg))
    site = parse_site(text.encode(), directory=tmp_path)
    shares = worker_shares(site, settings(tmp_path))
    assert len(shares) == (1 if together else 2)
