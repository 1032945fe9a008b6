"""From a unit, a kind of paper and a day to the paper: gathered, held against itself, written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import incident_store
from api.plan.counting import Desk
from api.plan.errors import StepRefusal
from api.plan.reports import agreement
from api.plan.reports.agreement import Disagreement
from api.plan.reports.duty_figures import of_lines
from api.plan.reports.evaluation import evaluate, evaluation_sheets
from api.plan.reports.gathering import MOST_LINES, Gathered, gather, totals_of
from api.plan.reports.half_month import half_month_sheets
from api.plan.reports.monthly import monthly_sheets
from api.plan.reports.pack import MOST_BYTES, PackFile, Receipt, zip_of
from api.plan.reports.periods import Period, ReportKind, period_of
from api.plan.reports.photos import Photo, printable
from api.plan.reports.scores import scores_of
from api.plan.reports.sheet import Paper, Picture, Sheet, file_word, reference_words, word
from api.plan.reports.standing import Stand, lines_then
from api.plan.reports.tables_of_work import (
    Words,
    figure_values,
    figures_rows,
    hazard_figures,
    notes_of,
    pending,
)
from api.plan.reports.weekly import weekly_sheets
from api.plan.reports.writing import Form, write_paper
from api.plan.service import PlanService
from api.plan.tables import PLAN_UNITS
from api.plan.today import between
from api.plan.viewer import PlanViewer
from config.plan import UnitKind
from config.texts import text
from vision.instants import Utc

_DISTRICT_KINDS = (ReportKind.HALF_MONTH, ReportKind.WEEKLY, ReportKind.MONTHLY)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is still missing; `what` is a key `plan.gap.<what>`."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A paper before it is written.

    Attributes:
        rows: what disagrees; with any the paper is not written.
        gaps: what is missing; the paper may be written all the same.
    """

    kind: ReportKind
    found: Gathered
    sheets: tuple[Sheet, ...]
    rows: tuple[Disagreement, ...]
    words: tuple[str, ...]
    gaps: tuple[Gap, ...]

    @property
    def name(self) -> str:
        """As offices name files: `学校_半月报_2027-03上`."""
        kind = word(f"name.{self.kind.value}")
        unit, period = file_word(self.found.unit.name_zh), file_word(self.found.period.name)
        return f"{unit}_{kind}_{period}"

    def figures(self) -> tuple[tuple[str, str], ...]:
        """Names and values as the paper prints them."""
        return tuple((str(row[1]), str(row[2])) for row in figures_rows(self.found))

    def figure_names(self) -> tuple[tuple[str, str], ...]:
        """Key below `plan.report.figure` and value of each figure."""
        return tuple((name, str(value)) for name, value in figure_values(self.found))

    def named_rows(self) -> tuple[tuple[Disagreement, str], ...]:
        """What disagrees, with its words."""
        return tuple(zip(self.rows, self.words, strict=True))


async def prepare(
    plan: PlanService, viewer: PlanViewer, unit_id: str, kind: ReportKind, day: date
) -> Prepared:
    """Read and check everything for a paper, in one view of the database.

    Raises `NotFoundRefusal` for a unit that the viewer cannot see.
    """
    async with plan.reading(viewer, unit_id) as (connection, desk):
        period = period_of(kind, day, desk.calendar)
        stand = _stand(plan, kind, period)
        found = await gather(connection, desk, period, stand)
        rows: list[tuple[str | None, Disagreement]]
        rows = [(None, one) for one in agreement.disagreements(found)]
        schools: list[Gathered] = []
        if desk.unit.kind is UnitKind.BUREAU and kind in _DISTRICT_KINDS:
            desks = await _school_desks(plan, viewer, connection, desk)
            schools = [await gather(connection, one, period, stand) for one in desks]
            for one in schools:
                rows += [(one.unit.name_zh, row) for row in agreement.disagreements(one)]
            numbers = [one.unit_no for one in desks]
            totals = await totals_of(connection, numbers, period, stand)
            parts = [(hazard_figures(one), of_lines(one.lines)) for one in schools]
            rows += [(None, row) for row in agreement.of_district(parts, totals)]
        sheets = await _sheets(plan, connection, desk, kind, found, schools, stand)
    words = tuple(disagreement_words(row, unit) for unit, row in rows)
    return Prepared(kind, found, sheets, tuple(row for _, row in rows), words, gaps_of(found))


def _stand(plan: PlanService, kind: ReportKind, period: Period) -> Stand | None:
    """The end of a past period; a term is scored by how its duties stand now."""
    if kind is ReportKind.EVALUATION or period.last >= plan.today():
        return None
    over = datetime.combine(period.last + timedelta(days=1), time(), plan.zone)
    return Stand(period.last, Utc.from_datetime(over))


async def _school_desks(
    plan: PlanService, viewer: PlanViewer, connection: AsyncConnection, desk: Desk
) -> list[Desk]:
    rows = await connection.execute(select(PLAN_UNITS.c.unit_id, PLAN_UNITS.c.unit_no))
    numbers = {row.unit_id: row.unit_no for row in rows}
    return [
        replace(desk, unit=unit, unit_no=numbers[unit.id])
        for unit in plan.visible(viewer)
        if unit.is_school and unit.id in numbers
    ]


