"""Which worker process has which cameras: worked out alike by the supervisor and the service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import structlog

from config.settings import ServiceSettings
from config.site import Site
from streams.cores import usable_cores
from streams.crews.handover import MoveOrder, handover_folder
from streams.crews.placement import place_cameras
from streams.pacing.camera_costs import read_costs
from streams.worker.assembly import socket_path
from vision.crowd.borders import is_faced
from vision.geometry.zones import ZoneType
from vision.risk.demand import exits_to

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """The cameras of one worker process."""

    worker_id: str
    camera_ids: tuple[str, ...]


def settle_shares(site: Site, settings: ServiceSettings) -> tuple[WorkerShare, ...]:
    """Divide the cameras by what they cost on this machine, and write down who has which.

    Done once, by the supervisor, before it starts the others: they all read what it wrote. Costs
    are those that the workers measured before; a camera without one counts as its rate says.
    """
    shares = _shares(site, settings, _costs(site, read_costs(settings.run_dir)))
    handover_folder(settings.run_dir).clear()
    try:
        _write(settings, shares)
    except OSError as error:
        _log.warning("who has which camera cannot be kept", reason=str(error))
        _file(settings).unlink(missing_ok=True)
        return _shares(site, settings, _costs(site, {}))
    return shares


def _write(settings: ServiceSettings, shares: tuple[WorkerShare, ...]) -> None:
    file, told = _file(settings), {one.worker_id: one.camera_ids for one in shares}
    draft = file.with_name(f"{file.name}.draft")
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(file)


def worker_shares(site: Site, settings: ServiceSettings) -> tuple[WorkerShare, ...]:
    """One share a worker: what `settle_shares` wrote, where it fits this site and these settings,
    and cameras that were given to another worker since.

    Otherwise by the cameras' rates. As many workers as set, or one a core, and none without
    cameras.
    """
    shares = _settled(site, settings)
    folder = handover_folder(settings.run_dir)
    order = folder.order()
    if order is None or folder.given(order.number) is None:
        return shares
    moved = _moved(shares, order)
    return moved if _zones_together(site, moved) else shares


def record_move(site: Site, settings: ServiceSettings, order: MoveOrder) -> None:
    """Write down that cameras were given to another worker.

    Raises:
        OSError: it cannot be written.
    """
    _write(settings, _moved(_settled(site, settings), order))


def _moved(shares: tuple[WorkerShare, ...], order: MoveOrder) -> tuple[WorkerShare, ...]:
    gone = set(order.camera_ids)
    found = []
    for share in shares:
        kept = [camera for camera in share.camera_ids if camera not in gone]
        taken = order.camera_ids if share.worker_id == order.taker else ()
        found.append(WorkerShare(share.worker_id, tuple(sorted((*kept, *taken)))))
    return tuple(found)


def _settled(site: Site, settings: ServiceSettings) -> tuple[WorkerShare, ...]:
    by_rate = _shares(site, settings, _costs(site, {}))
    try:
        told = json.loads(_file(settings).read_text(encoding="utf-8"))
        settled = tuple(WorkerShare(one, tuple(cameras)) for one, cameras in told.items())
        named = sorted(camera for share in settled for camera in share.camera_ids)
        fits = named == sorted(camera.id for camera in site.cameras)
        fits &= [one.worker_id for one in settled] == [one.worker_id for one in by_rate]
    except (OSError, ValueError, TypeError, AttributeError):
        return by_rate
    return settled if fits and _zones_together(site, settled) else by_rate


def _shares(
    site: Site, settings: ServiceSettings, costs: Mapping[str, float]
) -> tuple[WorkerShare, ...]:
    workers = settings.workers or len(usable_cores())
    shares = place_cameras(seen_together(site), workers, costs)
    return tuple(
        WorkerShare(f"worker-{index}", camera_ids) for index, camera_ids in enumerate(shares)
    )


@lru_cache(maxsize=2)
def seen_together(site: Site) -> Mapping[str, tuple[str, ...]]:
    """For each camera its zones, the stairs to which they lead, and those beyond a faced border.

    A stair is warned by those who walk to it, so its cameras and those above it share a worker.
    So do cameras that look at each other over the border of two zones: a crowd there could count in
    neither (`vision.crowd.borders`). Other zones may be told apart: one chain of corridors would
    bring a school to one worker. Asked every few seconds, of a site that does not change.
    """
    stairs = [zone for zone in site.zones if zone.type is ZoneType.STAIRS]
    leads = {
        zone.id: tuple(stair.id for stair in stairs if exits_to(zone, stair))
        for zone in site.zones
        if zone.type is not ZoneType.STAIRS
    }
    for first, second in combinations(site.zones, 2):
        of_both = {
            one.id: one.camera for zone in (first, second) for one in site.cameras_of(zone.id)
        }
        if is_faced(first, second, of_both.values()):
            leads[first.id] = (*leads.get(first.id, ()), second.id)
    return {
        one.id: (*one.zone_ids, *(to for zone_id in one.zone_ids for to in leads.get(zone_id, ())))
        for one in site.cameras
    }


def _costs(site: Site, measured: Mapping[str, float]) -> dict[str, float]:
    """The cost of every camera; where it was not measured, as dear a picture as the others'."""
    known = [measured[one.id] / one.analysed_fps for one in site.cameras if one.id in measured]
    per_picture = sum(known) / len(known) if known else 1.0
    return {one.id: measured.get(one.id, one.analysed_fps * per_picture) for one in site.cameras}


def _zones_together(site: Site, shares: tuple[WorkerShare, ...]) -> bool:
    """Whether the cameras of each zone, and those before a stair, have one worker."""
    worker_of = {camera: share.worker_id for share in shares for camera in share.camera_ids}
    workers: dict[str, set[str]] = {}
    for camera_id, zone_ids in seen_together(site).items():
        for zone_id in zone_ids:
            workers.setdefault(zone_id, set()).add(worker_of[camera_id])
    return all(len(names) == 1 for names in workers.values())


def _file(settings: ServiceSettings) -> Path:
    return settings.run_dir / "placement.json"


def picture_sockets(site: Site, settings: ServiceSettings) -> dict[str, Path]:
    """For each camera the socket on which its worker serves the live picture."""
    return {
        camera_id: socket_path(settings.run_dir, share.worker_id)
        for share in worker_shares(site, settings)
        for camera_id in share.camera_ids
    }


class PictureSockets:
    """As `picture_sockets`, looked up again when cameras have moved."""

    def __init__(self, site: Site, settings: ServiceSettings) -> None:
        self._site = site
        self._settings = settings
        self._written_ns: int | None = None
        self._sockets: dict[str, Path] = {}

    def of(self, camera_id: str) -> Path | None:
        """The socket of a camera's worker; `None` for a camera that no worker has."""
        try:
            written_ns = _file(self._settings).stat().st_mtime_ns
        except OSError:
            written_ns = 0
        if written_ns != self._written_ns:
            self._sockets = picture_sockets(self._site, self._settings)
            self._written_ns = written_ns
        return self._sockets.get(camera_id)
