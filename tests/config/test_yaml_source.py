"""YAML reading: plain values with lines, and YAML's traps reported instead of obeyed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigFileError, FileProblem
from config.yaml_source import MAX_BYTES, key_text, parse_yaml, read_yaml


def test_values_are_plain_and_every_key_has_its_line() -> None:
    source = parse_yaml(b"a: 1\nb:\n  - 2.5\n  - c: true\nd: text\ne:\n", file="x.yaml")
    assert source.data == {"a": 1, "b": (2.5, {"c": True}), "d": "text", "e": None}
    assert source.line_of(("a",)) == 1
    assert source.line_of(("b", 0)) == 3
    assert source.line_of(("b", 1, "c")) == 4
    assert source.line_of(("b", 1, "missing")) == 4
    assert source.problems == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("cameras", 2, "pose", "tilt_deg"), "cameras[2].pose.tilt_deg"),
        (("a", 0, 1), "a[0][1]"),
    ],
)
def test_a_path_reads_as_people_write_it(path: tuple[str | int, ...], text: str) -> None:
    assert key_text(path) == text


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, "written twice, first on line 1"),
        (b"a: !!python/object:os.system x\n", 1, "is not read"),
        (b"a: 1\nb: .inf\n", 2, "not a number that is read"),
        (b"a: 0x1F\n", 1, "not a number that is read"),
        (b"? [1, 2]\n: 3\n", 1, "plain text"),
    ],
)
def test_what_stays_readable_is_reported_and_read_on(content: bytes, line: int, words: str) -> None:
    (problem,) = parse_yaml(content, file="x.yaml").problems
    assert problem.line == line
    assert words in problem.message
    assert problem.mend


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        (b"a: 1\n  b: 2\n", 2, "not valid YAML"),
        (b"a: &x 1\nb: *x\n", 2, "alias *x is not read"),
        (b"a: 1\nb: \xff\xfe\n", 2, "not UTF-8"),
        (b"", 0, "empty"),
        (b"# only words\n", 0, "empty"),
        (b"[" * 40 + b"]" * 40, 1, "nested deeper"),
        (b"a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        (b"a: \x07\n", 0, "special characters"),
        (b"a" * (MAX_BYTES + 1), 0, "larger than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(
    content: bytes, line: int, words: str
) -> None:
    with pytest.raises(ConfigFileError) as refusal:
        parse_yaml(content, file="x.yaml")
    (problem,) = refusal.value.problems
    assert problem.line == line
    assert words in problem.message


def test_a_billion_laughs_are_refused_before_they_are_built() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(ConfigFileError, match="alias"):
        parse_yaml("\n".join(lines).encode(), file="x.yaml")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match=r"site\.yaml: there is no such file"):
        read_yaml(tmp_path / "site.yaml")
    (tmp_path / "site.yaml").mkdir()
    with pytest.raises(ConfigFileError, match="mend: check the file's kind"):
        read_yaml(tmp_path / "site.yaml")


def _problems(content: bytes) -> tuple[FileProblem, ...]:
    """What is wrong with `content`; any other error than the typed one goes through."""
    try:
        return tuple(parse_yaml(content, file="x.yaml").problems)
    except ConfigFileError as error:
        return error.problems or (FileProblem("", 0, "", "", ""),)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert all(problem.message and problem.mend for problem in _problems(content))


@given(st.text(alphabet="ab:-[]{}&*!?|>'\"#%@,\n\t 01.~", max_size=120))
def test_any_yaml_like_text_is_read_or_refused(content: str) -> None:
    assert all(problem.message and problem.mend for problem in _problems(content.encode()))
