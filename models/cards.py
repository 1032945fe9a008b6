"""Model cards: what a weights file is, what it was trained on, and how well it does.

A card is a YAML file beside the others in `models/cards/`. Its `metrics` part is written by the
evaluation command, never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

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
}
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Bilingual:
    """The same sentence in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the network's answers are read.

    Attributes:
        working_long_side_px: a larger picture is shrunk to this long side first.
        enlarge_below_px: a picture with a smaller long side is doubled; 0 for never.
        score_threshold: points or boxes below it are dropped.
        iou_threshold: overlap above which the weaker of two boxes is dropped; persons only.
        person_class: index of the person class; persons only.
    """

    working_long_side_px: int = 960
    enlarge_below_px: int = 0
    score_threshold: float = 0.35
    iou_threshold: float = 0.5
    person_class: int = 0


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model.

    Attributes:
        model_id: e.g. `xiaoan-heads-1`.
        family: which adapter reads it: `xiaoan-heads` or `yolox`.
        task: `heads` or `persons`.
        weights_file: file name, looked up in the weights folder.
        weights_sha256: 64 lower-case hexadecimal digits.
        summary, licence: what it is, and the caution that goes with its data.
        decoding: see `Decoding`.
        data, training, metrics: free mappings as in the file.
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


def read_card(path: Path) -> ModelCard:
    """Read and check one card.

    Raises:
        CardError: the text names the file, the key and the mend.
    """
    document = _document(path)
    unknown = sorted(set(document) - _KNOWN_KEYS)
    if unknown:
        raise CardError(f"{path}: {unknown[0]}: unknown key; known are {', '.join(_names())}")
    weights = _mapping(document, "weights", path)
    sha256 = _text(weights, "sha256", path)
    if len(sha256) != _SHA256_DIGITS or set(sha256) - set("0123456789abcdef"):
        raise CardError(f"{path}: weights.sha256: expected {_SHA256_DIGITS} hexadecimal digits")
    task = _text(document, "task", path)
    if task not in ("heads", "persons"):
        raise CardError(f"{path}: task: {task!r} is not known; write heads or persons")
    return ModelCard(
        model_id=_text(document, "model_id", path),
        family=_text(document, "family", path),
        task=task,
        weights_file=_text(weights, "file", path),
        weights_sha256=sha256,
        summary=_bilingual(document, "summary", path),
        licence=_bilingual(document, "licence", path),
        decoding=_decoding(document.get("decoding", {}), path),
        data=tuple(document.get("data", ())),
        training=document.get("training", {}),
        metrics=document.get("metrics", {}),
        path=path,
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
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def _names() -> list[str]:
    return sorted(_KNOWN_KEYS)


def _document(path: Path, yaml: YAML | None = None) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            document = (yaml or YAML(typ="safe")).load(file)
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror})") from error
    except YAMLError as error:
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


def _bilingual(document: Mapping[str, Any], key: str, path: Path) -> Bilingual:
    both = _mapping(document, key, path)
    return Bilingual(zh=_text(both, "zh", path), en=_text(both, "en", path))


def _decoding(values: Mapping[str, Any], path: Path) -> Decoding:
    try:
        decoding = Decoding(**values)
    except TypeError as error:
        known = ", ".join(Decoding.__slots__)
        raise CardError(f"{path}: decoding: {error}; known keys are {known}") from error
    if decoding.working_long_side_px < 64 or not 0 < decoding.score_threshold < 1:
        raise CardError(
            f"{path}: decoding: working_long_side_px must be at least 64 and score_threshold "
            "between 0 and 1"
        )
    return decoding
