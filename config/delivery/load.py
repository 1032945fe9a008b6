"""Reading `delivery.yaml`: problems with line and mend; a site without the file has no targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from config.delivery.drivers import DRIVERS, CapKeys, MqttKeys
from config.delivery.plan import (
    Acknowledgement,
    DeliveryPath,
    DeliveryPlan,
    DeliveryTarget,
    FromStep,
    Role,
)
from config.errors import ConfigFileError
from config.schema_problems import nearest, validated
from config.site import LocalText
from config.site_schema import TextKeys
from config.yaml_source import KeyPath, YamlSource, parse_yaml, read_yaml

DELIVERY_FILE = "delivery.yaml"
_DAY_S = 86_400.0

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class DeliveryFileError(ConfigFileError):
    """`delivery.yaml` cannot be used."""


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class _PathKeys(_Keys):
    id: Id
    driver: str
    settings: object


class _TargetKeys(_Keys):
    id: Id
    name: TextKeys
    role: Literal["police", "monitoring", "information"]
    lowest_priority: Annotated[int, Field(ge=1, le=4)] = 2
    acknowledgement: Literal["receiver", "transport"] = "receiver"
    ack_within_s: Annotated[float, Field(ge=1.0, le=30.0)] = 10.0
    attempt_s: Annotated[float, Field(ge=1.0, le=30.0)] = 5.0
    give_up_after_s: Annotated[float, Field(ge=60.0, le=30 * _DAY_S)] | None = None
    both_for_urgent: bool = False
    one_path_reason: str = ""
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+ \-]{0,24}$")] = ""
    from_step: FromStep | None = None
    paths: Annotated[tuple[object, ...], Field(min_length=1, max_length=4)]


class _FileKeys(_Keys):
    # Three misses of 20 s and the last attempt's time stay below 90 s.
    heartbeat_s: Annotated[float, Field(ge=1.0, le=25.0)] = 20.0
    unacknowledged_s: Annotated[float, Field(ge=5.0, le=55.0)] = 45.0
    targets: tuple[object, ...]


def load_delivery(directory: Path) -> DeliveryPlan:
    """Read `delivery.yaml` of a site folder; no targets when there is no such file.

    Raises:
        DeliveryFileError: with every problem found; each names file, line, key and mend.
    """
    path = directory / DELIVERY_FILE
    if not path.exists():
        return DeliveryPlan(directory=directory)
    try:
        return _plan(read_yaml(path), directory)
    except DeliveryFileError:
        raise
    except ConfigFileError as error:
        raise DeliveryFileError(error.problems) from None


def parse_delivery(content: bytes, *, directory: Path) -> DeliveryPlan:
    """The same from bytes. Raises `DeliveryFileError`."""
    try:
        return _plan(parse_yaml(content, file=DELIVERY_FILE), directory)
    except DeliveryFileError:
        raise
    except ConfigFileError as error:
        raise DeliveryFileError(error.problems) from None


def _plan(source: YamlSource, directory: Path) -> DeliveryPlan:
    root = validated(_FileKeys, source.data, at=(), source=source)
    targets: list[DeliveryTarget] = []
    if root is not None:
        seen: set[str] = set()
        for index, item in enumerate(root.targets):
            target = _target(item, ("targets", index), source)
            if target is None:
                continue
            if target.id in seen:
                source.report(
                    ("targets", index, "id"),
                    f"the id {target.id!r} is used twice",
                    "give each target its own id",
                )
            seen.add(target.id)
            targets.append(target)
    if root is None or source.problems:
        raise DeliveryFileError(source.problems)
    return DeliveryPlan(
        targets=tuple(targets),
        heartbeat_s=root.heartbeat_s,
        unacknowledged_s=root.unacknowledged_s,
        directory=directory,
    )


def _target(item: object, at: KeyPath, source: YamlSource) -> DeliveryTarget | None:
    keys = validated(_TargetKeys, item, at=at, source=source)
    if keys is None:
        return None
    role = Role(keys.role)
    paths = _paths(keys, at, source)
    _check_role(keys, role, paths, at, source)
    return DeliveryTarget(
        id=keys.id,
        name=LocalText(zh=keys.name.zh, en=keys.name.en),
        role=role,
        lowest_priority=keys.lowest_priority,
        acknowledgement=Acknowledgement(keys.acknowledgement),
        ack_within_s=keys.ack_within_s,
        attempt_s=keys.attempt_s,
        give_up_after_s=None if role is Role.POLICE else keys.give_up_after_s or _DAY_S,
        both_for_urgent=keys.both_for_urgent,
        paths=paths,
        from_step=keys.from_step,
        phone=keys.phone,
        one_path_reason=keys.one_path_reason,
    )


def _paths(keys: _TargetKeys, at: KeyPath, source: YamlSource) -> tuple[DeliveryPath, ...]:
    paths: list[DeliveryPath] = []
    for index, item in enumerate(keys.paths):
        here: KeyPath = (*at, "paths", index)
        path = _path(item, here, source)
        if path is None:
            continue
        if any(other.id == path.id for other in paths):
            source.report(
                (*here, "id"), f"the id {path.id!r} is used twice", "give each path its own id"
            )
        if any(other.settings == path.settings for other in paths):
            source.report(
                here, "the same way is written twice", "name a second address, line or server"
            )
        paths.append(path)
    return tuple(paths)


def _path(item: object, at: KeyPath, source: YamlSource) -> DeliveryPath | None:
    keys = validated(_PathKeys, item, at=at, source=source)
    if keys is None:
        return None
    model = DRIVERS.get(keys.driver)
    if model is None:
        source.report(
            (*at, "driver"), f"there is no driver {keys.driver!r}", nearest(keys.driver, DRIVERS)
        )
        return None
    settings = validated(model, keys.settings, at=(*at, "settings"), source=source)
    return None if settings is None else DeliveryPath(keys.id, keys.driver, settings)


def _check_role(
    keys: _TargetKeys,
    role: Role,
    paths: tuple[DeliveryPath, ...],
    at: KeyPath,
    source: YamlSource,
) -> None:
    if role is Role.POLICE:
        if keys.from_step is not None:
            source.report(
                (*at, "from_step"),
                "the police are told at once",
                "remove it, or give the target another role",
            )
        if keys.give_up_after_s is not None:
            source.report(
                (*at, "give_up_after_s"), "an alarm to the police is never given up", "remove it"
            )
        if len(keys.paths) < 2 and not keys.one_path_reason.strip():
            source.report(
                (*at, "paths"),
                "a police target needs two paths",
                "add a second path, or say `one_path_reason:` why there is none",
            )
    for index, path in enumerate(paths):
        here: KeyPath = (*at, "paths", index)
        if path.driver == "robot" and role is not Role.INFORMATION:
            source.report(
                (*here, "driver"),
                "a chat robot is information only",
                "set `role: information`, or use another driver",
            )
        if (
            isinstance(path.settings, MqttKeys)
            and path.settings.ack_topic is None
            and keys.acknowledgement == "receiver"
        ):
            source.report(
                (*here, "settings"),
                "the receiver has no topic for its acknowledgement",
                "add `ack_topic:`, or set `acknowledgement: transport` on the target",
            )
        if isinstance(path.settings, CapKeys) and role is Role.POLICE:
            source.report(
                (*here, "driver"),
                "a folder of documents tells the police nothing",
                "use gb28181, webhook, mqtt or dc09",
            )
