"""Everything the desk shows, in one moment."""

from __future__ import annotations

from collections.abc import Collection

from api.alarms import store
from api.alarms.values import OPEN_STATES, AlarmState
from api.live.bodies import AreaNameBody, ReceiverBody, StateBody, WorkerLoadBody
from api.schemas import (
    AlarmBody,
    CameraBody,
    NameBody,
    ZoneBody,
)
from api.work import Desk

__all__ = ["OPEN_STATES", "take_snapshot"]

_MOST_OPEN = 1_000
_MOST_RECENT = 30
_RECENT_S = 86_400.0


async def take_snapshot(desk: Desk, within: Collection[str] | None = None) -> StateBody:
    """The state of all zones and cameras, the open alarms and those closed in the last day.

    Args:
        within: alarms of these zones only, and those of no zone; `None` for all.
    """
    # The number is read first: an event that comes in meanwhile is told twice, not never.
    last_event_id = desk.told_seq
    async with desk.database.read() as connection:
        open_alarms = await store.open_alarms(connection, _MOST_OPEN, within=within)
        left_out = 0
        if len(open_alarms) == _MOST_OPEN:
            # Between the two questions some may have been closed.
            left_out = max(0, await store.count_open(connection, within=within) - _MOST_OPEN)
        recent = await store.list_alarms(
            connection,
            states=(AlarmState.CLOSED,),
            limit=_MOST_RECENT,
            within=within,
            changed_since=desk.clock.utc().plus(-_RECENT_S),
        )
    known = desk.unkept.known()
    site = known.site
    targets = () if desk.outbox is None else desk.outbox.plan.targets
    return StateBody(
        site_id=site.id,
        site_name=NameBody.of(site.name),
        timezone=site.timezone,
        server_time=known.now.to_datetime(),
        last_event_id=last_event_id,
        stale_after_s=known.limits.stale_after_s,
        zones=tuple(ZoneBody.of(zone, known.zone(zone.id)) for zone in site.zones),
        cameras=tuple(
            CameraBody.of(camera, known.cameras.get(camera.id)) for camera in site.cameras
        ),
        areas=tuple(AreaNameBody(id=area.id, name=NameBody.of(area.name)) for area in site.areas),
        things=tuple(
            AreaNameBody(id=key, name=NameBody.of(name)) for key, name in site.things.items()
        ),
        receivers=tuple(ReceiverBody.of(target) for target in targets),
        workers=tuple(WorkerLoadBody.of(load) for load in desk.board.loads.values()),
        alarms=tuple(AlarmBody.of(a) for a in sorted(open_alarms, key=store.desk_order)),
        alarms_left_out=left_out,
        recent=tuple(AlarmBody.of(alarm) for alarm in recent),
    )
