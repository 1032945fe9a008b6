"""What is on when, what flow the rosters ask for, and what is refused."""

from pathlib import Path

import pytest

from config import load_site, sample_school_directory
from config.plan.errors import PlanFileError
from config.plan.school_calendar import SHIPPED_CALENDAR
from config.profiles import load_profiles
from config.timetable import Timetable, expected_flow_per_s, load_timetable, parse_timetable
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.occasions import OccasionKind
from vision.risk.readings import Level

SITE = load_site(sample_school_directory())
PROFILES = load_profiles()
HEAD = """format: 1
groups:
  - {id: g1, name_zh: 一, name_en: One, pupils: 120, zones: [stair-a]}
  - {id: g2, name_zh: 二, name_en: Two, pupils: 60, zones: [stair-a, hall-1f]}
"""


def written(tmp_path: Path, rest: str, head: str = HEAD) -> Timetable:
    path = tmp_path / "timetable.yaml"
    path.write_text(head + rest, encoding="utf-8")
    return parse_timetable(path, SITE, PROFILES)


def local(text: str) -> Utc:
    return Utc.from_iso(f"{text}+08:00")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-03-04T16:29:59", None),  # a Wednesday in term
        ("2026-03-04T16:30:00", "dismissal"),
        ("2026-03-04T16:49:59", "dismissal"),
        ("2026-03-04T16:50:00", None),
        ("2026-03-07T16:35:00", None),  # a Saturday
        ("2026-08-05T16:35:00", None),  # summer holidays
        ("2026-03-02T08:05:00", "assembly-out"),  # Mondays only
        ("2026-03-03T08:05:00", None),
        ("2026-03-02T07:57:00", "arrival+assembly-out"),  # two at a time
    ],
)
def test_what_is_on(when: str, expected: str | None) -> None:
    timetable = load_timetable(SITE, PROFILES)
    assert timetable is not None
    found = timetable.at(local(when))
    assert (None if found is None else found.id) == expected


def test_expected_flow_from_rosters(tmp_path: Path) -> None:
    timetable = written(
        tmp_path,
        "entries:\n  - {id: out, kind: dismissal, start: '16:30', end: '16:40', over_s: 300}\n"
        "  - {id: one, kind: class_change, start: '10:00', end: '10:02', groups: [g2]}\n",
    )
    out = timetable.at(local("2026-03-04T16:31:00"))
    one = timetable.at(local("2026-03-04T10:01:00"))
    assert out is not None
    assert one is not None
    # 180 pupils in 300 s over the stair, 60 of them through the hall; 60 in the 120 s of the entry.
    assert dict(out.expected_per_s) == pytest.approx({"stair-a": 0.6, "hall-1f": 0.2})
    assert dict(one.expected_per_s) == pytest.approx({"stair-a": 0.5, "hall-1f": 0.5})
    assert expected_flow_per_s((), {}) == {}


def test_a_drill_wins_on_its_own_day_even_on_a_sunday(tmp_path: Path) -> None:
    timetable = written(
        tmp_path,
        "entries:\n  - {id: out, kind: dismissal, start: '16:30', end: '16:40'}\n"
        "drills:\n  - {id: fire, day: 2026-03-04, start: '16:35', end: '16:45'}\n"
        "  - {id: quake, day: 2026-03-08, start: '10:00', end: '10:10'}\n",
    )
    assert not timetable.is_drill(local("2026-03-04T16:34:00"))
    assert timetable.is_drill(local("2026-03-04T16:36:00"))
    assert timetable.is_drill(local("2026-03-08T10:05:00"))
    assert not timetable.is_drill(local("2026-03-15T10:05:00"))
    assert [o.kind for o in timetable.occasions][:2] == [OccasionKind.DRILL] * 2


OVERLAP = """entries:
  - {id: d1, kind: dismissal, start: '16:30', end: '16:50', groups: [g1], over_s: 600,
     limits: {stair-a: {L1: 1.2, L2: 1.9}}}
  - {id: d2, kind: dismissal, start: '16:35', end: '16:55', groups: [g2], over_s: 600,
     limits: {stair-a: {L1: 1.0}, hall-1f: {L1: 1.5}}}
  - {id: d3, kind: dismissal, start: '16:45', end: '16:50', over_s: 300}
"""


@pytest.mark.parametrize(
    ("when", "name", "stair_per_s", "stair", "hall"),
    [
        ("16:32", "d1", 0.2, {Level.L1: 1.2, Level.L2: 1.9}, {}),
        ("16:40", "d1+d2", 0.3, {Level.L1: 1.0, Level.L2: 1.9}, {Level.L1: 1.5}),
        # Everybody of d3 comes in 300 s: those of d1 and d2 walk once, and as fast as that.
        ("16:46", "d1+d2+d3", 0.6, {Level.L1: 1.0, Level.L2: 1.9}, {Level.L1: 1.5}),
        ("16:52", "d2", 0.1, {Level.L1: 1.0}, {Level.L1: 1.5}),
    ],
)
def test_entries_that_overlap_hold_together(
    tmp_path: Path,
    when: str,
    name: str,
    stair_per_s: float,
    stair: dict[Level, float],
    hall: dict[Level, float],
) -> None:
    found = written(tmp_path, OVERLAP).at(local(f"2026-03-04T{when}:00"))
    assert found is not None
    assert (found.id, found.kind) == (name, OccasionKind.DISMISSAL)
    assert found.expected_per_s["stair-a"] == pytest.approx(stair_per_s)
    assert found.limits.get("stair-a", {}) == stair
    assert found.limits.get("hall-1f", {}) == hall
    assert found.profile_for("stair-a", PROFILES[ZoneType.STAIRS]).id.endswith(f"+{name}")


