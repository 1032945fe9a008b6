"""`xiaoan run`, and the options that other commands share with it.

A module of its own: the supervisor starts the service and the workers, and what it imports before
is time in which no camera is watched.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.cli.bench import warn_of_overload
from api.logs import set_up_logs
from api.run import RunPlan, refuse_taken_port, run
from api.run_folder import owned_run_folder
from config import ConfigError
from config.settings import load_settings
from config.site_in_force import settle_site
from models.errors import ModelError
from models.loading import head_card
from streams.clock import SystemClock
from streams.stopping import stop_on_signals

SiteOption = Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")]
RunDirOption = Annotated[
    Path | None, typer.Option("--run-dir", help="数据目录 Folder for database and spools.")
]
PortOption = Annotated[int | None, typer.Option("--port", help="端口 Port of the console.")]


def say(line: str) -> None:
    """Print a line as it is."""
    Console(soft_wrap=True, highlight=False).print(line, markup=False)


def run_command(site: SiteOption, run_dir: RunDirOption = None, port: PortOption = None) -> None:
    """启动值班台和全部摄像机 Start the console and all cameras; Ctrl+C stops."""
    try:
        settings = load_settings(run_dir=run_dir, port=port)
        set_up_logs(settings.log_level)
        # Before anything is written: another run of this folder goes by the copy that is there.
        head_card(settings.head_network or None)
        refuse_taken_port(settings)
        with owned_run_folder(settings):
            files = settle_site(site, settings.run_dir, SystemClock().utc())
            plan = RunPlan(files, settings)
            stop = threading.Event()
            stop_on_signals(stop)
            warn_of_overload(plan.site, settings, say, stop)
            run(plan, stop, say)
    except (ConfigError, ModelError) as error:
        say(str(error))
        raise typer.Exit(2) from None


__all__ = ["PortOption", "RunDirOption", "SiteOption", "run_command", "say"]
