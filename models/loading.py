"""From a model id to a working network: card, weights check, runtime, adapter."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from models.cards import Bilingual, ModelCard, read_card
from models.choosing import choose_precision, choose_runtime, computes_in_bf16
from models.decoding import Decoding
from models.errors import ModelError, RuntimeMissingError, WeightsMissingError, WrongFamilyError
from models.failover import LastingSession
from models.families import facts_of, recognise
from models.heads.network import OwnHeadNetwork
from models.persons.nanodet import NanodetDetector
from models.persons.yolo import YOLO_FAMILIES, YoloDetector
from models.persons.yolox import YoloxDetector
from models.registry import (
    card_files,
    checked_weights,
    default_head_network_id,
    find_card,
    whole_file,
)
from models.sessions import Precision, RuntimeName, Session, open_session

_log = logging.getLogger(__name__)
# Of the count's mean error on any test set.
MOST_LOSS = 0.02
RuntimeChoice = Literal["auto", "onnxruntime", "openvino", "cuda", "tensorrt"]


def load_head_network(
    model_id: str | None = None,
    *,
    runtime: RuntimeChoice = "auto",
    threads: int = 1,
    weights_dir: Path | None = None,
    cards_dir: Path | None = None,
    precision: Precision | Literal["auto"] = "f32",
    memory: Path | None = None,
) -> OwnHeadNetwork:
    """Load a head network; the default one when no id is given.

    Args:
        runtime: `auto` measures once per machine and remembers. One that does not load on this
            machine gives way to ONNX Runtime on the CPU, with a warning that names it.
        threads: CPU threads of one inference.
        weights_dir, cards_dir: folders to look in instead of the package's own.
        precision: figures of the card are those of f32, and for int8 those under `quantised`.
            `auto` measures once per machine and remembers: f32, unless bf16 (where this CPU
            computes in it) or int8 is clearly faster; int8 only where the card says that no test
            set's count became worse by more than `MOST_LOSS`. One that was remembered and no
            longer opens gives way to f32 with a warning; one that is asked for by name does not.
            What a precision changes is printed by `benchmarks/network_accuracy.py --precision
            bf16`.
        memory: file in which `auto` remembers; `models.choosing.memory_file` when not given.

    Raises:
        UnknownModelError, CardError, WeightsMissingError, WeightsHashError, WrongFamilyError,
        RuntimeMissingError: all `ModelError`, each naming the file and the mend.
    """
    card = head_card(model_id, cards_dir)

    def opened(precision: Precision) -> OwnHeadNetwork:
        of = card.as_int8() if precision == "int8" else card
        session = open_checked(
            of, runtime, threads, weights_dir=weights_dir, precision=precision, memory=memory
        )
        return OwnHeadNetwork(_lasting(session, card, threads, weights_dir), card)

    if precision != "auto":
        return opened(precision)
    if runtime != "auto":
        return opened("f32")
    fastest = _fastest(card, threads, weights_dir, memory)
    if fastest != "f32":
        try:
            return opened(fastest)
        except ModelError as refusal:
            _log.warning("precision %s is left out: %s; f32 is used", fastest, refusal)
    return opened("f32")


def _lasting(
    session: Session, card: ModelCard, threads: int, weights_dir: Path | None = None
) -> LastingSession:
    """A session of the card's network that gives way, when it fails, to another library in f32."""

    def opener(runtime: RuntimeName) -> Callable[[], Session]:
        def opened() -> Session:
            content = checked_weights(card, weights_dir)
            return open_session(content, source=card.weights_file, runtime=runtime, threads=threads)

        return opened

    used = (session.runtime, session.precision)
    spares: tuple[RuntimeName, ...] = ("onnxruntime", "openvino")
    return LastingSession(session, [opener(one) for one in spares if (one, "f32") != used])


def head_card(model_id: str | None = None, cards_dir: Path | None = None) -> ModelCard:
    """The card of a head network; of the default one when no id is given.

    Raises:
        UnknownModelError, CardError, WrongFamilyError: all `ModelError`.
    """
    card = find_card(model_id or default_head_network_id(), cards_dir)
    if card.family != "xiaoan-heads":
        raise WrongFamilyError(
            f"{card.path}: family {card.family!r} is no head network; "
            "choose one whose task is heads (`xiaoan models list`)"
        )
    return card


def _fastest(
    card: ModelCard, threads: int, weights_dir: Path | None, memory: Path | None
) -> Precision:
    """The precision that workers compute in on this machine."""

    def open_in(precision: Precision) -> Session:
        return open_checked(
            card, "auto", threads, weights_dir=weights_dir, precision=precision, memory=memory
        )

    found: list[Precision] = ["f32"]
    if computes_in_bf16():
        found.append("bf16")
    if card.int8_loss <= MOST_LOSS:
        found.append("int8")
    key = card.weights_sha256
    if card.quantised is not None:
        key += f"+{card.quantised.sha256[:8]}"
    ways = {precision: partial(open_in, precision) for precision in found}
    return choose_precision(ways, key=key, threads=threads, memory=memory)


