"""Where people may sign in instead of here: `oidc.yaml` of a site folder (OpenID Connect 1.0)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.errors import ConfigFileError
from config.schema_problems import validated
from config.secret_reference import SecretReference
from config.site import LocalText
from config.site_schema import TextKeys
from config.yaml_source import read_yaml

OIDC_FILE = "oidc.yaml"


class OidcFileError(ConfigFileError):
    """`oidc.yaml` cannot be used."""


@dataclass(frozen=True, slots=True)
class OtherHouse:
    """A provider of identities, e.g. the district's.

    Attributes:
        issuer: its address, as it names itself in every token.
        client_secret: a reference, never the secret.
        address: this service's own address, to which the provider sends people back.
        directory: the site folder, to which the reference belongs.
        networks_dir: where `networks.yaml` is read.
        ca_file: certificate authority of a private network, relative to the site folder; without
            it those that the machine knows.
    """

    name: LocalText
    issuer: str
    client_id: str
    client_secret: str
    address: str
    directory: Path
    networks_dir: Path
    ca_file: str | None = None

    @property
    def return_address(self) -> str:
        """What must be registered at the provider."""
        return f"{self.address}/oidc/return"


def _web(text: str) -> str:
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment:
        raise ValueError("this must be an address such as https://id.district.example")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("this must begin with https:// — a password travels there")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_Web = Annotated[str, AfterValidator(_web)]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    name: TextKeys
    issuer: _Web
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret: SecretReference
    address: _Web
    ca_file: Annotated[str, Field(min_length=1, max_length=200)] | None = None


def load_oidc(directory: Path, *, read_from: Path | None = None) -> OtherHouse | None:
    """Read `oidc.yaml`; `None` where the site has none.

    Args:
        directory: the site folder, where its secret lies.
        read_from: a copy of the folder's settings, to be read in their place.

    Raises:
        OidcFileError: with every problem found; each names file, line, key and mend.
    """
    path = (read_from or directory) / OIDC_FILE
    if not path.exists():
        return None
    try:
        source = read_yaml(path)
        keys = validated(_Keys, source.data, at=(), source=source)
    except ConfigFileError as error:
        raise OidcFileError(error.problems) from None
    if keys is None or source.problems:
        raise OidcFileError(source.problems)
    return OtherHouse(
        name=LocalText(zh=keys.name.zh, en=keys.name.en),
        issuer=keys.issuer,
        client_id=keys.client_id,
        client_secret=keys.client_secret,
        address=keys.address,
        directory=directory,
        networks_dir=path.parent,
        ca_file=keys.ca_file,
    )
