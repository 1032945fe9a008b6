"""A timetable by first fit: one class after another takes the first slot that has room for it.

The order decides how good it is, so several are tried: by length of way, by number of pupils, and
shuffled ones of a fixed seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import numpy as np

from api.dismissal.capacity import arrival_s, capacity_per_s
from api.dismissal.timetable import SLOT_S, out_s, shares, steady_rate_per_s
from config.dismissal import DismissalFile
from vision.arrays import Float64Array

_SHUFFLES = 60
_SEED = 1


def first_fit(plan: DismissalFile, load: float) -> tuple[int, ...]:
    """The slot in which each class starts, in the order of the plan's rooms.

    No place carries more than `load` of its capacity in any slot.
    """
    classes = [_Class(plan, number, load) for number in range(len(plan.rooms))]
    most = {place.id: load * capacity_per_s(place) + 1e-9 for place in plan.places}
    found = (_fitted(classes, order, most) for order in _orders(classes))
    return min(found, key=lambda starts: _late(classes, starts))


def work_bound_s(plan: DismissalFile, load: float) -> float:
    """No timetable of this load ends earlier: each place has to pass all of its pupils.

    The last of them arrive in the last of the slots that the place needs at the least, and then
    have the rest of the way before them.
    """
    bounds = [0.0]
    for place in plan.places:
        rooms = [room for room in plan.rooms if place.id in room.route]
        if not rooms:
            continue
        arrivals = [arrival_s(plan, room, place.id) for room in rooms]
        rest_s = min(
            out_s(plan, room) - arrival for room, arrival in zip(rooms, arrivals, strict=True)
        )
        a_slot = load * capacity_per_s(place) * SLOT_S
        slots = math.ceil(sum(room.pupils for room in rooms) / a_slot - 1e-9)
        bounds.append((math.floor(min(arrivals) / SLOT_S) + slots - 1) * SLOT_S + rest_s)
    return max(bounds)


class _Class:
    """One class: how it loads each place of its way, slot by slot after its start."""

    def __init__(self, plan: DismissalFile, number: int, load: float) -> None:
        room = plan.rooms[number]
        rate = steady_rate_per_s(plan, room, load)
        lasts_s = room.pupils / rate
        self.number, self.pupils = number, room.pupils
        self.way_s = out_s(plan, room) + lasts_s
        self.uses = {}
        for place_id in room.route:
            first_s = arrival_s(plan, room, place_id)
            slots = math.ceil((first_s + lasts_s) / SLOT_S)
            self.uses[place_id] = rate * shares(first_s, lasts_s, slots)


def _orders(classes: Sequence[_Class]) -> Iterator[list[_Class]]:
    yield sorted(classes, key=lambda one: -one.way_s)
    yield sorted(classes, key=lambda one: one.way_s)
    yield sorted(classes, key=lambda one: -one.pupils)
    shuffled = random.Random(_SEED)  # the same notice for the same school
    for _ in range(_SHUFFLES):
        yield shuffled.sample(classes, len(classes))


def _fitted(
    classes: Sequence[_Class], order: Sequence[_Class], most: Mapping[str, float]
) -> tuple[int, ...]:
    carried: dict[str, Float64Array] = {place_id: np.zeros(0) for place_id in most}
    starts = [0] * len(classes)
    for one in order:
        starts[one.number] = next(slot for slot in count() if _fits(one, slot, carried, most))
        for place_id, used in one.uses.items():
            end = starts[one.number] + len(used)
            short = max(0, end - len(carried[place_id]))
            carried[place_id] = np.pad(carried[place_id], (0, short))
            carried[place_id][starts[one.number] : end] += used
    return tuple(starts)


def _fits(
    one: _Class, slot: int, carried: Mapping[str, Float64Array], most: Mapping[str, float]
) -> bool:
    """Behind everything that is carried a class always fits: alone it keeps to its load."""
    for place_id, used in one.uses.items():
        taken = carried[place_id][slot : slot + len(used)]
        if np.any(taken + used[: len(taken)] > most[place_id]):
            return False
    return True


def _late(classes: Sequence[_Class], starts: Sequence[int]) -> tuple[float, int]:
    ends_s = (starts[one.number] * SLOT_S + one.way_s for one in classes)
    return max(ends_s), sum(starts)


__all__ = ["first_fit", "work_bound_s"]
