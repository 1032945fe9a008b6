"""One Chinese word for an alarm; `config/texts/alarms.yaml` says which, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

import api
from config import sample_school_directory
from config.texts import catalogue

# A person who calls for help, and the things that are named after it.
NAMED = (
    "一键报警",
    "报警按钮",
    "报警柱",
    "报警输入",
    "报警模块",
    "报警中心",
    "电话报警",
)
ROOM = Path(api.__file__).parent


def _other_words(text: str) -> list[str]:
    for name in NAMED:
        text = text.replace(name, "")
    return [word for word in ("报警", "警报") if word in text]


def test_the_catalogue_calls_an_alarm_by_one_name() -> None:
    wrong = {key: text for key, text in catalogue("zh").items() if _other_words(text)}
    assert wrong == {}


def _written() -> list[Path]:
    """What else speaks Chinese to people: the sample's files, and texts in sources and pages."""
    sources = [path for kind in ("py", "js", "html") for path in ROOM.rglob(f"*.{kind}")]
    return [*sample_school_directory().glob("*.yaml"), *sources]


def test_so_do_the_sample_school_and_the_pages() -> None:
    wrong = {path.name for path in _written() if _other_words(path.read_text(encoding="utf-8"))}
    assert wrong == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("有人按下报警按钮，请拨打电话报警", []),
        ("没有报警会送出", ["报警"]),
        ("按下一键报警后的警报", ["警报"]),
        ("告警", []),
    ],
)
def test_what_counts_as_another_word(text: str, found: list[str]) -> None:
    assert _other_words(text) == found
