"""The running record in the PDF report: healthy rates against their targets, and hours lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reportlab.platypus import Flowable, Spacer

from api.coverage.document import Name, Uptime
from api.coverage.pdf_sheet import Sheet, both, both_names, share


def uptime_findings(found: Uptime) -> list[str]:
    """Each rate against its target; nothing of a group that nobody watched."""
    return [
        f"{'●' if rate.healthy_share >= rate.target_share else '×'} "
        + both(
            "coverage.finding_uptime",
            share=share(rate.healthy_share),
            target=share(rate.target_share),
            cameras=rate.cameras,
        )
        for rate in found.rates
        if rate.healthy_share is not None
    ]


def uptime_parts(
    sheet: Sheet,
    found: Uptime,
    names: Mapping[str, Mapping[str, Name]],
    critical: Collection[str],
) -> list[Flowable]:
    """Rates, cameras and areas, the worst first.

    Args:
        names: of `cameras` and of `areas`, by id; one that the site no longer has goes by its id.
        critical: ids of critical areas.
    """
    parts = sheet.heading(both("coverage.uptime"))
    parts += [sheet.line(both("coverage.live.days_note")), Spacer(1, 4)]
    keys = ("live.target", "cameras", "live.healthy_share", "met")
    rates = [_heads(*keys)]
    for rate in found.rates:
        met = rate.healthy_share is not None and rate.healthy_share >= rate.target_share
        told = "—" if rate.healthy_share is None else both(f"coverage.{'yes' if met else 'no'}")
        row = [f"≥ {share(rate.target_share)}", str(rate.cameras), share(rate.healthy_share), told]
        rates.append(row)
    cameras = [_heads("camera", "live.healthy_share", "live.watched_h")]
    cameras += [
        [_named(one.camera_id, names["cameras"]), share(one.healthy_share), f"{one.watched_h:.2f}"]
        for one in sorted(found.cameras, key=lambda one: one.healthy_share or 0.0)
    ]
    areas = [_heads("area", "live.lost_m2_h", "blind_h", "live.watched_h")]
    areas += [
        [
            _named(one.area_id, names["areas"]) + ("  ★" if one.area_id in critical else ""),
            f"{one.lost_m2_h:.2f}",
            f"{one.blind_h:.2f}",
            f"{one.watched_h:.2f}",
        ]
        for one in sorted(found.areas, key=lambda one: -one.lost_m2_h)
    ]
    tables = ((rates, (0.4, 0.2, 0.2, 0.2)), (cameras, (0.6, 0.2, 0.2)))
    for rows, widths in (*tables, (areas, (0.4, 0.2, 0.2, 0.2))):
        parts += [sheet.table(rows, widths), Spacer(1, 4)]
    return parts


def _heads(*keys: str) -> list[str]:
    return [both(f"coverage.{key}") for key in keys]


def _named(one_id: str, names: Mapping[str, Name]) -> str:
    """The id, and the name behind it where the site still has it."""
    name = names.get(one_id)
    return f"{one_id}  {both_names(name)}" if name is not None else one_id


__all__ = ["uptime_findings", "uptime_parts"]
