"""Model cards: what a weights file is, what it was trained on, and how well it does.

A card is a YAML file beside the others in `models/cards/`. Its `metrics` part is written by the
evaluation command, never by hand.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from models.decoding import Decoding, read_decoding
from models.errors import CardError

_KNOWN_KEYS = {
    "model_id",
    "family",
    "task",
    "weights",
    "summary",
    "licence",
    "decoding",
    "data",
    "training",
    "metrics",
    "quantised",
    "bf16",
}
_SHA256_DIGITS = 64
INT8_SUFFIX = "-int8"
MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Bilingual:
    """The same sentence in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Shortened:
    """How well a model does in a shorter precision: in bf16, its file as it is.

    Attributes:
        metrics: as the model's own, measured so.
        loss: relative loss against the model in f32, by set and measure.
    """

    metrics: Mapping[str, Any]
    loss: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Quantised(Shortened):
    """The int8 file of a model.

    Attributes:
        file, sha256: as of the weights themselves.
        made: how: tool, pictures it was calibrated on, what stayed in float.
    """

    file: str
    sha256: str
    made: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model.

    Attributes:
        model_id: e.g. `xiaoan-heads-2`.
        family: which adapter reads it; `models.families` names them.
        task: `heads` or `persons`.
        weights_file: file name, looked up in the weights folder.
        weights_sha256: 64 lower-case hexadecimal digits.
        summary, licence: what it is, and the caution that goes with its data.
        decoding: see `Decoding`.
        data, training, metrics: free mappings as in the file; the metrics are those of f32.
        quantised: the int8 file, where there is one.
        bf16: how well it does in bf16, where that has been judged.
        path: the card's own file.
    """

    model_id: str
    family: str
    task: str
    weights_file: str
    weights_sha256: str
    summary: Bilingual
    licence: Bilingual
    decoding: Decoding
    data: tuple[Mapping[str, Any], ...]
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    path: Path
    quantised: Quantised | None = None
    bf16: Shortened | None = None

    def as_int8(self) -> ModelCard:
        """The card of the int8 file: its weights, and its own metrics once they are measured.

        Raises:
            CardError: when the model has no int8 file.
        """
        if self.quantised is None:
            raise CardError(
                f"{self.path}: quantised: missing, so there is no int8 file; "
                f"run `xiaoan models quantise {self.model_id}` or ask for f32"
            )
        if self.quantised.made.get("from") != self.versioned_id:
            raise CardError(
                f"{self.path}: quantised.made.from: the int8 file is not of {self.versioned_id}; "
                f"run `xiaoan models quantise {self.model_id}` again or ask for f32"
            )
        return replace(
            self,
            model_id=f"{self.model_id}{INT8_SUFFIX}",
            weights_file=self.quantised.file,
            weights_sha256=self.quantised.sha256,
            metrics=self.quantised.metrics or self.metrics,
            quantised=None,
            bf16=None,
        )

    @property
    def int8_loss(self) -> float:
        """The largest relative loss of the int8 file's mean count error on any set of `metrics`;
        inf where one of them is unmeasured, or there is no int8 file."""
        rows = {} if self.quantised is None else self.quantised.loss
        sets = judged_sets(self.metrics)
        told = [rows.get(name) for name in {*sets, *rows}]
        losses = [row.get("density_mae") for row in told if isinstance(row, Mapping)]
        measured = [float(one) for one in losses if isinstance(one, int | float)]
        return max(measured) if sets and len(measured) == len(told) else math.inf

    @property
    def versioned_id(self) -> str:
        """Name and short hash, as stored with every reading."""
        return f"{self.model_id}@{self.weights_sha256[:8]}"

    @property
    def relative_error(self) -> float:
        """Relative error of the density count, one standard deviation, as measured.

        Raises:
            CardError: when the card has not been through the evaluation command.
        """
        value = self.metrics.get("relative_error")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 10:
            raise CardError(
                f"{self.path}: metrics.relative_error: missing or not in 0..10; "
                f"run `xiaoan models evaluate {self.model_id} --write`"
            )
        return float(value)


def judged_sets(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the sets that a `metrics` part tells of."""
    return tuple(metrics.get("sets") or ())


def read_card(path: Path) -> ModelCard:
    """Read and check one card.

    Raises:
        CardError: the text names the file, the key and the mend.
    """
    document = _document(path)
    unknown = sorted(str(key) for key in set(document) - _KNOWN_KEYS)
    if unknown:
        known = ", ".join(sorted(_KNOWN_KEYS))
        raise CardError(f"{path}: {unknown[0]}: unknown key; known are {known}")
    weights = _mapping(document, "weights", path)
    task = _text(document, "task", path)
    if task not in ("heads", "persons"):
        raise CardError(f"{path}: task: {task!r} is not known; write heads or persons")
    return ModelCard(
        model_id=_model_id(document, path),
        family=_text(document, "family", path),
        task=task,
        weights_file=_file_name(weights, path, "weights"),
        weights_sha256=_sha256(weights, path, "weights"),
        summary=_bilingual(document, "summary", path),
        licence=_bilingual(document, "licence", path),
        decoding=read_decoding(_part(document, "decoding", path), path),
        data=_data(document, path),
        training=_part(document, "training", path),
        metrics=_metrics(document, path),
        path=path,
        quantised=_quantised(document, path),
        bf16=_bf16(document, path),
    )


