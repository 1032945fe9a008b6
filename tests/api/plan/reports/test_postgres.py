"""The papers over PostgreSQL: the same figures, the totals counted by another database."""

from datetime import timedelta
from pathlib import Path

import pytest

from api.access.actor import EVERYWHERE, Actor, Grant
from api.access.rights import Role
from api.database import Database
from api.plan import counting
from api.plan.counting import NewRecord
from api.plan.reports import issued, making, scores
from api.plan.reports.issued import NewPaper
from api.plan.reports.periods import ReportKind, period_of
from api.plan.reports.scores import Judge, Score
from api.plan.service import PlanService
from api.plan.viewer import PlanViewer
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.plan.conftest import TODAY, at

pytestmark = pytest.mark.peer

UNIT = "sample-primary"
VIEWER = PlanViewer("王芳", Actor("王芳", (Grant(Role.BUREAU, EVERYWHERE),)))


async def test_papers_reconcile_and_are_kept(postgres_url: str, tmp_path: Path) -> None:
    async with Database(postgres_url) as database:
        plan = PlanService(database, load_edition(), SimulatedClock(at(TODAY)), tmp_path)
        await plan.roll()
        record = NewRecord("phone-0001", "inspection", "self", TODAY, "自查", "王芳")
        async with plan.writing(VIEWER, UNIT) as (connection, desk):
            stored = await counting.hand_in(connection, desk, record)
            term = period_of(ReportKind.EVALUATION, TODAY, desk.calendar)
            rows = (f"record:{stored.record_id}",)
            score = Score("2.7.2", Judge.OWN, 15, "疏散超时", rows, "王芳")
            await scores.give(connection, desk, term, score)
            await scores.give(connection, desk, term, score)
        for kind in ReportKind:
            for day in (TODAY, TODAY - timedelta(days=31)):  # the period that runs, and a past one
                prepared = await making.prepare(plan, VIEWER, "bureau", kind, day)
                assert prepared.rows == (), prepared.words
        prepared = await making.prepare(plan, VIEWER, UNIT, ReportKind.HALF_MONTH, TODAY)
        assert dict(prepared.figures())["排查次数"] == "1"
        paper = NewPaper(
            prepared.kind,
            prepared.found.period,
            prepared.name,
            "0" * 64,
            1,
            dict(prepared.figures()),
            tuple(one.id for one in prepared.found.records),
        )
        async with plan.writing(VIEWER, UNIT) as (connection, desk):
            made = await issued.note(connection, desk, paper, "王芳")
            noted = await issued.note_receipt(connection, desk, made.id, "CC-1", "王芳")
            listed = await issued.listed(connection, desk.unit_no)
        assert noted.receipt_no == "CC-1"
        assert [one.id for one in listed] == [made.id]
