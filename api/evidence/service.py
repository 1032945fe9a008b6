"""The evidence of one service: its parts, their upkeep, and the document of an alarm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import audit
from api.access.actor import Actor
from api.access.scoping import Reach
from api.alarms import store as alarm_store
from api.alarms.values import Alarm
from api.evidence import clip_store, exports
from api.evidence.clip_store import Clip, ClipState
from api.evidence.collector import Collector
from api.evidence.curve import CurveKeeper, read_curve
from api.evidence.errors import NoEvidenceError
from api.evidence.export_job import CameraFiles, ExportJob
from api.evidence.exports import Export, ExportState
from api.evidence.folders import EvidenceFolder
from api.evidence.gaps import GapWatch
from api.evidence.jumps import Span
from api.evidence.origin import Origin
from api.evidence.register import Line, record
from api.evidence.retention import Retention
from api.schemas import AlarmDetailBody
from api.work import Desk
from config.recording import RecordingSettings
from config.texts import text
from streams.recording import film_start, gaps_between

_log = structlog.get_logger(__name__)

_COLLECT_EVERY_S = 2.0
_GAPS_EVERY_S = 5.0
_SWEEP_EVERY_S = 600.0
_EXPORT_EVERY_S = 1.0
_SAME_WORDS_AGAIN_S = 3_600.0


@dataclass(frozen=True, slots=True)
class EvidencePlan:
    """What the application is told: where files lie, what is kept, and what stood behind it."""

    recordings: Path
    folder: Path
    settings: RecordingSettings
    origin: Origin = field(default_factory=Origin)


class EvidenceService:
    """What the routes of the evidence work with."""

    def __init__(self, desk: Desk, plan: EvidencePlan) -> None:
        self.desk = desk
        self.folder = EvidenceFolder(plan.recordings, plan.folder)
        self.settings = plan.settings
        curves = CurveKeeper(desk.database)
        self.collector = Collector(desk, self.folder, plan.settings.clips, plan.origin, curves)
        self.gaps = GapWatch(desk, plan.recordings, plan.settings.ring)
        self.retention = Retention(desk.database, self.folder, desk.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep clips, look for gaps, delete what is due and make exports until the block ends."""
        jobs = (
            ("clips", self.collector.tick, _COLLECT_EVERY_S),
            ("gaps", self.gaps.tick, _GAPS_EVERY_S),
            ("retention", self.retention.sweep, _SWEEP_EVERY_S),
            ("exports", self.make_next_export, _EXPORT_EVERY_S),
        )
        await asyncio.to_thread(self.folder.forget_scraps)
        async with AsyncExitStack() as stack:
            for name, job, every_s in jobs:
                task = asyncio.create_task(_repeat(name, job, every_s), name=f"evidence-{name}")
                stack.push_async_callback(_cancel, task)
            yield

    async def clip_of(self, connection: AsyncConnection, number: int) -> Clip:
        """Raises `NoEvidenceError`: none is kept, or it was deleted."""
        clip = await clip_store.find(connection, number)
        if clip is None:
            raise NoEvidenceError("clip_unknown", number=number)
        if clip.state is ClipState.DELETED and clip.deleted_at is not None:
            raise NoEvidenceError("clip_deleted", number=number, at=clip.deleted_at.iso())
        return clip

    async def document(
        self, connection: AsyncConnection, alarm: Alarm, clip: Clip, reach: Reach | None = None
    ) -> dict[str, Any]:
        """Everything known of an alarm as JSON values: numbers, thresholds, digests, acts.

        With a `reach` zones and cameras outside it are left out.
        """
        history = await alarm_store.history(connection, alarm.number)
        end = clip.end or self.desk.clock.utc()
        spans = await asyncio.to_thread(self.folder.spans, alarm.number, clip.start, end)
        cameras = await asyncio.to_thread(self._cameras, clip, spans, reach)
        curve = await asyncio.to_thread(read_curve, self.folder.of_alarm(alarm.number))
        detail = AlarmDetailBody.with_history(alarm, history)
        return {
            "format": 1,
            "alarm": detail.model_dump(mode="json"),
            "site_id": alarm.key.site_id,
            "clip": {
                "start": clip.start.iso(),
                "end": None if clip.end is None else clip.end.iso(),
                "spans": [{"start": one.iso(), "end": other.iso()} for one, other in spans],
                "state": clip.state.value,
                "cut_short": clip.cut_short,
                "keep_days": clip.keep_days,
                "delete_after": clip.delete_after.iso() if clip.delete_after else None,
                "holds": [
                    {"number": number, "by": one.by, "at": one.at.iso(), "reason": one.reason}
                    for number, one in clip.standing.items()
                ],
            },
            "cameras": cameras,
            "density": _within(curve, reach),
            "origin": {**clip.origin, "zones": _within(clip.origin.get("zones", {}), reach)},
        }

    def _cameras(
        self, clip: Clip, spans: Sequence[Span], reach: Reach | None
    ) -> list[dict[str, Any]]:
        found = []
        for camera_id in clip.camera_ids:
            if reach is not None and not reach.camera(camera_id, clip.zone_ids):
                continue
            films = self.folder.films(clip.alarm_number, camera_id, spans)
            segments = [self.folder.segments(clip.alarm_number, camera_id, *span) for span in spans]
            found.append(
                {
                    "id": camera_id,
                    "parts": [
                        {
                            "start": max(part.start, span[0]).iso(),
                            "end": part.end.iso(),
                            "film_start": film_start(part, span[0]).iso(),
                            "codec": part.coding.codec,
                            "size_px": [part.coding.width_px, part.coding.height_px],
                            "url": f"/api/v1/alarms/{clip.alarm_number}/clip"
                            f"?camera={camera_id}&part={index}&version={version}",
                        }
                        for index, (part, span, version) in enumerate(films)
                    ],
                    "gaps": [
                        {"start": gap.start.iso(), "end": gap.end.iso()}
                        for span, recorded in zip(spans, segments, strict=True)
                        for gap in gaps_between(recorded, *span)
                    ],
                    "segments": [
                        {"name": s.path.name, "how": s.how.value, "sha256": s.sha256}
                        for recorded in segments
                        for s in recorded
                    ],
                }
            )
        return found

    async def note(self, connection: AsyncConnection, actor: Actor, line: Line) -> None:
        """One line in the register, and with it one in the audit log under the actor's account."""
        if await record(connection, replace(line, account=actor.account)):
            told = {"signed": line.viewer, "camera": line.camera_id, "reason": line.reason}
            act = audit.Act(
                f"evidence.{line.act.value}", str(line.alarm_number), {**told, "note": line.note}
            )
            await audit.append(connection, actor, act, line.first_at)

    async def make_next_export(self) -> int | None:
        """Make the oldest export that is not made; its id, `None` when there is none.

        One is made at a time, so a row that runs when a look begins has lost its process.
        """
        async with self.desk.database.read() as connection:
            states = [ExportState.QUEUED, ExportState.RUNNING]
            wanted = await exports.in_states(connection, states)
        if not wanted:
            return None
        export = wanted[0]
        async with self.desk.database.write() as connection:
            await exports.set_state(connection, export.id, ExportState.RUNNING)
        # Pictures of an export whose process was killed must not outlive their clip.
        await asyncio.to_thread(self.folder.forget_scraps)
        try:
            answer = await exports.make(await self.job_of(export))
        except NoEvidenceError as error:
            answer = {"failed": text(f"api.error.{error.code}", "en", **error.values)}
        except OSError as error:
            # Another export, or a look without this one, may well succeed.
            answer = {"failed": f"{type(error).__name__}: {error.strerror or error}"}
        async with self.desk.database.write() as connection:
            if "failed" in answer:
                detail = str(answer["failed"])
                await exports.set_state(connection, export.id, ExportState.FAILED, detail=detail)
            else:
                values = {"file_sha256": answer["sha256"], "file_bytes": answer["bytes"]}
                values["ready_ns"] = self.desk.clock.utc().ns
                await exports.set_state(connection, export.id, ExportState.READY, **values)
        return export.id

    async def job_of(self, export: Export) -> ExportJob:
        """What the export's process is told. Raises `NoEvidenceError`."""
        number = export.wish.alarm_number
        async with self.desk.database.read() as connection:
            alarm = await alarm_store.by_number(connection, number)
            clip = await self.clip_of(connection, number)
            document = await self.document(connection, alarm, clip)
        now, timezone = self.desk.clock.utc(), self.desk.board.site.timezone
        out = self.folder.export_file(export.id)
        spans = await asyncio.to_thread(self.folder.spans, number, clip.start, clip.end or now)
        await asyncio.to_thread(out.parent.mkdir, 0o700, parents=True, exist_ok=True)
        return ExportJob(
            cameras=tuple(
                CameraFiles(camera_id, str(self.folder.of_camera(number, camera_id)))
                for camera_id in clip.camera_ids
            ),
            spans_ns=tuple((start.ns, end.ns) for start, end in spans),
            redacted=export.wish.redacted,
            watermark=_watermark(export, alarm.key.site_id, timezone),
            document=document,
            facts=_facts(export, now.iso()),
            key_folder=str(self.folder.root),
            out=str(out),
            timezone=timezone,
        )


