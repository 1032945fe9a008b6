"""The legend under a plan drawing: every sign of the drawing with its word, in rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

STEP_COLOURS = ("#deebf7", "#b5d3ea", "#85b8dc", "#5499cb", "#2f79b5", "#135a9c", "#083b73")
BLIND_COLOUR = HexColor("#b2182b")
FORBIDDEN_COLOUR = HexColor("#6a3d9a")
WALL_COLOUR = HexColor("#222222")
DOOR_COLOUR = HexColor("#1b7837")
CAMERA_COLOUR = HexColor("#fdb863")
AREA_COLOUR = HexColor("#7f7f7f")
OBSTACLE_COLOUR = HexColor("#bdbdbd")
_ROW_PT, _FONT_PT, _SIGN_PT, _GAP_PT = 13.0, 7.0, 12.0, 10.0

# The words that a legend needs besides the steps, in its order.
SIGNS = ("area", "blind", "forbidden", "camera", "wall", "glass", "door", "obstacle")
Sign = Callable[[Canvas, float, float], None]


@dataclass(frozen=True, slots=True)
class _Entry:
    x: float
    row: int
    word: str
    sign: Sign


class PlanLegend:
    """The entries laid out in rows of a given width; `height_pt` is what they take.

    Args:
        steps: words of the ladder's steps, coarse to fine.
        words: by the names of `SIGNS`.
    """

    def __init__(
        self, steps: list[str], words: Mapping[str, str], font: str, width_pt: float
    ) -> None:
        self._font = font
        self._entries: list[_Entry] = []
        signs: list[tuple[str, Sign]] = [
            (word, _filled(HexColor(STEP_COLOURS[index % len(STEP_COLOURS)])))
            for index, word in enumerate(steps)
        ]
        signs += [(words.get(name, ""), _SIGNS[name]) for name in SIGNS]
        x, row = 0.0, 0
        for word, sign in signs:
            wide = _SIGN_PT + 3.0 + stringWidth(word, font, _FONT_PT)
            if x > 0.0 and x + wide > width_pt:
                x, row = 0.0, row + 1
            self._entries.append(_Entry(x, row, word, sign))
            x += wide + _GAP_PT
        self.height_pt = (row + 1) * _ROW_PT

    def draw(self, canvas: Canvas, left_pt: float, low_pt: float) -> None:
        """Draw the rows with their lower left corner at the given place."""
        for entry in self._entries:
            x = left_pt + entry.x
            y = low_pt + self.height_pt - (entry.row + 1) * _ROW_PT + 3.0
            canvas.saveState()
            canvas.setLineWidth(0.6)
            entry.sign(canvas, x, y)
            canvas.restoreState()
            canvas.setFont(self._font, _FONT_PT)
            canvas.setFillColor(WALL_COLOUR)
            canvas.drawString(x + _SIGN_PT + 3.0, y + 1.5, entry.word)


def _filled(colour: Color) -> Sign:
    def sign(canvas: Canvas, x: float, y: float) -> None:
        canvas.setFillColor(colour)
        canvas.setStrokeColor(WALL_COLOUR)
        canvas.setLineWidth(0.3)
        canvas.rect(x, y, _SIGN_PT, 8.0, stroke=1, fill=1)

    return sign


def _hatched(colour: Color, *, rising: bool) -> Sign:
    def sign(canvas: Canvas, x: float, y: float) -> None:
        canvas.setStrokeColor(colour)
        low, high = (0.0, 4.0) if rising else (4.0, 0.0)
        for offset in (0.0, 4.0, 8.0):
            canvas.line(x + offset + low, y, x + offset + high, y + 8.0)
        canvas.rect(x, y, _SIGN_PT, 8.0, stroke=1, fill=0)

    return sign


def _dashed(colour: Color, dash: list[int], width_pt: float) -> Sign:
    def sign(canvas: Canvas, x: float, y: float) -> None:
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(width_pt)
        canvas.setDash(dash)
        canvas.line(x, y + 4.0, x + _SIGN_PT, y + 4.0)

    return sign


def _framed(canvas: Canvas, x: float, y: float) -> None:
    canvas.setStrokeColor(AREA_COLOUR)
    canvas.setDash([2, 2])
    canvas.rect(x, y, _SIGN_PT, 8.0, stroke=1, fill=0)


def _wedge(canvas: Canvas, x: float, y: float) -> None:
    path = canvas.beginPath()
    path.moveTo(x + 1.0, y + 4.0)
    path.lineTo(x + 11.0, y + 8.0)
    path.lineTo(x + 11.0, y)
    path.close()
    canvas.setFillColor(CAMERA_COLOUR)
    canvas.setStrokeColor(WALL_COLOUR)
    canvas.drawPath(path, stroke=1, fill=1)
    canvas.setFillColor(WALL_COLOUR)
    canvas.circle(x + 1.0, y + 4.0, 1.4, stroke=0, fill=1)


_SIGNS: Mapping[str, Sign] = {
    "area": _framed,
    "blind": _hatched(BLIND_COLOUR, rising=True),
    "forbidden": _hatched(FORBIDDEN_COLOUR, rising=False),
    "camera": _wedge,
    "wall": _dashed(WALL_COLOUR, [], 1.4),
    "glass": _dashed(WALL_COLOUR, [3, 2], 0.6),
    "door": _dashed(DOOR_COLOUR, [], 1.4),
    "obstacle": _filled(OBSTACLE_COLOUR),
}

__all__ = ["SIGNS", "PlanLegend"]
