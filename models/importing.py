"""Models that a school brings: `xiaoan models import`, `pull` and `export`.

They lie in a folder of their own (`models.registry.own_models_dir`), card and weights side by side.
A `.pt` file may run code when it is opened: `models.checkpoints` looks through it first, and only
the copy that it writes is opened.
"""

from __future__ import annotations

import dataclasses
import importlib
import pickle
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.cards import MODEL_ID, ModelCard, read_card, write_card
from models.checkpoints import copy_checked
from models.errors import (
    CardError,
    ModelError,
    NotWrittenError,
    RuntimeMissingError,
    WrongFamilyError,
)
from models.heads.network import OwnHeadNetwork
from models.loading import adapter, own_card, own_file
from models.registry import (
    CARDS_DIR,
    checked_weights,
    find_card,
    not_written,
    own_models_dir,
    sha256_of,
    write_whole,
)
from models.sessions import open_session

_PULLED = re.compile(r"yolo(v?[0-9]{1,2})[a-z]{0,2}u?")
_DOWNLOADS = "https://github.com/ultralytics/assets/releases"
_EXPORT_SIDE_PX = 640
# What PyTorch, its ONNX exporter and Ultralytics raise for a network that they cannot take apart.
_EXPORT_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.PickleError,
)


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that became a model: its card, its family as people call it, its input's shape."""

    card: ModelCard
    family: str
    shape: str


def import_file(
    path: Path,
    *,
    model_id: str | None = None,
    person_class: int | None = None,
    replace: bool = False,
) -> Imported:
    """Check a file of one's own, copy it into the folder of own models and write its card.

    A file that is there already under this id is left with its card as it is.

    Args:
        model_id: the file's name without suffix, in small letters, when not given.
        person_class: index of the class of whole persons, where the file names none.
        replace: take the place of another model of the same id, and of its card.

    Raises:
        WrongFamilyError: it is of no known family, or an unsafe pickle; the text says what it is.
        RuntimeFailedError: it fails on a picture.
        WeightsMissingError: it cannot be read.
        RuntimeMissingError: a `.pt` file, and the `export` extra is not installed.
        CardError: the id cannot be used.
        NotWrittenError: the folder of own models cannot be written.
    """
    name = model_id or re.sub(r"[^a-z0-9._-]", "-", path.stem.lower())
    if not MODEL_ID.fullmatch(name):
        raise CardError(f"{path}: {name!r} is no model id; give one with --id")
    if (CARDS_DIR / f"{name}.yaml").exists():
        raise CardError(f"{path}: {name!r} is a model of the package; give another id with --id")
    suffix = path.suffix.lower()
    if suffix == ".pt":
        content = export_checkpoint(path)
        card = own_card(content, path, person_class=person_class)
    elif suffix == ".onnx":
        card, content = own_file(path, person_class=person_class)
    else:
        raise WrongFamilyError(f"{path}: give a .onnx or a .pt file")
    return _keep(card, content, name, replace=replace)


def _keep(card: ModelCard, content: bytes, model_id: str, *, replace: bool) -> Imported:
    shape = _tried(card, content)
    folder = own_models_dir()
    kept = None if replace else _there_already(folder, model_id, card)
    write_whole(folder / f"{model_id}.onnx", content)
    if kept is None:
        write_card(folder / f"{model_id}.yaml", _document(model_id, card))
    return Imported(kept or find_card(model_id), card.family, shape)


def _tried(card: ModelCard, content: bytes) -> str:
    """Show the network a black picture; the shape of its input, for people."""
    session = open_session(content, source=card.weights_file, runtime="onnxruntime")
    black = np.zeros((64, 64, 3), np.uint8)
    if card.task == "heads":
        # Its error is not known before it is judged.
        judged = dataclasses.replace(card, metrics={"relative_error": 1.0})
        OwnHeadNetwork(session, judged).observe(black)
        return "x".join(str(n or "?") for n in session.inputs[0].shape)
    detector = adapter(session, card)
    detector.detect(black)
    return detector.input_shape


def _there_already(folder: Path, model_id: str, new: ModelCard) -> ModelCard | None:
    """The card of the same network, which somebody may have gone over; `None` where nothing is.

    Raises:
        CardError: another model, or another file, has the id.
        NotWrittenError: the folder cannot even be read.
    """
    path, weights = folder / f"{model_id}.yaml", folder / f"{model_id}.onnx"
    card, sha256 = None, new.weights_sha256
    try:
        if path.exists():
            card = read_card(path)
            sha256 = card.weights_sha256
        elif weights.exists():
            sha256 = sha256_of(weights)
    except OSError as error:
        raise not_written(weights, error) from error
    same = card is None or card.decoding.person_class == new.decoding.person_class
    if sha256 != new.weights_sha256 or not same:
        raise CardError(
            f"{path if card else weights}: is there already (sha256 {sha256[:12]}…); give another "
            "id with --id, or put the new one in its place with --replace"
        )
    return card


