"""Read the five-column table out of an XLSX or DOCX file (the `reports` extra).

Such a file comes from outside: it is looked at as an archive before an office library opens it,
and only as much is read of it as a plan can have.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from docx import Document
from docx.exceptions import PythonDocxError
from docx.opc.exceptions import OpcError
from docx.table import _Cell
from openpyxl import load_workbook
from openpyxl.utils.exceptions import CellCoordinatesException, InvalidFileException

from config.errors import FileProblem
from config.plan.errors import PlanFileError
from config.plan.table_import import Row

MOST_BYTES = 10 * 2**20
MOST_UNPACKED_BYTES = 80 * 2**20
MOST_PARTS = 2_000
MOST_ROWS = 5_000
MOST_COLUMNS = 12
_WIDTH = 5
_PROLOGUE_BYTES = 4_096
# What the libraries raise over a file that is cut, damaged, or edited by hand. That of ZIP files
# stands in `models/archives.py` too; importing it from there would load the inference runtimes.
_UNREADABLE = (
    *(BadZipFile, zlib.error, struct.error, EOFError, OSError),
    RuntimeError,  # an encrypted part, or XML that is nested too deeply
    SyntaxError,  # XML that is none: lxml's and the standard library's error are such
    *(InvalidFileException, CellCoordinatesException, OpcError, PythonDocxError),
    # Parts, elements and attributes that are missing or of another kind: both libraries take them
    # as given, and fail where they first use them.
    *(LookupError, ValueError, AttributeError, TypeError),
)


def read_table(content: bytes, file: str) -> tuple[Row, ...]:
    """Rows of the first worksheet or of all tables, numbered as the office program shows them.

    Raises `PlanFileError` when the file is neither, is damaged, is too large, packed or whole, or
    is too long.
    """
    suffix = file.rpartition(".")[2].lower()
    readers = {"xlsx": _xlsx_rows, "docx": _docx_rows}
    if suffix not in readers:
        raise _refused(file, f".{suffix} is not read here", "save the table as .xlsx or .docx")
    try:
        _refuse_archive(content, file)
        rows = tuple(readers[suffix](content))
    except PlanFileError:
        raise
    except _UNREADABLE as error:
        message = "it is damaged, or not of the kind that its name says"
        mend = "open it in the office program and save it anew as .xlsx or .docx"
        raise _refused(file, message, mend) from error
    if len(rows) > MOST_ROWS:
        raise _refused(file, f"more than {MOST_ROWS} rows", "keep the plan's own table only")
    return rows


def _refuse_archive(content: bytes, file: str) -> None:
    """Refuse what no plan is: large, packed to burst, or with definitions in its XML."""
    mend = "keep the plan's own table only, without pictures"
    if len(content) > MOST_BYTES:
        raise _refused(file, f"larger than {MOST_BYTES // 2**20} MiB", mend)
    with ZipFile(BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS:
            raise _refused(file, f"more than {MOST_PARTS} parts", mend)
        # A part that is longer than its entry says is cut there by the reader.
        if sum(part.file_size for part in parts) > MOST_UNPACKED_BYTES:
            unpacked = f"unpacks to more than {MOST_UNPACKED_BYTES // 2**20} MiB"
            raise _refused(file, unpacked, mend)
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as stream:
                    if b"<!DOCTYPE" in stream.read(_PROLOGUE_BYTES):
                        raise _refused(file, f"{part.filename} defines entities", mend)


def _xlsx_rows(content: bytes) -> Iterator[Row]:
    # Read as a stream: merged ranges, which may span the whole sheet, are not laid out.
    book = load_workbook(BytesIO(content), read_only=True)
    try:
        page = book.worksheets[0]
        page.reset_dimensions()  # what the file says about its size may be wrong
        rows = page.iter_rows(max_col=_WIDTH, values_only=True)
        for number, cells in enumerate(rows, start=1):
            if number > MOST_ROWS + 1:
                return
            texts = tuple("" if cell is None else _text(cell) for cell in cells)
            yield Row(number, (*texts, *[""] * (_WIDTH - len(texts))))
    finally:
        book.close()


def _text(cell: object) -> str:
    """Office programs keep whole numbers as 3.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _docx_rows(content: bytes) -> Iterator[Row]:
    number = 0
    for table in Document(BytesIO(content)).tables:
        above: tuple[str, ...] = ()
        for line in table._tbl.tr_lst:  # noqa: SLF001 - rows without laying out merged cells
            number += 1
            if number > MOST_ROWS + 1:
                return
            above = tuple(_docx_cells(line, table, above))
            yield Row(number, above)


def _docx_cells(line: Any, table: Any, above: tuple[str, ...]) -> Iterator[str]:
    """Words by column: a merged cell stands in each column and row that it spans."""
    column = 0
    for cell in line.tc_lst:
        span = min(int(cell.grid_span), MOST_COLUMNS - column)
        merged = cell.vMerge == "continue"
        for place in range(column, column + span):
            words = above[place] if merged and place < len(above) else _Cell(cell, table).text
            yield words
        column += span
        if column >= MOST_COLUMNS:
            return


def _refused(file: str, message: str, mend: str) -> PlanFileError:
    return PlanFileError([FileProblem(file, 0, "", message, mend)])
