"""Site files: the sample school as it is, and every refusal with its line, key and mend."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import (
    FileProblem,
    ForbiddenArea,
    Site,
    SiteFileError,
    load_site,
    parse_site,
    sample_school_directory,
)
from config.refusals import chinese_line, in_chinese
from vision.geometry.zones import ZoneType

MINIMAL = """\
format: 1
site: {id: s, name: {zh: 校, en: School}, timezone: Asia/Shanghai}
floors:
  - id: f
    name: {zh: 层, en: Floor}
    outline: [[0, 0], [20, 0], [20, 10], [0, 10]]
zones:
  - id: z
    name: {zh: 区, en: Zone}
    floor: f
    type: corridor
    polygon: [[8, 2], [12, 2], [12, 6], [8, 6]]
cameras:
  - id: c
    name: {zh: 机, en: Camera}
    floor: f
    uri: rtsp://10.0.0.5/a
    lens: {width_px: 1280, height_px: 720, hfov_deg: 80}
    pose: {x_m: 2, y_m: 4, z_m: 3.5, pan_deg: 0, tilt_deg: 20}
    zones: [z]
"""


def problems_of(text: str, directory: Path = Path()) -> tuple[FileProblem, ...]:
    """What is wrong with a site file; empty when it loads. Any other error goes through."""
    try:
        parse_site(text.encode(), directory=directory)
    except SiteFileError as error:
        return error.problems or (FileProblem("", 0, "", "", ""),)
    return ()


@pytest.fixture(scope="module")
def school() -> Site:
    return load_site(sample_school_directory())


def test_the_minimal_site_is_accepted() -> None:
    site = parse_site(MINIMAL.encode(), directory=Path("/site"))
    assert [zone.area_m2 for zone in site.zones] == [16.0]
    assert site.camera("c").analysed_fps == 5.0
    assert site.zone("z").head_height_m == 1.5
    assert site.profiles_file is None


def test_the_sample_school_is_what_its_plan_says(school: Site) -> None:
    assert school.id == "sample-school"
    assert school.name.in_language("zh") == "示范学校"
    areas_m2 = {zone.id: zone.area_m2 for zone in school.zones}
    assert areas_m2 == pytest.approx(
        {"corridor-2f": 42, "stair-a": 10.8, "hall-1f": 48, "gate-main": 48, "corridor-3f": 72}
    )
    stair = school.zone("stair-a")
    assert stair.type is ZoneType.STAIRS
    assert stair.plane.z_at(np.array([[0.0, 1.0], [3.6, 2.0]])) == pytest.approx([1.8, 0.0])
    assert stair.exits[0].start_xy_m == (3.6, 0.0)
    camera = school.camera("cam-stair")
    assert (camera.uri.scenario, camera.uri.seed) == ("blocked_stair", 1)
    assert camera.camera.lens.hfov_deg == pytest.approx(62.0)
    assert len(school.sha256) == 64


def test_the_stair_the_hall_and_the_corridor_share_one_run(school: Site) -> None:
    runs = {str(school.camera(name).uri) for name in ("cam-stair", "cam-hall", "cam-upper")}
    assert len(runs) == 1


def test_lookups_by_id(school: Site) -> None:
    assert [zone.id for zone in school.zones_of("cam-gate")] == ["gate-main"]
    assert [camera.id for camera in school.cameras_of("hall-1f")] == ["cam-hall"]
    assert school.zone_name("hall-1f").en == "Ground hall"
    assert school.floor("yard").ceiling_m is None
    for look_up in (school.zone, school.camera, school.floor, school.cameras_of, school.zone_name):
        with pytest.raises(KeyError, match="nowhere"):
            look_up("nowhere")


def test_the_sample_school_gives_an_audit_something_to_find(school: Site) -> None:
    forbidden = [area for area in school.areas if isinstance(area, ForbiddenArea)]
    assert [area.kind for area in forbidden] == ["toilet"]
    assert sum(1 for area in school.areas if not isinstance(area, ForbiddenArea)) == 6
    assert {door.state for floor in school.floors for door in floor.doors} == {"open", "shut"}


def test_an_exit_line_counts_outwards_along_the_axis(school: Site) -> None:
    """Left to right of the line, seen from its start, is the zone's walking direction."""
    for zone in school.zones:
        for line in zone.exits:
            along = np.subtract(line.end_xy_m, line.start_xy_m)
            to_the_right = np.array([along[1], -along[0]])
            axis = np.radians(zone.axis_deg or 0.0)
            assert to_the_right @ [np.cos(axis), np.sin(axis)] > 0, (zone.id, line.id)


