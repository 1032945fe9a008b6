"""Rates of the cameras, second by second."""

from dataclasses import replace

import pytest

from streams.camera_loop import CameraLoop, CameraSpec, Outlets
from streams.clock import SimulatedClock
from streams.pace_keeper import FrameAges, PaceKeeper
from streams.pacing import FrameTotals, PacedCamera, Pacer, PaceReason
from tests.streams.fakes import NOON, URI, FakeOpener, measurement, reading
from vision.readings import Level, ZoneReading

STAIR = PacedCamera(5.0, ("stair",), guards_stair=True)
HALL = PacedCamera(4.0, ("hall",), guards_stair=False)
SLOW = PacedCamera(0.5, ("yard",), guards_stair=False)


def empty(zone_id: str) -> ZoneReading:
    nobody = replace(measurement(zone_id, NOON), people=0.2)
    return replace(reading(zone_id, NOON, Level.L0), measurement=nobody)


class Desk:
    def __init__(self, **cameras: PacedCamera) -> None:
        self.pacer = Pacer(cameras)
        self.delivered = dict.fromkeys(cameras, 0)
        self.superseded = dict.fromkeys(cameras, 0)

    def second(
        self, *readings: ZoneReading, lost: float = 0.0, busy: float = 0.8
    ) -> dict[str, float]:
        """One second in which each camera gave 100 frames; the rates after it."""
        for camera in self.delivered:
            self.delivered[camera] += 100
            self.superseded[camera] += round(100 * lost)
        totals = {
            camera: FrameTotals(self.delivered[camera], self.superseded[camera])
            for camera in self.delivered
        }
        paces = self.pacer.turn({one.zone_id: one for one in readings}, totals, 1.0, busy)
        self.reasons = {camera: pace.reason for camera, pace in paces.items()}
        return {camera: pace.fps for camera, pace in paces.items()}


def test_an_empty_stair_is_looked_at_once_a_second_after_ten() -> None:
    desk = Desk(stair=STAIR)
    rates = [desk.second(empty("stair"))["stair"] for _ in range(12)]
    assert rates == [5.0] * 9 + [1.0] * 3
    assert desk.reasons["stair"] is PaceReason.CALM


@pytest.mark.parametrize(
    "woken",
    [
        replace(empty("stair"), measurement=replace(measurement("stair", NOON), people=0.6)),
        replace(empty("stair"), level=Level.L1),
        replace(empty("stair"), could_be=Level.L1),
        reading("stair", NOON, Level.UNKNOWN),
    ],
    ids=["somebody", "a level", "a possible level", "unknown"],
)
def test_the_full_rate_is_back_at_the_first_sign(woken: ZoneReading) -> None:
    desk = Desk(stair=STAIR)
    for _ in range(15):
        desk.second(empty("stair"))
    assert desk.second(woken)["stair"] == 5.0
    assert desk.second(empty("stair"))["stair"] == 5.0  # the ten seconds begin anew


def test_every_zone_of_a_camera_must_be_empty_and_a_camera_without_zones_is_not_calm() -> None:
    both = PacedCamera(5.0, ("stair", "hall"), guards_stair=True)
    desk = Desk(both=both, none=PacedCamera(5.0, (), guards_stair=False))
    for _ in range(15):
        rates = desk.second(empty("stair"), reading("hall", NOON, Level.L0))
    assert rates == {"both": 5.0, "none": 5.0}


def test_under_load_the_hall_gives_way_first_and_every_stair_keeps_one_a_second() -> None:
    desk = Desk(stair=STAIR, hall=HALL, yard=SLOW)
    seen: list[tuple[float, float, float, int]] = []
    for _ in range(15 + 3 * 9):
        rates = desk.second(lost=0.2)
        now = (rates["hall"], rates["stair"], rates["yard"], desk.pacer.shed_step)
        if not seen or now != seen[-1]:
            seen.append(now)
    assert seen == [
        (4.0, 5.0, 0.5, 0),
        (3.2, 5.0, 0.5, 1),
        (2.4, 5.0, 0.5, 1),
        (1.6, 5.0, 0.5, 1),
        (1.0, 5.0, 0.5, 2),
        (1.0, 4.0, 0.5, 3),
        (1.0, 3.0, 0.5, 3),
        (1.0, 2.0, 0.5, 3),
        (1.0, 1.0, 0.5, 4),
    ]
    assert desk.reasons["stair"] is PaceReason.LOAD


def test_what_is_lost_while_the_worker_starts_changes_nothing() -> None:
    desk = Desk(hall=HALL)
    assert [desk.second(lost=0.9)["hall"] for _ in range(15)] == [4.0] * 15
    assert [desk.second()["hall"] for _ in range(20)] == [4.0] * 20


def warm(**cameras: PacedCamera) -> Desk:
    desk = Desk(**cameras)
    for _ in range(15):
        desk.second()
    return desk


