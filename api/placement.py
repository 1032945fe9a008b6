"""Which worker process has which cameras: worked out alike by the supervisor and the service."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from config.settings import ServiceSettings
from config.site import Site
from streams.placement import place_cameras
from streams.worker import socket_path


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """The cameras of one worker process."""

    worker_id: str
    camera_ids: tuple[str, ...]


def worker_shares(site: Site, settings: ServiceSettings) -> tuple[WorkerShare, ...]:
    """One share a worker; as many workers as set, or one a core, and none without cameras."""
    workers = settings.workers or os.cpu_count() or 1
    shares = place_cameras(
        {camera.id: camera.zone_ids for camera in site.cameras},
        workers,
        {camera.id: camera.analysed_fps for camera in site.cameras},
    )
    return tuple(
        WorkerShare(f"worker-{index}", camera_ids) for index, camera_ids in enumerate(shares)
    )


def picture_sockets(site: Site, settings: ServiceSettings) -> dict[str, Path]:
    """For each camera the socket on which its worker serves the live picture."""
    return {
        camera_id: socket_path(settings.run_dir, share.worker_id)
        for share in worker_shares(site, settings)
        for camera_id in share.camera_ids
    }
