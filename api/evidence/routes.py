"""Playing evidence, asking for exports, and the registers."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from api.access.actor import Actor
from api.access.guard import needs, right_missing, typed_name
from api.access.rights import Right
from api.access.scoping import Reach, check_alarm
from api.alarms import store as alarm_store
from api.alarms.values import Alarm
from api.evidence import clip_store, exports, register
from api.evidence.bodies import (
    DecisionBody,
    ExportBody,
    ExportsBody,
    HoldBody,
    KeyBody,
    RecordingEventBody,
    RecordingEventsBody,
    RegisterBody,
    RegisterLineBody,
    WishBody,
)
from api.evidence.clip_store import Clip, Hold
from api.evidence.errors import DiskRefusedError, EvidenceError, NoEvidenceError
from api.evidence.exports import Export, ExportState, Person, Wish
from api.evidence.gaps import list_events
from api.evidence.register import Act, Line, Reason
from api.evidence.retention import EXPORT_DAYS
from api.evidence.service import EvidenceService
from api.evidence.signing import fingerprint, public_pem, signing_key
from api.place_names import Name
from api.problems import Problem, responses
from api.routes.shift import name_of
from streams.recording import NoPictureError, RemuxError

_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/api/v1", tags=["evidence"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="number of the alarm")]
ExportId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Player = Annotated[Actor, Depends(needs(Right.PLAY_EVIDENCE))]
Asker = Annotated[Actor, Depends(needs(Right.REQUEST_EXPORT))]
Approver = Annotated[Actor, Depends(needs(Right.APPROVE_EXPORT))]
Keeper = Annotated[Actor, Depends(needs(Right.SET_RETENTION))]
Reader = Annotated[Actor, Depends(needs(Right.READ_VIEWINGS))]

_MP4: dict[int | str, dict[str, Any]] = {
    200: {"content": {"video/mp4": {}}, "description": "the whole clip"},
    206: {"content": {"video/mp4": {}}, "description": "the range that was asked for"},
    307: {"description": "to the clip as it is now; it grows while the alarm is open"},
}
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "the signed package"}
}


def _evidence(request: Request) -> EvidenceService:
    found = getattr(request.app.state, "evidence", None)
    if not isinstance(found, EvidenceService):
        raise Problem(404, "evidence_off")
    return found


EvidenceDep = Annotated[EvidenceService, Depends(_evidence)]


async def seen_alarm(evidence: EvidenceService, actor: Actor, right: Right, number: int) -> Alarm:
    """The alarm, when the actor may do `right` with it; else as if there were none."""
    async with evidence.desk.database.read() as connection:
        alarm = await alarm_store.by_number(connection, number)
    check_alarm(actor, right, evidence.desk.board.site.id, alarm)
    return alarm


@router.get("/alarms/{number}/evidence", responses=responses(401, 403, 404, 422, 503))
async def evidence_of(number: Number, evidence: EvidenceDep, actor: Player) -> dict[str, Any]:
    """Density curve, thresholds, digests, people's acts, and where each camera's clip plays; of
    the zones and cameras that the actor may see."""
    alarm = await seen_alarm(evidence, actor, Right.PLAY_EVIDENCE, number)
    reach = Reach(actor, Right.PLAY_EVIDENCE, evidence.desk.board.site)
    async with evidence.desk.database.read() as connection:
        clip = await evidence.clip_of(connection, number)
        return await evidence.document(connection, alarm, clip, reach)


@router.head("/alarms/{number}/clip", response_class=Response, include_in_schema=False)
@router.get(
    "/alarms/{number}/clip",
    response_class=Response,
    responses={**_MP4, **responses(401, 403, 404, 409, 422, 503)},
)
async def play(
    number: Number,
    request: Request,
    evidence: EvidenceDep,
    actor: Player,
    camera: Annotated[str | None, Query(max_length=80)] = None,
    part: Annotated[int, Query(ge=0, le=999)] = 0,
    version: Annotated[str | None, Query(max_length=16)] = None,
    reason: Annotated[Reason | None, Query()] = None,
    note: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The recording of an alarm, unredacted, for playing here; the viewing is on record first.

    While the alarm is open the reason is the answer to it; after that it must be given. HEAD says
    whether there is a film and shows nothing, so it is no viewing.
    """
    alarm = await seen_alarm(evidence, actor, Right.PLAY_EVIDENCE, number)
    why = reason or (Reason.ALARM_RESPONSE if alarm.is_open else None)
    if why is None or (why is Reason.OTHER and not note.strip()):
        raise Problem(422, "reason_needed")
    async with evidence.desk.database.read() as connection:
        clip = await evidence.clip_of(connection, number)
    camera_id = _playable(evidence, actor, clip, camera)
    now = evidence.desk.clock.utc()
    made = await asyncio.to_thread(evidence.folder.made, number, camera_id, version or "")
    if made is not None:
        if request.method != "HEAD":
            line = Line(number, camera_id, _name(actor, request), Act.PLAYED, why.value, note, now)
            async with evidence.desk.database.write() as connection:
                await evidence.note(connection, actor, line)
        return FileResponse(made, media_type="video/mp4")
    # Of two hours these are 720 segments: they are not opened for each range of a film.
    spans = await asyncio.to_thread(evidence.folder.spans, number, clip.start, clip.end or now)
    films = await asyncio.to_thread(evidence.folder.films, number, camera_id, spans)
    if part >= len(films):
        raise NoEvidenceError("clip_empty", number=number)
    chosen, span, newest = films[part]
    try:
        await asyncio.to_thread(evidence.folder.joined, number, camera_id, chosen, span, newest)
    except NoPictureError as error:
        raise NoEvidenceError("clip_empty", number=number) from error
    except (RemuxError, OSError) as error:
        _log.warning("a film could not be made", alarm=number, reason=str(error))
        raise DiskRefusedError("clip_not_written", number=number) from error
    url = request.url.include_query_params(camera=camera_id, part=part, version=newest)
    return RedirectResponse(f"{url.path}?{url.query}", 307)


