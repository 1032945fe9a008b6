"""Write a paper as DOCX by python-docx (the `reports` extra): A4 landscape, page numbers.

The title asks for 方正小标宋, the body for 仿宋; the file names what to use where they are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from api.plan.reports.sheet import Paper, Picture, Sheet, is_figure, word

TITLE_FONT, HEAD_FONT, BODY_FONT = "方正小标宋简体", "黑体", "仿宋"
FALLBACKS = {
    TITLE_FONT: "方正小标宋_GBK,黑体,SimHei,Noto Sans CJK SC",
    HEAD_FONT: "SimHei,Noto Sans CJK SC",
    BODY_FONT: "仿宋_GB2312,FangSong,宋体,SimSun,Noto Serif CJK SC",
}
_TITLE_PT, _BODY_PT, _CELL_PT = 22, 14, 10.5
_MARGIN_MM, _TEXT_MM = 25, 297 - 2 * 25
_PICTURE_MM = 100


def docx(paper: Paper) -> bytes:
    """One table after another, each under its title."""
    document = Document()
    _page(document.sections[0])
    _name_fonts(document)
    _font(document.styles["Normal"].font, document.styles["Normal"].element, BODY_FONT, _CELL_PT)
    for number, sheet in enumerate(paper.sheets):
        _section(document, sheet, new_page=number > 0)
    if paper.pictures:
        _pictures(document, paper.pictures)
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


def _page(section: Any) -> None:
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.left_margin = section.right_margin = Mm(_MARGIN_MM)
    section.top_margin = section.bottom_margin = Mm(_MARGIN_MM)
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    foot.add_run("— ")
    _field(foot, "PAGE")
    foot.add_run(" —")


def _field(paragraph: Any, name: str) -> None:
    for kind, words in (("begin", ""), ("", name), ("end", "")):
        run = paragraph.add_run()
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = words
        run._r.append(mark)  # noqa: SLF001 - the library has no call for fields


def _name_fonts(document: Any) -> None:
    """Say in the file's font table what replaces a missing font, in order."""
    part = document.part.part_related_by(RELATIONSHIP_TYPE.FONT_TABLE)
    entries = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{others}"/>'
        '<w:charset w:val="86"/><w:family w:val="auto"/></w:font>'
        for name, others in FALLBACKS.items()
    )
    text = part.blob.decode("utf-8")
    part._blob = text.replace("</w:fonts>", f"{entries}</w:fonts>").encode()  # noqa: SLF001


def _font(font: Any, element: Any, name: str, size_pt: float) -> None:
    font.name, font.size = name, Pt(size_pt)
    element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)


def _run(paragraph: Any, words: str, name: str, size_pt: float) -> None:
    run = paragraph.add_run(words)
    _font(run.font, run._r, name, size_pt)  # noqa: SLF001 - East Asian fonts have no call


def _section(document: Any, sheet: Sheet, *, new_page: bool) -> None:
    title = document.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.page_break_before = new_page
    title.paragraph_format.keep_with_next = True
    _run(title, sheet.title, TITLE_FONT, _TITLE_PT)
    for note in sheet.notes:
        _run(document.add_paragraph(), note, BODY_FONT, _BODY_PT)
    _table(document, sheet)
    for line in sheet.footer:
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_before = Pt(18)
        _run(paragraph, line, BODY_FONT, _BODY_PT)


def _table(document: Any, sheet: Sheet) -> None:
    table = document.add_table(rows=0, cols=len(sheet.header))
    table.style, table.alignment = "Table Grid", WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    unit_mm = _TEXT_MM / sum(sheet.widths)
    for column, width in zip(table.columns, sheet.widths, strict=True):
        column.width = Mm(unit_mm * width)
    _head(table, sheet)
    for cells in sheet.rows:
        row = table.add_row().cells
        if len(cells) == 1:
            _write(row[0].merge(row[-1]), str(cells[0]), HEAD_FONT, centred=False)
            continue
        for cell, value in zip(row, cells, strict=True):
            _write(cell, str(value), BODY_FONT, centred=is_figure(value))


def _head(table: Any, sheet: Sheet) -> None:
    groups = table.add_row() if sheet.groups else None
    names = table.add_row()
    joined = set()
    if groups is not None:
        column = 0
        for words, count in sheet.groups:
            if words:
                merged = groups.cells[column].merge(groups.cells[column + count - 1])
                _write(merged, words, HEAD_FONT)
            else:
                for one in range(column, column + count):
                    _write(groups.cells[one].merge(names.cells[one]), sheet.header[one], HEAD_FONT)
                    joined.add(one)
            column += count
    for number, name in enumerate(sheet.header):
        if number not in joined:
            _write(names.cells[number], name, HEAD_FONT)
    for row in (groups, names):
        if row is not None:
            mark = OxmlElement("w:tblHeader")
            row._tr.get_or_add_trPr().append(mark)  # noqa: SLF001 - repeated on every page


def _write(cell: Any, words: str, font: str, *, centred: bool = True) -> None:
    paragraph = cell.paragraphs[0]
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(paragraph, words, font, _CELL_PT)


def _pictures(document: Any, pictures: Sequence[Picture]) -> None:
    title = document.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.page_break_before = True
    _run(title, word("photos"), TITLE_FONT, _TITLE_PT)
    table = document.add_table(rows=0, cols=2)
    for at in range(0, len(pictures), 2):
        row = table.add_row().cells
        for cell, one in zip(row, pictures[at : at + 2], strict=False):
            paragraph = cell.paragraphs[0]
            paragraph.add_run().add_picture(BytesIO(one.jpeg), width=Mm(_PICTURE_MM))
            _run(cell.add_paragraph(), one.caption, BODY_FONT, _CELL_PT)
