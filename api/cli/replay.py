"""`xiaoan replay`: which alarms another profile would have raised, missed or moved."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from api.cli.output import written
from api.replay.recorded import RecordedReadingsError, kind_of, load_readings
from config.errors import ConfigError
from config.profiles import load_profiles
from config.texts import LANGUAGES, text
from vision.risk.replay import Change, Pair, Spell, compared, judged_again, spells

_COLUMNS = ("zone", "change", "old_start", "old_peak", "new_start", "new_peak", "moved", "why")


def replay(
    readings: Annotated[Path, typer.Option("--readings", help="读数目录 Folder of readings.")],
    profile: Annotated[Path, typer.Option("--profile", help="新阈值方案 New profile, YAML.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="写出 CSV Also write the list as CSV.")
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", help="时区 Zone of times.")] = (
        "Asia/Shanghai"
    ),
    lang: Annotated[str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")] = (
        LANGUAGES[0]
    ),
) -> None:
    """假设分析：换一套阈值会怎样 What another profile would have said of recorded readings."""
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"use one of {', '.join(LANGUAGES)}", param_hint="--lang")
    console = Console(soft_wrap=True, highlight=False)
    zone = _zone(timezone)
    try:
        new_profiles = load_profiles(profile)
        recorded = load_readings(readings)
    except (ConfigError, RecordedReadingsError) as error:
        console.print(str(error), markup=False)
        raise typer.Exit(1) from None
    rows: list[list[str]] = []
    counts = dict.fromkeys(Change, 0)
    for zone_id, old in recorded.items():
        kind = kind_of(old)
        if kind is None:
            console.print(text("replay.no_kind", lang, zone=zone_id), markup=False)
            continue
        new = judged_again(old, new_profiles[kind])
        for pair in compared(spells(old), spells(new)):
            counts[pair.change] += 1
            rows.append(_row(zone_id, pair, zone, lang))
    _show(console, rows, counts, lang)
    if next(iter(new_profiles.values())).reviewer == "":
        console.print(text("replay.no_reviewer", lang), markup=False)
    if out is not None:
        with written(out, lang), out.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([text(f"replay.column.{name}", lang) for name in _COLUMNS])
            writer.writerows(rows)
        console.print(text("replay.written", lang, path=out), markup=False)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A path, a folder of zones, or a name longer than a file may have.
        raise typer.BadParameter(
            f"{name[:60]!r} is no time zone; write one such as Asia/Shanghai",
            param_hint="--timezone",
        ) from None


def _row(zone_id: str, pair: Pair, zone: ZoneInfo, lang: str) -> list[str]:
    moved = pair.moved_s
    shown = pair.new if pair.new is not None else pair.old
    rules = () if shown is None else dict.fromkeys(shown.rules)
    return [
        zone_id,
        text(f"replay.change.{pair.change.value}", lang),
        *_spell(pair.old, zone),
        *_spell(pair.new, zone),
        "-" if moved is None else f"{moved:+.1f} s",
        ", ".join(text(f"rule.{rule}", lang) for rule in rules),
    ]


def _spell(spell: Spell | None, zone: ZoneInfo) -> tuple[str, str]:
    if spell is None:
        return "-", "-"
    local = spell.starts_at.to_datetime().astimezone(zone)
    return local.strftime("%m-%d %H:%M:%S"), spell.peak.value


def _show(
    console: Console, rows: Sequence[Sequence[str]], counts: dict[Change, int], lang: str
) -> None:
    table = Table(title=text("replay.title", lang), title_justify="left", box=SIMPLE_HEAD)
    for name in _COLUMNS:
        table.add_column(text(f"replay.column.{name}", lang), overflow="fold")
    for row in rows:
        table.add_row(*row)
    if rows:
        console.print(table)
    told = {change.value: count for change, count in counts.items()}
    console.print(text("replay.summary", lang, **told), markup=False)
