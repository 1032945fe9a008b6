"""Who comes into a zone and who leaves it, from the tracks of its cameras."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vision.arrays import BoolArray, Float64Array, median
from vision.crowd.border_places import BorderPlaces, PlacesInView
from vision.crowd.camera_flow import CameraFlow
from vision.crowd.exit_use import UsedWidth
from vision.crowd.forecast import robust_slope
from vision.crowd.movement import FLOW_WINDOW_S
from vision.crowd.tracking import TrackedHeads
from vision.crowd.ways_in import share_that_may_meet
from vision.crowd.zone_view import ZoneView
from vision.geometry.segments import Segments
from vision.geometry.zones import Zone
from vision.instants import Utc

_MOST_COUNTS = 40
_FIRST_S = FLOW_WINDOW_S / 4.0


@dataclass(frozen=True, slots=True)
class FlowRates:
    """Persons a second into and out of a zone over the last `FLOW_WINDOW_S`.

    `balance_people` is how many the crossings say are there now: N(t - window) + in - out.
    `used` is the exit of which people use the smallest part. Where the outflow is not known, the
    inflow is at least as given. `may_meet` is the share of those who walk that may have come in
    where others go out; `None` where the zone has no exit or nobody walks.
    """

    inflow_per_s: float
    outflow_per_s: float | None
    balance_people: float | None = None
    used: UsedWidth | None = None
    may_meet: float | None = None


class Seen(NamedTuple):
    """The heads of one camera's picture, and which cells of the zone it shows (rows, columns).

    `None` where everything is shown.
    """

    heads: TrackedHeads
    shown: BoolArray | None = None


class ZoneFlow:
    """Counts the crossings of one zone's border and exits, and keeps its balance.

    Each crossing counts once, from the camera that shows its place best. An exit that was meant to
    be seen and is not leaves the outflow unknown: nobody says that nobody goes out.

    Outflow is what leaves the polygon, or what crosses the exit lines outwards where that is more
    (an exit may lie inside). People who walk up a stair leave it by its other end, so the exits
    alone would call it blocked. Inflow is what enters the polygon, or what the balance
    N(t) - N(t - w) + out asks for where that is more: a head first found inside came in unseen.

    Args:
        views: the zone's cameras by id; one that is not among them is taken to show everything.
    """

    def __init__(self, zone: Zone, views: Mapping[str, ZoneView] | None = None) -> None:
        self._zone = zone
        self._lines = (
            BorderPlaces.of_polygon(zone.polygon_xy_m),
            *(BorderPlaces.of_line(line) for line in zone.exits),
        )
        known = views or {}
        # Where no camera can tell a crossing, the one that sees most of the zone says what it saw.
        order = sorted(known, key=lambda camera_id: -known[camera_id].visible_share)
        self._cameras = {camera_id: CameraFlow(zone, self._lines) for camera_id in order}
        self._views = {
            camera_id: tuple(PlacesInView(line, known[camera_id]) for line in self._lines)
            for camera_id in order
        }
        best = [self._quality(camera_id, known[camera_id].shown) for camera_id in order]
        self._planned = [
            not best or _is_shown(np.max([one[number] for one in best], axis=0))
            for number in range(1, len(self._lines))
        ]
        self._counts: deque[tuple[Utc, float]] = deque()

    def update(self, pictures: Mapping[str, Seen], people: float, at: Utc) -> FlowRates | None:
        """Take the newest picture of each camera that is believed, and the people in the zone.

        Returns:
            `None` until a camera has watched the zone for `FLOW_WINDOW_S` without a gap.
        """
        for camera_id, seen in pictures.items():
            if camera_id not in self._cameras:
                self._cameras[camera_id] = CameraFlow(self._zone, self._lines)
            self._cameras[camera_id].update(seen.heads)
        if self._counts and at - self._counts[-1][0] > FLOW_WINDOW_S / 2.0:
            self._counts.clear()
        if self._counts and at <= self._counts[-1][0]:
            self._counts.pop()
        self._counts.append((at, people))
        while at - self._counts[0][0] > FLOW_WINDOW_S:
            self._counts.popleft()
        ready = [one for one in self._cameras if one in pictures and self._cameras[one].is_ready]
        return self._rates(ready, pictures) if ready else None

    def restart(self, camera_id: str) -> None:
        """Forget what a camera counted: its pictures are not believed."""
        if camera_id in self._cameras:
            self._cameras[camera_id].restart()

    def _quality(self, camera_id: str, shown: BoolArray | None) -> list[Float64Array]:
        """How well a camera tells crossings at the places of each line."""
        if camera_id not in self._views or shown is None:
            return [np.ones(len(line.xy_m)) for line in self._lines]
        return [one.quality(shown) for one in self._views[camera_id]]

    def _rates(self, ready: Sequence[str], pictures: Mapping[str, Seen]) -> FlowRates:
        cameras = [self._cameras[camera_id] for camera_id in ready]
        quality = [self._quality(one, pictures[one].shown) for one in ready]
        came_in, went_out = 0, 0
        through, used = 0, []
        shown = []
        for number in range(len(self._lines)):
            stacked = np.stack([one[number] for one in quality])
            owner = np.argmax(stacked, axis=0)
            into, out = np.sum(
                [one.crossed(number, owner == index) for index, one in enumerate(cameras)], axis=0
            )
            if number == 0:
                came_in, went_out = int(into), int(out)
                continue
            through += int(out)
            shown.append(_is_shown(stacked.max(axis=0)))
            part = cameras[int(np.bincount(owner).argmax())].used(number)
            used += [] if part is None else [part]
        inflow, leaves = came_in / FLOW_WINDOW_S, max(went_out, through) / FLOW_WINDOW_S
        known = not self._zone.exits or self._are_shown(shown)
        return FlowRates(
            max(inflow, leaves + max(0.0, self._growth_per_s())),
            leaves if known else None,
            self._balance(inflow, went_out / FLOW_WINDOW_S) if known else None,
            min(used, key=lambda part: part.share) if used else None,
            self._may_meet(cameras),
        )

    def _may_meet(self, cameras: Sequence[CameraFlow]) -> float | None:
        if not self._zone.exits:
            # A side of the border may be passed both ways: without an exit on it nobody can tell.
            return None
        came_in = sum((camera.walkers for camera in cameras), Counter())
        return share_that_may_meet(came_in, sum((one.left for one in cameras), Counter()))

    def _are_shown(self, shown: Sequence[bool]) -> bool:
        """Whether those exits are that some camera is meant to see, and there is one."""
        planned = [now for now, meant in zip(shown, self._planned, strict=True) if meant]
        return bool(planned) and all(planned)

    def _balance(self, came_in_per_s: float, went_out_per_s: float) -> float | None:
        """From the counts of the window's first quarter; crossings are those since its middle."""
        start, newest = self._counts[0][0], self._counts[-1][0]
        first = [people for at, people in self._counts if at - start <= _FIRST_S]
        lasted_s = newest - start
        if lasted_s < 0.9 * FLOW_WINDOW_S:
            return None
        since_s = lasted_s - _FIRST_S / 2.0
        return median(first) + (came_in_per_s - went_out_per_s) * since_s

    def _growth_per_s(self) -> float:
        """Robust slope of the count; thinned so that it stays cheap."""
        step = -(-len(self._counts) // _MOST_COUNTS)
        counts = list(self._counts)[::-1][::step][::-1]
        if len(counts) < 3:
            return 0.0
        start = counts[0][0]
        return robust_slope([t - start for t, _ in counts], [n for _, n in counts])


def _is_shown(quality: Float64Array) -> bool:
    """Whether crossings are told at half of a line's places (P,) at least."""
    return bool(np.mean(quality > 0.0) >= 0.5)


def exit_width_m(zone: Zone) -> float | None:
    """Clear width that people leave through: of the exit lines, or else of the zone."""
    if zone.exits:
        return sum(
            float(np.hypot(*(np.array(line.end_xy_m) - np.array(line.start_xy_m))))
            for line in zone.exits
        )
    return zone.width_m


def to_exit_m(zone: Zone, place_xy_m: tuple[float, float] | None) -> float | None:
    """From a place to the nearest exit line of its zone; `None` without a place or an exit."""
    if place_xy_m is None or not zone.exits:
        return None
    return float(Segments.of_lines(zone.exits).to_nearest(np.array([place_xy_m]))[1][0])


__all__ = ["FlowRates", "Seen", "ZoneFlow", "exit_width_m", "to_exit_m"]
