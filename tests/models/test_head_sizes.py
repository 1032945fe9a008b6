"""Whole pictures whose heads are too large or too small are looked at once more."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.heads.network import OwnHeadNetwork, size_factor
from models.registry import find_card
from models.sessions import open_session
from tests.models.test_loading import spot
from vision.observations import HeadPoints, Region


def test_a_picture_of_large_heads_is_counted_in_a_smaller_one(
    model_dir: Path, tiny_network: bytes
) -> None:
    """Heads of 20 px where 15 are the largest: shown at 0.75, with cells of 8 / 0.75 px."""
    card = find_card("tiny", model_dir)
    card = replace(card, decoding=replace(card.decoding, largest_head_px=20.0))
    network = OwnHeadNetwork(open_session(tiny_network, source="t", runtime="onnxruntime"), card)
    plain = network.observe(spot())
    assert plain.density is not None
    assert plain.density.cell_width_px == 8.0
    card = replace(card, decoding=replace(card.decoding, largest_head_px=15.0))
    network = OwnHeadNetwork(open_session(tiny_network, source="t", runtime="onnxruntime"), card)
    found = network.observe(spot())
    assert found.density is not None
    assert found.density.cell_width_px == pytest.approx(8 / 0.75)
    # Places are those of the finest look.
    assert found.heads.centres_uv_px.tolist() == plain.heads.centres_uv_px.tolist()
    # A region is scaled by geometry and by nothing else.
    region = Region(0, 0, 96, 64, least_head_px=card.decoding.wanted_head_px)
    cut_out = network.observe(spot(), region).density
    assert cut_out is not None
    assert cut_out.cell_width_px == 8.0


def test_the_heads_of_a_picture_of_small_ones_are_told_from_a_larger_one(
    model_dir: Path, tiny_network: bytes
) -> None:
    """Heads of 20 px where 30 are the smallest: shown at 1.5, and scored by the card's measure."""
    card = find_card("tiny", model_dir)
    session = open_session(tiny_network, source="t", runtime="onnxruntime")
    plain = OwnHeadNetwork(session, card).observe(spot())
    larger = replace(card.decoding, smallest_head_px=30.0, enlarged_score=0.9)
    found = OwnHeadNetwork(session, replace(card, decoding=larger)).observe(spot())
    assert len(found.heads) == len(plain.heads) == 1
    assert found.heads.centres_uv_px == pytest.approx(plain.heads.centres_uv_px, abs=3.0)
    # The tiny network tells 20 px of every head, in the picture it is shown.
    assert found.heads.sizes_px == pytest.approx(plain.heads.sizes_px / 1.5, rel=0.01)
    assert found.heads.scores.max() <= 0.9
    assert found.density is not None
    assert found.density.cell_width_px == 8.0
    region = Region(0, 0, 96, 64, least_head_px=card.decoding.wanted_head_px)
    by_geometry = OwnHeadNetwork(session, replace(card, decoding=larger)).observe(spot(), region)
    assert by_geometry.heads.sizes_px == pytest.approx(plain.heads.sizes_px, rel=0.01)


@pytest.mark.parametrize(
    ("sizes", "scale", "factor"),
    [
        ([], 1.0, 1.0),
        ([40, 40], 1.0, 1.0),
        ([45, 45], 1.0, 1.0),  # 40 / 45 = 0.89: not worth a second look
        ([80, 10, 80], 1.0, 0.5),
        ([80], 0.5, 1.0),
        ([400], 2.0, 0.35),
    ],
)
def test_how_much_smaller_by_hand(sizes: list[float], scale: float, factor: float) -> None:
    count = len(sizes)
    heads = HeadPoints(
        np.zeros((count, 2), np.float32), np.array(sizes, np.float32), np.ones(count, np.float32)
    )
    assert size_factor(heads, scale, largest_px=40.0) == pytest.approx(factor)


def test_weak_points_do_not_tell_how_large_heads_are() -> None:
    sizes, scores = np.array([20, 90, 90], np.float32), np.array([0.9, 0.2, 0.1], np.float32)
    heads = HeadPoints(np.zeros((3, 2), np.float32), sizes, scores)
    assert size_factor(heads, 1.0, largest_px=40.0) == 1.0


@pytest.mark.parametrize(
    ("sizes", "scale", "factor"),
    [
        ([], 1.0, 1.0),
        ([18], 1.0, 1.0),
        ([16], 1.0, 1.0),  # 18 / 16 = 1.125: not worth a second look
        ([12, 90, 12], 1.0, 1.5),
        ([24], 0.5, 1.5),
        ([4], 1.0, 2.0),
        ([100], 1.0, 0.4),
    ],
)
def test_how_much_larger_by_hand(sizes: list[float], scale: float, factor: float) -> None:
    count = len(sizes)
    heads = HeadPoints(
        np.zeros((count, 2), np.float32), np.array(sizes, np.float32), np.ones(count, np.float32)
    )
    found = size_factor(heads, scale, smallest_px=18.0, largest_px=40.0)
    assert found == pytest.approx(factor)
