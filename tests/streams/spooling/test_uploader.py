"""The uploader against a fake transport that answers as the API does."""

import json
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from streams.backoff import BackoffSettings
from streams.cameras.state import CameraStatus
from streams.clock import SimulatedClock
from streams.errors import UploadError
from streams.records import CameraState
from streams.spooling.reporting import Reporter
from streams.spooling.spool import Spool, SpooledRecord
from streams.spooling.uploader import Uploader, UploaderSettings
from tests.streams.fakes import NOON, ORIGIN

Answer = Callable[[list[dict[str, object]]], httpx.Response]


class FakeApi:
    """Stores records once by id; `answers` replaces the answer to the next requests."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.requests: list[httpx.Request] = []
        self.answers: list[Answer] = []
        self.refused: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        records = json.loads(request.content)["records"]
        if self.answers:
            return self.answers.pop(0)(records)
        return self.take(records)

    def take(self, records: list[dict[str, object]]) -> httpx.Response:
        counts = {"accepted": 0, "duplicates": 0}
        rejected = []
        for record in records:
            record_id = str(record["record_id"])
            if record_id in self.refused:
                rejected.append({"record_id": record_id, "reason": self.refused[record_id]})
            elif record_id in self.stored:
                counts["duplicates"] += 1
            else:
                counts["accepted"] += 1
                self.stored.append(record_id)
        return httpx.Response(200, json={**counts, "rejected": rejected})


class Bench:
    def __init__(self, path: Path, *, batch_limit: int = 200) -> None:
        self.clock = SimulatedClock(NOON, self_advancing=True)
        self.api = FakeApi()
        self.spool = Spool(path / "s.sqlite3")
        self.reporter = Reporter(ORIGIN, ("stair",), NOON)
        self.client = httpx.Client(
            transport=httpx.MockTransport(self.api),
            base_url="http://api",
            headers={"Authorization": "Bearer secret"},
        )
        self.uploader = Uploader(
            self.spool,
            self.client,
            clock=self.clock,
            settings=UploaderSettings(batch_limit=batch_limit, backoff=BackoffSettings(jitter=0.0)),
            random_source=random.Random(1),
        )

    def fill(self, count: int) -> None:
        for n in range(count):
            self.spool.append(self.reporter.unknown_zones(NOON.plus(n)))

    def urgent(self) -> None:
        status = CameraStatus("cam", CameraState.OFFLINE, NOON, NOON, "hung")
        self.spool.append(self.reporter.camera_state(status))

    def waiting(self) -> int:
        return self.spool.counts().waiting


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, batch_limit=10)
    yield made
    made.spool.close()
    made.client.close()


def status(code: int) -> Answer:
    return lambda records: httpx.Response(code)


def test_a_batch_is_posted_as_the_contract_says_and_leaves_the_spool(bench: Bench) -> None:
    bench.fill(3)
    assert bench.uploader.send_batch() == 3
    (request,) = bench.api.requests
    assert (request.method, request.url.path) == ("POST", "/api/v1/ingest")
    assert request.headers["authorization"] == "Bearer secret"
    assert bench.api.stored == ["w1:run1:1", "w1:run1:2", "w1:run1:3"]
    assert bench.waiting() == 0


def test_an_empty_spool_asks_nothing(bench: Bench) -> None:
    assert bench.uploader.send_batch() == 0
    assert bench.api.requests == []


def test_urgent_records_go_in_the_first_batch(bench: Bench) -> None:
    bench.fill(25)
    bench.urgent()
    bench.uploader.send_batch()
    assert bench.api.stored[0] == "w1:run1:26"
    assert len(bench.api.stored) == 10


def test_a_lost_answer_leads_to_a_duplicate_that_the_api_knows(bench: Bench) -> None:
    def stored_but_unanswered(records: list[dict[str, object]]) -> httpx.Response:
        bench.api.take(records)
        raise httpx.ReadTimeout("no answer")

    bench.fill(2)
    bench.api.answers = [stored_but_unanswered]
    with pytest.raises(UploadError, match="ReadTimeout"):
        bench.uploader.send_batch()
    assert bench.waiting() == 2
    bench.uploader.send_batch()
    assert bench.waiting() == 0
    assert bench.api.stored == ["w1:run1:1", "w1:run1:2"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (status(500), "status 500"),
        (status(503), "status 503"),
        (status(302), "status 302"),
        (status(401), "refuses this worker's token"),
        (lambda records: httpx.Response(200, text="<html>"), "cannot be read"),
        (lambda records: httpx.Response(200, json={"accepted": -1, "duplicates": 0}), "cannot be"),
        (lambda records: httpx.Response(200, json={"accepted": 1, "duplicates": 0}), "1 of 3"),
    ],
)
def test_whatever_is_not_a_full_answer_keeps_the_records(
    bench: Bench, answer: Answer, text: str
) -> None:
    bench.fill(3)
    bench.api.answers = [answer]
    with pytest.raises(UploadError, match=text):
        bench.uploader.send_batch()
    assert bench.waiting() == 3


def test_a_refused_record_leaves_and_is_kept_aside(bench: Bench) -> None:
    bench.fill(3)
    bench.api.refused = {"w1:run1:2": "unknown zone"}
    assert bench.uploader.send_batch() == 3
    assert bench.waiting() == 0
    assert bench.spool.rejected() == (("w1:run1:2", "unknown zone"),)


def test_one_record_that_poisons_its_batch_is_found_by_halving(bench: Bench) -> None:
    def picky(request: httpx.Request) -> httpx.Response:
        records = json.loads(request.content)["records"]
        if any(record["record_id"] == "w1:run1:7" for record in records):
            return httpx.Response(422)
        return bench.api.take(records)

    client = httpx.Client(transport=httpx.MockTransport(picky), base_url="http://api")
    uploader = Uploader(bench.spool, client, clock=bench.clock, settings=UploaderSettings(10))
    bench.fill(20)
    for _ in range(30):
        uploader.send_batch()
    client.close()
    assert len(bench.api.stored) == 19
    assert [record_id for record_id, _ in bench.spool.rejected()] == ["w1:run1:7"]
    assert bench.waiting() == 0


def test_while_the_api_is_away_the_waits_grow_and_then_all_is_sent(bench: Bench) -> None:
    stop = threading.Event()

    def last(records: list[dict[str, object]]) -> httpx.Response:
        stop.set()
        return bench.api.take(records)

    bench.fill(3)
    bench.uploader.send_batch()
    bench.fill(32)
    bench.api.answers = [*[status(503)] * 5, last]
    start = bench.clock.monotonic()
    bench.uploader.run(stop)
    assert bench.clock.monotonic() - start == pytest.approx(0.5 + 1.0 + 2.0 + 4.0 + 5.0)
    assert len(bench.api.stored) == 35
    assert bench.uploader.sent == 35
    assert bench.uploader.failures == 5


def test_at_the_start_the_api_is_asked_every_half_second_for_a_while(bench: Bench) -> None:
    stop = threading.Event()

    def last(records: list[dict[str, object]]) -> httpx.Response:
        stop.set()
        return bench.api.take(records)

    bench.fill(3)
    bench.api.answers = [*[status(503)] * 42, last]
    start = bench.clock.monotonic()
    bench.uploader.run(stop)
    assert bench.clock.monotonic() - start == pytest.approx(40 * 0.5 + 2 * 5.0, abs=0.5)


def test_after_stop_what_is_left_is_sent_once_more_and_not_for_ever(bench: Bench) -> None:
    stop = threading.Event()
    stop.set()
    bench.fill(25)
    bench.uploader.run(stop)
    assert bench.waiting() == 0
    bench.fill(1)
    bench.api.answers = [status(503)]
    bench.uploader.run(stop)
    assert bench.waiting() == 1


def test_a_disk_that_refuses_holds_the_uploader_up_and_does_not_end_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody watches the cameras while a worker starts anew; the API knows what is sent twice."""
    stop = threading.Event()
    batch, refusals = bench.spool.batch, 3

    def refuse_first(limit: int) -> tuple[SpooledRecord, ...]:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise sqlite3.OperationalError("disk I/O error")
        return batch(limit)

    def last(records: list[dict[str, object]]) -> httpx.Response:
        stop.set()
        return bench.api.take(records)

    monkeypatch.setattr(bench.spool, "batch", refuse_first)
    bench.fill(3)
    bench.api.answers = [last]
    bench.uploader.run(stop)
    assert bench.uploader.failures == 3
    assert bench.api.stored == ["w1:run1:1", "w1:run1:2", "w1:run1:3"]
    assert bench.waiting() == 0


