"""Which machines this service may connect to: cameras, receivers of alarms, panels.

Whoever can write an address into a file could otherwise make the service knock at the metadata
service of a cloud, at itself, or at any machine of the school. Link-local addresses (with them the
metadata services), multicast and reserved ones are never connected to. `networks.yaml` of the site
narrows it further: only its `networks`, and this machine itself only with `loopback: true`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.errors import ConfigError, ConfigFileError
from config.schema_problems import validated
from config.yaml_source import read_yaml

NETWORKS_FILE = "networks.yaml"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str], Sequence[str]]

# The metadata services that do not lie in the link-local range.
_NEVER = (
    ipaddress.ip_network("fd00:ec2::254/128"),
    ipaddress.ip_network("100.100.100.200/32"),
    ipaddress.ip_network("168.63.129.16/32"),
)


class AddressRefusedError(ConfigError):
    """The service does not connect there; the text names the host and the mend."""


class NetworksFileError(ConfigFileError):
    """`networks.yaml` cannot be used."""


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """What a site allows.

    Attributes:
        networks: `None` where the site has no list: everything that is not always refused.
        loopback: whether this machine itself may be named.
    """

    networks: tuple[Network, ...] | None = None
    loopback: bool = True

    def refusal(self, text: str) -> str:
        """Why an address is refused; empty when it may be connected to."""
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
        if address.is_loopback:
            return "" if self.loopback else "is this machine itself"
        if any(address in network for network in _NEVER) or (
            address.is_link_local
            or address.is_multicast
            or address.is_unspecified
            or address.is_reserved
        ):
            return "is link-local, multicast or reserved"
        if self.networks is None or any(address in network for network in self.networks):
            return ""
        return "lies in none of the site's networks"


def _plain(address: Address) -> Address:
    """IPv4 written as IPv6 is judged as IPv4."""
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return mapped or address


def is_address(host: str) -> bool:
    """Whether `host` is written as an address and not as a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_name(text: str) -> str:
    """An address, or a name that can be looked up.

    Raises:
        ValueError: neither; the text names what is wrong, and the mend.
    """
    bare = text.strip("[]").partition("%")[0]
    labels = bare.removesuffix(".").split(".")
    if ":" in bare or all(label.isdecimal() for label in labels):
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            raise ValueError(f"{text} is no address — write one like 192.168.1.20") from None
    elif not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"{text} is no name of a machine — correct its dots")
    return text


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


class _FileKeys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    networks: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...], Field(min_length=1, max_length=100)
    ]
    loopback: bool = False


def load_networks(directory: Path) -> NetworkRules:
    """Rules of a site folder; the widest ones where it has no `networks.yaml`.

    Raises:
        NetworksFileError: with file, line, key and mend.
    """
    path = directory / NETWORKS_FILE
    if not path.exists():
        return NetworkRules()
    try:
        source = read_yaml(path)
    except ConfigFileError as error:
        raise NetworksFileError(error.problems) from None
    keys = validated(_FileKeys, source.data, at=(), source=source)
    if keys is None or source.problems:
        raise NetworksFileError(source.problems)
    return NetworkRules(tuple(map(ipaddress.ip_network, keys.networks)), keys.loopback)


def system_resolver(host: str) -> tuple[str, ...]:
    """Every address that the system knows for a name. Raises `OSError`."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host} is no name of a machine ({error})") from None
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def permitted(host: str, rules: NetworkRules, resolver: Resolver = system_resolver) -> str:
    """The address to connect to: looked up once, judged, and then used as it is.

    A name is refused when any of its addresses is, so that a second look-up cannot lead elsewhere.

    Raises:
        AddressRefusedError: the name or address is not allowed.
        OSError: the name cannot be looked up.
    """
    addresses = resolver(host.strip("[]"))
    for address in addresses:
        reason = rules.refusal(address)
        if reason:
            raise AddressRefusedError(
                f"{host}: {address} {reason} — mend: correct the address, or allow its network in "
                f"{NETWORKS_FILE} and restart"
            )
    if not addresses:
        raise OSError(f"{host} has no address")
    return addresses[0]
