"""Loading a site file: YAML, schema, references, geometry; every problem with its line and mend."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from config.errors import ConfigFileError, SiteFileError
from config.key_areas import key_areas
from config.named_files import is_there
from config.schema_problems import nearest, validated
from config.site import Floor, LocalText, Site, SiteCamera
from config.site_cameras import build_camera, check_mount
from config.site_folder import SiteFolder
from config.site_places import build_floor, build_zone
from config.site_schema import CameraKeys, FloorKeys, SiteFileKeys, SiteKeys, TextKeys, ZoneKeys
from config.yaml_source import KeyPath, YamlSource, parse_yaml, read_yaml
from config.zone_names import check_names
from vision.geometry.zones import Zone

SITE_FILE = "site.yaml"


def load_site(directory: Path, *, read_from: Path | None = None) -> Site:
    """Read `site.yaml` in `directory`.

    Args:
        read_from: a copy of the folder's settings, to be read in their place; what they name still
            lies in `directory`.

    Raises:
        SiteFileError: with every problem found; each names file, line, key and mend.
    """
    path = (read_from or directory) / SITE_FILE
    try:
        source = read_yaml(path)
        content = path.read_bytes()
    except ConfigFileError as error:
        raise SiteFileError(error.problems) from None
    folder = SiteFolder(directory, read_from or directory)
    return _site_from(source, folder, hashlib.sha256(content).hexdigest())


def parse_site(content: bytes, *, directory: Path) -> Site:
    """The same from bytes; relative paths in it refer to `directory`.

    Raises:
        SiteFileError: as `load_site`.
    """
    try:
        source = parse_yaml(content, file=SITE_FILE)
    except ConfigFileError as error:
        raise SiteFileError(error.problems) from None
    folder = SiteFolder(directory, directory)
    return _site_from(source, folder, hashlib.sha256(content).hexdigest())


def sample_school_directory() -> Path:
    """The folder of the sample school inside the installed package."""
    return Path(str(importlib.resources.files("config"))) / "sample_school"


@dataclass(slots=True)
class _Parts:
    """What could be built so far, and every id that was written, good or not."""

    floors: dict[str, Floor] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    zone_names: dict[str, LocalText] = field(default_factory=dict)
    cameras: dict[str, SiteCamera] = field(default_factory=dict)
    written_floor_ids: set[str] = field(default_factory=set)
    written_zone_ids: set[str] = field(default_factory=set)


def _site_from(source: YamlSource, folder: SiteFolder, sha256: str) -> Site:
    root = validated(SiteFileKeys, source.data, at=(), source=source)
    if root is None:
        raise SiteFileError(source.problems)
    head = validated(SiteKeys, root.site, at=("site",), source=source)
    if head is not None:
        _check_head(head, source, folder)
    if not root.floors:
        source.report(("floors",), "the site has no floor", "add at least one floor")
    parts = _Parts()
    parts.written_floor_ids = _written_ids(root.floors)
    parts.written_zone_ids = _written_ids(root.zones)
    _read_floors(root.floors, parts, source, folder.directory)
    _read_zones(root.zones, parts, source)
    _read_cameras(root.cameras, parts, source, folder)
    if head is None or source.problems:
        raise SiteFileError(source.problems)
    return Site(
        id=head.id,
        name=local_text(head.name),
        timezone=head.timezone,
        floors=tuple(parts.floors.values()),
        zones=tuple(parts.zones.values()),
        cameras=tuple(parts.cameras.values()),
        zone_names=tuple(parts.zone_names.items()),
        directory=folder.directory,
        read_from=None if folder.read_from == folder.directory else folder.read_from,
        sha256=sha256,
        profiles_file=_profiles_file(head.profiles, folder) if head.profiles else None,
        absent_key_areas=tuple((one.id, one.because) for one in head.absent_key_areas),
        notes=tuple(source.notes),
    )


def local_text(keys: TextKeys) -> LocalText:
    """The name that `keys` writes."""
    return LocalText(zh=keys.zh, en=keys.en)


def _profiles_file(name: str, folder: SiteFolder) -> Path:
    """Where the site's own profiles are read: what lies in its folder, from the copy of it."""
    directory = folder.directory.absolute()
    # Links are not followed: what they point to is for the folder that is read to say.
    below = Path(os.path.relpath(directory / name, directory))
    if below.parts[:1] == (os.pardir,):
        return Path(os.path.normpath(directory / below))
    return folder.read_from / below


