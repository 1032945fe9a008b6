"""Findings besides blind spots: presets into private places, faces from above, short recordings."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import box
from typer.testing import CliRunner

from api.cli.coverage import coverage_app
from api.coverage.audit import audit_site
from api.coverage.audit_file import read_json
from api.coverage.document import AreaPart, AuditDocument, ForbiddenSeen
from api.coverage.retention import with_retention
from api.coverage.table import rows_of
from config import Preset, Site, load_site, parse_site, sample_school_directory
from config.recording import RecordingSettings, RingSettings
from config.site import ForbiddenArea, LocalText, Wall
from tests.api.coverage.conftest import MADE_AT
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Zone, ZoneType

ROOM = """\
format: 1
site: {id: s, name: {zh: 校, en: School}, timezone: Asia/Shanghai}
floors:
  - id: f
    name: {zh: 层, en: Floor}
    outline: [[0, 0], [20, 0], [20, 10], [0, 10]]
    required_areas:
      - {id: door, name: {zh: 门, en: Door}, polygon: [[4, 4], [9, 4], [9, 6], [4, 6]],
         level: identify, retention_days: 90}
      - {id: behind, name: {zh: 背后, en: Behind}, polygon: [[0, 0], [1.5, 0], [1.5, 1], [0, 1]],
         level: identify}
    forbidden_areas:
      - {id: wc, name: {zh: 卫生间, en: Toilet}, polygon: [[2, 8], [8, 8], [8, 10], [2, 10]],
         kind: toilet}
cameras:
  - id: c
    name: {zh: 机, en: Camera}
    floor: f
    uri: rtsp://10.0.0.5/a
    ptz: true
    lens: {width_px: 3840, height_px: 2160, hfov_deg: 40}
    pose: {x_m: 2, y_m: 5, z_m: 3, pan_deg: 0, tilt_deg: 15}
    presets:
      - {id: gate, name: {zh: 门外, en: Outside}, pan_deg: -20, tilt_deg: 15}
      - {id: back, name: {zh: 后面, en: Back}, pan_deg: 60, tilt_deg: 20, hfov_deg: 60}
