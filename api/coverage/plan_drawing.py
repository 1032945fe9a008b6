"""The plan drawing of one floor as a PDF flowable: levels, blind spots, walls and cameras."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.colors import Color, HexColor
from reportlab.pdfgen.canvas import FILL_EVEN_ODD, Canvas
from reportlab.platypus import Flowable

from api.coverage.document import CameraPart, FloorPart, Point, Rings

STEP_COLOURS = ("#deebf7", "#b5d3ea", "#85b8dc", "#5499cb", "#2f79b5", "#135a9c", "#083b73")
BLIND_COLOUR = HexColor("#b2182b")
FORBIDDEN_COLOUR = HexColor("#6a3d9a")
_WALL = HexColor("#222222")
_DOOR = HexColor("#1b7837")
_MARGIN_PT = 10.0
_LEGEND_PT = 16.0
_HATCH_PT = 4.0
_PICTURE, _OVER_PICTURE = 0.6, 0.6


class PlanDrawing(Flowable):  # type: ignore[misc]  # the library has no types
    """A floor, scaled to the given width, with a legend and a scale bar under it."""

    def __init__(
        self,
        floor: FloorPart,
        width_pt: float,
        font: str,
        words: tuple[str, str],
        underlay: Path | None = None,
    ) -> None:
        super().__init__()
        self.floor, self.font, self.words, self.underlay = floor, font, words, underlay
        xs, ys = zip(*_all_points(floor), strict=True)
        self.left_m, self.low_m = min(xs), min(ys)
        wide_m, deep_m = max(max(xs) - self.left_m, 1.0), max(max(ys) - self.low_m, 1.0)
        self.scale = min((width_pt - 2 * _MARGIN_PT) / wide_m, 330.0 / deep_m)
        self.width = width_pt
        self.height = deep_m * self.scale + 2 * _MARGIN_PT + _LEGEND_PT

    def wrap(self, _width_pt: float, _height_pt: float) -> tuple[float, float]:
        """The size that the drawing takes, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw onto the canvas that the layout gave."""
        canvas: Canvas = self.canv
        floor = self.floor
        canvas.saveState()
        canvas.setLineJoin(1)
        self._shape(canvas, floor.outline, fill=HexColor("#fafafa"))
        self._picture(canvas)
        canvas.setFillAlpha(1.0 if self.underlay is None else _OVER_PICTURE)
        for index in range(_steps(floor)):
            colour = HexColor(STEP_COLOURS[index % len(STEP_COLOURS)])
            for area in floor.areas:
                for rings in area.steps[index].polygons:
                    self._shape(canvas, rings, fill=colour)
        canvas.setFillAlpha(1.0)
        for area in floor.areas:
            self._shape(canvas, area.polygon, stroke=HexColor("#7f7f7f"), dash=True)
            for spot in area.blind:
                self._hatched(canvas, spot.polygon, BLIND_COLOUR, 45.0)
        for place in floor.forbidden:
            self._hatched(canvas, place.polygon, FORBIDDEN_COLOUR, -45.0)
        for obstacle in floor.obstacles:
            self._shape(canvas, obstacle, fill=HexColor("#bdbdbd"), stroke=_WALL)
        for line in floor.lines:
            self._line(canvas, line.points, line.kind)
        for camera in floor.cameras:
            self._camera(canvas, camera)
        for area in floor.areas:
            for spot in area.blind:
                self._number(canvas, spot.centre_xy_m, str(spot.number))
        self._legend(canvas)
        canvas.restoreState()

    def _picture(self, canvas: Canvas) -> None:
        """The picture under the plan, faint, cut to the floor's outline."""
        part = self.floor.underlay
        if part is None or self.underlay is None:
            return
        a, b, x0_m, y0_m = part.matrix
        canvas.saveState()
        canvas.clipPath(
            self._path(canvas, self.floor.outline), stroke=0, fill=0, fillMode=FILL_EVEN_ODD
        )
        # The library draws pictures from their lower edge up.
        left_pt, low_pt = self._at((x0_m + b * part.height_px, y0_m - a * part.height_px))
        scale = self.scale
        canvas.transform(a * scale, b * scale, -b * scale, a * scale, left_pt, low_pt)
        canvas.setFillAlpha(_PICTURE)
        canvas.drawImage(str(self.underlay), 0, 0, part.width_px, part.height_px)
        canvas.restoreState()

    def _at(self, point: Point) -> tuple[float, float]:
        return (
            _MARGIN_PT + (point[0] - self.left_m) * self.scale,
            _MARGIN_PT + _LEGEND_PT + (point[1] - self.low_m) * self.scale,
        )

    def _path(self, canvas: Canvas, rings: Rings) -> object:
        path = canvas.beginPath()
        for ring in rings:
            path.moveTo(*self._at(ring[0]))
            for point in ring[1:]:
                path.lineTo(*self._at(point))
            path.close()
        return path

    def _shape(
        self,
        canvas: Canvas,
        rings: Rings,
        *,
        fill: Color | None = None,
        stroke: Color | None = None,
        dash: bool = False,
    ) -> None:
        if fill is not None:
            canvas.setFillColor(fill)
        if stroke is not None:
            canvas.setStrokeColor(stroke)
            canvas.setLineWidth(0.5)
        canvas.setDash([2, 2] if dash else [])
        path = self._path(canvas, rings)
        canvas.drawPath(
            path, stroke=stroke is not None, fill=fill is not None, fillMode=FILL_EVEN_ODD
        )
        canvas.setDash([])

    def _hatched(self, canvas: Canvas, rings: Rings, colour: Color, angle_deg: float) -> None:
        """Hatch instead of fill: the sign must not hang on colour alone."""
        canvas.saveState()
        canvas.clipPath(self._path(canvas, rings), stroke=0, fill=0, fillMode=FILL_EVEN_ODD)
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(0.6)
        reach = math.hypot(self.width, self.height)
        canvas.translate(self.width / 2, self.height / 2)
        canvas.rotate(angle_deg)
        for index in range(int(-reach / _HATCH_PT), int(reach / _HATCH_PT)):
            canvas.line(-reach, index * _HATCH_PT, reach, index * _HATCH_PT)
        canvas.restoreState()
        self._shape(canvas, rings, stroke=colour)

    def _line(self, canvas: Canvas, points: Sequence[Point], kind: str) -> None:
        canvas.setStrokeColor(_DOOR if kind.startswith("door") else _WALL)
        canvas.setLineWidth(0.6 if kind == "glass" else 1.4)
        canvas.setDash([3, 2] if kind in ("glass", "door_open") else [])
        path = canvas.beginPath()
        path.moveTo(*self._at(points[0]))
        for point in points[1:]:
            path.lineTo(*self._at(point))
        canvas.drawPath(path, stroke=1, fill=0)
        canvas.setDash([])

    def _camera(self, canvas: Canvas, camera: CameraPart) -> None:
        """A wedge that points where the camera looks, with its id."""
        x, y = self._at((camera.x_m, camera.y_m))
        half = math.radians(min(camera.hfov_deg, 160.0) / 2.0)
        pan = math.radians(camera.pan_deg)
        path = canvas.beginPath()
        path.moveTo(x, y)
        for angle in (pan - half, pan + half):
            path.lineTo(x + 12 * math.cos(angle), y + 12 * math.sin(angle))
        path.close()
        canvas.setFillColor(HexColor("#fdb863"))
        canvas.setStrokeColor(_WALL)
        canvas.setLineWidth(0.5)
        canvas.drawPath(path, stroke=1, fill=1)
        canvas.setFillColor(_WALL)
        canvas.circle(x, y, 1.6, stroke=0, fill=1)
        canvas.setFont(self.font, 6)
        canvas.drawString(x + 3, y + 4, camera.id)

    def _number(self, canvas: Canvas, centre: Point, number: str) -> None:
        x, y = self._at(centre)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.setStrokeColor(BLIND_COLOUR)
        canvas.circle(x, y, 5.5, stroke=1, fill=1)
        canvas.setFillColor(BLIND_COLOUR)
        canvas.setFont(self.font, 7)
        canvas.drawCentredString(x, y - 2.5, number)

    def _legend(self, canvas: Canvas) -> None:
        x = _MARGIN_PT
        canvas.setFont(self.font, 7)
        names = self.floor.areas[0].steps if self.floor.areas else []
        for index, step in enumerate(names):
            canvas.setFillColor(HexColor(STEP_COLOURS[index % len(STEP_COLOURS)]))
            canvas.setStrokeColor(_WALL)
            canvas.setLineWidth(0.3)
            canvas.rect(x, 4, 8, 8, stroke=1, fill=1)
            canvas.setFillColor(_WALL)
            label = f"{step.name} {step.px_per_m:g}"
            canvas.drawString(x + 10, 5, label)
            x += 16 + canvas.stringWidth(label, self.font, 7)
        for word, colour in zip(self.words, (BLIND_COLOUR, FORBIDDEN_COLOUR), strict=True):
            canvas.setStrokeColor(colour)
            for offset in (0, 3, 6):
                canvas.line(x + offset, 4, x + offset + 3, 12)
            canvas.setFillColor(_WALL)
            canvas.drawString(x + 12, 5, word)
            x += 18 + canvas.stringWidth(word, self.font, 7)
        bar_m = 5.0
        canvas.setStrokeColor(_WALL)
        canvas.setLineWidth(1.2)
        end = self.width - _MARGIN_PT
        canvas.line(end - bar_m * self.scale, 5, end, 5)
        canvas.drawRightString(end, 8, f"{bar_m:g} m")


def _steps(floor: FloorPart) -> int:
    return len(floor.areas[0].steps) if floor.areas else 0


def _all_points(floor: FloorPart) -> list[Point]:
    points = [point for ring in floor.outline for point in ring]
    points += [point for line in floor.lines for point in line.points]
    points += [(camera.x_m, camera.y_m) for camera in floor.cameras]
    return points