REFUSALS = [
    # what is replaced, by what, line, key, words of the message, words of the mend
    ("tilt_deg: 20", "tlt_deg: 20", 19, "cameras[0].pose.tlt_deg", "unknown key", "`tilt_deg`"),
    ("type: corridor", "type: coridor", 11, "zones[0].type", "'coridor'", "`corridor`"),
    ("z_m: 3.5", 'z_m: "3.5"', 19, "cameras[0].pose.z_m", "expected a number", "quotes"),
    ("tilt_deg: 20", "tilt_deg: 120", 19, "cameras[0].pose.tilt_deg", "out of range", "<= 90"),
    ("hfov_deg: 80", "hfov_deg: 0", 18, "cameras[0].lens.hfov_deg", "out of range", ">= 1"),
    ("width_px: 1280", "width_px: 12.5", 18, "cameras[0].lens.width_px", "whole number", "whole"),
    ("    zones: [z]", "    presets: [{id: p, name: {zh: 位, en: P}, pan_deg: 9, tilt_deg: 9}]", 20,
     "cameras[0].presets", "does not turn", "ptz: true"),
    ("    outline:", "    required_areas: [{id: a, name: {zh: 区, en: A}, level: detect,"
     " polygon: [[1, 1], [2, 1], [2, 2]]}]\n"
     "    forbidden_areas: [{id: t, name: {zh: 厕, en: T}, kind: toilet,"
     " polygon: [[0, 0], [3, 0], [3, 3], [0, 3]]}]\n    outline:", 6,
     "floors[0].required_areas[0].polygon", "wholly in a forbidden place", "correct the polygon"),
    ("    outline:", "    required_areas: [{id: a, name: {zh: 台, en: A}, level: detect,"
     " polygon: [[1, 1], [2, 1], [2, 2]]}]\n"
     "    obstacles: [{id: t, name: {zh: 台, en: Stage}, height_m: 0.9,"
     " polygon: [[0, 0], [3, 0], [3, 3], [0, 3]]}]\n    outline:", 6,
     "floors[0].required_areas[0].polygon", "nothing of area 'a'", "zone's plane"),
    ("    outline:", "    ceiling_m: 3.3\n    outline:", 20, "cameras[0].pose.z_m",
     "3.5 m is above the ceiling of floor 'f', 3.3 m", "zero of the floor's own plan"),
    (", hfov_deg: 80", "", 18, "cameras[0].lens", "field of view or", "one of hfov_deg"),
    ("    lens: {w", "    #lens: {w", 14, "cameras[0]", "no calibration: lens", "xiaoan calibrate"),
    ("    pose: {x", "    #pose: {x", 14, "cameras[0]", "no calibration: pose", "xiaoan calibrate"),
    ("    uri: rtsp://10.0.0.5/a\n", "", 14, "cameras[0].uri", "is missing", "add `uri:`"),
    ("rtsp://10", "rtsp://me:pw@10", 17, "cameras[0].uri", "in clear", "credentials: env:NAME"),
    ("rtsp://", "http://", 17, "cameras[0].uri", "known scheme", "rtsp://"),
    ("zones: [z]", "zones: [zz]", 20, "cameras[0].zones[0]", "no zone 'zz'", "`z`"),
    ("zones: [z]", "zones: [z, z]", 20, "cameras[0].zones[1]", "listed twice", "keep one"),
    ("floor: f\n    type", "floor: g\n    type", 10, "zones[0].floor", "no floor 'g'", "f"),
    ("[12, 6], [8, 6]]", "[8, 6], [12, 6]]", 12, "zones[0].polygon", "crosses", "reorder"),
    ("[12, 6], [8, 6]]", "[12, 6], [8, 6], [8, 2]]", 12, "zones[0].polygon", "repeated", "last"),
    ("[12, 2], [12, 6], [8, 6]]", "[12, 2]]", 12, "zones[0].polygon", "three corners", "corners"),
    ("[12, 6], [8, 6]]", "[16, 2]]", 12, "zones[0].polygon", "crosses", "reorder"),
    ("[12, 6], [8, 6]]", "[12, 11], [8, 11]]", 12, "zones[0].polygon", "4.00 m² lie", "outline"),
    ("[8, 2], [12, 2]", "[8, 2], [8, 2], [12, 2]", 12, "zones[0].polygon[1]", "same", "leave"),
    ("[12, 2]", "[12]", 12, "zones[0].polygon[1][1]", "is missing", "add"),
    ("pan_deg: 0", "pan_deg: 180", 20, "cameras[0].zones[0]", "behind the camera", "pose"),
    ("pan_deg: 0", "pan_deg: 85", 20, "cameras[0].zones[0]", "outside the camera", "pose"),
    ("z_m: 3.5", "z_m: 1.2", 20, "cameras[0].zones[0]", "horizon", "pose"),
    ("type: corridor", "type: corridor\n    width_m: 0", 12, "zones[0].width_m", "range", "> 0"),
    ("Asia/Shanghai", "Asia/Shanghia", 2, "site.timezone", "time zone", "Asia/Shanghai"),
    ("timezone: Asia", "profiles: p.yaml, timezone: Asia", 2, "site.profiles", "no file", "name"),
    ("format: 1", "format: 2", 1, "format", "2 is not known", "1"),
    ("format: 1\n", "", 1, "format", "is missing", "add `format:`"),
    ("zones:\n  - id", "zoness:\n  - id", 7, "zoness", "unknown key", "`zones`"),
    ("id: c\n", "id: Cam 1\n", 14, "cameras[0].id", "form that is read", "write up to 63 of a-z"),
    ("    uri", "    floor: f\n    uri", 17, "cameras[0].floor", "twice, first on line 16", "one"),
    ("  - id: z\n", "  - id: z\n    plane: {z: 0, through: [[0,0,0],[1,0,0],[0,1,0]]}\n", 9,
     "zones[0].plane", "either level or", "z: 0"),
    ("  - id: z\n", "  - id: z\n    plane: {through: [[0,0,0],[1,0,0],[2,0,0]]}\n", 9,
     "zones[0].plane.through", "one line", "three corners"),
    ("  - id: z\n", "  - id: z\n    plane: {through: [[0,0,0],[1,0,3],[0,1,0]]}\n", 9,
     "zones[0].plane.through", "steeper than 45", "three corners"),
    ("  - id: z\n", "  - id: z\n    exits: [{id: e, from: [1, 1], to: [1, 1]}]\n", 9,
     "zones[0].exits[0].to", "same", "move"),
    ("  - id: z\n", "  - id: z\n    exits: [{id: e, from: [120, 2], to: [120, 6]}]\n", 9,
     "zones[0].exits[0].from", "'e' does not lie at the zone: 0% of it", "in metres"),
    ("  - id: z\n", "  - id: z\n    exits: [{id: e, from: [12, 2], to: [12, 40]}]\n", 9,
     "zones[0].exits[0].from", "'e' does not lie at the zone: 12% of it", "in metres"),
    ("type: corridor", "type: corridor\n    width_m: 150", 12, "zones[0].width_m",
     "5.7 m across", "clear width"),
    ("zh: 区, ", 'zh: " ", ', 9, "zones[0].name.zh", "only blanks", "words"),
    ("    polygon: [[8, 2], [12, 2], [12, 6], [8, 6]]\n",
     "    polygon: [[8, 2], [12, 2], [12, 6], [8, 6]]\n  - id: z2\n"
     "    name: {zh: 区, en: Other}\n    floor: f\n    type: corridor\n"
     "    polygon: [[1, 1], [2, 1], [2, 2]]\n", 14,
     "zones[1].name.zh", "'z' has the same name", "its own name"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "message", "mend"), REFUSALS)
