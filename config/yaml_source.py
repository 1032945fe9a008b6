"""YAML as plain values, with the line of every key, and without YAML's traps.

Only what a site file needs is read: mappings with text keys, lists, numbers, booleans, text. Lists
become tuples. Duplicate keys, anchors, aliases, tags and deep nesting are reported, not obeyed.
"""

from __future__ import annotations

import errno
import math
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.errors import ConfigFileError, FileProblem
from config.kept import JsonValue, kept_json

KeyPath = tuple[str | int, ...]

MAX_BYTES = 4_000_000
MAX_DEPTH = 24
_SHIPPED = Path(__file__).resolve().parent
_CORE = "tag:yaml.org,2002:"
# What is wrong, and the mend.
_NOWHERE = ("it is a link that leads nowhere", "correct the link, or put the file itself there")
_A_FOLDER = ("it is a folder, not a file", "move the folder away and put the file there")
_NO_PLAIN_FILE = ("it is no plain file", "put a text file there")
_NO_READING = {
    errno.EACCES: (
        "this user may not read it",
        "let the user of the service read it, e.g. chgrp xiaoan and chmod 640",
    ),
    errno.ELOOP: _NOWHERE,
}
# What stands in a value is told nowhere: it may be a password that begins with such a sign.
_ALIAS = (
    "a value that begins with * (an alias) is not read",
    "write the value out where it is needed, in quotes where it begins with *",
)
_ANCHOR = (
    "a value that begins with & (an anchor) is not read",
    "remove the anchor, or put the value in quotes where it begins with &",
)
_TAG = (
    "a value that begins with ! (a tag) is not read",
    "write the plain value, in quotes where it begins with !",
)
_NUMBER = (
    "a number in this form is not read here",
    "write e.g. 2.5; put quotes round what is no number",
)
_TAB = ("a tab stands where only spaces are read", "indent with spaces")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def key_text(path: KeyPath) -> str:
    """A path as people read it: `cameras[2].pose.tilt_deg`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


@dataclass(slots=True)
class YamlSource:
    """The values of one YAML file and where they stand; problems are gathered here.

    Attributes:
        file: name used in problems.
        data: the root value (dict, tuple, str, int, float, bool or None).
        lines: line of each key or list item, 1 for the first line.
        problems: what was found wrong so far.
        notes: what is doubtful, and no reason to refuse the file.
    """

    file: str
    data: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)
    notes: list[FileProblem] = field(default_factory=list)

    def line_of(self, path: KeyPath) -> int:
        """Line of the value at `path`, or of the nearest enclosing one."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 0

    def problem(self, path: KeyPath, message: str, mend: str) -> FileProblem:
        """A problem at `path`, not noted."""
        return FileProblem(self.file, self.line_of(path), key_text(path), message, mend)

    def report(self, path: KeyPath, message: str, mend: str) -> None:
        """Note a problem at `path`."""
        self.problems.append(self.problem(path, message, mend))

    def note(self, path: KeyPath, message: str, mend: str) -> None:
        """Note something at `path` that the file can still be used with."""
        self.notes.append(self.problem(path, message, mend))


def read_yaml(path: Path) -> YamlSource:
    """Read one YAML file; a duplicate key, an anchor or a tag is left in `problems`.

    Raises:
        ConfigFileError: when the file is missing, unreadable, too large, not UTF-8 or not YAML.
    """
    try:
        content = _content(path)
    except ConfigFileError:
        raise
    except FileNotFoundError:
        if path.is_symlink():
            raise _whole_file(path.name, *_NOWHERE) from None
        raise _whole_file(
            path.name, f"there is no such file in {path.parent}", "create it or name its folder"
        ) from None
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
        told = _NO_READING.get(error.errno or 0, (reason, "check the file's kind and permissions"))
        raise _whole_file(path.name, *told) from None
    except ValueError:
        raise _whole_file(path.name, "no file can have such a name", "correct the name") from None
    if path.resolve().is_relative_to(_SHIPPED):
        return _shipped(content, path.name)
    return parse_yaml(content, file=path.name)


def _content(path: Path) -> bytes:
    """What a plain file holds, no more of it than is read. A pipe would keep its reader waiting."""
    kind = path.stat().st_mode
    if not stat.S_ISREG(kind):
        told = _A_FOLDER if stat.S_ISDIR(kind) else _NO_PLAIN_FILE
        raise _whole_file(path.name, *told)
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _shipped(content: bytes, file: str) -> YamlSource:
    """A file of this program: parsed once a machine."""
    try:
        told = kept_json("yaml", content, lambda: _told(parse_yaml(content, file=file)))
    except _ProblemsError as found:
        return found.source
    if not isinstance(told, dict) or set(told) != {"data", "lines"}:
        return parse_yaml(content, file=file)
    lines = {tuple(path): int(line) for path, line in told["lines"]}
    return YamlSource(file, _with_tuples(told["data"]), lines)