def test_a_damaged_spool_ends_the_uploader_for_a_new_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the next start sets a damaged file aside."""

    def damaged(limit: int) -> tuple[SpooledRecord, ...]:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(bench.spool, "batch", damaged)
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        bench.uploader.run(threading.Event())


def test_a_spool_closed_under_the_uploader_ends_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.spool.close()
    bench.uploader.run(threading.Event())
    bench.client.close()
    assert bench.api.requests == []


def test_an_urgent_record_ends_the_linger(tmp_path: Path) -> None:
    """In real time: the linger is an hour, so the test ends only if `wake` works."""
    from streams.clock import SystemClock

    bench = Bench(tmp_path)
    settings = UploaderSettings(linger_s=3600.0)
    uploader = Uploader(bench.spool, bench.client, clock=SystemClock(), settings=settings)
    stop = threading.Event()
    thread = threading.Thread(target=uploader.run, args=(stop,))
    thread.start()
    pause = threading.Event()
    for _ in range(3):
        before = len(bench.api.stored)
        bench.urgent()
        uploader.wake()
        while len(bench.api.stored) == before:
            pause.wait(0.005)
    stop.set()
    uploader.wake()
    thread.join(30.0)
    assert not thread.is_alive()
    assert len(bench.api.stored) == 3
    bench.spool.close()
    bench.client.close()


def not_stored(records: list[dict[str, object]]) -> httpx.Response:
    return httpx.Response(503, json={"code": "database_refused"})


def shown(records: list[dict[str, object]]) -> httpx.Response:
    return httpx.Response(200, json={"shown": True})


def test_a_service_that_cannot_store_is_shown_the_present_and_stores_in_order(
    bench: Bench,
) -> None:
    """What waits fills many batches; whoever looks at the desk needs the newest of it."""
    stop = threading.Event()

    def last(records: list[dict[str, object]]) -> httpx.Response:
        stop.set()
        return bench.api.take(records)

    bench.fill(25)
    bench.urgent()
    bench.api.answers = [not_stored, shown, not_stored, shown, last]
    bench.uploader.run(stop)
    sent = [
        (one.url.path, [record["record_id"] for record in json.loads(one.content)["records"]])
        for one in bench.api.requests
    ]
    newest = [f"w1:run1:{n}" for n in range(26, 16, -1)]
    first = [f"w1:run1:{n}" for n in (26, *range(1, 10))]
    assert sent[:5] == [("/api/v1/ingest", first), ("/api/v1/ingest/shown", newest)] * 2 + [
        ("/api/v1/ingest", first)
    ]
    assert bench.api.stored == ["w1:run1:26", *(f"w1:run1:{n}" for n in range(1, 26))]
    assert bench.waiting() == 0


def test_a_service_that_cannot_store_is_shown_something_every_second(bench: Bench) -> None:
    """A reading is fresh for three seconds; the waits for a service that is away grow to five."""
    bench.fill(1)
    stop = threading.Event()
    began = bench.clock.monotonic()

    def last(records: list[dict[str, object]]) -> httpx.Response:
        stop.set()
        return bench.api.take(records)

    bench.api.answers = [not_stored, shown, *[not_stored, shown] * 9, last]
    bench.uploader.run(stop)
    assert bench.clock.monotonic() - began <= 10.0
