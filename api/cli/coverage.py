"""`xiaoan coverage ...`: what the cameras of a site show of the places that must be seen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from api.cli.exchange import add_exchange
from api.cli.output import typed
from api.coverage.advice import AdviceTerms, FloorAdvice, advise_site
from api.coverage.audit import audit_site
from api.coverage.audit_file import read_json, write_json
from api.coverage.difference import AreaChange, AuditDifference, difference, since_last
from api.coverage.document import AuditDocument
from api.coverage.document_uptime import Uptime
from api.coverage.errors import CoverageError, extra_package
from api.coverage.keeping import keep_in
from api.coverage.mount_places import needs_pole
from api.coverage.out_file import check_folder, writing
from api.coverage.proposal import write_proposal
from api.coverage.retention import with_retention
from api.coverage.table import write_csv
from api.coverage.uptime import Span, read_uptime
from api.database.errors import DatabaseError
from config import ConfigFileError, Site, SiteFileError, load_site
from config.key_areas import filled_key_areas
from config.recording import load_recording
from config.texts import LANGUAGES, text
from vision.coverage.pixel_density import LADDERS, Ladder
from vision.errors import GeometryError
from vision.instants import Utc

_MANY_CAMERAS = 40
_SUFFIXES = (".pdf", ".json", ".csv")

coverage_app = typer.Typer(no_args_is_help=True, help="覆盖审计 Coverage audits.")
add_exchange(coverage_app)
LanguageOption = Annotated[str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")]


@coverage_app.callback()
def _group() -> None:
    """覆盖审计 Coverage audits."""


def _say(line: str) -> None:
    Console(soft_wrap=True, highlight=False).print(line, markup=False)


@coverage_app.command("audit")
def audit(
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")],
    out: Annotated[Path, typer.Option("--out", help="报告 Report: .pdf, .json or .csv.")],
    ladder: Annotated[
        str, typer.Option("--ladder", help="像素密度等级 " + " | ".join(x.id for x in LADDERS))
    ] = LADDERS[0].id,
    confirm: Annotated[
        str | None, typer.Option("--confirm", callback=typed, help="确认人姓名 Who confirms it.")
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", help="运行记录 Database URL of the running record.")
    ] = None,
    since: Annotated[
        Path | None, typer.Option("--since", help="上次审计 Last audit, .json: tell what changed.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="天数 Days of it.")] = 30,
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """审计全部楼层 Audit all floors; a PDF carries a draft mark until somebody confirms it."""
    if out.suffix not in _SUFFIXES:
        _say(text("coverage.bad_suffix", lang, file=out.name))
        raise typer.Exit(2)
    now = Utc.from_datetime(datetime.now(UTC))
    try:
        check_folder(out, lang)
        earlier = read_json(since) if since is not None else None
        document = _audited(site, _ladder(ladder), now)
        if database is not None:
            document = document.with_uptime(_uptime(load_site(site), database, now, days))
        if earlier is not None:
            document = document.with_since_last(since_last(earlier, document))
        if confirm is not None:
            document = document.confirmed(confirm, now.iso())
        loaded = load_site(site)
        with writing(out, lang):
            _write(document, out, loaded)
    except ConfigFileError as error:
        _say(text("coverage.refused", lang))
        _say(str(error))
        raise typer.Exit(1) from None
    except (CoverageError, GeometryError, DatabaseError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    Console().print(_totals_table(document, lang))
    _say(text("coverage.written", lang, file=out))


@coverage_app.command("confirm")
def confirm_audit(
    audited: Annotated[Path, typer.Argument(help="已审阅的审计 The audit that was read, .json.")],
    name: Annotated[
        str, typer.Option("--name", callback=typed, help="确认人姓名 Name of who confirms it.")
    ],
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")],
    out: Annotated[Path, typer.Option("--out", help="报告 Report: .pdf, .json or .csv.")],
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """确认一份审计，数字不变 Confirm an audit as it was read: its figures stay, the mark goes."""
    if out.suffix not in _SUFFIXES:
        _say(text("coverage.bad_suffix", lang, file=out.name))
        raise typer.Exit(2)
    now = Utc.from_datetime(datetime.now(UTC))
    try:
        check_folder(out, lang)
        signed, loaded = read_json(audited).confirmed(name, now.iso()), load_site(site)
        with writing(out, lang):
            _write(signed, out, loaded)
    except (SiteFileError, CoverageError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    _say(text("coverage.written", lang, file=out))


@coverage_app.command("keep")
def keep_audit(
    confirmed: Annotated[Path, typer.Argument(help="已确认的审计 The confirmed audit, .json.")],
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")],
    database: Annotated[
        str, typer.Option("--database", help="服务的数据库 Database URL of the service.")
    ],
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """把确认的审计存入服务 Keep a confirmed audit in the service, as if it was confirmed there."""
    try:
        document, loaded = read_json(confirmed), load_site(site)
        now = Utc.from_datetime(datetime.now(UTC))
        new = keep_in(database, document, loaded.id, now)
    except (SiteFileError, CoverageError, DatabaseError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    _say(text("coverage.kept" if new else "coverage.kept_before", lang, file=confirmed.name))


def _uptime(site: Site, database: str, now: Utc, days: int) -> Uptime:
    """The record of the site's own last days, today included."""
    return read_uptime(site, database, Span.up_to(now, days, ZoneInfo(site.timezone)))


