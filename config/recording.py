"""What is recorded, for how long, and how long clips of alarms are kept: `recording.yaml`.

The file lies beside `site.yaml` and may be missing. Its one legal floor is that of the Regulation
on public-safety video image information systems (State Council order 799, in force 2025-04-01),
article 17: at least 30 days, then deletion once the purpose is met. Whether a school must keep
pictures longer is for the school and its police station to say; the file takes more, never less.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.errors import ConfigFileError
from config.schema_problems import nearest, validated
from config.site import RequiredArea, Site
from config.site_schema import Keys
from config.yaml_source import YamlSource, read_yaml

RECORDING_FILE = "recording.yaml"
LEGAL_MINIMUM_DAYS = 30
"""Order 799, article 17."""

SHORTEST_BEFORE_S = 30.0
_GB = 1_000_000_000
_HOUR_S = 3_600.0
_DAY_S = 86_400.0
# A ring that is only a copy still has to hold what an alarm needs from before it opened.
_COPY_FLOOR_S = 600.0

Role = Literal["copy", "record"]
Days = Annotated[int, Field(ge=1, le=3650)]


@dataclass(frozen=True, slots=True)
class RingSettings:
    """The ring recording of each camera.

    Attributes:
        role: `copy` where the school's own recorder keeps the record that the law asks for;
            `record` where this ring is that record.
        camera_ids: cameras that are recorded.
        keep_s: a segment older than this is deleted.
        floor_s: no segment younger than this is deleted, however little room there is.
        camera_bytes: room for one camera.
        reserve_bytes: recording stops before the disk has less room than this left.
        segment_s: a segment ends at the first key picture after so many seconds.
    """

    role: Role = "copy"
    camera_ids: frozenset[str] = frozenset()
    keep_s: float = 24 * _HOUR_S
    floor_s: float = _COPY_FLOOR_S
    camera_bytes: int = 4 * _GB
    reserve_bytes: int = 2 * _GB
    segment_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """What is kept of an alarm.

    Attributes:
        before_s: how long before the alarm its clip begins.
        longest_s: a clip ends at the latest so long after the alarm opened.
        retention_days: how long clips are kept where no area says more.
        area_days: days by zone id, from the areas of the site file and of this file.
    """

    before_s: float = SHORTEST_BEFORE_S
    longest_s: float = 2 * _HOUR_S
    retention_days: int = LEGAL_MINIMUM_DAYS
    area_days: tuple[tuple[str, int], ...] = ()

    def days_for(self, zone_ids: Iterable[str]) -> int:
        """The longest retention of the zones that an alarm concerns."""
        by_zone = dict(self.area_days)
        return max([self.retention_days, *(by_zone.get(zone_id, 0) for zone_id in zone_ids)])


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Both, and the digest of the file that said so (empty without a file).

    Attributes:
        recorder_days: days that the school's own recorder keeps, as its owner states; `None`
            where nobody said.
        asked_days: days by id of the zones and areas for which this file asks for more.
    """

    ring: RingSettings
    clips: ClipSettings = field(default_factory=ClipSettings)
    sha256: str = ""
    recorder_days: int | None = None
    asked_days: tuple[tuple[str, int], ...] = ()

    def kept_days(self, camera_id: str) -> float | None:
        """Days for which a camera's record is kept: 0 where none is, `None` where nobody said."""
        if self.ring.role == "copy":
            return self.recorder_days
        return self.ring.keep_s / _DAY_S if camera_id in self.ring.camera_ids else 0.0


class _RingKeys(Keys):
    role: Role = "copy"
    cameras: tuple[str, ...] | None = None
    hours: Annotated[float, Field(gt=0.0, le=24.0 * 3650)] | None = None
    gigabytes_per_camera: Annotated[float, Field(ge=0.01, le=100_000.0)] = 4.0
    reserve_gigabytes: Annotated[float, Field(ge=0.0, le=10_000.0)] = 2.0
    segment_s: Annotated[float, Field(ge=2.0, le=60.0)] = 10.0


class _ClipKeys(Keys):
    before_s: Annotated[float, Field(ge=SHORTEST_BEFORE_S, le=600.0)] = SHORTEST_BEFORE_S
    longest_min: Annotated[float, Field(ge=5.0, le=1440.0)] = 120.0
    retention_days: Days = LEGAL_MINIMUM_DAYS


class _AreaKeys(Keys):
    id: str
    retention_days: Days


class _RecorderKeys(Keys):
    days: Days


class _FileKeys(Keys):
    format: Literal[1]
    ring: _RingKeys = _RingKeys()
    recorder: _RecorderKeys | None = None
    clips: _ClipKeys = _ClipKeys()
    areas: tuple[_AreaKeys, ...] = ()


