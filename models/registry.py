"""Which models there are, and their weights, checked by sha256 every time."""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.cards import ModelCard, read_card
from models.errors import UnknownModelError, WeightsHashError, WeightsMissingError

CARDS_DIR = Path(__file__).with_name("cards")
WEIGHTS_DIR = Path(__file__).with_name("weights")
_DEFAULT_HEAD_NETWORK = "xiaoan-heads-1"


def default_head_network_id() -> str:
    """The head network that is used when a site names none."""
    return _DEFAULT_HEAD_NETWORK


def list_cards(cards_dir: Path | None = None) -> list[ModelCard]:
    """All cards in order of their id.

    Raises:
        CardError: when one of them is not valid.
    """
    folder = cards_dir or CARDS_DIR
    return sorted((read_card(p) for p in folder.glob("*.yaml")), key=lambda card: card.model_id)


def find_card(model_id: str, cards_dir: Path | None = None) -> ModelCard:
    """The card of `model_id`.

    Raises:
        UnknownModelError: the text lists the known ids.
    """
    cards = {card.model_id: card for card in list_cards(cards_dir)}
    if model_id not in cards:
        known = ", ".join(cards) or "none"
        raise UnknownModelError(f"model {model_id!r} has no card; known models: {known}")
    return cards[model_id]


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_weights(card: ModelCard, weights_dir: Path | None = None) -> bytes:
    """The bytes of a card's weights file; the very bytes that were hashed are the ones returned.

    Raises:
        WeightsMissingError: there is no such file.
        WeightsHashError: the file is not the one the card describes.
    """
    path = (weights_dir or WEIGHTS_DIR) / card.weights_file
    try:
        content = path.read_bytes()
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
