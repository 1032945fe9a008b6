"""The notice as PDF, workbook or picture. The extra `reports` holds the libraries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import cycle, pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.chart import LineChart, Reference
from openpyxl.styles import Font
from PIL import Image, ImageDraw, ImageFont
from reportlab.graphics.charts.lineplots import LinePlot
from reportlab.graphics.shapes import Drawing, Line, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from api.coverage.errors import ReportError
from api.coverage.fonts import FONT_FILES, register_font
from api.dismissal.notice import Notice

FORMATS = (".pdf", ".xlsx", ".png")
# The column with the number of pupils, and the widths of all five on paper and in the picture.
_PUPILS = 3
_WIDTHS_PT = (62, 100, 50, 50, 190)
_WIDTHS_PX = (180, 260, 120, 120, 440)
_BETWEEN_PX, _LINE_PX, _GAP_PX = 16, 32, 12
# A workbook knows so many kinds of lines.
_BOOK_DASHES = ("solid", "dash", "sysDot", "lgDashDotDot", "dashDot", "lgDash", "sysDash")
_SAMPLE_PX, _SAMPLE_PT = 150, 60
_Point = tuple[float, float]
_INKS = ((31, 78, 121), (192, 80, 30), (60, 130, 60), (120, 60, 140))


def export(notice: Notice, path: Path) -> None:
    """Write the notice; the suffix of `path` chooses the form.

    Raises:
        ReportError: for another suffix, or when no font with Chinese characters is installed.
        OSError: when the file cannot be written.
    """
    writers = {".pdf": _pdf, ".xlsx": _xlsx, ".png": _png}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise ReportError(f"{path.name}: write one of {', '.join(FORMATS)}")
    write(notice, path)


def _pdf(notice: Notice, path: Path) -> None:
    font = register_font()
    plain = ParagraphStyle("plain", fontName=font, fontSize=10, leading=15, wordWrap="CJK")
    title = ParagraphStyle("title", parent=plain, fontSize=18, leading=26)
    cells = [[Paragraph(escape(cell), plain) for cell in row] for row in notice.rows]
    table = Table([notice.columns, *cells], repeatRows=1, colWidths=_WIDTHS_PT)
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, 0), font, 10),
                ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
                ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
            ]
        )
    )
    story = [Paragraph(escape(notice.title), title), Spacer(1, 8), table, Spacer(1, 12)]
    story += [Paragraph(escape(note), plain) for note in notice.notes]
    if notice.curves:
        story += [Spacer(1, 12), Paragraph(escape(notice.axis), plain), _drawing(notice, font)]
    SimpleDocTemplate(str(path), pagesize=A4, title=notice.title, invariant=1).build(story)


def _drawing(notice: Notice, font: str) -> Drawing:
    legend = 15 * len(notice.curves)
    drawing = Drawing(480, 180 + legend)
    plot = LinePlot()
    plot.x, plot.y, plot.width, plot.height = 40, 40 + legend, 420, 130
    plot.data = [
        [(number * notice.slot_s / 60.0, value) for number, value in enumerate(curve.per_s)]
        for curve in notice.curves
    ]
    for number, curve in enumerate(notice.curves):
        ink = colors.Color(*(part / 255 for part in _INKS[number % len(_INKS)]))
        dashes = [length / 2.0 for length in _dashes(number)]
        plot.lines[number].strokeColor = ink
        plot.lines[number].strokeDashArray = dashes or None
        y = legend - 15 * number
        sample = Line(40, y + 3, 40 + _SAMPLE_PT, y + 3, strokeColor=ink, strokeDashArray=dashes)
        drawing.add(sample)
        drawing.add(String(48 + _SAMPLE_PT, y, curve.name, fontName=font, fontSize=10))
    plot.yValueAxis.valueMin = 0
    drawing.add(plot)
    return drawing


def _xlsx(notice: Notice, path: Path) -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "1"
    sheet.append([notice.title])
    sheet["A1"].font = Font(size=16, bold=True)
    sheet.append(list(notice.columns))
    for row in notice.rows:
        sheet.append([int(cell) if number == _PUPILS else cell for number, cell in enumerate(row)])
    for note in notice.notes:
        sheet.append([note])
    for column, width in zip("ABCDE", (12, 18, 10, 10, 36), strict=True):
        sheet.column_dimensions[column].width = width
    if notice.curves:
        _flow_sheet(book, notice)
    book.save(path)


def _flow_sheet(book: Workbook, notice: Notice) -> None:
    flow = book.create_sheet("2")
    flow.append(["min", *(curve.name for curve in notice.curves)])
    for number in range(len(notice.curves[0].per_s)):
        minute = round(number * notice.slot_s / 60.0, 2)
        flow.append([minute, *(curve.per_s[number] for curve in notice.curves)])
    chart = LineChart()
    chart.title = notice.axis
    data = Reference(
        flow, min_col=2, max_col=1 + len(notice.curves), min_row=1, max_row=flow.max_row
    )
    chart.add_data(data, titles_from_data=True)
    for number, series in enumerate(chart.series):
        series.graphicalProperties.line.dashStyle = _BOOK_DASHES[number % len(_BOOK_DASHES)]
    flow.add_chart(chart, "E2")


def _png(notice: Notice, path: Path) -> None:
    file = next((one for one in FONT_FILES if one.is_file()), None)
    if file is None:
        raise ReportError("no font with Chinese characters; install the package fonts-wqy-zenhei")
    title, plain = ImageFont.truetype(str(file), 40), ImageFont.truetype(str(file), 24)
    rows = [
        [_wrapped(cell, plain, wide) for cell, wide in zip(row, _WIDTHS_PX, strict=True)]
        for row in (notice.columns, *notice.rows)
    ]
    notes = [_wrapped(note, plain, 1120) for note in notice.notes]
    tall = [max(len(cell) for cell in row) for row in rows]
    plot_px = 360 + _LINE_PX * len(notice.curves) if notice.curves else 0
    spoken = sum(tall) + sum(len(lines) for lines in notes)
    height = 160 + plot_px + _LINE_PX * spoken + _GAP_PX * (len(rows) + len(notes))
    picture = Image.new("RGB", (1240, height), "white")
    pen = ImageDraw.Draw(picture)
    pen.text((60, 40), notice.title, fill="black", font=title)
    y = 120
    for row, lines in zip(rows, tall, strict=True):
        x = 60
        for cell, wide in zip(row, _WIDTHS_PX, strict=True):
            pen.multiline_text((x, y), "\n".join(cell), fill="black", font=plain)
            x += wide
        y += _LINE_PX * lines
        pen.line((60, y + 4, 1180, y + 4), fill=(180, 180, 180))
        y += _GAP_PX
    for note in notes:
        pen.multiline_text((60, y + 10), "\n".join(note), fill=(60, 60, 60), font=plain)
        y += _LINE_PX * len(note) + _GAP_PX
    if notice.curves:
        _plot(pen, notice, y + 60, plain)
    picture.save(path)


def _wrapped(words: str, font: ImageFont.FreeTypeFont, width_px: int) -> list[str]:
    """Lines that fit into a column; Chinese has no blanks to break at."""
    lines = [""]
    for letter in words:
        if font.getlength(lines[-1] + letter) > width_px - _BETWEEN_PX:
            lines.append("")
        lines[-1] += letter
    return lines


def _plot(pen: ImageDraw.ImageDraw, notice: Notice, top: int, font: ImageFont.FreeTypeFont) -> None:
    left, right, bottom = 80, 1160, top + 280
    most = max((max(curve.per_s) for curve in notice.curves), default=1.0) or 1.0
    pen.text((left, top - 40), notice.axis, fill="black", font=font)
    pen.line((left, top, left, bottom, right, bottom), fill="black", width=2)
    minutes = max(len(curve.per_s) - 1 for curve in notice.curves) * notice.slot_s / 60.0
    pen.text((left - 56, top - 12), f"{most:.1f}", fill="black", font=font)
    pen.text((left - 24, bottom - 14), "0", fill="black", font=font)
    pen.text((right, bottom + 12), f"{minutes:.1f} min", fill="black", font=font, anchor="ra")
    for number, curve in enumerate(notice.curves):
        step = (right - left) / max(1, len(curve.per_s) - 1)
        points: list[_Point] = [
            (left + step * at, bottom - (bottom - top) * value / most)
            for at, value in enumerate(curve.per_s)
        ]
        ink = _INKS[number % len(_INKS)]
        y = bottom + 12 + _LINE_PX * number
        middle = y + _LINE_PX / 2
        sample: list[_Point] = [(left, middle), (left + _SAMPLE_PX, middle)]
        for line in (points, sample):
            for stroke in _strokes(line, _dashes(number)):
                pen.line(stroke, fill=ink, width=4)
        pen.text((left + _SAMPLE_PX + 16, y), curve.name, fill="black", font=font)


def _dashes(number: int) -> tuple[float, ...]:
    """Lengths of stroke and gap of a curve, in px: a dash and as many dots as its number. No two
    curves are alike without their colours; the first is drawn through."""
    return (22.0, 8.0) + (5.0, 8.0) * number if number else ()


def _strokes(points: list[_Point], dashes: tuple[float, ...]) -> Iterator[list[_Point]]:
    """The parts of a line that are drawn."""
    if not dashes:
        yield points
        return
    lengths = cycle(zip(dashes, cycle((True, False)), strict=False))
    left, drawn = next(lengths)
    stroke = [points[0]]
    for (x1, y1), (x2, y2) in pairwise(points):
        far, gone = math.hypot(x2 - x1, y2 - y1), 0.0
        while far - gone > left:
            gone += left
            at = (x1 + (x2 - x1) * gone / far, y1 + (y2 - y1) * gone / far)
            if drawn:
                yield [*stroke, at]
            left, drawn = next(lengths)
            stroke = [at]
        left -= far - gone
        stroke.append((x2, y2))
    if drawn:
        yield stroke


__all__ = ["FORMATS", "export"]
