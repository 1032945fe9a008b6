"""When each class leaves: a mixed-integer programme, solved with HiGHS (`scipy.optimize.milp`).

Each place and slot must carry no more than `load` of the place's capacity. The last pupil's exit is
made as early as possible, and after that the classes start as early as they can. What first fit
finds bounds the search: for a school of ordinary size HiGHS may end without a timetable, or with a
worse one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, lil_matrix

from api.dismissal.capacity import arrival_s, capacity_per_s
from api.dismissal.first_fit import first_fit, work_bound_s
from api.dismissal.timetable import (
    SLOT_S,
    Departure,
    Stagger,
    last_out_s,
    out_s,
    shares,
    steady_rate_per_s,
)
from config.dismissal import DismissalFile
from vision.arrays import Float64Array

SOLVE_S = 20.0
# The sum of starts must never outweigh one slot of the end.
_EARLY = 1e-4


class StaggerError(ValueError):
    """No timetable keeps every stair calm; the text says what to change."""


def staggered(plan: DismissalFile, load: float, solve_s: float = SOLVE_S) -> Stagger:
    """The earliest end found at which no place carries more than `load` of its capacity."""
    fitted = first_fit(plan, load)
    rates = [steady_rate_per_s(plan, room, load) for room in plan.rooms]
    lasts = [room.pupils / rate for room, rate in zip(plan.rooms, rates, strict=True)]
    ends_s = last_out_s(plan, _departures(plan, fitted, rates, lasts))
    problem = _Programme(plan, load, rates, lasts, ends_s)
    result = milp(
        c=problem.costs(),
        constraints=problem.constraints(),
        integrality=problem.integrality(),
        bounds=Bounds(0.0, problem.upper()),
        options={"time_limit": solve_s, "mip_rel_gap": 1e-4},
    )
    bound_s = work_bound_s(plan, load)
    if result.mip_dual_bound is not None:
        bound_s = max(bound_s, float(result.mip_dual_bound) - problem.most_for_early())
    starts = fitted if result.x is None else problem.starts(result.x)
    departures = min(
        (_departures(plan, one, rates, lasts) for one in (starts, fitted)),
        key=lambda found: (last_out_s(plan, found), sum(d.start_s for d in found)),
    )
    ends_s = last_out_s(plan, departures)
    return Stagger(departures, load, ends_s, min(ends_s, bound_s))


def _departures(
    plan: DismissalFile, slots: Sequence[int], rates: Sequence[float], lasts: Sequence[float]
) -> tuple[Departure, ...]:
    return tuple(
        Departure(room.id, slot * SLOT_S, last, rate)
        for room, slot, last, rate in zip(plan.rooms, slots, lasts, rates, strict=True)
    )


class _Programme:
    """Variables: one binary for each class and start slot, and the end in seconds."""

    def __init__(
        self,
        plan: DismissalFile,
        load: float,
        rates: list[float],
        lasts: list[float],
        latest_s: float,
    ) -> None:
        """Nobody need be out later than `latest_s`."""
        self._plan, self._load = plan, load
        self._rates, self._lasts = rates, lasts
        ways = [out_s(plan, room) + last for room, last in zip(plan.rooms, lasts, strict=True)]
        self._slots = math.floor((latest_s - min(ways)) / SLOT_S + 1e-9) + 1
        self._binaries = len(rates) * self._slots
        self._latest_s = latest_s

    def costs(self) -> Float64Array:
        starts = np.tile(np.arange(self._slots) * SLOT_S, len(self._rates))
        return np.append(_EARLY * starts, 1.0)

    def integrality(self) -> list[Literal[0, 1]]:
        whole: list[Literal[0, 1]] = [1] * self._binaries
        return [*whole, 0]

    def upper(self) -> Float64Array:
        return np.append(np.ones(self._binaries), self._latest_s)

    def most_for_early(self) -> float:
        """What early starts can weigh in the costs at most."""
        return _EARLY * len(self._rates) * self._slots * SLOT_S

    def starts(self, solution: Float64Array) -> list[int]:
        """The slot in which each class starts."""
        chosen = solution[:-1].reshape(len(self._rates), self._slots).argmax(axis=1)
        return [int(slot) for slot in chosen]

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
            least.append(out_s(self._plan, room) + self._lasts[number])
        return LinearConstraint(csr_matrix(matrix), np.array(least), np.inf)

    def _loads(self) -> LinearConstraint:
        """People who arrive at a place in a slot, against its share of capacity."""
        last_slot = math.ceil(self._latest_s / SLOT_S) + 1
        places = self._plan.places
        matrix = lil_matrix((len(places) * last_slot, self._binaries + 1))
        for row, place in enumerate(places):
            for number, room in enumerate(self._plan.rooms):
                if place.id not in room.route:
                    continue
                first = arrival_s(self._plan, room, place.id)
                share = shares(first, self._lasts[number], last_slot) * self._rates[number]
                used = np.flatnonzero(share)
                for slot in range(self._slots):
                    for k in used[used + slot < last_slot]:
                        at = row * last_slot + k + slot
                        matrix[at, number * self._slots + slot] += share[k]
        most = np.repeat([self._load * capacity_per_s(place) for place in places], last_slot)
        return LinearConstraint(csr_matrix(matrix), -np.inf, most + 1e-9)


__all__ = ["SOLVE_S", "StaggerError", "staggered"]
