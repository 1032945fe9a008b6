from pathlib import Path

import pytest

from models.errors import UnknownModelError, WeightsHashError, WeightsMissingError
from models.registry import (
    card_of_reading,
    checked_weights,
    default_head_network_id,
    find_card,
    list_cards,
)


def test_the_default_network_has_a_card_and_unchanged_weights() -> None:
    card = find_card(default_head_network_id())
    assert card.task == "heads"
    assert len(checked_weights(card)) < 4_000_000


def test_every_shipped_card_can_be_read_and_warns_about_its_data() -> None:
    cards, refusals = list_cards()
    assert refusals == []
    assert [card.model_id for card in cards] == sorted(card.model_id for card in cards)
    assert all(card.licence.zh and card.licence.en for card in cards)


def test_an_unknown_model_names_the_known_ones(model_dir: Path) -> None:
    with pytest.raises(UnknownModelError, match="'huge' has no card; known models: tiny"):
        find_card("huge", model_dir)


def test_a_reading_tells_which_file_computed_it() -> None:
    card = find_card(default_head_network_id())
    int8 = card.as_int8()
    assert card_of_reading(card.versioned_id).weights_sha256 == card.weights_sha256
    assert card_of_reading(int8.versioned_id).weights_sha256 == int8.weights_sha256
    assert int8.weights_sha256 != card.weights_sha256


def test_a_card_is_not_that_of_readings_by_other_weights() -> None:
    with pytest.raises(UnknownModelError, match=f"is {default_head_network_id()}@"):
        card_of_reading(f"{default_head_network_id()}@00000000")
    with pytest.raises(UnknownModelError, match="has no card"):
        card_of_reading("huge-int8@00000000")


def test_intact_weights_are_returned(model_dir: Path, tiny_network: bytes) -> None:
    assert checked_weights(find_card("tiny", model_dir), model_dir) == tiny_network


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b + b"x", lambda _: b""])
def test_changed_weights_are_refused(model_dir: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    file = model_dir / "tiny.onnx"
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(WeightsHashError, match=r"tiny\.onnx: sha256 .* changed or cut short"):
        checked_weights(find_card("tiny", model_dir), model_dir)


def test_missing_weights_are_refused(model_dir: Path) -> None:
    (model_dir / "tiny.onnx").unlink()
    with pytest.raises(WeightsMissingError, match=r"tiny\.onnx: weights of tiny"):
        checked_weights(find_card("tiny", model_dir), model_dir)
