"""How old may knowledge be? Pure functions of the newest reading and the present.

A reading that is too old turns into UNKNOWN with the reason `stale`. Nothing here, and nothing
behind it, turns a missing reading into an empty zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.live.values import CameraStatus, Limits, ZoneState, seen_at
from streams.records import (
    CameraState,
    CameraStateRecord,
    MeasurementData,
    ReadingData,
    ReasonData,
)
from vision.instants import Utc
from vision.risk.doors import DoorState
from vision.risk.readings import Level

STALE = "stale"
NEVER_READ = "starting"
_LOST_STATES = (CameraState.STALLED, CameraState.OFFLINE)


@dataclass(frozen=True, slots=True)
class ZoneNow:
    """A zone as it may be shown now.

    Attributes:
        level: UNKNOWN when the reading is too old, whatever it said.
        last_level: what the newest reading said; `None` before the first one.
        since: since when `level` holds.
        age_s: age of the newest reading; `None` before the first one, and where nobody can tell.
        measurement: the newest numbers; only while they are fresh.
        doors: how the doors of the exits stood, by id; only while that is fresh.
        skew_s: by how much the worker's clock runs ahead, where that is more than allowed.
    """

    zone_id: str
    level: Level
    last_level: Level | None
    could_be: Level | None
    since: Utc | None
    age_s: float | None
    captured_at: Utc | None
    received_at: Utc | None
    reasons: tuple[ReasonData, ...]
    measurement: MeasurementData | None
    stale: bool
    skew_s: float | None
    profile_id: str = ""
    model_id: str = ""
    doors: Mapping[str, DoorState] = field(default_factory=dict)


def zone_now(zone_id: str, state: ZoneState | None, now: Utc, limits: Limits) -> ZoneNow:
    """What may be shown of a zone at `now`."""
    if state is None:
        return _never_read(zone_id)
    age_s = _age_s(state, now, limits)
    stale = age_s is None or age_s > limits.stale_after_s
    ahead_s = state.captured_at - state.received_at
    reading = state.reading
    reasons = reading.reasons
    if stale:
        reasons = (_too_old(age_s, limits), *reasons)
    return ZoneNow(
        zone_id=zone_id,
        level=Level.UNKNOWN if stale else reading.level,
        last_level=reading.level,
        could_be=None if stale else reading.could_be,
        since=min(state.seen_at.plus(limits.stale_after_s), now) if stale else state.level_since,
        age_s=age_s,
        captured_at=state.captured_at,
        received_at=state.received_at,
        reasons=reasons,
        measurement=None if stale else reading.measurement,
        stale=stale,
        skew_s=ahead_s if ahead_s > limits.future_tolerance_s else None,
        profile_id=reading.profile_id,
        model_id=reading.model_id,
        doors={} if stale else reading.doors,
    )


def zone_after(
    old: ZoneState | None, reading: ReadingData, captured_at: Utc, now: Utc
) -> ZoneState:
    """A zone once `reading` is its newest one; `old` is what was known of it before."""
    same_level = old is not None and old.reading.level is reading.level
    return ZoneState(
        zone_id=reading.zone_id,
        reading=reading,
        captured_at=captured_at,
        received_at=now,
        level_since=old.level_since
        if old is not None and same_level
        else seen_at(captured_at, now),
    )


def status_of(record: CameraStateRecord, now: Utc) -> CameraStatus:
    """A camera as its worker tells it, received `now`."""
    return CameraStatus(
        camera_id=record.camera_id,
        state=record.state,
        since=Utc.from_datetime(record.since),
        cause=record.cause,
        detail=record.detail,
        captured_at=Utc.from_datetime(record.captured_at),
        received_at=now,
    )


def _age_s(state: ZoneState, now: Utc, limits: Limits) -> float | None:
    """`None` where the reading arrived later than now: the wall clock was set back since."""
    age_s = now - state.seen_at
    return None if age_s < -limits.future_tolerance_s else max(0.0, age_s)


def _too_old(age_s: float | None, limits: Limits) -> ReasonData:
    if age_s is None:
        return ReasonData(rule=STALE)
    limit_s = limits.stale_after_s
    return ReasonData(rule=STALE, measured=round(age_s, 1), threshold=limit_s, unit="s")


def _never_read(zone_id: str) -> ZoneNow:
    return ZoneNow(
        zone_id=zone_id,
        level=Level.UNKNOWN,
        last_level=None,
        could_be=None,
        since=None,
        age_s=None,
        captured_at=None,
        received_at=None,
        reasons=(ReasonData(rule=NEVER_READ),),
        measurement=None,
        stale=True,
        skew_s=None,
    )


def blind_cause(
    state: ZoneState | None, *, now: Utc, started_at: Utc, limits: Limits
) -> str | None:
    """Why nobody has seen the zone for too long, as a catalogue key; `None` while it is seen.

    The time before the service's own start does not count: it could not listen then, and the
    workers may be starting with it.
    """
    if state is None or state.seen_at < started_at:
        unheard = now - started_at > limits.startup_grace_s
        return STALE if unheard else None
    if now - state.seen_at > limits.lost_after_s:
        return STALE
    if state.reading.level is not Level.UNKNOWN:
        return None
    if now - state.level_since <= limits.lost_after_s:
        return None
    reasons = state.reading.reasons
    return reasons[0].rule if reasons else STALE


def camera_lost_cause(status: CameraStatus | None) -> str | None:
    """Why a camera gives no pictures, as a catalogue key; `None` while it does or is starting."""
    if status is None or status.state not in _LOST_STATES:
        return None
    return status.cause or status.state.value
