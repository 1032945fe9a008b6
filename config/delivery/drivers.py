"""The keys of each driver, as written below `settings:` of a path."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from config.networks import host_name
from config.secret_reference import SecretReference

HostName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,255}$"), AfterValidator(host_name)
]
Port = Annotated[int, Field(ge=1, le=65535)]
GbId = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]

_HEX = re.compile(r"^[0-9A-Fa-f]+$")
_INNER_NETS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("host or port cannot be read — write https://host/path") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("not a web address — write https://host/path")
    host_name(host)
    if "@" in parts.netloc:
        raise ValueError("user and password stand in the address — remove them, use `secret`")
    if parts.scheme == "http" and not _inner(host):
        raise ValueError("http outside the school's own network — write https://host/path")
    return text


def _inner(host: str) -> bool:
    """Whether plain http is tolerable: this machine or a private network."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(
        address in ipaddress.ip_network(net)
        for net in _INNER_NETS
        if ipaddress.ip_network(net).version == address.version
    )


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _topic(text: str) -> str:
    if not text or any(mark in text for mark in "+#\0") or text.startswith("$"):
        raise ValueError("not a topic to publish on — write e.g. site/north/alarms")
    return text


Topic = Annotated[str, AfterValidator(_topic)]


def _account(text: str) -> str:
    if not 3 <= len(text) <= 16 or not _HEX.match(text):
        raise ValueError("an account has 3 to 16 hexadecimal digits — write e.g. '1A2B'")
    return text.upper()


class DriverKeys(BaseModel):
    """Base of the drivers' keys: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Gb28181Keys(DriverKeys):
    """GB/T 28181: registers as a device and sends alarm notifications.

    Attributes:
        edition: 2016 or 2022; says which alarm types exist and which digest is preferred.
        server, port, transport: of the platform's SIP server.
        server_id, domain: 20-digit id and SIP domain (realm) of the platform.
        device_id: our own 20-digit id; `alarm_id`: of the alarm input that alarms are reported
            for, `device_id` when empty.
        password: reference to the digest password.
        local_host, local_port: which of our addresses to use; the system chooses when left out.
        expires_s: of the registration; the standard asks for at least 3600.
    """

    edition: Literal[2016, 2022] = 2022
    server: HostName
    port: Port = 5060
    transport: Literal["udp", "tcp"] = "udp"
    server_id: GbId
    domain: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.-]{1,64}$")]
    device_id: GbId
    alarm_id: GbId | None = None
    password: SecretReference
    local_host: HostName | None = None
    local_port: Annotated[int, Field(ge=0, le=65535)] = 0
    expires_s: Annotated[int, Field(ge=3600, le=86_400)] = 3600


class WebhookKeys(DriverKeys):
    """HTTP POST signed after Standard Webhooks; a 2xx answer is the receiver's receipt.

    Attributes:
        secret: reference to `whsec_...`; `old_secret`: signs as well while keys are changed.
        ca_file: certificate authority of a private network, relative to the site folder.
    """

    url: WebAddress
    secret: SecretReference
    old_secret: SecretReference | None = None
    ca_file: str | None = None
    timeout_s: Annotated[float, Field(ge=1.0, le=15.0)] = 5.0
    format: Literal["json", "cap"] = "json"
    sender: str = "xiaoan@localhost"


class MqttKeys(DriverKeys):
    """MQTT 5, QoS 1. The broker's PUBACK is "sent"; the receiver's word on `ack_topic` "received".

    Attributes:
        topic: alarms; `ack_topic`: the receiver publishes `{"id": ...}` there; `status_topic`:
            retained `online`/`offline` (last will).
        credentials: reference to `user:password`.
        expiry_s: the broker drops a message that nobody fetched after this time; the outbox
            sends it again.
    """

    host: HostName
    port: Port = 8883
    tls: bool = True
    ca_file: str | None = None
    client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    credentials: SecretReference | None = None
    topic: Topic
    ack_topic: Topic | None = None
    status_topic: Topic | None = None
    expiry_s: Annotated[int, Field(ge=10, le=86_400)] = 3600


class Dc09Keys(DriverKeys):
    """SIA DC-09 with Contact ID data (ADM-CID).

    Attributes:
        account: 3 to 16 hexadecimal digits given by the alarm centre.
        prefix, receiver: the optional L and R fields, hexadecimal.
        key: reference to the AES key in hexadecimal (32, 48 or 64 digits); clear text when absent.
        event_code: Contact ID code of a crowd alarm; 150 is "24-hour non-burglary".
    """

    host: HostName
    port: Port
    transport: Literal["tcp", "udp"] = "tcp"
    account: Annotated[str, AfterValidator(_account)]
    prefix: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{1,6}$")] = "0"
    receiver: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{1,6}$")] | None = None
    key: SecretReference | None = None
    event_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")] = "150"
    timeout_s: Annotated[float, Field(ge=1.0, le=15.0)] = 5.0


class CapKeys(DriverKeys):
    """CAP 1.2 documents written into a folder (another program fetches them there).

    Attributes:
        folder: relative to the site folder.
        sender: identifies this station in every document.
        keep_files: older ones are deleted.
    """

    folder: str
    sender: Annotated[str, StringConstraints(pattern=r"^[^\s,<&]+$")]
    keep_files: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000


class RobotKeys(DriverKeys):
    """A chat robot: information only, never counted as delivered.

    Attributes:
        kind: which service.
        url: reference to the robot's address, which holds its access key.
        secret: reference to the signing secret (DingTalk `SEC...`, Feishu); WeCom has none.
    """

    kind: Literal["wecom", "dingtalk", "feishu"]
    url: SecretReference
    secret: SecretReference | None = None
    timeout_s: Annotated[float, Field(ge=1.0, le=15.0)] = 5.0


AnyDriverKeys = Gb28181Keys | WebhookKeys | MqttKeys | Dc09Keys | CapKeys | RobotKeys

DRIVERS: dict[str, type[AnyDriverKeys]] = {
    "gb28181": Gb28181Keys,
    "webhook": WebhookKeys,
    "mqtt": MqttKeys,
    "dc09": Dc09Keys,
    "cap": CapKeys,
    "robot": RobotKeys,
}
