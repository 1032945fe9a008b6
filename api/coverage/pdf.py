"""The audit as a PDF report in Chinese and English, out of the audit document alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Spacer,
)

from api.coverage.document import (
    AuditDocument,
    CameraPart,
    KeyAreaPart,
    Name,
    SinceLast,
    Totals,
)
from api.coverage.document_uptime import Uptime
from api.coverage.fonts import register_font
from api.coverage.pdf_floor import floor_parts
from api.coverage.pdf_sheet import MARGIN_PT, WIDTH_PT, Sheet, both, both_names, m2, moment, share
from api.coverage.pdf_uptime import uptime_findings, uptime_parts
from api.coverage.underlay import checked_picture
from config.texts import text

_MOST_FINDINGS = 15


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
    frame = Frame(MARGIN_PT, MARGIN_PT, WIDTH_PT, A4[1] - 2 * MARGIN_PT, 0, 0, 0, 0)
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
        self.document, self.sheet = document, Sheet(font)
        self.underlays = {
            floor.id: checked_picture(floor.underlay, underlays[floor.id])
            for floor in document.floors
            if floor.underlay is not None and floor.id in underlays
        }
        self.cameras = {c.id: c.name for floor in document.floors for c in floor.cameras}
        self.areas = {area.id: area.name for _, area in document.areas}

    def decorate(self, canvas: Canvas, _template: BaseDocTemplate) -> None:
        """Foot line with page and sha256; across the page the draft mark until confirmed."""
        font = self.sheet.font
        canvas.saveState()
        canvas.setFont(font, 6.5)
        canvas.setFillColor(colors.HexColor("#555555"))
        canvas.drawString(MARGIN_PT, 24, f"SHA-256 {self.document.sha256}")
        page = both("coverage.page", page=canvas.getPageNumber())
        canvas.drawRightString(A4[0] - MARGIN_PT, 24, page)
        if self.document.confirmation is None:
            canvas.setFillColor(colors.Color(0.55, 0.0, 0.0, alpha=0.12))
            canvas.setFont(font, 40)
            canvas.translate(A4[0] / 2, A4[1] / 2)
            canvas.rotate(52)
            canvas.drawCentredString(0, 0, both("coverage.draft"))
        canvas.restoreState()

    def story(self) -> list[Flowable]:
        parts = [*self._front(), *self._findings(), *self._all_totals(), *self._since_last()]
        parts += [*self._key_areas(), *self._uptime()]
        for floor in self.document.floors:
            parts += [PageBreak(), *floor_parts(self.sheet, floor, self.underlays.get(floor.id))]
        return [*parts, Spacer(1, 12), *self._method()]

    def _front(self) -> list[Flowable]:
        document = self.document
        facts = [
            ("coverage.site", both_names(document.site_name)),
            ("coverage.made_at", moment(document.made_at, document.timezone)),
            ("coverage.ladder", document.ladder_edition),
            ("coverage.site_sha256", document.site_sha256),
            ("coverage.audit_sha256", document.sha256),
            ("coverage.uptime", _uptime_line(document.uptime)),
        ]
        rows = [[both(key), value] for key, value in facts]
        return [
            self.sheet.title(both("coverage.title")),
            self.sheet.table(rows, (0.3, 0.7), header=False),
            Spacer(1, 8),
        ]

    def _findings(self) -> list[Flowable]:
        """What the one who signs has to know first, each line in both languages."""
        totals = self.document.totals
        spots = [spot for _, area in self.document.areas for spot in area.blind]
        lines = [
            _finding(totals.areas_met == totals.areas, "areas", **_counts(totals)),
            _finding(
                not spots,
                "blind",
                count=len(spots),
                m2=m2(totals.blind_m2),
                largest=m2(totals.largest_blind_m2),
            ),
            _finding(totals.forbidden_views == 0, "forbidden", count=totals.forbidden_views),
        ]
        lines += self._not_met()
        cameras = [camera for floor in self.document.floors for camera in floor.cameras]
        built = [camera.id for camera in cameras if _differs(camera)]
        if built:
            lines.append(_finding(False, "built", cameras=", ".join(built)))
        lines += [*self._faces(), *self._retention()]
        silent = [camera.id for camera in cameras if camera.ptz and not camera.presets]
        if silent:
            lines.append(f"△ {both('coverage.finding_presets', cameras=', '.join(silent))}")
        alone = f"{m2(totals.single_m2)} / {m2(totals.seen_m2)} m²"
        lines.append(f"△ {both('coverage.finding_alone', share=alone)}")
        if self.document.uptime is not None:
            lines += uptime_findings(self.document.uptime, *self._of_record())
        heading = self.sheet.heading(both("coverage.findings"))
        return [*heading, *(self.sheet.line(line) for line in lines)]

    def _not_met(self) -> list[str]:
        """Critical areas first, then those of which least is assured."""
        missed = [(floor, area) for floor, area in self.document.areas if not area.met]
        missed.sort(key=lambda one: (not one[1].critical, one[1].assured_share))
        lines = [
            f"{both('coverage.finding_not_met')} {both_names(floor.name)} · "
            f"{both_names(area.name)}{' ★' if area.critical else ''}: "
            f"{share(area.assured_share)}, {m2(area.blind_m2)} m²"
            for floor, area in missed[:_MOST_FINDINGS]
        ]
        if len(missed) > _MOST_FINDINGS:
            more = len(missed) - _MOST_FINDINGS
            lines.append(f"× {both('coverage.finding_more', count=more)}")
        return lines

    def _faces(self) -> list[str]:
        """Areas in which faces are seen from too far above."""
        limit = self.document.method.most_face_pitch_deg
        steep = [
            f"{area.name.zh} {m2(area.steep_faces_m2)} m²"
            for _, area in self.document.areas
            if area.steep_faces_m2
        ]
        if limit is None or not steep:
            return []
        return [_finding(False, "faces", areas="; ".join(steep), limit=f"{limit:g}")]

    def _retention(self) -> list[str]:
        """Whether recordings are kept as long as the areas ask for."""
        held = [
            (area, area.retention) for _, area in self.document.areas if area.retention is not None
        ]
        short = [
            f"{area.name.zh} {found.kept_days or 0:g} / {found.asked_days}"
            for area, found in held
            if found.state == "short"
        ]
        met = sum(found.state == "met" for _, found in held)
        unstated = sum(found.state == "unstated" for _, found in held)
        lines = [_finding(False, "retention_short", areas="; ".join(short))] if short else []
        if met:
            lines.append(_finding(True, "retention_met", count=met))
        if unstated:
            lines.append(f"△ {both('coverage.finding_retention_unstated', count=unstated)}")
        return lines

    def _all_totals(self) -> list[Flowable]:
        document = self.document
        columns = [(both("coverage.whole_site"), document.totals)]
        columns += [(both_names(part.name), part.totals) for part in document.buildings]
        columns += [(both_names(floor.name), floor.totals) for floor in document.floors]
        keys = ["areas_met", "required_m2", "seen_m2", "assured_m2", "assured_share"]
        keys += ["weighted_share", "least_critical", "blind_m2", "single_m2", "forbidden_views"]
        head = [both("coverage.place"), *(both(f"coverage.{key}") for key in keys)]
        rows = [head, *([name, *_totals_row(totals)] for name, totals in columns)]
        widths = (0.17, *(0.083 for _ in keys))
        return [*self.sheet.heading(both("coverage.totals")), self.sheet.table(rows, widths)]

    def _since_last(self) -> list[Flowable]:
        found = self.document.since_last
        if found is None:
            return []
        zone = self.document.timezone
        parts: list[Flowable] = [
            *self.sheet.heading(both("coverage.diff_title")),
            self.sheet.line(f"{moment(found.made_at, zone)}  SHA-256 {found.sha256}"),
        ]
        if not found.same_ladder:
            parts.append(self.sheet.line(f"△ {both('coverage.diff_other_ladder')}"))
        keys = ("area", "diff_before", "diff_after", "diff_change")
        rows = [[both(f"coverage.{key}") for key in keys]]
        rows += [
            [
                both_names(one.name),
                both("coverage.diff_added")
                if one.assured_before_m2 is None
                else m2(one.assured_before_m2),
                both("coverage.diff_removed")
                if one.assured_after_m2 is None
                else m2(one.assured_after_m2),
                f"{one.change_m2:+.2f}",
            ]
            for one in found.areas
        ]
        if found.areas:
            parts.append(self.sheet.table(rows, (0.4, 0.2, 0.2, 0.2)))
        changes = _changes(found)
        if not found.areas and not changes:
            parts.append(self.sheet.line(both("coverage.diff_same")))
        return [*parts, *(self.sheet.line(line) for line in changes)]

    def _key_areas(self) -> list[Flowable]:
        if not self.document.key_areas:
            return []
        rows = [[both("coverage.key_area"), both("coverage.key_area_filled")]]
        rows += [[both_names(one.name), self._key_area(one)] for one in self.document.key_areas]
        return [
            *self.sheet.heading(both("coverage.key_areas")),
            self.sheet.line(both("coverage.key_areas_reading")),
            Spacer(1, 4),
            self.sheet.table(rows, (0.45, 0.55)),
        ]

    def _key_area(self, one: KeyAreaPart) -> str:
        if one.area_ids:
            return "; ".join(both_names(self.areas[area_id]) for area_id in one.area_ids)
        if one.absent_because:
            return f"{both('coverage.key_area_absent')}: {one.absent_because}"
        return f"× {both('coverage.key_area_open')}"

    def _uptime(self) -> list[Flowable]:
        found = self.document.uptime
        if found is None:
            return []
        return uptime_parts(self.sheet, found, *self._of_record())

    def _of_record(self) -> tuple[dict[str, Mapping[str, Name]], set[str]]:
        """Names of cameras and areas by id, and the ids of critical areas."""
        critical = {area.id for _, area in self.document.areas if area.critical}
        return {"cameras": self.cameras, "areas": self.areas}, critical

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
        ]
        if document.method.most_face_pitch_deg is not None:
            limit = f"{document.method.most_face_pitch_deg:g}"
            lines.append(both("coverage.method_faces", limit=limit))
        lines += [both("coverage.method_retention"), both("coverage.method_reading")]
        sign = both("coverage.reviewer_line")
        if document.confirmation is not None:
            who = document.confirmation
            sign = both(
                "coverage.confirmed_by", name=who.name, at=moment(who.at, document.timezone)
            )
        # Who signs signs under the method, never on a sheet of its own.
        return [
            KeepTogether(
                [
                    self.sheet.plain_heading(both("coverage.method")),
                    *(self.sheet.line(line) for line in lines),
                    self.sheet.plain_heading(both("coverage.review")),
                    self.sheet.line(sign),
                ]
            )
        ]


def _finding(good: bool, key: str, **values: object) -> str:
    return f"{'●' if good else '×'} {both(f'coverage.finding_{key}', **values)}"


def _counts(totals: Totals) -> dict[str, object]:
    return {"met": totals.areas_met, "areas": totals.areas, "share": share(totals.assured_share)}


def _differs(camera: CameraPart) -> bool:
    return camera.deviation is not None and camera.deviation.differs


def _changes(found: SinceLast) -> list[str]:
    lines = []
    for sign, cameras, views in (
        ("+", found.cameras_added, found.views_added),
        ("–", found.cameras_removed, found.views_removed),
        ("≠", found.cameras_changed, []),
    ):
        if cameras:
            lines.append(f"{sign} {both('coverage.camera')}: {', '.join(cameras)}")
        for place_id, camera_id in views:
            lines.append(f"{sign} {both('coverage.forbidden_views')}: {place_id} ← {camera_id}")
    return lines


def _uptime_line(uptime: Uptime | None) -> str:
    if uptime is None:
        return both("coverage.uptime_none")
    return f"{uptime.first_day} – {uptime.last_day}"


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


__all__ = ["m2", "share", "write_pdf"]
