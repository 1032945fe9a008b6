"""What a timetable of a dismissal is: when each class leaves, and how it loads the places.

Time is cut into slots. A class that starts in a slot sends its pupils at its own steady rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from api.dismissal.capacity import SPECIFIC_FLOW_PER_M_S, arrival_s, capacity_per_s, pass_s
from config.dismissal import DismissalFile, PlaceKind, Room
from vision.arrays import Float64Array

SLOT_S = 15.0


@dataclass(frozen=True, slots=True)
class Departure:
    """One class: when it starts, for how long its pupils leave the room, and at which rate."""

    room_id: str
    start_s: float
    lasts_s: float
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class Stagger:
    """A timetable.

    Attributes:
        load: share of each place's capacity that it may use.
        ends_s: when the last pupil has left.
        bound_s: no timetable of this load and slot can end earlier than this.
    """

    departures: tuple[Departure, ...]
    load: float
    ends_s: float
    bound_s: float

    def start_of(self, room_id: str) -> float:
        return next(d.start_s for d in self.departures if d.room_id == room_id)


def door_rate_per_s(room: Room) -> float:
    """Pupils a second through the room's own door."""
    return room.door_width_m * SPECIFIC_FLOW_PER_M_S[PlaceKind.DOOR]


def all_at_once(plan: DismissalFile) -> Stagger:
    """Every class leaves at the bell, as fast as its door lets it."""
    departures = tuple(
        Departure(room.id, 0.0, room.pupils / door_rate_per_s(room), door_rate_per_s(room))
        for room in plan.rooms
    )
    ends_s = last_out_s(plan, departures)
    return Stagger(departures, math.inf, ends_s, ends_s)


def flow_per_s(plan: DismissalFile, timetable: Stagger) -> Mapping[str, Float64Array]:
    """Planned arrivals a second at each place, slot by slot."""
    rooms = {room.id: room for room in plan.rooms}
    slots = math.ceil(timetable.ends_s / SLOT_S) + 1
    flow = {place.id: np.zeros(slots) for place in plan.places}
    for departure in timetable.departures:
        room = rooms[departure.room_id]
        for place_id in room.route:
            first = departure.start_s + arrival_s(plan, room, place_id)
            share = shares(first, departure.lasts_s, slots)
            flow[place_id] += departure.rate_per_s * share
    return flow


def steady_rate_per_s(plan: DismissalFile, room: Room, load: float) -> float:
    """Pupils a second of a class that must not pass `load` of any place of its way alone."""
    least = min(capacity_per_s(plan.place(place_id)) for place_id in room.route)
    return min(door_rate_per_s(room), load * least)


def out_s(plan: DismissalFile, room: Room) -> float:
    """Seconds from the room's door to behind the last place of its way."""
    last = room.route[-1]
    return arrival_s(plan, room, last) + pass_s(plan.place(last))


def last_out_s(plan: DismissalFile, departures: Iterable[Departure]) -> float:
    """When the last pupil is out; `departures` in the order of the plan's rooms."""
    return max(
        out_s(plan, room) + departure.start_s + departure.lasts_s
        for room, departure in zip(plan.rooms, departures, strict=True)
    )


def shares(first_s: float, lasts_s: float, slots: int) -> Float64Array:
    """Share of each slot that lies in [first, first + lasts): (slots,), 0..1."""
    starts = np.arange(slots) * SLOT_S
    overlap = np.minimum(starts + SLOT_S, first_s + lasts_s) - np.maximum(starts, first_s)
    return np.asarray(np.clip(overlap, 0.0, None) / SLOT_S)


__all__ = [
    "SLOT_S",
    "Departure",
    "Stagger",
    "all_at_once",
    "door_rate_per_s",
    "flow_per_s",
    "last_out_s",
    "out_s",
    "shares",
    "steady_rate_per_s",
]
