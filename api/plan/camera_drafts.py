"""What cameras found, as drafts of records and as findings. Pure: figures in, forms out.

A draft says what was measured and when nothing could be measured; a person confirms it before it
counts. No figure here says that anything was prevented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

from api.alarms.values import Alarm
from api.coverage.document import AuditDocument
from api.plan.tasks import Finding, TaskKind
from api.readings import Point, seen_s
from vision.instants import Utc
from vision.risk.readings import Level

CROWDED = (Level.L2, Level.L3, Level.L4)


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of each day, such as a long break; minutes since midnight, the end excluded.

    Attributes:
        weekdays: 1 is Monday; empty for every day.
    """

    id: str
    zh: str
    start_min: int
    end_min: int
    weekdays: tuple[int, ...] = ()

    def holds(self, local: datetime) -> bool:
        """Whether a local time lies in it."""
        on_day = not self.weekdays or local.isoweekday() in self.weekdays
        return on_day and self.start_min <= local.hour * 60 + local.minute < self.end_min


@dataclass(frozen=True, slots=True)
class DensityFigures:
    """Density of one zone in one slot over a period, persons per m².

    Attributes:
        mean, p95, peak: over steps that were measured; `None` when none was.
        crowded_s: seconds at level L2 or higher.
        unknown_share: share of the slot's time of which nobody can say anything, for want of a
            reading or of a picture.
        drill_s: seconds of drills, which are left out of all the others.
    """

    zone_id: str
    slot: Slot
    mean: float | None
    p95: float | None
    peak: float | None
    crowded_s: int
    unknown_share: float
    drill_s: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """What people call the places of a site, by id, and whose clock they read."""

    names: Mapping[str, str]
    zone: ZoneInfo

    def name(self, place_id: str) -> str:
        """The place's name; its id where it has left the site since."""
        return self.names.get(place_id, place_id)

    def clock(self, at: Utc) -> str:
        """An instant by the district's clock."""
        return f"{at.to_datetime().astimezone(self.zone):%Y-%m-%d %H:%M:%S}"


def density_figures(
    zone_id: str, slot: Slot, points: Sequence[Point], *, slot_s: float, drill_s: int = 0
) -> DensityFigures:
    """Count the points of a zone in a slot; a step without a measurement is never an empty one.

    `slot_s`: how long the slot lasted in all, without drills.
    """
    measured = sorted(one.density_per_m2 for one in points if one.density_per_m2 is not None)
    return DensityFigures(
        zone_id=zone_id,
        slot=slot,
        mean=fmean(measured) if measured else None,
        p95=percentile(measured, 0.95) if measured else None,
        peak=measured[-1] if measured else None,
        crowded_s=sum(one.step_s for one in points if one.level in CROWDED),
        unknown_share=unseen_share(points, slot_s),
        drill_s=drill_s,
    )


