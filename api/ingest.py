"""Takes the workers' records: each once, in one transaction with the alarms they cause."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import insert, select
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api import readings
from api.alarms.routine import SELFTEST_WORKER, RunKind, begin
from api.alarms.signals import camera_signal, crowd_signal, silent_signal
from api.alarms.values import AlarmKey, AlarmType
from api.coverage.health_store import take_health
from api.database.errors import NothingStoredError
from api.database.tables import RECORDS
from api.live.board import is_older
from api.live.judge import status_of, zone_after
from api.live.values import ZoneState, seen_at
from api.unkept import Refusal
from api.watched import WatchedSite
from api.work import Desk, Work
from streams.records import (
    RECORD,
    AnyRecord,
    CameraHealthRecord,
    CameraStateRecord,
    ReadingData,
    ReadingRecord,
    TransitionRecord,
    WorkerLoadRecord,
)
from vision.instants import Utc
from vision.risk.readings import Level

_IDS_PER_QUERY = 500

LATE_S = 5.0
"""Records that are not stored by then are shown all the same: their worker waits no longer."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that can never be stored, and why; the worker must not send it again."""

    record_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a batch."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejection, ...]


class Ingest:
    """Stores batches of records.

    Attributes:
        refused: the database did not take the newest batch.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.refused = False

    async def accept(self, raw_records: Sequence[object]) -> IngestResult:
        """Store what is new and valid. Only a failing database makes this raise.

        What it does not take, or not in time, is shown at least.
        """
        good, rejected = _parse(raw_records, self._desk.board.site)
        shown = tuple(one for one in good if one.worker_id != SELFTEST_WORKER)
        unkept = self._desk.unkept
        if unkept.store_refuses:
            self._refused(shown)
            raise NothingStoredError("the database takes nothing at present")
        late = asyncio.get_running_loop().call_later(LATE_S, self._refused, shown)
        try:
            result = await self._store(good, rejected)
        except DataError:
            self.refused = True
            raise
        except SQLAlchemyError:
            self._refused(shown)
            raise
        finally:
            late.cancel()
        self.refused = False
        if good:
            unkept.stored(Refusal.RECORDS)
        return result

    def show(self, raw_records: Sequence[object]) -> bool:
        """While the database stores nothing: show records that are sent again to be stored."""
        unkept = self._desk.unkept
        if unkept.refusing:
            good, _ = _parse(raw_records, self._desk.board.site)
            unkept.take(one for one in good if one.worker_id != SELFTEST_WORKER)
        return unkept.refusing

    def _refused(self, records: Sequence[AnyRecord]) -> None:
        self.refused = True
        self._desk.unkept.refuse(Refusal.RECORDS)
        self._desk.unkept.take(records)

    async def _store(
        self, good: Sequence[AnyRecord], rejected: Sequence[Rejection]
    ) -> IngestResult:
        accepted = 0
        if good:
            async with self._desk.work() as work:
                fresh = await _only_new(work.connection, good)
                now = work.known.now
                await _remember(work.connection, fresh, now)
                await work.expect(_alarm_keys(fresh))
                for record in sorted(fresh, key=lambda r: _seen_at(r, now)):
                    await _apply(work, record)
                await readings.add(work.connection, _points(fresh, now))
                await _admit_silence(work)
                accepted = len(fresh)
            self._observe_ages(fresh)
        duplicates = len(good) - accepted
        for outcome, count in (
            ("accepted", accepted),
            ("duplicate", duplicates),
            ("rejected", len(rejected)),
        ):
            self._desk.metrics.records.labels(outcome).inc(count)
        return IngestResult(accepted, duplicates, tuple(rejected))

    def _observe_ages(self, records: Iterable[AnyRecord]) -> None:
        now = self._desk.clock.utc()
        for record in records:
            if isinstance(record, WorkerLoadRecord):
                self._desk.metrics.count_load(record)
            age_s = now - Utc.from_datetime(record.captured_at)
            self._desk.metrics.capture_to_stored_s.observe(max(age_s, 0.0))


def _parse(
    raw_records: Sequence[object], site: WatchedSite
) -> tuple[list[AnyRecord], list[Rejection]]:
    good: list[AnyRecord] = []
    rejected: list[Rejection] = []
    for raw in raw_records:
        try:
            record = RECORD.validate_python(raw)
        except ValidationError as error:
            rejected.append(Rejection(_id_of(raw), _first_problem(error)))
            continue
        stranger = _stranger(record, site)
        if stranger:
            rejected.append(Rejection(record.record_id, stranger))
        else:
            good.append(record)
    return good, rejected


def _id_of(raw: object) -> str:
    record_id = raw.get("record_id") if isinstance(raw, dict) else None
    return record_id[:120] if isinstance(record_id, str) else ""


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "record"
    more = error.error_count() - 1
    return f"{where}: {problem['msg']}" + (f" (and {more} more)" if more else "")


def _stranger(record: AnyRecord, site: WatchedSite) -> str:
    """Why the record does not belong to this site; empty when it does."""
    if record.site_id != site.id:
        return (
            f"site_id: this service watches {site.id!r}, not {record.site_id!r}; "
            f"start the worker with the same site files"
        )
    if isinstance(record, CameraStateRecord | CameraHealthRecord):
        if record.camera_id not in site.camera:
            return f"camera_id: the site file has no camera {record.camera_id!r}"
    elif isinstance(record, WorkerLoadRecord):
        strange = [rate.camera_id for rate in record.cameras if rate.camera_id not in site.camera]
        if strange:
            return f"cameras: the site file has no camera {strange[0]!r}"
    elif record.reading.zone_id not in site.zone:
        return f"reading.zone_id: the site file has no zone {record.reading.zone_id!r}"
    return ""


async def _only_new(connection: AsyncConnection, records: Sequence[AnyRecord]) -> list[AnyRecord]:
    by_id = {record.record_id: record for record in reversed(records)}
    ids = list(by_id)
    for start in range(0, len(ids), _IDS_PER_QUERY):
        part = ids[start : start + _IDS_PER_QUERY]
        known = await connection.execute(
            select(RECORDS.c.record_id).where(RECORDS.c.record_id.in_(part))
        )
        for (record_id,) in known:
            del by_id[record_id]
    return list(by_id.values())


async def _remember(connection: AsyncConnection, records: Sequence[AnyRecord], now: Utc) -> None:
    if records:
        rows = [
            {"record_id": record.record_id, "kind": record.kind, "received_ns": now.ns}
            for record in records
        ]
        await connection.execute(insert(RECORDS), rows)


def _seen_at(record: AnyRecord, received_at: Utc) -> Utc:
    return seen_at(Utc.from_datetime(record.captured_at), received_at)


def _alarm_keys(records: Iterable[AnyRecord]) -> list[AlarmKey]:
    """The crowd alarms that these records speak of."""
    return [
        AlarmKey(record.site_id, AlarmType.CROWD, record.reading.zone_id)
        for record in records
        if isinstance(record, ReadingRecord | TransitionRecord)
    ]


def _points(records: Iterable[AnyRecord], now: Utc) -> list[tuple[str, readings.Point]]:
    """What is kept of readings over time; the self-test's crowd is nobody."""
    return [
        (one.reading.zone_id, readings.point_of(one.reading, _seen_at(one, now)))
        for one in records
        if isinstance(one, ReadingRecord) and one.worker_id != SELFTEST_WORKER
    ]


