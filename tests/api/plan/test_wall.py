"""Which colour a tile of the risk wall has, which stands first, and when it is grey."""

from dataclasses import replace

import pytest

from api.plan.camera_side import CameraSide
from api.plan.today import UnitCounts
from api.plan.wall import Colour, OpenWork, SiteStand, Tile, ZoneStand, ordered
from tests.api.desk_cases import running_desk
from tests.api.refusing_database import refusing_here
from tests.api.test_unkept import refused
from vision.risk.readings import Level

CALM = UnitCounts("school", 3, 0, None, 0)
SEEN = ZoneStand("hall", Level.L0, "2026-03-16T01:00:00+00:00")
UNSEEN = ZoneStand("stair", Level.UNKNOWN, "2026-03-16T00:40:00+00:00")


def counts(overdue: int = 0, missed: int = 0) -> UnitCounts:
    return UnitCounts("school", 3, overdue, None, missed)


def zone(level: str) -> SiteStand:
    return SiteStand((ZoneStand("stair", Level(level)),))


CASES = [
    (Tile(CALM), "blue"),
    (Tile(counts(missed=1)), "yellow"),
    (Tile(counts(overdue=1)), "orange"),
    (Tile(counts(overdue=4)), "orange"),
    (Tile(counts(overdue=5)), "red"),
    (Tile(CALM, OpenWork(major_hazards=1)), "red"),
    (Tile(CALM, OpenWork(overdue_hazards=1)), "orange"),
    (Tile(CALM, OpenWork(overdue_tasks=1)), "orange"),
    (Tile(CALM, site=zone("L0")), "blue"),
    (Tile(CALM, site=zone("L1")), "yellow"),
    (Tile(CALM, site=zone("L2")), "orange"),
    (Tile(CALM, site=zone("L3")), "red"),
    (Tile(CALM, site=zone("L4")), "red"),
    (Tile(CALM, site=SiteStand((SEEN,), alarms=1, unacknowledged=1)), "orange"),
    # No picture is never "in order": grey, or with other places in sight yellow.
    (Tile(CALM, site=zone("UNKNOWN")), "grey"),
    (Tile(CALM, site=SiteStand((SEEN, UNSEEN))), "yellow"),
    # A crowd was there when its place went out of sight: that it cannot be seen calms nobody.
    (Tile(CALM, site=replace(zone("UNKNOWN"), unseen_crowd=Level.L4)), "red"),
    (Tile(CALM, site=SiteStand((SEEN, UNSEEN), alarms=1, unseen_crowd=Level.L2)), "orange"),
    # Its own service watches its cameras: a school that may be crushed there is not calm here.
    (Tile(CALM, elsewhere=True), "grey"),
    (Tile(counts(missed=1), elsewhere=True), "yellow"),
    # The plan's own colour stays when nothing can be seen.
    (Tile(counts(overdue=5), site=zone("UNKNOWN")), "red"),
]


@pytest.mark.parametrize(("tile", "colour"), CASES)
def test_the_colour_is_the_worst_of_plan_and_cameras(tile: Tile, colour: str) -> None:
    assert tile.colour == colour


def test_unseen_places_say_since_when_and_all_unseen_is_stale() -> None:
    some, none = SiteStand((SEEN, UNSEEN)), SiteStand((UNSEEN,))
    assert some.unseen_since == "2026-03-16T00:40:00+00:00"
    assert (Tile(CALM, site=some).stale, Tile(CALM, site=none).stale) == (False, True)
    assert SiteStand((ZoneStand("stair", Level.UNKNOWN),)).unseen_since == ""
    assert not Tile(CALM).stale
    assert Tile(CALM, elsewhere=True).stale


def test_the_worst_stands_first_and_equals_keep_their_order() -> None:
    units = [
        Tile(UnitCounts("b", 0, 0, None, 0)),
        Tile(UnitCounts("a", 0, 0, None, 0)),
        Tile(UnitCounts("c", 0, 2, None, 0)),
        Tile(UnitCounts("d", 0, 3, None, 0)),
        Tile(UnitCounts("e", 0, 9, None, 0)),
    ]
    assert [tile.unit_id for tile in ordered(units)] == ["e", "d", "c", "a", "b"]
    assert [one.rank for one in Colour] == [0, 1, 2, 3, 4]


async def test_a_crowd_that_was_seen_by_a_camera_that_died_stays_red(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        side = CameraSide(desk.service.desk)
        await desk.send(desk.reading("stair", "L4", 4.1), desk.reading("hall", "L0"))
        seen = await desk.post("/api/v1/alarms/1/acknowledge", {"name": "王芳", "version": 1})
        assert Tile(CALM, site=await side.stand()).colour == "red"
        await desk.send(desk.reading("stair", "UNKNOWN"), desk.reading("hall", "L0"))
        assert Tile(CALM, site=await side.stand()).colour == "red"
        await desk.send(desk.reading("stair", "L0"))
        assert (seen["state"], Tile(CALM, site=await side.stand()).colour) == (
            "acknowledged",
            "blue",
        )


async def test_what_the_database_does_not_take_stands_on_the_wall(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        side = CameraSide(desk.service.desk)
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        assert Tile(CALM, site=await side.stand()).colour == "blue"
        async with refusing_here(sqlite_url):
            await refused(desk, desk.camera("cam-a", "offline", cause="connection_lost"))
            desk.service.desk.unkept.look()
            stand = await side.stand()
            assert (stand.alarms, stand.unacknowledged) == (1, 1)
            assert Tile(CALM, site=stand).colour == "orange"