@router.post("/alarms/{number}/exports", responses=responses(401, 403, 404, 409, 415, 422, 503))
async def ask_export(
    number: Number, body: WishBody, request: Request, evidence: EvidenceDep, actor: Asker
) -> ExportBody:
    """Ask for a signed copy. Redacted it is made at once; else a second person must allow it."""
    await seen_alarm(evidence, actor, Right.REQUEST_EXPORT, number)
    if body.reason is Reason.OTHER and not body.note:
        raise Problem(422, "reason_needed")
    who = Person(_name(actor, request, body.name), actor.account)
    wish = Wish(number, body.redacted, body.reason.value, body.note, body.case_no)
    async with evidence.desk.database.write() as connection:
        clip = await evidence.clip_of(connection, number)
        _check_whole(evidence, actor, Right.REQUEST_EXPORT, clip)
        export = await exports.ask(connection, wish, who, evidence.desk.clock.utc())
        act = Act.EXPORT_ASKED
        line = Line(number, "", who.name, act, wish.reason, body.note, export.requested_at)
        await evidence.note(connection, actor, line)
    return ExportBody.of(export)


@router.get("/alarms/{number}/exports", responses=responses(401, 403, 404, 422, 503))
async def exports_of(number: Number, evidence: EvidenceDep, actor: Player) -> ExportsBody:
    """Exports of an alarm."""
    await seen_alarm(evidence, actor, Right.PLAY_EVIDENCE, number)
    async with evidence.desk.database.read() as connection:
        found = await exports.of_alarm(connection, number)
    return ExportsBody(exports=tuple(ExportBody.of(export) for export in found))


@router.post("/exports/{export_id}/decision", responses=responses(401, 403, 404, 409, 415, 422))
async def decide(
    export_id: ExportId,
    body: DecisionBody,
    request: Request,
    evidence: EvidenceDep,
    actor: Approver,
) -> ExportBody:
    """The second person, never the one who asked, allows or refuses an unredacted export."""
    known = await _known_export(evidence, actor, Right.APPROVE_EXPORT, export_id)
    who = Person(_name(actor, request, body.name), actor.account)
    number = known.wish.alarm_number
    async with evidence.desk.database.write() as connection:
        now = evidence.desk.clock.utc()
        export = await exports.decide(connection, export_id, who, now, allow=body.allow)
        act = Act.EXPORT_ALLOWED if body.allow else Act.EXPORT_REFUSED
        line = Line(number, "", who.name, act, known.wish.reason, body.note, now)
        await evidence.note(connection, actor, line)
    return ExportBody.of(export)


@router.get(
    "/exports/{export_id}/file",
    response_class=Response,
    responses={**_ZIP, **responses(401, 403, 404, 409, 422)},
)
async def download(
    export_id: ExportId, request: Request, evidence: EvidenceDep, actor: Asker
) -> Response:
    """The package; each download stands in the register."""
    export = await _known_export(evidence, actor, Right.REQUEST_EXPORT, export_id)
    path = evidence.folder.export_file(export_id)
    if export.state is ExportState.EXPIRED:
        raise NoEvidenceError("export_deleted", export=export_id, days=EXPORT_DAYS)
    if export.state is not ExportState.READY or not path.is_file():
        raise EvidenceError(
            "export_not_ready", state=Name.said(f"evidence.export_state.{export.state.value}")
        )
    number, name = export.wish.alarm_number, _name(actor, request)
    async with evidence.desk.database.write() as connection:
        now, act = evidence.desk.clock.utc(), Act.DOWNLOADED
        line = Line(number, "", name, act, export.wish.reason, "", now)
        await evidence.note(connection, actor, line)
    kind = "redacted" if export.wish.redacted else "unredacted"
    filename = f"xiaoan-alarm-{number}-{kind}-{export_id}.zip"
    return FileResponse(path, media_type="application/zip", filename=filename)