class _ProblemsError(Exception):
    """Nothing is kept of a file with problems: they are told each time."""

    def __init__(self, source: YamlSource) -> None:
        super().__init__()
        self.source = source


def _told(source: YamlSource) -> JsonValue:
    if source.problems:
        raise _ProblemsError(source)
    lines = [[list(path), line] for path, line in source.lines.items()]
    return {"data": source.data, "lines": lines}  # type: ignore[dict-item]


def _with_tuples(value: object) -> object:
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in value)
    return value


def parse_yaml(content: bytes, *, file: str) -> YamlSource:
    """Parse the bytes of a YAML file (see `read_yaml`)."""
    if len(content) > MAX_BYTES:
        raise _whole_file(file, f"it is larger than {MAX_BYTES} bytes", "split or shorten it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = FileProblem(file, line, "", "it is not UTF-8 text", "save the file as UTF-8")
        raise ConfigFileError([problem]) from None
    strange = _NO_TEXT.search(text)
    if strange is not None:
        line = text.count("\n", 0, strange.start()) + 1
        message = f"a control character stands here (U+{ord(strange[0]):04X})"
        raise ConfigFileError([FileProblem(file, line, "", message, "remove the character")])
    try:
        source = YamlSource(file)
        if not _refuse_traps(text, source):
            raise ConfigFileError(source.problems)
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise _syntax(file, error) from None
    except (YAMLError, ValueError) as error:
        if isinstance(error, ConfigFileError):
            raise
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else "not YAML"
        raise _whole_file(file, first_line, "correct the YAML") from None
    if root is None:
        raise _whole_file(file, "it is empty", "start from the sample school's file")
    source.lines[()] = root.start_mark.line + 1
    source.data = _value(root, (), source)
    return source


def _refuse_traps(text: str, source: YamlSource) -> bool:
    """Report anchors, aliases and deep nesting; whether anything may be built of the text."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        line = event.start_mark.line + 1
        anchored = getattr(event, "anchor", None) is not None
        if anchored:
            told = _ALIAS if isinstance(event, AliasEvent) else _ANCHOR
            source.problems.append(FileProblem(source.file, line, "", *told))
            return False
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            source.problems.append(FileProblem(source.file, line, "", message, "flatten it"))
            return False
    return True


def _value(node: Node, path: KeyPath, source: YamlSource) -> object:
    if isinstance(node, MappingNode):
        return _mapping(node, path, source)
    if isinstance(node, SequenceNode):
        items: list[object] = []
        for index, child in enumerate(node.value):
            source.lines[(*path, index)] = child.start_mark.line + 1
            items.append(_value(child, (*path, index), source))
        return tuple(items)
    if isinstance(node, ScalarNode):
        return _scalar(node, path, source)
    raise TypeError(f"a YAML node of an unknown kind: {type(node).__name__}")


def _mapping(node: MappingNode, path: KeyPath, source: YamlSource) -> Mapping[str, object]:
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            problem = FileProblem(
                source.file, line, key_text(path), "a key must be plain text", "write `name: value`"
            )
            source.problems.append(problem)
            continue
        key = str(key_node.value)
        if key in values:
            problem = FileProblem(
                source.file,
                line,
                key_text((*path, key)),
                f"the key is written twice, first on line {source.lines[(*path, key)]}",
                "keep one of the two",
            )
            source.problems.append(problem)
            continue
        source.lines[(*path, key)] = line
        values[key] = _value(value_node, (*path, key), source)
    return values


def _scalar(node: ScalarNode, path: KeyPath, source: YamlSource) -> object:
    tag, text = str(node.tag), str(node.value)
    try:
        if tag == f"{_CORE}null":
            return None
        if tag == f"{_CORE}bool":
            return text.lower() == "true"
        if tag == f"{_CORE}int":
            return int(text, 10)
        if tag == f"{_CORE}float":
            return _finite(text)
    except ValueError:
        source.report(path, *_NUMBER)
        return None
    if tag not in (f"{_CORE}str", f"{_CORE}timestamp"):
        source.report(path, *_TAG)
        return None
    return text


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _whole_file(file: str, message: str, mend: str) -> ConfigFileError:
    return ConfigFileError([FileProblem(file, 0, "", message, mend)])


def _syntax(file: str, error: MarkedYAMLError) -> ConfigFileError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 0
    if "character '\\t'" in str(error.problem):
        return ConfigFileError([FileProblem(file, line, "", *_TAB)])
    message = f"not valid YAML: {error.problem or error.context or 'cannot be read'}"
    mend = "check indentation, colons, brackets and quotes on this line and the one before"
    return ConfigFileError([FileProblem(file, line, "", message, mend)])
