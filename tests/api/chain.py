"""The whole chain in one process under simulated time: worker, service, sender, receivers, desks.

Everything but the edges is the product's own: `Spool` and `Uploader` on the worker's side;
`Ingest`, `Watch` and `Monitor` in the service; `Sender` beyond the outbox. Faults are put where
processes meet: a process dies before or just after a commit, an answer is lost, a receiver refuses,
is silent, or confirms late.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy.exc import OperationalError

from api.alarms import checks, hold_store, holds, machine, store
from api.alarms.errors import AlarmError
from api.alarms.values import Alarm, AlarmState, Change, Hold, Signature
from api.delivery.driver import Driver, Received
from api.delivery.monitor import Monitor
from api.delivery.outbox import Outbox
from api.delivery.sender import Sender
from api.events import Broker, EventKind
from api.ingest import Ingest
from api.live.board import Board
from api.live.values import Limits
from api.metrics import Metrics
from api.watch import Watch
from api.watched import WatchedSite
from api.work import Desk
from config.delivery import DeliveryPath, DeliveryPlan, parse_delivery
from config.desk_plan import DeskPlan
from streams.clock import SimulatedClock
from streams.errors import UploadError
from streams.records import ReadingRecord, TransitionRecord
from streams.spooling.reporting import AnyRecord
from streams.spooling.spool import Spool
from streams.spooling.uploader import Uploader
from tests.api.chain_edges import FragileDatabase, KilledError, Receiver
from tests.api.desk_cases import SITE, measurement
from vision.risk.readings import Level

T = TypeVar("T")

LIMITS = Limits(stale_after_s=3.0, lost_after_s=10.0, startup_grace_s=60.0, future_tolerance_s=5.0)
SITES = {
    "all": SITE,
    "hall removed": replace(SITE, zones=SITE.zones[:1], cameras=SITE.cameras[:1]),
}
_WAY = "{{id: {id}, driver: webhook, settings: {{url: 'http://127.0.0.1:1/', secret: env:X}}}}"
_TARGET = """\
  - id: {id}
    name: {{zh: 甲, en: A}}
    role: {role}
    lowest_priority: {lowest}
    one_path_reason: a test
    paths: [{way}]
