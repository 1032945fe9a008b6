"""Pages that are read or printed: the police-room view and the shift hand-over report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import Sight
from api.alarms import load, store
from api.alarms.values import HELD_STATES, Alarm, AlarmState, AlarmType
from api.cards.choice import card_of, ticks_of
from api.frame.pages import navigation
from api.live.lost import lost_causes
from api.routes.console import PAGES, Language, language_of
from api.service import Service, ServiceDep
from config.texts import catalogue

router = APIRouter(tags=["console"], include_in_schema=False)

_MOST = 500
_POLICE_PRIORITIES = (1, 2)
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
    priority: int = 4
    steps: tuple[StepRow, ...] = ()


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a card."""

    text: str
    done: bool


@dataclass(frozen=True, slots=True)
class LoadRow:
    """A figure of the operator load, with its limit."""

    key: str
    value: str
    limit: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class _Words:
    """Words and times in one language and the site's time zone."""

    lang: Language
    texts: dict[str, str]
    zone: ZoneInfo

    def time(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%m-%d %H:%M:%S")

    def what(self, alarm: Alarm) -> str:
        if alarm.key.type is not AlarmType.CROWD:
            return self.texts.get(f"alarm.type.{alarm.key.type}", alarm.key.type.value)
        level = alarm.peak.level.value
        return f"{level} {self.texts[f'level.{level}.short']}"


@router.get("/police", response_class=HTMLResponse)
async def police(
    request: Request,
    service: ServiceDep,
    actor: Seer,
    lang: Annotated[Language | None, Query()] = None,
) -> HTMLResponse:
    """Confirmed alarms of priority 1 and 2, the most urgent first; drawn anew every 5 s."""
    words = _words(request, service, lang)
    sight = Sight(actor, service.desk.board.site)
    async with service.desk.database.read() as connection:
        found = await store.open_alarms(connection, _MOST)
        rows = []
        for alarm in sorted(found, key=store.desk_order):
            told = alarm.is_confirmed and alarm.state not in HELD_STATES
            urgent = alarm.priority in _POLICE_PRIORITIES and alarm.key.type is not AlarmType.TEST
            if not (told and urgent and sight.things_of(alarm.zone_ids)):
                continue
            entries = await store.history(connection, alarm.number)
            card = card_of(alarm, service.response.cards)
            ticks = {} if card is None else ticks_of(card, entries)
            steps = () if card is None else card.steps
            told_steps = tuple(
                StepRow(step.text.in_language(words.lang), step.id in ticks) for step in steps
            )
            rows.append(_row(service, alarm, words, told_steps))
    people = [
        {
            "role": one.role.in_language(words.lang),
            "name": one.name.in_language(words.lang),
            "phone": one.phone,
        }
        for one in service.desk.plan.people
    ]
    now = words.time(service.desk.clock.utc().to_datetime())
    nav = navigation(request, words.lang, "police")
    return _page("police.html", service, words, nav=nav, alarms=rows, people=people, now=now)


@router.get("/handover", response_class=HTMLResponse)
async def handover(
    request: Request,
    service: ServiceDep,
    actor: Seer,
    lang: Annotated[Language | None, Query()] = None,
    hours: Annotated[float, Query(gt=0.0, le=72.0)] = 12.0,
) -> HTMLResponse:
    """What the next shift must know: open, held and closed alarms, blind cameras, the load."""
    words = _words(request, service, lang)
    sight = Sight(actor, service.desk.board.site)
    end = service.desk.clock.utc()
    start = end.plus(-hours * 3600.0)
    async with service.desk.database.read() as connection:
        every_open = await store.open_alarms(connection, _MOST)
        closed = await store.list_alarms(connection, states=(AlarmState.CLOSED,), limit=_MOST)
        tests = await store.test_numbers(connection, start)
        told = await store.history_between(connection, start, end)
    # Tests are no load: no statistics count them.
    entries = tuple(line for line in told if line[0] not in tests)
    real = tuple(alarm for alarm in every_open if alarm.number not in tests)
    mine = [alarm for alarm in every_open if sight.things_of(alarm.zone_ids)]
    done = [a for a in closed if start <= a.updated_at and sight.things_of(a.zone_ids)]
    rows = _rows(service, words)
    tables = (
        ("open", rows([alarm for alarm in mine if alarm.state not in HELD_STATES])),
        ("held", rows([alarm for alarm in mine if alarm.state in HELD_STATES])),
        ("closed", rows(done)),
    )
    found = load.operator_load(entries, real, start, end)
    begins, ends = words.time(start.to_datetime()), words.time(end.to_datetime())
    span = words.texts["handover.span"].replace("{from}", begins).replace("{to}", ends)
    return _page(
        "handover.html",
        service,
        words,
        nav=navigation(request, words.lang, "handover"),
        tables=tables,
        cameras=_blind(service, sight, words),
        load=_load_rows(found, words),
        span=span,
    )


def _load_rows(found: load.Load, words: _Words) -> list[LoadRow]:
    def judged(key: str, value: str, limit: str, within: bool) -> LoadRow:
        verdict = words.texts["handover.load.within" if within else "handover.load.above"]
        return LoadRow(key, value, limit, verdict)

    median = found.acknowledge_median_s
    average, peak, share = found.average_per_10_min, found.peak_per_10_min, found.flood_share
    return [
        LoadRow("alarms", f"{found.announced} ({' / '.join(map(str, found.by_priority))})"),
        judged("rate", f"{average:.2f}", f"≤ {load.AVERAGE_LIMIT:g}", average <= 1.0),
        judged("peak", str(peak), f"≤ {load.PEAK_LIMIT}", peak <= load.PEAK_LIMIT),
        judged("flood", f"{share:.1%}", "< 1 %", share < load.FLOOD_SHARE_LIMIT),
        judged("stale", str(found.stale), f"< {load.STALE_LIMIT}", found.stale < load.STALE_LIMIT),
        judged("chattering", str(found.chattering), "0", found.chattering == 0),
        LoadRow("waiting", "–" if median is None else f"{median:.0f} s"),
    ]


def _blind(service: Service, sight: Sight, words: _Words) -> str:
    site = service.desk.board.site
    lost = lost_causes(service.desk.known())
    names = [
        camera.name.en if words.lang == "en" else camera.name.zh
        for camera in site.cameras
        if lost[camera.id] is not None and sight.things_of(camera.zone_ids)
    ]
    return "、".join(names)


def _rows(service: Service, words: _Words) -> Callable[[list[Alarm]], list[Row]]:
    return lambda alarms: [_row(service, alarm, words) for alarm in alarms]


def _row(service: Service, alarm: Alarm, words: _Words, steps: tuple[StepRow, ...] = ()) -> Row:
    site = service.desk.board.site
    names = [site.zone[zone_id].name for zone_id in alarm.zone_ids if zone_id in site.zone]
    place = "、".join(name.en if words.lang == "en" else name.zh for name in names)
    signed = (alarm.closed, alarm.acknowledged, alarm.hold and alarm.hold.by)
    people = [f"{one.name} {one.note}".strip() for one in signed if one]
    taken = words.texts.get(f"taken.{alarm.taken}", "")
    cause = words.texts.get(f"cause_closed.{alarm.cause}", "")
    return Row(
        number=alarm.number,
        what=words.what(alarm),
        place=place or alarm.key.subject_id,
        began=words.time(alarm.opened_at.to_datetime()),
        state=words.texts[f"alarm.state.{alarm.state}"],
        note=" · ".join(part for part in (cause, taken, *people) if part),
        priority=alarm.priority,
        steps=steps,
    )


def _words(request: Request, service: Service, lang: Language | None) -> _Words:
    language = language_of(request, service, lang)
    return _Words(language, catalogue(language), ZoneInfo(service.desk.board.site.timezone))


def _page(template: str, service: Service, words: _Words, **values: object) -> HTMLResponse:
    site = service.desk.board.site
    page = PAGES.get_template(template).render(
        t=lambda key: words.texts[key],
        html_lang="zh-CN" if words.lang == "zh" else "en",
        site_name=site.name.en if words.lang == "en" else site.name.zh,
        **values,
    )
    return HTMLResponse(page)
