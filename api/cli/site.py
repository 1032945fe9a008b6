"""`xiaoan site ...`: look at the files of a site before they are used."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.plan.words import joined_warnings
from config import (
    SITE_FILE,
    ConfigError,
    FileProblem,
    RequiredArea,
    SecretError,
    Site,
    SiteCamera,
    SiteFileError,
    load_site,
    sample_school_directory,
)
from config.delivery import load_delivery
from config.networks import is_address, load_networks
from config.profiles import load_profiles
from config.refusals import told_in
from config.site_files import FileStanding, check_files
from config.texts import LANGUAGES, text
from config.timetable import TIMETABLE_FILE, load_timetable
from vision.geometry.sight import visible_share

_SAMPLE_ID = "sample-school"
MIN_GOOD_SHARE = 0.9

site_app = typer.Typer(no_args_is_help=True, help="站点文件 Site files.")


@site_app.callback()
def _group() -> None:
    """站点文件 Site files."""


@site_app.command("sample")
def sample(
    directory: Annotated[Path, typer.Argument(help="新目录 New folder for the copy.")],
    lang: Annotated[
        str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")
    ] = LANGUAGES[0],
) -> None:
    """复制示范学校作为起点 Copy the sample school as a start for your own."""
    _known_language(lang)
    try:
        if directory.is_dir() and any(directory.iterdir()):
            typer.echo(text("site.sample.exists", lang, path=str(directory)))
            raise typer.Exit(1)
        directory.mkdir(parents=True, exist_ok=True)
        # Everything a site may have: people, cards, timetable, recording, examples of the rest.
        for source in sorted(sample_school_directory().iterdir()):
            if source.is_file():
                shutil.copyfile(source, directory / source.name)
    except OSError as error:
        reason = error.strerror or str(error)
        typer.echo(text("site.sample.not_written", lang, path=str(directory), reason=reason))
        raise typer.Exit(1) from None
    typer.echo(text("site.sample.done", lang, path=str(directory / SITE_FILE)))


@site_app.command("check")
def check(
    directory: Annotated[Path, typer.Argument(help="站点目录 Folder that holds site.yaml.")],
    lang: Annotated[
        str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")
    ] = LANGUAGES[0],
) -> None:
    """检查站点目录的全部文件 Check every file of a site; exit code 1 when one cannot be used."""
    _known_language(lang)
    console = Console(soft_wrap=True, highlight=False)
    try:
        site = load_site(directory)
    except SiteFileError as error:
        count = len(error.problems)
        console.print(text("site.check.refused", lang, file=SITE_FILE, count=count), style="bold")
        _print_problems(console, error.problems, lang)
        raise typer.Exit(1) from None
    header = text(
        "site.check.site",
        lang,
        name=site.name.in_language(lang),
        id=site.id,
        timezone=site.timezone,
    )
    console.print(header, markup=False)
    for table in (_floors(site, lang), _zones(site, lang), _cameras(site, lang)):
        console.print(table)
    standings = check_files(site)
    for note in _notes(site, standings, lang):
        console.print(f"△ {note}", markup=False)
    console.print(_files(standings, lang))
    refused = [one for one in standings if one.problems]
    for standing in refused:
        count, name = len(standing.problems), standing.name
        console.print(text("site.check.refused", lang, file=name, count=count), style="bold")
        _print_problems(console, standing.problems, lang)
    if refused:
        raise typer.Exit(1)
    console.print(text("site.check.ok", lang, file=SITE_FILE), markup=False)


def _known_language(lang: str) -> None:
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"use one of {', '.join(LANGUAGES)}", param_hint="--lang")


def _print_problems(console: Console, problems: tuple[FileProblem, ...], lang: str) -> None:
    for problem in problems:
        for line in told_in(problem, lang):
            console.print(f"  {line}", markup=False)


def _table(title: str, columns: tuple[str, ...], lang: str) -> Table:
    table = Table(
        title=text(f"site.check.{title}", lang),
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for column in columns:
        header = text(f"site.check.column.{column}", lang)
        table.add_column(header, overflow="fold", no_wrap=column == "id")
    return table


def _floors(site: Site, lang: str) -> Table:
    table = _table("floors", ("id", "name", "area", "walls", "doors", "areas"), lang)
    for floor in site.floors:
        required = sum(1 for area in floor.areas if isinstance(area, RequiredArea))
        table.add_row(
            floor.id,
            escape(floor.name.in_language(lang)),
            f"{floor.outline.area:.1f}",
            str(len(floor.walls)),
            str(len(floor.doors)),
            f"{required}/{len(floor.areas) - required}",
        )
    return table


def _zones(site: Site, lang: str) -> Table:
    columns = ("id", "name", "floor", "type", "area", "width", "head_height")
    table = _table("zones", columns, lang)
    for zone in site.zones:
        table.add_row(
            zone.id,
            escape(site.zone_name(zone.id).in_language(lang)),
            zone.floor_id,
            text(f"zone_type.{zone.type.value}", lang),
            f"{zone.area_m2:.1f}",
            "-" if zone.width_m is None else f"{zone.width_m:.2f}",
            f"{zone.head_height_m:.2f}",
        )
    return table


def _cameras(site: Site, lang: str) -> Table:
    table = _table("cameras", ("id", "name", "floor", "address", "sees"), lang)
    for camera in site.cameras:
        shares = ", ".join(f"{zone} {share:.0%}" for zone, share in _shares(site, camera).items())
        address = escape(str(camera.sub_uri or camera.uri))
        name = escape(camera.name.in_language(lang))
        table.add_row(camera.id, name, camera.floor_id, address, shares or "-")
    return table


def _files(standings: tuple[FileStanding, ...], lang: str) -> Table:
    table = _table("files", ("file", "standing", "holds"), lang)
    for one in standings:
        if one.problems:
            standing = text("site.file.refused", lang, count=len(one.problems))
        else:
            standing = text("site.file.good" if one.present else "site.file.absent", lang)
        counts = (text(f"site.file.count.{key}", lang, count=count) for key, count in one.counts)
        table.add_row(escape(one.name), standing, ", ".join(counts) or "-")
    return table


def _shares(site: Site, camera: SiteCamera) -> dict[str, float]:
    return {zone.id: visible_share(camera.camera, zone) for zone in site.zones_of(camera.id)}


def _notes(site: Site, standings: tuple[FileStanding, ...], lang: str) -> list[str]:
    noted = [*site.notes, *(note for one in standings for note in one.notes)]
    notes = [told_in(note, lang)[0] for note in noted]
    notes += _calendar_notes(site, lang)
    notes += _address_notes(site, lang)
    unseen = [zone.id for zone in site.zones if not site.cameras_of(zone.id)]
    if unseen:
        notes.append(text("site.check.unseen", lang, zones=", ".join(unseen)))
    for camera in site.cameras:
        for zone_id, share in _shares(site, camera).items():
            if share < MIN_GOOD_SHARE:
                shown = f"{share:.0%}"
                notes.append(
                    text("site.check.partly", lang, camera=camera.id, zone=zone_id, share=shown)
                )
        try:
            camera.uri.reveal()
        except SecretError as error:
            notes.append(text("site.check.secret", lang, camera=camera.id, reason=error))
    # A district that reads the alarms and papers of several schools knows them apart by this alone.
    if site.id == _SAMPLE_ID and site.directory != sample_school_directory():
        notes.append(text("site.check.sample_id", lang, id=site.id))
    return notes


def _calendar_notes(site: Site, lang: str) -> list[str]:
    """What the calendar that the timetable goes by lacks for this year and the next one."""
    try:
        timetable = load_timetable(site, load_profiles(site.profiles_file))
    except ConfigError:
        return []
    if timetable is None:
        return []
    year = datetime.now(ZoneInfo(site.timezone)).year
    missing = joined_warnings(timetable.calendar.warnings(year, year + 1), lang)
    return [f"{TIMETABLE_FILE}: {missing}"] if missing else []


def _address_notes(site: Site, lang: str) -> list[str]:
    """Cameras and receivers, written as addresses, that `networks.yaml` keeps the service from."""
    try:
        rules = load_networks(site.directory)
        targets = load_delivery(site.directory).targets
    except ConfigError:
        return []
    hosts = [
        (camera.id, uri.host)
        for camera in site.cameras
        for uri in (camera.uri, camera.sub_uri)
        if uri is not None
    ]
    hosts += [(target.id, path.host) for target in targets for path in target.paths]
    refused = dict.fromkeys(
        (name, host) for name, host in hosts if is_address(host) and rules.refusal(host)
    )
    return [text("site.check.address", lang, name=name, host=host) for name, host in refused]
