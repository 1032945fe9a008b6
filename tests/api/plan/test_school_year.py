"""The bureau enters a year of the calendar: the banner goes, days move, the past stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from api.plan import history
from api.plan.service import PlanService
from api.plan.tables import PLAN_OCCURRENCES, PLAN_UNITS, day_number
from config import load_site, sample_school_directory
from config.plan import CalendarYear, load_calendar, load_edition
from config.plan.school_calendar import CalendarFaultKind, Holiday, Term, year_faults
from config.profiles import load_profiles
from config.timetable import load_timetable
from config.timetable.entered import entered_file
from streams.clock import SimulatedClock
from tests.api.plan.conftest import TODAY, LedgerDesk, at
from tests.api.plan.reports.conftest import Office, office
from tests.api.plan.test_routes import BASE
from vision.instants import Utc
from vision.risk.readings import Level

__all__ = ["office"]

CALENDARS = "/api/v1/plan/calendars"
# Monday 16 March 2026 is `TODAY`; the round of Tuesday 24 is one that a new holiday exempts.
CLOSED = date(2026, 3, 24)


def body(year: int = 2026, **changes: object) -> dict[str, object]:
    known = load_calendar().entered_year(year)
    days = [{"day": one.day.isoformat(), "name": one.name} for one in known.holidays]
    terms = [{"name": "spring", "start": f"{year}-03-01", "end": f"{year}-07-10"}]
    terms.append({"name": "autumn", "start": f"{year}-09-01", "end": f"{year + 1}-01-15"})
    make_up = [day.isoformat() for day in known.make_up_days]
    return {"holidays": days, "make_up_days": make_up, "terms": terms, **changes}


def with_holiday(day: date) -> dict[str, object]:
    plain = body()
    days = [*plain["holidays"], {"day": day.isoformat(), "name": "雪休"}]  # type: ignore[misc]
    return {**plain, "holidays": days}


async def rounds(office: Office, day: date) -> list[str]:
    """States of the school's daily rounds of a day, by the API that everybody uses."""
    query = f"{BASE}/occurrences?from={day}&to={day}"
    lines = (await office.director.get(query)).json()
    return [one["state"] for one in lines if one["rule_id"] == "R-3.9.1-2"]


async def test_entering_a_holiday_moves_what_is_to_come(office: Office) -> None:
    # With the terms of this test entered, the holiday is all that changes after.
    await office.bureau.post(f"{CALENDARS}/2026", **body())
    assert await rounds(office, CLOSED) == ["upcoming"]
    told = (await office.bureau.post(f"{CALENDARS}/2026/preview", **with_holiday(CLOSED))).json()
    assert told["exempted"] > 0
    assert await rounds(office, CLOSED) == ["upcoming"]  # a preview changes nothing
    answer = await office.bureau.post(f"{CALENDARS}/2026", **with_holiday(CLOSED))
    assert answer.json() == told  # and says exactly what entering does
    assert await rounds(office, CLOSED) == ["exempt"]
    again = (await office.bureau.post(f"{CALENDARS}/2026", **body())).json()
    assert again["exempted"] == 0
    assert again["moved"] == told["exempted"] + told["moved"] == 6  # 3 schools, 2 duties
    assert await rounds(office, CLOSED) == ["upcoming"]
    known = (await office.bureau.get(f"{CALENDARS}/2026")).json()
    assert known["entered_by"] == "区局周敏"


async def test_the_past_and_what_is_done_stay(office: Office) -> None:
    yesterday = TODAY - timedelta(days=1)
    before = await rounds(office, TODAY)
    await office.record("r1", "inspection", "daily", inspector="王芳", places="楼", result="good")
    assert await rounds(office, TODAY) == ["submitted"] != before
    both = [{"day": day.isoformat(), "name": "雪休"} for day in (yesterday, TODAY)]
    changed = {**body(), "holidays": [*body()["holidays"], *both]}  # type: ignore[misc]
    assert (await office.bureau.post(f"{CALENDARS}/2026", **changed)).status_code == 200
    assert await rounds(office, TODAY) == ["submitted"]


async def test_a_missing_year_is_a_banner_until_it_is_entered(office: Office) -> None:
    office.clock.advance(230 * 86_400.0)  # November: next year is asked for
    page = (await office.bureau.get("/plan/units/bureau")).text
    assert "2027年节假日和调休" in page
    assert 'href="/plan/school-year"' in page
    assert 'href="/plan/school-year"' not in (await office.director.get("/plan")).text
    days = [{"day": "2027-01-01", "name": "元旦"}]
    answer = await office.bureau.post(f"{CALENDARS}/2027", **body(2027, holidays=days))
    assert answer.status_code == 200, answer.text
    page = (await office.bureau.get("/plan/units/bureau")).text
    assert "2027年" not in page
    assert "2026年" in page  # its autumn term was not entered


async def test_what_was_entered_outlives_the_service(office: Office, tmp_path: Path) -> None:
    await office.bureau.post(f"{CALENDARS}/2026", **with_holiday(CLOSED))
    fresh = PlanService(office.plan.database, load_edition(), SimulatedClock(at(TODAY)), tmp_path)
    assert fresh.edition.calendars[""].holiday_name(CLOSED) == ""
    await fresh.read_calendars()
    assert fresh.edition.calendars[""].holiday_name(CLOSED) == "雪休"
    assert fresh.edition.calendars[""].entered_year(2025).holidays  # other years as shipped
    async with office.plan.database.read() as connection:
        assert await history.first_broken(connection) is None
        (entry,) = await history.of_subject(connection, "calendar:2026")
    assert entry.actor == "区局周敏"


