"""Changing `delivery.yaml` by program: comments and order stay, the file is replaced as a whole.

The file is the one place where the settings stand, whether a person edits it or a page does. Every
change works on the bytes of the file and gives new bytes, checked as at every start, to be written
by `replace_file`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from config.delivery.load import DELIVERY_FILE, DeliveryFileError, parse_delivery
from config.delivery.plan import DeliveryPlan
from config.whole_files import replace_whole

_NEW_FILE = """\
# 告警送往校外的目标与通道；可在“告警外送”页修改，也可用编辑器修改，保存即生效。
# Where alarms go: edited on the page "Alarm delivery" or here; a change takes effect when saved.
targets: []
"""
_WIDTH = 4096


@dataclass(frozen=True, slots=True)
class DeliveryDocument:
    """The bytes of a site's `delivery.yaml`; those of an empty one where there is no file.

    Attributes:
        is_there: the site has such a file.
        revision: tells one content from another, so that nobody overwrites what they did not see.
    """

    content: bytes
    directory: Path
    is_there: bool = True

    @classmethod
    def read(cls, directory: Path) -> DeliveryDocument:
        """Raises `OSError` when the file is there and cannot be read."""
        try:
            return cls((directory / DELIVERY_FILE).read_bytes(), directory)
        except FileNotFoundError:
            return cls(_NEW_FILE.encode(), directory, is_there=False)

    @property
    def revision(self) -> str:
        return sha256(self.content).hexdigest()[:16]

    def plan(self) -> DeliveryPlan:
        """What the content says. Raises `DeliveryFileError`."""
        return parse_delivery(self.content, directory=self.directory)

    def with_target(self, target_id: str, keys: Mapping[str, object]) -> DeliveryDocument:
        """A target's own keys, all but `id` and `paths`, as given; a new target is added last.

        A new target brings its first `paths` in `keys`. Raises `DeliveryFileError`.
        """
        root, targets = self._opened()
        target = _found(targets, target_id)
        if target is None:
            targets.append(CommentedMap({"id": target_id, **_plain(keys)}))
        else:
            _settle(target, {**_plain(keys), "id": target_id, "paths": target["paths"]})
        return self._closed(root)

    def without_target(self, target_id: str) -> DeliveryDocument:
        """Raises `DeliveryFileError`."""
        root, targets = self._opened()
        targets[:] = [target for target in targets if target["id"] != target_id]
        return self._closed(root)

    def with_path(
        self, target_id: str, path_id: str, driver: str, settings: Mapping[str, object]
    ) -> DeliveryDocument:
        """A path's driver and settings as given; a new path is added last.

        Raises:
            KeyError: there is no such target.
            DeliveryFileError: the settings are not what the driver takes.
        """
        root, targets = self._opened()
        target = _found(targets, target_id)
        if target is None:
            raise KeyError(target_id)
        path = _found(target["paths"], path_id)
        if path is None:
            new = {"id": path_id, "driver": driver, "settings": _plain(settings)}
            target["paths"].append(CommentedMap(new))
        else:
            path["driver"] = driver
            _settle(path["settings"], _plain(settings))
        return self._closed(root)

    def without_path(self, target_id: str, path_id: str) -> DeliveryDocument:
        """Raises `KeyError` for an unknown target, and `DeliveryFileError`."""
        root, targets = self._opened()
        target = _found(targets, target_id)
        if target is None:
            raise KeyError(target_id)
        target["paths"][:] = [path for path in target["paths"] if path["id"] != path_id]
        return self._closed(root)

    def _opened(self) -> tuple[CommentedMap, CommentedSeq]:
        """The document with its comments. Only a file that can be used is ever changed."""
        self.plan()
        root = _yaml().load(self.content.decode("utf-8-sig"))
        return root, root["targets"]

    def _closed(self, root: CommentedMap) -> DeliveryDocument:
        if root["targets"] and root["targets"].fa.flow_style():
            # Only an empty list is written as `[]`.
            root["targets"].fa.set_block_style()
        told = io.StringIO()
        _yaml().dump(root, told)
        changed = DeliveryDocument(told.getvalue().encode(), self.directory)
        changed.plan()
        return changed


def replace_file(document: DeliveryDocument) -> None:
    """Write the content in place of the file: whole or not at all, durable, same permissions.

    Raises:
        OSError: the folder or the file cannot be written.
    """
    replace_whole(document.directory / DELIVERY_FILE, document.content)


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _found(items: Sequence[CommentedMap], wanted: str) -> CommentedMap | None:
    return next((item for item in items if item["id"] == wanted), None)


def _settle(there: CommentedMap, wanted: Mapping[str, object]) -> None:
    """Make `there` hold what is wanted; what does not change keeps its place and its comment."""
    for key in [key for key in there if key not in wanted]:
        del there[key]
    for key, value in wanted.items():
        now = there.get(key)
        if isinstance(now, CommentedMap) and isinstance(value, Mapping):
            _settle(now, value)
        elif key not in there or now != value:
            there[key] = value


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """Values for a file: lists instead of tuples, nothing for what is `None`."""
    return {key: _value(value) for key, value in values.items() if value is not None}


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    return value


__all__ = ["DeliveryDocument", "DeliveryFileError", "replace_file"]
