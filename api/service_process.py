"""The process of the service: `python -m api.service_process --site DIR`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from api.access.audit import ANCHOR_FILE
from api.access.guard import DEMO_ACCESS, Access
from api.access.oidc.provider import Provider
from api.access.sealing import KEY_FILE, load_sealer
from api.access.service import AccountsPlan
from api.alarms.parents import CameraGroup
from api.alarms.values import AlarmType
from api.application import PlanFolder, create_app
from api.background import start_threads
from api.database.engine import file_of, parse_url
from api.database.errors import DatabaseError
from api.delivery.plan_file import PlanFile
from api.evidence.origin import Origin
from api.evidence.service import EvidencePlan
from api.logs import settings_with_logs
from api.pictures import WorkerPictures
from api.placement import PictureSockets, worker_shares
from api.school_years import entered_years, has_plan, timetable_in_force
from api.server import Server, build_server
from api.settings import ApiSettings
from api.site_arguments import add_site_arguments, site_of
from api.watched import Name
from config import ConfigError, Site
from config.oidc import load_oidc
from config.plan import load_edition, names_units
from config.recording import load_recording
from config.response import load_response
from config.settings import ServiceSettings, ingest_token
from config.texts import text
from streams.clock import Clock, SystemClock
from streams.errors import WorkerError
from streams.heartbeat import Heartbeat
from streams.recording import recordings_folder
from streams.wall_offset import WallOffset

log = structlog.get_logger()

EXIT_CANNOT_START = 2
EXIT_ENDED = 3
PLAN_FOLDER = "plan"
_BEAT_EVERY_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; exit code 2 with one message when it cannot start."""
    parser = argparse.ArgumentParser(prog="xiaoan-service")
    add_site_arguments(parser)
    parser.add_argument(
        "--files-refused", action="store_true", help="the site's own files cannot be used"
    )
    options = parser.parse_args(arguments)
    heartbeat = Heartbeat(None)
    try:
        settings = settings_with_logs()
        heartbeat = Heartbeat.from_environment(os.environ)
        site = site_of(options)
        asyncio.run(_serve(settings, site, heartbeat, files_refused=options.files_refused))
    except (ConfigError, DatabaseError) as error:
        log.error("the service cannot start", reason=str(error))
        return EXIT_CANNOT_START
    except WorkerError as error:
        log.error("the service ends; the supervisor starts it again", reason=str(error))
        return EXIT_ENDED
    finally:
        heartbeat.close()
    return 0


async def _serve(
    settings: ServiceSettings, site: Site, heartbeat: Heartbeat, *, files_refused: bool
) -> None:
    start_threads()
    clock = SystemClock()
    async with WorkerPictures(PictureSockets(site, settings).of) as pictures:
        app = create_app(
            settings=ApiSettings(
                database_url=settings.resolved_database_url,
                ingest_token=ingest_token(settings),
                language=settings.language,
                stale_after_s=settings.stale_after_s,
                lost_after_s=max(10.0, 2.0 * settings.stale_after_s),
                # Under the name that it listens at, its own workers reach it.
                allowed_hosts=(*settings.allowed_hosts, settings.host),
                site_files_refused=files_refused,
                keeps_room=True,
                disk_folders=_disk_folders(settings),
            ),
            site=site,
            clock=clock,
            pictures=pictures,
            plan=plan_of(site, settings),
            access=_access_of(settings, site),
            delivery=PlanFile.opened(site.directory, settings.run_dir),
            response=load_response(site),
            groups=_worker_groups(site, settings),
            evidence=_evidence_of(site, settings),
            timetable=timetable_in_force(site, settings),
        )
        server = build_server(app, host=settings.host, port=settings.port)
        await _serve_with_heartbeat(server, heartbeat, clock)


def _disk_folders(settings: ServiceSettings) -> tuple[Path, ...]:
    """Where recordings, clips and papers lie, and the database where that is elsewhere."""
    file = file_of(parse_url(settings.resolved_database_url))
    return (settings.run_dir, *(() if file is None else (file.parent,)))


def _worker_groups(site: Site, settings: ServiceSettings) -> tuple[CameraGroup, ...]:
    """Cameras that are lost together when their analysis process is."""
    return tuple(
        CameraGroup(
            share.worker_id,
            AlarmType.WORKER_LOST,
            Name(share.worker_id, share.worker_id),
            share.camera_ids,
        )
        for share in worker_shares(site, settings)
    )


def _access_of(settings: ServiceSettings, site: Site) -> Access | AccountsPlan:
    """Accounts, or the open access of a demonstration on this machine alone."""
    if settings.access == "open":
        return DEMO_ACCESS

    def announce(code: str) -> None:
        # On the terminal and nowhere else: whoever has the code makes the first administrator.
        url = f"{settings.local_url}/set-up#code={code}"
        sys.stdout.write(text("access.cli.set_up", settings.language, url=url, code=code) + "\n")
        sys.stdout.flush()

    sealer = load_sealer(settings.run_dir / KEY_FILE)
    house = load_oidc(site.directory, read_from=site.read_from)
    provider = None if house is None else Provider(house)
    return AccountsPlan(sealer, settings.run_dir / ANCHOR_FILE, announce, provider=provider)


def _evidence_of(site: Site, settings: ServiceSettings) -> EvidencePlan:
    """The workers' recordings, and the folder of what alarms keep of them."""
    recording = load_recording(site)
    return EvidencePlan(
        recordings_folder(settings.run_dir),
        settings.run_dir / "evidence",
        recording,
        Origin.of_site(site, recording.sha256),
    )


def plan_of(site: Site, settings: ServiceSettings) -> PlanFolder | None:
    """The plan from the site's own folder `plan`; the sample school has the packaged one.

    A folder that names no units, such as one for the timetable's calendar, makes no plan: else the
    sample's invented schools would fall behind, and this school's receivers would hear of it.
    """
    if not has_plan(site):
        return None
    folder = site.file(PLAN_FOLDER)
    edition = load_edition(folder if names_units(folder) else None)
    timetable = timetable_in_force(site, settings)
    years = entered_years(site, settings)
    return PlanFolder(edition, settings.run_dir / "plan-files", timetable, years)


async def _serve_with_heartbeat(server: Server, heartbeat: Heartbeat, clock: Clock) -> None:
    """Beat from the event loop itself: a loop that hangs is a service that hangs.

    Raises:
        WorkerError: when the wall clock jumped. Ages and ladders are counted by it.
    """
    offset = WallOffset(clock)

    async def beat() -> None:
        while True:
            offset.check()
            heartbeat.beat()
            await asyncio.sleep(_BEAT_EVERY_S)

    beating = asyncio.create_task(beat(), name="heartbeat")
    beating.add_done_callback(lambda _: server.stop())
    try:
        await server.serve()
    finally:
        beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating


if __name__ == "__main__":
    sys.exit(main())
