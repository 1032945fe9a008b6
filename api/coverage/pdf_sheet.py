"""The styles, tables and number forms of the PDF report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Table, TableStyle

from api.coverage.document import Name
from config.texts import text

MARGIN_PT = 42.0
WIDTH_PT = A4[0] - 2 * MARGIN_PT
_UNDER_HEADING_PT = 100.0


def both(key: str, **values: object) -> str:
    """A text of the catalogue in both languages, Chinese first."""
    return f"{text(key, 'zh', **values)} {text(key, 'en', **values)}"


def both_names(name: Name) -> str:
    return f"{name.zh}  {name.en}"


def m2(value: float) -> str:
    """Square metres as the report prints them."""
    return f"{value:.2f}"


def share(value: float | None) -> str:
    """A share as the report prints it; a dash where there is none."""
    return "—" if value is None else f"{value:.2%}"


def moment(iso: str, timezone: str) -> str:
    """An instant in the site's own time, to the second, with its offset from UTC."""
    if not timezone:
        return iso
    local = datetime.fromisoformat(iso).astimezone(ZoneInfo(timezone))
    return f"{local:%Y-%m-%d %H:%M:%S} (UTC{local:%z})"


class Sheet:
    """Paragraphs and tables in one font."""

    def __init__(self, font: str) -> None:
        self.font = font
        self.body = ParagraphStyle("body", fontName=font, fontSize=8.5, leading=12, wordWrap="CJK")
        self.cell_style = ParagraphStyle(
            "cell", self.body, fontSize=6.6, leading=8.6, wordWrap=None
        )
        self.heading_style = ParagraphStyle(
            "heading", self.body, fontSize=12, leading=18, spaceBefore=8
        )
        self.title_style = ParagraphStyle("title", self.body, fontSize=18, leading=26)

    def title(self, words: str) -> Paragraph:
        return Paragraph(escape(words), self.title_style)

    def heading(self, words: str) -> list[Flowable]:
        """A heading, on the next page where only itself would stand on this one."""
        return [CondPageBreak(_UNDER_HEADING_PT), self.plain_heading(words)]

    def plain_heading(self, words: str) -> Paragraph:
        """A heading inside of what is kept together anyhow: a page break there would tear it."""
        return Paragraph(escape(words), self.heading_style)

    def line(self, words: str) -> Paragraph:
        return Paragraph(escape(words), self.body)

    def table(
        self, rows: Sequence[Sequence[str]], widths: Sequence[float], *, header: bool = True
    ) -> Table:
        """Rows of plain words; widths are shares of the page's."""
        cells = [[Paragraph(escape(word), self.cell_style) for word in row] for row in rows]
        table = Table(
            cells,
            [part * WIDTH_PT for part in widths],
            repeatRows=1 if header else 0,
            hAlign="LEFT",
        )
        commands = [
            ("GRID", (0, 0), (-1, -1), 0.3, colors.HexColor("#999999")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ]
        if header:
            commands.append(("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eaeff5")))
        table.setStyle(TableStyle(commands))
        return table


__all__ = ["MARGIN_PT", "WIDTH_PT", "Sheet", "both", "both_names", "m2", "moment", "share"]
