"""Assembles a worker from the site: `build(plan, ...)`, then `run(stop)`."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from config.door_contacts import watched_leaves
from config.recording import load_recording
from config.site import Site, SiteCamera
from streams.cameras.loop import CameraSpec
from streams.cameras.openers import openers_with
from streams.cameras.state import SilenceLimits
from streams.clock import Clock, SystemClock
from streams.crews.crew import Crew
from streams.crews.handover import handover_folder
from streams.decoding.hardware import HardwareKind
from streams.heartbeat import Heartbeat
from streams.pictures.drawing import zone_outline
from streams.recording import Recording, recordings_folder
from streams.site_scene import build_analyser, zones_of_cameras
from streams.spooling.reporting import Origin
from streams.worker.loop import (
    Collaborators,
    Worker,
    WorkerConfig,
    WorkerError,
)
from vision.geometry.zones import ZoneType
from vision.observations import HeadNetwork, PersonDetector
from vision.risk.occasions import Schedule
from vision.risk.profiles import ZoneProfile

# The virtual campus draws the empty place before its first picture, on a busy machine for a while,
# and a picture full of new people takes such a machine seconds.
_DRAWN_SILENCE = SilenceLimits(stalled_s=10.0, hung_s=30.0, start_s=120.0)
# Cameras that connect in one moment send their key pictures in one moment ever after, and are
# analysed in step with them. No two of a dozen times this are near in a fifth of a second.
_OPENED_APART_S, _OPENED_WITHIN_S = 0.124, 2.5


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker process is told.

    Attributes:
        camera_ids: its cameras; all cameras of a zone belong to one worker.
        run_dir: holds the spools and the sockets.
        api_url: e.g. `http://127.0.0.1:8440`.
        token: bearer token for ingest.
    """

    site: Site
    camera_ids: tuple[str, ...]
    worker_id: str
    run_dir: Path
    api_url: str
    token: str = field(repr=False)


def spool_path(run_dir: Path, worker_id: str) -> Path:
    """Where the spool of a worker lies."""
    return run_dir / "spool" / f"{worker_id}.sqlite3"


def socket_path(run_dir: Path, worker_id: str) -> Path:
    """Where a worker serves its live pictures."""
    return run_dir / "sockets" / f"{worker_id}.sock"


def build(
    plan: WorkerPlan,
    *,
    network: HeadNetwork,
    profiles: Mapping[ZoneType, ZoneProfile],
    clock: Clock | None = None,
    heartbeat: Heartbeat | None = None,
    schedule: Schedule | None = None,
    hardware: HardwareKind | None = None,
    persons: PersonDetector | None = None,
) -> Worker:
    """A worker for some cameras of a site, ready to `run`.

    Without a `schedule` no occasion of the timetable is expected, without `persons` there is no
    second count.

    Raises:
        KeyError: for a camera that the site does not have.
        VisionError: for a camera that does not see its zone.
        ConfigFileError: for a wrong `recording.yaml`, or a `panels.yaml` that cannot be read.
    """
    site, clock = plan.site, clock or SystemClock()
    ring, leaves = load_recording(site).ring, watched_leaves(site)

    def crew_of(camera_ids: tuple[str, ...]) -> Crew:
        cameras = [site.camera(camera_id) for camera_id in camera_ids]
        zones = {zone.id: zone for zone in zones_of_cameras(site, camera_ids)}
        stairs = {zone_id for zone_id, zone in zones.items() if zone.type is ZoneType.STAIRS}
        return Crew(
            cameras=_spread(tuple(camera_spec(camera, stairs) for camera in cameras)),
            zone_ids=tuple(zones),
            outlines={
                camera.id: [zone_outline(camera.camera, zones[z]) for z in camera.zone_ids]
                for camera in cameras
            },
            analyser=build_analyser(site, camera_ids, profiles, network.model_id, schedule, leaves),
            recording=Recording(recordings_folder(plan.run_dir), ring, clock, camera_ids),
        )

    home = crew_of(plan.camera_ids)
    config = WorkerConfig(
        origin=Origin(site.id, plan.worker_id, secrets.token_hex(6)),
        cameras=home.cameras,
        zone_ids=home.zone_ids,
        outlines=home.outlines,
        spool_path=spool_path(plan.run_dir, plan.worker_id),
        socket_path=socket_path(plan.run_dir, plan.worker_id),
        asks_doors=bool(leaves),
    )
    client = httpx.Client(
        base_url=plan.api_url,
        headers={"Authorization": f"Bearer {plan.token}"},
        timeout=httpx.Timeout(5.0, connect=2.0),
        # The API is on this machine or this network: a proxy from the environment is not for it.
        trust_env=False,
    )
    collaborators = Collaborators(
        network,
        home.analyser,
        client,
        clock,
        openers_with(hardware),
        heartbeat or Heartbeat(None),
        home.recording,
        persons,
        crew_of,
        handover_folder(plan.run_dir),
    )
    return Worker(config, collaborators)


def _spread(specs: Sequence[CameraSpec]) -> tuple[CameraSpec, ...]:
    """The cameras opened one after the other, and analysed in turn instead of all at once."""
    spread_s = min(_OPENED_WITHIN_S, _OPENED_APART_S * len(specs))
    return tuple(
        replace(spec, phase=index / len(specs), opens_after_s=spread_s * index / len(specs))
        for index, spec in enumerate(specs)
    )


def camera_spec(camera: SiteCamera, stairs: Collection[str] = ()) -> CameraSpec:
    """How a camera of the site is played: its sub-stream where it has one.

    Args:
        stairs: ids of the zones that are stairs.
    """
    uri = camera.sub_uri or camera.uri
    lens = camera.camera.lens
    drawn = uri.scheme == "virtual"
    return CameraSpec(
        id=camera.id,
        uri=uri,
        size_px=(lens.width_px, lens.height_px),
        squeezed_px=camera.squeezed_px,
        analysed_fps=camera.analysed_fps,
        repeat=drawn,
        view=camera.camera,
        silence=_DRAWN_SILENCE if drawn else None,
        zone_ids=camera.zone_ids,
        guards_stair=not set(stairs).isdisjoint(camera.zone_ids),
    )


__all__ = [
    "Collaborators",
    "Worker",
    "WorkerConfig",
    "WorkerError",
    "WorkerPlan",
    "build",
    "camera_spec",
    "socket_path",
    "spool_path",
]
