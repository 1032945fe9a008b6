"""What `delivery.yaml` says: targets, and the paths to each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from config.delivery.drivers import (
    AnyDriverKeys,
    Dc09Keys,
    Gb28181Keys,
    MqttKeys,
    WebhookKeys,
)
from config.site import LocalText

FromStep = Literal["call", "district"]
"""Steps of the ladder (`desk.yaml`) that a target may wait for."""


class Role(StrEnum):
    """What a target is for.

    `POLICE` is tried for ever and watched for its acknowledgement; `MONITORING` is given up after
    a while; `INFORMATION` never counts as delivered.
    """

    POLICE = "police"
    MONITORING = "monitoring"
    INFORMATION = "information"


class Acknowledgement(StrEnum):
    """When a message counts as received.

    `RECEIVER`: the receiver's own word (business response, acknowledgement topic). `TRANSPORT`:
    no such word exists; the message ends as "sent, unconfirmed".
    """

    RECEIVER = "receiver"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class DeliveryPath:
    """One way to a target."""

    id: str
    driver: str
    settings: AnyDriverKeys

    @property
    def host(self) -> str:
        """The machine that it leads to; empty where none is written in the file."""
        settings = self.settings
        if isinstance(settings, WebhookKeys):
            return urlsplit(settings.url).hostname or ""
        if isinstance(settings, Gb28181Keys):
            return settings.server
        return settings.host if isinstance(settings, MqttKeys | Dc09Keys) else ""


@dataclass(frozen=True, slots=True)
class DeliveryTarget:
    """A receiver of alarms.

    Attributes:
        lowest_priority: alarms of this priority and more urgent ones are sent (1 is the highest).
        ack_within_s: an attempt waits so long for the receiver's word, then tries again.
        attempt_s: limit of one attempt on one path.
        give_up_after_s: age at which a message is given up; `None` (police) for never.
        from_step: the target is told only once the escalation ladder has taken a step of this kind;
            `None` for at once.
        both_for_urgent: priority 1 goes out on all paths at once; the receiver must then drop
            repetitions by the message's id.
        phone: what a person dials when messages do not get through; empty where nobody said it.
        paths: in the order in which they are tried.
        one_path_reason: why a police target has fewer than two.
    """

    id: str
    name: LocalText
    role: Role
    lowest_priority: int
    acknowledgement: Acknowledgement
    ack_within_s: float
    attempt_s: float
    give_up_after_s: float | None
    both_for_urgent: bool
    paths: tuple[DeliveryPath, ...]
    from_step: FromStep | None = None
    phone: str = ""
    one_path_reason: str = ""

    def path(self, path_id: str) -> DeliveryPath:
        """Raises `KeyError` for an unknown path."""
        for path in self.paths:
            if path.id == path_id:
                return path
        raise KeyError(path_id)


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """All targets of a site; none when the site has no `delivery.yaml`.

    Attributes:
        heartbeat_s: between two checks of a path; the third miss in a row is a fault.
        unacknowledged_s: a message to the police unacknowledged for so long raises a local alarm.
        directory: the site folder, to which secrets and certificates refer.
    """

    targets: tuple[DeliveryTarget, ...] = ()
    heartbeat_s: float = 20.0
    unacknowledged_s: float = 45.0
    directory: Path = Path()

    def target(self, target_id: str) -> DeliveryTarget:
        """Raises `KeyError` for an unknown target."""
        for target in self.targets:
            if target.id == target_id:
                return target
        raise KeyError(target_id)
