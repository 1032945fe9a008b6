"""Contacts that tell whether a door stands open, as `panels.yaml` lists them.

Only doors that lie along the exit of a zone may have one: the measuring core takes from it how much
of that exit is open, and a contact elsewhere would change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from config.desk_plan import check_name, is_new
from config.panels import PANELS_FILE, PanelInput
from config.schema_problems import validated
from config.site import LocalText, Site
from config.site_schema import Id, Keys, TextKeys
from config.yaml_source import KeyPath, YamlSource, read_yaml
from vision.risk.doors import Leaf, ZoneDoors

_Address = Annotated[int, Field(ge=0, le=65535)]
Terminals = dict[tuple[str, str, int | str], str]


class _TokenKeys(Keys):
    """`shut` is the logical state of the input while the door is shut."""

    device: Id
    token: Annotated[str, Field(min_length=1, max_length=64)]
    shut: bool


class _DoorContactKeys(Keys):
    """`shut` says how the contact stands while the door is shut: a cut wire reads as open."""

    id: Id
    name: TextKeys
    door: Id
    device: Id | None = None
    discrete_input: _Address | None = None
    shut: Literal["closed", "open"] | None = None
    samples: Annotated[int, Field(ge=1, le=10)] = 2
    onvif: _TokenKeys | None = None


def doors_of(site: Site) -> dict[str, bool]:
    """Every door of the site, and whether it lies along the exit of a zone of its floor."""
    return {
        leaf.id: any(
            leaf.id in ZoneDoors(zone, [leaf]).ids
            for zone in site.zones
            if zone.floor_id == floor.id
        )
        for floor in site.floors
        for leaf in _leaves(site, floor.id)
    }


def watched_leaves(site: Site) -> dict[str, tuple[Leaf, ...]]:
    """The doors with a contact by floor id, read from `panels.yaml` without its secrets.

    Raises:
        ConfigFileError: when the file is not YAML.
    """
    path = site.file(PANELS_FILE)
    if not path.exists():
        return {}
    data = read_yaml(path).data
    items = data.get("door_contacts") if isinstance(data, Mapping) else None
    named = {item.get("door") for item in items or () if isinstance(item, Mapping)}
    found = {
        floor.id: tuple(leaf for leaf in _leaves(site, floor.id) if leaf.id in named)
        for floor in site.floors
    }
    return {floor_id: leaves for floor_id, leaves in found.items() if leaves}


def _leaves(site: Site, floor_id: str) -> tuple[Leaf, ...]:
    doors = site.floor(floor_id).doors
    return tuple(Leaf(door.id, door.start_xy_m, door.end_xy_m) for door in doors)


def read_door_contacts(
    items: Sequence[object],
    devices: tuple[Collection[str], Collection[str]],
    used: Terminals,
    doors: Mapping[str, bool],
    source: YamlSource,
    taken: Collection[str],
) -> tuple[PanelInput, ...]:
    """The contacts; problems are reported to `source`.

    Args:
        devices: ids of the Modbus and of the ONVIF devices.
        used: terminals that something else has.
        doors: see `doors_of`.
        taken: ids of the other inputs.
    """
    found: dict[str, PanelInput] = {}
    for index, item in enumerate(items):
        at: KeyPath = ("door_contacts", index)
        keys = validated(_DoorContactKeys, item, at=at, source=source)
        if keys is None or not is_new(keys.id, (*taken, *found), at, source):
            continue
        _check_door(keys.door, doors, {one.door_id for one in found.values()}, at, source)
        _check_terminal(keys, devices, used, at, source)
        onvif = keys.onvif
        found[keys.id] = PanelInput(
            id=keys.id,
            name=LocalText(keys.name.zh, keys.name.en),
            device_id=keys.device if onvif is None else onvif.device,
            address=keys.discrete_input or 0,
            # At rest the door stands open.
            normally_closed=keys.shut == "open" if onvif is None else not onvif.shut,
            samples=keys.samples,
            token="" if onvif is None else onvif.token,
            door_id=keys.door,
        )
    return tuple(found.values())


def _check_door(
    door_id: str,
    doors: Mapping[str, bool],
    watched: Collection[str | None],
    at: KeyPath,
    source: YamlSource,
) -> None:
    if not check_name(door_id, doors, (*at, "door"), source, "door"):
        return
    if not doors[door_id]:
        message = f"door {door_id!r} lies along no exit of a zone, so its contact changes nothing"
        source.report((*at, "door"), message, "draw the exit and the door along each other")
    if door_id in watched:
        message = f"door {door_id!r} has two contacts"
        source.report((*at, "door"), message, "keep the one that tells that it is fully open")


def _check_terminal(
    keys: _DoorContactKeys,
    devices: tuple[Collection[str], Collection[str]],
    used: Terminals,
    at: KeyPath,
    source: YamlSource,
) -> None:
    """One terminal of a known device that nothing else uses, and what it says while shut."""
    onvif = keys.onvif
    terminal: tuple[str, str, int | str]
    if (keys.device is None) == (onvif is None):
        mend = "write `device:` with `discrete_input:` and `shut:`, or `onvif:`"
        source.report(at, "it needs either a device or onvif", mend)
        return
    if onvif is not None:
        where, known, terminal = (*at, "onvif"), devices[1], (onvif.device, "token", onvif.token)
        device_id = onvif.device
    else:
        device_id = keys.device or ""
        where, known = at, devices[0]
        if keys.discrete_input is None or keys.shut is None:
            mend = "add `discrete_input: N` and `shut: closed` or `shut: open`"
            source.report(at, "the discrete_input or shut is missing", mend)
            return
        terminal = (device_id, "discrete_input", keys.discrete_input)
    if not check_name(device_id, known, (*where, "device"), source, "device"):
        return
    if terminal in used:
        message = f"{terminal[1]} {terminal[2]} of {device_id!r} is already {used[terminal]!r}"
        source.report((*where, terminal[1]), message, "give each its own terminal")
    used[terminal] = keys.id


__all__ = ["Terminals", "doors_of", "read_door_contacts", "watched_leaves"]
