"""When does a camera need its own alarm? When it gives no pictures, or its zone is unseen."""

from __future__ import annotations

from typing import NamedTuple

from api.live.board import Known
from api.live.judge import STALE, blind_cause, camera_lost_cause
from streams.records import CameraState
from vision.risk.readings import Level

WORKER_ENDED = "worker_down"
"""The last word of a worker that was told to stop."""


def lost_cause(known: Known, camera_id: str) -> str | None:
    """Why nobody sees through the camera, as a catalogue key; `None` while somebody does.

    A zone that nobody sees is laid at the door of its cameras, unless one of them has already told
    that it is lost: that one may be why, and its own alarm names the zone. Silence is laid at the
    others all the same. A camera that is still starting, or has just begun to give pictures, is
    not lost: its worker gives it a time of its own and calls it offline after that, and a worker
    that dies meanwhile falls silent. Nor is one whose worker has said that it ends: on a planned
    stop the service ends with it, and afterwards both need the time of a start.
    """
    own = camera_lost_cause(known.cameras.get(camera_id))
    if own == WORKER_ENDED and _may_return(known, camera_id):
        return None
    if own is not None:
        return own
    for zone_id in known.site.camera[camera_id].zone_ids:
        cause = _blind_cause(known, zone_id)
        if cause == STALE:
            return cause
        told = any(_is_lost(known, other) for other in known.site.zone[zone_id].camera_ids)
        if cause is not None and not told and not _has_time_left(known, camera_id):
            return cause
    return None


def lost_causes(known: Known) -> dict[str, str | None]:
    """`lost_cause` of every camera."""
    return {camera.id: lost_cause(known, camera.id) for camera in known.site.cameras}


class Standing(NamedTuple):
    """Why nobody sees through a camera, and whether somebody has since the service listens."""

    cause: str | None
    is_back: bool


def standings(known: Known) -> dict[str, Standing]:
    """Of every camera; one that is given the time of a start is neither lost nor back."""
    return {
        camera_id: Standing(cause, cause is None and is_back(known, camera_id))
        for camera_id, cause in lost_causes(known).items()
    }


def is_back(known: Known, camera_id: str) -> bool:
    """Whether somebody has seen through the camera since this service listens: by its own last
    word, or by a reading of one of its zones.

    A camera that is not lost need not be back: after a start it may have a time in which nobody
    knows.
    """
    status = known.cameras.get(camera_id)
    if status is not None and status.state is not CameraState.LIVE:
        return False
    if status is not None and status.seen_at >= known.started_at:
        return True
    states = (known.zones.get(zone_id) for zone_id in known.site.camera[camera_id].zone_ids)
    return any(
        state.seen_at >= known.started_at and state.reading.level is not Level.UNKNOWN
        for state in states
        if state is not None
    )


def unseen_zones(known: Known, camera_id: str) -> tuple[str, ...]:
    """The zones of a camera that no other camera sees, or that have been blind for too long."""
    zone_ids = known.site.camera[camera_id].zone_ids
    return tuple(zone_id for zone_id in zone_ids if _no_other_sees(known, camera_id, zone_id))


def _no_other_sees(known: Known, camera_id: str, zone_id: str) -> bool:
    others = [
        other
        for other in known.site.zone[zone_id].camera_ids
        if other != camera_id and not _is_lost(known, other)
    ]
    if not others:
        return True
    cause = _blind_cause(known, zone_id)
    if cause is None or cause == STALE:
        return cause is not None
    return not any(_has_time_left(known, other) for other in others)


def _blind_cause(known: Known, zone_id: str) -> str | None:
    return blind_cause(
        known.zones.get(zone_id),
        now=known.now,
        started_at=known.started_at,
        limits=known.limits,
    )


def _is_lost(known: Known, camera_id: str) -> bool:
    return camera_lost_cause(known.cameras.get(camera_id)) is not None


def _has_time_left(known: Known, camera_id: str) -> bool:
    status = known.cameras.get(camera_id)
    if status is None:
        return False
    new = known.now - status.since <= known.limits.lost_after_s
    return status.state is CameraState.STARTING or (status.state is CameraState.LIVE and new)


def _may_return(known: Known, camera_id: str) -> bool:
    status = known.cameras[camera_id]
    if status.seen_at < known.started_at:
        return known.now - known.started_at <= known.limits.startup_grace_s
    return known.now - status.since <= known.limits.lost_after_s
