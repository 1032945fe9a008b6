"""Heads followed through few pictures: who cannot be told from a neighbour has no velocity."""

import numpy as np
import pytest

from tests.vision.scene_cases import START, frame, heads, scene
from vision.crowd.tracking import HeadTracker

# Pupils in ranks, 0.56 m apart: 3.2 per m².
RANKS = 0.56 * np.stack(np.meshgrid(np.arange(8), np.arange(6)), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("every_s", [0.2, 0.5, 0.8, 1.0])
def test_who_stands_beside_a_missed_head_does_not_walk(every_s: float) -> None:
    """Nobody moves; one head in twelve is missed in each picture."""
    tracker, rng = HeadTracker(), np.random.default_rng(3)
    speeds, heads = [], 0
    for step in range(60):
        found = RANKS[rng.random(len(RANKS)) >= 0.08]
        places = found + rng.normal(0.0, 0.03, found.shape)
        _, velocity = tracker.update(places, START.plus(step * every_s))
        if step >= 10:
            known = velocity[np.isfinite(velocity).all(axis=1)]
            speeds += np.linalg.norm(known, axis=1).tolist()
            heads += len(found)
    assert len(speeds) > 0.8 * heads
    assert np.mean(np.array(speeds) > 0.2) < 0.01


def files(t: float, seed: int) -> np.ndarray:
    """Five files, 0.6 m apart, that come down the flight at their own pace, at uneven distances."""
    rng, places = np.random.default_rng(seed), []
    for lane in range(5):
        pace = 0.8 * rng.uniform(0.8, 1.2)
        came_s = np.cumsum(rng.uniform(1.0, 3.0, 60))
        x = -2.0 + pace * (t - came_s)
        here = (x > -2.0) & (x < 6.0)
        places.append(np.column_stack([x[here], np.full(here.sum(), 0.3 + 0.6 * lane)]))
    return np.concatenate(places)


@pytest.mark.parametrize("seed", range(4))
def test_those_who_walk_one_way_do_not_meet_although_pictures_are_lost(seed: int) -> None:
    """One picture a second at the most, every seventh is lost: where a head was, the next one of
    its file is then found."""
    analyser, rng = scene(), np.random.default_rng(seed)
    named, shares = set(), []
    for step in range(100):
        if rng.random() < 0.15:
            continue
        places = files(float(step), seed)
        places = places[rng.random(len(places)) >= 0.06]
        (reading,) = analyser.observe(frame(float(step)), heads(places))
        named |= {reason.rule for reason in reading.reasons}
        assert reading.measurement is not None
        shares.append(reading.measurement.minority_share)
    assert sum(share is not None for share in shares) > 20
    assert "counter_flow" not in named


def test_a_velocity_is_told_when_the_third_place_is_where_it_was_expected() -> None:
    tracker = HeadTracker()
    told = [tracker.update(np.array([[0.8 * t, 1.0]]), START.plus(t))[1] for t in (0, 1, 2, 3)]
    assert np.isnan(told[:2]).all()
    np.testing.assert_allclose(told[2:], [[[0.8, 0.0]]] * 2)


def test_one_picture_that_misses_a_head_loses_no_track() -> None:
    tracker = HeadTracker()
    for t in (0.0, 1.0, 2.0, 4.05, 5.0):
        ids, velocity = tracker.update(np.array([[0.8 * t, 1.0]]), START.plus(t))
        if t == 2.0:
            tracker.update(np.zeros((0, 2)), START.plus(3.0))
    assert ids.tolist() == [1]
    np.testing.assert_allclose(velocity, [[0.8, 0.0]])


def test_who_turns_up_where_another_one_stood_has_no_velocity_yet() -> None:
    """The second of a row is missed for a while; the first goes away as it is found again."""
    tracker, row = HeadTracker(), np.array([[0.0, 0.0], [0.6, 0.0], [1.2, 0.0]])
    for t in (0.0, 1.0, 2.0, 3.0):
        tracker.update(row[[0, 2]], START.plus(t))
    _, velocity = tracker.update(row[1:], START.plus(4.0))
    assert np.isnan(velocity[0]).all()
    np.testing.assert_allclose(velocity[1], 0.0)
    for t in (5.0, 6.0):
        _, velocity = tracker.update(row[1:], START.plus(t))
    np.testing.assert_allclose(velocity, 0.0, atol=1e-9)
