"""What the database does not take: shown to consoles while it refuses, and stored by nobody.

The records wait with the workers, and are judged as always when they are stored. Until then they
are judged here, in memory, against what was refused before: a zone shows its newest level, and a
crowd, a pressed button or a lost camera is an alarm without a number, which sounds on the desk and
switches on what hangs on it. Such an alarm cannot be acknowledged; nobody outside is told of it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import structlog

from api.alarms import checks, machine
from api.alarms.signals import camera_signal, crowd_signal, silent_signal
from api.alarms.values import Alarm, AlarmKey, Signal
from api.events import UNNUMBERED, Broker, Event, EventKind
from api.live.board import Board, Known, is_older
from api.live.judge import status_of, zone_after
from api.live.values import CameraStatus, ZoneState, seen_at
from api.schemas import CameraBody, ZoneBody
from config.desk_plan import DeskPlan
from streams.clock import Clock
from streams.records import AnyRecord, CameraStateRecord, ReadingRecord, TransitionRecord
from vision.instants import Monotonic, Utc

_LOG = structlog.get_logger(__name__)

RECORDS_COME_AGAIN_S = 15.0
"""Workers send what was refused again within seconds. Where none does, nothing waits with them."""


class Refusal(StrEnum):
    """What the database refuses: any row at all, or the workers' records."""

    STORE = "store"
    RECORDS = "records"