def load_person_detector(
    path_or_id: str | Path,
    *,
    runtime: RuntimeChoice = "onnxruntime",
    threads: int = 1,
    weights_dir: Path | None = None,
    cards_dir: Path | None = None,
    score_threshold: float = 0.3,
    memory: Path | None = None,
) -> BoxDetector:
    """Load a person detector by model id, or straight from an ONNX file of a known family.

    Args:
        path_or_id: a card's id, or a path ending in `.onnx`. A file of one's own has no card,
            so only its graph is checked.
        score_threshold: for a file without a card.
        memory: as of `load_head_network`.

    Raises:
        ModelError: as `load_head_network`.
    """
    if str(path_or_id).lower().endswith(".onnx"):
        card, content = own_file(Path(path_or_id), score_threshold)
        if card.task != "persons":
            raise WrongFamilyError(
                f"{card.path}: a head network, not a person detector; give a detector"
            )
        name: RuntimeName = "onnxruntime" if runtime == "auto" else runtime
        session = open_session(content, source=card.weights_file, runtime=name, threads=threads)
        return adapter(_lasting(session, card, threads, Path()), card)
    card = find_card(str(path_or_id), cards_dir)
    if card.family not in DETECTOR_FAMILIES:
        raise WrongFamilyError(
            f"{card.path}: family {card.family!r} is no person detector; known are "
            f"{', '.join(DETECTOR_FAMILIES)}"
        )
    session = open_checked(card, runtime, threads, weights_dir=weights_dir, memory=memory)
    return adapter(_lasting(session, card, threads, weights_dir), card)


def second_look(
    wanted: str = "auto", *, cards_dir: Path | None = None, memory: Path | None = None
) -> BoxDetector | None:
    """The detector of whole people that counts beside the head network now and then.

    Args:
        wanted: `auto` for the first installed one, `off` for none, else the id of one.
        cards_dir: cards and weights of this folder instead of the usual ones.
        memory: as of `load_head_network`.

    Returns:
        `None` for `off`, and for `auto` where none is installed. With `auto` one that cannot be
        loaded, or whose card cannot be read, is left out with a warning that names it: no count
        hangs on it.

    Raises:
        ModelError: as `load_person_detector`, for a detector asked for by its id.
    """
    if wanted == "off":
        return None
    if wanted != "auto":
        return _detector(wanted, cards_dir, memory)
    for path in card_files(cards_dir):
        try:
            if read_card(path).task == "persons":
                return _detector(path.stem, cards_dir, memory)
        except ModelError as refusal:
            _log.warning("no second look with %s: %s", path.stem, refusal)
    return None


def _detector(model_id: str, cards_dir: Path | None, memory: Path | None) -> BoxDetector:
    return load_person_detector(model_id, weights_dir=cards_dir, cards_dir=cards_dir, memory=memory)


BoxDetector = YoloxDetector | YoloDetector | NanodetDetector
DETECTOR_FAMILIES = ("yolox", "nanodet", *YOLO_FAMILIES)


def adapter(session: Session, card: ModelCard) -> BoxDetector:
    """The adapter of the card's family.

    Raises:
        WrongFamilyError: when the graph is not of that family.
    """
    if card.family == "yolox":
        return YoloxDetector(session, card)
    if card.family == "nanodet":
        return NanodetDetector(session, card)
    return YoloDetector(session, card)


def own_file(
    path: Path, score_threshold: float = 0.3, person_class: int | None = None
) -> tuple[ModelCard, bytes]:
    """A card for an ONNX file of one's own, and its bytes.

    Raises:
        WeightsMissingError: it cannot be read.
        WrongFamilyError, RuntimeFailedError: as `own_card`.
    """
    try:
        content = whole_file(path)
    except OSError as error:
        raise WeightsMissingError(f"{path}: cannot be read ({error.strerror})") from error
    return own_card(content, path, score_threshold, person_class), content


def own_card(
    content: bytes, path: Path, score_threshold: float = 0.3, person_class: int | None = None
) -> ModelCard:
    """A card for an ONNX network, made by looking at it and running it once.

    A head network is read as the default one is, until its card says otherwise.

    Args:
        path: the file that it comes from, as error texts name it.

    Raises:
        WrongFamilyError: it is of no known family.
        RuntimeFailedError: it fails on a picture.
    """
    found = recognise(facts_of(content, str(path)), person_class)
    decoding = Decoding(
        score_threshold=score_threshold,
        iou_threshold=_IOU_OF.get(found.family, 0.5),
        person_class=found.person_class,
        class_count=found.class_count,
    )
    return ModelCard(
        model_id=path.stem,
        family=found.family,
        task=found.task,
        weights_file=str(path),
        weights_sha256=hashlib.sha256(content).hexdigest(),
        summary=Bilingual("用户提供的文件", "a file given by the user"),
        licence=Bilingual("由用户核对", "to be checked by the user"),
        decoding=head_card().decoding if found.task == "heads" else decoding,
        data=(),
        training={},
        metrics={},
        path=path,
    )


# The thresholds with which each family's own tools suppress doubles.
_IOU_OF = {"yolo": 0.7, "yolov5": 0.45, "nanodet": 0.6}


def open_checked(
    card: ModelCard,
    runtime: RuntimeChoice,
    threads: int,
    *,
    weights_dir: Path | None = None,
    precision: Precision = "f32",
    memory: Path | None = None,
) -> Session:
    """The card's weights, checked by sha256, in a runtime.

    For int8 give `card.as_int8()`. A runtime that is missing here gives way to ONNX Runtime on the
    CPU with one warning that names it; in another precision than f32 it is an error.

    Raises:
        ModelError: as `load_head_network`.
    """
    if precision == "int8" and card.quantised is not None:
        card = card.as_int8()
    content, name = checked_weights(card, weights_dir), card.weights_file
    if runtime == "auto" and precision != "f32":
        runtime = "openvino"
    if runtime == "auto":
        runtime = choose_runtime(
            content, source=name, key=card.weights_sha256, threads=threads, memory=memory
        )
    try:
        return open_session(
            content, source=name, runtime=runtime, threads=threads, precision=precision
        )
    except RuntimeMissingError as refusal:
        if runtime == "onnxruntime" or precision != "f32":
            raise
        _log.warning("runtime %s is left out: %s; onnxruntime is used", runtime, refusal)
        return open_session(content, source=name, runtime="onnxruntime", threads=threads)