def load_recording(site: Site) -> RecordingSettings:
    """The recording settings of a site; the defaults where it has no `recording.yaml`.

    Raises:
        ConfigFileError: with every problem: file, line, key and mend.
    """
    path = site.file(RECORDING_FILE)
    if not path.is_file():
        return _settings(_FileKeys(format=1), site, "")
    source = read_yaml(path)
    keys = validated(_FileKeys, source.data, at=(), source=source)
    if keys is not None:
        _check(keys, site, source)
    if keys is None or source.problems:
        raise ConfigFileError(source.problems)
    return _settings(keys, site, _digest(path))


def _check(keys: _FileKeys, site: Site, source: YamlSource) -> None:
    known = [camera.id for camera in site.cameras]
    for index, camera_id in enumerate(keys.ring.cameras or ()):
        if camera_id not in known:
            at = ("ring", "cameras", index)
            source.report(at, f"the site has no camera {camera_id!r}", nearest(camera_id, known))
    _check_days(keys.clips.retention_days, ("clips", "retention_days"), source)
    hours = keys.ring.hours
    if keys.ring.role == "record" and hours is not None and hours < LEGAL_MINIMUM_DAYS * 24:
        source.report(
            ("ring", "hours"),
            f"{hours:g} hours are below the legal minimum of {LEGAL_MINIMUM_DAYS} days "
            "(order 799, article 17) for a ring that is the record",
            f"write at least {LEGAL_MINIMUM_DAYS * 24}, or `role: copy` where another recorder "
            "keeps the record",
        )
    if keys.ring.role == "record" and keys.recorder is not None:
        message = "with `role: record` this ring is the record, and no other recorder is"
        source.report(("recorder",), message, "remove it, or write `role: copy`")
    places = _places(site)
    for index, area in enumerate(keys.areas):
        if area.id not in places:
            message = f"the site has no required area or zone {area.id!r}"
            source.report(("areas", index, "id"), message, nearest(area.id, places))
        _check_days(area.retention_days, ("areas", index, "retention_days"), source)


def _check_days(days: int, at: tuple[str | int, ...], source: YamlSource) -> None:
    if days < LEGAL_MINIMUM_DAYS:
        message = (
            f"{days} days are below the legal minimum of {LEGAL_MINIMUM_DAYS} days "
            "(order 799, article 17)"
        )
        source.report(at, message, f"write {LEGAL_MINIMUM_DAYS} or more")


def _places(site: Site) -> dict[str, tuple[str, ...]]:
    """Zone ids by the id of each zone and of each required area that overlaps them."""
    places: dict[str, tuple[str, ...]] = {zone.id: (zone.id,) for zone in site.zones}
    for area in site.areas:
        if isinstance(area, RequiredArea):
            places[area.id] = tuple(
                zone.id
                for zone in site.zones
                if zone.floor_id == area.floor_id
                and zone.polygon_xy_m.intersects(area.polygon_xy_m)
            )
    return places


def _settings(keys: _FileKeys, site: Site, sha256: str) -> RecordingSettings:
    floor_s = _COPY_FLOOR_S if keys.ring.role == "copy" else LEGAL_MINIMUM_DAYS * _DAY_S
    hours = keys.ring.hours or (24.0 if keys.ring.role == "copy" else LEGAL_MINIMUM_DAYS * 24.0)
    chosen = keys.ring.cameras
    ring = RingSettings(
        role=keys.ring.role,
        camera_ids=frozenset(camera.id for camera in site.cameras)
        if chosen is None
        else frozenset(chosen),
        keep_s=max(hours * _HOUR_S, floor_s),
        floor_s=floor_s,
        camera_bytes=round(keys.ring.gigabytes_per_camera * _GB),
        reserve_bytes=round(keys.ring.reserve_gigabytes * _GB),
        segment_s=keys.ring.segment_s,
    )
    clips = ClipSettings(
        before_s=keys.clips.before_s,
        longest_s=keys.clips.longest_min * 60.0,
        retention_days=keys.clips.retention_days,
        area_days=_area_days(keys, site),
    )
    return RecordingSettings(
        ring,
        clips,
        sha256,
        recorder_days=keys.recorder.days if keys.recorder is not None else None,
        asked_days=tuple((area.id, area.retention_days) for area in keys.areas),
    )


def _area_days(keys: _FileKeys, site: Site) -> tuple[tuple[str, int], ...]:
    """Days by zone: the longest of what the site's areas and this file say of it."""
    places = _places(site)
    days: dict[str, int] = {}
    said = [(a.id, a.retention_days) for a in site.areas if isinstance(a, RequiredArea)]
    said += [(area.id, area.retention_days) for area in keys.areas]
    for place_id, area_days in said:
        for zone_id in places[place_id]:
            days[zone_id] = max(days.get(zone_id, LEGAL_MINIMUM_DAYS), area_days)
    return tuple(sorted(days.items()))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


__all__ = [
    "LEGAL_MINIMUM_DAYS",
    "RECORDING_FILE",
    "ClipSettings",
    "RecordingSettings",
    "RingSettings",
    "load_recording",
]
