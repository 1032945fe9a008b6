"""`xiaoan run`: one supervisor over the service process and the camera workers."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from api.delivery.plan_file import PlanFile
from api.listening import listening_fault
from api.mover import Mover
from api.placement import settle_shares, worker_shares
from api.room_for_a_start import lay_aside
from api.site_arguments import site_arguments
from config.errors import SettingsError
from config.settings import ENV_PREFIX, ServiceSettings, ingest_token
from config.site import Site
from config.site_in_force import SiteInForce
from config.texts import text
from models.loading import head_card
from streams.clock import SystemClock
from streams.supervisor import EventKind, ProcessSpec, Supervisor, SupervisorEvent

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What is to run: a checked site and the settings of this machine.

    Attributes:
        files: the settings that the run goes by, and why those of the folder do not hold.
        one_by_one: the workers start once the service answers. A slow machine then shows an empty
            console rather than one that is behind; cameras of a school are watched at once.
    """

    files: SiteInForce
    settings: ServiceSettings
    one_by_one: bool = False

    @property
    def site(self) -> Site:
        return self.files.site

    @property
    def url(self) -> str:
        return f"{self.settings.local_url}/"


def run(plan: RunPlan, stop: threading.Event, say: Say) -> None:
    """Start everything and keep it running until `stop` is set.

    Raises:
        SettingsError: the port is taken or the run folder cannot be used.
        ModelError: the head network of the settings is none that is here.
    """
    settings = plan.settings
    # Found missing here, and not by each worker again and again.
    head_card(settings.head_network or None)
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    ingest_token(settings)
    refuse_taken_port(settings)
    settle_shares(plan.site, settings)
    delivery = PlanFile.opened(plan.site.directory, settings.run_dir)
    specs = process_specs(plan, delivery)
    language = settings.language
    _tell_site_fault(plan.files, language, say)
    _tell_delivery_fault(delivery, language, say)
    say(
        text(
            "run.starting",
            language,
            site=plan.site.name.in_language(language),
            cameras=len(plan.site.cameras),
            workers=sum(spec.name.startswith("worker") for spec in specs),
        )
    )
    say(text("run.open", language, url=plan.url))
    lay_aside(settings.run_dir)
    supervisor = Supervisor(
        specs, clock=SystemClock(), on_event=lambda event: _tell_fault(event, language, say)
    )
    mover = Mover(plan.site, settings, SystemClock())
    moves = threading.Thread(target=mover.run, args=(stop,), name="mover", daemon=True)
    moves.start()
    supervisor.run(stop)


def process_specs(plan: RunPlan, delivery: PlanFile) -> tuple[ProcessSpec, ...]:
    """The service first, then one process a worker; settings travel in the environment."""
    environment = settings_environment(plan.settings)
    site = site_arguments(plan.site)
    refused = ("--files-refused",) if plan.files.problems else ()
    service = ProcessSpec(
        "service",
        (sys.executable, "-m", "api.service_process", *site, *refused),
        environment,
        stop_grace_s=5.0,
    )
    workers = (
        ProcessSpec(
            share.worker_id,
            (
                *(sys.executable, "-m", "api.worker_process"),
                *(*site, "--worker-id", share.worker_id),
            ),
            environment,
            # What is left to record and to send on a busy machine, all of them at once.
            stop_grace_s=10.0,
            stop_group="workers",
            waits_for=service.name if plan.one_by_one else "",
        )
        for share in worker_shares(plan.site, plan.settings)
    )
    return (service, *_sender_specs(plan, delivery, environment), *workers)


def _sender_specs(
    plan: RunPlan, delivery: PlanFile, environment: dict[str, str]
) -> tuple[ProcessSpec, ...]:
    """The process that brings alarms out of the school.

    It runs also where the site names no receiver yet: the first one is entered in the browser, by
    whoever may; a demonstration has nobody who may.
    """
    names_nobody = not delivery.plan.targets and delivery.fault is None
    if names_nobody and plan.settings.access == "open":
        return ()
    arguments = (sys.executable, "-m", "api.delivery.process", *site_arguments(plan.site))
    return (ProcessSpec("sender", arguments, environment),)


def _tell_site_fault(files: SiteInForce, language: str, say: Say) -> None:
    """Files that cannot be used do not stop a school's watch where there are settings before."""
    if files.problems and files.taken_at is not None:
        when = _local_time(files)
        say(text("run.site_files_refused", language, when=when))
        for problem in files.problems:
            say(f"  {problem}")


def _local_time(files: SiteInForce) -> str:
    """When the settings in force were taken, by the site's own clock."""
    if files.taken_at is None:
        return ""
    moment = files.taken_at.to_datetime().astimezone(ZoneInfo(files.site.timezone))
    return f"{moment:%Y-%m-%d %H:%M}"


def _tell_delivery_fault(delivery: PlanFile, language: str, say: Say) -> None:
    """A broken `delivery.yaml` stops nothing; whoever starts the run by hand reads of it here."""
    if delivery.fault is not None:
        key = "delivery.page.file_unknown" if delivery.knows_nobody else "delivery.set.file_broken"
        say(f"{text(key, language)}\n{delivery.fault}")


def settings_environment(settings: ServiceSettings) -> dict[str, str]:
    """The settings as environment variables, so that every process reads the same ones."""
    values = {
        "run_dir": str(settings.run_dir.resolve()),
        "host": settings.host,
        "port": str(settings.port),
        "workers": str(settings.workers),
        "language": settings.language,
        "log_level": settings.log_level,
        "stale_after_s": str(settings.stale_after_s),
        "access": settings.access,
        "head_network": settings.head_network,
        "network_precision": settings.network_precision,
        "second_look": settings.second_look,
        "hardware_decoding": settings.hardware_decoding,
    }
    if settings.database_url:
        values["database_url"] = settings.database_url
    if settings.allowed_hosts:
        values["allowed_hosts"] = json.dumps(settings.allowed_hosts)
    if settings.ingest_token_file:
        values["ingest_token_file"] = str(settings.ingest_token_file.resolve())
    return {f"{ENV_PREFIX}{name.upper()}": value for name, value in values.items()}


def _tell_fault(event: SupervisorEvent, language: str, say: Say) -> None:
    """Say what a person should know; starts and stops stand in the log only."""
    match event.kind:
        case EventKind.EXITED:
            wait = f"{event.restart_in_s or 0.0:g}"
            code = event.exit_code
            say(text("run.process.exited", language, name=event.name, code=code, wait=wait))
        case EventKind.HUNG:
            say(text("run.process.hung", language, name=event.name))
        case EventKind.NOT_STARTED:
            detail = event.detail
            say(text("run.process.not_started", language, name=event.name, detail=detail))
        case EventKind.STARTED | EventKind.STOPPED:
            pass


def refuse_taken_port(settings: ServiceSettings) -> None:
    """Raises `SettingsError` where the console cannot listen, by another run's doing or not."""
    fault = listening_fault(settings.host, settings.port)
    if fault is not None:
        message = (
            text("run.address_absent", settings.language, host=settings.host)
            if fault.absent
            else text("run.port_taken", settings.language, port=settings.port)
        )
        raise SettingsError(f"{message} ({fault.reason})")
