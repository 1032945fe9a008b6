"""The plan drawing of one floor as a PDF flowable: levels, blind spots, walls and cameras."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import shapely
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import FILL_EVEN_ODD, Canvas
from reportlab.platypus import Flowable
from shapely.geometry import Polygon

from api.coverage.document import CameraPart, FloorPart, Point, Rings
from api.coverage.plan_labels import LabelPlaces
from api.coverage.plan_legend import (
    AREA_COLOUR,
    BLIND_COLOUR,
    CAMERA_COLOUR,
    DOOR_COLOUR,
    FORBIDDEN_COLOUR,
    OBSTACLE_COLOUR,
    STEP_COLOURS,
    WALL_COLOUR,
    PlanLegend,
)

_MARGIN_PT = 20.0
_MOST_HIGH_PT = 330.0
_HATCH_PT = 4.0
_PICTURE, _OVER_PICTURE = 0.6, 0.6
_LABEL_PT, _TICK_PT, _NUMBER_PT = 6.5, 5.5, 5.5
_WEDGE_PT = 12.0
_TICKS_M = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


class PlanDrawing(Flowable):  # type: ignore[misc]  # the library has no types
    """A floor, scaled to the given width, with metres along its edges and a legend under it.

    Args:
        words: of the legend, by the names of `plan_legend.SIGNS`, and by step `step.NAME`.
    """

    def __init__(
        self,
        floor: FloorPart,
        width_pt: float,
        font: str,
        words: Mapping[str, str],
        underlay: Path | None = None,
    ) -> None:
        super().__init__()
        self.floor, self.font, self.underlay = floor, font, underlay
        xs, ys = zip(*_all_points(floor), strict=True)
        self.left_m, self.low_m = min(xs), min(ys)
        self.right_m, self.high_m = max(max(xs), self.left_m + 1), max(max(ys), self.low_m + 1)
        wide_m, deep_m = self.right_m - self.left_m, self.high_m - self.low_m
        self.scale = min((width_pt - 2 * _MARGIN_PT) / wide_m, _MOST_HIGH_PT / deep_m)
        steps = [
            f"{words.get(f'step.{step.name}', step.name)} ≥{step.px_per_m:g} px/m"
            for step in (floor.areas[0].steps if floor.areas else [])
        ]
        self.legend = PlanLegend(steps, words, font, width_pt)
        self.width = width_pt
        self.height = deep_m * self.scale + 2 * _MARGIN_PT + self.legend.height_pt

    def wrap(self, _width_pt: float, _height_pt: float) -> tuple[float, float]:
        """The size that the drawing takes, in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw onto the canvas that the layout gave."""
        canvas: Canvas = self.canv
        canvas.saveState()
        canvas.setLineJoin(1)
        self._ground(canvas)
        self._places(canvas)
        for line in self.floor.lines:
            self._line(canvas, line.points, line.kind)
        for camera in self.floor.cameras:
            self._camera(canvas, camera)
        self._labels(canvas)
        self._ticks(canvas)
        self.legend.draw(canvas, 0.0, 0.0)
        canvas.restoreState()

    def _ground(self, canvas: Canvas) -> None:
        """The floor, the picture under it, and how finely each part of it is seen."""
        floor = self.floor
        self._shape(canvas, floor.outline, fill=HexColor("#fafafa"))
        self._picture(canvas)
        canvas.setFillAlpha(1.0 if self.underlay is None else _OVER_PICTURE)
        for index in range(_steps(floor)):
            colour = HexColor(STEP_COLOURS[index % len(STEP_COLOURS)])
            for area in floor.areas:
                for rings in area.steps[index].polygons:
                    self._shape(canvas, rings, fill=colour)
        canvas.setFillAlpha(1.0)

    def _places(self, canvas: Canvas) -> None:
        """Required areas with their blind spots, forbidden places, and what stands about."""
        floor = self.floor
        for area in floor.areas:
            self._shape(canvas, area.polygon, stroke=AREA_COLOUR, dash=True)
            for spot in area.blind:
                self._hatched(canvas, spot.polygon, BLIND_COLOUR, 45.0)
        for place in floor.forbidden:
            self._hatched(canvas, place.polygon, FORBIDDEN_COLOUR, -45.0)
        for obstacle in floor.obstacles:
            self._shape(canvas, obstacle, fill=OBSTACLE_COLOUR, stroke=WALL_COLOUR)

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
            _MARGIN_PT + self.legend.height_pt + (point[1] - self.low_m) * self.scale,
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
        canvas.setStrokeColor(DOOR_COLOUR if kind.startswith("door") else WALL_COLOUR)
        canvas.setLineWidth(0.6 if kind == "glass" else 1.4)
        canvas.setDash([3, 2] if kind in ("glass", "door_open") else [])
        path = canvas.beginPath()
        path.moveTo(*self._at(points[0]))
        for point in points[1:]:
            path.lineTo(*self._at(point))
        canvas.drawPath(path, stroke=1, fill=0)
        canvas.setDash([])

    def _camera(self, canvas: Canvas, camera: CameraPart) -> None:
        """A wedge that points where the camera looks."""
        x, y = self._at((camera.x_m, camera.y_m))
        half = math.radians(min(camera.hfov_deg, 160.0) / 2.0)
        pan = math.radians(camera.pan_deg)
        path = canvas.beginPath()
        path.moveTo(x, y)
        for angle in (pan - half, pan + half):
            path.lineTo(x + _WEDGE_PT * math.cos(angle), y + _WEDGE_PT * math.sin(angle))
        path.close()
        canvas.setFillColor(CAMERA_COLOUR)
        canvas.setStrokeColor(WALL_COLOUR)
        canvas.setLineWidth(0.5)
        canvas.drawPath(path, stroke=1, fill=1)
        canvas.setFillColor(WALL_COLOUR)
        canvas.circle(x, y, 1.6, stroke=0, fill=1)

    def _labels(self, canvas: Canvas) -> None:
        """Numbers of blind spots, ids of cameras and names of places, none over another."""
        floor = self.floor
        low, high = (_at_edge(self.legend.height_pt), self.height)
        # Clear of the metres along the left edge.
        places = LabelPlaces((_MARGIN_PT - 6.0, low, self.width, high))
        middles = []
        for camera in floor.cameras:
            x, y = self._at((camera.x_m, camera.y_m))
            pan, reach = math.radians(camera.pan_deg), _WEDGE_PT / 2
            middle = (x + reach * math.cos(pan), y + reach * math.sin(pan))
            middles.append((camera.id, middle))
            places.take(_square(middle, reach))
        for area in floor.areas:
            for spot in area.blind:
                self._number(canvas, places, spot.centre_xy_m, str(spot.number))
        for camera_id, middle in middles:
            self._label(canvas, places, camera_id, (middle, _WEDGE_PT / 2), WALL_COLOUR)
        for area in floor.areas:
            star = "★" if area.critical else ""
            at = self._at(_middle(area.polygon[0]))
            self._label(canvas, places, f"{star}{area.name.zh}", (at, 0.0), HexColor("#083b73"))
        for place in floor.forbidden:
            at = self._at(_middle(place.polygon[0]))
            self._label(canvas, places, place.name.zh, (at, 0.0), FORBIDDEN_COLOUR)

    def _label(
        self,
        canvas: Canvas,
        places: LabelPlaces,
        word: str,
        sign: tuple[tuple[float, float], float],
        colour: Color,
    ) -> None:
        """A word on a light ground beside its sign (place and half size)."""
        at, reach = sign
        size = (stringWidth(word, self.font, _LABEL_PT) + 2.0, _LABEL_PT + 1.5)
        placed = places.place(at, size, reach)
        left, low, right, high = placed.box
        if placed.apart:
            self._leader(canvas, at, ((left + right) / 2, (low + high) / 2), colour)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.setFillAlpha(0.8)
        canvas.rect(left, low, right - left, high - low, stroke=0, fill=1)
        canvas.setFillAlpha(1.0)
        canvas.setFillColor(colour)
        canvas.setFont(self.font, _LABEL_PT)
        canvas.drawString(left + 1.0, low + 2.0, word)

    def _number(self, canvas: Canvas, places: LabelPlaces, centre: Point, number: str) -> None:
        """The number of a blind spot in a ring; beside the spot where it is crowded."""
        at = self._at(centre)
        side = 2 * _NUMBER_PT
        placed = places.place(at, (side, side), 0.0)
        left, low, right, high = placed.box
        x, y = (left + right) / 2, (low + high) / 2
        if (x, y) != at:
            self._leader(canvas, at, (x, y), BLIND_COLOUR)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.setStrokeColor(BLIND_COLOUR)
        canvas.setLineWidth(0.8)
        canvas.circle(x, y, _NUMBER_PT, stroke=1, fill=1)
        canvas.setFillColor(BLIND_COLOUR)
        canvas.setFont(self.font, 7)
        canvas.drawCentredString(x, y - 2.5, number)

    def _leader(
        self,
        canvas: Canvas,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: Color,
    ) -> None:
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(0.4)
        canvas.line(*start, *end)

    def _ticks(self, canvas: Canvas) -> None:
        """Metres of the floor's plan along the lower and the left edge."""
        longest = max(self.right_m - self.left_m, self.high_m - self.low_m)
        step = next((one for one in _TICKS_M if longest / one <= 14.0), _TICKS_M[-1])
        canvas.setStrokeColor(AREA_COLOUR)
        canvas.setFillColor(AREA_COLOUR)
        canvas.setLineWidth(0.4)
        canvas.setFont(self.font, _TICK_PT)
        edge = self._at((self.left_m, self.low_m))
        for metre in _multiples(self.left_m, self.right_m, step):
            x = self._at((metre, self.low_m))[0]
            canvas.line(x, edge[1] - 6.0, x, edge[1] - 9.0)
            canvas.drawCentredString(x, edge[1] - 15.0, f"{metre:g}")
        for metre in _multiples(self.low_m, self.high_m, step):
            y = self._at((self.left_m, metre))[1]
            canvas.line(edge[0] - 6.0, y, edge[0] - 9.0, y)
            canvas.drawRightString(edge[0] - 10.0, y - 2.0, f"{metre:g}")
        canvas.drawString(self._at((self.right_m, self.low_m))[0] + 8.0, edge[1] - 15.0, "m")


def _at_edge(legend_pt: float) -> float:
    """Labels stay above the metres along the lower edge."""
    return legend_pt + _MARGIN_PT - 6.0


def _square(middle: tuple[float, float], half: float) -> tuple[float, float, float, float]:
    return (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)


def _middle(ring: Sequence[Point]) -> Point:
    """A point well inside a ring: its centroid, or where its largest circle has its centre."""
    shape = Polygon(ring)
    centroid = shape.centroid
    if shape.contains(centroid):
        return (centroid.x, centroid.y)
    line = shapely.maximum_inscribed_circle(shape, tolerance=0.1)
    x, y = shapely.get_coordinates(line)[0]
    return (float(x), float(y))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _steps(floor: FloorPart) -> int:
    return len(floor.areas[0].steps) if floor.areas else 0


def _all_points(floor: FloorPart) -> list[Point]:
    points = [point for ring in floor.outline for point in ring]
    points += [point for line in floor.lines for point in line.points]
    points += [(camera.x_m, camera.y_m) for camera in floor.cameras]
    return points