async def _sheets(
    plan: PlanService,
    connection: AsyncConnection,
    desk: Desk,
    kind: ReportKind,
    found: Gathered,
    schools: Sequence[Gathered],
    stand: Stand | None,
) -> tuple[Sheet, ...]:
    period = found.period
    words = Words(plan.edition, plan.zone)
    match kind:
        case ReportKind.HALF_MONTH:
            return half_month_sheets(found, schools, words)
        case ReportKind.WEEKLY:
            first, last = period.last + timedelta(days=1), period.last + timedelta(days=7)
            following = await between(connection, desk.unit_no, first, last, MOST_LINES)
            if stand is not None:
                following = await lines_then(connection, following, stand)
            return weekly_sheets(found, schools, words, following)
        case ReportKind.MONTHLY:
            known = await incident_store.listed(connection, desk.unit_no, MOST_LINES)
            own = [one for one in known if period.holds(_day(plan, one.occurred.to_datetime()))]
            return monthly_sheets(found, schools, words, own)
        case ReportKind.EVALUATION:
            scores = await scores_of(connection, desk.unit_no, period)
            evaluation = evaluate(found, plan.edition, scores)
            return evaluation_sheets(found, evaluation, words)


def _day(plan: PlanService, instant: datetime) -> date:
    return instant.astimezone(plan.zone).date()


def gaps_of(found: Gathered) -> tuple[Gap, ...]:
    """What a person would still want to see to before the paper is made."""
    counts = {
        "duties_pending": len(pending(found.ledger)),
        "photos_unchecked": sum(1 for one in found.photos if one.privacy == "unchecked"),
        "hazards_undated": sum(
            1 for one in found.hazards if one.closed is None and one.due is None
        ),
        "inspections_without_receipt": sum(
            1 for one in found.records_of("inspection", "self") if not one.receipt_no
        ),
    }
    return tuple(Gap(what, count) for what, count in counts.items() if count)


def disagreement_words(one: Disagreement, unit: str | None = None) -> str:
    """A disagreement in words: which row, what is wrong, expected and found."""
    row = word("reference.total") if one.row == "total" else reference_words(one.row)
    what = text(f"plan.disagree.{one.what}", "zh")
    whose = "" if unit is None else f"{unit} "
    return f"{whose}{row} {what}：{one.expected} ≠ {one.found}"


def refuse_rows(rows: Sequence[Disagreement]) -> None:
    """Raises `StepRefusal` that names the rows that disagree, if there are any."""
    agreement.refuse(rows, [disagreement_words(one) for one in rows])


async def written(plan: PlanService, prepared: Prepared, form: Form, maker: str) -> bytes:
    """The paper's file. Raises `StepRefusal` for rows that disagree, or a missing package."""
    agreement.refuse(prepared.rows, prepared.words)
    made_at = plan.clock.utc().to_datetime().astimezone(plan.zone)
    return await asyncio.to_thread(write, plan.attachments, prepared, form, maker, made_at)


def write(folder: Path, prepared: Prepared, form: Form, maker: str, made_at: datetime) -> bytes:
    """The file of a paper; photographs lie in `folder`. Blocks. Raises `StepRefusal`."""
    photos = _printable(folder, prepared) if prepared.kind is ReportKind.HALF_MONTH else []
    pictures = tuple(Picture(caption, jpeg) for _, caption, jpeg in photos)
    paper = Paper(prepared.name, prepared.sheets, pictures)
    if form is not Form.ZIP:
        return write_paper(paper, form)
    files = [
        PackFile(f"{prepared.name}.{one.value}", write_paper(paper, one))
        for one in (Form.XLSX, Form.DOCX, Form.PDF)
    ]
    files += [PackFile(name, jpeg) for name, _, jpeg in photos]
    if sum(len(one.content) for one in files) > MOST_BYTES:
        raise StepRefusal("plan_pack_too_large", limit=MOST_BYTES // 2**20)
    receipt = Receipt(
        title=prepared.sheets[0].title,
        notes=notes_of(prepared.found),
        maker=maker,
        made_at=made_at,
        figures=prepared.figures(),
        kept_back=tuple(_kept_back(folder, prepared.found.photos)),
    )
    return zip_of(files, receipt)


def _printable(folder: Path, prepared: Prepared) -> list[tuple[str, str, bytes]]:
    """File name, caption and JPEG of each photograph that may leave and can be read."""
    found: list[tuple[str, str, bytes]] = []
    for one in prepared.found.photos:
        jpeg = printable(folder, one) if one.leaves else None
        if jpeg is not None:
            subject = reference_words(one.subject)
            stem = file_word(one.name.rpartition(".")[0] or one.name)
            name = f"{word('photos')}/{len(found) + 1:02d}_{subject.replace('#', '')}_{stem}.jpg"
            found.append((name, f"{subject} {one.name}", jpeg))
    return found


def _kept_back(folder: Path, photos: Sequence[Photo]) -> list[str]:
    lines = []
    for one in photos:
        if not one.leaves:
            reason = text(f"plan.privacy.{one.privacy.value}", "zh")
        elif printable(folder, one) is None:
            reason = word("receipt.unreadable")
        else:
            continue
        lines.append(f"{reference_words(one.subject)} {one.name}（{reason}）")
    return lines
