"""What the exported papers say, as plain tables; `sheets` writes them as XLSX and DOCX. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from api.plan.half_month import HazardFigures, Period
from api.plan.hazards import Hazard
from api.plan.states import DONE, State
from api.plan.today import Line
from config.plan import PlanCatalogue, Unit
from config.plan.values import Responsible
from config.texts import text

RESPONSIBLE_ZH = {
    Responsible.BUREAU: "区教育局",
    Responsible.SCHOOL: "各中小学（幼儿园）",
    Responsible.BOTH: "区教育局、各中小学（幼儿园）",
}
PLAN_HEADER = ("序号", "工作任务", "推进措施", "责任单位", "落实时限")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a paper.

    Attributes:
        notes: lines between the title and the table (填报单位, 日期 ...).
        rows: cells in order; a row of one cell spans the whole width (a section's heading).
        widths: column widths in characters.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    widths: tuple[int, ...]
    notes: tuple[str, ...] = ()
    footer: tuple[str, ...] = field(default=())


def plan_sheet(plan: PlanCatalogue) -> Sheet:
    """The plan as its own five-column table, word for word."""
    rows: list[tuple[str | int | float, ...]] = []
    for section in plan.sections:
        rows.append((f"{section.no_zh}、{section.title_zh}",))
        for task in section.tasks:
            rows.extend(
                (
                    task.no,
                    task.title_zh,
                    measure.text_zh,
                    RESPONSIBLE_ZH[measure.responsible],
                    "\n".join(measure.deadline.raw),
                )
                for measure in task.measures
            )
    return Sheet(plan.title_zh, PLAN_HEADER, tuple(rows), (6, 22, 70, 18, 12))


def half_month_sheets(
    unit: Unit,
    period: Period,
    result: HazardFigures,
    hazards: Sequence[Hazard],
    lines: Sequence[Line],
    titles: dict[str, str],
) -> tuple[Sheet, ...]:
    """The half-month pack: figures, hazard ledger, duties."""
    notes = (f"填报单位：{unit.name_zh}", f"填报周期：{period.first} 至 {period.last}")
    footer = ("填报人：", "负责人签字（盖章）：", "日期：")
    rate = result.closing_rate
    figures_rows: tuple[tuple[str | int | float, ...], ...] = (
        ("排查次数", result.inspections),
        ("上期结转", result.carried_over),
        ("本期新增", result.found),
        ("其中重大", result.found_major),
        ("本期销号", result.closed),
        ("期末未销", result.still_open),
        ("其中逾期", result.overdue),
        ("整改率", "—" if rate is None else f"{rate:.0%}"),
    )
    hazard_rows = tuple(
        (
            *(number, one.location, one.description, text(f"plan.level.{one.level.value}", "zh")),
            *(one.found.isoformat(), one.fixer, "" if one.due is None else one.due.isoformat()),
            *(text(f"plan.hazard.{one.state.value}", "zh"), one.accepted_by),
        )
        for number, one in enumerate(hazards, start=1)
    )
    duty_rows = tuple(
        (
            *(number, line.rule_id, titles.get(line.rule_id, line.rule_id)),
            *(line.due.isoformat(), f"{line.done}/{line.needed}"),
            text(f"plan.state.{line.state.value}", "zh"),
        )
        for number, line in enumerate(lines, start=1)
    )
    return (
        Sheet("校园安全隐患半月报", ("项目", "数量"), figures_rows, (20, 14), notes, footer),
        Sheet(
            "隐患台账",
            ("序号", "部位", "隐患", "级别", "发现日期", "整改人", "期限", "状态", "验收人"),
            hazard_rows,
            (6, 20, 40, 8, 12, 10, 12, 10, 10),
            notes,
        ),
        Sheet(
            "任务完成情况",
            ("序号", "编号", "事项", "截止", "完成", "状态"),
            duty_rows,
            (6, 13, 44, 12, 8, 14),
            notes,
        ),
    )


def evaluation_sheet(
    unit: Unit, first: date, last: date, plan: PlanCatalogue, lines: Sequence[Line]
) -> Sheet:
    """Term evaluation: per measure what was asked, done, late and missed, with the numbers of the
    ledger rows behind each deduction. 自评 and 区评 stay empty: people fill them."""
    rules = {rule.id: measure.id for measure in plan.measures() for rule in measure.rules}
    rows: list[tuple[str | int | float, ...]] = []
    for measure in plan.measures():
        own = [
            line
            for line in lines
            if rules.get(line.rule_id) == measure.id
            and line.state not in (State.EXEMPT, State.UPCOMING, State.OPEN)
        ]
        if not own:
            continue
        counts = Counter(line.state for line in own)
        on_time = sum(counts[state] for state in DONE if state is not State.LATE)
        faults = [line for line in own if line.state not in DONE or line.state is State.LATE]
        rows.append(
            (
                *(measure.id, measure.title_zh, len(own), on_time, counts[State.LATE]),
                *(counts[State.OVERDUE], counts[State.MISSED], f"{on_time / len(own):.1%}"),
                *("", "", _references(faults)),
            )
        )
    header = (
        *("编号", "推进措施", "应完成", "按时", "补交", "逾期", "漏检"),
        *("自动：按时率", "自评", "区评", "扣分依据（台账号）"),
    )
    notes = (f"被评单位：{unit.name_zh}", f"评价周期：{first} 至 {last}")
    return Sheet(
        "平安校园学期评价表",
        header,
        tuple(rows),
        (8, 40, 8, 8, 8, 8, 8, 12, 8, 8, 40),
        notes,
        ("自评人：", "区评人：", "日期："),
    )


def _references(faults: Sequence[Line], most: int = 20) -> str:
    shown = "、".join(f"#{line.id}" for line in faults[:most])
    rest = len(faults) - most
    return f"{shown} 等{len(faults)}项" if rest > 0 else shown
