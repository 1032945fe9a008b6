"""What each place can carry, and how long a floor takes to empty with its widest stair blocked.

Specific flows: IMO MSC.1/Circ.1533, greatest flow of stairs down 1.1, of corridors and doors 1.3
persons per metre and second. Measured on adults; they must not be raised for children.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.dismissal import DismissalFile, Place, PlaceKind, Room

SPECIFIC_FLOW_PER_M_S = {
    PlaceKind.STAIR: 1.1,
    PlaceKind.CORRIDOR: 1.3,
    PlaceKind.DOOR: 1.3,
}
# IMO: speed on a stair down at its greatest flow. On the level: our judgement for pupils in line.
STAIR_MPS = 0.55
WALK_MPS = 1.0


@dataclass(frozen=True, slots=True)
class FloorEmptying:
    """How long a floor and those above it take over the stairs that are left.

    Attributes:
        blocked: the widest stair of the floor, taken to be shut.
        seconds: `None` where no other stair is left.
    """

    floor: str
    pupils: int
    blocked: str
    seconds: float | None


def capacity_per_s(place: Place) -> float:
    """Most people a second through a place: its width times the specific flow of its kind."""
    return place.width_m * SPECIFIC_FLOW_PER_M_S[place.kind]


def pass_s(place: Place) -> float:
    """Seconds to walk through a place."""
    return place.length_m / (STAIR_MPS if place.kind is PlaceKind.STAIR else WALK_MPS)


def arrival_s(plan: DismissalFile, room: Room, place_id: str) -> float:
    """Seconds from the room's door to a place of its route."""
    seconds = room.walk_m / WALK_MPS
    for passed in room.route:
        if passed == place_id:
            return seconds
        seconds += pass_s(plan.place(passed))
    raise KeyError(f"room {room.id} does not pass {place_id!r}")


def emptying(plan: DismissalFile) -> tuple[FloorEmptying, ...]:
    """Every floor, from the highest, with its widest stair blocked.

    Time: the longest walk to a stair, then all pupils of the floor and of those above it over the
    summed capacity of the stairs that are left (queue model: nobody waits for balance).
    """
    found = []
    for index, floor in enumerate(plan.floors):
        above = plan.floors[: index + 1]
        pupils = sum(room.pupils for room in plan.rooms if room.floor in above)
        stairs = sorted(
            (p for p in plan.places if p.kind is PlaceKind.STAIR and floor in p.floors),
            key=capacity_per_s,
        )
        if not stairs:
            continue
        blocked, left = stairs[-1], stairs[:-1]
        walk = max((r.walk_m / WALK_MPS for r in plan.rooms if r.floor in above), default=0.0)
        carried = sum(capacity_per_s(stair) for stair in left)
        seconds = walk + pupils / carried + max(pass_s(s) for s in left) if left else None
        found.append(FloorEmptying(floor, pupils, blocked.id, seconds))
    return tuple(found)


__all__ = [
    "SPECIFIC_FLOW_PER_M_S",
    "FloorEmptying",
    "arrival_s",
    "capacity_per_s",
    "emptying",
    "pass_s",
]
