"""The shift hand-over report: a page to be read, printed and signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import Sight
from api.alarms import load, routine, store
from api.alarms.values import HELD_STATES, SYSTEM, Alarm, AlarmState, AlarmType, Signature
from api.database.tables import SHIFTS
from api.delivery.monitor import STRANDED
from api.delivery.view import read_view
from api.frame.drawing import AskedLanguage, Language, language_of, list_text
from api.frame.pages import navigation
from api.live.lost import lost_causes
from api.routes.console import PAGES
from api.service import Service, ServiceDep
from config.texts import catalogue
from vision.instants import Utc
from vision.risk.readings import Level

router = APIRouter(tags=["console"], include_in_schema=False)

_MOST = 500
"""Lines of a table, for a page that is printed; where there are more the page says so."""
_ALL = 10_000
_CLOCK_SLACK_S = 2.0
Seer = Annotated[Actor, Depends(needs(Right.SEE_DESK))]


@dataclass(frozen=True, slots=True)
class Row:
    """An alarm as a line of a table."""

    number: int
    what: str
    place: str
    began: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class Table:
    """Alarms of one kind; `more` is empty where all of them are listed."""

    key: str
    rows: tuple[Row, ...]
    more: str


@dataclass(frozen=True, slots=True)
class LoadRow:
    """A figure of the operator load, with its limit."""

    key: str
    value: str
    limit: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class LineRow:
    """One path to a receiver."""

    receiver: str
    path: str
    state: str
    words: str
    waiting: int


@dataclass(frozen=True, slots=True)
class TestRow:
    """One test alarm and its receipts."""

    number: int
    began: str
    verdict: str
    slowest: str
    complete: bool


@dataclass(frozen=True, slots=True)
class _Words:
    """Words and times in one language and the site's time zone."""

    lang: Language
    texts: dict[str, str]
    zone: ZoneInfo

    def time(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%m-%d %H:%M:%S")

    def seconds(self, count: str) -> str:
        return self.texts["console.span.seconds"].replace("{count}", count)

    def listed(self, names: Iterable[str]) -> str:
        """Names one after the other, as the language writes them."""
        return list_text(self.lang, names)

    def since(self, name: str, began: Utc) -> str:
        """A name with the moment from which it holds."""
        told = "{} ({})" if self.lang == "en" else "{}（{}）"
        return told.format(name, self.time(began.to_datetime()))

    def signed(self, by: Signature) -> str:
        """Who signed, with the note; the service itself under its name in this language."""
        name = self.texts["alarm.system"] if by.name == SYSTEM else by.name
        return f"{name} {by.note}".strip()

    def what(self, alarm: Alarm) -> str:
        if alarm.key.type is not AlarmType.CROWD:
            return self.texts.get(f"alarm.type.{alarm.key.type}", alarm.key.type.value)
        level = alarm.peak.level.value
        return f"{level} {self.texts[f'level.{level}.short']}"


@router.get("/handover", response_class=HTMLResponse)
async def handover(
    request: Request,
    service: ServiceDep,
    actor: Seer,
    lang: AskedLanguage = None,
    hours: Annotated[float, Query(gt=0.0, le=72.0)] = 12.0,
) -> HTMLResponse:
    """What the next shift must know: open, held and closed alarms, blind cameras, the load."""
    words = _words(request, service, lang)
    sight = Sight(actor, service.desk.board.site)
    end = service.desk.clock.utc()
    start = end.plus(-hours * 3600.0)
    async with service.desk.database.read() as connection:
        every_open = await store.open_alarms(connection, _ALL)
        done = await store.list_alarms(
            connection,
            states=(AlarmState.CLOSED,),
            limit=_MOST + 1,
            within=sight.zones,
            changed_since=start,
        )
        tests = await store.test_numbers(connection, start)
        told = await store.history_since(connection, start)
        shifts = await _shifts(connection, start)
        lines = await _lines(connection, service, words)
        test_rows = await _tests(connection, service, start, words)
    # Tests are no load: no statistics count them.
    entries = tuple(line for line in told if line[0] not in tests)
    real = tuple(alarm for alarm in every_open if alarm.number not in tests)
    mine = [alarm for alarm in every_open if sight.things_of(alarm.zone_ids)]
    tables = (
        _table(service, "open", [one for one in mine if one.state not in HELD_STATES], words),
        _table(service, "held", [one for one in mine if one.state in HELD_STATES], words),
        _table(service, "closed", done, words),
    )
    # A clock that was set back leaves records that are later than now; they are of this shift.
    moments = (*(entry.at for _, entry in told), *(began for _, began in shifts))
    latest = max((end, *moments), key=lambda at: at.ns)
    found = load.operator_load(entries, real, start, latest)
    begins, ends = words.time(start.to_datetime()), words.time(end.to_datetime())
    span = words.texts["handover.span"].replace("{from}", begins).replace("{to}", ends)
    return _page(
        "handover.html",
        service,
        words,
        nav=navigation(request, words.lang, "handover"),
        tables=tables,
        cameras=_blind(service, sight, words),
        zones=_unseen(service, sight, words),
        load=_load_rows(found, words),
        span=span,
        hours=hours,
        on_duty=words.listed(words.since(name, began) for name, began in shifts),
        clock_set_back=latest - end > _CLOCK_SLACK_S,
        lines=lines,
        tests=test_rows,
    )


def _load_rows(found: load.Load, words: _Words) -> list[LoadRow]:
    def judged(key: str, value: str, limit: str, within: bool) -> LoadRow:
        verdict = words.texts["handover.load.within" if within else "handover.load.above"]
        return LoadRow(key, value, limit, verdict)

    median = found.acknowledge_median_s
    average, peak, share = found.average_per_10_min, found.peak_per_10_min, found.flood_share
    return [
        LoadRow("alarms", _counted(found, words)),
        judged("rate", f"{average:.2f}", f"≤ {load.AVERAGE_LIMIT:g}", average <= 1.0),
        judged("peak", str(peak), f"≤ {load.PEAK_LIMIT}", peak <= load.PEAK_LIMIT),
        judged("flood", f"{share:.1%}", "< 1 %", share < load.FLOOD_SHARE_LIMIT),
        judged("stale", str(found.stale), f"< {load.STALE_LIMIT}", found.stale < load.STALE_LIMIT),
        judged("chattering", str(found.chattering), "0", found.chattering == 0),
        LoadRow("waiting", "–" if median is None else words.seconds(f"{median:.0f}")),
    ]


def _counted(found: load.Load, words: _Words) -> str:
    """All announcements, and how many of each priority."""
    told = words.texts["handover.load.by_priority"].replace("{all}", str(found.announced))
    for priority, count in enumerate(found.by_priority, start=1):
        told = told.replace(f"{{p{priority}}}", str(count))
    return told


def _unseen(service: Service, sight: Sight, words: _Words) -> str:
    """Zones of which nobody knows now how they stand, for whatever reason."""
    known = service.desk.known()
    return words.listed(
        zone.name.in_language(words.lang)
        for zone in known.site.zones
        if known.zone(zone.id).level is Level.UNKNOWN and sight.zone(zone.id)
    )


def _blind(service: Service, sight: Sight, words: _Words) -> str:
    site = service.desk.board.site
    lost = lost_causes(service.desk.known())
    names = [
        camera.name.in_language(words.lang)
        for camera in site.cameras
        if lost[camera.id] is not None and sight.things_of(camera.zone_ids)
    ]
    return words.listed(names)


def _table(service: Service, key: str, alarms: Sequence[Alarm], words: _Words) -> Table:
    """The alarms as lines; where they are more than a page holds, it says so."""
    more = words.texts["handover.more"].replace("{count}", str(_MOST))
    rows = tuple(_row(service, alarm, words) for alarm in alarms[:_MOST])
    return Table(key, rows, more if len(alarms) > _MOST else "")


def _row(service: Service, alarm: Alarm, words: _Words) -> Row:
    site = service.desk.board.site
    subject = alarm.key.subject_id
    names = [site.zone[zone_id].name for zone_id in alarm.zone_ids if zone_id in site.zone]
    if alarm.key.type is AlarmType.CAMERA_LOST and subject in site.camera:
        names.insert(0, site.camera[subject].name)
    if alarm.key.type is AlarmType.AREA_BLIND and subject in site.area:
        # Its zones are those that its cameras see, and may be others.
        names = [site.area[subject].name]
    if subject in site.things:
        # A recorder or a button is named, and not only the places that it is about.
        names.append(site.things[subject])
    place = words.listed(name.in_language(words.lang) for name in names)
    signed = (alarm.closed, alarm.acknowledged, alarm.hold and alarm.hold.by)
    # Whoever acknowledged and closed it is named once; the system is nobody to be asked.
    people = list(dict.fromkeys(words.signed(one) for one in signed if one))
    taken = words.texts.get(f"taken.{alarm.taken}", "")
    cause = words.texts.get(f"cause_closed.{alarm.cause}", "")
    return Row(
        number=alarm.number,
        what=words.what(alarm),
        place=place or _subject(service, alarm, words),
        began=words.time(alarm.opened_at.to_datetime()),
        state=words.texts[f"alarm.state.{alarm.state}"],
        note=" · ".join(part for part in (cause, taken, *people) if part),
    )


def _subject(service: Service, alarm: Alarm, words: _Words) -> str:
    """What an alarm without a zone is about; for a fault of delivery the receiver's name."""
    subject = alarm.key.subject_id
    outbox = service.desk.outbox
    if alarm.key.type is not AlarmType.DELIVERY or outbox is None:
        thing = service.desk.board.site.things.get(subject)
        return subject if thing is None else (thing.en if words.lang == "en" else thing.zh)
    if subject == STRANDED:
        return words.texts["alarm.delivery.stranded"]
    target_id, _, path = subject.partition("/")
    for target in outbox.plan.targets:
        if target.id == target_id:
            name = target.name.in_language(words.lang)
            if path in ("ack", "refused", "test"):
                return name
            told = words.texts["alarm.delivery.path"].replace("{name}", name)
            return told.replace("{path}", path)
    return words.texts["alarm.delivery.sender"]


async def _shifts(connection: AsyncConnection, start: Utc) -> list[tuple[str, Utc]]:
    """Who started a shift since then, and when, in the order in which they came."""
    query = select(SHIFTS.c.name, SHIFTS.c.started_ns).order_by(SHIFTS.c.id)
    found = await connection.execute(query.where(SHIFTS.c.started_ns >= start.ns))
    return [(str(name), Utc(ns)) for name, ns in found]


async def _lines(connection: AsyncConnection, service: Service, words: _Words) -> list[LineRow]:
    """How each line to the outside stands."""
    if service.desk.outbox is None:
        return []
    plan = service.desk.outbox.plan
    view = await read_view(connection, plan, service.desk.clock.utc())
    return [
        LineRow(
            receiver=plan.target(path.target_id).name.in_language(words.lang),
            path=f"{path.path_id} · {words.texts[f'delivery.driver.{path.driver}']}",
            state=path.state,
            words=words.texts[f"delivery.path_state.{path.state}"],
            waiting=target.overdue,
        )
        for target in view.targets
        for path in target.paths
    ]


async def _tests(
    connection: AsyncConnection, service: Service, start: Utc, words: _Words
) -> list[TestRow]:
    """The test alarms of the span with what is missing of their receipts."""
    outbox = service.desk.outbox
    targets = () if outbox is None else outbox.plan.targets
    expected = {t.id: t.name.in_language(words.lang) for t in targets if t.from_step is None}
    rows = []
    for run in await routine.recent_runs(connection):
        if run.started < start:
            continue
        missing = [name for target_id, name in expected.items() if target_id not in run.receipts]
        told = words.texts["handover.test.complete"]
        if missing:
            told = words.texts["handover.test.missing"].replace("{names}", words.listed(missing))
        slowest = max(run.receipts.values(), default=0) / 1000.0
        began = words.time(run.started.to_datetime())
        rows.append(
            TestRow(run.alarm_number, began, told, words.seconds(f"{slowest:.1f}"), not missing)
        )
    return rows


def _words(request: Request, service: Service, lang: Language | None) -> _Words:
    language = language_of(request, lang)
    return _Words(language, catalogue(language), ZoneInfo(service.desk.board.site.timezone))


def _page(template: str, service: Service, words: _Words, **values: object) -> HTMLResponse:
    site = service.desk.board.site
    site_name = site.name.in_language(words.lang)
    return HTMLResponse(PAGES.html(template, words.lang, site_name=site_name, **values))
