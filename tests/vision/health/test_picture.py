"""Camera health: features of spoilt pictures, and the course of faults in simulated time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from vision.errors import ShapeError
from vision.health.features import (
    Baseline,
    Comparison,
    Features,
    Mode,
    compare,
    features_of,
    learn_baseline,
)
from vision.health.picture import Fault, HealthEvent, HealthSample, HealthState, advance
from vision.instants import Utc

Picture = np.ndarray


def scene(seed: int = 0) -> Picture:
    """A made-up room: boxes of many greys and colours on a gradient, 480 x 360."""
    rng = np.random.default_rng(seed)
    picture = np.repeat(np.linspace(60, 190, 480)[None, :, None], 360, axis=0)
    picture = np.repeat(picture, 3, axis=2).astype(np.uint8)
    for _ in range(160):
        x, y = (int(v) for v in rng.integers(0, [480, 360]))
        wide, high = (int(v) for v in rng.integers(8, 60, 2))
        colour = tuple(int(v) for v in rng.integers(0, 255, 3))
        cv2.rectangle(picture, (x, y), (x + wide, y + high), colour, -1)
    return cv2.GaussianBlur(picture, (0, 0), 0.7)


def taken(picture: Picture, seed: int = 1) -> Picture:
    """With sensor noise."""
    noise = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return learn_baseline([features_of(taken(scene(), seed)) for seed in range(5)])


def judged(picture: Picture, baseline: Baseline) -> Comparison:
    return compare(features_of(taken(picture, 9)), baseline)


def test_a_healthy_picture_fits_its_baseline(baseline: Baseline) -> None:
    found = judged(scene(), baseline)
    assert found.sharpness_ratio == pytest.approx(1.0, abs=0.1)
    assert found.lost_share == 0.0
    assert found.shift_share is not None
    assert found.shift_share < 0.005


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.2])
def test_dimming_is_not_blur_cover_or_movement(baseline: Baseline, gain: float) -> None:
    dimmed = np.clip(scene() * gain, 0, 255).astype(np.uint8)
    found = judged(dimmed, baseline)
    assert found.sharpness_ratio > 0.5
    assert found.lost_share <= 0.1
    assert found.shift_share is None or found.shift_share < 0.01


@pytest.mark.parametrize("sigma", [3.0, 6.0])
def test_blur_lowers_sharpness(baseline: Baseline, sigma: float) -> None:
    """Sigma is on a picture 320 px wide, the scene has 480."""
    assert judged(cv2.GaussianBlur(scene(), (0, 0), sigma * 1.5), baseline).sharpness_ratio < 0.35


@pytest.mark.parametrize(("share", "lost"), [(0.5, 0.5), (0.75, 0.75), (1.0, 1.0)])
def test_a_cover_takes_the_edges_of_its_tiles(
    baseline: Baseline, share: float, lost: float
) -> None:
    picture = scene()
    picture[:, : round(480 * share)] = 90
    assert judged(picture, baseline).lost_share == pytest.approx(lost, abs=0.15)


@pytest.mark.parametrize("shift_share", [0.04, 0.10])
def test_a_moved_camera_is_measured(baseline: Baseline, shift_share: float) -> None:
    move = np.array([[1, 0, 480 * shift_share], [0, 1, 0]], np.float32)
    picture = cv2.warpAffine(scene(), move, (480, 360), borderMode=cv2.BORDER_REFLECT)
    found = judged(picture, baseline)
    assert found.shift_share == pytest.approx(shift_share, abs=0.01)
    assert found.inliers >= 20


def test_a_turn_about_the_axis_shows_at_the_corners(baseline: Baseline) -> None:
    turn = cv2.getRotationMatrix2D((240, 180), 5.0, 1.0)
    picture = cv2.warpAffine(scene(), turn, (480, 360), borderMode=cv2.BORDER_REFLECT)
    # Half diagonal 300 px of 480: 2 x 300 x sin 2.5 degrees / 480 = 5.5 %.
    assert judged(picture, baseline).shift_share == pytest.approx(0.055, abs=0.01)


def test_another_scene_gives_no_shift_rather_than_a_wild_one(baseline: Baseline) -> None:
    found = judged(scene(77), baseline)
    assert found.shift_share is None
    assert found.inliers < 20


def test_bare_ground_with_people_has_no_landmarks_to_watch() -> None:
    rng = np.random.default_rng(5)
    crowd = []
    for _ in range(7):
        picture = np.full((360, 480, 3), 150, np.uint8)
        for x, y in rng.integers(0, [480, 360], (60, 2)):
            cv2.circle(picture, (int(x), int(y)), 5, (30, 30, 90), -1)
        crowd.append(features_of(picture))
    assert not learn_baseline(crowd).watches_movement


def test_modes_and_single_features() -> None:
    one = np.asarray(cv2.cvtColor(scene(), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    grey = np.repeat(one[:, :, None], 3, axis=2)
    assert features_of(grey).mode is Mode.INFRARED
    assert features_of(scene()).mode is Mode.DAY
    assert features_of(np.full((90, 160, 3), 255, np.uint8)).glare_share == 1.0
    assert features_of(np.zeros((90, 160, 3), np.uint8)).luminance == 0.0
    blue = features_of(np.full((90, 160, 3), (255, 0, 0), np.uint8))
    assert blue.cast > 100.0
    assert features_of(scene()).digest == features_of(scene().copy()).digest
    assert features_of(taken(scene(), 1)).digest != features_of(taken(scene(), 2)).digest


def test_pictures_that_do_not_fit_are_refused(baseline: Baseline) -> None:
    with pytest.raises(ShapeError, match="64 px"):
        features_of(np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(ShapeError, match="at least one"):
        learn_baseline([])
    with pytest.raises(ShapeError, match="small picture"):
        compare(features_of(np.zeros((200, 200, 3), np.uint8)), baseline)
    with pytest.raises(ShapeError, match="one mode"):
        learn_baseline([features_of(scene()), features_of(np.zeros((360, 480, 3), np.uint8))])


class Camera:
    """A camera whose samples are made by hand, one every 10 s."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.healthy = features_of(taken(scene(), 3))
        self.state = HealthState()
        self.t_s = 0.0
        self.digest = 0
        self.events: list[HealthEvent] = []

    def see(
        self,
        count: int = 1,
        *,
        shift: float | None = 0.0,
        lost: float = 0.0,
        sharp: float = 1.0,
        frames: int = 50,
        frozen: bool = False,
        landmarks: tuple[int, int] = (100, 300),
        change: Callable[[Features], Features] = lambda features: features,
    ) -> list[tuple[Fault, bool]]:
        start = len(self.events)
        for _ in range(count):
            self.digest += 0 if frozen else 1
            features = change(with_digest(self.healthy, self.digest))
            sample = HealthSample(
                Utc(round(self.t_s * 1e9)),
                features,
                Comparison(sharp, lost, shift, *landmarks),
                self.baseline,
                frames,
            )
            self.state, events = advance(self.state, sample)
            self.events.extend(events)
            self.t_s += 10.0
        return [(event.fault, event.opened) for event in self.events[start:]]


