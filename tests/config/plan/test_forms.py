"""Forms of records and the grading of hazards: what they take, what they refuse and why."""

from pathlib import Path
from typing import Any

import pytest

from config.plan import GradingError, PlanFileError, RecordFormError, load_catalogue
from config.plan.grading import SHIPPED_GRADING, load_grading
from config.plan.record_kinds import load_record_kinds

DRILL = {"participants": 812, "evaluation": "东侧楼梯较慢"}


def test_every_record_that_a_rule_accepts_has_a_form() -> None:
    kinds = load_record_kinds().by_id
    for rule in load_catalogue().rules():
        kind = kinds[rule.accepts.kind]
        assert set(rule.accepts.types) <= set(kind.types or {}), rule.id


def test_a_form_keeps_its_fields_in_their_types() -> None:
    details = {**DRILL, "evac_seconds": "171", "curve": "0,812\n90, 40\n171,0", "passed": "yes"}
    found = load_record_kinds().check("drill", "fire", {**details, "plan": ""})
    assert found == {
        **DRILL,
        "evac_seconds": 171,
        "curve": [[0, 812], [90, 40], [171, 0]],
        "passed": True,
    }


FAULTS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"participants": None}, ("participants", "missing")),
    ({"participants": -1}, ("participants", "not_a_count")),
    ({"participants": 1.5}, ("participants", "not_a_count")),
    ({"participants": True}, ("participants", "not_a_number")),
    ({"peak_density_per_m2": "nan"}, ("peak_density_per_m2", "not_a_number")),
    ({"evaluation": "a\x00"}, ("evaluation", "not_text")),
    ({"evaluation": "长" * 20_001}, ("evaluation", "too_long")),
    ({"curve": "90,1\n30,2"}, ("curve", "not_a_curve")),
    ({"curve": [[0, -1]]}, ("curve", "not_a_curve")),
    ({"timed_by": "guess"}, ("timed_by", "not_a_choice")),
    ({"passed": "maybe"}, ("passed", "not_yes_or_no")),
    ({"weather": "晴"}, ("weather", "unknown")),
]


@pytest.mark.parametrize(("changed", "fault"), FAULTS)
def test_a_wrong_field_is_named(changed: dict[str, Any], fault: tuple[str, str]) -> None:
    with pytest.raises(RecordFormError) as caught:
        load_record_kinds().check("drill", "fire", {**DRILL, **changed})
    assert caught.value.faults == (fault,)


@pytest.mark.parametrize(("kind", "kind_type"), [("party", ""), ("drill", ""), ("lesson", "fire")])
def test_unknown_kinds_and_types_are_refused(kind: str, kind_type: str) -> None:
    with pytest.raises(RecordFormError, match="unknown"):
        load_record_kinds().check(kind, kind_type, DRILL)


GRADES = [
    ("ls", {"l": 3, "s": 5}, 15, "red"),
    ("ls", {"l": 2, "s": 4}, 8, "orange"),
    ("ls", {"l": 1, "s": 4}, 4, "yellow"),
    ("ls", {"l": 1, "s": 3}, 3, "blue"),
    ("lec", {"l": 10, "e": 6, "c": 7}, 420, "red"),
    ("lec", {"l": 0.1, "e": 0.5, "c": 1}, 0.05, "blue"),
]


@pytest.mark.parametrize(("method", "factors", "score", "level"), GRADES)
def test_grades_counted_by_hand(
    method: str, factors: dict[str, float], score: float, level: str
) -> None:
    graded = load_grading().grade(method, factors)
    assert (graded.score, graded.level.id) == (score, level)
    assert graded.level.major == (level == "red")


@pytest.mark.parametrize(
    ("method", "factors"), [("ls", {"l": 6, "s": 1}), ("ls", {"l": 1}), ("hazop", {})]
)
def test_factors_that_the_method_has_not_are_refused(
    method: str, factors: dict[str, float]
) -> None:
    with pytest.raises(GradingError):
        load_grading().grade(method, factors)


def test_a_bureau_may_have_three_levels_but_not_two(tmp_path: Path) -> None:
    text = SHIPPED_GRADING.read_text("utf-8")
    lines = [line for line in text.splitlines() if "orange" not in line]
    path = tmp_path / "grading.yaml"
    path.write_text("\n".join(lines), "utf-8")
    three = load_grading(path)
    assert [level.id for level in three.levels] == ["red", "yellow", "blue"]
    assert three.grade("ls", {"l": 2, "s": 4}).level.id == "yellow"
    path.write_text("\n".join(line for line in lines if "yellow" not in line), "utf-8")
    with pytest.raises(PlanFileError, match=r"grading.yaml:\d+: levels: 2 levels — mend: "):
        load_grading(path)
