"""What stood behind an alarm."""

from __future__ import annotations

from api.evidence.origin import weights_sha256
from models.registry import default_head_network_id, find_card


def test_the_digest_is_that_of_the_file_that_computed() -> None:
    card = find_card(default_head_network_id())
    int8 = card.as_int8()
    assert weights_sha256(card.versioned_id) == card.weights_sha256
    assert weights_sha256(int8.versioned_id) == int8.weights_sha256


def test_an_unknown_network_has_no_digest() -> None:
    assert weights_sha256("") == ""
    assert weights_sha256("huge@00000000") == ""
