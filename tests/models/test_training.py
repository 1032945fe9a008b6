"""The parts of training that need no torch, and, where torch is installed, the rest."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.datasets import Sample
from models.errors import DatasetError
from models.training.augment import covered, cut, spoil
from models.training.batches import (
    StepPlan,
    TrainingSet,
    ahead,
    normalised_shares,
    positions_without,
)
from models.training.recipe import Recipe, rate_at
from models.training.targets import targets_for

HEADS = np.array([[10.0, 20.0, 12.0], [33.0, 5.0, np.nan]], np.float32)


def test_targets_by_hand() -> None:
    found = targets_for(HEADS, (64, 64))
    assert found.density.sum() == 2
    assert found.density[2, 1] == 1  # row 20 // 8, column 10 // 8
    assert found.density[0, 4] == 1
    assert found.heat[5, 2] == 1.0  # row 20 // 4, column 10 // 4
    assert found.heat[1, 8] == 1.0
    assert (found.heat == 1.0).sum() == 2
    assert found.log_size[5, 2] == pytest.approx(np.log(12.0))
    assert np.isfinite(found.log_size).sum() == 9


def test_between_two_heads_the_nearer_one_is_told() -> None:
    pair = np.array([[9.0, 20.0, 12.0], [18.0, 20.0, 30.0]], np.float32)  # cells 2 and 4
    for heads in (pair, pair[::-1]):
        found = targets_for(heads, (64, 64))
        assert found.log_size[5, 3] == pytest.approx(np.log(30.0))  # 14 is nearer to 18 than to 9
        assert found.log_size[5, 2] == pytest.approx(np.log(12.0))


def test_targets_of_a_wide_crop_have_its_rows_and_columns() -> None:
    found = targets_for(HEADS, (96, 32))
    assert found.density.shape == (4, 12)
    assert found.heat.shape == found.log_size.shape == (8, 24)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 63.9), st.floats(0, 63.9), st.floats(2, 60)), max_size=30))
def test_the_density_target_sums_to_the_heads(heads: list[tuple[float, float, float]]) -> None:
    found = targets_for(np.array(heads, np.float32).reshape(-1, 3), (64, 64))
    assert found.density.sum() == len(heads)
    assert found.heat.max(initial=0.0) <= 1.0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_head_of_a_crop_lies_inside_it(seed: int) -> None:
    image = np.zeros((100, 140, 3), np.uint8)
    rng = np.random.default_rng(seed)
    crop = cut(image, HEADS, source="brt", size_px=(64, 64), rng=rng)
    assert crop.image_bgr.shape == (64, 64, 3)
    assert ((crop.heads[:, :2] >= 0) & (crop.heads[:, :2] < 64)).all()


def test_a_head_stays_on_its_pixels() -> None:
    image = np.zeros((96, 96, 3), np.uint8)
    cv2.circle(image, (60, 30), 6, (255, 255, 255), -1)
    heads = np.array([[60.0, 30.0, 12.0]], np.float32)
    hits = 0
    for seed in range(40):
        crop = cut(image, heads, source="brt", size_px=(64, 64), rng=np.random.default_rng(seed))
        for u, v, _ in crop.heads:
            hits += 1
            around = crop.image_bgr[
                max(0, int(v) - 2) : int(v) + 3, max(0, int(u) - 2) : int(u) + 3
            ]
            assert around.mean() > crop.image_bgr.mean() + 20
    assert hits >= 20


@pytest.mark.parametrize(("side_px", "largest"), [(600, 1.4), (400, 2.8)])
def test_a_small_picture_is_also_seen_enlarged(side_px: int, largest: float) -> None:
    """`scut_b` pictures at most 1.4 times as large, those below 512 px twice that."""
    image = np.zeros((side_px, side_px, 3), np.uint8)
    heads = np.array([[side_px / 2, side_px / 2, 10.0]], np.float32)
    sizes = [
        float(tall) / 10.0
        for seed in range(300)
        for _, _, tall in cut(
            image, heads, source="scut_b", size_px=(256, 256), rng=np.random.default_rng(seed)
        ).heads
    ]
    # A stretch of at most exp(0.08) one way comes on top.
    assert max(sizes) <= largest * np.exp(0.08) + 1e-6
    assert max(sizes) > largest * 0.8


def test_heads_behind_what_is_in_front_are_dropped() -> None:
    image = np.full((64, 64, 3), 255, np.uint8)
    v, u = np.mgrid[2:64:4, 2:64:4]
    heads = np.column_stack([u.ravel(), v.ravel(), np.full(u.size, 6.0)]).astype(np.float32)
    hidden = 0
    for seed in range(20):
        found, seen = covered(image, heads, np.random.default_rng(seed))
        assert (found[seen[:, 1].astype(int), seen[:, 0].astype(int)] == 255).all()
        shown = (found[heads[:, 1].astype(int), heads[:, 0].astype(int)] == 255).all(axis=1)
        assert shown.sum() == len(seen)
        hidden += len(heads) - len(seen)
    assert hidden > 0
    assert (image == 255).all()


def test_spoiling_is_a_function_of_the_seed() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for seed in range(30):
        first = spoil(image, np.random.default_rng(seed))
        assert np.array_equal(first, spoil(image, np.random.default_rng(seed)))
        assert first.shape == image.shape


PICTURES = 120


@pytest.fixture
def small_set(tmp_path: Path) -> TrainingSet:
    samples = []
    for i in range(PICTURES):
        path = tmp_path / f"{i}.png"
        cv2.imwrite(str(path), np.full((80, 80, 3), i, np.uint8))
        samples.append(Sample("brt" if i % 2 else "scut_b", "c", path, HEADS, fractional=False))
    return TrainingSet(samples, tmp_path / "cache")


def test_the_cache_gives_back_the_pictures(small_set: TrainingSet, tmp_path: Path) -> None:
    assert [int(small_set.picture(i)[0, 0, 0]) for i in (0, 7, 39)] == [0, 7, 39]
    again = TrainingSet(small_set.samples, tmp_path / "cache")
    assert int(again.picture(21)[3, 3, 1]) == 21


def test_a_batch_is_a_function_of_seed_and_step(small_set: TrainingSet) -> None:
    plan = StepPlan(crops=4, size_px=(64, 64))
    first, same = small_set.batch(7, 3, plan), small_set.batch(7, 3, plan)
    assert np.array_equal(first.pictures, same.pictures)
    assert not np.array_equal(first.pictures, small_set.batch(7, 4, plan).pictures)
    assert first.density.shape == (4, 8, 8)
    assert first.heat.shape == first.log_size.shape == (4, 16, 16)


def test_resuming_gives_the_batches_that_were_left(small_set: TrainingSet) -> None:
    plans = [StepPlan(crops=2, size_px=(32, 32))] * 5
    whole = [b.pictures for b in ahead(small_set, 1, range(5), plans)]
    rest = [b.pictures for b in ahead(small_set, 1, range(3, 5), plans)]
    assert len(whole) == 5
    assert all(np.array_equal(a, b) for a, b in zip(whole[3:], rest, strict=True))


def test_held_out_pictures_are_never_in_a_batch(small_set: TrainingSet) -> None:
    kept = sum(small_set.counts().values())
    assert kept + len(small_set.held_out) == PICTURES
    assert small_set.held_out


@pytest.mark.parametrize(
    ("sources", "shares"),
    [
        (["brt", "scut_a", "scut_b"], {"brt": 0.4, "scut_a": 0.22, "scut_b": 0.38}),
        (["brt", "scut_a"], {"brt": 0.4 / 0.62, "scut_a": 0.22 / 0.62}),
        (["brt", "rendered"], {"brt": 0.85, "rendered": 0.15}),
        (["rendered"], {"rendered": 1.0}),
    ],
)
def test_shares_of_a_batch(sources: list[str], shares: dict[str, float]) -> None:
    assert normalised_shares(dict.fromkeys(sources)) == pytest.approx(shares)


def test_a_camera_left_out_is_in_no_training_picture() -> None:
    samples = [Sample("brt", f"brt-{k % 2 + 1}", Path(f"{k}.png"), HEADS, False) for k in range(6)]
    assert positions_without(samples, ["brt-2"]) == [0, 2, 4]
    assert positions_without(samples, []) == [0, 1, 2, 3, 4, 5]
    with pytest.raises(DatasetError, match="no training picture of camera 'brt-7'; brt-1, brt-2"):
        positions_without(samples, ["brt-7"])


def test_no_picture_left_to_train_on_is_refused() -> None:
    with pytest.raises(DatasetError, match="no training picture"):
        normalised_shares({})


def test_the_rate_rises_once_and_falls_to_a_hundredth() -> None:
    rates = [rate_at(i / 200, 1.0) for i in range(201)]
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(1.0)
    assert top == 10
    assert all(a <= b for a, b in pairwise(rates[: top + 1]))
    assert all(a >= b for a, b in pairwise(rates[top:]))
    assert rates[-1] == pytest.approx(0.01)


def test_the_recipe_goes_from_small_crops_to_whole_pictures() -> None:
    plans = Recipe(epochs=10).plans()
    assert len(plans) == 1200
    widths = {number: plans[number].size_px[0] for number in (0, 719, 720, 959, 960, 1199)}
    assert widths == {0: 256, 719: 256, 720: 320, 959: 320, 960: 640, 1199: 640}
    assert [plan.frozen_normalisation for plan in (plans[959], plans[960])] == [False, True]


def test_the_network_keeps_its_size_and_shapes() -> None:
    torch = pytest.importorskip("torch", reason="torch is in the training environment only")
    from models.training.network import HeadNet, parameter_count

    network = HeadNet().eval()
    assert parameter_count(network) <= 1_200_000
    density, heat, log_size = network(torch.zeros(1, 64, 96, 3, dtype=torch.uint8))
    assert density.shape == (1, 8, 12)
    assert heat.shape == log_size.shape == (1, 16, 24)


def test_a_perfect_answer_costs_less_than_a_wrong_one() -> None:
    torch = pytest.importorskip("torch", reason="torch is in the training environment only")
    from models.training.losses import loss_terms

    truth = targets_for(HEADS, (64, 64))
    maps = (truth.density, truth.heat, truth.log_size)
    density, heat, size = (torch.from_numpy(a)[None] for a in maps)
    right = torch.log(torch.expm1(density.clamp(min=1e-4)))
    found = [torch.logit(heat, eps=1e-4), torch.nan_to_num(size)]
    points = torch.stack(found, dim=1)
    good = loss_terms(right, points, density, heat, size)
    bad = loss_terms(-right, -points, density, heat, size)
    assert float(good.size) == 0.0
    assert float(good.count) < 0.05
    assert float(good.total) < float(bad.total)


def test_who_answers_as_the_teacher_pays_least() -> None:
    torch = pytest.importorskip("torch", reason="torch is in the training environment only")
    from models.training.losses import imitation_terms

    rng = np.random.default_rng(3)
    density = torch.from_numpy(rng.uniform(0.001, 0.3, (2, 8, 8)).astype(np.float32))
    heat = torch.from_numpy(rng.uniform(0.01, 0.9, (2, 16, 16)).astype(np.float32))
    size = torch.from_numpy(rng.normal(3.0, 0.3, (2, 16, 16)).astype(np.float32))
    logits, points = torch.log(torch.expm1(density)), torch.stack([torch.logit(heat), size], dim=1)
    told = imitation_terms(logits, points, density, heat, size)
    for term in (told.blocks, told.count, told.heat, told.size):
        assert float(term) == pytest.approx(0.0, abs=1e-4)
    for other in ((logits + 0.3, points), (logits, points + 0.3)):
        assert float(imitation_terms(*other, density, heat, size).total) > float(told.total) + 1e-3
    # Sizes are told where the teacher is sure of a head, and nowhere else.
    elsewhere = points.clone()
    elsewhere[:, 1][heat < 0.3] += 5.0
    found = imitation_terms(logits, elsewhere, density, heat, size)
    assert float(found.size) == pytest.approx(0.0, abs=1e-4)
