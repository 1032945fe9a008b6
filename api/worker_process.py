"""The process of one camera worker: `python -m api.worker_process --site DIR --worker-id ID`."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Sequence

import cv2
import structlog

from api.logs import settings_with_logs
from api.placement import worker_shares
from api.school_years import timetable_in_force
from api.site_arguments import add_site_arguments, site_of
from config import ConfigError
from config.errors import SettingsError
from config.profiles import load_profiles
from config.settings import ingest_token
from models import load_head_network
from models.errors import ModelError
from models.loading import second_look
from streams.cores import core_of, stay_on, usable_cores
from streams.decoding.hardware import usable_hardware
from streams.errors import StreamError
from streams.heartbeat import Heartbeat
from streams.stopping import leave, stop_on_signals
from streams.worker.assembly import WorkerPlan, build
from vision.errors import VisionError

log = structlog.get_logger()

EXIT_CANNOT_START = 2
EXIT_ENDED = 3
_NICENESS = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until SIGTERM; exit code 2 with one message when it cannot start."""
    parser = argparse.ArgumentParser(prog="xiaoan-worker")
    add_site_arguments(parser)
    parser.add_argument("--worker-id", required=True)
    options = parser.parse_args(arguments)
    stop = threading.Event()
    stop_on_signals(stop)
    # OpenCV's own pool would fight the workers for the cores; each worker has one engine. Its
    # wheels bring a pool that no environment variable bounds.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    # The service starts and answers beside workers that use all there is: it needs little.
    os.nice(_NICENESS)
    structlog.contextvars.bind_contextvars(worker=options.worker_id)
    try:
        settings = settings_with_logs()
        site = site_of(options)
        shares = {share.worker_id: share for share in worker_shares(site, settings)}
        if options.worker_id not in shares:
            raise SettingsError(
                f"--worker-id {options.worker_id}: no worker of this site and these settings — "
                f"mend: use one of {', '.join(shares)}"
            )
        core = core_of([*shares].index(options.worker_id), len(shares), usable_cores())
        if core is not None:
            stay_on(core)
        plan = WorkerPlan(
            site=site,
            camera_ids=shares[options.worker_id].camera_ids,
            worker_id=options.worker_id,
            run_dir=settings.run_dir,
            api_url=settings.local_url,
            token=ingest_token(settings),
        )
        profiles = load_profiles(site.profiles_file)
        network = load_head_network(
            settings.head_network or None,
            threads=1,
            precision=settings.network_precision,
            memory=settings.runtimes_file,
        )
        worker = build(
            plan,
            network=network,
            profiles=profiles,
            heartbeat=Heartbeat.from_environment(os.environ),
            schedule=timetable_in_force(site, settings),
            hardware=usable_hardware(settings.hardware_decoding),
            persons=second_look(settings.second_look, memory=settings.runtimes_file),
        )
    except (ConfigError, ModelError, StreamError, VisionError) as error:
        log.error("the worker cannot start", reason=str(error))
        return EXIT_CANNOT_START
    log.info(
        "the network is loaded",
        model=network.model_id,
        runtime=network.session.runtime,
        precision=network.session.precision,
    )
    try:
        worker.run(stop)
    except StreamError as error:
        log.error("the worker ends; the supervisor starts it again", reason=str(error))
        return EXIT_ENDED
    return 0


if __name__ == "__main__":
    leave(main())
