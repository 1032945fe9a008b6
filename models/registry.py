"""Which models there are, and their weights, checked by sha256 every time.

Cards of the package lie in `models/cards`, their weights in `models/weights`. Models that a school
brings (`xiaoan models import`, `pull`) lie in a folder of their own, card and weights side by side:
`$XIAOAN_MODELS`, else `xiaoan/models` in the user's data folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from models.cards import INT8_SUFFIX, MODEL_ID, ModelCard, read_card
from models.errors import (
    CardError,
    NotWrittenError,
    UnknownModelError,
    WeightsHashError,
    WeightsMissingError,
)

CARDS_DIR = Path(__file__).with_name("cards")
WEIGHTS_DIR = Path(__file__).with_name("weights")
# What one protobuf file may hold; the largest detectors have a tenth of it.
_LARGEST_BYTES = 2**31
_DEFAULT_HEAD_NETWORK = "xiaoan-heads-2"


def default_head_network_id() -> str:
    """The head network that is used when a site names none."""
    return _DEFAULT_HEAD_NETWORK


def own_models_dir() -> Path:
    """Where models lie that are not part of the package; it need not exist."""
    named = os.environ.get("XIAOAN_MODELS")
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "xiaoan" / "models"


def _folders(cards_dir: Path | None) -> tuple[Path, ...]:
    return (CARDS_DIR, own_models_dir()) if cards_dir is None else (cards_dir,)


def card_files(cards_dir: Path | None = None) -> list[Path]:
    """The file of each card in order of its id, unread; one of the package hides one's own of the
    same id."""
    files = {p.stem: p for folder in reversed(_folders(cards_dir)) for p in folder.glob("*.yaml")}
    return [path for _, path in sorted(files.items())]


def list_cards(cards_dir: Path | None = None) -> tuple[list[ModelCard], list[CardError]]:
    """The cards of `card_files`, and why each of the others is none."""
    cards, refusals = [], []
    for path in card_files(cards_dir):
        try:
            cards.append(read_card(path))
        except CardError as refusal:
            refusals.append(refusal)
    return cards, refusals


def find_card(model_id: str, cards_dir: Path | None = None) -> ModelCard:
    """The card of `model_id`; no other card is read, so a broken one does no harm.

    Raises:
        UnknownModelError: the text lists the known ids.
        CardError: when the card is not valid.
    """
    if MODEL_ID.fullmatch(model_id):
        for folder in _folders(cards_dir):
            path = folder / f"{model_id}.yaml"
            if path.is_file():
                return read_card(path)
    found = sorted({p.stem for folder in _folders(cards_dir) for p in folder.glob("*.yaml")})
    known = ", ".join(found) or "none"
    raise UnknownModelError(f"model {model_id!r} has no card; known models: {known}")


def card_of_reading(versioned_id: str) -> ModelCard:
    """The card of the file that computed a reading, by the id that is stored with it: that of the
    int8 file where the id names one.

    Raises:
        UnknownModelError: no card, or the card is of other weights by now.
        CardError: when the card is not valid.
    """
    model_id = versioned_id.partition("@")[0]
    try:
        card = find_card(model_id)
    except UnknownModelError:
        if not model_id.endswith(INT8_SUFFIX):
            raise
        card = find_card(model_id.removesuffix(INT8_SUFFIX)).as_int8()
    if card.versioned_id != versioned_id:
        raise UnknownModelError(f"model {versioned_id!r} is {card.versioned_id} by now")
    return card


def weights_path(card: ModelCard, weights_dir: Path | None = None) -> Path:
    """Where a card's weights file is to lie: beside one's own card, else in the package."""
    if weights_dir is not None:
        return weights_dir / card.weights_file
    beside = card.path.parent.resolve() != CARDS_DIR.resolve()
    return (card.path.parent if beside else WEIGHTS_DIR) / card.weights_file


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def whole_file(path: Path) -> bytes:
    """The bytes of a model's file.

    Raises:
        OSError: it cannot be read, or is larger than any model's file, and then is not read.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > _LARGEST_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return file.read()


def write_whole(target: Path, content: bytes) -> None:
    """Write a model's file whole or not at all.

    Raises:
        NotWrittenError: the folder cannot be made or written.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise not_written(target, error) from error


def not_written(target: Path, error: OSError) -> NotWrittenError:
    """What is raised where `target` cannot be written."""
    return NotWrittenError(f"{target}: cannot be written ({error.strerror})")


def checked_weights(card: ModelCard, weights_dir: Path | None = None) -> bytes:
    """The bytes of a card's weights file; the very bytes that were hashed are the ones returned.

    Raises:
        WeightsMissingError: there is no such file.
        WeightsHashError: the file is not the one the card describes.
    """
    path = weights_path(card, weights_dir)
    try:
        content = whole_file(path)
    except OSError as error:
        raise WeightsMissingError(
            f"{path}: weights of {card.model_id} cannot be read ({error.strerror}); "
            "install the package again or copy the file there"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.weights_sha256:
        raise WeightsHashError(
            f"{path}: sha256 {found[:12]}… is not {card.weights_sha256[:12]}… of {card.path.name} "
            f"({len(content)} bytes): changed or cut short; install the package again"
        )
    return content
