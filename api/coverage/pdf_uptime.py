"""The running record in the PDF report: healthy rates against their targets, and hours lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reportlab.platypus import Flowable, Spacer

from api.coverage.document import Name
from api.coverage.document_uptime import Uptime, UptimeCamera
from api.coverage.pdf_sheet import Sheet, both, both_names, share

# A record that lacks less than this of its span lacks nothing worth telling.
_WHOLE_SHARE = 0.99
_MOST_LISTED = 12


def uptime_findings(
    found: Uptime, names: Mapping[str, Mapping[str, Name]], critical: Collection[str]
) -> list[str]:
    """How much was watched, each rate against its target, and what a rate of a group hides.

    Nothing of a group that nobody watched. `names` and `critical` as for `uptime_parts`.
    """
    lines = []
    if found.span_h is not None:
        whole = found.watched_h >= _WHOLE_SHARE * found.span_h
        hours = {"watched": f"{found.watched_h:.1f}", "span": f"{found.span_h:.1f}"}
        lines.append(f"{'●' if whole else '△'} {both('coverage.finding_watched', **hours)}")
    lines += [
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
    low = [one for one in found.cameras if _is_below(one)]
    low.sort(key=lambda one: one.healthy_share or 0.0)
    told = [f"{_named(one.camera_id, names['cameras'])} {share(one.healthy_share)}" for one in low]
    lines += _listed("cameras_below", told)
    blind = [one for one in found.areas if one.area_id in critical and one.blind_h > 0.0]
    blind.sort(key=lambda one: -one.blind_h)
    told = [f"{_named(one.area_id, names['areas'])} {one.blind_h:.2f} h" for one in blind]
    lines += _listed("blind_hours", told)
    told = [
        f"{_named(one.camera_id, names['cameras'])} "
        f"({', '.join(both(f'cause.{cause}') for cause in one.causes)})"
        for one in found.unwell
    ]
    return lines + _listed("unwell", told)


def _is_below(camera: UptimeCamera) -> bool:
    """Whether a camera was well for less than its own target, or nobody knows of it at all."""
    if camera.target_share is None:
        return False
    return camera.healthy_share is None or camera.healthy_share < camera.target_share


def _listed(key: str, told: Sequence[str]) -> list[str]:
    """One finding over all of them; none where there are none."""
    if not told:
        return []
    more = [f"… +{len(told) - _MOST_LISTED}"] if len(told) > _MOST_LISTED else []
    return [f"× {both(f'coverage.finding_{key}', names='; '.join([*told[:_MOST_LISTED], *more]))}"]


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
        for one in sorted(found.areas, key=lambda one: (-one.blind_h, -one.lost_m2_h))
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