def unseen_share(points: Iterable[Point], time_s: float) -> float:
    """Share of `time_s` of which the points of one zone say nothing; 1 where that is no time."""
    return max(0.0, 1.0 - seen_s(points) / time_s) if time_s > 0.0 else 1.0


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` of all do not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def density_details(figures: Sequence[DensityFigures], period: str, words: Words) -> dict[str, Any]:
    """Form of a density report: one line a zone and slot."""
    lines = [
        f"{words.name(one.zone_id)}，{one.slot.zh}，均值{_two(one.mean)}，P95 {_two(one.p95)}，"
        f"峰值{_two(one.peak)}，L2及以上{one.crowded_s}秒，无数据{one.unknown_share:.0%}"
        + (f"，演练剔除{one.drill_s}秒" if one.drill_s else "")
        for one in figures
    ]
    worst = max((one.peak for one in figures if one.peak is not None), default=None)
    summary = f"{len(figures)}项统计，最大密度{_two(worst)}人/平方米"
    if worst is None:
        # A week in which nobody looked is no quiet week.
        summary = "没有任何读数：这段时间没有区域被看到，不能据此填报密度"
    return {"period": period, "summary": summary, "table": "\n".join(lines)}


def alarm_details(
    alarms: Sequence[Alarm], period: str, words: Words, *, drills: int = 0
) -> dict[str, Any]:
    """Form of alarm handling: how long each alarm waited for a named person.

    `drills`: alarms of drills, which are not among `alarms`.
    """
    waits = sorted(
        one.acknowledged.at - one.received_at for one in alarms if one.acknowledged is not None
    )
    details: dict[str, Any] = {"period": period, "alarms": len(alarms), "acknowledged": len(waits)}
    if waits:
        details["median_ack_s"] = round(median(waits), 1)
        details["p95_ack_s"] = round(percentile(waits, 0.95), 1)
    details["table"] = "\n".join(
        f"#{one.number}，{words.name(one.key.subject_id)}，{words.clock(one.opened_at)}，"
        + f"{one.peak.level.value}，"
        + ("未确认" if one.acknowledged is None else f"{one.acknowledged.name}确认")
        for one in alarms
    )
    if drills:
        details["table"] += f"\n演练中的{drills}次预警未计入"
    return details


def alarm_key(alarm: Alarm) -> str:
    """Name of an alarm in findings."""
    return f"{alarm.key.site_id}#{alarm.number}"


def alarm_findings(alarms: Sequence[Alarm], words: Words) -> tuple[Finding, ...]:
    """Alarms that no named person acknowledged."""
    return tuple(
        Finding(
            TaskKind.UNACKNOWLEDGED_ALARM,
            alarm_key(one),
            f"预警 #{one.number} 未确认：{words.name(one.key.subject_id)}",
            f"{words.clock(one.opened_at)} {one.peak.level.value}",
            days=3,
        )
        for one in alarms
        if one.acknowledged is None
    )


def audit_details(document: AuditDocument) -> dict[str, Any]:
    """Form of a coverage audit, out of the sealed document alone."""
    totals = document.totals
    spots = [
        f"{floor.name.zh} {area.name.zh} #{spot.number} {spot.area_m2:.2f}平方米"
        for floor, area in document.areas
        for spot in area.blind
    ]
    return {
        "audit_sha256": document.sha256,
        "assured_percent": round(totals.assured_share * 100, 2),
        "areas": totals.areas,
        "areas_met": totals.areas_met,
        "blind_m2": totals.blind_m2,
        "blind_spots": "\n".join(spots),
    }


def audit_findings(document: AuditDocument) -> tuple[Finding, ...]:
    """One finding for each required area that is not met; the area's id names it in all audits."""
    return tuple(
        Finding(
            TaskKind.BLIND_SPOT,
            f"{document.site_id}/{area.id}",
            f"盲区：{floor.name.zh} {area.name.zh}",
            f"未覆盖 {area.blind_m2:.2f} 平方米，{len(area.blind)} 处",
            days=30,
        )
        for floor, area in document.areas
        if not area.met
    )


def drill_finding(
    record_id: int, day: date, kind_type: str, details: dict[str, Any]
) -> Finding | None:
    """A drill that took longer than its target, or that its people call failed."""
    taken, target = details.get("evac_seconds"), details.get("target_seconds")
    slow = taken is not None and target is not None and taken > target
    if not slow and details.get("passed") is not False:
        return None
    words = f"{day.isoformat()}，用时{taken or '—'}秒，目标{target or '—'}秒"
    return Finding(TaskKind.FAILED_DRILL, kind_type, f"演练未达标（记录 {record_id}）", words)


def evacuation_seconds(curve: Sequence[Sequence[float]]) -> int | None:
    """When the place was empty for good; `None` when the curve does not end empty."""
    if not curve or curve[-1][1] > 0:
        return None
    empty_from = len(curve) - 1
    while empty_from > 0 and curve[empty_from - 1][1] <= 0:
        empty_from -= 1
    return round(curve[empty_from][0])


def _two(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
