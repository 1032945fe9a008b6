"""Instants and days that a request names, within what the database can hold."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)


def _storable(moment: datetime) -> datetime:
    # Nanoseconds since 1970 in 64 bits end in 2262; a zone's offset must not lead outside either.
    if not FIRST <= moment < LAST:
        raise ValueError(f"must lie between {FIRST.year} and {LAST.year}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
"""With a time zone."""


def _near(day: date) -> date:
    if not FIRST.date() <= day < LAST.date():
        raise ValueError(f"must lie between {FIRST.year} and {LAST.year}")
    return day


Day = Annotated[date, AfterValidator(_near)]