def district_calendar(path: Path) -> None:
    """Spring term from 24 February to 3 July 2026, without 11 May."""
    text = SHIPPED_CALENDAR.read_text("utf-8").replace(
        "terms: []",
        "terms: [{name: spring, start: 2026-02-24, end: 2026-07-03}]\nclosed_days: [2026-05-11]",
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("day", "district", "shipped"),
    [
        ("2026-02-24", True, False),
        ("2026-05-11", False, True),
        ("2026-05-12", True, True),
        ("2026-07-06", False, True),
    ],
)
def test_the_timetable_goes_by_the_calendar_of_the_plan(
    tmp_path: Path, day: str, district: bool, shipped: bool
) -> None:
    rest = ENTRY % ""
    at = local(f"{day}T16:35:00")
    assert (written(tmp_path, rest).at(at) is not None) is shipped
    district_calendar(tmp_path / "plan" / "calendar.yaml")
    assert (written(tmp_path, rest).at(at) is not None) is district
    (tmp_path / "own.yml").write_bytes(SHIPPED_CALENDAR.read_bytes())
    assert (written(tmp_path, f"calendar: own.yml\n{rest}").at(at) is not None) is shipped


def test_hours_keep_their_weekdays(tmp_path: Path) -> None:
    (hours,) = written(tmp_path, ENTRY % ", weekdays: [1, 3]").hours
    assert hours.weekdays == (1, 3)


def test_limits_are_tightened_and_named(tmp_path: Path) -> None:
    timetable = written(
        tmp_path,
        "entries:\n  - id: out\n    kind: dismissal\n    start: '16:30'\n    end: '16:40'\n"
        "    limits: {stair-a: {L1: 1.2, L3: 2.5}}\n",
    )
    occasion = timetable.at(local("2026-03-04T16:31:00"))
    assert occasion is not None
    base = PROFILES[ZoneType.STAIRS]
    tight = occasion.profile_for("stair-a", base)
    assert [limit.threshold_per_m2 for limit in tight.levels] == [1.2, 2.0, 2.5, 3.5]
    assert tight.id == f"{base.id}+out"
    assert tight.threshold_of(Level.L1).dwell_s == base.threshold_of(Level.L1).dwell_s
    other = occasion.profile_for("hall-1f", PROFILES[ZoneType.CORRIDOR])
    assert other.levels == PROFILES[ZoneType.CORRIDOR].levels


ENTRY = "entries:\n  - {id: out, kind: dismissal, start: '16:30', end: '16:40'%s}\n"


@pytest.mark.parametrize(
    ("rest", "said", "mend"),
    [
        (ENTRY % ", limits: {stair-a: {L3: 2.8}}", "above the hard limit of 2.7", "at or below"),
        (ENTRY % ", limits: {stair-a: {L2: 1.4}}", "must be above 1.5", "at or below"),
        (ENTRY % ", limits: {stair-b: {L2: 1.4}}", "the site has no zone stair-b", "stair-a"),
        (ENTRY % ", limits: {stair-a: {L9: 1.4}}", "no level L9", "L1, L2, L3 or L4"),
        (ENTRY % ", groups: [g9]", "no group g9", "g1, g2"),
        (ENTRY % ", weekdays: [8]", "8 is out of range", "<= 7"),
        (ENTRY % ", colour: red", "unknown key", "use one of: "),
        (ENTRY.replace("16:40", "16:20") % "", "not after its start at 16:30", "later end"),
        (ENTRY.replace("16:40", "25:00") % "", "form that is read", "write a time of the clock"),
        (ENTRY.replace("dismissal", "drill") % "", "a drill has a day of its own", "drills"),
        ((ENTRY % "") + (ENTRY % "").split("\n", 1)[1], "out is there twice", "rename"),
    ],
)
def test_refusals_name_line_and_mend(tmp_path: Path, rest: str, said: str, mend: str) -> None:
    with pytest.raises(PlanFileError) as refusal:
        written(tmp_path, rest)
    (problem,) = refusal.value.problems
    assert said in problem.message
    assert mend in problem.mend
    assert problem.line >= 5
    assert problem.file.endswith("timetable.yaml")


def test_an_unknown_zone_of_a_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="the site has no zone stair-z"):
        written(tmp_path, "", head=HEAD.replace("stair-a]", "stair-z]"))


@pytest.mark.parametrize(
    ("given", "said"),
    [("''", "is empty"), ('"  "', "there are only blanks")],
    ids=["empty", "blanks"],
)
def test_a_group_without_a_name_is_refused(tmp_path: Path, given: str, said: str) -> None:
    with pytest.raises(PlanFileError) as refusal:
        written(tmp_path, "", head=HEAD.replace("name_zh: 一", f"name_zh: {given}"))
    (problem,) = refusal.value.problems
    assert (problem.line, problem.key) == (3, "groups[0].name_zh")
    assert said in problem.message


def test_a_site_without_a_timetable_has_none(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_bytes((sample_school_directory() / "site.yaml").read_bytes())
    assert load_timetable(load_site(tmp_path), PROFILES) is None
