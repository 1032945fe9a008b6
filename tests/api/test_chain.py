"""From the reading to the receiver's word, whatever happens in between: no alarm is lost, said to
be received that was not, out of order, or heard again by who has seen it."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import create_engine, select

from api.alarms.store import _alarm, _history
from api.alarms.values import (
    KNOWING_ACTIONS,
    SYSTEM,
    WAITING_STATES,
    Action,
    Alarm,
    AlarmState,
    AlarmType,
    HistoryEntry,
)
from api.database.engine import parse_url
from api.database.tables import ALARM_HISTORY, ALARMS, RECORDS
from api.delivery.outbox import _NOT_TOLD
from api.delivery.tables import DELIVERIES
from config.delivery import DeliveryTarget, Role
from config.desk_plan import DeskPlan
from streams.records import ReadingRecord, TransitionRecord
from tests.api.chain import PLANS, SITES, Chain, acknowledged, closed
from tests.api.conftest import create_database
from vision.instants import Utc
from vision.risk.readings import Level

_SEEN = (AlarmState.ACKNOWLEDGED, AlarmState.LATCHED)
_CALM = (Level.L0, Level.L1)
FATES = st.sampled_from(["", "", "", "killed before", "killed after", "answer lost"])
UPLOADS = st.sampled_from(
    ["", "", "", "refused", "response lost", "killed before", "killed after", "answer lost"]
)
ZONES = st.sampled_from(["stair", "stair", "hall"])
LEVELS = st.sampled_from([*Level, Level.L3, Level.L4])
AGES_S = st.sampled_from([0.0, 0.0, 0.0, 2.0, 40.0, -3.0, -600.0])
MOODS = st.sampled_from(["takes", "takes", "refuses", "silent", "hangs", "down"])
PAUSES_S = st.sampled_from([0.5, 2.0, 5.0, 35.0, 70.0, 400.0])
DEEDS = st.sampled_from(["acknowledge", "acknowledge", "close", "shelve"])
PLACES = st.integers(0, 3)


class ChainMachine(RuleBasedStateMachine):
    """Plays processes, people, receivers, settings and clocks against the chain."""

    new_url: ClassVar[Callable[[], str]]

    @initialize(check_s=st.sampled_from([0.0, 20.0]))
    def begin(self, check_s: float) -> None:
        url = type(self).new_url()
        self.folder = Path(tempfile.mkdtemp(prefix="chain-"))
        drivername = parse_url(url).drivername.removesuffix("+aiosqlite")
        self.engine = create_engine(parse_url(url).set(drivername=drivername))
        self.chain = Chain(url, self.folder, DeskPlan(check_s=check_s))
        self.seen: list[Alarm] = []
        self.lines: defaultdict[int, list[HistoryEntry]] = defaultdict(list)
        self.last_line = 0
        self.checked_records: set[str] = set()

    # What happens

    @rule(zone=ZONES, level=LEVELS, age_s=AGES_S, urgent=st.booleans())
    def measure(self, zone: str, level: Level, age_s: float, urgent: bool) -> None:
        self.chain.tell(zone, level, age_s=age_s, urgent=urgent)

    @rule(zone=ZONES, level=LEVELS, fate=UPLOADS)
    def measure_and_upload(self, zone: str, level: Level, fate: str) -> None:
        self.chain.tell(zone, level, age_s=0.0, urgent=True)
        self.chain.upload(fate)

    @rule(fate=UPLOADS)
    def upload(self, fate: str) -> None:
        self.chain.upload(fate)

    @rule(seconds=PAUSES_S, of_service=FATES, of_sender=FATES)
    def time_passes(self, seconds: float, of_service: str, of_sender: str) -> None:
        """Service and sender do what they do all the time; either may have a fate."""
        self.chain.clock.advance(seconds)
        self.chain.in_service(self.chain.look, of_service)
        self.chain.deliver(of_sender)

    @rule(fate=FATES)
    def sender_works(self, fate: str) -> None:
        self.chain.deliver(fate)

    @rule(which=PLACES, mood=MOODS)
    def receiver_changes(self, which: int, mood: str) -> None:
        receivers = list(self.chain.receivers.values())
        if receivers:
            receivers[which % len(receivers)].mood = mood

    @rule()
    def receivers_confirm_late(self) -> None:
        for receiver in self.chain.receivers.values():
            receiver.confirm_late()

    @rule()
    def somebody_looks(self) -> None:
        self.seen = [alarm for alarm in self.alarms() if alarm.is_open]

    @rule(which=PLACES, deed=DEEDS, looks=st.booleans(), fate=FATES)
    def somebody_acts(self, which: int, deed: str, looks: bool, fate: str) -> None:
        """On what they see now, or saw before somebody else acted."""
        if looks:
            self.somebody_looks()
        if not self.seen:
            return
        seen, chain, taken = self.seen[which % len(self.seen)], self.chain, [False]
        (before,) = [alarm for alarm in self.alarms() if alarm.number == seen.number]

        async def act() -> None:
            if deed == "shelve":
                taken[0] = await chain.shelve(seen, 30.0)
            else:
                make = acknowledged if deed == "acknowledge" else closed
                taken[0] = await chain.person(make(seen), seen)

        chain.in_service(act, fate)
        assert before.version == seen.version or not taken[0], "it was not what they saw"

    @rule(name=st.sampled_from(sorted(PLANS)))
    def delivery_is_set(self, name: str) -> None:
        self.chain.change_plan(name)

    @rule(name=st.sampled_from(sorted(SITES)))
    def site_is_set(self, name: str) -> None:
        self.chain.change_site(name)

    @rule(service=st.booleans())
    def process_is_killed(self, service: bool) -> None:
        if service:
            self.chain.restart_service()
        else:
            self.chain.restart_sender()

    @rule(seconds=st.sampled_from([-7_200.0, -90.0, 90.0, 7_200.0]))
    def clock_is_set(self, seconds: float) -> None:
        self.chain.set_clock(seconds)

    # What must hold

    @invariant()
    def all_is_well(self) -> None:
        if not hasattr(self, "chain"):
            return
        new = self.new_lines()
        alarms = {alarm.number: alarm for alarm in self.alarms()}
        for number, entry in new:
            check_step(alarms[number].key.type, self.lines[number], entry)
            self.lines[number].append(entry)
        self.check_crowds(list(alarms.values()), {number for number, _ in new})
        self.check_console(alarms)
        steps = [number for number, entry in new if entry.action.value not in _NOT_TOLD]
        self.check_outbox({number: alarms[number] for number in steps})

    def check_crowds(self, alarms: list[Alarm], touched: set[int]) -> None:
        """Whatever was measured and taken is told by an alarm of its zone, as bad as it was."""
        taken = {row[0] for row in self.read(select(RECORDS.c.record_id))}
        for record_id in sorted(taken - self.checked_records):
            record = self.chain.told[record_id]
            assert isinstance(record, ReadingRecord | TransitionRecord)
            level = record.reading.level
            at = min(Utc.from_datetime(record.captured_at), self.chain.clock.utc())
            told = [
                alarm.is_open or alarm.number in touched or (alarm.closed and alarm.closed.at >= at)
                for alarm in alarms
                if (alarm.key.type, alarm.key.subject_id)
                == (AlarmType.CROWD, record.reading.zone_id)
                and severity(alarm.peak.level) >= severity(level)
            ]
            assert any(told) or severity(level) < Level.L2.severity, (record, alarms)
        self.checked_records = taken

    def check_console(self, alarms: dict[int, Alarm]) -> None:
        """A page that is open shows every alarm as it is stored, unless an answer was lost."""
        self.chain.hear()
        if self.chain.desk.unsure:
            return
        for alarm in alarms.values():
            if alarm.is_open:
                assert self.chain.shown.get(alarm.number) == alarm.state.value

    def check_outbox(self, touched: dict[int, Alarm]) -> None:
        """Who is to know has a row, and who knows has one of the newest step.

        A receiver that the settings name since then learns of an alarm with its next step.
        """
        rows = self.rows()
        said = {name for one in self.chain.receivers.values() for name in one.said}
        assert {row["message_id"] for row in rows if row["state"] == "received"} <= said
        for number, alarm in touched.items():
            told = [one for one in self.lines[number] if one.action.value not in _NOT_TOLD]
            for target in self.chain.plan.targets:
                mine = [
                    row
                    for row in rows
                    if (row["target_id"], row["alarm_number"]) == (target.id, number)
                ]
                assert mine or not must_know(target, alarm), (target.id, alarm)
                if mine:
                    body = json.loads(mine[-1]["body_json"])
                    newest = told[-1]
                    assert (body["action"], body["priority"], body["state"]) == (
                        newest.action.value,
                        newest.priority,
                        newest.to_state.value,
                    )

    def teardown(self) -> None:
        if not hasattr(self, "chain"):
            return
        try:
            self.heal()
            self.all_is_well()
            self.check_end()
        finally:
            self.chain.close()
            self.engine.dispose()
            shutil.rmtree(self.folder)

    def heal(self) -> None:
        """Everybody works again; what was put off happens."""
        chain = self.chain
        for receiver in chain.receivers.values():
            receiver.mood = "takes"
        chain.change_plan("all")
        chain.change_site("all")
        for _ in range(100):
            chain.clock.advance(61.0)
            chain.upload()
            chain.deliver()
            if not chain.spool.counts().waiting and not self.left():
                return

    def left(self) -> list[dict[str, Any]]:
        names = {target.id for target in self.chain.plan.targets}
        return [row for row in self.rows() if row["is_open"] and row["target_id"] in names]

    def check_end(self) -> None:
        """All has arrived, the steps of each alarm in order."""
        assert self.chain.spool.counts().waiting == 0
        assert self.left() == []
        for target in self.chain.plan.targets:
            receiver = self.chain.receivers.get(f"to-{target.id}")
            arrived = () if receiver is None else receiver.arrived
            first: dict[str, tuple[int, int]] = {}
            for one in arrived:
                first.setdefault(one.id, (one.alarm_number, one.sequence))
            of_alarm: defaultdict[int, list[int]] = defaultdict(list)
            for number, sequence in first.values():
                of_alarm[number].append(sequence)
            for order in of_alarm.values():
                assert order == sorted(order), f"steps out of order at {target.id}"
            for row in self.rows():
                if row["target_id"] == target.id and row["state"] in ("received", "sent"):
                    assert row["message_id"] in first

    # The database, read beside the processes

    def read(self, query: Any) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def alarms(self) -> list[Alarm]:
        return [_alarm(row._mapping) for row in self.read(select(ALARMS).order_by(ALARMS.c.number))]

    def rows(self) -> list[dict[str, Any]]:
        query = select(DELIVERIES).order_by(DELIVERIES.c.seq)
        return [dict(row._mapping) for row in self.read(query)]

    def new_lines(self) -> list[tuple[int, HistoryEntry]]:
        query = select(ALARM_HISTORY).where(ALARM_HISTORY.c.id > self.last_line)
        rows = self.read(query.order_by(ALARM_HISTORY.c.id))
        self.last_line = rows[-1].id if rows else self.last_line
        return [(row.alarm_number, _history(row._mapping)) for row in rows]


def severity(level: Level) -> int:
    return -1 if level is Level.UNKNOWN else level.severity


def must_know(target: DeliveryTarget, alarm: Alarm) -> bool:
    """Whether a target is to know of an alarm as it stands; nobody is told that they are away."""
    about = alarm.key.subject_id.partition("/")[0]
    confirmed = alarm.is_confirmed or target.role is Role.INFORMATION
    return confirmed and alarm.priority <= target.lowest_priority and about != target.id


def check_step(kind: AlarmType, before: list[HistoryEntry], entry: HistoryEntry) -> None:
    """What a line of an alarm's history may be after the lines before it."""
    if not before:
        assert entry.action is Action.OPENED
        return
    last = before[-1]
    known = [one for one in before if one.action in KNOWING_ACTIONS][-1]
    assert entry.from_state is last.to_state
    if last.to_state in _SEEN and entry.to_state in WAITING_STATES:
        got_worse = entry.priority < last.priority or entry.evidence.level is Level.L4
        came_back = entry.action is Action.REPEATED and known.action is Action.RETURNED
        assert got_worse or came_back, "heard again by who has seen it"
    if entry.priority > last.priority:
        assert entry.action is Action.REPEATED, "a priority fell without a word"
        assert last.to_state not in WAITING_STATES, "nobody had seen the worse one"
    if entry.action is Action.CLOSED and entry.actor == SYSTEM:
        assert known.action is Action.RETURNED
        rules = [reason.rule for reason in known.evidence.reasons]
        seen_calm = known.evidence.level in _CALM or rules == ["not_in_settings"]
        assert seen_calm or kind is not AlarmType.CROWD, "not seeing is not calm"


def run_chain(new_url: Callable[[], str], *, examples: int) -> None:
    class Machine(ChainMachine):
        pass

    Machine.new_url = staticmethod(new_url)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_chain_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    numbers = itertools.count()

    def new_url() -> str:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copy(sqlite_template, path)
        return f"sqlite:///{path}"

    run_chain(new_url, examples=8)


@pytest.mark.peer
def test_the_chain_on_postgresql(postgres_server: str, postgres_template: str) -> None:
    numbers = itertools.count()

    def new_url() -> str:
        name = f"chain{next(numbers)}"
        create_database(postgres_server, name, postgres_template)
        return postgres_server.format(name=name)

    run_chain(new_url, examples=3)
