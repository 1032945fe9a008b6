"""What happens in the zones of the sample school on an ordinary school day, hour by hour.

An hour is a list of people for one zone (`benchmarks.ordinary_day.Person`). Rosters are those of
the sample timetable: 450 pupils in eleven classes on the stair. Rates, groups and waiting are our
judgement of ordinary school life: arrivals, breaks with groups that chat, classes that line up in
the corridor, pupils and parents who wait at the gate, lunch, exercises, and a dismissal in classes
of which some leave together. Everything gets out; nothing is blocked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.ordinary_day import Person
from vision.geometry.zones import Zone

_Xy = tuple[float, float]
PUPILS = 450
CLASS_SIZE = 41
_BEFORE_M = 1.5
_GATE_OPENS_S = 300.0
_AISLE_M = 0.65


@dataclass(frozen=True, slots=True)
class Hour:
    """One stretch of the day in one zone, by itself: people of the hour before are gone.

    The zone's exit is shut until `shut_until_s`, as the school gate is in the morning.
    """

    name: str
    clock_s: float
    people: tuple[Person, ...]
    shut_until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Way:
    """The two ends of a zone along x, its side walls, and a door that narrows the way, if any."""

    start_x_m: float
    end_x_m: float
    low_y_m: float
    high_y_m: float
    door: tuple[float, float, float] | None = None  # x, low y, high y

    def path(self, share: float, *, back: bool = False) -> tuple[_Xy, ...]:
        """A way through at `share` of the width, 0..1; `back` walks from the end to the start."""
        y_m = self._between(share)
        points = [(self.start_x_m - _BEFORE_M, y_m), (self.end_x_m + _BEFORE_M, y_m)]
        if self.door is not None:
            x_m, low, high = self.door
            door = (x_m, low + 0.25 + share * (high - low - 0.5))
            points.insert(1, door)
        return tuple(reversed(points)) if back else tuple(points)

    def _between(self, share: float) -> float:
        return self.low_y_m + 0.3 + share * (self.high_y_m - self.low_y_m - 0.6)


_WAYS = {
    "stair-a": _Way(0.0, 3.6, 0.0, 3.0),
    "corridor-2f": _Way(-14.0, 0.0, 0.0, 3.0),
    "corridor-3f": _Way(0.0, 24.0, 0.0, 3.0),
    "hall-1f": _Way(3.6, 11.6, -1.5, 4.5, door=(11.6, 0.6, 2.4)),
    "gate-main": _Way(2.0, 10.0, 1.0, 7.0, door=(6.0, 2.5, 5.5)),
}
# Share of the 450 pupils that passes each zone.
_SHARE = {"corridor-3f": 0.3}
_BREAKS = ("08:40", "10:45", "11:25", "14:10", "14:55", "15:40")


def day(zone: Zone, rng: np.random.Generator) -> tuple[Hour, ...]:
    """The hours of one school day in one zone, in order of time."""
    way = _WAYS[zone.id]
    pupils = round(PUPILS * _SHARE.get(zone.id, 1.0) * rng.uniform(0.85, 1.1))
    at_gate = zone.id == "gate-main"
    hours = [_hour("arrival", "07:15", _arrival(way, pupils, rng, at_gate=at_gate))]
    if at_gate:
        hours[0] = replace(hours[0], shut_until_s=_GATE_OPENS_S)
        hours.append(_hour("dismissal", "16:25", _gate_dismissal(way, pupils, rng)))
        return tuple(hours)
    chats = zone.id.startswith("corridor")
    hours += [_hour("break", clock, _break(way, rng, chats=chats)) for clock in _BREAKS]
    for name, clock, back in (
        ("exercises out", "09:40", False),
        ("exercises back", "10:10", True),
        ("lunch out", "12:00", False),
        ("lunch back", "12:45", True),
        ("dismissal", "16:30", False),
    ):
        lines_up = chats and not back
        people = _classes(way, pupils, 600.0, rng, back=back, lines_up=lines_up)
        hours.append(_hour(name, clock, people))
    clubs = _stream(way, rng, rate_per_s=0.15, lasts_s=300.0)
    hours.append(_hour("clubs leave", "17:40", clubs))
    return tuple(sorted(hours, key=lambda hour: hour.clock_s))


def _hour(name: str, clock: str, people: Sequence[Person]) -> Hour:
    hours, minutes = clock.split(":")
    return Hour(name, int(hours) * 3600.0 + int(minutes) * 60.0, tuple(people))


def _pace(rng: np.random.Generator) -> float:
    return float(np.clip(rng.normal(1.15, 0.15), 0.8, 1.7))


def _walker(
    way: _Way, start_s: float, share: float, rng: np.random.Generator, *, back: bool = False
) -> Person:
    path = way.path(share, back=back)
    return Person(start_s, _pace(rng), path, (0.0,) * len(path))


def _stream(
    way: _Way,
    rng: np.random.Generator,
    *,
    rate_per_s: float,
    lasts_s: float,
    back_share: float = 0.0,
) -> list[Person]:
    """Poisson arrivals; who walks back keeps to the own right."""
    count = int(rng.poisson(rate_per_s * lasts_s))
    people = []
    for start_s in np.sort(rng.uniform(0.0, lasts_s, count)):
        back = bool(rng.random() < back_share)
        share = float(rng.uniform())
        if back_share > 0.0:
            share = 0.5 + share / 2.0 if back else share / 2.0
        people.append(_walker(way, float(start_s), share, rng, back=back))
    return people


def _arrival(way: _Way, pupils: int, rng: np.random.Generator, *, at_gate: bool) -> list[Person]:
    """Everybody over half an hour, in little waves; some wait until the gate opens."""
    waves = _waves(pupils, 1800.0, rng)
    if not at_gate:
        return [_walker(way, t, float(rng.uniform()), rng, back=True) for t in waves]
    people = [_walker(way, _GATE_OPENS_S + t, float(rng.uniform()), rng) for t in waves]
    return people + _wait_at(way, int(rng.integers(10, 40)), _GATE_OPENS_S, rng)


def _waves(pupils: int, lasts_s: float, rng: np.random.Generator) -> list[float]:
    """Arrivals of which a third come in groups, as buses and friends do."""
    alone = rng.uniform(0.0, lasts_s, round(pupils * 2 / 3))
    times = list(alone)
    while len(times) < pupils:
        start = rng.uniform(0.0, lasts_s)
        times += list(start + rng.uniform(0.0, 12.0, int(rng.integers(3, 11))))
    return sorted(float(t) for t in times[:pupils])


def _wait_at(way: _Way, count: int, opens_s: float, rng: np.random.Generator) -> list[Person]:
    """Pupils who stand loosely before the door until it opens, then go in one by one."""
    door_x, low, high = way.door or (way.end_x_m, way.low_y_m, way.high_y_m)
    spots = _apart(
        count, (door_x - 3.6, way.low_y_m + 0.6, door_x - 0.5, way.high_y_m - 0.6), 0.7, rng
    )
    people = []
    for x_m, y_m in spots:
        start_s = float(rng.uniform(0.0, opens_s - 10.0))
        share = (y_m - way.low_y_m) / (way.high_y_m - way.low_y_m)
        through = (door_x, low + 0.25 + share * (high - low - 0.5))
        path = ((way.start_x_m - _BEFORE_M, y_m), (x_m, y_m), through, way.path(share)[-1])
        people.append(Person(start_s, _pace(rng), path, (0.0, opens_s, 0.0, 0.0)))
    return people


def _apart(
    count: int, box: tuple[float, float, float, float], least_m: float, rng: np.random.Generator
) -> list[_Xy]:
    """Up to `count` random places in a rectangle, `least_m` apart."""
    spots: list[_Xy] = []
    for _ in range(count * 20):
        x_m, y_m = (float(v) for v in rng.uniform(box[:2], box[2:]))
        if all(np.hypot(x_m - ox, y_m - oy) >= least_m for ox, oy in spots):
            spots.append((x_m, y_m))
        if len(spots) == count:
            break
    return spots


def _gate_dismissal(way: _Way, pupils: int, rng: np.random.Generator) -> list[Person]:
    """Classes walk out past parents who stand outside, most of whom leave with a child."""
    people = _classes(way, pupils, 900.0, rng, back=True, lines_up=False)
    box = (way.start_x_m + 0.3, way.low_y_m + 0.3, 5.0, 2.4)
    for x_m, y_m in _apart(int(rng.integers(8, 18)), box, 0.6, rng):
        leaves_s = float(rng.uniform(200.0, 900.0))
        path = ((way.start_x_m - _BEFORE_M, y_m), (x_m, y_m), (way.start_x_m - _BEFORE_M, y_m))
        people.append(Person(float(rng.uniform(0.0, 120.0)), _pace(rng), path, (0.0, leaves_s, 0)))
    return people


def _classes(
    way: _Way,
    pupils: int,
    over_s: float,
    rng: np.random.Generator,
    *,
    back: bool,
    lines_up: bool,
) -> list[Person]:
    """Classes in two or three files, by the timetable but not to the second; some meet."""
    count = max(1, round(pupils / CLASS_SIZE))
    people: list[Person] = []
    for number in range(count):
        start_s = (number + float(rng.uniform(-0.35, 0.35))) * over_s / count + 30.0
        if lines_up and rng.random() < 0.5:
            people += _line_up(way, start_s, rng)
        else:
            people += _file(way, start_s, rng, back=back, beside_line=lines_up)
    return people


def _file(
    way: _Way,
    start_s: float,
    rng: np.random.Generator,
    *,
    back: bool,
    beside_line: bool = False,
) -> list[Person]:
    """A class in two or three files; beside a class that stands along the wall in two."""
    files = 2 if beside_line else int(rng.integers(2, 4))
    rate_per_s = float(rng.uniform(1.0, 1.8))
    first = float(rng.uniform(0.02, 0.1) if beside_line else rng.uniform(0.05, 0.35))
    people = []
    for number in range(CLASS_SIZE):
        share = min(1.0, first + 0.22 * (number % files) + float(rng.normal(0.0, 0.03)))
        at_s = start_s + number / rate_per_s + float(rng.uniform(0.0, 0.4))
        people.append(_walker(way, at_s, max(0.0, share), rng, back=back))
    return people


def _line_up(way: _Way, start_s: float, rng: np.random.Generator) -> list[Person]:
    """A class comes out of its room, stands two by two along the wall, then walks off together."""
    spacing_m = float(rng.uniform(0.65, 0.9))
    longest = CLASS_SIZE / 2.0 * spacing_m
    head_x = min(
        way.end_x_m - float(rng.uniform(0.3, 4.0)),
        max(way.start_x_m + longest, way.end_x_m - float(rng.uniform(0.3, 10.0))),
    )
    goes_s = start_s + CLASS_SIZE * 0.7 + float(rng.uniform(10.0, 60.0))
    door_x = head_x - longest / 2.0
    people = []
    for number in range(CLASS_SIZE):
        rank, column = divmod(number, 2)
        spot = (head_x - rank * spacing_m, way.high_y_m - 0.35 - column * _AISLE_M)
        leaves = goes_s + rank * 0.6
        path = (
            (door_x, way.high_y_m + 0.6),
            (door_x, way.high_y_m - 1.7),
            (spot[0], way.high_y_m - 1.7),
            spot,
            (way.end_x_m + _BEFORE_M, spot[1]),
        )
        waits = (0.0, 0.0, 0.0, leaves, 0.0)
        people.append(Person(start_s + number * 0.7, _pace(rng), path, waits))
    return people


def _break(way: _Way, rng: np.random.Generator, *, chats: bool) -> list[Person]:
    """Ten minutes in which pupils cross both ways, and in corridors stand in groups."""
    people = _stream(way, rng, rate_per_s=rng.uniform(0.08, 0.3), lasts_s=540.0, back_share=0.45)
    groups: int = int(rng.integers(4, 10)) if chats else int(rng.integers(0, 2))
    make: Callable[..., list[Person]] = _chat if chats else _pause
    for _ in range(groups):
        people += make(way, rng)
    return people


def _chat(way: _Way, rng: np.random.Generator) -> list[Person]:
    """Three to eight pupils come out of a door, stand together by the wall, and go in again."""
    centre = (
        float(rng.uniform(way.start_x_m + 1.0, way.end_x_m - 1.0)),
        float(rng.uniform(way.low_y_m + 0.7, way.high_y_m - 0.7)),
    )
    count = int(rng.integers(3, 9))
    box = (centre[0] - 1.0, centre[1] - 0.7, centre[0] + 1.0, centre[1] + 0.7)
    start_s, lasts_s = float(rng.uniform(0.0, 400.0)), float(rng.uniform(30.0, 150.0))
    people = []
    for x_m, y_m in _apart(count, box, 0.6, rng):
        begins_s = start_s + float(rng.uniform(0.0, 25.0))
        door = (x_m + float(rng.uniform(-2.0, 2.0)), way.high_y_m + 0.6)
        waits = (0.0, start_s + 25.0 + lasts_s, 0.0)
        people.append(Person(begins_s, _pace(rng), (door, (x_m, y_m), door), waits))
    return people


def _pause(way: _Way, rng: np.random.Generator) -> list[Person]:
    """A few friends stop on the stair for a moment, at its rail."""
    start_s = float(rng.uniform(0.0, 450.0))
    until_s = start_s + 6.0 + float(rng.uniform(5.0, 25.0))
    x_m = float(rng.uniform(way.start_x_m + 0.8, way.end_x_m - 0.8))
    people = []
    for number in range(int(rng.integers(2, 5))):
        y_m = way.low_y_m + 0.35 + 0.5 * (number % 2)
        spot = (x_m + 0.45 * (number // 2), y_m)
        path = ((way.start_x_m - _BEFORE_M, y_m), spot, (way.end_x_m + _BEFORE_M, y_m))
        people.append(Person(start_s + number * 0.8, _pace(rng), path, (0.0, until_s, 0.0)))
    return people


__all__ = ["CLASS_SIZE", "PUPILS", "Hour", "day"]
