"""What a zone reading, a silent zone, or a camera that does not see means for an alarm."""

from __future__ import annotations

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.live.board import Known
from api.live.lost import is_back, lost_cause, unseen_zones
from streams.records import ReadingData, ReasonData
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.readings import Level, Reason

PRIORITY_OF_LEVEL = {Level.L4: 1, Level.L3: 2, Level.L2: 3}
"""L1 is a notice on the zone's tile and raises no alarm."""

PRIORITY_CAMERA_LOST = 3
PRIORITY_CAMERA_LOST_ON_STAIRS = 2


def crowd_signal(known: Known, reading: ReadingData, at: Utc, *, late: bool = False) -> Signal:
    """What a reading seen at `at` means for its zone's crowd alarm."""
    numbers = reading.measurement
    evidence = Evidence(
        level=reading.level,
        people=None if numbers is None else numbers.people,
        density_per_m2=None if numbers is None else numbers.density_peak_per_m2,
        reasons=_reasons(reading.reasons),
    )
    return _crowd(known, reading.zone_id, evidence, at=at, late=late)


def silent_signal(known: Known, zone_id: str) -> Signal:
    """The zone's newest reading is too old to say anything of its crowd."""
    evidence = Evidence(Level.UNKNOWN, reasons=_reasons(known.zone(zone_id).reasons[:1]))
    return _crowd(known, zone_id, evidence, at=known.now)


def camera_signal(known: Known, camera_id: str, *, worse: bool = False) -> Signal:
    """What is known of a camera and its zones means this for the camera's alarm.

    One that is given the time of a start is neither lost nor back.

    Args:
        worse: it was lost already, and now nobody sees a zone that another camera saw till now.
    """
    cause = lost_cause(known, camera_id)
    calm = Condition.GONE if is_back(known, camera_id) else Condition.UNKNOWN
    zone_ids = unseen_zones(known, camera_id)
    stairs = any(known.site.zone[zone_id].type is ZoneType.STAIRS for zone_id in zone_ids)
    return Signal(
        key=AlarmKey(known.site.id, AlarmType.CAMERA_LOST, camera_id),
        condition=calm if cause is None else Condition.ACTIVE,
        priority=PRIORITY_CAMERA_LOST_ON_STAIRS if stairs else PRIORITY_CAMERA_LOST,
        evidence=Evidence(Level.UNKNOWN, reasons=() if cause is None else (Reason(rule=cause),)),
        zone_ids=zone_ids,
        captured_at=known.now,
        received_at=known.now,
        worse=worse,
    )


def _crowd(
    known: Known, zone_id: str, evidence: Evidence, *, at: Utc, late: bool = False
) -> Signal:
    priority = PRIORITY_OF_LEVEL.get(evidence.level)
    if priority is not None:
        condition = Condition.ACTIVE
    elif evidence.level is Level.UNKNOWN:
        condition = Condition.UNKNOWN
    else:
        condition = Condition.GONE
    return Signal(
        key=AlarmKey(known.site.id, AlarmType.CROWD, zone_id),
        condition=condition,
        priority=priority or max(PRIORITY_OF_LEVEL.values()),
        evidence=evidence,
        zone_ids=(zone_id,),
        captured_at=at,
        received_at=known.now,
        late=late,
    )


def _reasons(reasons: tuple[ReasonData, ...]) -> tuple[Reason, ...]:
    return tuple(Reason(**reason.model_dump()) for reason in reasons)