async def _apply(work: Work, record: AnyRecord) -> None:
    if isinstance(record, CameraStateRecord):
        await _apply_camera(work, record)
        return
    if isinstance(record, CameraHealthRecord):
        await take_health(work.connection, record, work.known.now)
        return
    if isinstance(record, WorkerLoadRecord):
        work.set_load(record)
        return
    at = _seen_at(record, work.known.now)
    if record.worker_id == SELFTEST_WORKER:
        await _apply_selftest(work, record, at)
        return
    await _apply_reading(work, record.reading, Utc.from_datetime(record.captured_at))


async def _apply_reading(work: Work, reading: ReadingData, captured_at: Utc) -> None:
    known = work.known
    at = seen_at(captured_at, known.now)
    old = known.zones.get(reading.zone_id)
    if old is not None and is_older(captured_at, old, known):
        await _apply_late(work, reading, at, old)
        return
    work.set_zone(zone_after(old, reading, captured_at, known.now))
    await work.signal(crowd_signal(known, reading, at))


async def _apply_selftest(work: Work, record: ReadingRecord | TransitionRecord, at: Utc) -> None:
    """A synthetic crowd comes the way a real one does, and ends as a test alarm."""
    if isinstance(record, TransitionRecord):
        crowd = crowd_signal(work.known, record.reading, at)
        key = f"{RunKind.SELFTEST}/{record.record_id}"
        await begin(work, key, SELFTEST_WORKER, evidence=crowd.evidence, zone_ids=crowd.zone_ids)


async def _apply_late(work: Work, reading: ReadingData, at: Utc, newest: ZoneState) -> None:
    """A record older than the newest one: it may open or worsen an alarm, never calm one."""
    if reading.level is Level.UNKNOWN or reading.level.severity < Level.L2.severity:
        return
    await work.signal(crowd_signal(work.known, reading, at, late=True))
    # An alarm that a late record opened learns at once how things stand now.
    if work.known.zone(reading.zone_id).stale:
        await work.signal(silent_signal(work.known, reading.zone_id))
    else:
        await work.signal(crowd_signal(work.known, newest.reading, newest.seen_at))


async def _apply_camera(work: Work, record: CameraStateRecord) -> None:
    status = status_of(record, work.known.now)
    old = work.known.cameras.get(record.camera_id)
    if old is not None and is_older(status.captured_at, old, work.known):
        return
    work.set_camera(status)
    await work.signal(camera_signal(work.known, record.camera_id))


async def _admit_silence(work: Work) -> None:
    """Readings that arrived long after they were taken say nothing of the present."""
    for zone_id in work.zones.maps[0]:
        if work.known.zone(zone_id).stale:
            await work.signal(silent_signal(work.known, zone_id))
