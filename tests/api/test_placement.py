"""Who has which camera: by measured cost, and alike for every process of one run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from api.placement import picture_sockets, settle_shares, worker_shares
from config import load_site, sample_school_directory
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
