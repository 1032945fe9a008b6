"""The desk's objects cut down to what an actor may see: the one place for zones and alarms."""

from __future__ import annotations

import json
from dataclasses import dataclass

from api.access.actor import Actor
from api.access.guard import Places, right_missing
from api.access.rights import Right
from api.alarms.errors import UnknownAlarmError
from api.alarms.values import Alarm
from api.events import Event, EventKind
from api.live.bodies import StateBody
from api.watched import WatchedSite


def places_of(site: WatchedSite) -> Places:
    """What `needs` must know of the site to judge a path."""
    return Places(site.id, {camera.id: camera.zone_ids for camera in site.cameras})


@dataclass(frozen=True, slots=True)
class Sight:
    """What one actor may see of one site."""

    actor: Actor
    site: WatchedSite

    @property
    def whole(self) -> bool:
        """Nothing of the site is kept from the actor."""
        return self.actor.has_whole(Right.SEE_DESK, site=self.site.id)

    @property
    def zones(self) -> frozenset[str] | None:
        """Ids of the zones that the actor sees, also of those that have left the site; `None` where
        nothing is kept from the actor. Lists are cut down with it before they are counted off."""
        return None if self.whole else self.actor.zones(Right.SEE_DESK, site=self.site.id)

    def zone(self, zone_id: str) -> bool:
        return self.actor.may(Right.SEE_DESK, site=self.site.id, zone=zone_id)

    def things_of(self, zone_ids: tuple[str, ...]) -> bool:
        """A camera or an alarm of these zones: seen by whoever sees one of them."""
        return self.actor.may_in_one(Right.SEE_DESK, site=self.site.id, zones=zone_ids)

    def cut(self, state: StateBody) -> StateBody:
        """The snapshot without what the actor may not see."""
        if self.whole:
            return state
        return state.model_copy(
            update={
                "zones": tuple(zone for zone in state.zones if self.zone(zone.id)),
                "cameras": tuple(one for one in state.cameras if self.things_of(one.zone_ids)),
                "alarms": tuple(one for one in state.alarms if self.things_of(one.zone_ids)),
                "recent": tuple(one for one in state.recent if self.things_of(one.zone_ids)),
            }
        )

    def event(self, event: Event) -> bool:
        """Whether the event stream of this actor carries the event."""
        if self.whole:
            return True
        body = json.loads(event.body_json)
        if event.kind is EventKind.ZONE:
            return self.zone(str(body["id"]))
        zone_ids = body.get("zone_ids")
        # An event that names no zones is kept back rather than shown to too many.
        return zone_ids is not None and self.things_of(tuple(map(str, zone_ids)))


@dataclass(frozen=True, slots=True)
class Reach:
    """Where one actor may do one thing with pictures and measured values of one site."""

    actor: Actor
    right: Right
    site: WatchedSite

    def zone(self, zone_id: str) -> bool:
        return self.actor.may(self.right, site=self.site.id, zone=zone_id)

    @property
    def cameras(self) -> frozenset[str] | None:
        """Ids of the cameras that lie inside; `None` where nothing is kept from the actor.

        Lists are cut down with it before they are counted off: else a full page of lines that one
        may not read hides those that one may.
        """
        if self.actor.has_whole(self.right, site=self.site.id):
            return None
        return frozenset(one.id for one in self.site.cameras if self.camera(one.id, ()))

    def camera(self, camera_id: str, zone_ids: tuple[str, ...]) -> bool:
        """Whether all that the camera shows lies inside: a recording is no less than the live
        picture.

        Args:
            zone_ids: those of the alarm; they stand for a camera that has left the site.
        """
        camera = self.site.camera.get(camera_id)
        shown = zone_ids if camera is None else camera.zone_ids
        return self.actor.may_in_all(self.right, site=self.site.id, zones=shown)


def check_alarm(actor: Actor, right: Right, site_id: str, alarm: Alarm) -> None:
    """Refuse what the actor may not do with this alarm.

    Raises:
        UnknownAlarmError: the actor may not even see it, so it answers as if there were none.
        Problem: 403, it is seen but the right is missing in its zones.
    """
    if actor.may_in_one(right, site=site_id, zones=alarm.zone_ids):
        return
    if actor.may_in_one(Right.SEE_DESK, site=site_id, zones=alarm.zone_ids):
        raise right_missing(right)
    raise UnknownAlarmError(alarm.number)
