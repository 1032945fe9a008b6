"""The State Council's notice on the year's holidays, read out of its own words. Pure.

The notice is published each autumn, in sentences such as
春节：2月15日（农历腊月二十八、周日）至23日（周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
A bureau pastes it, looks at the days that were read, and enters them. What names a day and could
not be read is given back, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from config.plan.school_calendar import Holiday

_BRACKETS = re.compile(r"[（(【\[][^（()）】\]]*[）)】\]]")
_BLANKS = re.compile(r"[ \t\u3000]+")
_NAMED = re.compile(r"^(?:[一二三四五六七八九十]+、|\d+[、.．])?(?P<name>[^：:，。\d]{2,12})[：:]")
_DAY = r"(?:(?P<{0}year>\d{{4}})年)?(?:(?P<{0}month>\d{{1,2}})月)?(?P<{0}day>\d{{1,2}})日"
_SPAN = re.compile(_DAY.format("first_") + r"(?:至|到|—|-|~)" + _DAY.format("last_"))
_ONE = re.compile(_DAY.format(""))
_MOST_DAYS = 31


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says of one year.

    Attributes:
        unread: sentences that name a day and were not understood, and days of other years.
    """

    holidays: tuple[Holiday, ...]
    make_up_days: tuple[date, ...]
    unread: tuple[str, ...]


def read_notice(words: str, year: int) -> Notice:
    """The holidays and make-up days that `words` give for calendar `year`."""
    holidays: dict[date, str] = {}
    make_up: set[date] = set()
    unread: list[str] = []
    for name, sentence in _sentences(words):
        kept = _BRACKETS.sub("", sentence)
        if not _ONE.search(kept):
            continue
        works = "上班" in kept
        if not works and ("放假" not in kept or not name):
            unread.append(sentence)
            continue
        # Behind the word stands how long it is, not when.
        days = list(_days(kept if works else kept.partition("放假")[0], year))
        if not days:
            unread.append(sentence)
        for day in days:
            if day.year != year:
                unread.append(day.isoformat())
            elif works:
                make_up.add(day)
            else:
                holidays[day] = name
    return Notice(
        tuple(Holiday(day, holidays[day]) for day in sorted(holidays)),
        tuple(sorted(make_up)),
        tuple(unread),
    )


def _sentences(words: str) -> Iterator[tuple[str, str]]:
    """Each sentence with the name of the holiday whose paragraph it stands in."""
    for line in words.splitlines():
        paragraph, name = _BLANKS.sub("", line), ""
        # Brackets may hold the marks that end names and sentences.
        named = _NAMED.match(_BRACKETS.sub("", paragraph))
        if named is not None:
            name = named["name"]
            paragraph = paragraph[re.search(r"[：:]", paragraph).end() :]  # type: ignore[union-attr]
        for sentence in re.split(r"[。；;]", paragraph):
            if sentence:
                yield name, sentence


def _days(words: str, year: int) -> Iterator[date]:
    """Days in the order in which they stand; a day without a month has that of the one before.

    A day that is none (2月30日) and a span that runs backwards give nothing.
    """
    position, month = 0, 0
    while True:
        span, one = _SPAN.search(words, position), _ONE.search(words, position)
        if one is None:
            return
        if span is not None and span.start() <= one.start():
            first, month = _day(span, "first_", year, month)
            last, month = _day(span, "last_", first.year if first else year, month)
            yield from _between(first, last)
            position = span.end()
        else:
            day, month = _day(one, "", year, month)
            if day is not None:
                yield day
            position = one.end()


def _day(found: re.Match[str], prefix: str, year: int, month: int) -> tuple[date | None, int]:
    month = int(found[f"{prefix}month"] or month)
    try:
        return date(int(found[f"{prefix}year"] or year), month, int(found[f"{prefix}day"])), month
    except ValueError:
        return None, month


def _between(first: date | None, last: date | None) -> Iterator[date]:
    if first is None or last is None or not 0 <= (last - first).days <= _MOST_DAYS:
        return
    for step in range((last - first).days + 1):
        yield first + timedelta(days=step)
