"""The shipped plan and the refusals of a broken one."""

from pathlib import Path

import pytest

from config.errors import ConfigFileError
from config.plan import PlanFileError, load_calendar, load_catalogue, load_digests, text_digest
from config.plan.catalogue import SHIPPED_CATALOGUE
from config.plan.convert import convert, digests, inventory_texts, read_inventory
from config.plan.verify import check_rules, check_same_texts, check_texts


def test_the_shipped_plan_has_the_printed_size() -> None:
    plan = load_catalogue()
    assert len(plan.sections) == 5
    assert [task.no for _, task in plan.tasks()] == list(range(1, 21))
    assert sum(1 for _ in plan.measures()) == 36
    assert sum(1 for _ in plan.obligations()) == 99
    assert sum(1 for _ in plan.rules()) == 61
    assert [m.id for m in plan.measures() if not m.rules] == [
        *("1.3.1", "2.5.1", "3.9.3", "3.11.2", "4.13.1", "4.14.2", "4.16.2", "5.18.1", "5.19.1")
    ]


def test_printed_cells_are_kept_as_printed() -> None:
    plan = load_catalogue()
    assert plan.measure("1.1.2").deadline.raw == ("3月", "9月")
    assert plan.measure("4.15.2").deadline.raw == ()
    assert plan.measure("1.1.2").text_zh == "召开校园安全工作专项工作部署会。"
    assert text_digest("召开校园安全工作专项工作部署会。") == load_digests()["1.1.2"]


def test_every_text_and_rule_checks_out() -> None:
    plan = load_catalogue()
    texts = check_texts(plan, load_digests())
    assert len(texts) == 36
    assert all(check.holds for check in texts)
    rules = check_rules(plan, load_calendar())
    assert {check.subject for check in rules} == {rule.id for rule in plan.rules()}
    assert len(rules) == 59 * 3 + 2
    assert [check for check in rules if not check.holds] == []


def test_one_changed_character_is_noticed(tmp_path: Path) -> None:
    edited = tmp_path / "plan.yaml"
    text = SHIPPED_CATALOGUE.read_text("utf-8")
    old = "text_zh: 召开校园安全工作专项工作部署会。"
    assert text.count(old) == 1
    edited.write_text(
        text.replace(old, old.replace("专项", "专頂") + "召开校园安全工作专项工作部署会"), "utf-8"
    )
    failing = [c for c in check_texts(load_catalogue(edited), load_digests()) if not c.holds]
    assert [check.subject for check in failing] == ["1.1.2"]


def test_a_missing_and_an_added_measure_fail_the_check() -> None:
    plan = load_catalogue()
    known = load_digests()
    removed = {key: value for key, value in known.items() if key != "1.1.1"}
    assert [c.subject for c in check_texts(plan, removed) if not c.holds] == ["1.1.1"]
    assert [c.subject for c in check_texts(plan, {**known, "9.9.9": "x"}) if not c.holds] == [
        "9.9.9"
    ]


EDITS = [
    ("rrule: FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=-1", "rrule: FREQ=SOMETIMES", "rrule", "RFC 5545"),
    ("obligation: 1.1.1a", "obligation: 1.1.1z", "obligation", "no obligation 1.1.1z"),
    ("basis: assumed", "basis: guessed", "basis", "assumed"),
    ("quota: 1", "quota: 0", "quota", "write a number >= 1"),
    ("scope: year", "scope: year\n        colour: red", "colour", "unknown key"),
    ("- responsibility_list\n", "- shopping_list\n", "data_objects", "shopping_list"),
    ("    - 3.9.1f\n", "    - 3.9.9f\n", "satisfied_also_by", "3.9.9f"),
    ("id: 1.1.2a", "id: 1.1.1a", "obligations", "1.1.1a"),
    ("quote_zh: 召开校园", "quote_zh: 召集校园", "quote_zh", "quotation"),
]


@pytest.mark.parametrize(("old", "new", "key", "message"), EDITS)
def test_a_broken_plan_names_line_key_and_mend(
    tmp_path: Path, old: str, new: str, key: str, message: str
) -> None:
    text = SHIPPED_CATALOGUE.read_text("utf-8")
    position = text.index(old)
    line = text[:position].count("\n") + new.count("\n") + 1
    edited = tmp_path / "plan.yaml"
    edited.write_text(text[:position] + new + text[position + len(old) :], "utf-8")
    with pytest.raises(PlanFileError) as caught:
        load_catalogue(edited)
    faults = [problem for problem in caught.value.problems if key in problem.key]
    assert faults, str(caught.value)
    assert any(message in f"{problem.message} {problem.mend}" for problem in faults)
    assert all(problem.mend and problem.file == "plan.yaml" for problem in faults)
    if key in ("rrule", "obligation", "basis", "quota", "colour", "quote_zh"):
        assert line in [problem.line for problem in faults]


@pytest.mark.parametrize("text", ["", "[", "sections: [", "schema_version: 2\n", "{}", "- 1"])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigFileError, match=r"plan\.yaml"):
        load_catalogue(path)
    with pytest.raises(PlanFileError, match=r"no such file"):
        load_catalogue(tmp_path / "absent.yaml")


def test_the_catalogue_still_equals_the_inventory() -> None:
    inventory_path = Path(__file__).resolve().parents[3] / "../shared/plan/plan_inventory.yaml"
    if not inventory_path.is_file():
        pytest.skip("the plan's inventory is not beside this checkout")
    inventory = read_inventory(inventory_path)
    texts = inventory_texts(inventory)
    assert len(texts) == 36
    assert all(check.holds for check in check_same_texts(load_catalogue(), texts))
    recorded = {
        identity: digest for digest, identity in map(str.split, digests(inventory).splitlines())
    }
    assert load_digests() == recorded


def test_a_rule_without_its_record_stops_the_conversion() -> None:
    rule = {"id": "R-1.1.1-1", "window": "year", "zh": "年度"}
    measure = {
        **dict.fromkeys(("id", "title_zh", "text_zh", "gloss_en", "responsible"), "x"),
        "deadline": {"raw": []},
        "obligations": [],
        "recurrences": [rule],
        "camera_automation": {},
        "evidence_to_file": [],
        "data_objects": [],
    }
    meta = dict.fromkeys(
        ("title_zh", "source_plan_year", "source_file", "source_sha256", "ambiguities"), "x"
    )
    inventory = {
        "meta": meta,
        "roles": {},
        "data_object_catalogue": {},
        "sections": [{"tasks": [{"measures": [measure]}]}],
    }
    with pytest.raises(PlanFileError, match=r"R-1.1.1-1: no record counts"):
        convert(inventory, {})
