"""What readings say of gates, fire lanes and drills. Pure: points in, figures and forms out.

A reading counts persons, nothing else: a parked vehicle is not among them, so that a lane without
persons is "nobody stayed there", and a person looks at the picture before confirming.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.plan.camera_drafts import Slot, evacuation_seconds, unseen_share
from api.plan.tasks import Finding, TaskKind
from api.readings import Point
from vision.instants import Utc

SOMEBODY = 0.5
"""From so many persons on a step counts as occupied: the count is a mean over the step."""
LONG_STAY_S = 300
"""A stay that is not passing through; this product's own choice, no norm."""
MOST_LINES = 60


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody was there without a break from `start` for `seconds`; a gap of sight ends it."""

    start: Utc
    seconds: int


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """One gate or lane over a period.

    Attributes:
        slot: the gate's open hours; `None` for a lane, which is to be free at all times.
        stays: while it should have been empty; `occupied_s` is their sum.
        peak_people: in the open hours; `None` when nothing was measured.
        unseen_share: share of the time of which nobody can say anything, for want of a reading or
            of a picture.
    """

    zone_id: str
    name: str
    slot: Slot | None
    stays: tuple[Stay, ...]
    peak_people: float | None
    unseen_share: float

    @property
    def occupied_s(self) -> int:
        return sum(one.seconds for one in self.stays)

    @property
    def longest_s(self) -> int:
        return max((one.seconds for one in self.stays), default=0)

    @property
    def clear(self) -> bool | None:
        """Whether nobody stayed; `None` where most of the time nobody could say."""
        if self.longest_s >= LONG_STAY_S:
            return False
        return True if self.unseen_share < 0.5 else None


def stays_of(points: Sequence[Point]) -> tuple[Stay, ...]:
    """Runs of steps with somebody, in the order of `points` (oldest first)."""
    found: list[Stay] = []
    until: Utc | None = None
    for point in points:
        if point.people is None or point.people < SOMEBODY:
            until = None
            continue
        if until is not None and point.at - until <= 0.001:
            last = found.pop()
            found.append(Stay(last.start, last.seconds + point.step_s))
        else:
            found.append(Stay(point.at, point.step_s))
        until = point.at.plus(point.step_s)
    return tuple(found)


def place_figures(
    zone_id: str,
    name: str,
    slot: Slot | None,
    *,
    inside: Sequence[Point],
    outside: Sequence[Point],
    time_s: float,
) -> PlaceFigures:
    """`inside`: points of the open hours; `outside`: when the place should be empty.

    `time_s`: how long both were in all, without drills.
    """
    people = [one.people for one in inside if one.people is not None]
    return PlaceFigures(
        zone_id=zone_id,
        name=name,
        slot=slot,
        stays=stays_of(outside),
        peak_people=max(people, default=None),
        unseen_share=unseen_share([*inside, *outside], time_s),
    )


def lane_details(figures: PlaceFigures, lines: Sequence[str]) -> dict[str, Any]:
    """Form of a fire-lane check. `lines`: the long stays in words."""
    details: dict[str, Any] = {
        "zone": figures.name,
        "occupied_s": figures.occupied_s,
        "longest_s": figures.longest_s,
        "unseen_percent": round(figures.unseen_share * 100, 1),
        "table": "\n".join(lines[:MOST_LINES]),
    }
    if figures.clear is not None:
        details["clear"] = figures.clear
    return details


def gate_details(figures: PlaceFigures, lines: Sequence[str]) -> dict[str, Any]:
    """Form of a gate's check. `lines`: the long stays out of hours in words."""
    details: dict[str, Any] = {
        "zone": figures.name,
        "slot": "" if figures.slot is None else figures.slot.zh,
        "outside_s": figures.occupied_s,
        "unseen_percent": round(figures.unseen_share * 100, 1),
        "table": "\n".join(lines[:MOST_LINES]),
    }
    if figures.peak_people is not None:
        details["peak_people"] = round(figures.peak_people, 1)
    return details


def place_finding(site_id: str, kind: TaskKind, figures: PlaceFigures) -> Finding | None:
    """A stay that is too long; `None` when there was none, or nobody could see."""
    if figures.clear is not False:
        return None
    what = "消防通道长时间有人" if kind is TaskKind.FIRE_LANE else "校门开放时段外长时间有人"
    words = f"最长连续{figures.longest_s}秒，共{figures.occupied_s}秒"
    return Finding(kind, f"{site_id}/{figures.zone_id}", f"{what}：{figures.name}", words, days=3)


@dataclass(frozen=True, slots=True)
class DrillFigures:
    """A drill as cameras timed it.

    Attributes:
        curves: name of each place -> (seconds since the start, persons in it).
        evac_s: when all of them were empty for good; `None` when one was not, or was not seen.
        unseen_share: share of the time of which nobody can say anything, of the place that was
            seen the least.
    """

    curves: Mapping[str, tuple[tuple[float, float], ...]]
    evac_s: int | None
    peak_density_per_m2: float | None
    unseen_share: float


MOST_UNSEEN = 0.1
"""With more of it unseen, a drill is not timed by cameras: a gap is never an empty stair."""


def drill_figures(
    points_of: Mapping[str, Sequence[Point]], start: Utc, time_s: float
) -> DrillFigures:
    """Curves of the places in `points_of` (oldest first) over `time_s` from `start` on."""
    curves = {
        name: tuple(
            (round(one.at - start, 1), one.people) for one in points if one.people is not None
        )
        for name, points in points_of.items()
    }
    every = [one for points in points_of.values() for one in points]
    unseen = max((unseen_share(points, time_s) for points in points_of.values()), default=1.0)
    densities = [one.density_per_m2 for one in every if one.density_per_m2 is not None]
    return DrillFigures(
        curves=curves,
        evac_s=_evacuated(curves) if unseen <= MOST_UNSEEN else None,
        peak_density_per_m2=max(densities, default=None),
        unseen_share=unseen,
    )


def _evacuated(curves: Mapping[str, Sequence[tuple[float, float]]]) -> int | None:
    ends = []
    for curve in curves.values():
        whole = [(second, float(round(people))) for second, people in curve]
        end = evacuation_seconds(whole)
        if end is None:
            return None
        ends.append(end)
    return max(ends, default=None)


def drill_details(
    figures: DrillFigures, *, start: str, end: str, target_s: int | None
) -> dict[str, Any]:
    """Form of a drill, without what only people know: participants and the evaluation."""
    details: dict[str, Any] = {
        "start_time": start,
        "end_time": end,
        "timed_by": "camera",
        "curves": {
            name: [list(point) for point in curve] for name, curve in figures.curves.items()
        },
    }
    if target_s is not None:
        details["target_seconds"] = target_s
    if figures.evac_s is not None:
        details["evac_seconds"] = figures.evac_s
        if target_s is not None:
            details["passed"] = figures.evac_s <= target_s
    if figures.peak_density_per_m2 is not None:
        details["peak_density_per_m2"] = round(figures.peak_density_per_m2, 2)
    return details
