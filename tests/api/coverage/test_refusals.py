"""What an audit or report refuses is told in Chinese first, and in the English of the code."""

import ast
from pathlib import Path

import pytest
from typer.testing import CliRunner

import api
from api.cli.root import app
from api.coverage import errors
from api.coverage.audit_routes import audit_refused
from api.coverage.errors import CoverageError, ReportError
from config import sample_school_directory
from config.refusals import in_chinese

ROOM = Path(api.__file__).parent
PREFIX = "coverage.refusal."
KINDS = {name for name in vars(errors) if name.endswith("Error")}
SITE = str(sample_school_directory())


def sentence(node: ast.expr) -> str | None:
    """The text of a raised message with `x` for each value; `None` for one made elsewhere."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values)
    return None


def refusals() -> list[tuple[str, str]]:
    """Where and what: every message that the code of the room raises by itself."""
    found = []
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            told = sentence(node.args[0]) if node.func.id in KINDS and node.args else None
            if told is not None:
                found.append((f"{path.relative_to(ROOM)}:{node.lineno}", told))
    return found


def test_every_refusal_has_its_chinese() -> None:
    found = refusals()
    # A site file that cannot be read ends in the command that says why.
    wanted = [(place, told.removesuffix("; x")) for place, told in found]
    mend = "; see `xiaoan site check x`"
    missing = [
        (place, told)
        for (place, told), (_, whole) in zip(wanted, found, strict=True)
        if in_chinese(told + (mend if told != whole else ""), PREFIX) is None
    ]
    assert len(found) > 40
    assert missing == []


def test_a_command_tells_chinese_first() -> None:
    shown = CliRunner().invoke(
        app, ["coverage", "export", "--site", SITE, "--floor", "f1", "--out", "plan.svg"]
    )
    assert shown.exit_code == 1
    assert shown.output.splitlines() == [
        "写不了 plan.svg；文件名须以 .geojson 或 .dxf 结尾",
        "cannot write plan.svg; let the name end in .geojson or .dxf",
    ]


@pytest.mark.parametrize(
    ("error", "zh"),
    [
        (
            ReportError("site.yaml was changed since the service started; start it anew"),
            "服务启动之后 site.yaml 被改过；请重启服务",
        ),
        (CoverageError("something that no catalogue knows"), "something that no catalogue knows"),
    ],
)
def test_the_page_is_told_in_its_language(error: CoverageError, zh: str) -> None:
    told = audit_refused(error).body.message
    assert told.zh == f"审计没有完成：{zh}"
    assert told.en == f"The audit was not made: {error.english}"
