"""Damaged and edited office files are refused with words, by reader, route and command."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli.plan import plan_app
from api.plan.reports.table_files import read_table
from config.plan import PlanFileError
from config.refusals import chinese_line, in_chinese
from tests.api.plan.reports.conftest import Office
from tests.api.plan.reports.test_table_files import BURSTING, as_docx, as_xlsx

TABLE = [
    ["序号", "工作任务", "工作措施", "责任单位", "完成时限"],
    ["1.1.1", "责任", "每月", "学校", "每月"],
]
WHOLE = {"表.xlsx": as_xlsx(TABLE), "表.docx": as_docx(TABLE)}
RUNNER = CliRunner()
NAMES = st.sampled_from(sorted(WHOLE))
# What office programs, half a download, or a hand write into a part or an attribute.
ODD = (
    b"",
    b"x",
    b"-1",
    b"99999999999",
    b"<a/>",
    b"\x00",
    b'<?xml version="1.0" encoding="x"?><a/>',
)
REFUSAL = "文件已损坏，或其内容与扩展名不符 — 改法 mend: 用办公软件打开，另存为新的 .xlsx 或 .docx"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def edited(content: bytes, part: str, new: bytes | None) -> bytes:
    """The file with another content of one part, or without it."""
    stream = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name in old.namelist():
            if name != part:
                archive.writestr(name, old.read(name))
            elif new is not None:
                archive.writestr(name, new)
    return stream.getvalue()


def parts_of(content: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read_or_refused(content: bytes, name: str) -> None:
    """Either rows, or one refusal that names the file and the mend in both languages."""
    try:
        read_table(content, name)
    except PlanFileError as error:
        (problem,) = error.problems
        assert problem.file == name
        assert chinese_line(problem) is not None, problem.message
        assert in_chinese(problem.mend) is not None, problem.mend


@settings(max_examples=60, deadline=None)
@given(NAMES, st.data())
def test_flipped_and_cut_bytes(name: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[name])
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, max_size=4)):
        content[place] ^= data.draw(st.integers(1, 255))
    first, last = sorted((data.draw(places), data.draw(places)))
    if data.draw(st.booleans()):
        del content[first : min(last, first + 200)]
    read_or_refused(bytes(content[: data.draw(st.sampled_from((last, len(content))))]), name)


@settings(max_examples=60, deadline=None)
@given(NAMES, st.data())
def test_edited_parts(name: str, data: st.DataObject) -> None:
    parts = parts_of(WHOLE[name])
    part = data.draw(st.sampled_from(sorted(parts)))
    old = parts[part]
    first = data.draw(st.integers(0, len(old)))
    last = data.draw(st.integers(first, min(first + 60, len(old))))
    read_or_refused(
        edited(WHOLE[name], part, old[:first] + data.draw(st.sampled_from(ODD)) + old[last:]), name
    )


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_parts_that_are_missing_or_something_else(name: str) -> None:
    for part in parts_of(WHOLE[name]):
        for new in (None, *ODD, b"<a>" * 2_000):
            read_or_refused(edited(WHOLE[name], part, new), name)


NO_SHEETS = (
    b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/>'
    b"</workbook>"
)
# One of each kind that a library raises for such files.
DAMAGED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "deflate": ("表.xlsx", lambda whole: whole[:60] + b"\xff" * 40 + whole[100:]),
    "xml": ("表.docx", lambda whole: edited(whole, "word/document.xml", b"<a>")),
    "sheet": ("表.xlsx", lambda whole: edited(whole, "xl/worksheets/sheet1.xml", b"<a>")),
    "no sheet": ("表.xlsx", lambda whole: edited(whole, "xl/workbook.xml", NO_SHEETS)),
    "no body": ("表.docx", lambda whole: edited(whole, "word/document.xml", b"<a/>")),
    "no types": ("表.xlsx", lambda whole: edited(whole, "[Content_Types].xml", b"<a/>")),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_one_clear_refusal(kind: str) -> None:
    name, damage = DAMAGED[kind]
    with pytest.raises(PlanFileError) as refused:
        read_table(damage(WHOLE[name]), name)
    chinese, english = str(refused.value).splitlines()
    assert chinese == f"{name}: {REFUSAL}"
    assert english.startswith(f"{name}: it is damaged, or not of the kind that its name says")


def test_every_refusal_of_a_table_has_its_chinese() -> None:
    long = as_xlsx([[str(number)] for number in range(5_002)])
    makes: list[Callable[[], bytes]] = [make for make, _ in BURSTING]
    cases = [(make(), "bomb.xlsx") for make in makes]
    for content, name in [*cases, (long, "long.xlsx"), (b"x", "a.pdf")]:
        with pytest.raises(PlanFileError):
            read_table(content, name)
        read_or_refused(content, name)


async def test_the_route_refuses_a_damaged_table_in_each_language(office: Office) -> None:
    content = b64encode(DAMAGED["deflate"][1](WHOLE["表.xlsx"])).decode("ascii")
    form = {"name": "表.xlsx", "content_base64": content, "year": 2027}
    answer = await office.bureau.post("/api/v1/plan/imports", **form)
    assert answer.status_code == 422, answer.text
    told = answer.json()["message"]
    assert f"表.xlsx: {REFUSAL}" in told["zh"]
    assert "表.xlsx: it is damaged" in told["en"]
    assert "it is damaged" not in told["zh"]


def test_the_command_refuses_a_damaged_table(tmp_path: Path) -> None:
    path = tmp_path / "表.docx"
    path.write_bytes(DAMAGED["xml"][1](WHOLE["表.docx"]))
    result = RUNNER.invoke(plan_app, ["import", str(path), "--year", "2027"])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert REFUSAL in "".join(result.output.split("\n"))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_table_that_cannot_be_read_is_refused_in_the_asked_language(
    tmp_path: Path, lang: str
) -> None:
    words = {
        "absent.xlsx": "里没有这个文件",
        ".": "这不是能读取的文件 — 改法 mend: 检查文件类型和权限",
    }
    for name, chinese in words.items():
        args = ["import", str(tmp_path / name), "--year", "2027", "--lang", lang]
        result = RUNNER.invoke(plan_app, args)
        assert result.exit_code == 1
        assert (chinese in "".join(result.output.split("\n"))) is (lang == "zh")
        assert " — mend: " in result.output
