"""The day's reminders as one message to the receivers that are told for information.

It carries counts and the most urgent duties, no person's name; the ladder itself stands on the
pages. Written in the night's own transaction, so that a reminder is told once or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from api.delivery.message import OutMessage, Words
from api.delivery.outbox import Outbox
from api.plan import task_store
from api.plan.chasing import task_step
from api.plan.tasks import Task
from api.plan.today import Notice, notices_on
from config.plan import PlanEdition, Unit
from config.texts import text
from vision.instants import Utc

ALARM_TYPE = "plan"
ACTION = "reminder"
MOST_LINES = 10
_LANGUAGES = ("zh", "en")


async def tell(
    connection: AsyncConnection,
    outbox: Outbox,
    units: Mapping[int, Unit],
    edition: PlanEdition,
    today: date,
    now: Utc,
) -> int:
    """Write the messages of `today` for these units (number -> unit); returns how many rows."""
    written = 0
    for number, unit in units.items():
        notices = await notices_on(connection, number, today)
        tasks = [
            one
            for one in await task_store.listed(connection, number)
            if task_step(one.due, today) is not None
        ]
        if notices or tasks:
            message = reminder(outbox, unit, notices, tasks, edition, today, now)
            written += await outbox.enqueue_information(connection, message, now)
    return written


def reminder(
    outbox: Outbox,
    unit: Unit,
    notices: tuple[Notice, ...],
    tasks: list[Task],
    edition: PlanEdition,
    today: date,
    now: Utc,
) -> OutMessage:
    """One unit's message of the day: overdue work first, at most `MOST_LINES` lines."""
    late = [one for one in notices if one.due <= today]
    headline = Words(
        *(
            text(
                "plan.tell.headline",
                lang,
                unit=unit.name_zh if lang == "zh" else unit.name_en,
                due=len(late),
                soon=len(notices) - len(late),
                tasks=len(tasks),
            )
            for lang in _LANGUAGES
        )
    )
    lines = [
        f"{one.step} {edition.title_of(one.rule_id, one.plan_year)}（{one.due}）"
        for one in sorted(notices, key=lambda one: one.due)[:MOST_LINES]
    ]
    lines += [f"{one.title}（{one.due}）" for one in tasks[:MOST_LINES]]
    description = "\n".join(lines)
    site = outbox.site
    return OutMessage(
        id=f"plan/{unit.id}/{today}",
        site_id=site.id,
        site_name=Words(site.name.zh, site.name.en),
        alarm_number=0,
        alarm_type=ALARM_TYPE,
        subject_id=unit.id,
        place=Words(unit.name_zh, unit.name_en),
        action=ACTION,
        state="closed",
        priority=4,
        level="L0",
        people=None,
        density_per_m2=None,
        active=False,
        step_at=now.iso(),
        alarm_at=now.iso(),
        by="",
        note="",
        headline=headline,
        description=Words(description, description),
    )
