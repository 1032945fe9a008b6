"""Calendar feeds against two readers of others."""

from datetime import timedelta

import httpx
import pytest
import recurring_ical_events
from icalendar import Calendar
from sqlalchemy import update

from api.access import accounts
from api.access.accounts import Account, NewAccount
from api.access.actor import Grant
from api.access.rights import Role
from api.plan.feeds import AHEAD, PAST, _folded
from api.plan.tables import PLAN_FEEDS
from tests.api.plan.conftest import TODAY, at
from tests.api.plan.reports.conftest import UNIT, Office, office
from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director", "office"]


async def test_the_feed_holds_exactly_the_ledgers_occurrences(
    client: httpx.AsyncClient, director: Person
) -> None:
    granted = (await director.post(f"{BASE}/feeds")).json()
    answer = await client.get(granted["path"])
    assert answer.headers["content-type"].startswith("text/calendar")
    calendar = Calendar.from_ical(answer.text)
    first, last = TODAY - PAST, TODAY + AHEAD
    listed = [
        *(await director.get(f"{BASE}/occurrences?from={first}&to={TODAY - timedelta(1)}")).json(),
        *(await director.get(f"{BASE}/occurrences?from={TODAY}&to={last}")).json(),
    ]
    wanted = sorted(
        (line["due_on"], line["title_zh"]) for line in listed if line["state"] != "exempt"
    )
    events = calendar.walk("VEVENT")
    found = sorted(
        (event.decoded("DTSTART").isoformat(), str(event["SUMMARY"])) for event in events
    )
    assert found == wanted
    assert len(wanted) > 100
    expanded = recurring_ical_events.of(calendar).between(first, last + timedelta(days=1))
    days = sorted(
        (event.decoded("DTSTART").isoformat(), str(event["SUMMARY"])) for event in expanded
    )
    assert days == wanted
    drill = next(event for event in events if "R-3.10.1-6." in str(event["UID"]))
    alarms = [alarm.decoded("TRIGGER") for alarm in drill.walk("VALARM")]
    assert alarms == [-timedelta(days=days) for days in (30, 14, 7)]


async def test_a_revoked_feed_is_gone(client: httpx.AsyncClient, director: Person) -> None:
    granted = (await director.post(f"{BASE}/feeds")).json()
    stranger = Person(client, "赵六", "sample-middle")
    other = f"/api/v1/plan/units/sample-middle/feeds/{granted['id']}/revoke"
    assert (await stranger.post(other)).status_code == 404
    assert (await client.get(granted["path"])).status_code == 200
    assert (await director.post(f"{BASE}/feeds/{granted['id']}/revoke")).status_code == 204
    assert (await client.get(granted["path"])).status_code == 404
    assert (await client.get(f"/api/v1/plan/feeds/{'x' * 43}.ics")).status_code == 404


def test_long_lines_are_folded_between_characters() -> None:
    line = "SUMMARY:" + "安全" * 60
    pieces = list(_folded(line))
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == line


async def test_a_calendar_shows_no_more_than_its_persons_pages(client: httpx.AsyncClient) -> None:
    """The provider of buses subscribes to the duties of buses alone."""
    base = "/api/v1/plan/units/sample-middle"
    provider = Person(client, "车队长", "sample-middle", "bus_provider")
    granted = (await provider.post(f"{base}/feeds")).json()
    calendar = Calendar.from_ical((await client.get(granted["path"])).text)
    found = sorted(
        (one.decoded("DTSTART").isoformat(), str(one["SUMMARY"])) for one in calendar.walk("VEVENT")
    )
    first, last = TODAY - PAST, TODAY + AHEAD
    listed = [
        *(await provider.get(f"{base}/occurrences?from={first}&to={TODAY - timedelta(1)}")).json(),
        *(await provider.get(f"{base}/occurrences?from={TODAY}&to={last}")).json(),
    ]
    assert found == sorted(
        (line["due_on"], line["title_zh"]) for line in listed if line["state"] != "exempt"
    )
    assert 0 < len(found) < 100
    assert not any("安全形势分析会" in name for _, name in found)