"""


def delivery(*targets: tuple[str, str, int]) -> DeliveryPlan:
    """Targets of one path each, given as id, role and lowest priority."""
    text = "targets:\n" + "".join(
        _TARGET.format(id=name, role=role, lowest=lowest, way=_WAY.format(id=f"to-{name}"))
        for name, role, lowest in targets
    )
    return parse_delivery(text.encode(), directory=Path())


ROOM, CENTRE, ROBOT = (
    ("room", "police", 2),
    ("centre", "monitoring", 4),
    ("robot", "information", 3),
)
PLANS = {
    "all": delivery(ROOM, CENTRE, ROBOT),
    "centre removed": delivery(ROOM, ROBOT),
    "room renamed": delivery(("room-2", "police", 2), CENTRE, ROBOT),
}


class Chain:
    """Worker, service and sender over one database; `close` ends it.

    Attributes:
        told: the worker's records by id, whether or not they have been taken.
        shown: state of each alarm on a page that heard the snapshot and every event since.
    """

    def __init__(self, database_url: str, folder: Path, plan: DeskPlan) -> None:
        self.url = database_url
        self.desk_plan = plan
        self.runner = asyncio.Runner()
        self.clock = SimulatedClock()
        self.site: WatchedSite = SITE
        self.plan = PLANS["all"]
        self.receivers: dict[str, Receiver] = {}
        self.spool = Spool(folder / "spool.sqlite3")
        self.upload_fate = ""
        client = httpx.Client(
            transport=httpx.MockTransport(self._ingest), base_url="http://service"
        )
        self.client = client
        self.uploader = Uploader(
            self.spool, client, clock=self.clock, random_source=random.Random(1)
        )
        self.told: dict[str, AnyRecord] = {}
        self.start_service()
        self.start_sender()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def close(self) -> None:
        self.kill_sender()
        self.kill_service()
        self.spool.close()
        self.client.close()
        self.runner.close()

    # The service

    def start_service(self) -> None:
        self.run(self._start_service())

    async def _start_service(self) -> None:
        self.database = FragileDatabase(self.url)
        await self.database.__aenter__()
        self.desk = Desk(
            database=self.database,
            board=Board(self.site, LIMITS, started_at=self.clock.utc()),
            broker=Broker(),
            clock=self.clock,
            metrics=Metrics(),
            plan=self.desk_plan,
            outbox=Outbox(self.plan, self.site, self.desk_plan),
        )
        await self.desk.load()
        self.watch = Watch(self.desk, every_s=1.0, upkeep_every_s=60.0)
        self.monitor = Monitor(self.desk)
        self.ingest = Ingest(self.desk)
        await self.watch.tick()
        self._heard = self.desk.broker.listen()
        self.listener = self._heard.__enter__()
        async with self.database.read() as connection:
            open_now = await store.open_alarms(connection, 1_000)
        self.shown = {alarm.number: alarm.state.value for alarm in open_now}

    def kill_service(self) -> None:
        self._heard.__exit__(None, None, None)
        self.run(self.database.__aexit__(None, None, None))

    def restart_service(self) -> None:
        self.kill_service()
        self.start_service()

    def in_service(self, work: Callable[[], Coroutine[Any, Any, object]], fate: str = "") -> None:
        """Do it in the service, which may die of it and is started again then."""
        self.database.fate = fate
        try:
            self.run(work())
        except KilledError:
            self.restart_service()
        except OperationalError:
            pass  # told as 503, or logged and tried again
        finally:
            self.database.fate = ""

    async def look(self) -> None:
        """What the service does every second or two by itself."""
        await self.watch.tick()
        await self.monitor.tick()

    def hear(self) -> None:
        """The console takes what was told since."""
        while not self.listener._queue.empty():
            event = self.listener._queue.get_nowait()
            if event is not None and event.kind is EventKind.ALARM:
                body = json.loads(event.body_json)
                self.shown[body["number"]] = body["state"]

    async def person(self, act: Callable[[Alarm, Signature], Change], seen: Alarm) -> bool:
        """A step of a person who looks at `seen`; whether it was taken."""
        try:
            async with self.desk.work() as work:
                alarm = await store.by_number(work.connection, seen.number)
                await work.save(act(alarm, Signature("王芳", work.known.now)))
        except AlarmError:
            return False
        return True

    async def shelve(self, seen: Alarm, minutes: float) -> bool:
        """As the route does it."""
        try:
            async with self.desk.work() as work:
                alarm = await store.by_number(work.connection, seen.number)
                by = Signature("李强", work.known.now)
                until = work.known.now.plus(minutes * 60.0)
                wanted = Hold(AlarmState.SHELVED, by, until, "cleaning")
                change = holds.hold(alarm, wanted, seen.version)
                await hold_store.place(work.connection, alarm.key, wanted)
                await work.save(change)
        except AlarmError:
            return False
        return True

    # The worker

    def tell(self, zone_id: str, level: Level, *, age_s: float, urgent: bool) -> None:
        """The worker measures a zone; the record is safe once this returns."""
        unknown = level is Level.UNKNOWN
        reading = {
            "zone_id": zone_id,
            "level": level.value,
            "reasons": [{"rule": "camera_dark"}] if unknown else [],
            "measurement": None if unknown else measurement(float(max(level.severity, 0)) + 0.5),
        }
        known = {
            "record_id": f"w1:run:{len(self.told):08d}",
            "site_id": SITE.id,
            "worker_id": "w1",
            "captured_at": self.clock.utc().plus(-age_s).iso(),
            "reading": reading,
        }
        record: AnyRecord
        if urgent:
            record = TransitionRecord.model_validate({**known, "previous_level": "L0"})
        else:
            record = ReadingRecord.model_validate(known)
        self.told[record.record_id] = record
        self.spool.append([record])

    def upload(self, fate: str = "") -> None:
        """The worker sends its oldest records, once."""
        self.upload_fate = fate
        with suppress(UploadError):
            self.uploader.send_batch()
        self.upload_fate = ""

    def _ingest(self, request: httpx.Request) -> httpx.Response:
        """The service's door."""
        if self.upload_fate == "refused":
            return httpx.Response(503)
        raw = json.loads(request.content)["records"]
        self.database.fate = self.upload_fate
        try:
            result = self.run(self.ingest.accept(raw))
        except KilledError:
            self.restart_service()
            raise httpx.ReadError("connection reset") from None
        except OperationalError:
            return httpx.Response(503)
        finally:
            self.database.fate = ""
        if self.upload_fate == "response lost":
            raise httpx.ReadTimeout("no answer")
        return httpx.Response(
            200,
            json={
                "accepted": result.accepted,
                "duplicates": result.duplicates,
                "rejected": [
                    {"record_id": one.record_id, "reason": one.reason} for one in result.rejected
                ],
            },
        )

    # The sender

    def start_sender(self) -> None:
        self.run(self._start_sender())

    async def _start_sender(self) -> None:
        self.senders_database = FragileDatabase(self.url)
        await self.senders_database.__aenter__()
        self.sender = Sender(self.senders_database, self.plan, self.clock, self._driver)

    def _driver(self, path: DeliveryPath, late: Received, controlled: Received) -> Driver:
        del controlled
        receiver = self.receivers.setdefault(path.id, Receiver())
        receiver.late = late
        return receiver

    def kill_sender(self) -> None:
        self.run(self._kill_sender())

    async def _kill_sender(self) -> None:
        """Nothing that it only remembered is written."""
        await self.sender._halt(list(self.sender._targets))
        await self.senders_database.__aexit__(None, None, None)

    def restart_sender(self) -> None:
        self.kill_sender()
        self.start_sender()

    def deliver(self, fate: str = "") -> None:
        """The sender writes what it knows, takes what is due and makes one attempt for each."""
        self.senders_database.fate = fate
        try:
            self.run(self._deliver())
        except KilledError:
            self.restart_sender()
        except OperationalError:
            pass
        finally:
            self.senders_database.fate = ""

    async def _deliver(self) -> None:
        await self.sender._follow()
        await self.sender._write(lease=True)
        tasks = [task for _, task in self.sender._in_hand.values()]
        await asyncio.gather(*tasks)

    # Settings and time

    def change_plan(self, name: str) -> None:
        """The file is edited; service and sender follow."""
        self.plan = PLANS[name]
        self.desk.outbox = Outbox(self.plan, self.site, self.desk_plan)
        self.sender.change(self.plan)

    def change_site(self, name: str) -> None:
        """The site file is edited; that takes a start."""
        self.site = SITES[name]
        self.restart_service()

    def set_clock(self, seconds: float) -> None:
        """A time server moves wall time: both processes end and are started again."""
        self.clock.step_utc(seconds)
        self.restart_service()
        self.restart_sender()


def acknowledged(seen: Alarm) -> Callable[[Alarm, Signature], Change]:
    """The step of somebody who acknowledges what they see."""
    return lambda alarm, who: checks.with_acknowledged(
        machine.acknowledge(alarm, who, seen.version)
    )


def closed(seen: Alarm) -> Callable[[Alarm, Signature], Change]:
    """The step of somebody who closes what they see."""
    return lambda alarm, who: machine.close(alarm, who, seen.version, "other")
