"""Readings wait a moment for each other, urgent records never."""

from streams.clock import SimulatedClock
from streams.record_buffer import WAITS_S, RecordBuffer
from streams.reporting import AnyRecord, Reporter
from tests.streams.fakes import NOON, ORIGIN, reading
from vision.readings import Level


class Shelf:
    def __init__(self) -> None:
        self.clock = SimulatedClock(NOON)
        self.stored: list[list[str]] = []
        self.woken = 0
        self.reporter = Reporter(ORIGIN, ("stair",), NOON)
        # The first level of a zone is a transition of its own.
        self.records(-1, Level.L0)
        self.buffer = RecordBuffer(self.store, self.clock, self.wake)

    def store(self, records: object) -> None:
        self.stored.append([record.kind for record in records])  # type: ignore[attr-defined]

    def wake(self) -> None:
        self.woken += 1

    def records(self, second: float, level: Level) -> list[AnyRecord]:
        return self.reporter.readings([reading("stair", NOON.plus(second), level)])


def test_readings_are_stored_together() -> None:
    shelf = Shelf()
    shelf.buffer.append(shelf.records(0, Level.L0))
    shelf.buffer.append(shelf.records(1, Level.L0))
    assert shelf.stored == []
    shelf.clock.advance(WAITS_S)
    shelf.buffer.append(shelf.records(2, Level.L0))
    assert shelf.stored == [["reading"] * 3]
    assert shelf.woken == 0


def test_a_transition_goes_at_once_behind_what_waited_before_it() -> None:
    shelf = Shelf()
    shelf.buffer.append(shelf.records(0, Level.L0))
    shelf.buffer.append(shelf.records(0.2, Level.L3))
    assert shelf.stored[0][0] == "reading"
    assert "transition" in shelf.stored[0]
    assert shelf.woken == 1


def test_what_waits_is_stored_when_asked() -> None:
    shelf = Shelf()
    shelf.buffer.append(shelf.records(0, Level.L0))
    shelf.buffer.flush()
    shelf.buffer.flush()
    assert shelf.stored == [["reading"]]
