"""What hangs on a certificate or an incident, and tasks out of findings, in an empty ledger."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from api.plan import anchored, camera_store, certificate_store, incident_store, task_store
from api.plan.camera_drafts import Slot, density_figures, drill_finding, evacuation_seconds
from api.plan.certificate_store import NewCertificate
from api.plan.certificates import CertificateState
from api.plan.counting import Desk
from api.plan.errors import StepRefusal
from api.plan.incidents import Incident, IncidentState, ReportKind
from api.plan.ledger import unit_numbers
from api.plan.shelf import Step
from api.plan.tables import PLAN_OCCURRENCES, day_of
from api.plan.task_store import TASKS
from api.plan.tasks import Finding, TaskKind, TaskState, close, finish
from api.readings import Point
from tests.api.plan.conftest import LedgerDesk, at
from vision.instants import Utc
from vision.risk.readings import Level

BUS = NewCertificate(
    "phone-bus-1", "bus_inspection", "吉A12345", "JY-1", date(2026, 8, 31), None, "王芳"
)


async def rows(ledger: LedgerDesk, desk: Desk) -> list[tuple[str, str, date, date, str]]:
    """Anchor, rule, raw due day, due day and state of every occurrence of the unit."""
    t = PLAN_OCCURRENCES.c
    query = select(t.anchor, t.rule_id, t.raw_due_day, t.due_day, t.state)
    query = query.where(t.unit_no == desk.unit_no).order_by(t.raw_due_day, t.anchor)
    async with ledger.database.read() as connection:
        found = (await connection.execute(query)).all()
    return [(r.anchor, r.rule_id, day_of(r.raw_due_day), day_of(r.due_day), r.state) for r in found]


async def test_a_bus_inspected_on_31_august_is_due_at_the_end_of_february(
    ledger: LedgerDesk,
) -> None:
    desk = await ledger.desk("sample-middle", date(2026, 8, 31))
    async with ledger.database.write() as connection:
        made, _ = await certificate_store.register(connection, desk, BUS)
        again, stored = await certificate_store.register(connection, desk, BUS)
    assert (again.id, stored.repeated) == (made.id, True)
    assert made.expires == date(2027, 2, 28)
    # 28 February 2027 is a Sunday: due on the Friday before it.
    asked = ("of:吉A12345", "R-3.11.4-2", date(2027, 2, 28), date(2027, 2, 26), "upcoming")
    assert await rows(ledger, desk) == [asked]


async def test_a_renewal_counts_and_asks_for_the_next_from_its_own_day(ledger: LedgerDesk) -> None:
    desk = await ledger.desk("sample-middle", date(2026, 8, 31))
    other = replace(BUS, client_key="phone-bus-2", subject="吉A99999", number="JY-2")
    async with ledger.database.write() as connection:
        await certificate_store.register(connection, desk, BUS)
        await certificate_store.register(connection, desk, other)
    later = await ledger.desk("sample-middle", date(2026, 11, 10))
    renewal = replace(
        BUS,
        client_key="phone-bus-3",
        subject=" 吉a12345 ",
        number="JY-3",
        issued=date(2026, 11, 10),
    )
    async with ledger.database.write() as connection:
        _, stored = await certificate_store.register(connection, later, renewal)
        kept = await certificate_store.listed(connection, later.unit_no)
    assert [(one.rule_id, one.state.value) for one in stored.counted] == [
        ("R-3.11.4-2", "submitted")
    ]
    found = [(anchor, raw, state) for anchor, _, raw, _, state in await rows(ledger, desk)]
    assert found == [
        ("of:吉A12345", date(2027, 2, 28), "submitted"),
        ("of:吉A99999", date(2027, 2, 28), "upcoming"),
        ("of:吉A12345", date(2027, 5, 10), "upcoming"),
    ]
    assert [(one.subject, one.number) for one in kept] == [
        ("吉A99999", "JY-2"),
        ("吉A12345", "JY-3"),
    ]
    expired = kept[0]
    assert expired.state_on(date(2027, 2, 28)) is CertificateState.EXPIRING
    assert expired.state_on(date(2027, 3, 1)) is CertificateState.EXPIRED
    assert expired.stops_use_on(date(2027, 3, 1))
    assert expired.reminder_on(date(2027, 1, 29)) == 30


MARCH = replace(BUS, issued=date(2026, 3, 1), printed_expiry=date(2026, 9, 1))
SAME_PAPER = [
    # A second print, or a mended day of issue: the end is the same.
    (
        replace(MARCH, issued=date(2026, 3, 10)),
        [(date(2026, 9, 1), "upcoming")],
    ),
    # A mistyped end put right, earlier and later: the day of issue is the same.
    (
        replace(MARCH, printed_expiry=date(2026, 6, 1)),
        [(date(2026, 6, 1), "open"), (date(2026, 9, 1), "exempt")],
    ),
    (
        replace(MARCH, printed_expiry=date(2026, 12, 1)),
        [(date(2026, 9, 1), "exempt"), (date(2026, 12, 1), "upcoming")],
    ),
]


@pytest.mark.parametrize(("entered", "asked"), SAME_PAPER)
async def test_the_same_paper_entered_again_takes_its_place_and_renews_nothing(
    ledger: LedgerDesk, entered: NewCertificate, asked: list[tuple[date, str]]
) -> None:
    desk = await ledger.desk("sample-middle", date(2026, 3, 16))
    again = replace(entered, client_key="phone-bus-2")
    async with ledger.database.write() as connection:
        await certificate_store.register(connection, desk, MARCH)
        made, stored = await certificate_store.register(connection, desk, again)
        kept = await certificate_store.listed(connection, desk.unit_no)
    assert stored.counted == ()
    assert kept == (made,)
    assert (made.issued, made.expires) == (entered.issued, entered.printed_expiry)
    assert [(raw, state) for _, _, raw, _, state in await rows(ledger, desk)] == asked


async def test_an_end_put_right_twice_is_asked_for_again(ledger: LedgerDesk) -> None:
    desk = await ledger.desk("sample-middle", date(2026, 3, 16))
    wrong = replace(MARCH, client_key="phone-bus-2", printed_expiry=date(2062, 9, 1))
    async with ledger.database.write() as connection:
        for one in (MARCH, wrong, replace(MARCH, client_key="phone-bus-3")):
            await certificate_store.register(connection, desk, one)
    found = [(raw, state) for _, _, raw, _, state in await rows(ledger, desk)]
    assert found == [(date(2026, 9, 1), "upcoming"), (date(2062, 9, 1), "exempt")]
    # The next inspection counts for it, as if nothing had been mistyped.
    later = await ledger.desk("sample-middle", date(2026, 8, 20))
    renewal = replace(
        MARCH, client_key="phone-bus-4", issued=date(2026, 8, 20), printed_expiry=date(2027, 2, 20)
    )
    async with ledger.database.write() as connection:
        _, stored = await certificate_store.register(connection, later, renewal)
    assert [(one.due, one.state.value) for one in stored.counted] == [
        (date(2026, 9, 1), "submitted")
    ]


async def test_a_school_without_buses_has_no_bus_duty(ledger: LedgerDesk) -> None:
    desk = await ledger.desk("sample-primary", date(2026, 8, 31))
    async with ledger.database.write() as connection:
        assert await certificate_store.kinds_missing(connection, desk) == ()
        await certificate_store.register(connection, desk, BUS)
        wrong = replace(BUS, client_key="phone-bus-9", printed_expiry=date(2026, 8, 30))
        with pytest.raises(StepRefusal, match="plan_certificate_ends_early"):
            await certificate_store.register(connection, desk, wrong)
    assert await rows(ledger, desk) == []
    buses = await ledger.desk("sample-middle", date(2026, 8, 31))
    async with ledger.database.read() as connection:
        assert await certificate_store.kinds_missing(connection, buses) == ("bus_inspection",)


async def test_an_open_incident_asks_for_a_report_each_day_until_the_final_one(
    ledger: LedgerDesk,
) -> None:
    first = date(2026, 3, 16)
    desk = await ledger.desk("sample-primary", first)
    happened = at(first, 7)
    fresh = Incident(
        0, "踩踏", "一层楼梯口", happened, happened.plus(1800), IncidentState.HAPPENED, "王芳"
    )
    async with ledger.database.write() as connection:
        stored = await incident_store.add(connection, desk, fresh, client_key="phone-inc-1")
        step = Step("report_first", "王芳", 1, {"channel": "电话", "content": "已启动预案"})
        await incident_store.report(connection, desk, stored.id, ReportKind.FIRST, step)
    for day in (date(2026, 3, 17), date(2026, 3, 18)):
        async with ledger.database.write() as connection:
            numbers = await unit_numbers(connection, ledger.edition)
            assert await anchored.tonight(connection, ledger.edition, numbers, day) == 1
            assert await anchored.tonight(connection, ledger.edition, numbers, day) == 0
    last = await ledger.desk("sample-primary", date(2026, 3, 18))
    async with ledger.database.write() as connection:
        step = Step("report_final", "王芳", 2, {"channel": "电话", "content": "已处置完毕"})
        await incident_store.report(connection, last, stored.id, ReportKind.FINAL, step)
        assert await anchored.tonight(connection, ledger.edition, numbers, date(2026, 3, 19)) == 0
    anchor = f"incident:{stored.id}"
    assert [(a, raw.day, state) for a, _, raw, _, state in await rows(ledger, desk)] == [
        (anchor, 16, "submitted"),
        (anchor, 17, "open"),  # nobody reported: the night makes it missed
        (anchor, 18, "submitted"),
    ]


BLIND = Finding(TaskKind.BLIND_SPOT, "site/stair", "盲区：楼梯", "2 处", days=30)


async def test_a_finding_opens_one_task_and_the_next_audit_closes_it(ledger: LedgerDesk) -> None:
    desk = await ledger.desk("sample-primary", date(2026, 3, 16))
    async with ledger.database.write() as connection:
        for _ in range(2):
            (task,) = await task_store.take_findings(
                connection, desk, (BLIND,), source="audit 1", owner="安全主任"
            )
        assert (task.id, task.due, task.state) == (1, date(2026, 4, 15), TaskState.OPEN)
        step = Step("done", "张强", task.version, {"note": "已加装"})
        done = await TASKS.step(
            connection, desk, task.id, step, lambda one: finish(one, "张强", "已加装")
        )
        with pytest.raises(StepRefusal, match="plan_fixer_cannot_accept"):
            close(done, " 张 强", desk.today)
        (again,) = await task_store.take_findings(
            connection, desk, (BLIND,), source="audit 2", owner="安全主任"
        )
        assert (again.id, again.state) == (task.id, TaskState.OPEN)
        kind = TaskKind.BLIND_SPOT
        (closed,) = await task_store.recheck(connection, desk, kind, (), source="audit 3")
        assert (closed.state, closed.closed_by) == (TaskState.CLOSED, "audit 3")
        (anew,) = await task_store.take_findings(
            connection, desk, (BLIND,), source="audit 4", owner="安全主任"
        )
        assert anew.id != task.id


async def test_a_failed_drill_opens_a_task_that_the_next_good_one_closes(
    ledger: LedgerDesk,
) -> None:
    desk = await ledger.desk("sample-primary", date(2026, 3, 16))
    async with ledger.database.write() as connection:
        slow = {"evac_seconds": 240, "target_seconds": 180}
        await camera_store.check_drill(connection, desk, 7, "fire", slow)
        (task,) = await task_store.listed(connection, desk.unit_no)
        assert (task.kind, task.source) == (TaskKind.FAILED_DRILL, "record 7")
        good = {"evac_seconds": 170, "target_seconds": 180}
        await camera_store.check_drill(connection, desk, 8, "stampede", good)
        assert len(await task_store.listed(connection, desk.unit_no)) == 1
        await camera_store.check_drill(connection, desk, 9, "fire", good)
        assert await task_store.listed(connection, desk.unit_no) == ()
    assert drill_finding(1, date(2026, 3, 16), "fire", {"passed": False}) is not None
    assert drill_finding(1, date(2026, 3, 16), "fire", {"evac_seconds": 300}) is None


def point(second: int, density: float | None, level: str) -> Point:
    unknown = int(density is None)
    return Point(Utc(second * 10**9), 10, Level(level), None, density, 1, unknown)


def test_density_figures_count_what_was_measured_and_say_what_was_not() -> None:
    points = [
        *(point(10 * n, 0.1 * n, "L0") for n in range(1, 20)),  # 0.1 ... 1.9
        point(200, 3.0, "L3"),
        *(point(210 + 10 * n, None, "UNKNOWN") for n in range(5)),
    ]
    found = density_figures("stair", Slot("break", "大课间", 0, 1), points, slot_s=250.0)
    assert found.mean == pytest.approx((19.0 + 3.0) / 20)
    assert found.p95 == pytest.approx(1.9)  # the 19th of 20
    assert (found.peak, found.crowded_s) == (3.0, 10)
    assert found.unknown_share == pytest.approx(0.2)
    # The service ran for 250 of 1000 s of it, and saw 200 s.
    partly = density_figures("stair", Slot("break", "大课间", 0, 1), points, slot_s=1000.0)
    assert partly.unknown_share == pytest.approx(0.8)
    nothing = density_figures("stair", Slot("break", "大课间", 0, 1), [], slot_s=60.0)
    assert (nothing.peak, nothing.unknown_share) == (None, 1.0)


CURVES = [
    ([[0, 40], [60, 12], [95, 0]], 95),
    ([[0, 40], [60, 0], [70, 1], [95, 0], [120, 0]], 95),
    ([[0, 40], [60, 12]], None),
    ([], None),
]


@pytest.mark.parametrize(("curve", "seconds"), CURVES)
def test_an_evacuation_ends_when_the_place_stays_empty(
    curve: list[list[float]], seconds: int | None
) -> None:
    assert evacuation_seconds(curve) == seconds
