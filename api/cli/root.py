"""The `xiaoan` command: one root, each group of commands in a module of its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli.account import account_app, audit_app
from api.cli.analyze import analyze
from api.cli.bench import bench
from api.cli.calibrate import calibrate_camera
from api.cli.coverage import coverage_app
from api.cli.dismissal import dismissal_app
from api.cli.evidence import evidence_app
from api.cli.models import models_app
from api.cli.plan import plan_app
from api.cli.replay import replay
from api.cli.run import PortOption, RunDirOption, run_command, say
from api.cli.secret import secret_app
from api.cli.selftest import selftest
from api.cli.site import site_app
from api.cli.virtual import virtual_app
from api.demo import DemoCheck, demo_plan, emptied, refuse_foreign_folder
from api.doctor import Patient, Status, examine
from api.logs import set_up_logs
from api.run import RunPlan, refuse_taken_port, run
from api.run_folder import owned_run_folder
from config import ConfigError
from config.settings import ENV_PREFIX, load_settings
from config.texts import LANGUAGES, text
from models.errors import ModelError
from streams.stopping import stop_on_signals

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="校安：校园拥挤预警。Xiaoan: crowd-crush warning on a school's own cameras.",
)
app.add_typer(site_app, name="site")
app.add_typer(virtual_app, name="virtual")
app.add_typer(models_app, name="models")
app.add_typer(coverage_app, name="coverage")
app.add_typer(plan_app, name="plan")
app.add_typer(account_app, name="account")
app.add_typer(audit_app, name="audit")
app.add_typer(secret_app, name="secret")
app.add_typer(dismissal_app, name="dismissal")
app.add_typer(evidence_app, name="evidence")
app.command("analyze")(analyze)
app.command("calibrate")(calibrate_camera)
app.command("replay")(replay)
app.command("selftest")(selftest)
app.command("bench")(bench)

app.command("run")(run_command)


@app.command("demo")
def demo_command(
    run_dir: RunDirOption = None,
    port: PortOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="看到楼梯告警后退出 Exit once the stair's alarm is up.")
    ] = False,
) -> None:
    """演示：虚拟学校的楼梯被堵 Demo: a blocked stair at a virtual school."""
    try:
        plan = demo_plan(run_dir, port)
        set_up_logs(plan.settings.log_level)
        stop = threading.Event()
        stop_on_signals(stop)
        for language in LANGUAGES:
            say(text("demo.intro", language))
            say(text("demo.wait", language))
        # Another demo may run: nothing of it is touched before this one owns port and folder.
        refuse_taken_port(plan.settings)
        refuse_foreign_folder(plan.settings.run_dir)
        with owned_run_folder(plan.settings):
            emptied(plan.settings.run_dir)
            passed = _run_demo(plan, stop, check=check)
    except (ConfigError, ModelError) as error:
        say(str(error))
        raise typer.Exit(2) from None
    if not passed:
        raise typer.Exit(1)


def _run_demo(plan: RunPlan, stop: threading.Event, *, check: bool) -> bool:
    if not check:
        run(plan, stop, say)
        return True
    verdict: list[bool] = []

    def watch() -> None:
        verdict.append(DemoCheck(plan).watch(stop, say))
        stop.set()

    watcher = threading.Thread(target=watch, name="demo-check")
    watcher.start()
    try:
        run(plan, stop, say)
    finally:
        stop.set()
        watcher.join()
    return verdict == [True]


@app.command("doctor")
def doctor_command(
    site: Annotated[Path | None, typer.Option("--site", help="站点目录 Also check a site.")] = None,
    run_dir: RunDirOption = None,
) -> None:
    """检查本机缺什么 What this machine lacks, and how to mend it."""
    try:
        settings = load_settings(run_dir=run_dir)
    except ConfigError as error:
        say(str(error))
        raise typer.Exit(2) from None
    # The key of sealed passwords lies in this folder, and is looked for by this name.
    os.environ[f"{ENV_PREFIX}RUN_DIR"] = str(settings.run_dir)
    language = settings.language
    checks = examine(
        Patient(
            settings.run_dir,
            settings.host,
            settings.port,
            settings.language,
            site,
            settings.head_network,
            settings.resolved_database_url,
        )
    )
    table = Table(title=text("doctor.title", language))
    for column in ("check", "result", "found", "mend"):
        table.add_column(text(f"doctor.column.{column}", language), overflow="fold")
    for check in checks:
        status = text(f"doctor.status.{check.status.value}", language)
        table.add_row(check.name, status, check.found, check.mend)
    Console().print(table)
    failed = sum(1 for check in checks if check.status is Status.FAIL)
    if failed:
        say(text("doctor.summary.fail", language, count=failed))
        raise typer.Exit(1)
    say(text("doctor.summary.ok", language))
