"""Write the papers: XLSX by openpyxl, DOCX by python-docx (the `reports` extra)."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from api.plan.layout import Sheet

_FONT = "SimSun"
_TITLE_PT, _BODY_PT = 16, 10.5
_SIDE = Side(style="thin")
_BORDER = Border(left=_SIDE, right=_SIDE, top=_SIDE, bottom=_SIDE)
_FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


def xlsx(sheets: Sequence[Sheet]) -> bytes:
    """One worksheet per table: A4 landscape, merged title, frozen header, wrapped text."""
    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        _worksheet(book.create_sheet(sheet.title[:31]), sheet)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def docx(sheets: Sequence[Sheet]) -> bytes:
    """One table after another on A4 landscape."""
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    style = document.styles["Normal"]
    style.font.name, style.font.size = _FONT, Pt(_BODY_PT)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)
    for sheet in sheets:
        _section(document, sheet)
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


def safe_cell(value: str | int | float) -> str | int | float:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULA_MARKS):
        return f"'{value}"
    return value


def _worksheet(page: Any, sheet: Sheet) -> None:
    width = len(sheet.header)
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", page.PAPERSIZE_A4
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    row = _spanning(page, 1, sheet.title, width, Font(name=_FONT, size=_TITLE_PT, bold=True))
    for note in sheet.notes:
        row = _spanning(page, row, note, width, Font(name=_FONT, size=_BODY_PT), centre=False)
    for column, (name, size) in enumerate(zip(sheet.header, sheet.widths, strict=True), start=1):
        page.column_dimensions[get_column_letter(column)].width = size
        _cell(page, row, column, name, bold=True)
    page.freeze_panes = page.cell(row + 1, 1)
    page.print_title_rows = f"{row}:{row}"
    for cells in sheet.rows:
        row += 1
        if len(cells) == 1:
            bold = Font(name=_FONT, size=_BODY_PT, bold=True)
            _spanning(page, row, str(cells[0]), width, bold, centre=False)
            continue
        for column, value in enumerate(cells, start=1):
            _cell(page, row, column, value)
    for line in sheet.footer:
        row += 1
        _spanning(page, row, line, width, Font(name=_FONT, size=_BODY_PT), centre=False)


def _cell(
    page: Any, row: int, column: int, value: str | int | float, *, bold: bool = False
) -> None:
    cell = page.cell(row, column, safe_cell(value))
    cell.font = Font(name=_FONT, size=_BODY_PT, bold=bold)
    cell.alignment = Alignment(wrap_text=True, vertical="center")
    cell.border = _BORDER


def _spanning(
    page: Any, row: int, words: str, width: int, font: Font, *, centre: bool = True
) -> int:
    cell = page.cell(row, 1, safe_cell(words))
    cell.font = font
    cell.alignment = Alignment(horizontal="center" if centre else "left", vertical="center")
    page.merge_cells(start_row=row, start_column=1, end_row=row, end_column=width)
    return row + 1


def _section(document: Any, sheet: Sheet) -> None:
    document.add_heading(sheet.title, level=1)
    for note in sheet.notes:
        document.add_paragraph(note)
    table = document.add_table(rows=1, cols=len(sheet.header))
    table.style = "Table Grid"
    for cell, name in zip(table.rows[0].cells, sheet.header, strict=True):
        cell.text = name
    for cells in sheet.rows:
        row = table.add_row().cells
        if len(cells) == 1:
            row[0].merge(row[-1]).text = str(cells[0])
            continue
        for cell, value in zip(row, cells, strict=True):
            cell.text = str(value)
    for line in sheet.footer:
        document.add_paragraph(line)
