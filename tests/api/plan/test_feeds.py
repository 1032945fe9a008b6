"""Calendar feeds against two readers of others."""

from datetime import timedelta

import httpx
import recurring_ical_events
from icalendar import Calendar

from api.plan.feeds import AHEAD, PAST, _folded
from tests.api.plan.conftest import TODAY
from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]


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