def test_a_fault_is_refused_with_line_key_and_mend(
    old: str, new: str, line: int, key: str, message: str, mend: str
) -> None:
    assert MINIMAL.count(old) >= 1
    problems = problems_of(MINIMAL.replace(old, new, 1))
    found = [problem for problem in problems if problem.key == key]
    assert found, [str(problem) for problem in problems]
    assert (found[0].file, found[0].line) == ("site.yaml", line)
    assert message in found[0].message
    assert mend in found[0].mend


@pytest.mark.parametrize(
    ("ceiling", "wall", "height_m"),
    [
        ("", "", 3.0),
        ("", ", height_m: 2.2", 2.2),
        ("3.6", "", 3.6),
        ("3.6", ", height_m: 2.2", 2.2),
    ],
)
def test_a_wall_of_no_height_goes_up_to_the_ceiling(
    ceiling: str, wall: str, height_m: float
) -> None:
    keys = f"    walls: [{{points: [[6, 0], [6, 10]]{wall}}}]\n    outline:"
    keys = f"    ceiling_m: {ceiling}\n{keys}" if ceiling else keys
    site = parse_site(MINIMAL.replace("    outline:", keys).encode(), directory=Path("/site"))
    assert [one.height_m for one in site.floor("f").walls] == [height_m]


