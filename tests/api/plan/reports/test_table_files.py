"""The table out of real files: faults by row and column, files that are none, files that burst."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from docx import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from openpyxl import Workbook
from typer.testing import CliRunner

from api.cli.plan import plan_app
from api.plan.reports.table_files import MOST_BYTES, read_table
from config.plan import PlanFileError
from config.plan.table_import import FaultKind
from config.texts import text
from tests.config.plan.test_table_import import EXPECTED, FAULTY

RUNNER = CliRunner()


def as_xlsx(rows: Sequence[Sequence[str]]) -> bytes:
    book = Workbook()
    for number, cells in enumerate(rows, start=1):
        for column, words in enumerate(cells, start=1):
            cell = book.active.cell(number, column)
            # A character that a workbook cannot hold arrives as the sign for it.
            cell.value = words.replace("\x01", "\ufffd")
    return saved(book.save)


def as_docx(rows: Sequence[Sequence[str]]) -> bytes:
    document = Document()
    table = document.add_table(rows=0, cols=5)
    for cells in rows:
        row = table.add_row()
        for cell, words in zip(row.cells, cells, strict=False):
            cell.text = words.replace("\x01", "\ufffd")
        for cell in row.cells[len(cells) :]:
            row._tr.remove(cell._tc)
    return saved(document.save)


def saved(save: Callable[[BytesIO], None]) -> bytes:
    stream = BytesIO()
    save(stream)
    return stream.getvalue()


FILES = [("xlsx", as_xlsx), ("docx", as_docx)]


@pytest.mark.parametrize(("suffix", "write"), FILES)
def test_ten_kinds_of_fault_are_named_by_row_and_column_and_the_rest_loads(
    tmp_path: Path, suffix: str, write: Callable[[Sequence[Sequence[str]]], bytes]
) -> None:
    path = tmp_path / f"表.{suffix}"
    path.write_bytes(write([row.cells for row in FAULTY]))
    result = RUNNER.invoke(plan_app, ["import", str(path), "--year", "2027"])
    assert result.exit_code == 1, result.output
    # A workbook always has five columns: a row that ends early lacks the words of the last two.
    expected = [one for one in EXPECTED if suffix == "docx" or one[0] != 17]
    if suffix == "xlsx":
        expected += [(17, "责任单位", FaultKind.RESPONSIBLE)]
    for row, column, kind in expected:
        words = text(f"plan.fault.{kind.value}", "zh")
        assert f"✗ 第{row}行“{column}”列： {words}" in result.output
    assert len({kind for _, _, kind in expected}) >= 10
    assert result.output.count("✗ ") == len(expected)
    assert "✓ 第5行 与 1.1.2 相同，沿用规则 1 条：" in result.output
    assert "✓ 第6行 为新增措施" in result.output
    assert "· 第4行 分节：一、落实责任" in result.output
    assert "· 第1行 在表头以上，略过：标题" in result.output
    assert "· 第2行 表头：序号" in result.output
    assert "可导入 3 行，有错 12 行。" in result.output


def test_every_kind_of_fault_says_what_to_do() -> None:
    for kind in FaultKind:
        for lang in ("zh", "en"):
            assert text(f"plan.fault.{kind.value}.mend", lang)


def test_merged_cells_of_a_document_stand_in_every_row_they_span() -> None:
    document = Document()
    table = document.add_table(rows=3, cols=5)
    for column in range(5):
        for row in range(3):
            table.cell(row, column).text = f"{row}{column}"
    table.cell(0, 0).merge(table.cell(2, 0)).text = "竖"
    table.cell(1, 2).merge(table.cell(1, 4)).text = "横"
    rows = read_table(saved(document.save), "a.docx")
    assert [row.cells for row in rows] == [
        ("竖", "01", "02", "03", "04"),
        ("竖", "11", "横", "横", "横"),
        ("竖", "21", "22", "23", "24"),
    ]


NO_TABLES = [(b"", "a.xlsx"), (b"PK\x03\x04broken", "a.docx"), (b"x", "a.pdf"), (b"{}", "a.xlsx")]


@pytest.mark.parametrize(("content", "name"), NO_TABLES)
def test_what_is_no_table_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(PlanFileError, match=r"— mend: "):
        read_table(content, name)


def test_a_long_table_is_refused() -> None:
    book = Workbook()
    for number in range(5_002):
        book.active.append((number,))
    with pytest.raises(PlanFileError, match="more than 5000 rows"):
        read_table(saved(book.save), "long.xlsx")


def packed(parts: dict[str, bytes]) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def with_part(name: str, content: bytes) -> bytes:
    """A good workbook with one more part."""
    stream = BytesIO(as_xlsx([["序号"]]))
    with ZipFile(stream, "a", ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


BURSTING = [
    (lambda: b"PK" + bytes(MOST_BYTES), "larger than 10 MiB"),
    (lambda: packed({"xl/a.xml": bytes(90 * 2**20)}), "unpacks to more than 80 MiB"),
    (lambda: packed({f"{n}.bin": b"" for n in range(2_001)}), "more than 2000 parts"),
    (lambda: with_part("xl/evil.xml", b'<?xml version="1.0"?><!DOCTYPE a []><a/>'), "entities"),
]


@pytest.mark.parametrize(("content", "message"), BURSTING)
def test_a_file_that_would_burst_is_refused_before_it_is_opened(
    content: Callable[[], bytes], message: str
) -> None:
    with pytest.raises(PlanFileError, match=message):
        read_table(content(), "bomb.xlsx")


def test_a_merged_range_over_the_whole_sheet_costs_nothing() -> None:
    book = Workbook()
    book.active["A1"] = "序号"
    plain = saved(book.save)
    parts = {}
    with ZipFile(BytesIO(plain)) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name)
    sheet = "xl/worksheets/sheet1.xml"
    merged = b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    parts[sheet] = parts[sheet].replace(b"</sheetData>", merged)
    parts[sheet] = parts[sheet].replace(b'ref="A1"', b'ref="A1:XFD1048576"')
    assert [row.cells[0] for row in read_table(packed(parts), "a.xlsx")] == ["序号"]


def test_a_cell_that_claims_a_million_columns_stays_a_row() -> None:
    document = Document()
    table = document.add_table(rows=1, cols=1)
    table.cell(0, 0).text = "宽"
    properties = table.cell(0, 0)._tc.get_or_add_tcPr()
    span = OxmlElement("w:gridSpan")
    span.set(qn("w:val"), "1000000")
    properties.append(span)
    (row,) = read_table(saved(document.save), "a.docx")
    assert row.cells == ("宽",) * 12


def test_an_absent_table_is_said() -> None:
    result = RUNNER.invoke(plan_app, ["import", "absent.xlsx", "--year", "2027"])
    assert result.exit_code == 1
    assert "absent.xlsx" in result.output
