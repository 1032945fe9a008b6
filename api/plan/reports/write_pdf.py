"""Write a paper as PDF with its Chinese font embedded (the `reports` extra)."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    Image,
    LongTable,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
)

from api.coverage.fonts import register_font
from api.plan.reports.sheet import Paper, Sheet, is_figure, word

_MARGIN_PT = 20 * mm
_PAGE = landscape(A4)
_WIDTH_PT, _HEIGHT_PT = _PAGE[0] - 2 * _MARGIN_PT, _PAGE[1] - 2 * _MARGIN_PT
_PICTURE_PT = 110 * mm
_GRID = colors.HexColor("#444444")
_HEAD = colors.HexColor("#e8edf4")
# Joiners and selectors that choose a character's form; without a glyph they have no width.
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")


def pdf(paper: Paper) -> bytes:
    """The paper on A4 landscape; the same paper gives the same bytes.

    Raises:
        ReportError: when no font with Chinese characters is installed.
    """
    writer = _Writer(register_font())
    stream = BytesIO()
    frame = Frame(_MARGIN_PT, _MARGIN_PT, _WIDTH_PT, _HEIGHT_PT, 0, 0, 0, 0)
    template = BaseDocTemplate(
        stream, pagesize=_PAGE, title=paper.name, author="Xiaoan", invariant=1
    )
    template.addPageTemplates([PageTemplate("page", [frame], onPage=writer.number)])
    template.build(writer.story(paper))
    return stream.getvalue()


class _Writer:
    """Styles in one font, and the parts of the paper in reading order."""

    def __init__(self, font: str) -> None:
        self.font = font
        self.glyphs = frozenset(getFont(font).face.charToGlyph)
        self.mark = "〓" if ord("〓") in self.glyphs else "?"
        self.lacking: set[str] = set()
        self.body = ParagraphStyle("body", fontName=font, fontSize=10, leading=15, wordWrap="CJK")
        self.cell = ParagraphStyle("cell", self.body, fontSize=8, leading=10.5)
        self.head = ParagraphStyle("head", self.cell, alignment=TA_CENTER)
        self.title = ParagraphStyle(
            "title", self.body, fontSize=18, leading=26, alignment=TA_CENTER, spaceAfter=4
        )

    def number(self, canvas: Canvas, _template: BaseDocTemplate) -> None:
        """Page number in the middle of the foot."""
        canvas.saveState()
        canvas.setFont(self.font, 9)
        canvas.drawCentredString(_PAGE[0] / 2, 10 * mm, f"— {canvas.getPageNumber()} —")
        canvas.restoreState()

    def story(self, paper: Paper) -> list[Flowable]:
        parts: list[Flowable] = []
        for number, sheet in enumerate(paper.sheets):
            if number:
                parts.append(PageBreak())
            parts += self._sheet(sheet)
        if paper.pictures:
            parts += [PageBreak(), Paragraph(word("photos"), self.title)]
        for picture in paper.pictures:
            drawn = Image(BytesIO(picture.jpeg))
            scale = min(_PICTURE_PT / drawn.drawWidth, _PICTURE_PT / drawn.drawHeight, 1.0)
            drawn.drawWidth, drawn.drawHeight = drawn.drawWidth * scale, drawn.drawHeight * scale
            parts += [drawn, self._words(picture.caption, self.body), Spacer(1, 8)]
        if self.lacking:
            points = "、".join(f"U+{ord(one):04X}" for one in sorted(self.lacking))
            note = word("missing_glyphs", mark=self.mark, points=points)
            parts += [Spacer(1, 16), Paragraph(escape(note), self.body)]
        return parts

    def _sheet(self, sheet: Sheet) -> list[Flowable]:
        parts: list[Flowable] = [self._words(sheet.title, self.title)]
        parts += [self._words(note, self.body) for note in sheet.notes]
        parts += [Spacer(1, 4), self._table(sheet)]
        for line in sheet.footer:
            parts += [
                Spacer(1, 16),
                Paragraph(escape(line).replace("\u3000", "&nbsp;" * 4), self.body),
            ]
        return parts

    def _table(self, sheet: Sheet) -> LongTable:
        rows, style = self._head_rows(sheet)
        heads = len(rows)
        for cells in sheet.rows:
            if len(cells) == 1:
                at = len(rows)
                style.append(("SPAN", (0, at), (-1, at)))
                rows.append(
                    [self._words(str(cells[0]), self.cell), *[""] * (len(sheet.header) - 1)]
                )
                continue
            rows.append(
                [self._words(str(one), self.head if is_figure(one) else self.cell) for one in cells]
            )
        unit = _WIDTH_PT / sum(sheet.widths)
        table = LongTable(
            rows, [unit * one for one in sheet.widths], repeatRows=heads, splitInRow=1
        )
        table.setStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.4, _GRID),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("BACKGROUND", (0, 0), (-1, heads - 1), _HEAD),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
                *style,
            ]
        )
        return table

    def _head_rows(self, sheet: Sheet) -> tuple[list[list[Any]], list[tuple[Any, ...]]]:
        names: list[Any] = [self._words(name, self.head) for name in sheet.header]
        if not sheet.groups:
            return [names], []
        above: list[Any] = []
        style: list[tuple[Any, ...]] = []
        for words, count in sheet.groups:
            first = len(above)
            if words:
                above += [self._words(words, self.head), *[""] * (count - 1)]
                style.append(("SPAN", (first, 0), (first + count - 1, 0)))
                continue
            for column in range(first, first + count):
                above.append(names[column])
                names[column] = ""
                style.append(("SPAN", (column, 0), (column, 1)))
        return [above, names], style

    def _words(self, words: str, style: ParagraphStyle) -> Paragraph:
        return Paragraph(escape(self._printable(words)).replace("\n", "<br/>"), style)

    def _printable(self, words: str) -> str:
        """The words with a mark for what the font cannot draw; it would vanish without a trace."""
        words = _INVISIBLE.sub("", words)
        lacking = {one for one in words if not one.isspace() and ord(one) not in self.glyphs}
        self.lacking |= lacking
        return "".join(self.mark if one in lacking else one for one in words)
