"""Models that a school brings: `xiaoan models import`, `pull` and `export`.

They lie in a folder of their own (`models.registry.own_models_dir`), card and weights side by side.
A `.pt` file is a pickle, which may run code when it is opened: its names are read first without
running anything, and only those of PyTorch and of Ultralytics are let through.
"""

from __future__ import annotations

import importlib
import pickletools
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.cards import MODEL_ID, ModelCard, write_card
from models.errors import CardError, RuntimeMissingError, WeightsMissingError, WrongFamilyError
from models.loading import adapter, own_file
from models.registry import CARDS_DIR, checked_weights, find_card, own_models_dir
from models.sessions import open_session

_SAFE_ROOTS = frozenset(
    {"torch", "ultralytics", "collections", "numpy", "builtins", "pathlib", "_codecs"}
)
_SAFE_BUILTINS = frozenset(
    {
        "set",
        "frozenset",
        "slice",
        "range",
        "int",
        "float",
        "bool",
        "complex",
        "dict",
        "list",
        "tuple",
        "bytearray",
        "str",
        "bytes",
    }
)
_PULLED = re.compile(r"yolo(v?[0-9]{1,2})[a-z]{0,2}u?")
_DOWNLOADS = "https://github.com/ultralytics/assets/releases"
_EXPORT_SIDE_PX = 640


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that became a model: its card, its family as people call it, its input's shape."""

    card: ModelCard
    family: str
    shape: str


def import_file(
    path: Path, *, model_id: str | None = None, person_class: int | None = None
) -> Imported:
    """Check a file of one's own, copy it into the folder of own models and write its card.

    Args:
        model_id: the file's name without suffix, in small letters, when not given.
        person_class: index of the class of whole persons, where the file names none.

    Raises:
        WrongFamilyError: it is of no known family, or an unsafe pickle; the text says what it is.
        WeightsMissingError: it cannot be read.
        RuntimeMissingError: a `.pt` file, and the `export` extra is not installed.
        CardError: the id cannot be used.
    """
    name = model_id or re.sub(r"[^a-z0-9._-]", "-", path.stem.lower())
    if not MODEL_ID.fullmatch(name):
        raise CardError(f"{path}: {name!r} is no model id; give one with --id")
    if (CARDS_DIR / f"{name}.yaml").exists():
        raise CardError(f"{path}: {name!r} is a model of the package; give another id with --id")
    if path.suffix == ".pt":
        check_checkpoint(path)
        with tempfile.TemporaryDirectory() as folder:
            return _keep(export_checkpoint(path, Path(folder)), name, person_class)
    if path.suffix != ".onnx":
        raise WrongFamilyError(f"{path}: give a .onnx or a .pt file")
    return _keep(path, name, person_class)


def inspect_file(path: Path, person_class: int | None = None) -> tuple[ModelCard, str]:
    """The card that an ONNX file would get, and its input's shape, after running it once.

    Raises:
        WrongFamilyError, WeightsMissingError: as `import_file`.
    """
    card, content = own_file(path, person_class=person_class)
    session = open_session(content, source=str(path), runtime="onnxruntime")
    detector = adapter(session, card)
    detector.detect(np.zeros((64, 64, 3), np.uint8))
    return card, detector.input_shape


def _keep(path: Path, model_id: str, person_class: int | None) -> Imported:
    card, shape = inspect_file(path, person_class)
    folder = own_models_dir()
    target = folder / f"{model_id}.onnx"
    part = folder / f".{model_id}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, part)
        part.replace(target)
    except OSError as error:
        raise WeightsMissingError(f"{target}: cannot be written ({error.strerror})") from error
    decoding = card.decoding
    document: dict[str, Any] = {
        "model_id": model_id,
        "family": card.family,
        "task": card.task,
        "summary": {"zh": card.summary.zh, "en": card.summary.en},
        "licence": {"zh": card.licence.zh, "en": card.licence.en},
        "weights": {"file": target.name, "sha256": card.weights_sha256},
        "decoding": {
            "score_threshold": 0.25,
            "iou_threshold": decoding.iou_threshold,
            "person_class": decoding.person_class,
            "class_count": decoding.class_count,
        },
    }
    write_card(folder / f"{model_id}.yaml", document)
    return Imported(find_card(model_id), card.family, shape)


