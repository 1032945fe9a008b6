"""Where a camera's pictures come from, with secrets kept by reference.

Forms: `rtsp://host[:port]/path`, `rtsps://...`, `file:clips/stair.mp4` (relative to the site
folder) or `file:///absolute/path.mp4`, and `virtual:scenario?seed=1&light=day`. User name and
password never stand in the URI: `credentials` names a sealed secret of the site (`sealed:NAME`,
see `config.secret_store`), an environment variable (`env:NAME`) or a file beside the site file
(`file:secrets/cam.txt`), each of which holds `user:password`. Cameras that want them inside the
path get `{user}` and `{password}` placeholders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from config.errors import ConfigError
from config.networks import Resolver, load_networks, permitted, system_resolver
from config.secret_reference import is_reference, read_credentials

SCHEMES = ("rtsp", "rtsps", "file", "virtual")
LIGHTS = ("day", "dim", "ir")
_VIRTUAL_KEYS = ("seed", "light", "camera", "start_s")
_SECRET_IN_TEXT = re.compile(r"(?i)(password|passwd|pwd|pass|token|auth|key)=(?!\{password\})")
_SCENARIO = re.compile(r"^[a-z][a-z0-9_]*$")


class CameraUriError(ConfigError):
    """An address that cannot be used. `mend` says what to write; the text shows no secret."""

    def __init__(self, message: str, mend: str) -> None:
        self.message = message
        self.mend = mend
        super().__init__(f"{message} — {mend}")


@dataclass(frozen=True, slots=True)
class CameraUri:
    """A camera address. `str` and `repr` are safe to log; `reveal` is not.

    Attributes:
        scheme: one of rtsp, rtsps, file, virtual.
        location: what follows the scheme, without secrets: `host:port/path?query` for RTSP, the
            path of a file, the scenario of the virtual campus.
        parameters: of a virtual address, name and value: `seed`, `light`, `camera`, `start_s`.
        credentials: reference to `user:password`, or `None`.
        directory: the site folder, to which relative paths refer.
        networks_dir: where `networks.yaml` is read; `None` for the site folder.
    """

    scheme: str
    location: str
    parameters: tuple[tuple[str, str], ...] = ()
    credentials: str | None = None
    directory: Path = Path()
    networks_dir: Path | None = None

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        directory: Path,
        credentials: str | None = None,
        networks_dir: Path | None = None,
    ) -> CameraUri:
        """Read an address.

        Raises:
            CameraUriError: an unknown scheme, a secret in clear, a host or path that is missing.
        """
        scheme, separator, rest = text.partition(":")
        if not separator or scheme not in SCHEMES:
            raise CameraUriError(
                "the address does not start with a known scheme",
                "write rtsp://, rtsps://, file: or virtual:",
            )
        if any(ord(letter) <= 32 for letter in text):
            raise CameraUriError("the address holds a space or control character", "remove it")
        if credentials is not None and not is_reference(credentials):
            raise CameraUriError(
                "credentials must be a reference, not the secret itself",
                "write sealed:NAME, env:NAME or file:secrets/NAME.txt",
            )
        if scheme == "virtual":
            return _virtual(rest)
        if scheme == "file":
            path = rest.removeprefix("//")
            if not path.strip("/"):
                raise CameraUriError("the file path is missing", "write file:clips/NAME.mp4")
            return cls("file", path, directory=directory)
        return cls(
            scheme,
            _rtsp_location(text),
            credentials=credentials,
            directory=directory,
            networks_dir=networks_dir,
        )

    @property
    def file_path(self) -> Path:
        """The file of a `file:` address.

        Raises:
            ValueError: for any other scheme.
        """
        if self.scheme != "file":
            raise ValueError(f"{self} is not a file")
        return self.directory / self.location

    @property
    def scenario(self) -> str:
        """The scenario of a `virtual:` address.

        Raises:
            ValueError: for any other scheme.
        """
        if self.scheme != "virtual":
            raise ValueError(f"{self} is not of the virtual campus")
        return self.location

    @property
    def seed(self) -> int:
        """Seed of a virtual address, 1 when none is written."""
        return int(dict(self.parameters).get("seed", "1"))

    @property
    def start_s(self) -> float:
        """Seconds into a virtual run at which the pictures start, 0 when none are written."""
        return float(dict(self.parameters).get("start_s", "0"))

    @property
    def light(self) -> str:
        """Light of a virtual address: day, dim or ir; day when none is written."""
        return dict(self.parameters).get("light", "day")

    def reveal(self) -> str:
        """The full address with user and password, for the opener only. Never log it.

        Raises:
            SecretError: when the referenced variable or file is missing or not `user:password`.
        """
        if self.scheme == "file":
            return str(self.file_path)
        if self.scheme == "virtual":
            return str(self)
        if self.credentials is None:
            return f"{self.scheme}://{self.location}"
        user, password = (
            quote(part, safe="") for part in read_credentials(self.credentials, self.directory)
        )
        if "{password}" in self.location:
            filled = self.location.replace("{user}", user).replace("{password}", password)
            return f"{self.scheme}://{filled}"
        return f"{self.scheme}://{user}:{password}@{self.location}"

    @property
    def host(self) -> str:
        """The host of an RTSP address; empty for any other."""
        if self.scheme not in ("rtsp", "rtsps"):
            return ""
        return urlsplit(f"//{self.location}").hostname or ""

    def check_address(self, resolver: Resolver = system_resolver) -> None:
        """Whether the site lets this service connect to the camera's host; may take a look-up.

        Raises:
            AddressRefusedError: it does not; see `config.networks`.
            NetworksFileError: the site's rules cannot be read.
            OSError: the name is unknown.
        """
        if self.scheme in ("rtsp", "rtsps"):
            permitted(self.host, load_networks(self.networks_dir or self.directory), resolver)

    def __str__(self) -> str:
        if self.scheme in ("file", "virtual"):
            query = "&".join(f"{name}={value}" for name, value in self.parameters)
            return f"{self.scheme}:{self.location}" + (f"?{query}" if query else "")
        return f"{self.scheme}://{'***@' if self.credentials else ''}{self.location}"

    def __repr__(self) -> str:
        return f"CameraUri({str(self)!r})"


def _rtsp_location(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise CameraUriError("host or port cannot be read", "write rtsp://host:554/path") from None
    if "@" in parts.netloc:
        raise CameraUriError(
            "user and password stand in the address in clear",
            "remove them and add `credentials: env:NAME` (the variable holds user:password)",
        )
    if not host:
        raise CameraUriError("the host is missing", "write rtsp://host:554/path")
    if _SECRET_IN_TEXT.search(text):
        raise CameraUriError(
            "a password or token stands in the address in clear",
            "write {user} and {password} in its place and add `credentials: env:NAME`",
        )
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.netloc}{parts.path}{query}"


def _virtual(rest: str) -> CameraUri:
    scenario, _, query = rest.partition("?")
    if not _SCENARIO.match(scenario):
        raise CameraUriError(
            "the scenario's name is missing or not plain", "write e.g. virtual:blocked_stair?seed=1"
        )
    try:
        pairs = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError:
        raise CameraUriError("its parameters cannot be read", "write ?seed=1&light=day") from None
    unknown = sorted(set(pairs) - set(_VIRTUAL_KEYS))
    if unknown:
        known = ", ".join(_VIRTUAL_KEYS)
        raise CameraUriError(f"unknown parameter {unknown[0]!r}", f"use one of: {known}")
    if not re.fullmatch(r"[0-9]{1,9}", pairs.get("seed", "1")):
        raise CameraUriError("seed is not a whole number", "write e.g. seed=1")
    if pairs.get("light", "day") not in LIGHTS:
        raise CameraUriError("unknown light", f"use one of: {', '.join(LIGHTS)}")
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", pairs.get("start_s", "0")):
        raise CameraUriError("start_s is not a number of seconds", "write e.g. start_s=60")
    return CameraUri("virtual", scenario, tuple(sorted(pairs.items())))
