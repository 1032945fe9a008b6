"""A calendar as `calendar.yaml`: to be fetched, and for the processes that watch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from io import StringIO
from pathlib import Path

import structlog
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from config.plan import SchoolCalendar
from config.timetable.entered import entered_file
from config.whole_files import replace_whole

_ADAPTER: TypeAdapter[SchoolCalendar] = TypeAdapter(SchoolCalendar)
_LOG = structlog.get_logger(__name__)


def calendar_text(calendar: SchoolCalendar) -> str:
    """The whole calendar as the plan folders hold it."""
    stream = StringIO()
    YAML().dump(_ADAPTER.dump_python(calendar, mode="python"), stream)
    return stream.getvalue()


def tell_watchers(
    folder: Path, calendars: Mapping[str, SchoolCalendar], entered: Collection[str]
) -> None:
    """Write those of which a year was `entered`, and take the others away.

    What cannot be written is logged and written by the next night: alarms wait for no calendar.
    """
    for name, calendar in calendars.items():
        path = entered_file(folder, name)
        try:
            if name not in entered:
                path.unlink(missing_ok=True)
                continue
            content = calendar_text(calendar).encode("utf-8")
            if not path.is_file() or path.read_bytes() != content:
                replace_whole(path, content)
        except OSError as error:
            reason = error.strerror or str(error)
            _LOG.warning("the timetable does not hear of the school year", reason=reason)
