"""The time that cameras share whose clocks are apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.scene_cases import START
from vision.crowd.common_time import APART_S, CommonTime


def came_s(common: CommonTime, camera_id: str, seconds: float) -> float:
    return common.came(camera_id, START.plus(seconds)) - START


def test_of_one_camera_it_is_the_capture_time() -> None:
    common = CommonTime()
    assert [came_s(common, "cam-a", t) for t in (0.0, 0.2, 7.0)] == [0.0, 0.2, 7.0]


def test_before_the_first_picture_nothing_is_old() -> None:
    assert CommonTime().since_s(START) == 0.0


def test_a_camera_that_comes_for_the_first_time_may_show_that_another_one_is_old() -> None:
    common = CommonTime()
    old = common.came("cam-b", START)
    common.came("cam-a", START.plus(1.5))
    assert common.since_s(old) == pytest.approx(1.5)


@pytest.mark.parametrize("behind_s", [0.0, 0.4, 1.5, 4.5, 3600.0])
def test_a_picture_is_as_old_as_the_time_since_it_came_however_far_its_clock_is_behind(
    behind_s: float,
) -> None:
    common = CommonTime()
    for step in range(50):
        t = step * 0.2
        common.came("cam-a", START.plus(t))
        if step % 5 == 0:
            newest = common.came("cam-b", START.plus(t - behind_s))
        assert common.since_s(newest) == pytest.approx(step % 5 * 0.2)


@pytest.mark.parametrize("behind_s", [0.0, 1.5, 4.5, -1.5, -4.5])
def test_a_camera_that_stopped_grows_old_by_the_clock_of_the_one_that_goes_on(
    behind_s: float,
) -> None:
    common = CommonTime()
    for step in range(20):
        newest = common.came("cam-a", START.plus(step * 0.2))
        common.came("cam-b", START.plus(step * 0.2 - behind_s))
    for step in range(20, 40):
        common.came("cam-b", START.plus(step * 0.2 - behind_s))
    # From 3.8 s on cam-a was silent; cam-b's last picture is of 7.8 s, and comes 0.2 s after one.
    assert 4.0 - APART_S - 1e-6 <= common.since_s(newest) <= 4.2 + 1e-6


@pytest.mark.parametrize("pictures", [1, 2, 6, 30])
@pytest.mark.parametrize("held_s", [1.5, 5.0, 20.0])
def test_what_a_camera_brings_when_it_catches_up_makes_no_other_one_old(
    held_s: float, pictures: int
) -> None:
    """Its connection was held up: all that it took meanwhile comes at once."""
    common = CommonTime()
    for step in range(20):
        common.came("cam-a", START.plus(step * 0.2))
        common.came("cam-b", START.plus(step * 0.2))
    now_s = 3.8
    while now_s < 3.8 + held_s:
        now_s += 0.2
        newest = common.came("cam-b", START.plus(now_s))
    for number in range(1, pictures + 1):
        common.came("cam-a", START.plus(3.8 + (now_s - 3.8) * number / pictures))
        assert common.since_s(newest) == pytest.approx(0.0)


def test_a_camera_is_behind_by_its_clock_and_not_by_how_late_its_first_pictures_came() -> None:
    """cam-b's clock is 1.5 s behind; its connection brings the first pictures 2 s later still."""
    common = CommonTime()
    for step in range(40):
        newest = common.came("cam-a", START.plus(step * 0.2))
        late_s = 2.0 if step < 3 else 0.0
        common.came("cam-b", START.plus(step * 0.2 - 1.5 - late_s))
        assert common.since_s(newest) == pytest.approx(0.0)


def test_a_camera_that_is_late_now_and_then_is_not_behind() -> None:
    """One picture in twenty comes 1.5 s late, as over a radio link."""
    common = CommonTime()
    for step in range(200):
        newest = common.came("cam-a", START.plus(step * 0.2))
        common.came("cam-b", START.plus(step * 0.2 - (1.5 if step % 20 == 10 else 0.0)))
        assert common.since_s(newest) == pytest.approx(0.0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(-10.0, 10.0)), min_size=1))
def test_it_never_runs_back(pictures: list[tuple[str, float]]) -> None:
    common = CommonTime()
    came = [came_s(common, camera_id, seconds) for camera_id, seconds in pictures]
    assert came == sorted(came)
