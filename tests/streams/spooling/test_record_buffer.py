"""Readings are stored together by a thread of their own; urgent records at once."""

import sqlite3
import threading

import pytest

from streams.clock import SystemClock
from streams.errors import SpoolError
from streams.spooling import record_buffer
from streams.spooling.record_buffer import RecordBuffer
from streams.spooling.reporting import AnyRecord, Reporter
from tests.streams.fakes import NOON, ORIGIN, reading
from vision.risk.readings import Level


class Shelf:
    def __init__(self) -> None:
        self.stored: list[list[str]] = []
        self.fault: Exception | None = None
        self.woken = threading.Event()
        self.reporter = Reporter(ORIGIN, ("stair",), NOON)
        # The first level of a zone is a transition of its own.
        self.records(-1, Level.L0)
        self.buffer = RecordBuffer(self.store, SystemClock(), self.woken.set)

    def store(self, records: object) -> None:
        if self.fault is not None:
            raise self.fault
        self.stored.append([record.kind for record in records])  # type: ignore[attr-defined]

    def records(self, second: float, level: Level) -> list[AnyRecord]:
        return self.reporter.readings([reading("stair", NOON.plus(second), level)])


def test_readings_are_stored_together() -> None:
    shelf = Shelf()
    for second in range(3):
        shelf.buffer.append(shelf.records(second, Level.L0))
    assert shelf.stored == []
    shelf.buffer.flush()
    shelf.buffer.flush()
    assert shelf.stored == [["reading"] * 3]
    assert not shelf.woken.is_set()


def test_a_transition_is_stored_at_once_behind_what_waited_before_it() -> None:
    shelf, stop = Shelf(), threading.Event()
    shelf.buffer.append(shelf.records(0, Level.L0))
    shelf.buffer.append(shelf.records(0.2, Level.L3))
    thread = threading.Thread(target=shelf.buffer.run, args=(stop,))
    thread.start()
    assert shelf.woken.wait(10)
    assert shelf.stored[0][0] == "reading"
    assert "transition" in shelf.stored[0]
    shelf.buffer.append(shelf.records(1.5, Level.L3))
    stop.set()
    shelf.buffer.wake()
    thread.join(10)
    assert [kind for batch in shelf.stored for kind in batch].count("reading") == 2


def test_what_the_database_refuses_waits_in_order() -> None:
    shelf = Shelf()
    shelf.fault = sqlite3.OperationalError("database is locked")
    shelf.buffer.append(shelf.records(0, Level.L0))
    shelf.buffer.flush()
    shelf.buffer.append(shelf.records(0.2, Level.L3))
    shelf.buffer.flush()
    assert (shelf.stored, shelf.woken.is_set()) == ([], False)
    shelf.fault = None
    shelf.buffer.flush()
    assert shelf.stored[0][0] == "reading"
    assert shelf.woken.is_set()


def test_what_is_urgent_outlasts_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_buffer, "_MOST_WAITING", 4)
    shelf = Shelf()
    shelf.fault = sqlite3.OperationalError("database is locked")
    shelf.buffer.append(shelf.records(0, Level.L3))
    for second in range(1, 9):
        shelf.buffer.append(shelf.records(second, Level.L3))
        shelf.buffer.flush()
    shelf.fault = None
    shelf.buffer.flush()
    (kinds,) = shelf.stored
    assert len(kinds) == 4
    assert kinds.count("transition") == 1


def test_a_closed_spool_ends_the_thread_quietly() -> None:
    shelf = Shelf()
    shelf.fault = SpoolError("the spool is closed")
    shelf.buffer.append(shelf.records(0, Level.L3))
    shelf.buffer.run(threading.Event())
    shelf.buffer.append(shelf.records(1, Level.L3))
    with pytest.raises(SpoolError):
        shelf.buffer.flush()