def _ladder(name: str) -> Ladder:
    for ladder in LADDERS:
        if ladder.id == name:
            return ladder
    known = ", ".join(ladder.id for ladder in LADDERS)
    raise typer.BadParameter(f"use one of {known}", param_hint="--ladder")


def _audited(directory: Path, ladder: Ladder, now: Utc) -> AuditDocument:
    site = load_site(directory)
    processes = min(2, os.cpu_count() or 1) if len(site.cameras) > _MANY_CAMERAS else 1
    with Progress(transient=True) as progress:
        task = progress.add_task(site.name.zh, total=len(site.floors))
        document = audit_site(
            site,
            now,
            ladder=ladder,
            processes=processes,
            progress=lambda _floor_id: progress.advance(task),
        )
    return with_retention(document, load_recording(site))


def _write(document: AuditDocument, out: Path, site: Site) -> None:
    if out.suffix == ".json":
        write_json(document, out)
    elif out.suffix == ".csv":
        write_csv(document, out)
    else:
        # The PDF library is an extra: the other forms work without it.
        with extra_package():
            from api.coverage.pdf import write_pdf

        pictures = {f.id: f.underlay.path for f in site.floors if f.underlay is not None}
        write_pdf(document, out, underlays=pictures)


def _totals_table(document: AuditDocument, lang: str) -> Table:
    keys = ["areas_met", "required_m2", "assured_m2", "assured_share", "blind_m2"]
    keys += ["single_m2", "forbidden_views"]
    table = Table()
    for key in ("place", *keys):
        # Names and heads are folded: a cut name on a narrow screen names nothing.
        table.add_column(text(f"coverage.{key}", lang), overflow="fold")
    rows = [(text("coverage.whole_site", lang), document.totals)]
    rows += [
        (floor.name.en if lang == "en" else floor.name.zh, floor.totals)
        for floor in document.floors
    ]
    for name, totals in rows:
        table.add_row(
            name,
            f"{totals.areas_met} / {totals.areas}",
            f"{totals.required_m2:.2f}",
            f"{totals.assured_m2:.2f}",
            f"{totals.assured_share:.2%}",
            f"{totals.blind_m2:.2f}",
            f"{totals.single_m2:.2f}",
            str(totals.forbidden_views),
        )
    return table


@coverage_app.command("advise")
def advise(
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")],
    out: Annotated[Path, typer.Option("--out", help="方案目录 New folder for the proposed site.")],
    most_new: Annotated[
        int, typer.Option("--new", min=0, help="每层最多新增 New cameras a floor at most.")
    ] = 2,
    budget: Annotated[
        int | None,
        typer.Option("--budget", min=0, help="全校最多新增 New cameras on the site at most."),
    ] = None,
    no_mount: Annotated[
        list[str] | None,
        typer.Option("--no-mount", help="不可安装处 Floor, area or zone without mounts."),
    ] = None,
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """建议 Advice: turn cameras, change lenses, add cameras; audit the proposal afterwards."""
    try:
        loaded = load_site(site)
        found = _advised(loaded, AdviceTerms(most_new, budget, frozenset(no_mount or ())))
        path = write_proposal(loaded, found, out)
    except (SiteFileError, CoverageError, GeometryError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    Console().print(_advice_table(found, lang))
    for part in found:
        floor = loaded.floor(part.floor_id)
        if poles := sum(needs_pole(floor, camera.pose) for camera in part.added):
            _say(text("coverage.advice_poles", lang, floor=floor.id, count=poles))
    _say(text("coverage.advice_note", lang))
    _say(text("coverage.written", lang, file=path))


def _advised(site: Site, terms: AdviceTerms) -> tuple[FloorAdvice, ...]:
    with Progress(transient=True) as progress:
        task = progress.add_task(site.name.zh, total=None)
        return advise_site(
            site, terms, progress=lambda done, of: progress.update(task, completed=done, total=of)
        )


def _advice_table(found: Sequence[FloorAdvice], lang: str) -> Table:
    keys = ("floor", "turned", "lenses", "added", "before", "after", "bound")
    table = Table(*(text(f"coverage.advice_{key}", lang) for key in keys))
    for part in found:
        turned = [name for name in part.changed if name not in part.re_lensed]
        shares = (part.before_weight, part.after_weight, part.bound_weight)
        table.add_row(
            part.floor_id,
            ", ".join(turned) or "—",
            ", ".join(sorted(part.re_lensed)) or "—",
            str(len(part.added)),
            *(f"{weight / part.required_weight:.1%}" for weight in shares),
        )
    return table


@coverage_app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="上次审计 Earlier audit, .json.")],
    new: Annotated[Path, typer.Argument(help="本次审计 Later audit, .json.")],
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """比较两次审计 Compare two audits; exit code 1 when an area lost coverage."""
    try:
        found = difference(read_json(old), read_json(new))
    except CoverageError as error:
        _say(str(error))
        raise typer.Exit(2) from None
    _show_difference(found, lang)


