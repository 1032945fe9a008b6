"""Settings of the service on one machine: environment variables `XIAOAN_*`, or a YAML file.

An environment variable wins over the file, and a named argument over both.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.errors import ConfigFileError, SettingsError
from config.schema_problems import CORRECT, fault_and_mend, nearest
from config.yaml_source import read_yaml

ENV_PREFIX = "XIAOAN_"
# Variables that are read elsewhere.
_FURTHER = ("AUDIT", "CACHE", "HEARTBEAT_FD", "MODELS", "REPORT_FONT", "SECRETS_KEY_FILE")
_OURS, _NEAR = ENV_PREFIX[:4], 0.85
_TOKEN_BYTES = 32
_CORRECT_OR_REMOVE = "correct or remove it"
_SECRET = frozenset({"database_url"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ServiceSettings(BaseSettings):
    """What the processes of one machine need to know besides the site.

    Attributes:
        run_dir: database, spools, recordings and the token; made when missing.
        host, port: where the console listens; other machines reach it only when the host is set
            to an address of this machine.
        database_url: `sqlite:////full/path.db` or `postgresql://...`; SQLite in `run_dir` when
            empty. It may hold a password, so it is never printed.
        workers: analysis processes; 0 lets the service choose by the number of cores.
        language: first language of the console.
        stale_after_s: a zone whose newest reading is older shows UNKNOWN.
        ingest_token_file: holds the token of the workers; `ingest.token` in `run_dir` when empty.
        allowed_hosts: further names under which browsers reach the console.
        head_network: id of the network that finds heads; empty for the default one. A heavier one
            carries fewer cameras (`xiaoan models list`).
        network_precision: numbers in which workers compute; `auto` measures which are faster here.
        second_look: detector of whole people that counts beside the head network once a minute;
            `auto` takes an installed one, `off` none, else the id of one.
        hardware_decoding: what decodes pictures; `auto` takes what works, else software.
        access: `accounts`, or `open` for a demonstration that only this machine can reach.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    run_dir: Path = Path("var")
    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8440
    database_url: Annotated[str, Field(repr=False)] = ""
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    language: Literal["zh", "en"] = "zh"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    stale_after_s: Annotated[float, Field(ge=1.0, le=60.0)] = 3.0
    ingest_token_file: Path | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    access: Literal["accounts", "open"] = "accounts"
    head_network: Annotated[str, Field(max_length=100)] = ""
    network_precision: Literal["auto", "f32", "bf16", "int8"] = "auto"
    second_look: Annotated[str, Field(min_length=1, max_length=100)] = "auto"
    hardware_decoding: Literal["off", "auto", "cuda", "vaapi", "qsv"] = "off"

    @model_validator(mode="after")
    def _open_only_here(self) -> Self:
        if self.access == "open" and self.host not in _LOOPBACK:
            raise ValueError(
                f"access is open while host is {self.host}: anybody on the network could act — "
                "use access accounts, or host 127.0.0.1"
            )
        return self

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('it is no list — write lists as JSON, e.g. ["name"]') from None

    @field_validator("allowed_hosts")
    @classmethod
    def _names_alone(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """The name that a browser sends, also where an address was copied out of one."""
        return tuple(_host_of(given) for given in value)

    @field_validator("run_dir", "ingest_token_file", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, str) and not value.strip():
            raise ValueError("is empty — write a folder or file, or remove it")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file; no `.env` file is looked for."""
        del dotenv_settings, file_secret_settings
        if not isinstance(init_settings, InitSettingsSource):
            return init_settings, env_settings
        arguments = dict(init_settings.init_kwargs)
        from_file = arguments.pop("from_file", {})
        return (
            InitSettingsSource(settings_cls, init_kwargs=arguments),
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=dict(from_file)),
        )

    @property
    def local_url(self) -> str:
        """Where this machine itself reaches the console: only there where it listens."""
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{here}]:{self.port}" if ":" in here else f"http://{here}:{self.port}"

    @property
    def resolved_database_url(self) -> str:
        """The database URL, with the default filled in."""
        return self.database_url or f"sqlite:///{(self.run_dir / 'xiaoan.db').resolve()}"

    @property
    def runtimes_file(self) -> Path:
        """Where it is kept which numbers and runtime are fastest here: not in a temporary folder,
        which a service has anew at each start."""
        return self.run_dir / "runtimes.json"

    @property
    def resolved_token_file(self) -> Path:
        """The token file, with the default filled in."""
        return self.ingest_token_file or self.run_dir / "ingest.token"


def _host_of(given: str) -> str:
    """`http://desk:8440/` as `desk`, `::1` as it is: what `Host` names without its port."""
    address = given.strip()
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        pass
    try:
        name = urlsplit(address if "//" in address else f"//{address}").hostname
    except ValueError:
        name = None
    if name is not None and "*" in name:
        raise ValueError(
            f"{given!r} is a pattern and lets nobody in — write each name that browsers use, "
            "such as xiaoan.school; addresses in numbers need none"
        )
    if not name:
        raise ValueError(f"{given!r} is no name of a machine — write a name such as xiaoan.school")
    return name


def load_settings(file: Path | None = None, **arguments: object) -> ServiceSettings:
    """The settings from `file` (if any), the environment, and `arguments` that are not `None`.

    Raises:
        SettingsError: an unknown key or a value out of range; the text names where it stands.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    _check_names(given, "argument")
    from_file = _file_values(file) if file is not None else {}
    try:
        return ServiceSettings(from_file=from_file, **given)  # type: ignore[call-arg,arg-type]
    except ValidationError as error:
        raise SettingsError("\n".join(_told(error, file, from_file, given))) from None


def misspelt(environment: Iterable[str]) -> dict[str, str]:
    """Variables of the environment that look like one of ours and are none, with that one's name.

    Only what is near to a known name is told: a school may name its own secrets as it likes.
    """
    fields = (name.upper() for name in ServiceSettings.model_fields)
    known = [f"{ENV_PREFIX}{name}" for name in (*fields, *_FURTHER)]
    found = {}
    for name in sorted(environment):
        near = get_close_matches(name.upper(), known, 1, _NEAR)
        # A setting is read whether its name is in capitals or not.
        if name.upper().startswith(_OURS) and near and name.upper() not in known:
            found[name] = near[0]
    return found


def _file_values(file: Path) -> Mapping[str, object]:
    try:
        source = read_yaml(file)
    except ConfigFileError as error:
        raise SettingsError(str(error)) from None
    if not isinstance(source.data, dict):
        source.report((), "expected settings", "write `port: 8440` lines")
    else:
        for key in sorted(set(source.data) - set(ServiceSettings.model_fields)):
            source.report((key,), "unknown setting", nearest(key, ServiceSettings.model_fields))
    if source.problems or not isinstance(source.data, dict):
        raise SettingsError(str(ConfigFileError(source.problems)))
    return source.data


def _check_names(given: Mapping[str, object], kind: str) -> None:
    for name in given:
        if name not in ServiceSettings.model_fields:
            mend = nearest(name, ServiceSettings.model_fields)
            zh = f"参数 {name}"
            raise SettingsError.at(f"{kind} {name}", "unknown setting", mend, place_zh=zh)


def _told(
    error: ValidationError,
    file: Path | None,
    from_file: Mapping[str, object],
    given: Mapping[str, object],
) -> list[str]:
    lines = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        variable = f"{ENV_PREFIX}{name.upper()}"
        zh = ""
        if not name:
            # The one check of two settings together.
            place = f"{ENV_PREFIX}ACCESS, {ENV_PREFIX}HOST"
        elif name in given:
            place, zh = f"argument {name}", f"参数 {name}"
        elif variable in os.environ or file is None or name not in from_file:
            place, zh = f"environment variable {variable}", f"环境变量 {variable}"
        else:
            place = f"{file.name}: {name}"
        lines.append(str(SettingsError.at(place, *_fault(name, detail), place_zh=zh)))
    return lines


def _fault(name: str, detail: ErrorDetails) -> tuple[str, str]:
    """What is wrong, and the mend; the value of a setting that may hold a password is not told."""
    if name in _SECRET:
        return detail["msg"], _CORRECT_OR_REMOVE
    message, mend = fault_and_mend(detail) or (detail["msg"], _CORRECT_OR_REMOVE)
    return message, _CORRECT_OR_REMOVE if mend == CORRECT else mend


def ingest_token(settings: ServiceSettings) -> str:
    """The workers' token; a random one is written, readable by this user only, when there is none.

    Raises:
        SettingsError: when the file cannot be read or written, or holds a short token.
    """
    path = settings.resolved_token_file
    try:
        there = path.exists()
    except OSError as error:
        raise SettingsError.at(
            str(path),
            f"it cannot be read: {error.strerror}",
            "run this as the user of the service, whose folder it is, or choose a folder you may "
            "write",
        ) from None
    if there:
        return _read_token(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
        # A link appears whole or not at all, and the first of two processes wins.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    except OSError as error:
        message = f"it cannot be written: {error.strerror or error}"
        raise SettingsError.at(str(path), message, "choose a folder you may write") from None
    return _read_token(path)


def _read_token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError.at(str(path), "cannot be read", "check its permissions") from None
    if len(token) < 16:
        mend = "delete it; a new one is made"
        raise SettingsError.at(str(path), "the token is too short", mend)
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        raise SettingsError.at(str(path), "others can read it", f"chmod 600 {path}")
    return token
