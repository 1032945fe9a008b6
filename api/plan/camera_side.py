"""The site whose cameras this service watches, as the plan uses it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from api.alarms.values import WAITING_STATES, Alarm, AlarmType, Condition
from api.live.bodies import StateBody
from api.plan.camera_drafts import Words
from api.plan.wall import SiteStand, ZoneStand
from api.snapshot import take_snapshot
from api.work import Desk
from config.site import Site
from config.timetable import Timetable
from streams.records import CameraState


@dataclass(frozen=True, slots=True)
class CameraSide:
    """One site.

    Attributes:
        site: its floors; `None` where the service was started without a site file.
        timetable: hours and drills of the school; `None` where it has none.
    """

    desk: Desk
    site: Site | None = None
    timetable: Timetable | None = None

    @property
    def site_id(self) -> str:
        return self.desk.board.site.id

    def words(self, zone: ZoneInfo) -> Words:
        """Names of all that an alarm or a figure may be about, as papers call them."""
        site = self.desk.board.site
        names = {name: one.zh for name, one in site.things.items()}
        names |= {one.id: one.name.zh for one in site.areas}
        names |= {one.id: one.name.zh for one in site.cameras}
        names |= {one.id: one.name.zh for one in site.zones}
        return Words(names, zone)

    async def stand(self) -> SiteStand:
        """Every zone, the open alarms and the lost cameras now."""
        unkept = self.desk.unkept.open_alarms()
        return stand_of(await take_snapshot(self.desk), unkept)


def stand_of(state: StateBody, unkept: Iterable[Alarm] = ()) -> SiteStand:
    """The wall's part of what the desk shows, and of what the database does not take."""
    standing = [one for one in unkept if one.condition is not Condition.GONE]
    unseen_crowds = [
        one.peak.level
        for one in state.alarms
        if one.type is AlarmType.CROWD and one.condition is Condition.UNKNOWN and one.hold is None
    ]
    return SiteStand(
        zones=tuple(
            ZoneStand(zone.id, zone.level, "" if zone.since is None else zone.since.isoformat())
            for zone in state.zones
        ),
        alarms=len(state.alarms) + len(standing),
        unacknowledged=sum(1 for one in state.alarms if one.state in WAITING_STATES)
        + len(standing),
        cameras_lost=sum(
            1 for one in state.cameras if one.state in (CameraState.OFFLINE, CameraState.STALLED)
        ),
        unseen_crowd=max(unseen_crowds, key=lambda level: level.severity, default=None),
    )
