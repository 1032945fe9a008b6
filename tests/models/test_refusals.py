"""Every refusal of `models` has its Chinese in the catalogue."""

import ast
from pathlib import Path

import pytest
from typer.testing import CliRunner

import models
from api.cli.models import models_app
from config.refusals import in_chinese
from models import errors
from models.errors import ModelError
from models.importing import by_hand, import_file

ROOM = Path(models.__file__).parent
PREFIX = "models.refusal."
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}


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
        if "training" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            text = sentence(node.args[0]) if node.func.id in ERRORS and node.args else None
            if text is not None:
                found.append((f"{path.relative_to(ROOM)}:{node.lineno}", text))
    return found


def test_every_refusal_has_its_chinese() -> None:
    found = refusals()
    # Two end in a text made elsewhere: what to do by hand.
    ends = (f"; {by_hand('x')}", "; x")
    wanted = [(place, text.replace(ends[1], ends[0])) for place, text in found]
    missing = [one for one in wanted if one[1] != f"x{ends[0]}" and not _told(one[1])]
    assert len(found) > 70
    assert missing == []


def _told(text: str) -> bool:
    return in_chinese(text, PREFIX) is not None


def test_what_to_copy_from_where_is_told_in_chinese() -> None:
    english = (
        "Ultralytics cannot be imported (No module named 'ultralytics'); install the extra: "
        f"pip install 'xiaoan[export]'; {by_hand('yolo11n')}"
    )
    chinese = in_chinese(english, PREFIX)
    assert chinese is not None
    assert chinese.startswith("没有装 Ultralytics（No module named 'ultralytics'）")
    assert chinese.endswith("再在本机运行 `xiaoan models import yolo11n.onnx`")


def test_a_refused_import_tells_chinese_first_and_then_what_a_search_finds(tmp_path: Path) -> None:
    file = tmp_path / "net.txt"
    file.write_text("no network", encoding="utf-8")
    with pytest.raises(ModelError) as refused:
        import_file(file)
    shown = CliRunner().invoke(
        models_app, ["import", str(file)], env={"XIAOAN_MODELS": str(tmp_path)}
    )
    assert shown.exit_code == 1
    assert shown.stderr.splitlines() == [f"{file}：请给 .onnx 或 .pt 文件", str(refused.value)]
    english = CliRunner().invoke(models_app, ["import", str(file), "--lang", "en"])
    assert english.stderr.splitlines() == [str(refused.value)]
