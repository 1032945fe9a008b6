"""When each class leaves: a mixed-integer programme, solved with HiGHS (`scipy.optimize.milp`).

Time is cut into slots. A class that starts in a slot sends its pupils at its own steady rate; each
place and slot must carry no more than `load` of the place's capacity. The last pupil's exit is made
as early as possible, and after that the classes start as early as they can.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, lil_matrix

from api.dismissal.capacity import SPECIFIC_FLOW_PER_M_S, arrival_s, capacity_per_s, pass_s
from config.dismissal import DismissalFile, PlaceKind, Room
from vision.arrays import Float64Array

SLOT_S = 15.0
SOLVE_S = 20.0
# The sum of starts must never outweigh one slot of the end.
_EARLY = 1e-4


class StaggerError(ValueError):
    """No timetable exists within the horizon; the text says what to change."""


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
    ends = max(
        _out_s(plan, room) + d.lasts_s for room, d in zip(plan.rooms, departures, strict=True)
    )
    return Stagger(departures, math.inf, ends, ends)


def staggered(plan: DismissalFile, load: float, solve_s: float = SOLVE_S) -> Stagger:
    """The earliest end at which no place carries more than `load` of its capacity.

    Raises:
        StaggerError: when HiGHS finds no timetable in its time.
    """
    rates = [_steady_rate(plan, room, load) for room in plan.rooms]
    lasts = [room.pupils / rate for room, rate in zip(plan.rooms, rates, strict=True)]
    slots = math.ceil(sum(lasts) / SLOT_S) + len(lasts)
    problem = _Programme(plan, load, rates, lasts, slots)
    result = milp(
        c=problem.costs(),
        constraints=problem.constraints(),
        integrality=problem.integrality(),
        bounds=Bounds(0.0, problem.upper()),
        options={"time_limit": solve_s, "mip_rel_gap": 1e-4},
    )
    if result.x is None:
        raise StaggerError(
            f"no timetable at {load:.0%} of capacity was found in {solve_s:g} s "
            f"({result.message}); check widths and rosters in dismissal.yaml"
        )
    chosen = result.x[:-1].reshape(len(rates), slots).argmax(axis=1)
    departures = tuple(
        Departure(room.id, float(slot * SLOT_S), last, rate)
        for room, slot, last, rate in zip(plan.rooms, chosen, lasts, rates, strict=True)
    )
    ends = max(
        _out_s(plan, room) + d.start_s + d.lasts_s
        for room, d in zip(plan.rooms, departures, strict=True)
    )
    early = float(_EARLY * chosen.sum() * SLOT_S)
    bound = float(result.mip_dual_bound) if result.mip_dual_bound is not None else 0.0
    return Stagger(departures, load, ends, min(ends, max(0.0, bound - early)))


def flow_per_s(plan: DismissalFile, timetable: Stagger) -> Mapping[str, Float64Array]:
    """Planned arrivals a second at each place, slot by slot."""
    rooms = {room.id: room for room in plan.rooms}
    slots = math.ceil(timetable.ends_s / SLOT_S) + 1
    flow = {place.id: np.zeros(slots) for place in plan.places}
    for departure in timetable.departures:
        room = rooms[departure.room_id]
        for place_id in room.route:
            first = departure.start_s + arrival_s(plan, room, place_id)
            share = _shares(first, departure.lasts_s, slots)
            flow[place_id] += departure.rate_per_s * share
    return flow


def _steady_rate(plan: DismissalFile, room: Room, load: float) -> float:
    """A class must not fill a place of its route alone."""
    least = min(capacity_per_s(plan.place(place_id)) for place_id in room.route)
    return min(door_rate_per_s(room), load * least)


def _out_s(plan: DismissalFile, room: Room) -> float:
    last = room.route[-1]
    return arrival_s(plan, room, last) + pass_s(plan.place(last))


def _shares(first_s: float, lasts_s: float, slots: int) -> Float64Array:
    """Share of each slot that lies in [first, first + lasts): (slots,), 0..1."""
    starts = np.arange(slots) * SLOT_S
    overlap = np.minimum(starts + SLOT_S, first_s + lasts_s) - np.maximum(starts, first_s)
    return np.asarray(np.clip(overlap, 0.0, None) / SLOT_S)


class _Programme:
    """Variables: one binary for each class and start slot, and the end in seconds."""

    def __init__(
        self,
        plan: DismissalFile,
        load: float,
        rates: list[float],
        lasts: list[float],
        slots: int,
    ) -> None:
        self._plan, self._load = plan, load
        self._rates, self._lasts, self._slots = rates, lasts, slots
        self._binaries = len(rates) * slots
        self._horizon_s = slots * SLOT_S + max(lasts) + max(_out_s(plan, r) for r in plan.rooms)

    def costs(self) -> Float64Array:
        starts = np.tile(np.arange(self._slots) * SLOT_S, len(self._rates))
        return np.append(_EARLY * starts, 1.0)

    def integrality(self) -> list[Literal[0, 1]]:
        whole: list[Literal[0, 1]] = [1] * self._binaries
        return [*whole, 0]

    def upper(self) -> Float64Array:
        return np.append(np.ones(self._binaries), self._horizon_s)

    def constraints(self) -> list[LinearConstraint]:
        return [self._one_start(), self._end(), self._loads()]

    def _one_start(self) -> LinearConstraint:
        matrix = lil_matrix((len(self._rates), self._binaries + 1))
        for number in range(len(self._rates)):
            matrix[number, number * self._slots : (number + 1) * self._slots] = 1.0
        return LinearConstraint(csr_matrix(matrix), 1.0, 1.0)

    def _end(self) -> LinearConstraint:
        """The end lies after every class: end - start >= way out + duration."""
        matrix = lil_matrix((len(self._rates), self._binaries + 1))
        least = []
        for number, room in enumerate(self._plan.rooms):
            for slot in range(self._slots):
                matrix[number, number * self._slots + slot] = -slot * SLOT_S
            matrix[number, self._binaries] = 1.0
            least.append(_out_s(self._plan, room) + self._lasts[number])
        return LinearConstraint(csr_matrix(matrix), np.array(least), np.inf)

    def _loads(self) -> LinearConstraint:
        """People who arrive at a place in a slot, against its share of capacity."""
        last_slot = math.ceil(self._horizon_s / SLOT_S) + 1
        places = self._plan.places
        matrix = lil_matrix((len(places) * last_slot, self._binaries + 1))
        for row, place in enumerate(places):
            for number, room in enumerate(self._plan.rooms):
                if place.id not in room.route:
                    continue
                first = arrival_s(self._plan, room, place.id)
                share = _shares(first, self._lasts[number], last_slot) * self._rates[number]
                used = np.flatnonzero(share)
                for slot in range(self._slots):
                    for k in used[used + slot < last_slot]:
                        at = row * last_slot + k + slot
                        matrix[at, number * self._slots + slot] += share[k]
        most = np.repeat([self._load * capacity_per_s(place) for place in places], last_slot)
        return LinearConstraint(csr_matrix(matrix), -np.inf, most + 1e-9)


__all__ = [
    "SLOT_S",
    "Departure",
    "Stagger",
    "StaggerError",
    "all_at_once",
    "door_rate_per_s",
    "flow_per_s",
    "staggered",
]
