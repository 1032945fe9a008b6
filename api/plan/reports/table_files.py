"""Read the five-column table out of an XLSX or DOCX file (the `reports` extra)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from zipfile import BadZipFile

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from config.errors import FileProblem
from config.plan.errors import PlanFileError
from config.plan.table_import import Row

MOST_ROWS = 5_000
_WIDTH = 5


def read_table(content: bytes, file: str) -> tuple[Row, ...]:
    """Rows of the first worksheet or of all tables, numbered as the office program shows them.

    Raises `PlanFileError` when the file is neither or is too long.
    """
    suffix = file.rpartition(".")[2].lower()
    readers = {"xlsx": _xlsx_rows, "docx": _docx_rows}
    if suffix not in readers:
        raise _refused(file, f".{suffix} is not read here", "save the table as .xlsx or .docx")
    try:
        rows = tuple(readers[suffix](content))
    except (BadZipFile, InvalidFileException, PackageNotFoundError, KeyError, ValueError) as error:
        raise _refused(
            file, f"it cannot be opened: {error}", "save it anew as .xlsx or .docx"
        ) from error
    if len(rows) > MOST_ROWS:
        raise _refused(file, f"more than {MOST_ROWS} rows", "keep the plan's own table only")
    return rows


def _xlsx_rows(content: bytes) -> Iterator[Row]:
    book = load_workbook(BytesIO(content))
    page = book.worksheets[0]
    for number, cells in enumerate(page.iter_rows(max_col=_WIDTH, values_only=True), start=1):
        if number > MOST_ROWS + 1:
            return
        yield Row(number, tuple("" if cell is None else _text(cell) for cell in cells))


def _text(cell: object) -> str:
    """Office programs keep whole numbers as 3.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _docx_rows(content: bytes) -> Iterator[Row]:
    number = 0
    for table in Document(BytesIO(content)).tables:
        for row in table.rows:
            number += 1
            # A merged cell shows once for each column it spans; further down it repeats itself.
            yield Row(number, tuple(cell.text for cell in row.cells))


def _refused(file: str, message: str, mend: str) -> PlanFileError:
    return PlanFileError([FileProblem(file, 0, "", message, mend)])
