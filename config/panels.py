"""Panic buttons, door contacts, sirens, lamps, door releases and public address, as `panels.yaml`
writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from config.errors import FileProblem
from config.networks import NetworkRules
from config.site import LocalText

PANELS_FILE = "panels.yaml"

OutputKind = Literal["siren", "lamp", "door_release", "public_address"]
While = Literal["waiting", "open", "active"]


@dataclass(frozen=True, slots=True)
class Watchdog:
    """How the device notices that this program is gone, and lets its outputs fall back.

    Attributes:
        register: holding register that counts up while the program lives.
        timeout_s: the device falls back when it was not written for so long.
    """

    register: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class ModbusDevice:
    """An input and output module on Modbus TCP.

    Attributes:
        poll_s: time between two readings of its inputs.
        watchdog: `None` only for a device without outputs.
    """

    id: str
    name: LocalText
    host: str
    port: int
    unit: int
    poll_s: float
    watchdog: Watchdog | None = None


@dataclass(frozen=True, slots=True)
class OnvifDevice:
    """A camera or encoder whose alarm inputs are heard over ONVIF.

    Attributes:
        url: of its device service.
        user, password: empty for a device that asks for none.
    """

    id: str
    name: LocalText
    url: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PanelInput:
    """A panic pillar, a one-key button or a door's contact.

    Attributes:
        zone_id: where it stands, if in a zone.
        device_id, address: a discrete input; `None` for a button that calls over HTTP.
        token: name of the input at an ONVIF device; its logical state at rest is `normally_closed`.
        normally_closed: the loop is closed at rest, so that a cut wire alarms.
        samples: equal readings before a change counts.
        secret: of the signature of a button over HTTP; empty for a discrete input.
        expect_every_s: a button over HTTP is missing when it was silent for longer.
        door_id: the door whose contact it is: at rest it stands open, else it is shut. It alarms
            nobody.
    """

    id: str
    name: LocalText
    zone_id: str | None = None
    device_id: str | None = None
    address: int = 0
    normally_closed: bool = True
    samples: int = 2
    secret: str = field(default="", repr=False)
    expect_every_s: float | None = None
    token: str = ""
    door_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputRule:
    """When an output is on: while an alarm that fits is waiting, open, or its cause there.

    With `open` an alarm that reached priority 1 fits as one until a person closes it.

    Attributes:
        kinds: types of alarm; empty tuples mean any.
    """

    priorities: tuple[int, ...]
    during: While
    kinds: tuple[str, ...] = ()
    zone_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PanelOutput:
    """A siren, lamp, door release or public address.

    Attributes:
        device_id, address: a coil; `None` for an output over HTTP.
        safe_on: the state it falls back to when this program is gone.
        url, secret: of an output over HTTP; calls are signed.
        hold_s: an output over HTTP falls back by itself when it is not renewed for so long.
        announcement_id: what a public address plays.
    """

    id: str
    name: LocalText
    kind: OutputKind
    rule: OutputRule
    safe_on: bool = False
    device_id: str | None = None
    address: int = 0
    url: str = ""
    secret: str = field(default="", repr=False)
    hold_s: float = 10.0
    announcement_id: str | None = None


@dataclass(frozen=True, slots=True)
class PanelPlan:
    """All devices, inputs and outputs of a site, and which machines it lets them be on.

    Attributes:
        locked: by id, those whose secret cannot be had, and why. They do not work until a start
            that finds it; the others do.
    """

    devices: tuple[ModbusDevice, ...] = ()
    inputs: tuple[PanelInput, ...] = ()
    outputs: tuple[PanelOutput, ...] = ()
    onvif: tuple[OnvifDevice, ...] = ()
    networks: NetworkRules = field(default_factory=NetworkRules)
    locked: Mapping[str, FileProblem] = field(default_factory=dict)

    def inputs_of(self, device_id: str) -> tuple[PanelInput, ...]:
        return tuple(item for item in self.inputs if item.device_id == device_id)

    def outputs_of(self, device_id: str) -> tuple[PanelOutput, ...]:
        return tuple(item for item in self.outputs if item.device_id == device_id)

    def input(self, input_id: str) -> PanelInput | None:
        return next((item for item in self.inputs if item.id == input_id), None)
