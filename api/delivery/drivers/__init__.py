"""The drivers, all behind `api.delivery.driver.Driver`; `build_driver` makes the one of a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from api.delivery.driver import Driver, Received
from api.delivery.drivers.cap import CapFolder
from api.delivery.drivers.dc09 import Dc09Driver
from api.delivery.drivers.gb28181 import Gb28181Driver
from api.delivery.drivers.mqtt import MqttDriver
from api.delivery.drivers.robot import RobotDriver
from api.delivery.drivers.webhook import WebhookDriver
from api.delivery.outward import Gate
from config.delivery import (
    CapKeys,
    Dc09Keys,
    DeliveryPath,
    Gb28181Keys,
    MqttKeys,
    RobotKeys,
    WebhookKeys,
)
from streams.clock import Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What drivers need besides their settings.

    Attributes:
        directory: the site folder, where secrets and certificates lie.
        name: the site's name, for protocols that ask for one.
        received: takes late receipts (message id, detail).
        controlled: takes a receiver's commands (command, detail).
        networks_dir: where `networks.yaml` is read; `None` for the site folder.
    """

    directory: Path
    name: str
    clock: Clock
    received: Received
    controlled: Callable[[str, str], None]
    networks_dir: Path | None = None


def build_driver(path: DeliveryPath, around: Surroundings) -> Driver:
    """The driver of a path.

    Raises:
        SetupError: a secret or certificate that its settings name cannot be used, or the rules
            of the site's networks.
    """
    if isinstance(path.settings, CapKeys):
        return CapFolder(path.settings, around.directory)
    gate = Gate(around.networks_dir or around.directory)
    match path.settings:
        case Gb28181Keys() as keys:
            return Gb28181Driver(
                keys, around.directory, around.received, around.controlled, around.name, gate
            )
        case WebhookKeys() as keys:
            return WebhookDriver(keys, around.directory, around.clock, gate)
        case MqttKeys() as keys:
            return MqttDriver(keys, around.directory, around.received, gate)
        case Dc09Keys() as keys:
            return Dc09Driver(keys, around.directory, around.clock, gate)
        case RobotKeys() as keys:
            return RobotDriver(keys, around.directory, around.clock, gate)


__all__ = ["Surroundings", "build_driver"]
