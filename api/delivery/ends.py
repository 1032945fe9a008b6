"""What people end: messages that they know did not arrive, and those to a receiver that is no more.

Each call names the number of messages that the person saw, so that nobody ends what they did not.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.delivery.outbox import ENDED_BADLY, DeliveryState
from api.delivery.tables import DELIVERIES
from api.delivery.view import ended_badly
from api.problems import Problem
from vision.instants import Utc

_LONGEST_NAME = 80
_FREE = {"lease_owner": None, "lease_until_ns": None}


async def note(connection: AsyncConnection, target_id: str, seen: int, by: str) -> None:
    """A person knows of the target's refused and given-up messages: the alarm about them ends.

    Raises `Problem` 409 where there are not `seen` of them.
    """
    mine = and_(DELIVERIES.c.target_id == target_id, ended_badly())
    await _check_seen(connection, mine, seen)
    await connection.execute(update(DELIVERIES).where(mine).values(ended_by=by[:_LONGEST_NAME]))


async def give_up(
    connection: AsyncConnection, target_id: str, seen: int, by: str, why: str, now: Utc
) -> None:
    """End all that waits for the target; `why` is shown with each.

    Raises `Problem` 409 where another number of alarm messages than `seen` waits.
    """
    mine = _waiting(target_id)
    await _check_seen(connection, and_(mine, DELIVERIES.c.is_test.is_(False)), seen)
    await _end(connection, mine, why, by, now)


async def send_to(
    connection: AsyncConnection, target_id: str, other_id: str, seen: int, by: str, now: Utc
) -> int:
    """Let another target have what waits for `target_id`, under the same ids; how much it gets.

    Steps of an alarm that the other one is told of by messages of its own end here: after its
    "closed" the old "opened" would tell it of an alarm that is over.

    Raises `Problem` 409 as `give_up` does.
    """
    mine = _waiting(target_id)
    await _check_seen(connection, and_(mine, DELIVERIES.c.is_test.is_(False)), seen)
    theirs = DELIVERIES.alias("theirs")
    is_told = (
        select(theirs.c.seq)
        .where(theirs.c.target_id == other_id, theirs.c.state.not_in(ENDED_BADLY))
        .where(theirs.c.alarm_number == DELIVERIES.c.alarm_number)
        .exists()
    )
    await _end(connection, and_(mine, is_told), f"{other_id} is told by its own messages;", by, now)
    moved = await connection.execute(
        update(DELIVERIES)
        .where(mine)
        .values(
            **_FREE,
            target_id=other_id,
            state=DeliveryState.PENDING.value,
            only_path_id=None,
            attempts=0,
            next_ns=now.ns,
            requeued_ns=now.ns,
        )
    )
    return moved.rowcount


async def _end(
    connection: AsyncConnection, rows: ColumnElement[bool], why: str, by: str, now: Utc
) -> None:
    await connection.execute(
        update(DELIVERIES)
        .where(rows)
        .values(
            **_FREE,
            state=DeliveryState.GIVEN_UP.value,
            is_open=False,
            settled_ns=now.ns,
            detail=f"{why} {by}"[:500],
            ended_by=by[:_LONGEST_NAME],
        )
    )


def _waiting(target_id: str) -> ColumnElement[bool]:
    return and_(DELIVERIES.c.target_id == target_id, DELIVERIES.c.is_open.is_(True))


async def _check_seen(connection: AsyncConnection, rows: ColumnElement[bool], seen: int) -> None:
    query = select(func.count()).select_from(DELIVERIES).where(rows)
    found = int((await connection.execute(query)).scalar_one())
    if found != seen:
        raise Problem(409, "delivery_rows_wait", detail=str(found), count=found)
