"""YAML reading: plain values with lines, and YAML's traps reported instead of obeyed."""

import os
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
        (b"a: 1\nb: .inf\n", 2, "a number in this form"),
        (b"a: 0x1F\n", 1, "a number in this form"),
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
        (b"a: 1\nb: *x\n", 2, "an alias"),
        (b"a: 1\nb: &x\n", 2, "an anchor"),
        (b"a:\n\t- 1\n", 2, "a tab"),
        (b"a: 1\nb: \xff\xfe\n", 2, "not UTF-8"),
        (b"", 0, "empty"),
        (b"# only words\n", 0, "empty"),
        (b"[" * 40 + b"]" * 40, 1, "nested deeper"),
        (b"a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        (b"a: 1\nb: \x07\n", 2, "control character stands here (U+0007)"),
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
    with pytest.raises(ConfigFileError, match="anchor"):
        parse_yaml("\n".join(lines).encode(), file="x.yaml")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match=r"site\.yaml: there is no such file"):
        read_yaml(tmp_path / "site.yaml")
    (tmp_path / "site.yaml").mkdir()
    with pytest.raises(ConfigFileError, match="it is a folder"):
        read_yaml(tmp_path / "site.yaml")


def test_a_link_that_leads_nowhere_and_a_pipe_are_named(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(ConfigFileError, match=r"这个链接指向的文件不存在(.|\n)*leads nowhere"):
        read_yaml(tmp_path / "site.yaml")
    (tmp_path / "round.yaml").symlink_to("round.yaml")
    with pytest.raises(ConfigFileError, match="leads nowhere"):
        read_yaml(tmp_path / "round.yaml")
    # Nobody writes into it: whoever read it would wait for ever.
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ConfigFileError, match="no plain file"):
        read_yaml(tmp_path / "pipe.yaml")


@pytest.mark.parametrize("value", ["*hunter2", "&hunter2", "!hunter2 x", "0xhunter2", "0x1234"])
def test_what_may_be_a_password_is_not_told(value: str) -> None:
    """A password that begins with such a sign is read by YAML as something of its own."""
    told = " ".join(map(str, _problems(f"password: {value}\n".encode())))
    assert "hunter2" not in told
    assert "1234" not in told


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
