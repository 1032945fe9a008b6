"""The alarm of a disk that is nearly full; the database still has room inside, for some hours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.database.room import free_on_disk
from api.work import Desk
from vision.risk.readings import Level, Reason

SUBJECT = "disk"
RULE = "disk_low"
LOW_BYTES = 500_000_000
"""Engineering judgement: below what recording leaves free (`recording.yaml`), so that a school
that records hears of its recordings first, and of this only where something else fills the disk."""

_OVER_BYTES = 600_000_000
_MB = 1_000_000
_PRIORITY = 3


@dataclass(slots=True)
class DiskAlarm:
    """Raises the alarm and ends it.

    Attributes:
        folders: what lies on the disks that are watched; none: nothing is watched.
        free_bytes: asks for the room on the fullest of them; a fake in tests.
    """

    desk: Desk
    folders: tuple[Path, ...]
    free_bytes: Callable[[tuple[Path, ...]], int] = free_on_disk
    _low: bool | None = None

    async def tell(self) -> None:
        """Look, and tell what changed; after a start also what the database may still say."""
        if not self.folders:
            return
        free = self.free_bytes(self.folders)
        low = free < (_OVER_BYTES if self._low else LOW_BYTES)
        if low == self._low:
            return
        reason = Reason(RULE, measured=float(free // _MB), threshold=LOW_BYTES / _MB, unit="MB")
        async with self.desk.work() as work:
            now = work.known.now
            await work.signal(
                Signal(
                    key=AlarmKey(self.desk.board.site.id, AlarmType.DISK_LOW, SUBJECT),
                    condition=Condition.ACTIVE if low else Condition.GONE,
                    priority=_PRIORITY,
                    evidence=Evidence(Level.UNKNOWN, reasons=(reason,) if low else ()),
                    zone_ids=(),
                    captured_at=now,
                    received_at=now,
                )
            )
        self._low = low


__all__ = ["LOW_BYTES", "DiskAlarm"]
