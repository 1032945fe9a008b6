"""Write a paper as XLSX by openpyxl (the `reports` extra).

Workbooks know no list of fonts to fall back on, so the ones here stand on every Chinese office PC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import accumulate
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink

from api.plan.reports.sheet import Cell, Paper, Picture, Row, Sheet, is_figure, word

TITLE_FONT, BODY_FONT = "黑体", "仿宋"
_TITLE_PT, _BODY_PT = 18, 11
_LINE_PT, _HIGHEST_PT = 15.0, 409.0
# Fewer than fit into the highest row: office programs break lines earlier than counted here.
_MOST_LINES = 22
_SIDE = Side(style="thin")
_BORDER = Border(left=_SIDE, right=_SIDE, top=_SIDE, bottom=_SIDE)
_HEAD_FILL = PatternFill("solid", fgColor="E8EDF4")
_FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]")
_MOST_NAME = 31
_PICTURE_WIDTH_PX, _PICTURE_HEIGHT_PX = 320, 240


def xlsx(paper: Paper) -> bytes:
    """One worksheet per table: A4 landscape, merged title, frozen header, page numbers."""
    book = Workbook()
    book.remove(book.active)
    names = sheet_names(paper.sheets)
    targets = {
        sheet.title: (name, row_numbers(sheet))
        for sheet, name in zip(paper.sheets, names, strict=True)
    }
    for sheet, name in zip(paper.sheets, names, strict=True):
        _worksheet(book.create_sheet(name), sheet)
    for sheet, name in zip(paper.sheets, names, strict=True):
        _links(book[name], sheet, targets)
    if paper.pictures:
        _pictures(book.create_sheet(word("photos")), paper.pictures)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def sheet_names(sheets: Sequence[Sheet]) -> list[str]:
    """Names of the worksheets: no forbidden mark, at most 31 characters, each once."""
    names: list[str] = []
    for sheet in sheets:
        plain = _NOT_IN_NAMES.sub(" ", sheet.title)[:_MOST_NAME]
        name, number = plain, 2
        while name in names:
            end = f" {number}"
            name, number = f"{plain[: _MOST_NAME - len(end)]}{end}", number + 1
        names.append(name)
    return names


def header_row(sheet: Sheet) -> int:
    """Row of the header, counted from 1; the rows of the table follow it."""
    return 2 + len(sheet.notes) + (1 if sheet.groups else 0)


def _worksheet(page: Any, sheet: Sheet) -> None:
    width = len(sheet.header)
    _layout(page)
    title = Font(name=TITLE_FONT, size=_TITLE_PT, bold=True)
    row = _spanning(page, 1, sheet.title, width, title)
    for note in sheet.notes:
        row = _spanning(page, row, note, width, _body(), centre=False)
    if sheet.groups:
        row = _group_row(page, row, sheet)
    for column, (name, size) in enumerate(zip(sheet.header, sheet.widths, strict=True), start=1):
        page.column_dimensions[get_column_letter(column)].width = size
        if not _joined(sheet, column):
            _head(page, row, column, name)
    page.freeze_panes = page.cell(row + 1, 1)
    page.print_title_rows = f"{row - (1 if sheet.groups else 0)}:{row}"
    for cells in (part for whole in sheet.rows for part in _parts(whole, sheet.widths)):
        row += 1
        if len(cells) == 1:
            _spanning(page, row, str(cells[0]), width, _body(bold=True), centre=False)
            continue
        for column, value in enumerate(cells, start=1):
            _cell(page, row, column, value)
        page.row_dimensions[row].height = _height_pt(cells, sheet.widths)
    for line in sheet.footer:
        row += 1
        _spanning(page, row, line, width, _body(), centre=False)
        page.row_dimensions[row].height = 36


def _layout(page: Any) -> None:
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", page.PAPERSIZE_A4
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.print_options.horizontalCentered = True
    margins = page.page_margins
    margins.left = margins.right = 0.7
    margins.top = margins.bottom = 0.8
    page.oddFooter.center.text = word("page_of", page="&P", pages="&N")


def _group_row(page: Any, row: int, sheet: Sheet) -> int:
    """The cells above the header; those without words join the header's cell below."""
    column = 1
    for words, count in sheet.groups:
        last = column + count - 1
        if words:
            _head(page, row, column, words)
            page.merge_cells(start_row=row, start_column=column, end_row=row, end_column=last)
        else:
            for one in range(column, last + 1):
                _head(page, row, one, sheet.header[one - 1])
                page.merge_cells(start_row=row, start_column=one, end_row=row + 1, end_column=one)
        column = last + 1
    return row + 1


def _joined(sheet: Sheet, column: int) -> bool:
    """Whether the header's cell was merged with the empty group above it."""
    end = 0
    for words, count in sheet.groups:
        if end < column <= end + count:
            return not words
        end += count
    return False