@router.post("/alarms/{number}/hold", responses=responses(401, 403, 404, 409, 415, 422, 503))
async def hold(
    number: Number, body: HoldBody, request: Request, evidence: EvidenceDep, actor: Keeper
) -> dict[str, bool]:
    """Keep a clip beyond its time for a case or an inquiry, or end one such hold.

    The answer says whether any hold keeps the clip then.
    """
    await seen_alarm(evidence, actor, Right.SET_RETENTION, number)
    name, now = _name(actor, request), evidence.desk.clock.utc()
    async with evidence.desk.database.write() as connection:
        clip = await evidence.clip_of(connection, number)
        if body.hold:
            clip = await clip_store.add_hold(connection, clip, Hold(name, now, body.reason))
        else:
            clip = await clip_store.end_hold(connection, clip, body.number, now)
        act = Act.HELD if body.hold else Act.RELEASED
        line = Line(number, "", name, act, "hold", body.reason, now)
        await evidence.note(connection, actor, line)
    return {"held": clip.hold is not None}


@router.get("/evidence/register", responses=responses(401, 403, 422, 503))
async def read_register(
    evidence: EvidenceDep,
    actor: Reader,
    alarm: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Limit = 100,
) -> RegisterBody:
    """Who played, exported or downloaded what, and why; of the recordings that the reader is
    answerable for."""
    reach = Reach(actor, Right.READ_VIEWINGS, evidence.desk.board.site)
    async with evidence.desk.database.read() as connection:
        found = await register.lines(connection, limit=limit, alarm_number=alarm, reach=reach)
    return RegisterBody(lines=tuple(RegisterLineBody.of(line) for line in found))


@router.get("/recordings/events", responses=responses(401, 403, 422, 503))
async def recording_events(
    evidence: EvidenceDep,
    actor: Annotated[Actor, Depends(needs(Right.SEE_SITE))],
    limit: Limit = 100,
) -> RecordingEventsBody:
    """Gaps of the recording and stops of it, of the cameras that the reader may know of."""
    reach = Reach(actor, Right.SEE_SITE, evidence.desk.board.site)
    async with evidence.desk.database.read() as connection:
        found = await list_events(connection, limit, reach.cameras)
    return RecordingEventsBody(events=tuple(RecordingEventBody.of(event) for event in found))


@router.get("/evidence/key", responses=responses(401, 403))
async def public_key(
    evidence: EvidenceDep, actor: Annotated[Actor, Depends(needs(Right.SEE_SITE))]
) -> KeyBody:
    """The public key, to be handed to whoever checks packages, by another way than the package."""
    del actor
    key = await asyncio.to_thread(signing_key, evidence.folder.root)
    pem = public_pem(key)
    return KeyBody(public_key_pem=pem.decode(), fingerprint=fingerprint(pem))


async def _known_export(
    evidence: EvidenceService, actor: Actor, right: Right, export_id: int
) -> Export:
    """An export that the actor may do `right` with, in all that its package shows."""
    async with evidence.desk.database.read() as connection:
        export = await exports.find(connection, export_id)
        clip = await clip_store.find(connection, export.wish.alarm_number)
    await seen_alarm(evidence, actor, right, export.wish.alarm_number)
    if clip is None:
        raise NoEvidenceError("export_unknown", export=export_id)
    _check_whole(evidence, actor, right, clip)
    return export


def _check_whole(evidence: EvidenceService, actor: Actor, right: Right, clip: Clip) -> None:
    """Raises `Problem` 403 when a package of the clip would show more than the actor may see."""
    reach = Reach(actor, right, evidence.desk.board.site)
    if not all(reach.camera(camera_id, clip.zone_ids) for camera_id in clip.camera_ids):
        raise right_missing(right)


def _playable(evidence: EvidenceService, actor: Actor, clip: Clip, asked: str | None) -> str:
    """The camera that was asked for, or the first one of those that the actor may see.

    Raises:
        NoEvidenceError: there is none; one that may not be seen answers as if it were not there.
    """
    reach = Reach(actor, Right.PLAY_EVIDENCE, evidence.desk.board.site)
    seen = [one for one in clip.camera_ids if reach.camera(one, clip.zone_ids)]
    if not seen or asked not in (None, *seen):
        raise NoEvidenceError("clip_unknown", number=clip.alarm_number)
    return asked or seen[0]


def _name(actor: Actor, request: Request, typed: str = "") -> str:
    """The name for a record; a shared desk needs one that was typed."""
    if actor.shared and typed:
        return typed
    return name_of(actor, typed_name(request))


__all__ = ["EvidenceDep", "router", "seen_alarm"]
