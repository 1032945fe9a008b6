"""`xiaoan selftest`: a synthetic crowd, followed to every receipt; exit code 1 when one misses."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table

from api.alarms.routine import RunKind
from api.database import Database
from api.selftest.crowd import crowd_record
from api.selftest.follow import Finding, Follower
from config import ConfigError, Site, load_site
from config.delivery import load_delivery
from config.settings import ServiceSettings, ingest_token, load_settings
from config.texts import text
from streams.clock import Clock, SystemClock

_ANSWER_S = 10.0


def selftest(
    site: Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")],
    zone: Annotated[
        str | None, typer.Option("--zone", help="区域 Zone to test; the first when left out.")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="数据目录 Folder of the running service.")
    ] = None,
    within_s: Annotated[
        float, typer.Option("--within", min=1.0, max=600.0, help="秒 Seconds for every receipt.")
    ] = 60.0,
) -> None:
    """注入合成人群并跟踪到每一个回执 Inject a synthetic crowd and follow it to every receipt."""
    try:
        settings = load_settings(run_dir=run_dir)
        loaded = load_site(site)
        zone_id = zone or loaded.zones[0].id
        found = asyncio.run(run_selftest(settings, loaded, zone_id, within_s, SystemClock()))
    except ConfigError as error:
        typer.echo(str(error))
        raise typer.Exit(2) from None
    except KeyError:
        typer.echo(text("selftest.zone_unknown", _language(), zone=str(zone)))
        raise typer.Exit(2) from None
    show(found, settings.language)
    if not all(one.passed for one in found):
        raise typer.Exit(1)


async def run_selftest(
    settings: ServiceSettings, site: Site, zone_id: str, within_s: float, clock: Clock
) -> tuple[Finding, ...]:
    """Send the record to the running service and look for what became of it."""
    sent = clock.utc()
    record = crowd_record(site, zone_id, sent.to_datetime())
    refused = await _send(settings, record.model_dump(mode="json"))
    accepted = Finding("ingest", None if refused else clock.utc() - sent, detail=refused)
    if refused:
        return (accepted,)
    async with Database(settings.resolved_database_url) as database:
        key = f"{RunKind.SELFTEST}/{record.record_id}"
        plan = load_delivery(site.directory)
        follower = Follower(database, plan, clock, key, sent.ns)
        return (accepted, *await follower.findings(within_s))


async def _send(settings: ServiceSettings, record: dict[str, object]) -> str:
    """Post the record as a worker does; returns why it was not taken, empty when it was."""
    url = f"{settings.local_url}/api/v1/ingest"
    headers = {"Authorization": f"Bearer {ingest_token(settings)}"}
    async with httpx.AsyncClient(timeout=_ANSWER_S, trust_env=False) as client:
        try:
            answer = await client.post(url, json={"records": [record]}, headers=headers)
        except httpx.TransportError as error:
            return f"{url}: {type(error).__name__}"
    if not answer.is_success:
        return f"{url}: {answer.status_code}"
    rejected = answer.json()["rejected"]
    return str(rejected[0]["reason"]) if rejected else ""


def show(found: tuple[Finding, ...], language: str) -> None:
    """The table of receipts."""
    columns = ("receipt", "delay", "result", "detail")
    table = Table(*(text(f"selftest.column.{name}", language) for name in columns))
    for one in found:
        name, _, target = one.name.partition("/")
        label = text(f"selftest.receipt.{name}", language, target=target)
        delay = "-" if one.delay_s is None else f"{one.delay_s:.2f} s"
        result = "came" if one.delay_s is not None else "missing"
        if result == "missing" and not one.required:
            result = "not_required"
        table.add_row(label, delay, text(f"selftest.result.{result}", language), one.detail)
    Console().print(table)


def _language() -> str:
    return load_settings().language
