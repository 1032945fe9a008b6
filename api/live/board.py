"""The newest knowledge of all zones and cameras, in memory; the database holds the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.live.judge import ZoneNow, zone_now
from api.live.values import CameraStatus, Limits, ZoneState
from api.watched import WatchedSite
from streams.records import WorkerLoadRecord
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a site at `now`.

    Attributes:
        started_at: when this process began to listen.
    """

    site: WatchedSite
    limits: Limits
    started_at: Utc
    now: Utc
    zones: Mapping[str, ZoneState]
    cameras: Mapping[str, CameraStatus]

    def zone(self, zone_id: str) -> ZoneNow:
        """A zone as it may be shown."""
        return zone_now(zone_id, self.zones.get(zone_id), self.now, self.limits)


@dataclass(slots=True)
class Board:
    """Changed only after the transaction that stored the same has committed.

    Attributes:
        loads: what each worker told last of whether it keeps up; nowhere else than here.
    """

    site: WatchedSite
    limits: Limits
    started_at: Utc
    zones: dict[str, ZoneState] = field(default_factory=dict)
    cameras: dict[str, CameraStatus] = field(default_factory=dict)
    loads: dict[str, WorkerLoadRecord] = field(default_factory=dict)

    def known_at(self, now: Utc) -> Known:
        return Known(self.site, self.limits, self.started_at, now, self.zones, self.cameras)


def is_older(captured_at: Utc, newest: ZoneState | CameraStatus, known: Known) -> bool:
    """Whether a record is older than what is known of its subject.

    The wall clock may have been set back between the two. What arrived before that lies in the
    future and is older than anything that comes; of a record that was captured before that, as of
    one whose clock runs ahead, nobody can tell the age, and it is old beside what is fresh.
    """
    limits = known.limits
    newest_ahead_s = newest.captured_at - newest.received_at
    if newest.seen_at > known.now or newest_ahead_s > limits.future_tolerance_s:
        return False
    if captured_at - known.now > limits.future_tolerance_s:
        return known.now - newest.seen_at <= limits.stale_after_s
    return captured_at < newest.seen_at
