"""What a change of the delivery settings is judged by, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from api.delivery.entered import EnteredPath, Value
from api.problems import Problem
from api.schemas import NameBody
from config.delivery import (
    CapKeys,
    Dc09Keys,
    DeliveryFileError,
    DeliveryPath,
    Gb28181Keys,
    MqttKeys,
    RobotKeys,
    WebhookKeys,
    read_secret,
)
from config.delivery.edit import DeliveryDocument
from config.delivery.form import form_of, secret_keys
from config.errors import FileProblem, SecretError
from config.networks import AddressRefusedError, load_networks, permitted
from config.refusals import in_chinese

Edit = Callable[[DeliveryDocument], DeliveryDocument]

_INDEX = re.compile(r"^targets\[\d+\]\.?(?:paths\[\d+\]\.?)?")


def wrong(key: str, message: str, mend: str = "correct the value") -> Problem:
    """The refusal of one key, in both languages as far as the catalogue goes."""
    problem = Problem(422, "delivery_settings_wrong", detail=key, key=key)
    said = NameBody(
        zh=f"{key}：{in_chinese(message) or message} — 改法：{in_chinese(mend) or mend}",
        en=f"{key}: {message} — mend: {mend}",
    )
    problem.body = problem.body.model_copy(update={"message": said})
    return problem


def refused(problem: FileProblem) -> Problem:
    """The refusal of a problem in the file that a change would make."""
    return wrong(_INDEX.sub("", problem.key) or problem.key, problem.message, problem.mend)


def hosts_of(path: DeliveryPath, secrets: Mapping[str, str], directory: Path) -> list[str]:
    """The machines that a path connects to, by name or address."""
    match path.settings:
        case WebhookKeys(url=url):
            return [urlsplit(url).hostname or ""]
        case RobotKeys() as keys:
            with suppress(SecretError, ValueError):
                url = secrets.get("url") or read_secret(keys.url, directory)
                return [urlsplit(url).hostname or ""]
            return []
        case CapKeys():
            return []
        case Gb28181Keys(server=host) | MqttKeys(host=host) | Dc09Keys(host=host):
            return [host]


def check_addresses(path: DeliveryPath, directory: Path, secrets: Mapping[str, str]) -> None:
    """Raises `Problem` for a machine that the site does not allow, or a place outside its folder.

    A name that cannot be looked up now is judged when it is connected to.
    """
    key = "url" if isinstance(path.settings, (WebhookKeys, RobotKeys)) else "host"
    key = "server" if hasattr(path.settings, "server") else key
    rules = load_networks(directory)
    for host in hosts_of(path, secrets, directory):
        try:
            permitted(host, rules)
        except AddressRefusedError as error:
            message, _, mend = str(error).partition(" — mend: ")
            raise wrong(key, message, mend) from None
        except OSError:
            continue
    for name in ("folder", "ca_file"):
        place = getattr(path.settings, name, None)
        if place and not (directory / place).resolve().is_relative_to(directory.resolve()):
            raise wrong(name, "lies outside the site folder", "name a place inside it")


def edited(edit: Edit, document: DeliveryDocument, target_id: str = "") -> DeliveryDocument:
    try:
        return edit(document)
    except KeyError:
        raise Problem(404, "delivery_unknown", name=target_id) from None
    except DeliveryFileError as error:
        raise refused(error.problems[0]) from None


def alone(entered: EnteredPath, settings: Mapping[str, object], directory: Path) -> DeliveryPath:
    """A path judged by itself, before it stands in the file. Raises `Problem`."""
    path = {"id": entered.path_id, "driver": entered.driver, "settings": dict(settings)}
    target = {
        "name": {"zh": "测试", "en": "test"},
        "role": "information" if entered.driver == "robot" else "monitoring",
        "acknowledgement": "transport",
        "paths": [path],
    }
    empty = DeliveryDocument(b"targets: []\n", directory)
    judged = edited(lambda known: known.with_target(entered.target_id, target), empty)
    return judged.plan().target(entered.target_id).path(entered.path_id)


def has_target(document: DeliveryDocument, target_id: str) -> bool:
    return any(target.id == target_id for target in document.plan().targets)


def check_known(document: DeliveryDocument, target_id: str, path_id: str = "") -> None:
    """Raises `Problem` 404 for a target or path that the file does not have."""
    try:
        target = document.plan().target(target_id)
        if path_id:
            target.path(path_id)
    except KeyError as error:
        raise Problem(404, "delivery_unknown", name=str(error.args[0])) from None


def settings_of(document: DeliveryDocument, entered: EnteredPath) -> Mapping[str, object]:
    """What the path had, with the same driver; nothing for a new one."""
    try:
        path = document.plan().target(entered.target_id).path(entered.path_id)
    except KeyError:
        return {}
    return path.settings.model_dump(exclude_unset=True) if path.driver == entered.driver else {}


def lean(
    driver: str, settings: Mapping[str, Value], before: Mapping[str, object]
) -> dict[str, Value]:
    """The settings without what is the default anyhow, unless the file has it already."""
    usual = {key.name: key.default for key in form_of(driver)}
    return {
        key: value
        for key, value in settings.items()
        if key in before or key not in usual or value != usual[key]
    }


def difference(
    before: DeliveryDocument, after: DeliveryDocument, entered: EnteredPath
) -> dict[str, str]:
    """What changed, for the audit log: old and new value by key; of a secret only that it did."""
    old = settings_of(before, entered)
    path = after.plan().target(entered.target_id).path(entered.path_id)
    new, hidden = path.settings.model_dump(exclude_unset=True), secret_keys(entered.driver)
    told = {"driver": entered.driver}
    for key in sorted({*old, *new}):
        if old.get(key) == new.get(key):
            continue
        told[key] = "replaced" if key in hidden else f"{old.get(key)} -> {new.get(key)}"[:200]
    return told