@dataclass(slots=True)
class Unkept:
    """Of one desk; empty while the database stores.

    Attributes:
        since: when the database began to refuse; `None` while it stores.
        zones: newest readings that were refused, where they are newer than what is stored.
        alarms: what they, buttons and silence mean; with the number 0.
    """

    board: Board
    broker: Broker
    clock: Clock
    plan: DeskPlan
    since: Utc | None = None
    zones: dict[str, ZoneState] = field(default_factory=dict)
    cameras: dict[str, CameraStatus] = field(default_factory=dict)
    alarms: dict[AlarmKey, Alarm] = field(default_factory=dict)
    _refused: dict[Refusal, Monotonic] = field(default_factory=dict)

    @property
    def refusing(self) -> bool:
        """The database does not store."""
        return self.since is not None

    @property
    def store_refuses(self) -> bool:
        """It takes no row at all: nobody need ask before the watch has found otherwise."""
        return Refusal.STORE in self._refused

    def refuse(self, what: Refusal) -> None:
        """The database has just refused, or does not answer."""
        self._refused[what] = self.clock.monotonic()
        if self.since is None:
            self.since = self.clock.utc()
            _LOG.error("database.nothing_kept", what=what.value)
            self._tell()

    def stored(self, what: Refusal) -> None:
        """The database has just stored."""
        ended = self._refused.pop(what, None) is not None
        if ended and (what is Refusal.STORE or self._refused_for_long()):
            # As after a start: what waits with the workers has not been heard yet, and what is
            # old for that reason is no lost camera.
            self.board.started_at = self.clock.utc()
        records = self._refused.get(Refusal.RECORDS)
        if records is not None and self.clock.monotonic() - records > RECORDS_COME_AGAIN_S:
            del self._refused[Refusal.RECORDS]
        if self.since is None or self._refused:
            return
        _LOG.info("database.keeps_again", refused_s=round(self.clock.utc() - self.since, 1))
        self.since = None
        for one in (self.zones, self.cameras, self.alarms):
            one.clear()
        self._tell()

    def _refused_for_long(self) -> bool:
        """So that the oldest that workers send now would be a loss of their cameras."""
        limits = self.board.limits
        long_s = limits.lost_after_s - limits.stale_after_s
        return self.since is not None and self.clock.utc() - self.since > long_s

    def known(self) -> Known:
        """What is known now, with what was refused."""
        known = self.board.known_at(self.clock.utc())
        return replace(
            known,
            zones=ChainMap(self.zones, self.board.zones),
            cameras=ChainMap(self.cameras, self.board.cameras),
        )

    def take(self, records: Iterable[AnyRecord]) -> None:
        """Show what these records say where it is newer than what is shown."""
        known = self.known()
        zones: dict[str, None] = {}
        cameras: dict[str, None] = {}
        for record in sorted(records, key=lambda one: one.captured_at):
            if isinstance(record, CameraStateRecord):
                if self._take_camera(record, known):
                    cameras[record.camera_id] = None
            elif isinstance(record, ReadingRecord | TransitionRecord) and self._take_reading(
                record, known
            ):
                zones[record.reading.zone_id] = None
        self._publish(known, zones, cameras)

    def signal(self, signal: Signal) -> None:
        """Let a signal that could not be stored act on the alarm of its key."""
        change = machine.observe(self.alarms.get(signal.key), signal)
        if change is None:
            return
        rule = checks.CheckRule(self.plan.check_s, self.plan.check_priorities)
        alarm = checks.begin(change, rule, self.clock.utc()).alarm
        self.alarms[signal.key] = alarm
        if change.entries:
            self._tell()

    def look(self) -> None:
        """What silence means meanwhile: cameras that nobody sees through, and crowds that nobody
        sees any more. Before the refusal all may have been seen: each has the time of a start."""
        if self.since is None:
            return
        known = self.known()
        known = replace(known, started_at=max(known.started_at, self.since))
        for camera in known.site.cameras:
            self.signal(camera_signal(known, camera.id))
        for zone in known.site.zones:
            silent = silent_signal(known, zone.id)
            if silent.key in self.alarms and known.zone(zone.id).stale:
                self.signal(silent)

    def open_alarms(self) -> tuple[Alarm, ...]:
        """Alarms that stand in no store, as they are now: a check that nobody answers ends."""
        now = self.clock.utc()
        for key, alarm in self.alarms.items():
            ended = checks.end_unanswered(alarm, now)
            if ended is not None:
                self.alarms[key] = ended.alarm
        return tuple(alarm for alarm in self.alarms.values() if alarm.is_open)

    def _take_reading(self, record: ReadingRecord | TransitionRecord, known: Known) -> bool:
        reading, captured_at = record.reading, Utc.from_datetime(record.captured_at)
        old = known.zones.get(reading.zone_id)
        if old is not None and (
            old.captured_at == captured_at or is_older(captured_at, old, known)
        ):
            # Workers send the same ones again until they are stored.
            return False
        self.zones[reading.zone_id] = zone_after(old, reading, captured_at, known.now)
        if known.zone(reading.zone_id).stale:
            self.signal(silent_signal(known, reading.zone_id))
        else:
            self.signal(crowd_signal(known, reading, seen_at(captured_at, known.now)))
        return True

    def _take_camera(self, record: CameraStateRecord, known: Known) -> bool:
        status = status_of(record, known.now)
        old = known.cameras.get(record.camera_id)
        if old is not None and (
            old.captured_at == status.captured_at or is_older(status.captured_at, old, known)
        ):
            return False
        self.cameras[record.camera_id] = status
        return True

    def _publish(self, known: Known, zones: Iterable[str], cameras: Iterable[str]) -> None:
        site = known.site
        told = [
            (EventKind.ZONE, ZoneBody.of(site.zone[one], known.zone(one)).model_dump_json())
            for one in zones
        ]
        for one in cameras:
            body = CameraBody.of(site.camera[one], known.cameras.get(one))
            told.append((EventKind.CAMERA, body.model_dump_json()))
        self.broker.publish([Event(UNNUMBERED, kind, body_json) for kind, body_json in told])

    def _tell(self) -> None:
        """Each stream writes the body itself: readers see different alarms."""
        self.broker.publish([Event(UNNUMBERED, EventKind.STORE, "")])


__all__ = ["RECORDS_COME_AGAIN_S", "Refusal", "Unkept"]
