"""The HTML report of an analysis: one file that opens anywhere, without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.analysis.chart import Threshold, density_chart
from api.analysis.run import Analysis, sha256_of_file
from api.analysis.series import Period, crowded_periods, unknown_share
from config.texts import reason_text, text
from streams.site_scene import zones_of_cameras
from vision.geometry.zones import Zone
from vision.instants import Utc
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level

REPORT_FILE = "report.html"


def write_report(analysis: Analysis, language: str) -> Path:
    """Write the report beside the tables and return its path."""
    environment = Environment(
        loader=PackageLoader("api.analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    order = analysis.order
    zones = zones_of_cameras(order.site, (order.camera_id,))
    page = environment.get_template("report.html").render(
        say=lambda key: text(key, language),
        language=language,
        recording=_recording(analysis, language),
        zones=[_zone(analysis, zone, language) for zone in zones],
    )
    path = order.out_dir / REPORT_FILE
    path.write_text(page, encoding="utf-8")
    return path


def _recording(analysis: Analysis, language: str) -> Mapping[str, object]:
    order = analysis.order
    camera = order.site.camera(order.camera_id)
    return {
        "names": [video.name for video in order.videos],
        "files": [(video.name, sha256_of_file(video)) for video in order.videos],
        "site_name": order.site.name.in_language(language),
        "camera_name": camera.name.in_language(language),
        "camera_id": camera.id,
        "starts_at": _local(analysis.starts_at, analysis),
        "ends_at": _local(analysis.ends_at, analysis),
        "frames": analysis.frames,
        "model_id": analysis.model_id,
    }


def _zone(analysis: Analysis, zone: Zone, language: str) -> Mapping[str, object]:
    readings = analysis.readings_of(zone.id)
    profile = analysis.profiles[zone.type]
    name = analysis.order.site.zone_name(zone.id).in_language(language)
    return {
        "id": zone.id,
        "name": name,
        "type": zone.type.value,
        "profile_id": profile.id,
        "unknown_share": unknown_share(readings),
        "chart": density_chart(readings, _thresholds(profile), label=name),
        "periods": [_period(analysis, p, language) for p in crowded_periods(readings)],
    }


def _thresholds(profile: ZoneProfile) -> list[Threshold]:
    return [
        Threshold(Level.of_severity(severity), level.threshold_per_m2)
        for severity, level in enumerate(profile.levels, start=1)
    ]


def _period(analysis: Analysis, period: Period, language: str) -> Mapping[str, object]:
    level = period.peak_level.value
    return {
        "starts_at": _local(period.starts_at, analysis),
        "ends_at": None if period.ends_at is None else _local(period.ends_at, analysis),
        "peak_level": f"{level} {text(f'level.{level}.short', language)}",
        "peak_density": period.peak_density_per_m2,
        "reasons": [reason_text(reason, language) for reason in period.reasons],
    }


def _local(moment: Utc | None, analysis: Analysis) -> str:
    if moment is None:
        return "–"
    zone = ZoneInfo(analysis.order.site.timezone)
    return moment.to_datetime().astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