@pytest.mark.parametrize(
    ("z_m", "height_m", "noted"),
    [(3.5, 3.0, True), (3.5, 1.1, False), (2.8, 3.0, False), (3.5, 3.6, False), (3.65, 3.6, False)],
    ids=["above", "a railing", "below", "up to the ceiling", "fitted a little above the ceiling"],
)
def test_a_camera_above_a_wall_that_ends_below_the_ceiling_is_noted(
    z_m: float, height_m: float, noted: bool
) -> None:
    wall = f"{{points: [[6, 0], [6, 10]], height_m: {height_m}}}"
    floor = f"    ceiling_m: 3.6\n    walls: [{wall}]\n    outline:"
    text = MINIMAL.replace("    outline:", floor).replace("z_m: 3.5", f"z_m: {z_m}")
    notes = parse_site(text.encode(), directory=Path("/site")).notes
    assert [(note.key, note.line, "walls[0]" in note.message) for note in notes] == (
        [("cameras[0].pose.z_m", 21, True)] if noted else []
    )
    assert all(chinese_line(note) is not None and in_chinese(note.mend) for note in notes)


@pytest.mark.parametrize(
    ("wall", "material", "noted"),
    [
        ("[1, 4], [9, 4]", "solid", True),
        ("[9, 4], [1, 4]", "solid", True),
        ("[1, 4.05], [9, 4.05]", "solid", False),
        ("[2, 0], [2, 9]", "solid", False),
        ("[1, 4], [9, 4]", "glass", False),
    ],
    ids=["along", "drawn back", "beside it", "across", "glass"],
)
def test_a_camera_drawn_on_the_wall_that_it_looks_along_is_noted(
    wall: str, material: str, noted: bool
) -> None:
    """Which side it hangs on would hang on the way in which the wall is drawn."""
    walls = f"    walls: [{{points: [{wall}], material: {material}}}]\n    outline:"
    text = MINIMAL.replace("    outline:", walls)
    notes = parse_site(text.encode(), directory=Path("/site")).notes
    assert [(note.key, "walls[0]" in note.message) for note in notes] == (
        [("cameras[0].pose", True)] if noted else []
    )
    assert all(chinese_line(note) is not None and in_chinese(note.mend) for note in notes)


@pytest.mark.parametrize(
    ("wide", "high", "message"),
    [(600, 10, "600 m by 10 m"), (200, 150, "200 m by 150 m"), (300, 30, "")],
)
def test_a_zone_larger_than_can_be_measured_is_refused(wide: int, high: int, message: str) -> None:
    text = MINIMAL.replace("[[0, 0], [20, 0], [20, 10], [0, 10]]", "[[0, 0], [700, 0], [700, 700]]")
    corners = f"[[690, 0], [690, {high}], [{690 - wide}, {high}], [{690 - wide}, 0]]"
    text = text.replace("[[8, 2], [12, 2], [12, 6], [8, 6]]", corners)
    found = [one for one in problems_of(text) if "m by" in one.message]
    assert [(one.key, message in one.message) for one in found] == (
        [("zones[0].polygon", True)] if message else []
    )


@pytest.mark.parametrize(
    ("start", "end", "noted"),
    [
        ("[12, 6]", "[12, 2]", True),
        ("[12, 2]", "[12, 6]", False),
        ("[11.5, 6]", "[11.5, 2]", True),
        ("[11.5, 2]", "[11.5, 6]", False),
        ("[10, 2]", "[10, 6]", False),
        ("[12.4, 6]", "[12.4, 2]", True),
    ],
)
def test_an_exit_that_faces_inwards_is_noted(start: str, end: str, noted: bool) -> None:
    line = f"    exits: [{{id: e, from: {start}, to: {end}}}]\n"
    text = MINIMAL.replace("  - id: z\n", f"  - id: z\n{line}")
    notes = parse_site(text.encode(), directory=Path()).notes
    assert [note.mend for note in notes] == (["swap `from` and `to`"] if noted else [])


@pytest.mark.parametrize(
    ("zone", "fps", "noted"),
    [
        ("type: stairs", "2.4", True),
        ("type: stairs", "2.5", False),
        # On a flight nobody turns; in a corridor both ways at once is every break.
        ("type: stairs\n    plane: {through: [[8, 2, 0], [8, 6, 0], [12, 2, 1]]}", "1.0", False),
        ("type: corridor", "1.0", False),
    ],
)
def test_a_landing_that_is_looked_at_too_seldom_is_noted(zone: str, fps: str, noted: bool) -> None:
    text = MINIMAL.replace("type: corridor", zone) + f"    analysed_fps: {fps}\n"
    notes = parse_site(text.encode(), directory=Path()).notes
    assert [note.key for note in notes] == (["cameras[0].analysed_fps"] if noted else [])