def write_parts(path: Path, parts: Mapping[str, Any]) -> None:
    """Replace whole top-level parts of a card file, leaving the rest as it is written.

    Raises:
        CardError: when the card cannot be read, or a part is not a card key.
    """
    unknown = sorted(set(parts) - _KNOWN_KEYS)
    if unknown:
        raise CardError(f"{path}: {unknown[0]}: not a part of a model card")
    yaml = YAML()
    yaml.width = 100
    document = _document(path, yaml)
    for key, value in parts.items():
        document[key] = value
    write_card(path, document, yaml)


def write_card(path: Path, document: Mapping[str, Any], yaml: YAML | None = None) -> None:
    """Write a card file whole or not at all.

    Raises:
        CardError: when the folder cannot be written.
    """
    writer = yaml or YAML()
    writer.width = 100
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not by `config.whole_files`: the environments that train hold none of what config needs.
        with part.open("w", encoding="utf-8") as file:
            writer.dump(dict(document) if yaml is None else document, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CardError(f"{path}: cannot be written ({error.strerror})") from error


def _document(path: Path, yaml: YAML | None = None) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            document = (yaml or YAML(typ="safe")).load(file)
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror})") from error
    except (YAMLError, ValueError) as error:
        # ValueError: bytes that are no UTF-8, or a date such as 2026-13-45.
        raise CardError(f"{path}: not valid YAML ({error})") from error
    if not isinstance(document, dict):
        raise CardError(f"{path}: expected keys such as model_id and weights")
    return document


def _text(mapping: Mapping[str, Any], key: str, path: Path) -> str:
    value = mapping.get(key)
    if not isinstance(value, str) or not value.strip():
        raise CardError(f"{path}: {key}: missing or not a text")
    return value.strip()


def _mapping(mapping: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    value = mapping.get(key)
    if not isinstance(value, dict):
        raise CardError(f"{path}: {key}: missing or without keys of its own")
    return value


def _part(mapping: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    """A mapping that may be missing, or be left empty by hand."""
    return {} if mapping.get(key) is None else _mapping(mapping, key, path)


def _metrics(mapping: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    metrics = _part(mapping, "metrics", path)
    _part(metrics, "sets", path)
    return metrics


def _model_id(document: Mapping[str, Any], path: Path) -> str:
    model_id = _text(document, "model_id", path)
    if not MODEL_ID.fullmatch(model_id):
        raise CardError(
            f"{path}: model_id: {model_id!r} is no id; use up to 64 small letters, digits, '.', "
            "'_' and '-'"
        )
    if model_id != path.stem:
        raise CardError(f"{path}: model_id: {model_id!r} is not the file's name; name it alike")
    return model_id


def _file_name(mapping: Mapping[str, Any], path: Path, part: str) -> str:
    name = _text(mapping, "file", path)
    if Path(name).name != name:
        raise CardError(f"{path}: {part}.file: {name!r} is no plain file name")
    return name


def _sha256(mapping: Mapping[str, Any], path: Path, part: str) -> str:
    sha256 = _text(mapping, "sha256", path)
    if len(sha256) != _SHA256_DIGITS or set(sha256) - set("0123456789abcdef"):
        raise CardError(f"{path}: {part}.sha256: expected {_SHA256_DIGITS} hexadecimal digits")
    return sha256


def _quantised(document: Mapping[str, Any], path: Path) -> Quantised | None:
    if "quantised" not in document:
        return None
    part = _mapping(document, "quantised", path)
    return Quantised(
        file=_file_name(part, path, "quantised"),
        sha256=_sha256(part, path, "quantised"),
        made=_part(part, "made", path),
        metrics=_metrics(part, path),
        loss=_part(part, "loss", path),
    )


def _bf16(document: Mapping[str, Any], path: Path) -> Shortened | None:
    if "bf16" not in document:
        return None
    part = _mapping(document, "bf16", path)
    return Shortened(metrics=_metrics(part, path), loss=_part(part, "loss", path))


def _bilingual(document: Mapping[str, Any], key: str, path: Path) -> Bilingual:
    both = _mapping(document, key, path)
    return Bilingual(zh=_text(both, "zh", path), en=_text(both, "en", path))


def _data(document: Mapping[str, Any], path: Path) -> tuple[Mapping[str, Any], ...]:
    data = document.get("data") or []
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise CardError(f"{path}: data: not a list of parts with keys of their own")
    return tuple(data)
