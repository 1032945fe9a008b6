"""`/api/v1/audit`: the log, and whether its chain holds."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from api.access import audit
from api.access.actor import Actor
from api.access.audit import Asked
from api.access.audit_words import AREAS, AuditWords
from api.access.bodies import EntryBody, VerdictBody
from api.access.guard import needs
from api.access.rights import Right
from api.access.service import AccessDep
from api.problems import responses
from api.service import Service, ServiceDep
from config.texts import LANGUAGES
from vision.instants import Utc

router = APIRouter(prefix="/api/v1/audit", tags=["access"])

Auditor = Annotated[Actor, Depends(needs(Right.READ_AUDIT))]
_READ = responses(401, 403, 404, 422, 503)
_AREA = "^(" + "|".join(AREAS) + ")?$"


@router.get("", responses=_READ)
async def audit_log(
    access: AccessDep,
    service: ServiceDep,
    actor: Auditor,
    before: Annotated[int, Query(ge=1, le=2**53)] = 2**53,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    area: Annotated[str, Query(pattern=_AREA, description="first part of an act's code")] = "",
    who: Annotated[str, Query(max_length=80, description="part of a name or account")] = "",
    first: Annotated[date | None, Query(alias="from", description="day at the site")] = None,
    last: Annotated[date | None, Query(alias="to", description="day at the site")] = None,
) -> tuple[EntryBody, ...]:
    """The audit log, newest first: codes as they are kept, and in words."""
    del actor
    zone = ZoneInfo(service.desk.board.site.timezone)
    asked = Asked(area, who.strip(), _begin_of(first, zone), _begin_of(_after(last), zone))
    async with access.database.read() as connection:
        entries = await audit.listed(connection, before=before, limit=limit, asked=asked)
    words = {lang: AuditWords(lang, _camera_names(service, lang)) for lang in LANGUAGES}
    return tuple(EntryBody.of(entry, words) for entry in entries)


@router.get("/verdict", responses=_READ)
async def audit_verdict(access: AccessDep, actor: Auditor) -> VerdictBody:
    """Walk the whole chain and compare it with the anchors beside the database."""
    del actor
    async with access.database.read() as connection:
        verdict = await audit.verify(connection, audit.read_anchors(access.anchor_file))
    return VerdictBody.of(verdict)


def _after(day: date | None) -> date | None:
    return None if day is None or day == date.max else day + timedelta(days=1)


def _begin_of(day: date | None, zone: ZoneInfo) -> Utc | None:
    """The first moment of a day at the site; a day of other centuries bounds nothing."""
    if day is None or not 1970 < day.year < 2200:
        return None
    return Utc.from_datetime(datetime.combine(day, time.min, zone))


def _camera_names(service: Service, lang: str) -> dict[str, str]:
    return {one.id: one.name.in_language(lang) for one in service.desk.board.site.cameras}