def with_digest(features: Features, digest: int, **changed: object) -> Features:
    names = ("mode", "luminance", "contrast", "glare_share", "sharpness", "noise", "cast")
    values = {name: getattr(features, name) for name in (*names, "tile_variation", "grey")}
    return Features(**(values | {"digest": digest} | changed))


@pytest.fixture
def camera(baseline: Baseline) -> Camera:
    found = Camera(baseline)
    assert found.see(10) == []
    return found


@pytest.mark.parametrize(
    ("signs", "fault", "needed"),
    [
        ({"shift": 0.05}, Fault.MOVED, 3),
        ({"lost": 0.5}, Fault.COVERED, 4),
        ({"sharp": 0.2}, Fault.BLURRED, 4),
    ],
)
def test_a_fault_opens_when_its_sign_lasts_and_closes_after_three_good(
    camera: Camera, signs: dict[str, Any], fault: Fault, needed: int
) -> None:
    assert camera.see(needed - 1, **signs) == []
    assert camera.see(1, **signs) == [(fault, True)]
    assert camera.events[-1].since == Utc(round(100e9))
    assert camera.see(5, **signs) == []
    assert camera.state.open_faults == (fault,)
    assert camera.see(2) == []
    assert camera.see(1) == [(fault, False)]
    assert camera.events[-1].duration_s == pytest.approx(70.0 + 10.0 * needed)


def test_one_bus_in_the_view_is_no_fault(camera: Camera) -> None:
    for _ in range(5):
        assert camera.see(2, lost=0.6) == []
        assert camera.see(6) == []


