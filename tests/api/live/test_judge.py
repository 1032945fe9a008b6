"""How old knowledge may be: tables in simulated time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.live.board import Known
from api.live.judge import blind_cause, zone_now
from api.live.lost import lost_cause, lost_causes, unseen_zones
from api.live.values import CameraStatus, Limits, ZoneState
from streams.records import CameraState, MeasurementData, ReadingData, ReasonData
from tests.api.desk_cases import SITE, measurement
from vision.instants import Utc
from vision.risk.doors import DoorState
from vision.risk.readings import Level

START = Utc(1_800_000_000_000_000_000)
LIMITS = Limits(stale_after_s=3.0, lost_after_s=10.0, startup_grace_s=30.0, future_tolerance_s=5.0)


def state(
    level: str = "L0", *, zone_id: str = "stair", captured_s: float = 0.0, received_s: float = 0.0
) -> ZoneState:
    unknown = level == "UNKNOWN"
    reading = ReadingData(
        zone_id=zone_id,
        level=Level(level),
        reasons=(ReasonData(rule="camera_dark"),) if unknown else (),
        measurement=None if unknown else MeasurementData.model_validate(measurement(0.5)),
    )
    captured = START.plus(captured_s)
    return ZoneState(zone_id, reading, captured, START.plus(received_s), level_since=captured)


@pytest.mark.parametrize(
    ("age_s", "level", "stale"),
    [(0.0, "L0", False), (2.9, "L0", False), (3.0, "L0", False), (3.1, "UNKNOWN", True)],
)
def test_an_old_reading_says_nothing(age_s: float, level: str, stale: bool) -> None:
    now = zone_now("stair", state(), START.plus(age_s), LIMITS)
    assert (now.level.value, now.stale) == (level, stale)
    assert (now.measurement is None) is stale
    assert now.last_level is Level.L0


@pytest.mark.parametrize(("age_s", "told"), [(1.0, {"leaf": DoorState.SHUT}), (8.0, {})])
def test_doors_are_told_while_the_reading_is_fresh(
    age_s: float, told: dict[str, DoorState]
) -> None:
    known = state()
    shut = known.reading.model_copy(update={"doors": {"leaf": DoorState.SHUT}})
    now = zone_now("stair", replace(known, reading=shut), START.plus(age_s), LIMITS)
    assert now.doors == told


def test_a_stale_zone_tells_its_age_first() -> None:
    now = zone_now("stair", state("L3"), START.plus(8.0), LIMITS)
    assert now.reasons[0].rule == "stale"
    assert (now.reasons[0].measured, now.reasons[0].threshold) == (8.0, 3.0)
    assert now.since == START.plus(3.0)


def test_a_zone_without_a_reading_is_unknown() -> None:
    now = zone_now("stair", None, START, LIMITS)
    assert (now.level, now.age_s, now.reasons[0].rule) == (Level.UNKNOWN, None, "starting")


@pytest.mark.parametrize(("ahead_s", "flagged"), [(4.0, None), (6.0, 6.0)])
def test_a_clock_that_runs_ahead_is_flagged_and_does_not_freshen(
    ahead_s: float, flagged: float | None
) -> None:
    ahead = state(captured_s=ahead_s, received_s=0.0)
    assert zone_now("stair", ahead, START.plus(1.0), LIMITS).skew_s == flagged
    assert zone_now("stair", ahead, START.plus(4.0), LIMITS).stale


@pytest.mark.parametrize(("back_s", "level", "age_s"), [(5.0, "L0", 0.0), (6.0, "UNKNOWN", None)])
def test_a_reading_from_before_the_clock_was_set_back_has_no_age(
    back_s: float, level: str, age_s: float | None
) -> None:
    now = zone_now("stair", state(), START.plus(-back_s), LIMITS)
    assert (now.level.value, now.age_s, now.stale) == (level, age_s, level == "UNKNOWN")
    assert now.since == START.plus(-back_s if now.stale else 0.0)


@given(
    level=st.sampled_from([level.value for level in Level]),
    captured_s=st.floats(-100, 100),
    received_s=st.floats(0, 50),
    passed_s=st.floats(0, 100),
)
def test_a_level_is_shown_only_while_it_is_fresh(
    level: str, captured_s: float, received_s: float, passed_s: float
) -> None:
    known = state(level, captured_s=captured_s, received_s=received_s)
    at = known.received_at.plus(passed_s)
    now = zone_now("stair", known, at, LIMITS)
    fresh = at - known.seen_at <= LIMITS.stale_after_s
    assert now.level is (Level(level) if fresh else Level.UNKNOWN)
    assert now.age_s is not None
    assert now.age_s >= passed_s - 1e-6


@pytest.mark.parametrize(
    ("known", "passed_s", "started_s", "cause"),
    [
        (None, 29.0, 0.0, None),
        (None, 31.0, 0.0, "stale"),
        (state(), 9.0, 0.0, None),
        (state(), 11.0, 0.0, "stale"),
        # The service was away, and perhaps the workers too: silence counts from its return.
        (state(), 1_000.0, 989.0, None),
        (state(), 1_000.0, 969.0, "stale"),
        (state("UNKNOWN"), 5.0, 0.0, None),
        (replace(state("UNKNOWN"), captured_at=START.plus(11), received_at=START.plus(11)),
         11.0, 0.0, "camera_dark"),
    ],
)  # fmt: skip
def test_long_blindness_has_a_cause(
    known: ZoneState | None, passed_s: float, started_s: float, cause: str | None
) -> None:
    found = blind_cause(
        known, now=START.plus(passed_s), started_at=START.plus(started_s), limits=LIMITS
    )
    assert found == cause


def known_at(
    passed_s: float, zones: dict[str, ZoneState], cameras: dict[str, CameraState]
) -> Known:
    statuses = {
        camera_id: CameraStatus(camera_id, camera, START, "hung", "", START, START)
        for camera_id, camera in cameras.items()
    }
    return Known(SITE, LIMITS, START, START.plus(passed_s), zones, statuses)


A_LOST = {"cam-a": CameraState.OFFLINE, "cam-b": CameraState.LIVE}


def hall(level: str, *, since_s: float = 0.0, at_s: float = 40.0) -> ZoneState:
    read = state(level, zone_id="hall", captured_s=at_s, received_s=at_s)
    return replace(read, level_since=START.plus(since_s))


@pytest.mark.parametrize(
    ("zone", "partner", "unseen"),
    [
        (hall("L0"), None, ()),
        # It may be dark because the lost one does not see it: the lost one's alarm names it.
        (hall("UNKNOWN"), None, ("hall",)),
        (hall("UNKNOWN", since_s=31.0), None, ()),
        # Silence is no fault of the lost one.
        (hall("L0", at_s=29.0), "stale", ("hall",)),
    ],
)
def test_a_lost_camera_is_its_own_cause_and_its_partner_is_blamed_for_silence_alone(
    zone: ZoneState, partner: str | None, unseen: tuple[str, ...]
) -> None:
    zones = {"stair": state(captured_s=40.0, received_s=40.0), "hall": zone}
    known = known_at(40.0, zones, A_LOST)
    assert lost_causes(known) == {"cam-stair": None, "cam-a": "hung", "cam-b": partner}
    assert unseen_zones(known, "cam-a") == unseen


@pytest.mark.parametrize(("partner", "unseen"), [("starting", ()), ("live", ("hall",))])
def test_a_partner_that_starts_leaves_no_zone_unseen(partner: str, unseen: tuple[str, ...]) -> None:
    cameras = {"cam-a": CameraState.OFFLINE, "cam-b": CameraState(partner)}
    assert unseen_zones(known_at(40.0, {"hall": hall("UNKNOWN")}, cameras), "cam-a") == unseen


def test_silence_of_a_zone_is_laid_at_all_its_cameras() -> None:
    known = known_at(40.0, {"stair": state(captured_s=40.0, received_s=40.0)}, {})
    assert lost_causes(known) == {"cam-stair": None, "cam-a": "stale", "cam-b": "stale"}
    assert unseen_zones(known, "cam-a") == ("hall",)


@pytest.mark.parametrize(
    ("camera", "rule", "cause"),
    [
        (CameraState.STARTING, "starting", None),
        (CameraState.STARTING, "no_frames", None),
        # It has given pictures for long and still nobody knows: that is no start.
        (CameraState.LIVE, "no_frames", "no_frames"),
    ],
)
def test_a_slow_start_is_no_loss(camera: CameraState, rule: str, cause: str | None) -> None:
    unknown = state("UNKNOWN", captured_s=40.0, received_s=40.0)
    reading = unknown.reading.model_copy(update={"reasons": (ReasonData(rule=rule),)})
    slow = replace(unknown, reading=reading, level_since=START)
    assert lost_cause(known_at(40.0, {"stair": slow}, {"cam-stair": camera}), "cam-stair") == cause


@pytest.mark.parametrize(("passed_s", "cause"), [(9.0, None), (11.0, "no_frames")])
def test_a_camera_that_came_live_has_time_to_be_read(passed_s: float, cause: str | None) -> None:
    unknown = state("UNKNOWN", captured_s=passed_s, received_s=passed_s)
    reading = unknown.reading.model_copy(update={"reasons": (ReasonData(rule="no_frames"),)})
    waited = replace(unknown, reading=reading, level_since=START.plus(-60.0))
    known = known_at(passed_s, {"stair": waited}, {"cam-stair": CameraState.LIVE})
    assert lost_cause(known, "cam-stair") == cause


def test_a_worker_that_falls_silent_while_it_starts_is_noticed() -> None:
    known = known_at(40.0, {"stair": state("UNKNOWN")}, {"cam-stair": CameraState.STARTING})
    assert lost_cause(known, "cam-stair") == "stale"


def test_a_zone_is_unseen_only_when_all_its_cameras_are_lost() -> None:
    one = known_at(0.0, {}, {"cam-a": CameraState.STALLED, "cam-b": CameraState.LIVE})
    both = known_at(0.0, {}, {"cam-a": CameraState.STALLED, "cam-b": CameraState.OFFLINE})
    assert unseen_zones(one, "cam-a") == ()
    assert unseen_zones(both, "cam-a") == ("hall",)
    assert unseen_zones(one, "cam-stair") == ("stair",)


@pytest.mark.parametrize(
    ("camera", "cause"),
    [
        (CameraState.STARTING, None),
        (CameraState.LIVE, None),
        (CameraState.STALLED, "hung"),
        (CameraState.OFFLINE, "hung"),
    ],
)
def test_states_that_count_as_lost(camera: CameraState, cause: str | None) -> None:
    assert lost_cause(known_at(1.0, {}, {"cam-stair": camera}), "cam-stair") == cause
