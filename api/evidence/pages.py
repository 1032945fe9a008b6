"""The list of clips, and the player's page: a clip beside its density curve."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from api.access.rights import Right
from api.access.scoping import Reach
from api.alarms import store as alarm_store
from api.alarms.values import SYSTEM, Action, Alarm, AlarmType
from api.evidence import exports
from api.evidence.exports import ExportState
from api.evidence.listing import Wanted, listed
from api.evidence.register import Reason
from api.evidence.routes import EvidenceDep, Number, Player, seen_alarm
from api.frame.drawing import AskedLanguage, Language, Pages, language_of, list_text
from api.frame.pages import navigation
from api.watched import Name
from config.moments import Day
from config.texts import catalogue
from vision.instants import Utc

router = APIRouter(prefix="/evidence", tags=["evidence pages"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parent
_PAGES = Pages(_FOLDER / "templates")


class Find(BaseModel):
    """What is looked for; an empty field of the form looks for everything."""

    model_config = ConfigDict(frozen=True)

    camera: Annotated[str, Field(max_length=80)] = ""
    first: Day | Literal[""] = ""
    last: Day | Literal[""] = ""
    number: Annotated[int, Field(ge=1, le=2**31 - 1)] | Literal[""] = ""
    before: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    lang: Language | None = None

    def wanted(self, zone: ZoneInfo) -> Wanted:
        """The days are whole days of the school."""
        start = datetime.combine(self.first, time(), zone) if self.first else None
        end = datetime.combine(self.last, time.max, zone) if self.last else None
        return Wanted(
            camera_id=self.camera or None,
            number=self.number or None,
            start=None if start is None else Utc.from_datetime(start),
            end=None if end is None else Utc.from_datetime(end),
            before=self.before,
        )

    def shown(self) -> dict[str, str]:
        """The values as the form's fields hold them."""
        return {name: str(getattr(self, name)) for name in ("camera", "first", "last", "number")}

    def next_url(self, before: int) -> str:
        """The next page of the same search."""
        asked = {key: value for key, value in self.shown().items() if value}
        return f"/evidence?{urlencode({**asked, 'before': before})}"


def mount_files(app: FastAPI) -> None:
    """Serve the page's style and script."""
    app.mount("/evidence-files", StaticFiles(directory=_FOLDER / "static"), name="evidence-files")


@router.get("", response_class=HTMLResponse)
async def index(
    request: Request, evidence: EvidenceDep, actor: Player, find: Annotated[Find, Query()]
) -> HTMLResponse:
    """What is kept, by camera, time or alarm, and the exports that wait for a second person."""
    site = evidence.desk.board.site
    language = language_of(request, find.lang)
    texts = catalogue(language)
    zone = ZoneInfo(site.timezone)

    def may(right: Right, alarm: Alarm) -> bool:
        return actor.may_in_one(right, site=site.id, zones=alarm.zone_ids)

    reach = Reach(actor, Right.PLAY_EVIDENCE, site)

    def listable(alarm: Alarm) -> bool:
        # A camera that may not be seen is in no clip, so that nobody learns what it watches.
        asked = not find.camera or reach.camera(find.camera, ())
        return asked and may(Right.PLAY_EVIDENCE, alarm)

    async with evidence.desk.database.read() as connection:
        kept, next_before = await listed(connection, find.wanted(zone), listable)
        waiting = []
        for export in await exports.in_states(connection, [ExportState.WAITING]):
            alarm = await alarm_store.by_number(connection, export.wish.alarm_number)
            if may(Right.PLAY_EVIDENCE, alarm):
                waiting.append(export)

    def named(name: Name) -> str:
        return name.in_language(language)

    def what(alarm: Alarm) -> str:
        names = [named(site.zone[one].name) for one in alarm.zone_ids if one in site.zone]
        kind = texts[f"alarm.type.{alarm.key.type.value}"]
        if alarm.key.type is AlarmType.CROWD:
            kind = f"{kind} {alarm.peak.level.value}"
        return f"{kind} · {list_text(language, names) or alarm.key.subject_id}"

    return _PAGES.draw(
        "index.html",
        language,
        keep=find.lang is not None,
        nav=navigation(request, language, "evidence"),
        kept=kept,
        waiting=waiting,
        may_decide=actor.may(Right.APPROVE_EXPORT, site=site.id),
        cameras=[one for one in site.cameras if reach.camera(one.id, ())],
        chosen=find.shown(),
        name_in=named,
        what=what,
        cameras_of=lambda clip: list_text(
            language,
            [
                named(site.camera[one].name) if one in site.camera else one
                for one in clip.camera_ids
                if reach.camera(one, clip.zone_ids)
            ],
        ),
        clock=lambda at: at.to_datetime().astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        next_url=None if next_before is None else find.next_url(next_before),
    )


@router.get("/{number}", response_class=HTMLResponse)
async def player(
    number: Number,
    request: Request,
    evidence: EvidenceDep,
    actor: Player,
    lang: AskedLanguage = None,
) -> HTMLResponse:
    """One alarm's evidence."""
    alarm = await seen_alarm(evidence, actor, Right.PLAY_EVIDENCE, number)
    language = language_of(request, lang)
    reach = Reach(actor, Right.PLAY_EVIDENCE, evidence.desk.board.site)
    return _PAGES.draw(
        "player.html",
        language,
        keep=lang is not None,
        number=number,
        timezone=evidence.desk.board.site.timezone,
        nav=navigation(request, language, "evidence"),
        is_open=alarm.is_open,
        reasons=[reason.value for reason in Reason],
        words=_words(reach, language),
        may_export=actor.may(Right.REQUEST_EXPORT, site=evidence.desk.board.site.id),
    )


def _words(reach: Reach, language: Language) -> dict[str, dict[str, str]]:
    """Names for what the player's script shows."""
    texts = catalogue(language)
    return {
        "cameras": {
            camera.id: camera.name.in_language(language)
            for camera in reach.site.cameras
            if reach.camera(camera.id, ())
        },
        "actions": {
            action.value: texts[f"action.{action.value}"]
            for action in Action
            if f"action.{action.value}" in texts
        },
        "actors": {SYSTEM: texts["evidence.by_system"]},
        "states": {
            state.value: texts[f"evidence.export_state.{state.value}"] for state in ExportState
        },
    }