def _within(by_zone: Mapping[str, Any], reach: Reach | None) -> dict[str, Any]:
    return {key: value for key, value in by_zone.items() if reach is None or reach.zone(key)}


def _watermark(export: Export, site_id: str, timezone: str) -> tuple[str, ...]:
    who = export.requested.name + (f" / {export.decided_by}" if export.decided_by else "")
    asked_at = export.requested_at.to_datetime().astimezone(ZoneInfo(timezone))
    when = asked_at.isoformat(" ", "minutes")
    why = text(f"evidence.reason.{export.wish.reason}", "zh")
    case = f" {export.wish.case_no}" if export.wish.case_no else ""
    kind = text("evidence.redacted" if export.wish.redacted else "evidence.unredacted", "zh")
    return (
        f"{who} {when}",
        f"{site_id} 告警 {export.wish.alarm_number}  {why}{case}  {kind}",
    )


def _facts(export: Export, made_at: str) -> dict[str, Any]:
    wish = export.wish
    return {
        "alarm": wish.alarm_number,
        "export": export.id,
        "reason": wish.reason,
        "note": wish.note,
        "case_no": wish.case_no,
        "requested_by": export.requested.name,
        "requested_at": export.requested_at.iso(),
        "allowed_by": export.decided_by,
        "allowed_at": export.decided_at.iso() if export.decided_at else None,
        "made_at": made_at,
        "software": f"xiaoan {_version()}",
    }


def _version() -> str:
    try:
        return metadata.version("xiaoan")
    except metadata.PackageNotFoundError:
        return "0"


async def _repeat(name: str, job: Callable[[], Awaitable[object]], every_s: float) -> None:
    """Run a job again and again; a disk or database that refuses is logged, and it is tried again.

    The same words come once an hour: a run that had nothing to write ends well on a full disk too.
    """
    told, again_at = "", 0.0
    while True:
        try:
            await job()
        except (SQLAlchemyError, OSError) as error:
            reason, now = f"{type(error).__name__}: {error}", asyncio.get_running_loop().time()
            if reason != told or now >= again_at:
                _log.error("evidence", job=name, reason=reason)
                told, again_at = reason, now + _SAME_WORDS_AGAIN_S
        await asyncio.sleep(every_s)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


__all__ = ["EvidencePlan", "EvidenceService"]
