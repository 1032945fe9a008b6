"""The alarm of a school whose cameras are seen but not recorded: one for the site, with each cause.

A camera that gives no pictures has an alarm of its own, and none here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.work import Desk
from streams.recording.values import EndCause
from vision.risk.readings import Level, Reason

SUBJECT = "recording"
UNKNOWN = "unknown"
# What keeps a camera that gives pictures from being recorded.
RECORDER_FAULTS = frozenset(
    {
        EndCause.SLOW_DISK,
        EndCause.DISK_FULL,
        EndCause.DISK_ERROR,
        EndCause.BUDGET,
        EndCause.NOT_RECORDABLE,
    }
)
_PRIORITY = 3


@dataclass(slots=True)
class StoppedAlarm:
    """Raises the alarm, changes it and ends it as cameras come and go."""

    desk: Desk
    _told: Mapping[str, str] | None = None

    async def tell(self, causes: Mapping[str, str]) -> None:
        """Which cameras are seen but not recorded, each with its cause; the same twice is told
        once.

        Args:
            causes: an `EndCause` of `RECORDER_FAULTS` or `UNKNOWN`, by camera.
        """
        if causes == self._told:
            return
        site = self.desk.board.site
        reasons = tuple(
            Reason(f"recording_{cause}", measured=float(count), unit="cameras")
            for cause, count in Counter(causes.values()).most_common()
        )
        zones = dict.fromkeys(
            zone_id for camera_id in sorted(causes) for zone_id in site.camera[camera_id].zone_ids
        )
        async with self.desk.work() as work:
            now = work.known.now
            await work.signal(
                Signal(
                    key=AlarmKey(site.id, AlarmType.RECORDING_STOPPED, SUBJECT),
                    condition=Condition.ACTIVE if causes else Condition.GONE,
                    priority=_PRIORITY,
                    evidence=Evidence(Level.UNKNOWN, reasons=reasons),
                    zone_ids=tuple(zones),
                    captured_at=now,
                    received_at=now,
                )
            )
        self._told = dict(causes)


__all__ = ["RECORDER_FAULTS", "SUBJECT", "UNKNOWN", "StoppedAlarm"]
