"""Operator load: how many alarms people were given, against published limits; pure functions.

The limits are those that public secondary sources give for ISA-18.2, IEC 62682 and EEMUA 191; the
standards themselves were not consulted, and the report says so.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from api.alarms.values import Action, Alarm, HistoryEntry
from vision.instants import Utc

SPAN_S = 600.0
AVERAGE_LIMIT = 1.0
PEAK_LIMIT = 10
FLOOD_SHARE_LIMIT = 0.01
STALE_AFTER_S = 86_400.0
STALE_LIMIT = 5
CHATTER_PER_MINUTE = 3

_ANNOUNCED = frozenset({Action.OPENED, Action.RAISED, Action.REPEATED, Action.LATE_REPORT})


@dataclass(frozen=True, slots=True)
class Load:
    """What an operator was given between two moments.

    Attributes:
        announced: alarms that asked to be seen, repeats and rises included.
        average_per_10_min, peak_per_10_min: announcements.
        flood_share: share of the time in which the 10 minutes before held 10 or more.
        acknowledge_median_s: `None` where nothing was acknowledged.
        stale: alarms open for more than a day at the end.
        chattering: alarms with 3 or more transitions within a minute.
        by_priority: announcements of priority 1 to 4.
    """

    announced: int
    average_per_10_min: float
    peak_per_10_min: int
    flood_share: float
    acknowledge_median_s: float | None
    stale: int
    chattering: int
    by_priority: tuple[int, int, int, int]


def operator_load(
    entries: Iterable[tuple[int, HistoryEntry]], open_alarms: Iterable[Alarm], start: Utc, end: Utc
) -> Load:
    """The load between `start` and `end`.

    Args:
        entries: alarm number and history line, in any order.

    Raises:
        ValueError: the span is empty.
    """
    if not start < end:
        raise ValueError("the span of time is empty")
    lines = sorted(
        ((n, e) for n, e in entries if start <= e.at <= end), key=lambda line: line[1].at.ns
    )
    announced = [entry for _, entry in lines if entry.action in _ANNOUNCED]
    times_s = [entry.at - start for entry in announced]
    priorities = [sum(1 for e in announced if e.priority == p) for p in (1, 2, 3, 4)]
    waits_s = _waits_s(lines)
    return Load(
        announced=len(announced),
        average_per_10_min=len(announced) / max((end - start) / SPAN_S, 1.0),
        peak_per_10_min=_peak(times_s),
        flood_share=_flood_s(times_s, end - start) / (end - start),
        acknowledge_median_s=statistics.median(waits_s) if waits_s else None,
        stale=sum(1 for alarm in open_alarms if end - alarm.received_at > STALE_AFTER_S),
        chattering=_chattering(lines),
        by_priority=(priorities[0], priorities[1], priorities[2], priorities[3]),
    )


def _peak(times_s: list[float]) -> int:
    """The most announcements in any 10 minutes."""
    return max(
        (bisect.bisect_left(times_s, t + SPAN_S) - i for i, t in enumerate(times_s)), default=0
    )


def _flood_s(times_s: list[float], length_s: float) -> float:
    """For how long at least `PEAK_LIMIT` announcements lay in the 10 minutes before."""
    total_s, covered_until_s = 0.0, 0.0
    for i in range(PEAK_LIMIT - 1, len(times_s)):
        begins_s = max(times_s[i], covered_until_s)
        ends_s = min(times_s[i - PEAK_LIMIT + 1] + SPAN_S, length_s)
        if ends_s > begins_s:
            total_s += ends_s - begins_s
            covered_until_s = ends_s
    return total_s


def _waits_s(lines: list[tuple[int, HistoryEntry]]) -> list[float]:
    """Seconds from the first unanswered announcement of an alarm to its acknowledgement."""
    since: dict[int, Utc] = {}
    found = []
    for number, entry in lines:
        if entry.action in _ANNOUNCED:
            since.setdefault(number, entry.at)
        elif entry.action is Action.ACKNOWLEDGED and number in since:
            found.append(entry.at - since.pop(number))
    return found


def _chattering(lines: list[tuple[int, HistoryEntry]]) -> int:
    """Alarms that came and went at least `CHATTER_PER_MINUTE` times within a minute."""
    moves: dict[int, list[Utc]] = {}
    for number, entry in lines:
        if entry.action in (Action.OPENED, Action.REPEATED, Action.RETURNED):
            moves.setdefault(number, []).append(entry.at)
    back = CHATTER_PER_MINUTE - 1
    return sum(
        any(times[i] - times[i - back] <= 60.0 for i in range(back, len(times)))
        for times in moves.values()
    )
