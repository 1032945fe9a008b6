"""From a model id to a working network: card, weights check, runtime, adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from models.cards import Bilingual, Decoding, ModelCard
from models.choosing import choose_runtime
from models.errors import WeightsMissingError, WrongFamilyError
from models.heads.network import OwnHeadNetwork
from models.persons.yolox import YoloxDetector
from models.registry import checked_weights, default_head_network_id, find_card, sha256_of
from models.sessions import Precision, Session, open_session
from vision.observations import HeadNetwork

RuntimeChoice = Literal["auto", "onnxruntime", "openvino"]


def load_head_network(
    model_id: str | None = None,
    *,
    runtime: RuntimeChoice = "auto",
    threads: int = 1,
    weights_dir: Path | None = None,
    cards_dir: Path | None = None,
    precision: Precision = "f32",
) -> HeadNetwork:
    """Load a head network; the default one when no id is given.

    Args:
        runtime: `auto` measures once per machine and remembers.
        threads: CPU threads of one inference.
        weights_dir, cards_dir: folders to look in instead of the package's own.
        precision: numbers are those of the card only in f32.

    Raises:
        UnknownModelError, CardError, WeightsMissingError, WeightsHashError, WrongFamilyError,
        RuntimeMissingError: all `ModelError`, each naming the file and the mend.
    """
    card = find_card(model_id or default_head_network_id(), cards_dir)
    if card.family != "xiaoan-heads":
        raise WrongFamilyError(
            f"{card.path}: family {card.family!r} is no head network; "
            "choose one whose task is heads (`xiaoan models list`)"
        )
    session = open_checked(card, runtime, threads, weights_dir=weights_dir, precision=precision)
    return OwnHeadNetwork(session, card)


def load_person_detector(
    path_or_id: str | Path,
    *,
    runtime: Literal["onnxruntime", "openvino"] = "onnxruntime",
    threads: int = 1,
    weights_dir: Path | None = None,
    cards_dir: Path | None = None,
    score_threshold: float = 0.3,
) -> YoloxDetector:
    """Load a person detector by model id, or straight from a YOLOX ONNX file.

    Args:
        path_or_id: a card's id, or a path ending in `.onnx`. A file of one's own has no card,
            so only its graph is checked.
        score_threshold: for a file without a card.

    Raises:
        ModelError: as `load_head_network`.
    """
    if str(path_or_id).endswith(".onnx"):
        card, content = _own_file(Path(path_or_id), score_threshold)
    else:
        card = find_card(str(path_or_id), cards_dir)
        if card.family != "yolox":
            raise WrongFamilyError(f"{card.path}: family {card.family!r} is no person detector")
        content = checked_weights(card, weights_dir)
    session = open_session(content, source=card.weights_file, runtime=runtime, threads=threads)
    return YoloxDetector(session, card)


def _own_file(path: Path, score_threshold: float) -> tuple[ModelCard, bytes]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsMissingError(f"{path}: cannot be read ({error.strerror})") from error
    card = ModelCard(
        model_id=path.stem,
        family="yolox",
        task="persons",
        weights_file=str(path),
        weights_sha256=sha256_of(path),
        summary=Bilingual("用户提供的文件", "a file given by the user"),
        licence=Bilingual("由用户核对", "to be checked by the user"),
        decoding=Decoding(score_threshold=score_threshold),
        data=(),
        training={},
        metrics={},
        path=path,
    )
    return card, content


def open_checked(
    card: ModelCard,
    runtime: RuntimeChoice,
    threads: int,
    *,
    weights_dir: Path | None = None,
    precision: Precision = "f32",
) -> Session:
    """The card's weights, checked by sha256, in a runtime.

    Raises:
        ModelError: as `load_head_network`.
    """
    content, name = checked_weights(card, weights_dir), card.weights_file
    if runtime == "auto" and precision != "f32":
        runtime = "openvino"
    if runtime == "auto":
        runtime = choose_runtime(content, source=name, key=card.weights_sha256, threads=threads)
    return open_session(content, source=name, runtime=runtime, threads=threads, precision=precision)
