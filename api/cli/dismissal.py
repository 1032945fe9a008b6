"""`xiaoan dismissal plan`: capacities, a staggered dismissal, its check, and the notice."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.dismissal.capacity import capacity_per_s, emptying
from api.dismissal.check import Checked, calmest_fast, walked_stairs
from api.dismissal.notice import Notice, notice_of
from api.dismissal.stagger import StaggerError, staggered
from api.dismissal.timetable import all_at_once
from config import ConfigError, load_site
from config.dismissal import DismissalFile, load_dismissal
from config.refusals import in_both
from config.texts import LANGUAGES, text
from streams.virtual.simulate import SimulationMissingError

_UNCHECKED_LOAD = 0.5
_REFUSALS = "dismissal.refusal."
_BARS = " ▁▂▃▄▅▆▇█"

dismissal_app = typer.Typer(no_args_is_help=True, help="放学疏导 Dismissal planning.")


@dismissal_app.callback()
def _group() -> None:
    """放学疏导 Dismissal planning."""


@dismissal_app.command("plan")
def plan_command(
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with dismissal.yaml.")],
    out: Annotated[
        list[Path] | None, typer.Option("--out", help="公告 Notice: .pdf, .xlsx or .png; repeat.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="在 JuPedSim 中验证 Walk it in JuPedSim.")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", help="仿真种子 Seed of the simulation.")] = 1,
    lang: Annotated[str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")] = (
        LANGUAGES[0]
    ),
) -> None:
    """错峰放学方案 Capacities and a staggered dismissal that keeps every stair calm."""
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"use one of {', '.join(LANGUAGES)}", param_hint="--lang")
    console = Console(soft_wrap=True, highlight=False)
    try:
        loaded = load_site(site)
        plan = load_dismissal(site)
        _say_capacity(console, plan, lang)
        found = _found(console, plan, seed, lang, check=check)
        name = loaded.name.in_language(lang)
        notice = notice_of(plan, found, lang, site_name=name)
        _say_notice(console, notice)
        for path in out or ():
            _export(console, notice, path, lang)
    except (ConfigError, StaggerError, SimulationMissingError) as error:
        console.print(in_both(str(error), _REFUSALS), markup=False)
        raise typer.Exit(1) from None


def _found(console: Console, plan: DismissalFile, seed: int, lang: str, *, check: bool) -> Checked:
    if not check:
        return Checked(staggered(plan, _UNCHECKED_LOAD), {})
    together = all_at_once(plan)
    at_once = Checked(together, walked_stairs(plan, together, seed))
    found = calmest_fast(plan, seed)
    extra_s = found.cleared_s - at_once.cleared_s
    console.print(
        text(
            "dismissal.compare",
            lang,
            at_once=f"{at_once.highest_per_m2:.2f}",
            staggered=f"{found.highest_per_m2:.2f}",
            load=f"{found.timetable.load:.0%}",
            extra=f"{extra_s / 60:.1f}",
        ),
        markup=False,
    )
    return found


def _say_capacity(console: Console, plan: DismissalFile, lang: str) -> None:
    table = Table(title=text("dismissal.capacity", lang), title_justify="left", box=SIMPLE_HEAD)
    for name in ("place", "width", "per_minute"):
        table.add_column(text(f"dismissal.column.{name}", lang))
    for place in plan.places:
        name = place.name_zh if lang == "zh" else place.name_en
        table.add_row(escape(name), f"{place.width_m:.2f}", f"{capacity_per_s(place) * 60:.0f}")
    console.print(table)
    for floor in emptying(plan):
        blocked = plan.place(floor.blocked)
        name = blocked.name_zh if lang == "zh" else blocked.name_en
        key = "dismissal.no_way" if floor.seconds is None else "dismissal.emptying"
        minutes = f"{(floor.seconds or 0.0) / 60:.1f}"
        line = text(
            key, lang, floor=floor.floor, blocked=name, minutes=minutes, pupils=floor.pupils
        )
        console.print(line, markup=False)


def _say_notice(console: Console, notice: Notice) -> None:
    table = Table(title=escape(notice.title), title_justify="left", box=SIMPLE_HEAD)
    for column in notice.columns:
        table.add_column(column)
    for row in notice.rows:
        table.add_row(*map(escape, row))
    console.print(table)
    most = max((max(curve.per_s) for curve in notice.curves), default=0.0)
    console.print(f"{notice.axis} (0..{most:.1f})", markup=False)
    for curve in notice.curves:
        bars = "".join(
            _BARS[round((len(_BARS) - 1) * value / most) if most else 0] for value in curve.per_s
        )
        console.print(f"  {bars} {curve.name}", markup=False)
    for note in notice.notes:
        console.print(note, markup=False)


def _export(console: Console, notice: Notice, path: Path, lang: str) -> None:
    if find_spec("reportlab") is None or find_spec("openpyxl") is None:
        console.print(text("api.error.plan_reports_missing.mend", lang), markup=False)
        raise typer.Exit(1)
    from api.coverage.errors import ReportError
    from api.dismissal.export import export

    try:
        export(notice, path)
    except (ReportError, OSError) as error:
        console.print(str(error), markup=False)
        raise typer.Exit(1) from None
    console.print(text("dismissal.written", lang, path=path), markup=False)
