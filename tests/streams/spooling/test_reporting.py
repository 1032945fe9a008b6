import pytest

from streams.cameras.pace_keeper import WorkerLoad
from streams.cameras.state import CameraStatus
from streams.pacing.pacer import Pace, PaceReason
from streams.records import (
    RECORD,
    URGENT_KINDS,
    CameraState,
    CameraStateRecord,
    ReadingRecord,
    TransitionRecord,
)
from streams.spooling.reporting import AnyRecord, Reporter
from tests.streams.fakes import NOON, ORIGIN, reading
from vision.risk.readings import Level


def reporter(*zones: str) -> Reporter:
    return Reporter(ORIGIN, zones or ("stair",), NOON)


def told(records: list[AnyRecord]) -> list[tuple[str, str]]:
    return [
        (record.kind, record.reading.level.value)
        for record in records
        if isinstance(record, ReadingRecord | TransitionRecord)
    ]


def test_one_reading_a_second_of_capture_time() -> None:
    desk = reporter()
    found = [
        told(desk.readings([reading("stair", NOON.plus(n * 0.2), Level.L0)])) for n in range(11)
    ]
    assert found[0] == [("transition", "L0")]
    assert [n for n, records in enumerate(found) if records] == [0, 5, 10]
    assert found[5] == [("reading", "L0")]


def test_a_change_of_level_is_told_at_once_with_the_level_before() -> None:
    desk = reporter()
    desk.readings([reading("stair", NOON, Level.L1)])
    (record,) = desk.readings([reading("stair", NOON.plus(0.2), Level.L3)])
    assert isinstance(record, TransitionRecord)
    assert (record.previous_level, record.reading.level) == (Level.L1, Level.L3)


def test_a_zone_begins_unknown() -> None:
    desk = reporter()
    assert desk.latest()["stair"].level is Level.UNKNOWN
    (record,) = desk.unknown_zones(NOON)
    assert isinstance(record, ReadingRecord)
    assert record.reading.reasons[0].rule == "starting"
    assert record.reading.measurement is None


def test_a_new_worker_says_ahead_of_all_that_it_knows_nothing_yet() -> None:
    records = reporter("stair", "hall").started()
    assert told(records) == [("transition", "UNKNOWN"), ("transition", "UNKNOWN")]
    assert {record.kind for record in records} <= URGENT_KINDS


def test_an_unknown_zone_is_said_again_each_second_with_the_time_of_saying() -> None:
    desk = reporter("stair", "hall")
    desk.readings([reading("hall", NOON, Level.L0)])
    times = []
    for n in range(8):
        for record in desk.unknown_zones(NOON.plus(n * 0.5)):
            assert isinstance(record, ReadingRecord)
            assert record.reading.zone_id == "stair"
            times.append(record.captured_at.isoformat())
    assert times == [
        "2026-09-01T12:00:00+00:00",
        "2026-09-01T12:00:01+00:00",
        "2026-09-01T12:00:02+00:00",
        "2026-09-01T12:00:03+00:00",
    ]


def test_every_record_has_an_id_of_its_own_that_the_contract_takes() -> None:
    desk = reporter()
    records = [
        *desk.unknown_zones(NOON),
        *desk.readings([reading("stair", NOON, Level.L4)]),
        *desk.camera_state(CameraStatus("cam", CameraState.OFFLINE, NOON, NOON, "hung")),
    ]
    assert [record.record_id for record in records] == ["w1:run1:1", "w1:run1:2", "w1:run1:3"]
    for record in records:
        assert RECORD.validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("state", list(CameraState))
def test_a_camera_state_carries_since_and_cause(state: CameraState) -> None:
    status = CameraStatus("cam", state, NOON, NOON.plus(3.0), "hung", "no picture for 4.5 s")
    (record,) = reporter().camera_state(status)
    assert isinstance(record, CameraStateRecord)
    assert record.since.isoformat() == "2026-09-01T12:00:00+00:00"
    assert record.captured_at.isoformat() == "2026-09-01T12:00:03+00:00"
    assert (record.camera_id, record.state, record.cause) == ("cam", state, "hung")


def test_load_carries_rates_with_their_reasons() -> None:
    paces = {"cam": Pace(1.0, PaceReason.CALM)}
    (record,) = reporter().load(WorkerLoad(NOON, 0.02, 0, paces, 0.1, 0.2))
    assert RECORD.validate_python(record.model_dump(mode="json")) == record
    assert record.kind == "worker_load"
    assert [(one.camera_id, one.fps, one.reason) for one in record.cameras] == [
        ("cam", 1.0, PaceReason.CALM)
    ]
