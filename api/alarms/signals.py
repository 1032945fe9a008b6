"""What a zone reading, or a camera that is not seen, means for an alarm."""

from __future__ import annotations

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from vision.instants import Utc
from vision.readings import Level, Reason

PRIORITY_OF_LEVEL = {Level.L4: 1, Level.L3: 2, Level.L2: 3}
"""L1 is a notice on the zone's tile and raises no alarm."""

PRIORITY_CAMERA_LOST = 3
PRIORITY_CAMERA_LOST_ON_STAIRS = 2


def crowd_signal(
    site_id: str,
    zone_id: str,
    evidence: Evidence,
    *,
    captured_at: Utc,
    received_at: Utc,
    late: bool = False,
) -> Signal:
    """The signal of a zone's crowd alarm; `evidence.level` decides."""
    priority = PRIORITY_OF_LEVEL.get(evidence.level)
    if priority is not None:
        condition = Condition.ACTIVE
    elif evidence.level is Level.UNKNOWN:
        condition = Condition.UNKNOWN
    else:
        condition = Condition.GONE
    return Signal(
        key=AlarmKey(site_id, AlarmType.CROWD, zone_id),
        condition=condition,
        priority=priority or max(PRIORITY_OF_LEVEL.values()),
        evidence=evidence,
        zone_ids=(zone_id,),
        captured_at=captured_at,
        received_at=received_at,
        late=late,
    )


def camera_signal(
    site_id: str,
    camera_id: str,
    *,
    lost_cause: str | None,
    zone_ids: tuple[str, ...],
    on_stairs: bool,
    at: Utc,
) -> Signal:
    """The signal of a camera's alarm: `lost_cause` is a catalogue key, `None` when it sees again.

    `zone_ids` are the zones that nobody sees because of it; `on_stairs`: one of them is a stair.
    """
    lost = lost_cause is not None
    reasons = () if lost_cause is None else (Reason(rule=lost_cause),)
    return Signal(
        key=AlarmKey(site_id, AlarmType.CAMERA_LOST, camera_id),
        condition=Condition.ACTIVE if lost else Condition.GONE,
        priority=PRIORITY_CAMERA_LOST_ON_STAIRS if on_stairs else PRIORITY_CAMERA_LOST,
        evidence=Evidence(Level.UNKNOWN, reasons=reasons),
        zone_ids=zone_ids,
        captured_at=at,
        received_at=at,
    )
