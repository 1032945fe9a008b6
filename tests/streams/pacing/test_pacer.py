"""Rates of the cameras, second by second."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from streams.cameras.loop import CameraLoop, CameraSpec, Outlets
from streams.cameras.pace_keeper import AnalysisTally, PaceKeeper
from streams.clock import SimulatedClock
from streams.pacing.pacer import Pace, PacedCamera, Pacer, PaceReason
from streams.pacing.shedding import WARM_TURNS
from streams.pacing.turn_costs import FrameTotals, WorkerTurn
from tests.streams.fakes import NOON, URI, FakeOpener, measurement, reading
from vision.risk.readings import Level, ZoneReading

STAIR = PacedCamera(5.0, ("stair",), guards_stair=True)
HALL = PacedCamera(4.0, ("hall",), guards_stair=False)
SLOW = PacedCamera(0.5, ("yard",), guards_stair=False)


def empty(zone_id: str) -> ZoneReading:
    nobody = replace(measurement(zone_id, NOON), people=0.2)
    return replace(reading(zone_id, NOON, Level.L0), measurement=nobody)


class Desk:
    """A worker whose frames cost nothing to decode and 10 ms each to judge."""

    def __init__(self, **cameras: PacedCamera) -> None:
        self.pacer = Pacer(cameras)
        self.fps = {camera_id: camera.full_fps for camera_id, camera in cameras.items()}
        self.delivered = dict.fromkeys(cameras, 0.0)
        self.superseded = dict.fromkeys(cameras, 0.0)
        self.reasons: dict[str, PaceReason] = {}

    def second(
        self, *readings: ZoneReading, lost: float = 0.0, idle_s: float = 0.0
    ) -> dict[str, float]:
        """One second in which so much was lost and idle; the rates after it."""
        analysed = (1.0 - lost) * sum(self.fps.values())
        for camera, fps in self.fps.items():
            self.delivered[camera] += fps
            self.superseded[camera] += fps * lost
        turn = WorkerTurn(
            passed_s=1.0,
            spent_s=0.01 * analysed,
            idle_s=idle_s,
            analysing_s=0.01 * analysed,
            decoding_s=dict.fromkeys(self.fps, 0.0),
            frames={
                camera: FrameTotals(round(self.delivered[camera]), round(self.superseded[camera]))
                for camera in self.fps
            },
        )
        paces: Mapping[str, Pace] = self.pacer.turn({one.zone_id: one for one in readings}, turn)
        self.reasons = {camera: pace.reason for camera, pace in paces.items()}
        self.fps = {camera: pace.fps for camera, pace in paces.items()}
        return dict(self.fps)


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


def test_a_camera_that_is_slow_anyway_is_not_looked_at_more_often_because_it_is_calm() -> None:
    desk = Desk(yard=SLOW)
    assert {desk.second(empty("yard"))["yard"] for _ in range(15)} == {0.5}
    assert desk.reasons["yard"] is PaceReason.FULL


def test_ten_seconds_of_calm_are_counted_from_the_last_sign() -> None:
    desk = Desk(stair=STAIR)
    for _ in range(3):
        desk.second(reading("stair", NOON, Level.L1))
    assert [desk.second(empty("stair"))["stair"] for _ in range(10)] == [5.0] * 9 + [1.0]


@pytest.mark.parametrize(("people", "calm"), [(0.49, True), (0.5, False)])
def test_half_a_person_is_somebody(people: float, *, calm: bool) -> None:
    seen = replace(empty("stair"), measurement=replace(measurement("stair", NOON), people=people))
    desk = Desk(stair=STAIR)
    for _ in range(10):
        rates = desk.second(seen)
    assert (rates["stair"] == 1.0) == calm


def warm(**cameras: PacedCamera) -> Desk:
    desk = Desk(**cameras)
    for _ in range(WARM_TURNS):
        desk.second(idle_s=0.5)
    return desk


def test_what_is_lost_while_the_worker_starts_changes_nothing() -> None:
    desk = Desk(hall=HALL)
    assert [desk.second(lost=0.9)["hall"] for _ in range(WARM_TURNS)] == [4.0] * WARM_TURNS
    assert [desk.second(idle_s=0.5)["hall"] for _ in range(20)] == [4.0] * 20


def test_under_load_the_hall_gives_way_first_and_every_stair_keeps_one_a_second() -> None:
    desk = warm(stair=STAIR, hall=HALL, yard=SLOW)
    seen: list[tuple[float, float, float, int]] = []
    for _ in range(40):
        rates = desk.second(lost=0.2)
        seen.append((rates["hall"], rates["stair"], rates["yard"], desk.pacer.shed_step))
    halls, stairs, yards, steps = zip(*seen, strict=True)
    assert seen[0] == (4.0, 5.0, 0.5, 0)
    assert seen[-1] == (1.0, 1.0, 0.5, 4)
    assert set(yards) == {0.5}
    assert list(steps) == sorted(steps)
    assert list(halls) == sorted(halls, reverse=True)
    assert all(stair == 5.0 for hall, stair in zip(halls, stairs, strict=True) if hall > 1.0)
    assert desk.reasons["stair"] is PaceReason.LOAD


def test_a_crowded_hall_keeps_its_rate_longer_than_a_quiet_one() -> None:
    desk = warm(crowded=replace(HALL, zone_ids=("packed",)), quiet=HALL)
    packed = reading("packed", NOON, Level.L3)
    for _ in range(6):
        rates = desk.second(packed, lost=0.2)
    assert rates["quiet"] < 4.0
    assert rates["crowded"] == 4.0


def test_a_crowded_hall_gives_way_before_a_quiet_stair_and_a_crowded_stair_last() -> None:
    desk = warm(
        packed_stair=replace(STAIR, zone_ids=("packed",)),
        stair=STAIR,
        packed_hall=replace(HALL, zone_ids=("packed",)),
    )
    packed = reading("packed", NOON, Level.L3)
    order = ["packed_hall", "stair", "packed_stair"]
    counts = []
    for _ in range(40):
        rates = desk.second(packed, lost=0.2)
        lowered = {one for one, fps in rates.items() if fps < 4.0}
        assert lowered == set(order[: len(lowered)])
        counts.append(len(lowered))
    assert counts == sorted(counts)
    assert counts[-1] == len(order)


@pytest.mark.parametrize(
    "risen",
    [
        reading("b", NOON, Level.L2),
        reading("b", NOON, Level.L4),
        replace(reading("b", NOON, Level.L1), could_be=Level.L2),
        replace(reading("b", NOON, Level.UNKNOWN), could_be=Level.L3),
    ],
    ids=["L2", "L4", "possibly L2", "unknown, possibly L3"],
)
def test_one_crowded_zone_of_two_is_enough_and_a_notice_is_no_crowd(risen: ZoneReading) -> None:
    notice = replace(reading("a", NOON, Level.L1), could_be=Level.L1)
    desk = warm(crowded=replace(HALL, zone_ids=("a", "b")), quiet=replace(HALL, zone_ids=("a",)))
    for _ in range(6):
        rates = desk.second(notice, risen, lost=0.2)
    assert rates["quiet"] < 4.0
    assert rates["crowded"] == 4.0


def test_the_step_tells_who_gives_way() -> None:
    desk = warm(stair=STAIR, hall=HALL)
    told = {(4.0, 5.0): 0, (1.0, 5.0): 2, (1.0, 1.0): 4}
    steps = set()
    for _ in range(40):
        rates = desk.second(lost=0.2)
        hall, stair = rates["hall"], rates["stair"]
        between = 1 if hall > 1.0 else 3
        assert desk.pacer.shed_step == told.get((hall, stair), between)
        steps.add(desk.pacer.shed_step)
    assert {0, 4} <= steps
    assert steps & {1, 3}


def test_what_a_camera_needs_is_its_decoding_and_its_looked_at_frames() -> None:
    desk = warm(stair=STAIR, hall=HALL)
    # Nothing to decode, and 10 ms for each of five or four frames a second.
    assert desk.pacer.needs() == pytest.approx({"stair": 0.05, "hall": 0.04})


def test_as_much_is_shed_as_is_missing() -> None:
    """Eighty pictures a second asked, sixty done: about sixty are asked from then on.

    Where bunches save no decoding that is seen two seconds later.
    """
    desk = warm(**{f"hall-{i}": replace(HALL, full_fps=5.0) for i in range(16)})
    for _ in range(5):
        rates = desk.second(lost=0.25)
    assert 0.85 * 60 <= sum(rates.values()) <= 60


def test_frames_lost_beside_an_idle_core_are_told_and_shed_nothing() -> None:
    desk = warm(hall=replace(HALL, full_fps=10.0))
    for _ in range(20):
        assert desk.second(lost=0.3, idle_s=0.3)["hall"] == 10.0
    assert desk.pacer.lost_share == pytest.approx(0.3)


def test_few_lost_frames_change_nothing_and_are_told() -> None:
    desk = warm(hall=replace(HALL, full_fps=25.0))
    for _ in range(5):
        assert desk.second(lost=0.04)["hall"] == 25.0
    assert desk.pacer.lost_share == pytest.approx(0.04)


def test_pictures_are_bunched_before_a_rate_goes_down_and_evenly_taken_once_much_is_free() -> None:
    desk = warm(hall=replace(HALL, full_fps=25.0))
    told = []
    for _ in range(5):
        fps = desk.second(lost=0.2)["hall"]
        told.append((desk.pacer.bunched, fps == 25.0, desk.pacer.shed_step))
    assert told == [(False, True, 0)] * 2 + [(True, True, 0)] * 2 + [(True, False, 1)]
    # At 0.25 s of work a fifth of the time is free, and bunches may have saved as much.
    for _ in range(40):
        assert desk.second(idle_s=0.06)["hall"] <= 25.0
        assert desk.pacer.bunched
    for _ in range(19):
        desk.second(idle_s=0.1)
        assert desk.pacer.bunched
    desk.second(idle_s=0.1)
    assert not desk.pacer.bunched


def test_what_falls_free_is_given_back_within_seconds() -> None:
    desk = warm(**{f"hall-{i}": replace(HALL, full_fps=5.0) for i in range(16)})
    for _ in range(5):
        desk.second(lost=0.6)
    assert min(desk.fps.values()) < 3.0
    for _ in range(5):
        rates = desk.second(idle_s=1.5)
    assert set(rates.values()) == {5.0}


def test_ages_of_frames_by_hand() -> None:
    tally = AnalysisTally()
    assert tally.percentiles_s() is None
    for tenths in range(21):
        tally.note(tenths / 10, 0.5)
    assert tally.percentiles_s() == (1.0, 1.9)
    assert tally.totals[:2] == pytest.approx((21.0, 10.5))
    assert tally.totals[2] == 21


def test_the_mean_frame_is_weighed_against_those_that_were_looked_at() -> None:
    tally = AnalysisTally()
    assert tally.totals.mean_share == 1.0
    for _ in range(3):
        tally.note(0.1, 0.003, looked=False)
    assert tally.totals.mean_share == 1.0  # none to compare with
    before = tally.totals
    for wall_s, looked in ((0.020, True), (0.005, False), (0.005, False)):
        tally.note(0.1, wall_s, looked=looked)
    since = tally.totals.less(before)
    assert since.frames == 3
    assert since.mean_share == pytest.approx(0.5)  # 10 ms of 20 ms


def test_load_is_told_every_five_seconds_and_at_once_when_a_step_is_taken() -> None:
    clock = SimulatedClock()
    loop = CameraLoop(
        CameraSpec("cam", URI, (64, 48)),
        opener=FakeOpener(),
        clock=clock,
        outlets=Outlets(deliver=lambda frame: True, report=lambda status: None),
    )
    keeper = PaceKeeper([loop], dict, clock, idle=dict)
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
        self.told = (0.0, False, False, False)

    def counts(self) -> dict[str, int]:
        self.seconds += 1
        return {"delivered": 100 * self.seconds, "superseded": 50 * self.seconds}

    def pace(
        self, fps: float, *, calm: bool = False, short: bool = False, bunched: bool = False
    ) -> None:
        self.told = (fps, calm, short, bunched)


@pytest.mark.parametrize(
    ("idle", "hall"),
    [
        ({0: 0.0, 1: 0.0}, (1.0, False, True, True)),
        ({0: 1.0, 1: 1.0}, (5.0, False, False, False)),
    ],
)
def test_loss_is_a_shortage_where_no_core_is_idle(
    monkeypatch: pytest.MonkeyPatch, idle: dict[int, float], hall: tuple[float, bool, bool, bool]
) -> None:
    """Cameras at their least rate are told to decode keyframes only; pictures come in bunches."""
    monkeypatch.setattr("streams.cameras.pace_keeper.usable_cores", lambda: (0, 1))
    clock = SimulatedClock()
    loop = LosingLoop(CameraSpec("hall", URI, (64, 48), zone_ids=("hall",)), clock)
    keeper = PaceKeeper([loop], dict, clock, idle=lambda: idle)
    for _ in range(60):
        keeper.analysis.note(0.1, 0.5)
        keeper.turn()
        clock.advance(1.0)
    assert loop.told == hall
    assert keeper.behind
