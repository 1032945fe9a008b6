"""The alarm of a run that goes by the settings of an earlier start."""

from __future__ import annotations

from config.texts import text
from tests.api.desk_cases import running_desk


async def test_refused_files_are_an_alarm_until_a_start_with_good_ones(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        assert await desk.alarms() == []
    for _ in range(2):
        async with running_desk(sqlite_url, site_files_refused=True) as desk:
            (alarm,) = await desk.alarms()
            number = alarm["number"]
    assert (alarm["type"], alarm["priority"], alarm["condition"]) == ("site_files", 3, "active")
    (reason,) = alarm["now"]["reasons"]
    for key in (f"alarm.type.{alarm['type']}", f"cause.{reason['rule']}"):
        assert text(key, "zh") != text(key, "en")
    async with running_desk(sqlite_url) as desk:
        (alarm,) = await desk.alarms()
    assert (alarm["number"], alarm["condition"]) == (number, "gone")