def _document(model_id: str, card: ModelCard) -> dict[str, Any]:
    decoding = dataclasses.asdict(card.decoding)
    if card.task == "persons":
        told = ("iou_threshold", "person_class", "class_count")
        decoding = {"score_threshold": 0.25} | {key: decoding[key] for key in told}
    return {
        "model_id": model_id,
        "family": card.family,
        "task": card.task,
        "summary": {"zh": card.summary.zh, "en": card.summary.en},
        "licence": {"zh": card.licence.zh, "en": card.licence.en},
        "weights": {"file": f"{model_id}.onnx", "sha256": card.weights_sha256},
        "decoding": decoding,
    }


def export_checkpoint(path: Path) -> bytes:
    """An Ultralytics detector as an ONNX file, 640 px a side, batch 1, float32.

    Raises:
        WeightsMissingError, WrongFamilyError: as `models.checkpoints.copy_checked`; also when
            Ultralytics cannot export it.
        RuntimeMissingError: Ultralytics is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            return _exported(copy_checked(path, Path(folder)))
        except ModelError:
            raise
        except _EXPORT_FAILURES as error:
            raise WrongFamilyError(
                f"{path}: Ultralytics cannot export it ({_short(error)}); export it to ONNX where "
                "it comes from, and import the .onnx file"
            ) from error


def _exported(weights: Path) -> bytes:
    """Ultralytics' export, which it leaves beside `weights`. Raises also what Ultralytics does."""
    network = _ultralytics().YOLO(str(weights))
    made = network.export(format="onnx", imgsz=_EXPORT_SIDE_PX, opset=17, simplify=False)
    return Path(made).read_bytes()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def pull(name: str, *, replace: bool = False) -> Imported:
    """Fetch an Ultralytics detector by name, export it and import it as `name`.

    Args:
        replace: as of `import_file`.

    Raises:
        WrongFamilyError: no name of an Ultralytics detector.
        RuntimeMissingError: the `export` extra or the network is missing; the text says what to
            copy from where instead.
        CardError, NotWrittenError: as `import_file`.
    """
    if not _PULLED.fullmatch(name):
        raise WrongFamilyError(
            f"{name!r}: no Ultralytics detector; give a name such as yolo11n, yolo26n or yolov8n"
        )
    weights = f"{name}.pt"
    with tempfile.TemporaryDirectory() as folder:
        try:
            content = _exported(Path(folder) / weights)
        except RuntimeMissingError as error:
            raise RuntimeMissingError(f"{error}; {by_hand(name)}") from error
        except _EXPORT_FAILURES as error:
            raise RuntimeMissingError(
                f"{weights} cannot be fetched ({_short(error)}); {by_hand(name)}"
            ) from error
    return _keep(own_card(content, Path(weights)), content, name, replace=replace)


def by_hand(name: str) -> str:
    """What to copy from where when this machine cannot fetch `name`."""
    return (
        f"or on a connected machine with the export extra run `xiaoan models pull {name}` and "
        f"`xiaoan models export {name} DIR` (its weights are {name}.pt of {_DOWNLOADS}), copy "
        f"{name}.onnx from there, and here run `xiaoan models import {name}.onnx`"
    )


def export_model(model: str, out: Path) -> Path:
    """Write a model's ONNX file into a folder, to be carried to another machine.

    Args:
        model: a model's id, or a `.pt` file of Ultralytics.

    Raises:
        ModelError: as `import_file`; also when the weights are not those of the card, and when
            another file of that name is there.
    """
    if model.lower().endswith(".pt"):
        target = out / f"{Path(model).stem}.onnx"
        _refuse_another(target, None)
        content = export_checkpoint(Path(model))
    else:
        card = find_card(model)
        target, content = out / f"{card.model_id}.onnx", checked_weights(card)
        _refuse_another(target, card.weights_sha256)
    write_whole(target, content)
    return target


def _refuse_another(target: Path, sha256: str | None) -> None:
    """Two exports of one `.pt` file differ in their dates, so nothing there is the same as one."""
    try:
        there = target.exists() and (sha256 is None or sha256_of(target) != sha256)
    except OSError as error:
        raise not_written(target, error) from error
    if there:
        raise NotWrittenError(
            f"{target}: is there already and would be lost; give another folder, or move it away"
        )


def _ultralytics() -> Any:
    """Ultralytics, which reports no use of it: that is off in this process, whatever its settings
    file says."""
    try:
        found = importlib.import_module("ultralytics")
    except ImportError as error:
        raise RuntimeMissingError(
            f"Ultralytics cannot be imported ({error}); install the extra: pip install "
            "'xiaoan[export]'"
        ) from error
    # Not by its own `update`, which writes the file.
    dict.update(found.settings, sync=False)
    return found