@coverage_app.command("compare")
def compare(
    site: Annotated[Path, typer.Option("--site", help="现有站点目录 Folder of the site as it is.")],
    proposal: Annotated[
        Path, typer.Option("--proposal", help="方案站点目录 Folder of the proposed site.")
    ],
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """比较现状与方案 Audit a site and a proposal for it and compare; exit code 1 as `diff`."""
    now = Utc.from_datetime(datetime.now(UTC))
    try:
        old, new = (_audited(folder, LADDERS[0], now) for folder in (site, proposal))
    except (ConfigFileError, CoverageError, GeometryError) as error:
        _say(str(error))
        raise typer.Exit(2) from None
    _show_difference(difference(old, new), lang)


@coverage_app.command("key-areas")
def key_areas(
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")],
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """重点部位填写情况 Which of the 16 key places a site has filled in; exit code 1 if not all."""
    try:
        filled = filled_key_areas(load_site(site))
    except SiteFileError as error:
        _say(str(error))
        raise typer.Exit(2) from None
    table = Table(text("coverage.key_area", lang), "id", text("coverage.key_area_filled", lang))
    for one in filled:
        absent = f"{text('coverage.key_area_absent', lang)}: {one.absent_because}"
        told = ", ".join(one.area_ids) or (absent if one.absent_because else "")
        unfilled = f"✕ {text('coverage.key_area_open', lang)}"
        table.add_row(one.kind.name.in_language(lang), one.kind.id, told or unfilled)
    Console().print(table)
    _say(text("coverage.key_areas_reading", lang))
    still = sum(not one.is_filled for one in filled)
    _say(text("coverage.key_areas_count", lang, filled=len(filled) - still, all=len(filled)))
    if still:
        _say(text("coverage.key_areas_mend", lang))
        raise typer.Exit(1)


def _show_difference(found: AuditDifference, lang: str) -> None:
    """Print it; exit code 1 when an area lost or a forbidden view came."""
    if found.is_empty:
        _say(text("coverage.diff_same", lang))
        return
    if not found.same_ladder:
        _say(f"△ {text('coverage.diff_other_ladder', lang)}")
    table = Table(
        text("coverage.area", lang),
        text("coverage.diff_before", lang),
        text("coverage.diff_after", lang),
        text("coverage.diff_change", lang),
        title=text("coverage.diff_title", lang),
    )
    for change in found.areas:
        table.add_row(*_change_row(change, lang))
    Console().print(table)
    for sign, cameras, views in (
        ("+", found.cameras_added, found.views_added),
        ("−", found.cameras_removed, found.views_removed),
        ("≠", found.cameras_changed, ()),
    ):
        for camera_id in cameras:
            _say(f"{sign} {text('coverage.camera', lang)}: {camera_id}")
        for place_id, camera_id in views:
            _say(f"{sign} {text('coverage.forbidden_views', lang)}: {place_id} ← {camera_id}")
    if found.views_added or any(change.worse for change in found.areas):
        raise typer.Exit(1)


def _change_row(change: AreaChange, lang: str) -> tuple[str, str, str, str]:
    before, after = change.before, change.after
    return (
        change.area_id,
        f"{before.assured_m2:.2f}" if before else text("coverage.diff_added", lang),
        f"{after.assured_m2:.2f}" if after else text("coverage.diff_removed", lang),
        f"{change.assured_change_m2:+.2f}",
    )
