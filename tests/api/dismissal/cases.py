"""A small school whose numbers can be worked out by hand."""

from config.dismissal import DismissalFile, Place, PlaceKind, Room

WIDE = Place("wide", "甲", "Wide", PlaceKind.STAIR, 2.0, 5.5, ("f2", "f1"))
NARROW = Place("narrow", "乙", "Narrow", PlaceKind.STAIR, 1.0, 5.5, ("f2", "f1"))
DOOR = Place("door", "门", "Door", PlaceKind.DOOR, 2.0, 1.0)


def room(
    name: str, floor: str, pupils: int = 44, route: tuple[str, ...] = ("wide", "door")
) -> Room:
    return Room(name, name, name, floor, pupils, 10.0, route, 1.0)


def school(*rooms: Room) -> DismissalFile:
    chosen = rooms or (room("a", "f2"), room("b", "f2"), room("c", "f1"), room("d", "f1"))
    return DismissalFile(1, "16:30", ("f2", "f1"), (WIDE, NARROW, DOOR), chosen)