"""


@pytest.fixture(scope="module")
def site() -> Site:
    return parse_site(ROOM.encode(), directory=Path())


@pytest.fixture(scope="module")
def audit(site: Site) -> AuditDocument:
    return audit_site(site, MADE_AT)


def area(document: AuditDocument, area_id: str) -> AreaPart:
    return next(part for _, part in document.areas if part.id == area_id)


def views(document: AuditDocument) -> list[ForbiddenSeen]:
    return [view for floor in document.floors for place in floor.forbidden for view in place.views]


def test_a_preset_that_sees_into_a_private_place_is_a_finding(audit: AuditDocument) -> None:
    """Home looks along +x, 20 degrees to each side; only `back`, at 60, meets the toilet."""
    (view,) = views(audit)
    assert (view.camera_id, view.preset, view.doors_as_drawn) == ("c", "back", True)
    assert audit.totals.forbidden_views == 1
    (row,) = (row for row in rows_of(audit) if row["kind"] == "forbidden_view")
    assert (row["camera_id"], row["preset"]) == ("c", "back")


def test_lamps_that_reach_less_far_hide_no_private_place(site: Site) -> None:
    """By day the camera sees into the toilet, 6 m away, however short its lamps reach."""
    camera = site.camera("c")
    turned = replace(camera.camera, pose=replace(camera.camera.pose, pan_deg=45.0))
    for range_m in (100.0, 2.0):
        near = replace(camera, camera=turned, presets=(), range_m=range_m)
        found = audit_site(replace(site, cameras=(near,)), MADE_AT)
        assert [(view.camera_id, view.preset) for view in views(found)] == [("c", "")]
    assert area(found, "door").seen_m2 == 0.0


def test_the_face_of_somebody_who_stands_is_not_seen_over_a_partition(site: Site) -> None:
    """Partitions of 2 m round a cubicle 1 m deep, a camera 3 m high and 2 m away: heads show."""
    floor = site.floor("f")
    cubicle = ForbiddenArea("u", "f", LocalText("更衣间", "Changing"), box(4, 4, 5, 5), "toilet")
    ring = ((4.0, 4.0), (5.0, 4.0), (5.0, 5.0), (4.0, 5.0), (4.0, 4.0))
    closed = replace(floor, areas=(cubicle,), walls=(Wall(ring, 2.0),))
    camera = replace(site.camera("c"), presets=())
    lens = Lens.from_hfov(1920, 1080, 90.0)
    near = replace(camera, camera=replace(camera.camera, lens=lens))
    (view,) = views(audit_site(replace(site, floors=(closed,), cameras=(near,)), MADE_AT))
    # Over 2 m, 2 m away, sight falls 0.5 m in a metre: at 1.65 m it stands 0.7 m behind.
    assert view.seen_m2 == pytest.approx(0.3, abs=0.01)


def test_a_private_place_upstairs_is_looked_into_at_the_height_of_its_own_floor(
    site: Site,
) -> None:
    """A changing room on a gallery 3 m up. A camera 4.2 m high looks level into it; nothing that is
    0 to 1.65 m above the plan's zero lies in its picture there.
    """
    gallery = Zone("g", "f", ZoneType.CORRIDOR, box(10, 0, 20, 10), Plane(3.0))
    room = ForbiddenArea(
        "u", "f", LocalText("更衣间", "Changing"), box(12, 3.5, 16, 6.5), "changing"
    )
    floor = replace(site.floor("f"), areas=(room,))
    lens = Lens.from_hfov(1920, 1080, 30.0)
    camera = replace(site.camera("c"), presets=())
    level = Camera(Pose(6.0, 5.0, 4.2, 0.0, 0.0), lens)
    looking = replace(camera, camera=level, zone_ids=())
    found = audit_site(
        replace(site, floors=(floor,), cameras=(looking,), zones=(gallery,)), MADE_AT
    )
    (view,) = views(found)
    # Of the planes, 3, 4.2 and 4.65 m up, the picture (17.1 degrees high) meets the last one from
    # 0.45 / tan 8.57 = 2.99 m on: all of the room, 6 to 10 m away.
    assert view.seen_m2 == pytest.approx(12.0)
    flat = audit_site(replace(site, floors=(floor,), cameras=(looking,), zones=()), MADE_AT)
    assert flat.totals.forbidden_views == 0
    # From the hall 2.8 m high nobody sees over the edge of the gallery into it.
    below = replace(looking, camera=replace(level, pose=replace(level.pose, z_m=2.2)))
    hall = audit_site(replace(site, floors=(floor,), cameras=(below,), zones=(gallery,)), MADE_AT)
    assert views(hall) == []


def test_no_preset_counts_as_coverage(site: Site, audit: AuditDocument) -> None:
    camera = replace(site.cameras[0], presets=())
    bare = audit_site(replace(site, cameras=(camera,)), MADE_AT)
    assert bare.areas == [(bare.floors[0], part) for _, part in audit.areas]
    assert bare.totals == audit.totals.model_copy(update={"forbidden_views": 0})
    (with_presets,) = audit.floors[0].cameras
    assert [one.id for one in with_presets.presets] == ["gate", "back"]
    # Without a zoom of its own a preset keeps the lens of the home preset.
    assert [one.hfov_deg for one in with_presets.presets] == [40.0, 60.0]


def test_a_preset_may_turn_behind_a_wall_of_the_sample_school() -> None:
    """The stair's camera, turned to the toilet door, sees in once that is open."""
    school = load_site(sample_school_directory())
    hall = school.camera("cam-hall")
    floor = school.floor("f1")
    walls_off = replace(floor, walls=floor.walls[:-1])
    turned = replace(hall.camera, pose=replace(hall.camera.pose, pan_deg=70.0))
    preset = Preset("door", LocalText("门", "Door"), turned)
    cameras = tuple(
        replace(one, ptz=True, presets=(preset,)) if one is hall else one for one in school.cameras
    )
    floors = tuple(walls_off if one is floor else one for one in school.floors)
    found = views(audit_site(replace(school, cameras=cameras, floors=floors), MADE_AT))
    assert ("cam-hall", "door", False) in [
        (view.camera_id, view.preset, view.doors_as_drawn) for view in found
    ]


