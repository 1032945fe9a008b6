"""Refusals in Chinese beside the English, in one form."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import SiteFileError, parse_site
from config.errors import FileProblem
from config.refusals import chinese_line, in_chinese
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


def test_what_has_no_chinese_stays_english() -> None:
    odd = FileProblem("site.yaml", 3, "site", "nobody wrote this sentence", "remove it")
    assert chinese_line(odd) is None
    half = FileProblem("site.yaml", 3, "site", "unknown key", "nobody wrote this mend")
    assert chinese_line(half) == "site.yaml:3: site: 没有这个键 — 改法 mend: nobody wrote this mend"