@pytest.mark.parametrize("signs", [{"lost": 0.6}, {"sharp": 0.2}])
def test_what_passes_twice_within_a_minute_is_no_fault(
    camera: Camera, signs: dict[str, Any]
) -> None:
    for _ in range(5):
        assert camera.see(3, **signs) == []
        assert camera.see(1) == []


def test_shifts_that_disagree_are_false_matches(camera: Camera) -> None:
    for shift in (0.04, 0.12, 0.06, 0.2, 0.09, 0.31):
        assert camera.see(1, shift=shift) == []


@pytest.mark.parametrize(
    "signs",
    [
        {"landmarks": (5, 10)},
        {"landmarks": (25, 900)},
        {"landmarks": (5, 900), "sharp": 0.3},
        {"landmarks": (5, 900), "lost": 0.3},
    ],
)
def test_without_landmarks_of_its_own_a_picture_says_nothing_of_movement(
    camera: Camera, signs: dict[str, Any]
) -> None:
    """Nothing in it, old ones still there, a blur, a cover: no camera that was turned away."""
    camera.see(20, shift=None, **signs)
    assert Fault.MOVED not in {event.fault for event in camera.events}


def test_a_camera_turned_away_wholly_is_moved_within_a_minute(camera: Camera) -> None:
    """Its landmarks are gone and others are there: the fifth such picture, 40 s after the first."""
    assert camera.see(4, shift=None, landmarks=(5, 900)) == []
    assert camera.see(1, shift=None, landmarks=(5, 900)) == [(Fault.MOVED, True)]
    assert camera.see(5, shift=None, landmarks=(5, 900)) == []
    # Turned back, but not quite: still moved.
    assert camera.see(5, shift=0.06) == []
    assert camera.see(3) == [(Fault.MOVED, False)]


def test_a_shift_that_is_measured_now_and_then_does_not_hide_that_it_looks_away(
    camera: Camera,
) -> None:
    """As of a camera knocked far aside in the dark: every other picture fits, half a view off."""
    for shift, inliers in ((None, 5), (0.47, 33), (None, 4), (0.48, 34)):
        assert camera.see(1, shift=shift, landmarks=(inliers, 900)) == []
    assert camera.see(1, shift=None, landmarks=(6, 900)) == [(Fault.MOVED, True)]


def test_one_look_elsewhere_among_pictures_at_rest_proves_nothing(camera: Camera) -> None:
    for _ in range(5):
        assert camera.see(1, shift=None, landmarks=(5, 900)) == []
        assert camera.see(1, shift=0.4, landmarks=(22, 900)) == []
        assert camera.see(2, shift=0.01) == []


def test_a_lorry_that_waits_half_a_minute_is_no_movement(camera: Camera) -> None:
    for _ in range(5):
        assert camera.see(4, shift=None, landmarks=(5, 900)) == []
        assert camera.see(1) == []


def test_a_picture_of_another_place_is_a_movement(baseline: Baseline) -> None:
    """The whole way: features, comparison and course."""
    away = features_of(taken(scene(77), 3))
    state, found = HealthState(), []
    for index in range(6):
        at = Utc(round(index * 10e9))
        seen = replace(away, digest=index)
        sample = HealthSample(at, seen, compare(seen, baseline), baseline, 50)
        state, events = advance(state, sample)
        found += [(event.fault, event.at - Utc(0)) for event in events]
    assert found == [(Fault.MOVED, 40.0)]


def test_equal_pictures_are_frozen_only_while_frames_arrive(camera: Camera) -> None:
    assert camera.see(6, frozen=True, frames=0) == []
    assert (Fault.FROZEN, True) in camera.see(6, frozen=True)
    assert camera.see(3) == [(Fault.FROZEN, False)]


def test_a_dark_picture_is_dark_and_nothing_else(camera: Camera) -> None:
    def black(features: Features) -> Features:
        return with_digest(features, features.digest, luminance=0.02)

    assert camera.see(6, shift=0.2, lost=1.0, sharp=0.0, change=black) == [(Fault.DARK, True)]


def test_a_change_to_infrared_settles_for_a_minute(camera: Camera) -> None:
    def infrared(features: Features) -> Features:
        return with_digest(features, features.digest, mode=Mode.INFRARED)

    assert camera.see(6, sharp=0.1, change=infrared) == []
    assert camera.see(10, change=infrared) == []
    assert camera.see(4, sharp=0.1, change=infrared) == [(Fault.BLURRED, True)]
