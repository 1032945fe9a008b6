"""`xiaoan plan ...`: check the plan's text and rules, and see what is due."""

from __future__ import annotations

import io
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from api.cli.output import written
from api.plan.errors import StepRefusal
from api.plan.reports.previewing import preview_lines
from api.plan.reports.sheet import plan_paper
from api.plan.reports.writing import Form, write_paper
from api.plan.words import warning_text
from config.errors import ConfigFileError, FileProblem
from config.plan import (
    PlanEdition,
    Unit,
    applies,
    expand_year,
    load_digests,
    load_edition,
    needed,
)
from config.plan.convert import inventory_texts, read_inventory
from config.plan.edition import edition_file
from config.plan.errors import PlanChoiceError, PlanFileError
from config.plan.new_edition import new_edition
from config.plan.recurrence import Occurrence
from config.plan.table_import import Chosen, Row, preview
from config.plan.units import BUREAU_ZONE
from config.plan.values import Rule, Scope
from config.plan.verify import Check, check_rules, check_same_texts, check_texts
from config.refusals import told_in
from config.texts import LANGUAGES, text
from config.whole_files import replace_whole

plan_app = typer.Typer(no_args_is_help=True, help="安全工作计划 The safety work plan.")

PlanFolder = Annotated[
    Path | None, typer.Option("--plan", help="计划目录 Folder with units.yaml, calendar.yaml ...")
]
Language = Annotated[str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")]


@plan_app.callback()
def _group() -> None:
    """安全工作计划 The safety work plan."""


@plan_app.command("verify")
def verify(
    plan: PlanFolder = None,
    source: Annotated[
        Path | None, typer.Option("--source", help="原文清单 Inventory to compare with.")
    ] = None,
    lang: Language = LANGUAGES[0],
) -> None:
    """核对原文与重复规则 Compare the texts and count the rules; exit code 1 on a difference."""
    console = _console()
    edition = _edition(plan, console, _checked(lang))
    digests = check_texts(edition.catalogue, load_digests())
    rules = check_rules(edition.catalogue, edition.calendars[""])
    years = sorted({year for rule in edition.catalogue.rules() for year in rule.expected_raw or ()})
    good = _report(console, "texts", digests, lang)
    if source is not None:
        try:
            texts = inventory_texts(read_inventory(source))
        except ConfigFileError as error:
            _refuse(error, console, lang)
        same = check_same_texts(edition.catalogue, texts)
        good = _report(console, "source", same, lang, file=source.name) and good
    counted = ", ".join(str(year) for year in years)
    good = _report(console, "rules", rules, lang, years=counted) and good
    if not good:
        raise typer.Exit(1)


@plan_app.command("due")
def due(
    school: Annotated[str, typer.Option("--school", help="单位编号 Id of the school or bureau.")],
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="日期 Day; today.")
    ] = None,
    plan: PlanFolder = None,
    lang: Language = LANGUAGES[0],
) -> None:
    """某日的待办 What the calendar asks of one school on one day."""
    console = _console()
    edition = _edition(plan, console, _checked(lang))
    on = _today() if day is None else day.date()
    try:
        unit = edition.unit(school)
    except KeyError:
        known = ", ".join(unit.id for unit in edition.units)
        console.print(text("plan.due.unknown_unit", lang, unit=school, known=known), markup=False)
        raise typer.Exit(1) from None
    for warning in edition.calendar_of(unit).warnings(on.year, on.year):
        console.print(f"△ {warning_text(warning, lang)}", markup=False)
    console.print(_due_table(edition, unit, on, lang))


@plan_app.command("import")
def import_table(
    table: Annotated[Path, typer.Argument(help="五列表 Five-column table, .xlsx or .docx.")],
    year: Annotated[int, typer.Option("--year", min=2000, max=2100, help="计划年度 Plan year.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="写出 Write a catalogue.yaml to look through.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="存入计划目录，自该年度起生效 Put beside the plan in force."),
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help="12=2.7.2 该行沿用该措施；12=new 为新增 What a row continues."),
    ] = None,
    duty: Annotated[
        list[str] | None,
        typer.Option("--duty", help="2.7.2a=新文字 任务改用的原文 New words of a duty."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="覆盖同年度的计划 Replace that year's plan.")
    ] = False,
    plan: PlanFolder = None,
    lang: Language = LANGUAGES[0],
) -> None:
    """预览并导入新一年的计划 Preview next year's table; exit code 1 when rows are wrong."""
    console = _console()
    edition = _edition(plan, console, _checked(lang))
    in_force = edition.catalogue_of(year - 1)
    try:
        found = preview(_rows(table, console, lang), in_force, _chosen(mapped or [], duty or []))
    except ConfigFileError as error:
        _refuse(error, console, lang)
    except PlanChoiceError as error:
        raise typer.BadParameter(str(error), param_hint="--map / --duty") from error
    for line in preview_lines(found, lang):
        console.print(line, markup=False)
    for target in _targets(out, into, year, replace=replace):
        content = new_edition(found, in_force, year, table.stem, edition.measure_ids(year))
        drawn_up = io.BytesIO()
        YAML().dump(content, drawn_up)
        # A plan in force is replaced whole: a full disk or a power cut must not cost it.
        with written(target, lang):
            replace_whole(target, drawn_up.getvalue())
        console.print(text("plan.import.written", lang, file=target), markup=False)
    if found.faults:
        raise typer.Exit(1)