def test_the_sample_school_has_no_notes(school: Site) -> None:
    assert school.notes == ()


def test_a_problem_reads_as_one_line() -> None:
    with pytest.raises(SiteFileError) as refusal:
        parse_site(MINIMAL.replace("tilt_deg: 20", "tilt_deg: 99").encode(), directory=Path())
    assert str(refusal.value.problems[0]) == (
        "site.yaml:19: cameras[0].pose.tilt_deg: 99 is out of range — mend: write a number <= 90"
    )


def test_all_problems_are_told_at_once_in_the_order_of_the_file(sample_text: str) -> None:
    spoiled = (
        sample_text.replace("redundancy: 1", "redundancy: 9")
        .replace("id: hall-1f", "id: stair-a", 1)
        .replace("type: gate", "type: gates")
        .replace("tilt_deg: 38.0", "tlt_deg: 38.0")
        .replace("virtual:quiet_corridor", "rtsp://u:p@h/")
    )
    problems = problems_of(spoiled)
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
    assert {
        "floors[0].required_areas[3].redundancy",
        "zones[2].id",
        "zones[3].type",
        "cameras[3].pose.tlt_deg",
        "cameras[4].uri",
    } <= {problem.key for problem in problems}


def test_a_zone_that_is_refused_is_not_called_unknown_by_its_camera() -> None:
    problems = problems_of(MINIMAL.replace("type: corridor", "type: yard"))
    assert [problem.key for problem in problems] == ["zones[0].type"]


@pytest.mark.parametrize("written", ["Zone 1", "301", "三层"])
def test_a_zone_that_is_refused_for_its_id_is_not_called_unknown_either(written: str) -> None:
    spoiled = MINIMAL.replace("  - id: z\n", f"  - id: {written}\n")
    assert [problem.key for problem in problems_of(spoiled)] == ["zones[0].id"]


def test_a_camera_and_its_zones_share_a_floor(sample_text: str) -> None:
    problems = problems_of(sample_text.replace("zones: [gate-main]", "zones: [stair-a]"))
    assert [problem.message for problem in problems] == [
        "zone 'stair-a' is on floor 'f1', not on 'yard'"
    ]


@pytest.mark.parametrize("old", ["id: yard", "id: toilet-1f", "id: gate-line", "id: cam-hall"])
def test_equal_ids_are_refused(sample_text: str, old: str) -> None:
    new = {
        "id: yard": "id: f1",
        "id: toilet-1f": "id: area-hall",
        "id: gate-line": "id: stair-foot",
        "id: cam-hall": "id: cam-stair",
    }[old]
    messages = [problem.message for problem in problems_of(sample_text.replace(old, new, 1))]
    assert any("is used twice" in message for message in messages)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError, match=r"site\.yaml: there is no such file"):
        load_site(tmp_path / "nowhere")


def test_a_file_is_read_once_and_keeps_its_hash(tmp_path: Path, sample_text: str) -> None:
    (tmp_path / "site.yaml").write_text(sample_text, encoding="utf-8")
    assert load_site(tmp_path).sha256 == load_site(sample_school_directory()).sha256
    assert load_site(tmp_path).directory == tmp_path


_SCRAPS = st.sampled_from(
    ["", "x", "0", "-1", "1e9", "9" * 400, "[", "]", "{", "}", ":", "- ", "\n", "  ", "null", "[]",
     "{}", "&a ", "*a", "!t ", "'", '"', "#", "true", "[[0, 0]]",
     "[[0,0],[1,1],[0,1],[1,0]]", "z", "f", "\t"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), _SCRAPS), max_size=4))
def test_any_edit_of_a_site_loads_or_is_refused(edits: list[tuple[float, int, str]]) -> None:
    text = MINIMAL
    for place, removed, inserted in edits:
        start = int(place * len(text))
        text = text[:start] + inserted + text[start + removed :]
    assert all(problem.message and problem.mend for problem in problems_of(text))


@settings(max_examples=100, deadline=None)
@given(
    line=st.integers(0, MINIMAL.count("\n") - 1),
    value=st.sampled_from(
        ["", "3", "-3", "text", "[]", "[1]", "{}", "{a: 1}", "null", "1.5", "no"]
    ),
)
def test_any_value_of_a_wrong_type_is_refused_with_a_line(line: int, value: str) -> None:
    lines = MINIMAL.splitlines()
    lines[line] = f"{lines[line].partition(':')[0]}: {value}"
    for problem in problems_of("\n".join(lines) + "\n"):
        assert problem.line >= 1 or problem.key == ""
