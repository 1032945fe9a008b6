"""`xiaoan calibrate`: a camera's pose from clicked points, shown with its residuals."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from config import SITE_FILE, ConfigFileError, parse_site
from config.calibration_file import (
    CalibrationFile,
    calibration_block,
    load_calibration_file,
    with_calibration,
)
from config.texts import LANGUAGES, text
from config.whole_files import replace_whole
from vision.errors import CalibrationError
from vision.pose.calibration import Calibration, calibrate

_EXPECTED_RANGES_M = (5.0, 10.0, 20.0)

calibrate_app = typer.Typer(help="摄像机标定 Camera calibration.", add_completion=False)


@calibrate_app.command("calibrate")
def calibrate_camera(
    pairs: Annotated[
        Path, typer.Argument(help="点对文件 YAML file of clicked and measured points.")
    ],
    site: Annotated[
        Path | None, typer.Option(help="写入该站点 Site folder whose site.yaml gets the pose.")
    ] = None,
    lang: Annotated[
        str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")
    ] = LANGUAGES[0],
) -> None:
    """由点对求摄像机姿态 Fit a camera's pose; print residuals and the block for site.yaml."""
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"use one of {', '.join(LANGUAGES)}", param_hint="--lang")
    console = Console(soft_wrap=True, highlight=False)
    try:
        clicked = load_calibration_file(pairs)
        found = calibrate(clicked.pairs, clicked.priors, people=clicked.people, plane=clicked.plane)
    except ConfigFileError as error:
        console.print(str(error), markup=False)
        raise typer.Exit(1) from None
    except CalibrationError as error:
        console.print(text("calibrate.refused", lang, reason=error), markup=False)
        console.print(text("calibrate.advice", lang), markup=False)
        raise typer.Exit(1) from None
    console.print(_table(clicked, found, lang))
    for line in _summary(clicked, found, lang):
        console.print(line, markup=False)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    block = calibration_block(found, date=today)
    for key, value in block.items():
        console.print(f"    {key}: {value}", markup=False)
    if site is not None:
        _write(site, clicked.camera_id, block, console, lang)


def _table(clicked: CalibrationFile, found: Calibration, lang: str) -> Table:
    table = Table(
        title=text("calibrate.title", lang, camera=clicked.camera_id),
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for column in ("pair", "residual_px", "residual_m", "click_px", "plan_m", "left_out_m"):
        table.add_column(text(f"calibrate.column.{column}", lang), justify="right")
    for index, name in enumerate(clicked.names):
        left_out = found.leave_one_out_m
        table.add_row(
            name,
            f"{found.residuals_px[index]:.1f}",
            f"{found.residuals_m[index]:.2f}",
            f"{found.click_errors_px[index]:.1f}",
            f"{found.plan_errors_m[index]:.2f}",
            f"{left_out[index]:.2f}" if len(left_out) else "-",
        )
    return table


def _summary(clicked: CalibrationFile, found: Calibration, lang: str) -> list[str]:
    lines = [text("calibrate.summary", lang, px=f"{found.rms_px:.1f}", m=f"{found.rms_m:.2f}")]
    if not len(found.leave_one_out_m):
        lines.append(text("calibrate.three", lang))
    if found.person_height_m is not None:
        lines.append(text("calibrate.person", lang, height=f"{found.person_height_m:.2f}"))
    pose = found.camera.pose
    pan = math.radians(pose.pan_deg)
    for range_m in _EXPECTED_RANGES_M:
        place = (pose.x_m + range_m * math.cos(pan), pose.y_m + range_m * math.sin(pan))
        error_m = float(found.error_at_m(np.array([place]), clicked.plane)[0])
        if math.isfinite(error_m):
            shown = f"{range_m:g}"
            lines.append(text("calibrate.expected", lang, range=shown, error=f"{error_m:.2f}"))
    return lines


def _write(
    directory: Path, camera_id: str, block: dict[str, str], console: Console, lang: str
) -> None:
    """Put the block into the site file, if the site is then good as a whole."""
    file = directory / SITE_FILE
    try:
        edited = with_calibration(file.read_text(encoding="utf-8"), camera_id, block)
        parse_site(edited.encode(), directory=directory)
        replace_whole(file, edited.encode())
    except (ConfigFileError, OSError, UnicodeDecodeError) as error:
        console.print(str(error), markup=False)
        raise typer.Exit(1) from None
    console.print(text("calibrate.written", lang, file=file), markup=False)