@plan_app.command("export")
def export_table(
    out: Annotated[Path, typer.Argument(help="文件 File to write, .xlsx, .docx or .pdf.")],
    year: Annotated[
        int | None, typer.Option("--year", min=2000, max=2100, help="计划年度 Plan year; this one.")
    ] = None,
    plan: PlanFolder = None,
    lang: Language = LANGUAGES[0],
) -> None:
    """导出五列计划表 Write the plan as its own five-column table."""
    console = _console()
    edition = _edition(plan, console, _checked(lang))
    forms = {".xlsx": Form.XLSX, ".docx": Form.DOCX, ".pdf": Form.PDF}
    if out.suffix not in forms:
        raise typer.BadParameter(f"write {', '.join(forms)}", param_hint="OUT")
    chosen = edition.catalogue_of(_today().year if year is None else year)
    try:
        content = write_paper(plan_paper(chosen), forms[out.suffix])
    except StepRefusal as refusal:
        console.print(text(f"api.error.{refusal.code}.mend", lang), markup=False)
        raise typer.Exit(1) from refusal
    with written(out, lang):
        out.write_bytes(content)
    console.print(text("plan.export.written", lang, file=out), markup=False)


def _today() -> date:
    """The district's day, which is the service's: many machines run in UTC."""
    return datetime.now(BUREAU_ZONE).date()


def _chosen(mapped: list[str], duty: list[str]) -> Chosen:
    """The choices of the options `--map` and `--duty`. Raises `typer.BadParameter`."""
    measures = {}
    for one in mapped:
        row, equals, identity = one.partition("=")
        if not (row.isdigit() and equals and identity):
            raise typer.BadParameter("write ROW=MEASURE or ROW=new", param_hint="--map")
        measures[int(row)] = "" if identity == "new" else identity
    quotes = {}
    for one in duty:
        identity, equals, words = one.partition("=")
        if not (identity and equals and words):
            raise typer.BadParameter("write DUTY=WORDS", param_hint="--duty")
        quotes[identity] = words
    return Chosen(measures, quotes)


def _targets(out: Path | None, into: Path | None, year: int, *, replace: bool) -> list[Path]:
    """Files to write. Raises `typer.BadParameter` rather than replace a plan unasked."""
    targets = [] if out is None else [out]
    if into is not None:
        if not into.is_dir():
            raise typer.BadParameter(f"{into} is no folder; create it", param_hint="--into")
        target = into / edition_file(year)
        if target.exists() and not replace:
            message = f"{target.name} is there already; add --replace to write it anew"
            raise typer.BadParameter(message, param_hint="--into")
        targets.append(target)
    return targets


def _rows(table: Path, console: Console, lang: str) -> tuple[Row, ...]:
    if find_spec("openpyxl") is None or find_spec("docx") is None:
        console.print(text("api.error.plan_reports_missing.mend", lang), markup=False)
        raise typer.Exit(1)
    from api.plan.reports.table_files import read_table

    try:
        return read_table(table.read_bytes(), table.name)
    except FileNotFoundError as error:
        message = f"there is no such file in {table.parent}"
        raise _unread(table, message, "create it or name its folder") from error
    except OSError as error:
        message = "it is no file that can be read"
        raise _unread(table, message, "check the file's kind and permissions") from error


def _unread(table: Path, message: str, mend: str) -> PlanFileError:
    return PlanFileError([FileProblem(table.name, 0, "", message, mend)])


def _due_table(edition: PlanEdition, unit: Unit, on: date, lang: str) -> Table | str:
    items = sorted(_open_on(edition, unit, on), key=lambda item: (item[1].due, item[0].id))
    if not items:
        return text("plan.due.none", lang)
    name = unit.name_zh if lang == "zh" else unit.name_en
    title = text("plan.due.title", lang, unit=name, day=on.isoformat(), count=len(items))
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("rule", "task", "window", "due", "need", "basis"):
        table.add_column(text(f"plan.column.{column}", lang), overflow="fold")
    for rule, one in items:
        basis = text(f"plan.basis.{rule.basis.value}", lang)
        count = str(needed(rule, unit))
        start, end = one.window_start.isoformat(), one.due.isoformat()
        table.add_row(rule.id, rule.zh, start, end, count, basis)
    return table


def _open_on(edition: PlanEdition, unit: Unit, on: date) -> list[tuple[Rule, Occurrence]]:
    calendar = edition.calendar_of(unit)
    return [
        (rule, one)
        for year in (on.year, on.year + 1)
        for rule in edition.catalogue_of(year).rules()
        if applies(rule, unit) and rule.scope in (Scope.YEAR, Scope.PER_TERM)
        for one in expand_year(rule, year, calendar)
        if not one.exempt and one.window_start <= on <= one.due
    ]


def _report(
    console: Console, what: str, checks: tuple[Check, ...], lang: str, **values: object
) -> bool:
    subjects = {check.subject for check in checks}
    failing = [check for check in checks if not check.holds]
    held = len(subjects - {check.subject for check in failing})
    line = text(f"plan.verify.{what}", lang, held=held, total=len(subjects), **values)
    console.print(f"{'✗' if failing else '✓'} {line}", markup=False)
    for check in failing:
        words = text(
            "plan.verify.wrong",
            lang,
            subject=check.subject,
            what=check.what,
            wanted=check.wanted,
            found=check.found,
        )
        console.print(f"  {words}", markup=False)
    return not failing


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _checked(lang: str) -> str:
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"use one of {', '.join(LANGUAGES)}", param_hint="--lang")
    return lang


def _edition(plan: Path | None, console: Console, lang: str) -> PlanEdition:
    try:
        return load_edition(plan)
    except ConfigFileError as error:
        _refuse(error, console, lang)


def _refuse(error: ConfigFileError, console: Console, lang: str) -> NoReturn:
    count = len(error.problems)
    console.print(text("plan.file.refused", lang, count=count), style="bold")
    for problem in error.problems:
        for line in told_in(problem, lang):
            console.print(f"  {line}", markup=False)
    raise typer.Exit(1)