async def test_only_the_bureau_enters_a_calendar(office: Office) -> None:
    for person in (office.director, office.stranger):
        assert (await person.post(f"{CALENDARS}/2026", **body())).status_code == 403
        assert (await person.get("/plan/school-year")).status_code == 403
    unknown = await office.bureau.post(f"{CALENDARS}/2026?calendar=other.yaml", **body())
    assert unknown.status_code == 404


async def test_faults_are_named_and_nothing_is_entered(office: Office) -> None:
    wrong = body(
        holidays=[{"day": "2027-01-01", "name": "元旦"}, {"day": "2026-05-01", "name": "劳动节"}],
        make_up_days=["2026-05-01"],
        terms=[{"name": "spring", "start": "2026-07-10", "end": "2026-03-01"}],
    )
    answer = await office.bureau.post(f"{CALENDARS}/2026", **wrong)
    assert answer.status_code == 422
    for words in (
        "2027-01-01 不在这一年",
        "2026-05-01 既是节假日又是上班日",
        "春季学期的结束早于开始",
    ):
        assert words in answer.text
    assert office.plan.edition.calendars[""] == load_calendar()


def test_each_fault_of_a_year() -> None:
    kinds = CalendarFaultKind
    autumn = Term("autumn", date(2026, 7, 1), date(2027, 1, 15))
    spring = Term("spring", date(2026, 3, 1), date(2026, 7, 10))
    some = (Holiday(date(2026, 1, 1), "元旦"),)
    assert [f.kind for f in year_faults(CalendarYear(2026))] == [kinds.NO_HOLIDAY]
    overlap = year_faults(CalendarYear(2026, some, terms=(spring, autumn)))
    assert [f.kind for f in overlap] == [kinds.TERMS_OVERLAP]
    twice = year_faults(CalendarYear(2026, some, terms=(spring, spring)))
    assert kinds.TERM_TWICE in [f.kind for f in twice]


async def test_the_notice_is_read_and_the_file_is_fetched(office: Office, tmp_path: Path) -> None:
    words = "三、清明节：4月4日（周六）至6日（周一）放假，共3天。"
    found = (await office.bureau.post(f"{CALENDARS}/2026/notice", words=words)).json()
    assert [one["day"] for one in found["holidays"]] == ["2026-04-04", "2026-04-05", "2026-04-06"]
    await office.bureau.post(f"{CALENDARS}/2026", **with_holiday(CLOSED))
    fetched = await office.bureau.get("/api/v1/plan/calendar-file")
    (tmp_path / "calendar.yaml").write_bytes(fetched.content)
    assert load_calendar(tmp_path / "calendar.yaml") == office.plan.edition.calendars[""]


async def test_the_page_shows_the_terms_in_both_languages(office: Office) -> None:
    page = (await office.bureau.get("/plan/school-year?year=2027")).text
    assert "春季学期" in page
    assert 'value="2027-03-01"' in page
    assert "School year" in (await office.bureau.get("/plan/school-year?lang=en")).text


async def test_a_year_moves_every_unit_of_its_calendar_on_both_databases(
    rolled: LedgerDesk,
) -> None:
    plan = PlanService(rolled.database, rolled.edition, SimulatedClock(at(TODAY)), Path())
    known = load_calendar().entered_year(2026)
    days = tuple(sorted((*known.holidays, Holiday(CLOSED, "雪休")), key=lambda one: one.day))
    entered = CalendarYear(2026, days, known.make_up_days)
    made = await plan.enter_year("", entered, "区局周敏")
    units = {row["unit_no"] for _, row in made.moved}
    async with rolled.database.read() as connection:
        columns = PLAN_OCCURRENCES.c
        query = select(columns.unit_no, columns.state).where(
            columns.rule_id == "R-3.9.1-2", columns.raw_due_day == day_number(CLOSED)
        )
        rows = (await connection.execute(query)).all()
        schools = (await connection.execute(select(PLAN_UNITS.c.unit_no))).all()
    assert {row.state for row in rows} == {"exempt"}
    assert {row.unit_no for row in rows} <= units
    assert len(rows) == len(schools) - 1  # the bureau makes no rounds


async def test_what_is_entered_reaches_the_timetable_of_those_that_watch(
    office: Office, tmp_path: Path
) -> None:
    years = office.plan.school_years = tmp_path / "school-years"
    site, profiles = load_site(sample_school_directory()), load_profiles()
    watching = load_timetable(site, profiles, years)
    assert watching is not None
    noon = Utc.from_iso("2026-03-21T16:35:00+08:00")  # a Saturday
    assert watching.at(noon) is None
    make_up = [*body()["make_up_days"], "2026-03-21"]  # type: ignore[misc]
    changed = {**body(), "make_up_days": make_up}
    assert (await office.bureau.post(f"{CALENDARS}/2026", **changed)).status_code == 200
    found = watching.at(noon)
    assert found is not None
    assert found.limits["stair-a"][Level.L2] == 1.8
    # A service that starts again tells it anew; a calendar of which nothing was entered goes.
    left_over = years / "north.yaml"
    entered_file(years, "").rename(left_over)
    north = {**office.plan.edition.calendars, "north.yaml": load_calendar()}
    office.plan.edition = replace(office.plan.edition, calendars=north)
    await office.plan.read_calendars()
    assert (entered_file(years, "").is_file(), left_over.exists()) == (True, False)
    assert watching.at(noon) == found
