"""`xiaoan analyze`: recordings in; tables, an annotated film and a report out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from api.analysis.report import write_report
from api.analysis.run import Analysis, AnalysisOrder, analyse
from api.cli.output import written
from config import ConfigError, Site, load_site
from config.profiles import load_profiles
from config.texts import LANGUAGES, text
from models import load_head_network
from models.errors import ModelError
from streams.errors import StreamError
from vision.errors import VisionError
from vision.instants import Utc

_EXIT_BAD_INPUT = 1


def analyze(
    videos: Annotated[list[Path], typer.Argument(help="录像文件 Recordings, in order of time.")],
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")],
    camera: Annotated[str, typer.Option("--camera", help="摄像机 id Which camera took them.")],
    out: Annotated[Path, typer.Option("--out", help="结果目录 Folder for the results.")],
    start: Annotated[
        datetime | None,
        typer.Option("--start", help="开始时间（当地） Local time of the first picture."),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="阈值方案 YAML Threshold profile.")
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact/--no-redact", help="遮挡头部 Pixelate heads in the film.")
    ] = True,
    threads: Annotated[
        int, typer.Option("--threads", min=1, max=256, help="推理线程 CPU threads.")
    ] = 2,
    network_id: Annotated[
        str,
        typer.Option(
            "--network",
            envvar="XIAOAN_HEAD_NETWORK",
            help="人头网络 Head network; else the default.",
        ),
    ] = "",
    lang: Annotated[str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")] = "zh",
) -> None:
    """分析录像 Analyse recordings of one camera."""
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"use one of {', '.join(LANGUAGES)}", param_hint="--lang")
    console = Console(soft_wrap=True, highlight=False)
    try:
        loaded = load_site(site)
        order = AnalysisOrder(
            videos=tuple(videos),
            site=loaded,
            camera_id=_known_camera(loaded, camera),
            out_dir=out,
            recording_start=None if start is None else _local(start, loaded),
            redact=redact,
        )
        network = load_head_network(network_id or None, threads=threads)
        profiles = load_profiles(profile or loaded.profiles_file)
        with written(out, lang), _Bar(console, lang) as show:
            analysis = analyse(
                order, network, profiles, lambda video, share: show.at(video.name, share)
            )
            write_report(analysis, lang)
    except (ConfigError, ModelError, StreamError, VisionError) as error:
        console.print(str(error), markup=False)
        raise typer.Exit(_EXIT_BAD_INPUT) from None
    _tell(console, analysis, lang)


def _tell(console: Console, analysis: Analysis, lang: str) -> None:
    starts_at, ends_at = analysis.starts_at, analysis.ends_at
    seconds = 0.0 if starts_at is None or ends_at is None else ends_at - starts_at
    order = analysis.order
    console.print(
        text(
            "analysis.done",
            lang,
            frames=analysis.frames,
            seconds=f"{seconds:.1f}",
            path=str(order.out_dir),
        ),
        markup=False,
    )
    console.print(text("analysis.redacted" if order.redact else "analysis.unredacted", lang))


def _known_camera(site: Site, camera_id: str) -> str:
    known = [camera.id for camera in site.cameras]
    if camera_id not in known:
        raise typer.BadParameter(f"the site has {', '.join(known)}", param_hint="--camera")
    return camera_id


def _local(start: datetime, site: Site) -> Utc:
    moment = start if start.tzinfo else start.replace(tzinfo=ZoneInfo(site.timezone))
    return Utc.from_datetime(moment)


class _Bar:
    """One progress bar a recording, moved by `at`; a context manager."""

    def __init__(self, console: Console, lang: str) -> None:
        self._lang = lang
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def at(self, name: str, share: float) -> None:
        if name not in self._tasks:
            label = text("analysis.progress", self._lang, name=name)
            self._tasks[name] = self._progress.add_task(label, total=1.0)
        self._progress.update(self._tasks[name], completed=share)