def check_checkpoint(path: Path) -> str:
    """Read the names in a PyTorch file without running it; the family they tell.

    Raises:
        WeightsMissingError: it cannot be read.
        WrongFamilyError: no PyTorch file, cut short, unsafe, or of a family that only its own
            tools can export.
    """
    names = _pickled_names(path)
    roots = {name.split(".")[0] for name in names}
    if {"models", "yolox", "nanodet"} & roots:
        tool = "YOLOX" if "yolox" in roots else "NanoDet" if "nanodet" in roots else "YOLOv5"
        raise WrongFamilyError(
            f"{path}: a checkpoint of {tool}'s own code; export it to ONNX with {tool}'s own tool "
            "and import the .onnx file"
        )
    builtins = {n.removeprefix("builtins.") for n in names if n.startswith("builtins.")}
    strange = sorted(
        {n for n in names if n.split(".")[0] not in _SAFE_ROOTS}
        | {f"builtins.{n}" for n in builtins - _SAFE_BUILTINS}
    )
    if strange:
        raise WrongFamilyError(
            f"{path}: it would run {strange[0]} when opened, so it is not opened; export it to "
            "ONNX where it comes from, and import the .onnx file"
        )
    if not any(name.startswith("ultralytics.nn.tasks") for name in names):
        raise WrongFamilyError(
            f"{path}: weights without a network in them, or not by Ultralytics; export it to ONNX "
            "where it comes from, and import the .onnx file"
        )
    if "ultralytics.nn.tasks.DetectionModel" not in names:
        raise WrongFamilyError(f"{path}: an Ultralytics model, but no detector")
    return "ultralytics"


def _pickled_names(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [n for n in archive.namelist() if n.endswith("/data.pkl")]
            if len(inside) != 1:
                raise WrongFamilyError(f"{path}: no PyTorch checkpoint (no data.pkl in it)")
            content = archive.read(inside[0])
    except zipfile.BadZipFile as error:
        raise WrongFamilyError(f"{path}: no PyTorch checkpoint, or cut short ({error})") from error
    except OSError as error:
        raise WeightsMissingError(f"{path}: cannot be read ({error.strerror})") from error
    names: set[str] = set()
    texts: list[str] = []
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name == "GLOBAL":
                names.add(str(argument).replace(" ", ".").replace("__builtin__.", "builtins."))
            elif operation.name == "STACK_GLOBAL":
                # Module and name need not be the last two texts: then nothing is let through.
                names.add(".".join(texts[-2:]) if len(texts) > 1 else "unknown")
            elif operation.name in ("INST", "EXT1", "EXT2", "EXT4"):
                names.add(f"unknown.{operation.name}")
            if isinstance(argument, str) and operation.name != "GLOBAL":
                texts.append(argument)
            elif operation.name in ("BINGET", "LONG_BINGET", "GET"):
                texts.append("unknown")
    except ValueError as error:
        raise WrongFamilyError(f"{path}: its pickle is damaged ({error})") from error
    return names


def export_checkpoint(weights: Path | str, out: Path) -> Path:
    """Export an Ultralytics detector to ONNX, 640 px a side, batch 1, float32.

    Raises:
        RuntimeMissingError: Ultralytics is not installed.
    """
    network = _ultralytics().YOLO(str(weights))
    made = Path(network.export(format="onnx", imgsz=_EXPORT_SIDE_PX, opset=17, simplify=False))
    return Path(shutil.move(str(made), out / made.name))


def pull(name: str) -> Imported:
    """Fetch an Ultralytics detector by name, export it and import it as `name`.

    Raises:
        WrongFamilyError: no name of an Ultralytics detector.
        RuntimeMissingError: the `export` extra or the network is missing; the text says what to
            copy from where instead.
    """
    if not _PULLED.fullmatch(name):
        raise WrongFamilyError(
            f"{name!r}: no Ultralytics detector; give a name such as yolo11n, yolo26n or yolov8n"
        )
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / f"{name}.pt"
        try:
            made = export_checkpoint(weights, Path(folder))
        except RuntimeMissingError as error:
            raise RuntimeMissingError(f"{error}; {by_hand(name)}") from error
        except (OSError, RuntimeError) as error:
            raise RuntimeMissingError(
                f"{name}.pt cannot be fetched ({str(error)[:120]}); {by_hand(name)}"
            ) from error
        return _keep(made, name, None)


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
        ModelError: as `import_file`; also when the weights are not those of the card.
    """
    out.mkdir(parents=True, exist_ok=True)
    if model.endswith(".pt"):
        check_checkpoint(Path(model))
        return export_checkpoint(Path(model), out)
    card = find_card(model)
    target = out / f"{card.model_id}.onnx"
    target.write_bytes(checked_weights(card))
    return target


def _ultralytics() -> Any:
    try:
        return importlib.import_module("ultralytics")
    except ImportError as error:
        raise RuntimeMissingError(
            f"Ultralytics cannot be imported ({error}); install the extra: pip install "
            "'xiaoan[export]'"
        ) from error