def row_numbers(sheet: Sheet) -> tuple[int, ...]:
    """Row of the worksheet in which each row of the table begins, counted from 1."""
    counts = (len(_parts(cells, sheet.widths)) for cells in sheet.rows[:-1])
    return tuple(accumulate(counts, initial=header_row(sheet) + 1)) if sheet.rows else ()


def _parts(cells: Row, widths: Sequence[int]) -> list[Row]:
    """A row as rows that a worksheet can show: none of its cells is taller than `_MOST_LINES`.

    What a cell holds beyond that follows in the same column of the next row.
    """
    if len(cells) == 1:
        return [cells]
    pieces = [
        _pieces(value, width) if isinstance(value, str) else [value]
        for value, width in zip(cells, widths, strict=True)
    ]
    count = max(map(len, pieces))
    rows = [tuple(p[n] if n < len(p) else "" for p in pieces) for n in range(count)]
    return [rows[0], *((word("continued"), *row[1:]) for row in rows[1:])]


def _pieces(words: str, width: int) -> list[Cell]:
    """The words of a cell cut where its column is full."""
    lines = [line for whole in words.split("\n") for line in _lines(whole, width)]
    full = range(0, len(lines), _MOST_LINES)
    return ["".join(lines[start : start + _MOST_LINES]).removesuffix("\n") for start in full]


def _lines(words: str, width: int) -> list[str]:
    """One line of text as the lines that a column of this width makes of it.

    A Chinese character is two columns wide; one column stays free at the edges.
    """
    lines, size = [""], 0
    for character in words:
        columns = 2 if ord(character) > 0xFF else 1
        if size + columns > max(2, width - 1):
            lines, size = [*lines, ""], 0
        lines[-1] += character
        size += columns
    lines[-1] += "\n"
    return lines


def _height_pt(cells: Sequence[Cell], widths: Sequence[int]) -> float:
    """Height that shows all lines of a row: office programs do not agree on how to find it."""
    most = max(
        sum(len(_lines(whole, width)) for whole in str(value).split("\n"))
        for value, width in zip(cells, widths, strict=True)
    )
    return min(most * _LINE_PT + 4, _HIGHEST_PT)


def _body(*, bold: bool = False) -> Font:
    return Font(name=BODY_FONT, size=_BODY_PT, bold=bold)


def _head(page: Any, row: int, column: int, words: str) -> None:
    cell = page.cell(row, column, words)
    cell.font = Font(name=TITLE_FONT, size=_BODY_PT)
    cell.alignment = Alignment(wrap_text=True, horizontal="center", vertical="center")
    cell.border, cell.fill = _BORDER, _HEAD_FILL


def _cell(page: Any, row: int, column: int, value: Cell) -> None:
    cell = page.cell(row, column)
    put(cell, value)
    cell.font = _body()
    if isinstance(value, float):
        cell.number_format = "0.0"
    cell.alignment = Alignment(
        wrap_text=True, vertical="center", horizontal="center" if is_figure(value) else "left"
    )
    cell.border = _BORDER


def put(cell: Any, value: Cell) -> None:
    """Set a value; text that a spreadsheet would run as a formula stays text, word for word."""
    cell.value = value
    if isinstance(value, str) and value.startswith(_FORMULA_MARKS):
        cell.data_type, cell.quotePrefix = "s", True


def _spanning(
    page: Any, row: int, words: str, width: int, font: Font, *, centre: bool = True
) -> int:
    cell = page.cell(row, 1)
    put(cell, words)
    cell.font = font
    cell.alignment = Alignment(horizontal="center" if centre else "left", vertical="center")
    page.merge_cells(start_row=row, start_column=1, end_row=row, end_column=width)
    return row + 1


def _links(page: Any, sheet: Sheet, targets: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    """Links within the book; `targets`: title of a table -> its worksheet and its rows there."""
    _, own = targets[sheet.title]
    for (row, column), (title, target) in sheet.links:
        name, rows = targets[title]
        cell = page.cell(own[row], column + 1)
        place = f"'{name}'!A{rows[target]}"
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=place)
        cell.font = Font(name=BODY_FONT, size=_BODY_PT, underline="single", color="0B4F94")


def _pictures(page: Any, pictures: Sequence[Picture]) -> None:
    _layout(page)
    _spanning(page, 1, word("photos"), 2, Font(name=TITLE_FONT, size=_TITLE_PT, bold=True))
    _head(page, 2, 1, word("column.caption"))
    _head(page, 2, 2, word("column.photo"))
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 50, 46
    for row, one in enumerate(pictures, start=3):
        _cell(page, row, 1, one.caption)
        page.row_dimensions[row].height = _PICTURE_HEIGHT_PX * 0.75 + 6
        picture = Image(BytesIO(one.jpeg))
        scale = min(_PICTURE_WIDTH_PX / picture.width, _PICTURE_HEIGHT_PX / picture.height, 1.0)
        picture.width, picture.height = picture.width * scale, picture.height * scale
        page.add_image(picture, f"B{row}")
