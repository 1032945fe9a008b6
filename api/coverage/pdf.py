"""The audit as a PDF report in Chinese and English, out of the audit document alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from api.coverage.document import (
    AreaPart,
    AuditDocument,
    CameraPart,
    FloorPart,
    KeyAreaPart,
    Name,
    Totals,
    Uptime,
)
from api.coverage.fonts import register_font
from api.coverage.plan_drawing import PlanDrawing
from api.coverage.underlay import checked_picture
from config.texts import text

_MARGIN_PT = 42.0
_WIDTH_PT = A4[0] - 2 * _MARGIN_PT


def both(key: str, **values: object) -> str:
    """A text of the catalogue in both languages, Chinese first."""
    return f"{text(key, 'zh', **values)} {text(key, 'en', **values)}"


def m2(value: float) -> str:
    """Square metres as the report prints them."""
    return f"{value:.2f}"


def share(value: float | None) -> str:
    """A share as the report prints it; a dash where there is none."""
    return "—" if value is None else f"{value:.2%}"


def write_pdf(
    document: AuditDocument, path: Path, *, underlays: Mapping[str, Path] | None = None
) -> None:
    """Write the report; the same document gives the same bytes.

    Args:
        underlays: the pictures under the plans, by floor; a floor without its one is drawn bare.

    Raises:
        ReportError: when no font with Chinese characters is installed, or a picture was changed
            since the audit.
    """
    report = _Report(document, register_font(), underlays or {})
    frame = Frame(_MARGIN_PT, _MARGIN_PT, _WIDTH_PT, A4[1] - 2 * _MARGIN_PT, 0, 0, 0, 0)
    template = BaseDocTemplate(
        str(path),
        pagesize=A4,
        title=text("coverage.title", "zh"),
        author="Xiaoan",
        subject=document.sha256,
        invariant=1,
    )
    template.addPageTemplates([PageTemplate("page", [frame], onPage=report.decorate)])
    template.build(report.story())


class _Report:
    """The parts of the report in reading order."""

    def __init__(self, document: AuditDocument, font: str, underlays: Mapping[str, Path]) -> None:
        self.document, self.font = document, font
        self.underlays = {
            floor.id: checked_picture(floor.underlay, underlays[floor.id])
            for floor in document.floors
            if floor.underlay is not None and floor.id in underlays
        }
        self.body = ParagraphStyle("body", fontName=font, fontSize=8.5, leading=12, wordWrap="CJK")
        self.cell = ParagraphStyle("cell", self.body, fontSize=6.6, leading=8.6, wordWrap=None)
        self.heading = ParagraphStyle("heading", self.body, fontSize=12, leading=18, spaceBefore=8)
        self.title = ParagraphStyle("title", self.body, fontSize=18, leading=26)

    def decorate(self, canvas: Canvas, _template: BaseDocTemplate) -> None:
        """Foot line with page and sha256; across the page the draft mark until confirmed."""
        canvas.saveState()
        canvas.setFont(self.font, 6.5)
        canvas.setFillColor(colors.HexColor("#555555"))
        canvas.drawString(_MARGIN_PT, 24, f"SHA-256 {self.document.sha256}")
        page = both("coverage.page", page=canvas.getPageNumber())
        canvas.drawRightString(A4[0] - _MARGIN_PT, 24, page)
        if self.document.confirmation is None:
            canvas.setFillColor(colors.Color(0.55, 0.0, 0.0, alpha=0.12))
            canvas.setFont(self.font, 40)
            canvas.translate(A4[0] / 2, A4[1] / 2)
            canvas.rotate(52)
            canvas.drawCentredString(0, 0, both("coverage.draft"))
        canvas.restoreState()

    def story(self) -> list[Flowable]:
        parts = [*self._front(), *self._all_totals(), *self._key_areas(), *self._uptime()]
        for floor in self.document.floors:
            parts += [PageBreak(), *self._floor(floor)]
        return [*parts, PageBreak(), *self._method()]

    def _front(self) -> list[Flowable]:
        document = self.document
        facts = [
            ("coverage.site", _both_names(document.site_name)),
            ("coverage.made_at", document.made_at),
            ("coverage.ladder", document.ladder_edition),
            ("coverage.site_sha256", document.site_sha256),
            ("coverage.audit_sha256", document.sha256),
            ("coverage.uptime", _uptime_line(document.uptime)),
        ]
        rows = [[self._cell(both(key)), self._cell(value)] for key, value in facts]
        return [
            Paragraph(both("coverage.title"), self.title),
            self._table(rows, (0.3, 0.7), header=False),
            Spacer(1, 8),
        ]

    def _all_totals(self) -> list[Flowable]:
        document = self.document
        columns = [(both("coverage.whole_site"), document.totals)]
        columns += [(_both_names(part.name), part.totals) for part in document.buildings]
        columns += [(_both_names(floor.name), floor.totals) for floor in document.floors]
        keys = ["areas_met", "required_m2", "seen_m2", "assured_m2", "assured_share"]
        keys += ["weighted_share", "least_critical", "blind_m2", "single_m2", "forbidden_views"]
        head = [both("coverage.place"), *(both(f"coverage.{key}") for key in keys)]
        rows = [head, *([name, *_totals_row(totals)] for name, totals in columns)]
        cells = [[self._cell(value) for value in row] for row in rows]
        widths = (0.17, *(0.083 for _ in keys))
        return [
            Paragraph(both("coverage.totals"), self.heading),
            self._table(cells, widths),
        ]

    def _key_areas(self) -> list[Flowable]:
        if not self.document.key_areas:
            return []
        rows = [[both("coverage.key_area"), both("coverage.key_area_filled")]]
        rows += [[_both_names(one.name), _key_area_line(one)] for one in self.document.key_areas]
        cells = [[self._cell(value) for value in row] for row in rows]
        return [
            Paragraph(both("coverage.key_areas"), self.heading),
            Paragraph(escape(both("coverage.key_areas_reading")), self.body),
            Spacer(1, 4),
            self._table(cells, (0.45, 0.55)),
        ]

    def _uptime(self) -> list[Flowable]:
        found = self.document.uptime
        if found is None:
            return []
        rates = [[both("coverage.live.target"), both("coverage.live.healthy_share")]]
        rates += [
            [f">= {share(one.target_share)}", share(one.healthy_share)] for one in found.rates
        ]
        rows = [[both("coverage.camera"), both("coverage.live.healthy_share")]]
        rows += [[one.camera_id, share(one.healthy_share)] for one in found.cameras]
        areas = [[both("coverage.area"), both("coverage.live.lost_m2_h")]]
        areas += [[one.area_id, f"{one.lost_m2_h:.2f}"] for one in found.areas]
        tables = [
            self._table([[self._cell(value) for value in row] for row in table], (0.5, 0.5))
            for table in (rates, rows, areas)
        ]
        return [Paragraph(both("coverage.uptime"), self.heading), *tables]

    def _floor(self, floor: FloorPart) -> list[Flowable]:
        words = (both("coverage.legend_blind"), both("coverage.legend_forbidden"))
        return [
            Paragraph(escape(_both_names(floor.name)), self.title),
            Paragraph(both("coverage.drawing"), self.heading),
            PlanDrawing(floor, _WIDTH_PT, self.font, words, self.underlays.get(floor.id)),
            *self._areas(floor),
            *self._blind(floor),
            *self._forbidden(floor),
            *self._cameras(floor),
        ]

    def _areas(self, floor: FloorPart) -> list[Flowable]:
        keys = ["area", "level", "redundancy", "required_m2", "seen_m2", "seen_twice_m2"]
        keys += ["assured_m2", "assured_share", "blind_m2", "face_pitch", "retention", "met"]
        rows = [[both(f"coverage.{key}") for key in keys]]
        rows += [_area_row(area) for area in floor.areas]
        cells = [[self._cell(value) for value in row] for row in rows]
        alone = [
            f"{escape(_both_names(area.name))}: {only.camera_id} {m2(only.area_m2)} m²"
            for area in floor.areas
            for only in area.only_by
        ]
        parts: list[Flowable] = [
            Paragraph(both("coverage.areas"), self.heading),
            self._table(cells, (0.15, 0.1, *(0.075 for _ in keys[2:]))),
        ]
        if alone:
            parts.append(Paragraph(both("coverage.single_point"), self.heading))
            parts += [Paragraph(line, self.body) for line in alone]
        return parts

    def _blind(self, floor: FloorPart) -> list[Flowable]:
        spots = [(area, spot) for area in floor.areas for spot in area.blind]
        title = Paragraph(both("coverage.blind_spots"), self.heading)
        if not spots:
            return [title, Paragraph(both("coverage.no_blind_spots"), self.body)]
        keys = ("number", "area", "size_m2", "radius_m", "centre_m")
        rows = [[both(f"coverage.{key}") for key in keys]]
        rows += [
            [
                str(spot.number),
                _both_names(area.name),
                m2(spot.area_m2),
                f"{spot.radius_m:.2f}",
                f"{spot.centre_xy_m[0]:.2f}, {spot.centre_xy_m[1]:.2f}",
            ]
            for area, spot in spots
        ]
        cells = [[self._cell(value) for value in row] for row in rows]
        return [title, self._table(cells, (0.1, 0.35, 0.15, 0.2, 0.2))]

    def _forbidden(self, floor: FloorPart) -> list[Flowable]:
        if not floor.forbidden:
            return []
        lines = []
        for place in floor.forbidden:
            for view in place.views:
                when = "forbidden_shut" if view.doors_as_drawn else "forbidden_open"
                found = both(
                    "coverage.forbidden_line",
                    place=place.name.zh,
                    camera=view.camera_id,
                    area=m2(view.seen_m2),
                    density=f"{view.most_px_per_m:.0f}",
                )
                lines.append(f"{found} ({both(f'coverage.{when}')})")
        return [
            Paragraph(both("coverage.forbidden"), self.heading),
            *(
                Paragraph(escape(line), self.body)
                for line in lines or [both("coverage.no_forbidden")]
            ),
        ]

    def _cameras(self, floor: FloorPart) -> list[Flowable]:
        keys = ("camera", "height", "pan", "tilt", "hfov", "picture", "dead_zone", "as_built")
        rows = [[both(f"coverage.{key}") for key in keys]]
        rows += [_camera_row(camera) for camera in floor.cameras]
        cells = [[self._cell(value) for value in row] for row in rows]
        widths = (0.22, 0.08, 0.08, 0.08, 0.1, 0.12, 0.16, 0.16)
        return [Paragraph(both("coverage.cameras"), self.heading), self._table(cells, widths)]

    def _method(self) -> list[Flowable]:
        document = self.document
        lines = [
            both("coverage.method_exact"),
            both(
                "coverage.method_assured",
                chance=f"{document.method.assured_chance:g}",
                draws=document.method.draws,
                cell=f"{document.method.cell_m:g}",
            ),
            both("coverage.method_limits"),
            both("coverage.method_reading"),
        ]
        sign = both("coverage.reviewer_line")
        if document.confirmation is not None:
            who = document.confirmation
            sign = both("coverage.confirmed_by", name=who.name, at=who.at)
        return [
            Paragraph(both("coverage.method"), self.heading),
            *(Paragraph(escape(line), self.body) for line in lines),
            Paragraph(both("coverage.review"), self.heading),
            Paragraph(escape(sign), self.body),
        ]

    def _cell(self, value: str) -> Paragraph:
        return Paragraph(escape(value), self.cell)

    def _table(
        self, rows: list[list[Paragraph]], widths: tuple[float, ...], *, header: bool = True
    ) -> Table:
        table = Table(
            rows,
            [part * _WIDTH_PT for part in widths],
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


def _key_area_line(one: KeyAreaPart) -> str:
    if one.area_ids:
        return ", ".join(one.area_ids)
    if one.absent_because:
        return f"{both('coverage.key_area_absent')}: {one.absent_because}"
    return f"× {both('coverage.key_area_open')}"


def _uptime_line(uptime: Uptime | None) -> str:
    if uptime is None:
        return both("coverage.uptime_none")
    return f"{uptime.first_day} – {uptime.last_day}"


def _both_names(name: Name) -> str:
    return f"{name.zh}  {name.en}"


def _totals_row(totals: Totals) -> list[str]:
    return [
        f"{totals.areas_met} / {totals.areas}",
        m2(totals.required_m2),
        m2(totals.seen_m2),
        m2(totals.assured_m2),
        share(totals.assured_share),
        share(totals.weighted_share),
        share(totals.least_critical_share),
        m2(totals.blind_m2),
        m2(totals.single_m2),
        str(totals.forbidden_views),
    ]


def _area_row(area: AreaPart) -> list[str]:
    mark = f"  ★{both('coverage.critical')}" if area.critical else ""
    return [
        f"{_both_names(area.name)}{mark}",
        f"{area.level} {area.least_px_per_m:g} px/m",
        str(area.redundancy),
        m2(area.area_m2),
        m2(area.seen_m2),
        m2(area.seen_twice_m2),
        m2(area.assured_m2),
        share(area.assured_share),
        m2(area.blind_m2),
        "—" if area.steepest_face_deg is None else f"{area.steepest_face_deg:.1f}",
        str(area.retention_days),
        both("coverage.yes") if area.met else both("coverage.no"),
    ]


def _camera_row(camera: CameraPart) -> list[str]:
    zones = (camera.dead_zone_floor_m, camera.dead_zone_head_m)
    built = both("coverage.no_plan")
    if camera.deviation is not None:
        turn, footprint = (
            f"{camera.deviation.turn_deg:.1f}",
            share(camera.deviation.footprint_share),
        )
        built = (
            both("coverage.differs", turn=turn, share=footprint)
            if camera.deviation.differs
            else both("coverage.as_planned")
        )
    turns = f"  PTZ: {both('coverage.home_preset')}" if camera.ptz else ""
    return [
        f"{camera.id}  {_both_names(camera.name)}{turns}",
        f"{camera.z_m:.2f}",
        f"{camera.pan_deg:.1f}",
        f"{camera.tilt_deg:.1f}",
        f"{camera.hfov_deg:.1f}",
        f"{camera.width_px}×{camera.height_px}",
        " / ".join("—" if zone is None else f"{zone:.2f}" for zone in zones),
        built,
    ]
