"""Refusals in Chinese beside the English, in one form."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

import config
from config import SiteFileError, load_site, parse_site, sample_school_directory
from config.errors import FileProblem
from config.plan.school_calendar import _FILE_WORDS
from config.refusals import chinese_line, in_chinese
from config.site_files import check_files
from tests.config.test_site_load import MINIMAL, REFUSALS, problems_of


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("unknown key", "没有这个键"),
        ("did you mean `tilt_deg`?", "是不是想写 `tilt_deg`？"),
        ("expected a number, got 'much'", "应为数字，现在是 'much'"),
        ("write a number >= 0 and <= 90", "写满足 >= 0 and <= 90 的数字"),
        (
            "write {user} and {password} in its place and add `credentials: env:NAME`",
            "在原处写 {user} 和 {password}，再加 `credentials: env:NAME`",
        ),
        ("nobody wrote this sentence", None),
    ],
)
def test_a_sentence_is_found_by_its_english(english: str, chinese: str | None) -> None:
    assert in_chinese(english) == chinese


def test_a_refused_site_file_tells_chinese_first_in_the_same_form() -> None:
    broken = MINIMAL.replace("tilt_deg: 20", "tilt: 20")
    with pytest.raises(SiteFileError) as refused:
        parse_site(broken.encode(), directory=Path("/site"))
    lines = str(refused.value).splitlines()
    assert lines[:2] == [
        "site.yaml:19: cameras[0].pose.tilt_deg: 缺少 — 改法 mend: 补上 `tilt_deg:`",
        "site.yaml:19: cameras[0].pose.tilt_deg: is missing — mend: add `tilt_deg:`",
    ]
    assert lines[2].endswith("pose.tilt: 没有这个键 — 改法 mend: 是不是想写 `tilt_deg`？")


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{case[3]}: {case[4]}")
def test_every_refusal_of_a_site_file_speaks_chinese(
    case: tuple[str, str, int, str, str, str],
) -> None:
    for problem in problems_of(MINIMAL.replace(case[0], case[1])):
        assert chinese_line(problem) is not None, problem.message
        assert in_chinese(problem.mend) is not None, problem.mend


def test_every_fault_of_a_school_calendar_has_its_chinese() -> None:
    for message, mend in _FILE_WORDS.values():
        words = ("spring", 2027, "2027 autumn")
        assert in_chinese(message.format(*words)) is not None, message
        assert in_chinese(mend.format(*words)) is not None, mend


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("dismissal.yaml", "format: 1", "format: x", "expected a whole number, got 'x'"),
        ("dismissal.yaml", "start: '16:30'", "start: '25:30'", "write a time of the clock"),
        ("dismissal.yaml", "start: '16:30'\n", "", "start: is missing — mend: add `start:`"),
        ("dismissal.yaml", "kind: door", "kind: dor", "did you mean `door`?"),
        ("dismissal.yaml", "width_m: 1.5", "widht_m: 1.5", "did you mean `width_m`?"),
        ("dismissal.yaml", "width_m: 1.5", "width_m: 0.1", "write a number >= 0.5"),
        ("dismissal.yaml", "id: c401", "id: C 401", "write up to 63 of a-z"),
        ("timetable.yaml", "kind: arrival", "kind: [arrival]", "a list of 1 is not known here"),
        ("timetable.yaml", "pupils: 160", "pupils: many", "expected a whole number, got 'many'"),
        ("timetable.yaml", "drills:", "drill:", "did you mean `drills`?"),
    ],
)
def test_every_file_of_a_school_is_refused_in_the_same_words(
    tmp_path: Path, name: str, old: str, new: str, told: str
) -> None:
    content = (sample_school_directory() / name).read_text("utf-8")
    assert old in content
    for other in sample_school_directory().glob("*.yaml"):
        shutil.copyfile(other, tmp_path / other.name)
    (tmp_path / name).write_text(content.replace(old, new, 1), "utf-8")
    (standing,) = (one for one in check_files(load_site(tmp_path)) if one.problems)
    assert told in " ".join(map(str, standing.problems))
    for problem in standing.problems:
        assert problem.line > 0
        assert in_chinese(problem.message) is not None, problem.message
        assert in_chinese(problem.mend) is not None, problem.mend


# Sentences of a plan's own file that are made in pieces or yielded, with what they name.
OF_A_PLAN = [
    *(f"the {what} 1.1.1 stands 2 times" for what in ("measure", "obligation", "rule", "task")),
    *("the measure has no obligation 1.1.1a", "name an obligation of this measure"),
    *("the plan has no obligation 1.1.1a", "name an obligation"),
    *("a campaign, and only a campaign, has a first month", "add or remove the key"),
    *("not a recurrence rule of RFC 5545: x", "write e.g. FREQ=MONTHLY;BYMONTHDAY=-1"),
    *("no plan inventory: meta, roles missing", "name the inventory file of the plan"),
    *("no record counts for this rule", "add a line"),
]


@pytest.mark.parametrize("sentence", OF_A_PLAN)
def test_every_refusal_of_a_plan_speaks_chinese(sentence: str) -> None:
    assert in_chinese(sentence) is not None


def test_what_has_no_chinese_stays_english() -> None:
    odd = FileProblem("site.yaml", 3, "site", "nobody wrote this sentence", "remove it")
    assert chinese_line(odd) is None
    half = FileProblem("site.yaml", 3, "site", "unknown key", "nobody wrote this mend")
    assert chinese_line(half) == "site.yaml:3: site: 没有这个键 — 改法 mend: nobody wrote this mend"


CONFIG = Path(config.__file__).parent
# Files of the project itself, which a school never writes.
OWN = {"texts/catalogue.py"}
KINDS = ("person", "door", "device", "announcement", "zone", "camera")


def told(node: ast.expr) -> str | None:
    """The text of an expression with `x` for each value; `None` for one made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in parts)
        case _:
            return None


def reports() -> list[tuple[str, str]]:
    """Where and what: every message and mend that the room reports of a file, as far as they are
    written at the place itself or in a variable of that function."""
    found = []
    for path in sorted(CONFIG.rglob("*.py")):
        name = path.relative_to(CONFIG).as_posix()
        if name in OWN:
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            words: dict[str, list[ast.expr]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    words.setdefault(node.targets[0].id, []).append(node.value)
            for node in ast.walk(function):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                if node.func.attr not in ("report", "note", "problem") or len(node.args) < 3:
                    continue
                for given in node.args[1:]:
                    known = words.get(given.id, []) if isinstance(given, ast.Name) else [given]
                    texts = [text for one in known if (text := told(one)) is not None]
                    found += [(f"{name}:{node.lineno}", text) for text in texts]
    return found


def test_every_refusal_of_a_school_s_files_has_its_chinese() -> None:
    found = reports()
    for kind in KINDS:
        found += [(kind, f"there is no {kind} 'x'"), (kind, f"add the {kind} first")]
    # The kind of thing is told above; of these two a part stands elsewhere.
    made = {"there is no x x", "add the x", "add the x first", "expected x, got x", "x, got x"}
    made |= {
        "the x x stands x times",
        "exit x does not lie at the zone: x of it is within ",
        "xx m²",
    }
    missing = [one for one in found if one[1] not in made and in_chinese(one[1]) is None]
    assert len(found) > 150
    assert missing == []
