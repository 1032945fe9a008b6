"""Reading `panels.yaml`: unknown names, two things on one terminal, and outputs that would stay on
when the program dies are refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from config.cards import AlarmKind
from config.desk_plan import check_name, is_new
from config.door_contacts import Terminals, doors_of, read_door_contacts
from config.errors import ConfigFileError, FileProblem, SecretError
from config.networks import host_name, load_networks
from config.panels import (
    PANELS_FILE,
    ModbusDevice,
    OnvifDevice,
    OutputKind,
    OutputRule,
    PanelInput,
    PanelOutput,
    PanelPlan,
    Watchdog,
    While,
)
from config.schema_problems import validated
from config.secret_reference import SecretReference, read_credentials, read_secret
from config.site import LocalText, Site
from config.site_folder import SiteFolder
from config.site_schema import Id, Keys, TextKeys
from config.yaml_source import KeyPath, YamlSource, parse_yaml, read_yaml

_SECRET = re.compile(r"^whsec_[A-Za-z0-9+/=]{16,}$")
_Address = Annotated[int, Field(ge=0, le=65535)]


class _WatchdogKeys(Keys):
    register_: Annotated[_Address, Field(alias="register")]
    timeout_s: Annotated[float, Field(ge=1.0, le=60.0)]


class _DeviceKeys(Keys):
    id: Id
    name: TextKeys
    host: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(host_name)]
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    poll_ms: Annotated[int, Field(ge=50, le=1000)] = 150
    watchdog: _WatchdogKeys | None = None


class _HttpInputKeys(Keys):
    secret: SecretReference
    expect_every_s: Annotated[float, Field(ge=5.0, le=86_400.0)] | None = None


class _OnvifDeviceKeys(Keys):
    id: Id
    name: TextKeys
    url: str
    credentials: SecretReference | None = None


class _OnvifInputKeys(Keys):
    device: Id
    token: Annotated[str, Field(min_length=1, max_length=64)]
    at_rest: bool = False


class _InputKeys(Keys):
    id: Id
    name: TextKeys
    zone: Id | None = None
    device: Id | None = None
    discrete_input: _Address | None = None
    normally: Literal["closed", "open"] = "closed"
    samples: Annotated[int, Field(ge=1, le=10)] = 2
    http: _HttpInputKeys | None = None
    onvif: _OnvifInputKeys | None = None


class _RuleKeys(Keys):
    priorities: Annotated[tuple[Annotated[int, Field(ge=1, le=4)], ...], Field(min_length=1)]
    during: While
    kinds: tuple[AlarmKind, ...] = ()
    zones: tuple[Id, ...] = ()


class _HttpOutputKeys(Keys):
    url: str
    secret: SecretReference
    hold_s: Annotated[float, Field(ge=2.0, le=300.0)] = 10.0


class _OutputKeys(Keys):
    id: Id
    name: TextKeys
    kind: OutputKind
    when: _RuleKeys
    safe: Literal["on", "off"]
    device: Id | None = None
    coil: _Address | None = None
    http: _HttpOutputKeys | None = None
    announcement: Id | None = None


class _PanelKeys(Keys):
    format: Literal[1]
    devices: tuple[object, ...] = ()
    onvif: tuple[object, ...] = ()
    inputs: tuple[object, ...] = ()
    door_contacts: tuple[object, ...] = ()
    outputs: tuple[object, ...] = ()


@dataclass(slots=True)
class _Secrets:
    """Reads secrets by reference. One that cannot be had locks what it is for, and nothing else;
    problems name the reference alone."""

    directory: Path
    source: YamlSource
    missing: dict[str, FileProblem] = field(default_factory=dict)

    def credentials(self, owner: str, reference: str | None, at: KeyPath) -> tuple[str, str]:
        """User and password; empty where none are wanted, or none can be had."""
        if reference is None:
            return "", ""
        try:
            return read_credentials(reference, self.directory)
        except SecretError as error:
            self._lack(owner, at, str(error))
            return "", ""

    def signing(self, owner: str, reference: str, at: KeyPath) -> str:
        """The key that signs calls; empty where it cannot be had."""
        try:
            found = read_secret(reference, self.directory)
        except SecretError as error:
            self._lack(owner, at, str(error))
            return ""
        if _SECRET.match(found):
            return found
        self._lack(owner, at, f"the secret {reference} is not of the form whsec_...")
        return ""

    def _lack(self, owner: str, at: KeyPath, message: str) -> None:
        mend = "see `xiaoan secret list`; what signs is whsec_ and 24 to 64 random bytes in base64"
        self.missing[owner] = self.source.problem(at, message, mend)


def load_panels(site: Site) -> PanelPlan:
    """`panels.yaml` beside the site file; an empty plan when there is none.

    A secret that cannot be had is no such problem: see `PanelPlan.locked`.

    Raises:
        ConfigFileError: with every problem found; each names file, line, key and mend.
    """
    path = site.file(PANELS_FILE)
    if not path.exists():
        return PanelPlan()
    zone_ids = {zone.id for zone in site.zones}
    return _plan(read_yaml(path), zone_ids, site.folder, doors_of(site))


def parse_panels(
    content: bytes,
    *,
    zone_ids: Collection[str],
    directory: Path,
    doors: Mapping[str, bool] | None = None,
) -> PanelPlan:
    """The same from bytes; secret files are read from `directory` (see `load_panels`).

    Args:
        doors: see `config.door_contacts.doors_of`.
    """
    folder = SiteFolder(directory, directory)
    return _plan(parse_yaml(content, file=PANELS_FILE), zone_ids, folder, doors or {})


def _plan(
    source: YamlSource, zone_ids: Collection[str], folder: SiteFolder, doors: Mapping[str, bool]
) -> PanelPlan:
    root = validated(_PanelKeys, source.data, at=(), source=source)
    if root is None:
        raise ConfigFileError(source.problems)
    devices: dict[str, ModbusDevice] = {}
    for index, item in enumerate(root.devices):
        at: KeyPath = ("devices", index)
        keys = validated(_DeviceKeys, item, at=at, source=source)
        if keys is not None and is_new(keys.id, devices, at, source):
            devices[keys.id] = _device(keys)
    secrets = _Secrets(folder.directory, source)
    cameras = _onvif_devices(root.onvif, devices, secrets, source)
    used: Terminals = {}
    inputs: dict[str, PanelInput] = {}
    for index, item in enumerate(root.inputs):
        at = ("inputs", index)
        wanted = validated(_InputKeys, item, at=at, source=source)
        if wanted is None or not is_new(wanted.id, inputs, at, source):
            continue
        if wanted.zone is not None:
            check_name(wanted.zone, zone_ids, (*at, "zone"), source, "zone")
        if wanted.onvif is None:
            _check_terminal(wanted, devices, used, at, source)
        else:
            _check_token(wanted, cameras, used, at, source)
        inputs[wanted.id] = _input(wanted, secrets, at)
    known = (devices, cameras)
    contacts = read_door_contacts(root.door_contacts, known, used, doors, source, inputs)
    outputs: dict[str, PanelOutput] = {}
    for index, item in enumerate(root.outputs):
        at = ("outputs", index)
        driven = validated(_OutputKeys, item, at=at, source=source)
        if driven is None or not is_new(driven.id, outputs, at, source):
            continue
        for place, zone_id in enumerate(driven.when.zones):
            check_name(zone_id, zone_ids, (*at, "when", "zones", place), source, "zone")
        _check_terminal(driven, devices, used, at, source)
        _check_fail_safe(driven, devices, at, source)
        outputs[driven.id] = _output(driven, secrets, at, source)
    if source.problems:
        raise ConfigFileError(source.problems)
    return PanelPlan(
        tuple(devices.values()),
        (*inputs.values(), *contacts),
        tuple(outputs.values()),
        tuple(cameras.values()),
        load_networks(folder.read_from),
        secrets.missing,
    )


def _onvif_devices(
    items: Sequence[object], taken: Collection[str], secrets: _Secrets, source: YamlSource
) -> dict[str, OnvifDevice]:
    found: dict[str, OnvifDevice] = {}
    for index, item in enumerate(items):
        at: KeyPath = ("onvif", index)
        keys = validated(_OnvifDeviceKeys, item, at=at, source=source)
        if keys is None or not is_new(keys.id, (*taken, *found), at, source):
            continue
        _check_url(keys.url, (*at, "url"), source)
        user, password = secrets.credentials(keys.id, keys.credentials, (*at, "credentials"))
        found[keys.id] = OnvifDevice(keys.id, _text(keys.name), keys.url, user, password)
    return found


def _check_token(
    keys: _InputKeys,
    devices: Collection[str],
    used: Terminals,
    at: KeyPath,
    source: YamlSource,
) -> None:
    """An input of a known ONVIF device that nothing else uses, and no other kind of input."""
    wanted = keys.onvif
    if wanted is None:
        return
    if keys.device is not None or keys.http is not None:
        source.report(at, "it needs either a device, http or onvif", "keep one of them")
        return
    if not check_name(wanted.device, devices, (*at, "onvif", "device"), source, "device"):
        return
    terminal = (wanted.device, "token", wanted.token)
    if terminal in used:
        message = f"token {wanted.token} of {wanted.device!r} is already {used[terminal]!r}"
        source.report((*at, "onvif", "token"), message, "give each its own terminal")
    used[terminal] = keys.id


def _device(keys: _DeviceKeys) -> ModbusDevice:
    dog = keys.watchdog
    return ModbusDevice(
        id=keys.id,
        name=_text(keys.name),
        host=keys.host,
        port=keys.port,
        unit=keys.unit,
        poll_s=keys.poll_ms / 1000.0,
        watchdog=None if dog is None else Watchdog(dog.register_, dog.timeout_s),
    )


def _check_terminal(
    keys: _InputKeys | _OutputKeys,
    devices: Collection[str],
    used: Terminals,
    at: KeyPath,
    source: YamlSource,
) -> None:
    """Either a terminal of a known device that nothing else uses, or HTTP."""
    kind = "discrete_input" if isinstance(keys, _InputKeys) else "coil"
    address = keys.discrete_input if isinstance(keys, _InputKeys) else keys.coil
    if (keys.device is None) == (keys.http is None):
        message = "it needs either a device or http"
        source.report(at, message, f"write `device:` with `{kind}:`, or `http:`")
        return
    if keys.device is None:
        return
    if not check_name(keys.device, devices, (*at, "device"), source, "device"):
        return
    if address is None:
        source.report(at, f"the {kind} of the device is missing", f"add `{kind}:`")
        return
    terminal = (keys.device, kind, address)
    if terminal in used:
        message = f"{kind} {address} of {keys.device!r} is already {used[terminal]!r}"
        source.report((*at, kind), message, "give each its own terminal")
    used[terminal] = keys.id


def _check_fail_safe(
    keys: _OutputKeys, devices: dict[str, ModbusDevice], at: KeyPath, source: YamlSource
) -> None:
    """An output must find back to its safe state without this program."""
    device = devices.get(keys.device or "")
    if device is not None and device.watchdog is None:
        message = f"device {device.id!r} has no watchdog, so {keys.id!r} would stay as it was"
        mend = "give the device `watchdog: {register: N, timeout_s: 3}` and set it up in the module"
        source.report((*at, "device"), message, mend)
    if keys.kind in ("siren", "public_address") and keys.safe == "on":
        message = f"a {keys.kind} that sounds when the program dies frightens people for nothing"
        source.report((*at, "safe"), message, "write safe: off")


def _input(keys: _InputKeys, secrets: _Secrets, at: KeyPath) -> PanelInput:
    http, onvif = keys.http, keys.onvif
    where = (*at, "http", "secret")
    return PanelInput(
        id=keys.id,
        name=_text(keys.name),
        zone_id=keys.zone,
        device_id=keys.device if onvif is None else onvif.device,
        address=keys.discrete_input or 0,
        normally_closed=keys.normally == "closed" if onvif is None else onvif.at_rest,
        token="" if onvif is None else onvif.token,
        samples=keys.samples,
        secret="" if http is None else secrets.signing(keys.id, http.secret, where),
        expect_every_s=None if http is None else http.expect_every_s,
    )


def _output(keys: _OutputKeys, secrets: _Secrets, at: KeyPath, source: YamlSource) -> PanelOutput:
    http = keys.http
    if http is not None:
        _check_url(http.url, (*at, "http", "url"), source)
    where = (*at, "http", "secret")
    return PanelOutput(
        id=keys.id,
        name=_text(keys.name),
        kind=keys.kind,
        rule=OutputRule(keys.when.priorities, keys.when.during, keys.when.kinds, keys.when.zones),
        safe_on=keys.safe == "on",
        device_id=keys.device,
        address=keys.coil or 0,
        url="" if http is None else http.url,
        secret="" if http is None else secrets.signing(keys.id, http.secret, where),
        hold_s=10.0 if http is None else http.hold_s,
        announcement_id=keys.announcement,
    )


def _check_url(url: str, at: KeyPath, source: YamlSource) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        host_name(parts.hostname or "")
    except ValueError:
        good = False
    if not good or "@" in url:
        mend = "write http://host/path or https://host/path, without a password"
        source.report(at, "the address cannot be used", mend)


def _text(keys: TextKeys) -> LocalText:
    return LocalText(keys.zh, keys.en)


__all__ = ["load_panels", "parse_panels"]