async def test_the_feed_follows_the_ledger(client: httpx.AsyncClient, director: Person) -> None:
    """What is done has no alarm any more; what is exempt has no event."""
    granted = (await director.post(f"{BASE}/feeds")).json()
    await director.post(
        f"{BASE}/records",
        client_key="phone-feed-1",
        kind="drill",
        kind_type="fire",
        happened_on=TODAY.isoformat(),
        title="演练",
        details={"participants": 800, "evaluation": "有序"},
    )
    calendar = Calendar.from_ical((await client.get(granted["path"])).text)
    drills = [one for one in calendar.walk("VEVENT") if "R-3.10.1-6." in str(one["UID"])]
    done = [one for one in drills if "已提交" in str(one["DESCRIPTION"])]
    assert len(done) == 1
    assert done[0].walk("VALARM") == []
    assert all(one.walk("VALARM") for one in drills if one not in done)
    assert len({str(one["UID"]) for one in calendar.walk("VEVENT")}) == len(calendar.walk("VEVENT"))


async def test_the_calendar_page_lists_addresses_to_revoke(
    client: httpx.AsyncClient, director: Person
) -> None:
    room = Person(client, "赵军", role="security_room")
    own = (await room.post(f"{BASE}/feeds")).json()
    directors = (await director.post(f"{BASE}/feeds")).json()
    page = "/plan/units/sample-primary/calendar"
    seen = (await room.get(page)).text
    assert f"/feeds/{own['id']}/revoke" in seen
    assert f"/feeds/{directors['id']}/revoke" not in seen
    # The secret itself is shown once and stands on no page.
    assert own["path"].rpartition("/")[2] not in seen
    refused = await room.post(f"{BASE}/feeds/{directors['id']}/revoke")
    assert refused.status_code == 404
    assert (await client.get(directors["path"])).status_code == 200
    assert f"/feeds/{own['id']}/revoke" in (await director.get(page)).text
    assert (await director.post(f"{BASE}/feeds/{own['id']}/revoke")).status_code == 204
    assert (await client.get(own["path"])).status_code == 404


LI = Grant(Role.SCHOOL, UNIT)


async def granted_to(office: Office, *grants: Grant) -> tuple[Account, str]:
    """An account with these roles, and the calendar's path that its person made."""
    new = NewAccount("liming", "李明", grants)
    async with office.plan.database.write() as connection:
        account = await accounts.add(connection, "installer", new, at(TODAY))
    person = Person(office.client, "李明", account="liming")
    return account, str((await person.post(f"{BASE}/feeds")).json()["path"])


async def events(office: Office, path: str) -> int:
    answer = await office.client.get(path)
    return answer.text.count("BEGIN:VEVENT") if answer.status_code == 200 else -answer.status_code


async def test_a_closed_account_has_no_calendar_and_an_opened_one_has_it_again(
    office: Office,
) -> None:
    account, path = await granted_to(office, LI)
    assert await events(office, path) > 100
    for disabled in (True, False):
        async with office.plan.database.write() as connection:
            await accounts.set_disabled(
                connection, "installer", account, at(TODAY), disabled=disabled
            )
        assert (await events(office, path) == -404) is disabled


CHANGED: list[tuple[tuple[Grant, ...], bool]] = [
    ((), False),
    ((Grant(Role.SCHOOL, "sample-middle"),), False),
    ((Grant(Role.OPERATOR, UNIT),), False),  # watches cameras, sees no plan
    ((Grant(Role.SCHOOL, UNIT, until=at(TODAY, 9)),), False),  # ends in an hour
    ((Grant(Role.SECURITY_ROOM, UNIT),), True),
]


@pytest.mark.parametrize(("grants", "opens"), CHANGED)
async def test_a_calendar_shows_what_the_account_may_see_now(
    office: Office, grants: tuple[Grant, ...], opens: bool
) -> None:
    account, path = await granted_to(office, LI)
    whole = await events(office, path)
    async with office.plan.database.write() as connection:
        await accounts.set_grants(connection, "installer", account, grants, at(TODAY))
    office.clock.advance(3_601.0)
    found = await events(office, path)
    assert found == -404 if not opens else 0 < found < whole


async def test_an_address_of_the_demonstration_ends_with_the_first_account(
    office: Office,
) -> None:
    path = (await office.director.post(f"{BASE}/feeds")).json()["path"]
    assert await events(office, path) > 100
    await granted_to(office, LI)
    assert await events(office, path) == -404


async def test_an_address_of_nobody_opens_nothing(office: Office) -> None:
    path = (await office.director.post(f"{BASE}/feeds")).json()["path"]
    async with office.plan.database.write() as connection:
        await connection.execute(update(PLAN_FEEDS).values(account=None, roles_json=None))
    assert await events(office, path) == -404