def _check_head(head: SiteKeys, source: YamlSource, folder: SiteFolder) -> None:
    try:
        zoneinfo.ZoneInfo(head.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{head.timezone!r} is no known time zone"
        source.report(("site", "timezone"), message, "write e.g. Asia/Shanghai")
    known = {kind.id for kind in key_areas()}
    for index, one in enumerate(head.absent_key_areas):
        at: KeyPath = ("site", "absent_key_areas", index, "id")
        _known(one.id, known, at, source, "key area")
    if head.profiles is not None and not is_there(_profiles_file(head.profiles, folder)):
        message = f"there is no file {head.profiles!r} beside the site file"
        source.report(("site", "profiles"), message, "correct the name, or leave the key out")


def _written_ids(items: Iterable[object]) -> set[str]:
    return {str(item["id"]) for item in items if isinstance(item, dict) and "id" in item}


def _is_new(item_id: str, seen: set[str], at: KeyPath, source: YamlSource) -> bool:
    if item_id in seen:
        source.report((*at, "id"), f"the id {item_id!r} is used twice", "give each its own id")
        return False
    seen.add(item_id)
    return True


def _known(name: str, known: set[str], at: KeyPath, source: YamlSource, kind: str) -> bool:
    if name in known:
        return True
    mend = nearest(name, known) if known else f"add the {kind}"
    source.report(at, f"there is no {kind} {name!r}", mend)
    return False


def _read_floors(
    items: Iterable[object], parts: _Parts, source: YamlSource, directory: Path
) -> None:
    seen: set[str] = set()
    seen_inside: set[str] = set()
    for index, item in enumerate(items):
        at: KeyPath = ("floors", index)
        keys = validated(FloorKeys, item, at=at, source=source)
        if keys is None or not _is_new(keys.id, seen, at, source):
            continue
        for group, part_index, part_id in _ids_inside(keys):
            _is_new(part_id, seen_inside, (*at, group, part_index), source)
        floor = build_floor(keys, at, source, directory)
        if floor is not None:
            parts.floors[keys.id] = floor


def _ids_inside(keys: FloorKeys) -> Iterable[tuple[str, int, str]]:
    """Group, index and id of the doors, obstacles and areas of a floor."""
    for group in ("doors", "obstacles", "required_areas", "forbidden_areas"):
        for index, part in enumerate(getattr(keys, group)):
            yield group, index, part.id


def _read_zones(items: Iterable[object], parts: _Parts, source: YamlSource) -> None:
    seen: set[str] = set()
    seen_exits: set[str] = set()
    named: list[tuple[KeyPath, ZoneKeys]] = []
    for index, item in enumerate(items):
        at: KeyPath = ("zones", index)
        keys = validated(ZoneKeys, item, at=at, source=source)
        if keys is None or not _is_new(keys.id, seen, at, source):
            continue
        named.append((at, keys))
        for exit_index, exit_keys in enumerate(keys.exits):
            _is_new(exit_keys.id, seen_exits, (*at, "exits", exit_index), source)
        if not _known(keys.floor, parts.written_floor_ids, (*at, "floor"), source, "floor"):
            continue
        zone = build_zone(keys, parts.floors.get(keys.floor), at, source)
        if zone is not None:
            parts.zones[keys.id] = zone
            parts.zone_names[keys.id] = local_text(keys.name)
    check_names(named, parts.floors, source)


def _read_cameras(
    items: Iterable[object], parts: _Parts, source: YamlSource, folder: SiteFolder
) -> None:
    seen: set[str] = set()
    for index, item in enumerate(items):
        at: KeyPath = ("cameras", index)
        keys = validated(CameraKeys, item, at=at, source=source)
        if keys is None or not _is_new(keys.id, seen, at, source):
            continue
        _known(keys.floor, parts.written_floor_ids, (*at, "floor"), source, "floor")
        if keys.floor in parts.floors:
            check_mount(keys, parts.floors[keys.floor], at, source)
        known_zones = _zones_of(keys, parts, at, source)
        camera = build_camera(keys, known_zones, at, source, folder)
        if camera is not None:
            parts.cameras[keys.id] = camera


def _has_refused_id(source: YamlSource) -> bool:
    """Whether a zone was refused for its id."""
    return any(re.fullmatch(r"zones\[\d+\]\.id", one.key) for one in source.problems)


def _zones_of(keys: CameraKeys, parts: _Parts, at: KeyPath, source: YamlSource) -> dict[int, Zone]:
    """The zones that a camera lists and that could be built, by their place in its list."""
    zones: dict[int, Zone] = {}
    for index, zone_id in enumerate(keys.zones):
        here: KeyPath = (*at, "zones", index)
        if zone_id in keys.zones[:index]:
            source.report(here, f"zone {zone_id!r} is listed twice", "keep one of the two")
            continue
        if zone_id not in parts.written_zone_ids and _has_refused_id(source):
            # It may well be the zone whose id was refused.
            continue
        if not _known(zone_id, parts.written_zone_ids, here, source, "zone"):
            continue
        zone = parts.zones.get(zone_id)
        if zone is None:
            continue
        if zone.floor_id != keys.floor:
            message = f"zone {zone_id!r} is on floor {zone.floor_id!r}, not on {keys.floor!r}"
            source.report(here, message, "list zones of the camera's own floor")
            continue
        zones[index] = zone
    return zones