def test_faces_from_too_far_above_are_told_in_square_metres(audit: AuditDocument) -> None:
    """Steeper than 20 degrees within 1.4 / tan 20 = 3.85 m of the mount: up to x = 5.85.

    The lower edge lies 15 + 11.6 degrees down: heads are seen from 1.5 / tan 26.6 = 3.0 m.
    """
    door = area(audit, "door")
    assert door.steep_faces_m2 == pytest.approx(2.0 * 0.8, abs=0.15)
    assert door.steepest_face_deg == pytest.approx(25.0, abs=0.5)
    assert audit.method.most_face_pitch_deg == 20.0
    assert area(audit, "behind").steepest_face_deg is None


@pytest.mark.parametrize(
    ("recording", "state", "kept_days", "short"),
    [
        (RecordingSettings(RingSettings()), "unstated", None, []),
        (RecordingSettings(RingSettings(), recorder_days=60), "short", 60, ["c"]),
        (RecordingSettings(RingSettings(), recorder_days=90), "met", 90, []),
        (RecordingSettings(RingSettings("record", frozenset({"c"}), 91 * 86_400.0)), "met", 91, []),
        (RecordingSettings(RingSettings("record", frozenset())), "short", 0, ["c"]),
        (
            RecordingSettings(RingSettings(), recorder_days=90, asked_days=(("door", 120),)),
            "short",
            90,
            ["c"],
        ),
    ],
)
def test_recordings_are_held_against_what_the_area_asks_for(
    audit: AuditDocument,
    recording: RecordingSettings,
    state: str,
    kept_days: float | None,
    short: list[str],
) -> None:
    found = with_retention(audit, recording)
    held = area(found, "door").retention
    assert held is not None
    assert (held.state, held.kept_days, held.short_cameras) == (state, kept_days, short)
    # Of an area that no camera shows nothing is recorded that could be kept.
    assert area(found, "behind").retention is None
    assert found.sha256 == found.digest()


def test_what_no_camera_may_see_is_not_asked_for() -> None:
    """Half of the area `door`, 5 x 2 m, is made a toilet: 5 m2 are left to be seen."""
    half = ROOM.replace("[[2, 8], [8, 8], [8, 10], [2, 10]]", "[[2, 5], [9, 5], [9, 10], [2, 10]]")
    document = audit_site(parse_site(half.encode(), directory=Path()), MADE_AT)
    assert area(document, "door").area_m2 == pytest.approx(5.0)
    assert document.totals.required_m2 == pytest.approx(5.0 + 1.5)
    assert {view.preset for view in views(document)} >= {"", "back"}


def test_a_camera_counts_no_further_than_its_range() -> None:
    """A depth of 5 m ends, on the head plane 1.5 m below, (5 - 1.5 sin 15) / cos 15 m ahead."""
    limited = ROOM.replace("    ptz: true\n", "    ptz: true\n    range_m: 5\n")
    document = audit_site(parse_site(limited.encode(), directory=Path()), MADE_AT)
    furthest = max(x for rings in area(document, "door").steps[0].polygons for x, _ in rings[0])
    tilt = math.radians(15.0)
    assert furthest == pytest.approx(2.0 + (5.0 - 1.5 * math.sin(tilt)) / math.cos(tilt), abs=1e-3)
    (camera,) = document.floors[0].cameras
    assert camera.range_m == 5.0
    assert set(camera.reach_m.values()) == {5.0}


def test_the_command_reads_recording_yaml(tmp_path: Path) -> None:
    """The sample school's recorder keeps 90 days; told 60, its stair, exit and gate fall short."""
    school, out = tmp_path / "school", tmp_path / "audit.json"
    shutil.copytree(sample_school_directory(), school)
    words = ["audit", "--site", str(school), "--out", str(out)]
    assert CliRunner().invoke(coverage_app, words).exit_code == 0
    states = {part.id: part.retention and part.retention.state for _, part in read_json(out).areas}
    assert set(states.values()) == {"met"}
    file = school / "recording.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("  days: 90\n", "  days: 60\n"))
    assert CliRunner().invoke(coverage_app, words).exit_code == 0
    found = read_json(out)
    short = {p.id for _, p in found.areas if p.retention and p.retention.state == "short"}
    assert short == {"area-stair", "area-exit", "area-gate"}
    assert len(found.recording_sha256) == 64
    file.write_text("format: 2\n")
    refused = CliRunner().invoke(coverage_app, words)
    assert refused.exit_code == 1
    assert "recording.yaml:1: format" in refused.output
