"""One cause, one alarm: a recorder or an analysis process that takes its cameras with it.

Pure functions. A group counts as lost when every one of its cameras is lost: an analysis process
when silence is all that is known of them, a recorder when the cameras themselves were reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.alarms.signals import PRIORITY_CAMERA_LOST, PRIORITY_CAMERA_LOST_ON_STAIRS
from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.live.board import Known
from api.live.lost import unseen_zones
from api.watched import Name
from config.desk_plan import DeskPlan
from vision.geometry.zones import ZoneType
from vision.risk.readings import Level, Reason

SILENT_CAUSES = frozenset({"worker_down", "stale"})
"""Causes that tell of the analysis process and not of the camera."""

FEWEST_CAMERAS = 2


@dataclass(frozen=True, slots=True)
class CameraGroup:
    """Cameras that hang on one recorder or one analysis process.

    Attributes:
        kind: WORKER_LOST or RECORDER_LOST, the type of the parent alarm.
    """

    id: str
    kind: AlarmType
    name: Name
    camera_ids: tuple[str, ...]


def recorder_groups(plan: DeskPlan) -> tuple[CameraGroup, ...]:
    """The recorders of the site's plan."""
    return tuple(
        CameraGroup(one.id, AlarmType.RECORDER_LOST, Name(one.name.zh, one.name.en), one.camera_ids)
        for one in plan.recorders
    )


def is_lost(group: CameraGroup, causes: Mapping[str, str | None]) -> bool:
    """Whether the group is the likelier reason than each camera by itself."""
    found = [causes.get(camera_id) for camera_id in group.camera_ids]
    if len(found) < FEWEST_CAMERAS or any(cause is None for cause in found):
        return False
    silent = all(cause in SILENT_CAUSES for cause in found)
    return silent if group.kind is AlarmType.WORKER_LOST else not silent


def lost_groups(groups: Sequence[CameraGroup], causes: Mapping[str, str | None]) -> frozenset[str]:
    """Ids of the groups that are lost."""
    return frozenset(group.id for group in groups if is_lost(group, causes))


def group_signal(known: Known, group: CameraGroup, *, lost: bool, worse: bool = False) -> Signal:
    """What is known of a group means this for its own alarm.

    Args:
        worse: it was lost already, and now nobody sees a zone that another camera saw till now.
    """
    zone_ids = tuple(
        dict.fromkeys(
            zone_id
            for camera_id in group.camera_ids
            if camera_id in known.site.camera
            for zone_id in known.site.camera[camera_id].zone_ids
        )
    )
    unseen = {
        zone_id
        for camera_id in group.camera_ids
        if camera_id in known.site.camera
        for zone_id in unseen_zones(known, camera_id)
    }
    stairs = any(known.site.zone[zone_id].type is ZoneType.STAIRS for zone_id in unseen)
    reason = Reason(rule=group.kind.value, measured=float(len(group.camera_ids)), unit="cameras")
    return Signal(
        key=AlarmKey(known.site.id, group.kind, group.id),
        condition=Condition.ACTIVE if lost else Condition.GONE,
        priority=PRIORITY_CAMERA_LOST_ON_STAIRS if stairs else PRIORITY_CAMERA_LOST,
        evidence=Evidence(Level.UNKNOWN, reasons=(reason,) if lost else ()),
        zone_ids=zone_ids,
        captured_at=known.now,
        received_at=known.now,
        worse=worse,
    )