def test_a_great_loss_takes_two_steps_at_once() -> None:
    desk = warm(stair=STAIR, hall=HALL)
    assert [desk.second(lost=0.5)["hall"] for _ in range(3)] == [4.0, 4.0, 2.4]


def test_rates_come_back_one_step_in_three_easy_seconds() -> None:
    desk = warm(stair=STAIR, hall=HALL)
    for _ in range(3):
        desk.second(lost=0.5)
    assert [desk.second()["hall"] for _ in range(7)] == [2.4] * 2 + [3.2] * 3 + [4.0] * 2


@pytest.mark.parametrize(
    ("busy", "expected"), [(0.4, [2.4, 2.4, 4.0]), (0.8, [2.4, 2.4, 3.2]), (0.95, [2.4] * 3)]
)
def test_an_idle_worker_comes_back_faster_and_a_busy_one_waits(
    busy: float, expected: list[float]
) -> None:
    desk = warm(hall=HALL)
    for _ in range(3):
        desk.second(lost=0.5)
    assert [desk.second(busy=busy)["hall"] for _ in range(3)] == expected


def test_where_a_return_was_too_early_the_next_one_waits_twice_as_long() -> None:
    desk = warm(hall=HALL)
    assert [desk.second(lost=0.2)["hall"] for _ in range(3)] == [4.0, 4.0, 3.2]
    assert [desk.second()["hall"] for _ in range(3)] == [3.2, 3.2, 4.0]
    assert [desk.second(lost=0.2)["hall"] for _ in range(3)] == [4.0, 4.0, 3.2]
    assert [desk.second()["hall"] for _ in range(6)] == [3.2] * 5 + [4.0]
    for _ in range(60):
        desk.second()
    # One bad second among good ones is no shortage; a bad while is.
    assert [desk.second(lost=0.2)["hall"] for _ in range(3)] == [4.0, 4.0, 3.2]
    # After a long calm it is tried soon again.
    assert [desk.second()["hall"] for _ in range(4)] == [3.2] * 2 + [4.0] * 2


def test_few_lost_frames_change_nothing_and_are_told() -> None:
    desk = warm(hall=HALL)
    for _ in range(5):
        assert desk.second(lost=0.04)["hall"] == 4.0
    assert desk.pacer.lost_share == pytest.approx(0.04)


def test_ages_of_frames_by_hand() -> None:
    ages = FrameAges()
    assert ages.percentiles_s() is None
    for tenths in range(21):
        ages.note(tenths / 10)
    assert ages.percentiles_s() == (1.0, 1.9)


def test_load_is_told_every_five_seconds_and_at_once_when_a_step_is_taken() -> None:
    clock = SimulatedClock()
    loop = CameraLoop(
        CameraSpec("cam", URI, (64, 48)),
        opener=FakeOpener(),
        clock=clock,
        outlets=Outlets(deliver=lambda frame: True, report=lambda status: None),
    )
    keeper = PaceKeeper([loop], dict, clock)
    assert keeper.news() is None  # nothing was weighed yet
    told: list[float] = []
    for second in range(12):
        keeper.turn()
        if (news := keeper.news()) is not None:
            told.append(second)
            assert (news.lost_share, news.shed_step) == (0.0, 0)
            assert news.paces["cam"].fps == 5.0
        clock.advance(1.0)
    assert told == [0, 5, 10]


class LosingLoop(CameraLoop):
    """A camera of whose frames half are lost; it notes what it is told."""

    def __init__(self, spec: CameraSpec, clock: SimulatedClock) -> None:
        outlets = Outlets(deliver=lambda frame: True, report=lambda status: None)
        super().__init__(spec, opener=FakeOpener(), clock=clock, outlets=outlets)
        self.seconds = 0
        self.told: tuple[float, bool, bool] = (0.0, False, False)

    def counts(self) -> dict[str, int]:
        self.seconds += 1
        return {"delivered": 100 * self.seconds, "superseded": 50 * self.seconds}

    def pace(self, fps: float, *, calm: bool = False, short: bool = False) -> None:
        self.told = (fps, calm, short)


def test_a_machine_far_past_its_limit_looks_at_each_stair_once_a_second_and_decodes_no_more() -> (
    None
):
    clock = SimulatedClock()
    stair = LosingLoop(
        CameraSpec("stair", URI, (64, 48), zone_ids=("stair",), guards_stair=True), clock
    )
    hall = LosingLoop(CameraSpec("hall", URI, (64, 48), zone_ids=("hall",)), clock)
    keeper = PaceKeeper([stair, hall], dict, clock)
    told = []
    for _ in range(40):
        keeper.turn()
        told.append((hall.told, stair.told))
        clock.advance(1.0)
    steps = [now for now, before in zip(told, [None, *told], strict=False) if now != before]
    full, least = (5.0, False, False), (1.0, False, True)
    assert steps == [
        (full, full),
        ((3.0, False, False), full),
        (least, full),
        (least, (3.0, False, False)),
        (least, least),
    ]
