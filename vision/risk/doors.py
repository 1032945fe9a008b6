"""How much of an exit stands open, by the doors of which it is known.

A door leaf that lies along an exit covers a part of it. A leaf that is known to be shut lets nobody
through; one of which nothing is known neither opens nor shuts anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vision.geometry.zones import Line, Zone

# Leaves stand in the wall, and the line is drawn by hand.
_BESIDE_M = 0.6
# A leaf that crosses the line, or only touches its end, bars nothing of it.
_LEAST_SHARE = 0.02


class DoorState(StrEnum):
    """What a door's contact says."""

    OPEN = "open"
    SHUT = "shut"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One door leaf on the plan, from one end to the other when it is shut."""

    id: str
    start_xy_m: tuple[float, float]
    end_xy_m: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of the exits of a zone.

    Attributes:
        share: at most this share of their clear width is open, 0..1.
        states: what is known of each watched leaf, by id; one of which nothing is known counts as
            open in `share`.
        exits: at most this share of each exit is open, in the zone's order; `None` where nothing is
            known to be shut and of some leaf nothing is known.
    """

    share: float
    states: tuple[tuple[str, DoorState], ...] = ()
    exits: tuple[float | None, ...] = ()

    @property
    def shut(self) -> tuple[str, ...]:
        """Ids of the leaves that are known to be shut."""
        return tuple(door_id for door_id, state in self.states if state is DoorState.SHUT)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Ids of the leaves of which nothing is known."""
        return tuple(door_id for door_id, state in self.states if state is DoorState.UNKNOWN)


class ZoneDoors:
    """The watched leaves that lie along the exits of one zone."""

    def __init__(self, zone: Zone, leaves: Sequence[Leaf]) -> None:
        self._parts = [
            (line_length_m(line), {leaf.id: part for leaf in leaves if (part := _on(line, leaf))})
            for line in zone.exits
        ]
        self.ids = frozenset(door_id for _, parts in self._parts for door_id in parts)

    def opening(self, states: Mapping[str, DoorState]) -> Opening | None:
        """At most how much stands open; `None` for exits without a watched leaf."""
        if not self.ids:
            return None
        told = tuple((one, states.get(one, DoorState.UNKNOWN)) for one in sorted(self.ids))
        shut = [door_id for door_id, state in told if state is DoorState.SHUT]
        whole_m = sum(length for length, _ in self._parts)
        barred_m = sum(length * _covered(parts, shut) for length, parts in self._parts)
        known = dict(told)
        exits = tuple(_open_part(parts, known) for _, parts in self._parts)
        return Opening(max(0.0, 1.0 - barred_m / whole_m), told, exits)


def _open_part(
    parts: Mapping[str, tuple[float, float]], states: Mapping[str, DoorState]
) -> float | None:
    """At most this share of one exit is open; `None` where nothing can be said of it."""
    shut = [door_id for door_id in parts if states[door_id] is DoorState.SHUT]
    if not shut and any(states[door_id] is DoorState.UNKNOWN for door_id in parts):
        return None
    return max(0.0, 1.0 - _covered(parts, shut))


def line_length_m(line: Line) -> float:
    """Length of a line on the plan."""
    return float(np.hypot(*(np.array(line.end_xy_m) - np.array(line.start_xy_m))))


def _on(line: Line, leaf: Leaf) -> tuple[float, float] | None:
    """From where to where a shut leaf bars the line, in shares of its length; `None`: nowhere."""
    start, along = np.array(line.start_xy_m), np.array(line.end_xy_m) - np.array(line.start_xy_m)
    ends = np.array([leaf.start_xy_m, leaf.end_xy_m]) - start
    length = float(np.hypot(*along))
    beside_m = np.abs(along[0] * ends[:, 1] - along[1] * ends[:, 0]) / length
    if beside_m.max() > _BESIDE_M:
        return None
    places = np.clip(ends @ along / length**2, 0.0, 1.0)
    low, high = float(places.min()), float(places.max())
    return (low, high) if high - low >= _LEAST_SHARE else None


def _covered(parts: Mapping[str, tuple[float, float]], shut: Collection[str]) -> float:
    """Share of a line that the shut leaves bar; where two lie over each other it counts once."""
    covered, reached = 0.0, 0.0
    for low, high in sorted(part for door_id, part in parts.items() if door_id in shut):
        covered += max(0.0, high - max(low, reached))
        reached = max(reached, high)
    return covered


__all__ = ["DoorState", "Leaf", "Opening", "ZoneDoors", "line_length_m"]
