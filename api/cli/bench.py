"""`xiaoan bench`: how many cameras this machine carries, and what would help."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.capacity.budget import HEADROOM, STAGES, StageCosts
from api.capacity.measure import Machine
from api.capacity.site_demand import CostMemory, dearest_stage, demand_of, measure_site
from api.run import settings_environment
from api.site_arguments import site_arguments
from config import ConfigError, load_site, sample_school_directory
from config.settings import ServiceSettings, load_settings
from config.site import Site
from config.texts import text
from models import load_head_network
from models.errors import ModelError
from models.heads.network import OwnHeadNetwork
from models.loading import head_card
from streams.cores import usable_cores
from streams.errors import StreamError
from vision.errors import VisionError

_KINDS_PX = ((1280, 720), (640, 360))
_STAIR_CAMERA = "cam-stair"
_ALWAYS_A_CORE = 3
# By then the cameras of a large site are watched.
_MEASURED_AFTER_S = 30.0


def bench(
    site: Annotated[
        Path | None, typer.Option("--site", help="站点目录 Also hold a site against it.")
    ] = None,
    run_dir: Annotated[Path | None, typer.Option("--run-dir", help="数据目录 Run folder.")] = None,
) -> None:
    """测量本机能带多少路摄像机 Measure how many cameras this machine carries."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        settings = load_settings(run_dir=run_dir)
        # A wrong folder is told at once, and not after a minute of measuring.
        held = None if site is None else load_site(site)
        network = _network(settings)
        machine = Machine(network)
        sample = load_site(sample_school_directory())
        stair = sample.camera(_STAIR_CAMERA)
        rows = tuple(machine.camera(sample, stair, size_px) for size_px in _KINDS_PX)
        console.print(_table(rows, network, settings))
        stage = dearest_stage(rows[:1])
        lines = [text("capacity.bottleneck", settings.language, stage=_stage(stage, settings))]
        lines.append(text(f"capacity.help.{stage}", settings.language))
        if held is not None:
            lines.append(_hold(held, machine, settings))
        for line in lines:
            console.print(line, markup=False)
    except (ConfigError, ModelError, StreamError, VisionError) as error:
        console.print(str(error), markup=False)
        raise typer.Exit(2) from None


def overload_warning(site: Site, settings: ServiceSettings) -> str:
    """What `xiaoan run` says when the site asks more than this machine can; empty when it fits.

    The first start with a site measures for some seconds; later ones read what was measured. A few
    cameras a core are not measured: any machine that can run this carries them.
    """
    known = known_overload(site, settings)
    if known is not None:
        return known
    network = _network(settings)
    costs = measure_site(site, lambda: Machine(network, seconds=1.0))
    CostMemory(settings.run_dir, site, _measured_with(settings)).write(costs)
    return _overload(costs, settings)


def known_overload(site: Site, settings: ServiceSettings) -> str | None:
    """As `overload_warning`, from what was measured before; `None` where nothing was."""
    if len(site.cameras) <= _ALWAYS_A_CORE * len(usable_cores()):
        return ""
    costs = CostMemory(settings.run_dir, site, _measured_with(settings)).read()
    return None if costs is None else _overload(costs, settings)


def warn_of_overload(
    site: Site,
    settings: ServiceSettings,
    say: Callable[[str], None],
    stop: threading.Event,
    after_s: float = _MEASURED_AFTER_S,
) -> None:
    """Say the warning: at once where the site was measured before, else once the cameras run.

    Cameras are watched first. The measuring is a process of its own, which takes its memory along.
    """
    known = known_overload(site, settings)
    if known:
        say(known)
    if known is not None:
        return

    def measure() -> None:
        if stop.wait(after_s):
            return
        program = (sys.executable, "-m", "api.capacity.site_process")
        done = subprocess.run(  # noqa: S603  # the service's own program
            (*program, *site_arguments(site)),
            env=os.environ | settings_environment(settings),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if warning := done.stdout.decode(errors="replace").strip():
            say(warning)

    threading.Thread(target=measure, name="overload", daemon=True).start()


def _network(settings: ServiceSettings) -> OwnHeadNetwork:
    return load_head_network(
        settings.head_network or None,
        threads=1,
        precision=settings.network_precision,
        memory=settings.runtimes_file,
    )


def _measured_with(settings: ServiceSettings) -> str:
    card = head_card(settings.head_network or None)
    return f"{card.versioned_id}/{settings.network_precision}"


def _overload(costs: tuple[StageCosts, ...], settings: ServiceSettings) -> str:
    if not costs or not demand_of(costs, len(usable_cores())).too_much:
        return ""
    return _verdict(costs, settings)


def _hold(site: Site, machine: Machine, settings: ServiceSettings) -> str:
    costs = measure_site(site, lambda: machine)
    CostMemory(settings.run_dir, site, _measured_with(settings)).write(costs)
    return _verdict(costs, settings) if costs else ""


def _verdict(costs: tuple[StageCosts, ...], settings: ServiceSettings) -> str:
    cores = len(usable_cores())
    demand = demand_of(costs, cores)
    numbers = {
        "cameras": demand.cameras,
        "needed": f"{demand.needed_cores:.1f}",
        "usable": f"{HEADROOM * cores:.1f}",
    }
    language = settings.language
    if not demand.too_much:
        return text("capacity.site.fits", language, **numbers)
    mend = text(f"capacity.help.{dearest_stage(costs)}", language)
    return text("capacity.site.too_much", language, help=mend, **numbers)


def _stage(stage: str, settings: ServiceSettings) -> str:
    return text(f"capacity.column.{stage}", settings.language)


def _table(
    rows: tuple[StageCosts, ...], network: OwnHeadNetwork, settings: ServiceSettings
) -> Table:
    language, cores = settings.language, len(usable_cores())
    columns = ("kind", *STAGES, "cores", "carried")
    table = Table(
        *(text(f"capacity.column.{column}", language) for column in columns),
        title=text("capacity.title", language),
        caption=text(
            "capacity.machine",
            language,
            cores=cores,
            model=network.model_id,
            runtime=network.session.runtime,
            precision=network.session.precision,
        ),
    )
    for one in rows:
        kind = text(
            "capacity.kind",
            language,
            kind=one.kind.name,
            input=f"{one.kind.input_fps:g}",
            analysed=f"{one.kind.analysed_fps:g}",
        )
        spent = (f"{one.spent_ms[stage]:.2f}" for stage in STAGES)
        table.add_row(kind, *spent, f"{one.cores:.3f}", str(one.carried(cores)))
    return table


__all__ = ["bench", "known_overload", "overload_warning", "warn_of_overload"]
