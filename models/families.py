"""Which family a network of unknown origin is of, told from its graph.

| family | output for an input of height x width |
|---|---|
| `xiaoan-heads` | `density`, `heat`, `log_size`, from one uint8 picture |
| `yolo` (YOLOv8, YOLO11) | (1, 4 + classes, cells of strides 8, 16, 32) |
| `yolov5` | (1, 3 x those cells, 5 + classes) |
| `yolo-end2end` (YOLO26) | (1, at most 1000, 6) |
| `yolox` | (1, those cells, 5 + classes), not decoded |
| `nanodet` | (1, cells of strides 8, 16, 32 and perhaps 64, classes + 32) |
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from models.errors import WrongFamilyError
from models.persons.nanodet import BINS, NANODET_STRIDES_PX
from models.sessions import OnnxRuntimeSession, Outputs, Port

_COCO_CLASSES = 80
_TRIAL_SIDE_PX = 640
_MOST_END2END_BOXES = 1000
_STRIDES_PX = (8, 16, 32)
# Raw YOLOX centres are offsets of a few cells; decoded ones are pixels up to the picture's side.
_LARGEST_RAW_OFFSET = 40.0


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What a graph says of itself, and what it answered to one grey picture.

    Attributes:
        source: how error texts call the file.
        inputs: its inputs.
        answers: outputs by name.
        metadata: free texts that the exporter left in the file.
    """

    source: str
    inputs: tuple[Port, ...]
    answers: Outputs
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A family, and what its adapter must know.

    Attributes:
        title: the family as people call it.
        class_names: empty where the file does not tell them.
        person_class: index of the class that is whole persons; 0 for head networks.
    """

    family: str
    title: str
    task: str
    shape: str
    class_count: int
    class_names: tuple[str, ...]
    person_class: int


def facts_of(content: bytes, source: str) -> GraphFacts:
    """Load an ONNX file and run it once on a grey picture.

    Raises:
        WrongFamilyError: no ONNX graph, more or other inputs than one picture, or its outputs are
            no numbers.
        RuntimeFailedError: it fails on the picture, or its numbers are not finite.
    """
    session = OnnxRuntimeSession(content, source=source)
    if len(session.inputs) != 1 or len(session.inputs[0].shape) != 4:
        raise WrongFamilyError(
            f"{source}: expected one picture as input, found "
            f"{[(p.name, p.element, p.shape) for p in session.inputs]}; give a detector"
        )
    port = session.inputs[0]
    last = port.shape[3] == 3
    sizes = [1, _TRIAL_SIDE_PX, _TRIAL_SIDE_PX, 3] if last else [1, 3, *[_TRIAL_SIDE_PX] * 2]
    shape = [n or size for n, size in zip(port.shape, sizes, strict=True)]
    element = {"uint8": np.uint8, "float32": np.float32}.get(port.element)
    if port.shape[0] not in (None, 1):
        raise WrongFamilyError(
            f"{source}: it takes {port.shape[0]} pictures at a time; export it with a batch of 1"
        )
    if element is None or min(shape) < 1 or math.prod(shape) > 50_000_000:
        raise WrongFamilyError(
            f"{source}: an input of {port.element} {tuple(shape)} is not supported; export it with "
            "float32 pictures of at most 4000 pixels a side"
        )
    answers = session.run(np.full(shape, 114, element))
    for name, values in answers.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
            raise WrongFamilyError(f"{source}: its output {name} is no array of numbers")
    fixed = Port(port.name, port.element, tuple(shape))
    return GraphFacts(source, (fixed,), answers, session.metadata())


def recognise(facts: GraphFacts, person_class: int | None = None) -> Recognised:
    """The family of a graph.

    Args:
        person_class: index of the class of whole persons, where the file does not name its classes.

    Raises:
        WrongFamilyError: none of the known families, another task than detection, or no class of
            persons; the text says what was found.
    """
    port = facts.inputs[0]
    if set(facts.answers) >= {"density", "heat", "log_size"} and port.element == "uint8":
        return Recognised("xiaoan-heads", "Xiaoan heads", "heads", _shape(port), 0, (), 0)
    task = facts.metadata.get("task", "detect")
    if task != "detect":
        raise WrongFamilyError(
            f"{facts.source}: made for the task {task!r}; only detectors (task 'detect') are used"
        )
    family, title, classes = _layout(facts)
    names = _names(facts)
    if family == "yolo-end2end":
        classes = len(names)
    elif names and len(names) != classes:
        raise WrongFamilyError(
            f"{facts.source}: its output has {classes} classes and it names {len(names)}; "
            "export it again"
        )
    person = _person(facts.source, names, classes, person_class)
    return Recognised(family, title, "persons", _shape(port), classes, names, person)


def _shape(port: Port) -> str:
    return "x".join(str(n) for n in port.shape)


def _layout(facts: GraphFacts) -> tuple[str, str, int]:
    """Family, its title and the number of classes (0 where the layout does not tell)."""
    port, output = facts.inputs[0], next(iter(facts.answers.values()))
    if port.element != "float32" or port.shape[1] != 3 or output.ndim != 3 or len(output) != 1:
        raise _unknown(facts)
    height, width = port.shape[2] or 0, port.shape[3] or 0
    rows, columns = output.shape[1:]
    cells = sum((height // s) * (width // s) for s in _STRIDES_PX)
    nanodet = [sum(-(-height // s) * -(-width // s) for s in v) for v in NANODET_STRIDES_PX]
    if columns == cells and rows > 4:
        return "yolo", "YOLOv8 / YOLO11", rows - 4
    if rows == 3 * cells and columns > 5:
        return "yolov5", "YOLOv5", columns - 5
    if columns == 6 and rows <= _MOST_END2END_BOXES and rows != cells:
        return "yolo-end2end", "YOLO26", 0
    is_nanodet = rows == nanodet[0] or (rows == nanodet[1] and port.name == "data")
    if is_nanodet and columns > 4 * BINS:
        return "nanodet", "NanoDet", columns - 4 * BINS
    if rows == cells and columns > 5:
        if float(np.abs(output[0, :, :2]).max()) > _LARGEST_RAW_OFFSET:
            raise WrongFamilyError(
                f"{facts.source}: YOLOX with its decoder inside; export it without "
                "(--decode_in_inference off)"
            )
        return "yolox", "YOLOX", columns - 5
    raise _unknown(facts)


def _unknown(facts: GraphFacts) -> WrongFamilyError:
    port = facts.inputs[0]
    found = ", ".join(f"{name} {values.shape}" for name, values in facts.answers.items())
    return WrongFamilyError(
        f"{facts.source}: input {port.element} {port.shape} and output {found} are of no known "
        "family (YOLOv5, YOLOv8, YOLO11, YOLO26, YOLOX, NanoDet, Xiaoan heads)"
    )


def _names(facts: GraphFacts) -> tuple[str, ...]:
    """Class names as Ultralytics leaves them: the text of a dict from index to name, or a list."""
    text = facts.metadata.get("names")
    if not text:
        return ()
    try:
        names = ast.literal_eval(text)
        if isinstance(names, list | tuple):
            names = dict(enumerate(names))
        if not isinstance(names, dict):
            raise TypeError("neither a dict nor a list")
        # Through the text: 1.5 and True are no indices; JSON writes indices as texts.
        by_index = {int(str(key)): str(name) for key, name in names.items()}
        if len(by_index) != len(names) or sorted(by_index) != list(range(len(names))):
            raise ValueError(f"the indices are not 0 to {len(names) - 1}")
    except (TypeError, ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise WrongFamilyError(f"{facts.source}: names: not readable ({error})") from error
    return tuple(by_index[index] for index in range(len(by_index)))


def _person(source: str, names: tuple[str, ...], classes: int, given: int | None) -> int:
    if given is not None:
        # A graph whose boxes name their class by its number does not tell how many there are.
        if given < 0 or (classes and given >= classes):
            raise WrongFamilyError(f"{source}: class {given} is not one of its {classes}")
        return given
    if names:
        for index, name in enumerate(names):
            if name.strip().lower() in ("person", "people", "pedestrian", "人", "行人"):
                return index
        raise WrongFamilyError(
            f"{source}: none of its classes is a person ({', '.join(names[:8])}); if one of them "
            "is whole persons, give its number with --person-class"
        )
    if classes == _COCO_CLASSES:
        return 0
    raise WrongFamilyError(
        f"{source}: it does not name its {classes or 'unknown number of'} classes; give the number "
        "of the class of whole persons with --person-class"
    )
