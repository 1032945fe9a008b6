"""Shipped files are parsed once a machine, and what is kept says the same as the file."""

from pathlib import Path

import pytest

import config
from config import yaml_source
from config.kept import JsonValue, kept_json
from config.yaml_source import parse_yaml, read_yaml

# Profiles have anchors, and a reader of their own.
SHIPPED = sorted(
    path for path in Path(config.__file__).parent.rglob("*.yaml") if path.parent.name != "profiles"
)


def counted(folder: Path, content: bytes = b"content") -> tuple[JsonValue, int]:
    """What is told, and how often it had to be made."""
    made = []

    def make() -> JsonValue:
        made.append(1)
        return {"a": [1, 2.5, None, "楼梯"]}

    return kept_json("kind", content, make, folder), len(made)


def test_it_is_made_once_for_each_content(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    told = {"a": [1, 2.5, None, "楼梯"]}
    assert counted(folder) == (told, 1)
    assert counted(folder) == (told, 0)
    assert counted(folder, b"other") == (told, 1)


@pytest.mark.parametrize("harm", ["damaged", "others may write", "a link"])
def test_what_somebody_else_may_have_written_is_not_read(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "kept"
    counted(folder)
    (file,) = folder.iterdir()
    if harm == "damaged":
        file.write_text("{")
    elif harm == "others may write":
        file.chmod(0o666)
    else:
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
    assert counted(folder)[1] == 1


def test_a_folder_of_others_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    folder.chmod(0o777)
    assert [counted(folder)[1] for _ in range(2)] == [1, 1]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.name))
def test_a_kept_file_equals_the_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_CACHE", str(tmp_path / "kept"))
    first, again = read_yaml(path), read_yaml(path)
    assert list((tmp_path / "kept").iterdir())
    fresh = parse_yaml(path.read_bytes(), file=path.name)
    for one in (first, again):
        assert (one.data, one.lines, one.problems) == (fresh.data, fresh.lines, [])


def test_a_shipped_file_with_a_problem_is_told_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(yaml_source, "_SHIPPED", tmp_path)
    (tmp_path / "double.yaml").write_text("a: 1\na: 2\n")
    for _ in range(2):
        (problem,) = read_yaml(tmp_path / "double.yaml").problems
        assert (problem.line, problem.key) == (2, "a")
