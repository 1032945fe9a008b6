"""Redaction fails closed: what cannot be judged is blurred whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from api.evidence.redaction import FilmTime, Redactor, TimedImage, background_of
from models.errors import ModelError
from vision.arrays import UInt8Array
from vision.instants import Utc
from vision.observations import CrowdObservation, DensityMap, HeadPoints, Region

SIZE = (120, 160)
PLACE = np.random.default_rng(1).integers(60, 180, (*SIZE, 3), dtype=np.uint8)


def seen(
    heads: list[tuple[float, float]], people: float = 0.0, *, full: bool = False
) -> CrowdObservation:
    """Heads of 24 px, and `people` in the map's last cell."""
    cells = np.zeros((15, 20), np.float32)
    cells[-1, -1] = people
    points = HeadPoints(
        np.array(heads, np.float32).reshape(-1, 2), np.full(len(heads), 24, np.float32),
        np.ones(len(heads), np.float32), saturated=full,
    )  # fmt: skip
    return CrowdObservation(points, DensityMap(cells, 8.0, 8.0), 0.2)


class FakeNetwork:
    """Answers with what a function gives for the number of the picture."""

    model_id = "fake@0"

    def __init__(self, answer: Callable[[int], CrowdObservation]) -> None:
        self.answer, self.count = answer, 0

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        self.count += 1
        return self.answer(self.count - 1)


def film(count: int) -> list[TimedImage]:
    return [TimedImage(Utc(n * 200_000_000), PLACE) for n in range(count)]


def broken(number: int) -> CrowdObservation:
    raise ModelError("told by the test")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (broken, "detector failed: ModelError"),
        (lambda n: seen([], full=True), "more heads than the network can list"),
        (lambda n: CrowdObservation(HeadPoints.none(), None, 0.2), "no density map"),
    ],
)
def test_a_picture_that_cannot_be_judged_is_blurred_whole(
    answer: Callable[[int], CrowdObservation], why: str
) -> None:
    place = background_of([PLACE] * 5)
    (picture,) = Redactor(FakeNetwork(answer), place).redact(film(1))
    assert (picture.share, picture.why_whole) == (1.0, why)
    assert float(np.abs(picture.image_bgr.astype(int) - PLACE).mean()) > 10.0


@pytest.mark.parametrize(("level", "why"), [(3, "too dark"), (128, "too flat")])
def test_dark_and_flat_pictures_are_blurred_whole(level: int, why: str) -> None:
    place = background_of([PLACE] * 5)
    dark = TimedImage(Utc(0), np.full((*SIZE, 3), level, np.uint8))
    (picture,) = Redactor(FakeNetwork(lambda n: seen([])), place).redact([dark])
    assert (picture.share, picture.why_whole) == (1.0, why)


def test_without_the_empty_place_everything_is_blurred() -> None:
    assert background_of([PLACE] * 4) is None
    (picture,) = Redactor(FakeNetwork(lambda n: seen([])), None).redact(film(1))
    assert picture.share == 1.0


def contrast_left(head_px: float, hold: bool, why_whole: bool = False) -> float:
    """Of stripes of 4 px in the middle of a head that the network finds, or found just before."""
    stripes = np.where(np.arange(160) % 8 < 4, 60, 180).astype(np.uint8)
    image = np.broadcast_to(stripes[None, :, None], (*SIZE, 3)).copy()

    def answer(number: int) -> CrowdObservation:
        if why_whole:
            raise ModelError("told by the test")
        if hold and number:
            return seen([])
        heads = HeadPoints(
            np.array([[80, 60]], np.float32), np.array([head_px], np.float32),
            np.ones(1, np.float32),
        )  # fmt: skip
        return replace(seen([]), heads=heads)

    pictures = [TimedImage(Utc(n * 200_000_000), image) for n in range(2)]
    found = list(Redactor(FakeNetwork(answer), background_of([image] * 5)).redact(pictures))
    return float(found[1].image_bgr[55:65, 70:90].std())


def test_a_near_face_is_as_coarse_as_a_far_one() -> None:
    assert contrast_left(24.0, hold=False) > 20.0
    for hold in (False, True):
        assert contrast_left(100.0, hold=hold) < 10.0
    assert contrast_left(24.0, hold=False, why_whole=True) < 10.0


def test_a_mark_holds_before_and_after_its_picture() -> None:
    # One picture in thirteen shows a head; it is held for 0.6 s, three pictures each way.
    network = FakeNetwork(lambda n: seen([(80.0, 60.0)] if n == 6 else []))
    pictures = list(Redactor(network, background_of([PLACE] * 5)).redact(film(13)))
    marked = [bool(picture.mask[15, 20]) for picture in pictures]
    assert marked == [False] * 3 + [True] * 7 + [False] * 3
    assert np.array_equal(pictures[0].image_bgr, PLACE)


@pytest.mark.parametrize("back_s", [4.0, 3_600.0])
def test_a_mark_holds_where_the_clock_was_set_back(back_s: float) -> None:
    # A head that the network sees on every third picture only: held for three pictures each way
    # it is blurred on all of them.
    before = [100_000.0 + 0.2 * n for n in range(30)]
    taken = before + [before[-1] + 0.2 - back_s + 0.2 * n for n in range(40)]
    pictures = [TimedImage(Utc(round(at_s * 1e9)), PLACE) for at_s in taken]
    network = FakeNetwork(lambda n: seen([(80.0, 60.0)] if n % 3 == 0 else []))
    found = list(Redactor(network, background_of([PLACE] * 5)).redact(pictures))
    assert [picture.captured for picture in found] == [picture.captured for picture in pictures]
    assert all(picture.mask[15, 20] for picture in found)


def test_pictures_do_not_wait_until_a_clock_that_was_set_back_has_caught_up() -> None:
    given = 0

    def taken() -> Iterator[TimedImage]:
        nonlocal given
        for n in range(100):
            given += 1
            yield TimedImage(Utc((100_000 if n < 10 else 10) * 10**9 + n * 200_000_000), PLACE)

    network = FakeNetwork(lambda n: seen([]))
    waiting = 0
    for done, _ in enumerate(Redactor(network, background_of([PLACE] * 5)).redact(taken())):
        waiting = max(waiting, given - done)
    # 0.6 s at five pictures a second, the one that ends them, and the one that stood still.
    assert waiting <= 6


def test_the_seconds_of_a_film_never_go_back() -> None:
    film = FilmTime()
    taken_s = [50.0, 50.5, 46.0, 46.5, 60.0]
    assert [film.at(Utc(round(at_s * 1e9))) for at_s in taken_s] == [0.0, 0.5, 0.5, 1.0, 14.5]


def test_people_of_the_density_map_are_blurred_without_a_head() -> None:
    network = FakeNetwork(lambda n: seen([], people=3.0))
    (picture,) = Redactor(network, background_of([PLACE] * 5)).redact(film(1))
    assert picture.why_whole == ""
    assert picture.mask[-1, -1] == 255
    assert picture.mask[0, 0] == 0


def test_what_moves_is_blurred_without_a_head() -> None:
    image = PLACE.copy()
    image[40:80, 60:90] = 255
    (picture,) = Redactor(FakeNetwork(lambda n: seen([])), background_of([PLACE] * 5)).redact(
        [TimedImage(Utc(0), image)]
    )
    assert picture.mask[10:20, 15:22].all()
    assert picture.mask[0, 0] == 0
