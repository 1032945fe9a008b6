import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clock import SimulatedClock
from streams.decoding.capture_time import LiveTimes, PacedTimes, RecordingTimes
from tests.streams.fakes import NOON
from vision.instants import Monotonic, Utc


def test_a_recording_counts_from_its_start() -> None:
    times = RecordingTimes(NOON)
    assert [times.of(pts) - NOON for pts in (0.0, 0.04, 0.08)] == [0.0, 0.04, 0.08]


def test_a_recording_never_runs_back_and_holds_where_a_time_is_missing() -> None:
    times = RecordingTimes(NOON)
    assert [times.of(pts) - NOON for pts in (1.0, None, 0.5, 1.5)] == [1.0, 1.0, 1.0, 1.5]


def test_a_paced_recording_waits_for_each_picture() -> None:
    clock = SimulatedClock(NOON, self_advancing=True)
    times = PacedTimes(clock, threading.Event(), NOON)
    assert [times.of(pts) - NOON for pts in (0.0, 0.5, None, 2.0)] == [0.0, 0.5, 0.5, 2.0]
    assert clock.utc() - NOON == 2.0


def test_a_machine_that_cannot_keep_up_plays_slower() -> None:
    """Each picture of 0.1 s takes 0.3 s to make: it lags, but never by more than half a second."""
    clock = SimulatedClock(NOON, self_advancing=True)
    times = PacedTimes(clock, threading.Event(), NOON)
    lags_s = []
    for n in range(100):
        captured = times.of(n * 0.1)
        lags_s.append(clock.utc() - captured)
        clock.advance(0.3)
    assert max(lags_s) <= 0.5 + 1e-6
    assert min(lags_s) >= 0.0


def test_a_live_stream_is_anchored_on_its_first_picture() -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    assert times.of(100.0) == NOON
    clock.advance(0.07)  # 30 ms later than the picture's own 40 ms
    assert times.of(100.04) - NOON == 0.04


def test_a_burst_after_a_stall_keeps_its_true_times() -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    times.of(0.0)
    clock.advance(2.0)
    found = [times.of(0.04 * n) - NOON for n in range(1, 51)]
    assert found == [round(0.04 * n, 9) for n in range(1, 51)]
    assert times.re_anchored == 0


def test_pictures_buffered_while_opening_pull_the_anchor_back() -> None:
    """The first picture waited 1 s in the buffer; the next 25 arrive with it, at one instant."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    found = [times.of(0.04 * n) for n in range(26)]
    assert found == [NOON] * 26
    clock.advance(0.04)
    assert times.of(0.04 * 26) - NOON == 0.04


def test_a_slow_camera_clock_is_re_anchored_beyond_half_a_second() -> None:
    """The camera counts 0.9 s for each second: 0.5 s behind after 5 s, and from then followed."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    late_s = 0.0
    for n in range(300):
        captured = times.of(n * 0.09)
        late_s = max(late_s, clock.utc() - captured)
        clock.advance(0.1)
    assert times.re_anchored >= 2
    # Lateness must pass 0.5 s and then stay there for the whole 5 s window: 0.5 + 0.1 * 5.
    assert late_s <= 1.1


def test_a_jump_of_the_stream_s_own_time_is_a_new_anchor() -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    times.of(5000.0)
    clock.advance(0.04)
    assert times.of(0.0) - NOON == 0.04
    clock.advance(0.04)
    assert times.of(0.04) - NOON == 0.08
    assert times.re_anchored == 1


@pytest.mark.parametrize("back_s", [0.4, 1.0, 3.0, 6.0, 9.5, 10.5])
def test_a_camera_whose_clock_is_set_back_goes_on(back_s: float) -> None:
    """Pictures go on coming, 25 a second: each was taken when it arrived."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    for n in range(250):
        captured = times.of(20.0 + 0.04 * n - (back_s if n >= 100 else 0.0))
        assert abs(clock.utc() - captured) < 1e-6
        clock.advance(0.04)
    assert times.re_anchored == 1


def test_pictures_in_the_order_of_decoding_are_no_clock_set_back() -> None:
    """Every third one first, and two that refer to it after it, at 25 a second."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    for n in range(250):
        times.of(0.04 * (n + (2, -1, -1)[n % 3]))
        clock.advance(0.04)
    assert times.re_anchored == 0


def test_a_picture_without_time_takes_its_arrival() -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    assert times.of(None) == NOON
    clock.advance(1.0)
    assert times.of(None) - NOON == 1.0


def test_a_small_step_back_of_wall_time_is_followed_and_turns_no_stream_back() -> None:
    """Pictures 0.2 s apart by the camera are 0.19 s apart until the second is made up for."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    times.of(0.0)
    clock.step_utc(-1.0)
    found = []
    for n in range(1, 151):
        clock.advance(0.2)
        found.append(times.of(0.2 * n) - NOON)
    assert found[:3] == pytest.approx([0.19, 0.38, 0.57])
    # 1.0 s at 0.01 s a picture: a hundred pictures.
    assert found[97] == pytest.approx(0.19 * 98)
    assert found[149] == pytest.approx(0.2 * 150 - 1.0)


def test_steps_back_do_not_add_up() -> None:
    """A machine whose clock is fast, put right by 1.5 s every hour."""
    clock = SimulatedClock(NOON, self_advancing=True)
    live, paced = LiveTimes(clock), PacedTimes(clock, threading.Event())
    zero = clock.monotonic()
    for hour in range(24):
        for second in range(60):
            at_s = 3600.0 * hour + second
            clock.advance(at_s - (clock.monotonic() - zero))
            captured, shown = live.of(at_s), paced.of(at_s)
        assert abs(clock.utc() - captured) < 1e-6
        assert abs(clock.utc() - shown) < 1e-6
        clock.step_utc(-1.5)
    assert clock.utc() - NOON == pytest.approx(clock.monotonic() - zero - 23 * 1.5)


def test_cameras_that_connect_before_and_after_a_step_back_agree() -> None:
    clock = SimulatedClock(NOON)
    before = LiveTimes(clock)
    before.of(0.0)
    clock.step_utc(-1.5)
    after = LiveTimes(clock)
    for n in range(200):
        clock.advance(0.2)
        assert abs(before.of(0.2 * (n + 1)) - after.of(70.0 + 0.2 * n)) < 1e-6


@pytest.mark.parametrize("pts_s", [0.04, None])
def test_wall_time_that_is_set_back_by_an_hour_is_followed_at_once(pts_s: float | None) -> None:
    clock = SimulatedClock(NOON, self_advancing=True)
    live, paced = LiveTimes(clock), PacedTimes(clock, threading.Event())
    live.of(0.0)
    paced.of(0.0)
    clock.advance(0.04)
    clock.step_utc(-3600.0)
    assert live.of(pts_s) - NOON == 0.04 - 3600.0
    assert paced.of(0.04) - NOON == 0.04 - 3600.0


def test_a_step_forward_of_wall_time_is_followed() -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    times.of(0.0)
    clock.advance(0.04)
    clock.step_utc(3600.0)
    assert times.of(0.04) - NOON == 3600.04


@given(
    steps=st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-50.0, 500.0)),
            st.floats(0.0, 5.0),
            st.floats(-100.0, 100.0),
        ),
        max_size=60,
    )
)
def test_capture_times_decrease_with_the_clock_alone_and_never_lie_in_the_future(
    steps: list[tuple[float | None, float, float]],
) -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    last, wall = Utc(0), clock.utc()
    for pts_s, pass_s, step_s in steps:
        clock.advance(pass_s)
        before = clock.utc()
        clock.step_utc(step_s)
        set_back = clock.utc() - before < -2.0 or before < wall
        wall = clock.utc()
        captured = times.of(pts_s)
        assert captured >= last or set_back
        assert captured <= max(wall, last)
        last = captured


def test_a_film_that_opens_slowly_begins_when_its_first_picture_is_there() -> None:
    clock = SimulatedClock(NOON)
    times = PacedTimes(clock, threading.Event())
    clock.advance(20.0)
    assert times.of(0.0) == clock.utc()
    clock.advance(0.2)
    assert times.of(0.2) == clock.utc()


def test_a_decoder_that_lags_does_not_make_its_pictures_young() -> None:
    """Packets of a camera at 25 a second, read at 20: all lie ready but the first."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    ages_s = []
    for n in range(400):
        captured = times.of(0.04 * n, waited=n == 0)
        ages_s.append(clock.utc() - captured)
        clock.advance(0.05)
    assert times.re_anchored == 0
    assert abs(ages_s[-1] - 399 * 0.01) < 1e-6


def test_a_reader_that_has_caught_up_follows_a_drifting_clock_again() -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    times.of(0.0)
    clock.advance(3.0)
    captured = NOON
    for n in range(250):
        # The camera's own clock stood still for three seconds; every packet is waited for.
        captured = times.of(0.04 * n, waited=True)
        clock.advance(0.04)
    assert times.re_anchored == 1
    assert clock.utc() - captured < 0.1


def test_a_sender_of_bursts_is_no_drifting_clock() -> None:
    """Each second 25 pictures at once: the last was taken just now, the first a second ago."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    for second in range(60):
        clock.advance(1.0)
        for n in range(25):
            captured = times.of(second + 0.04 * n, waited=n == 0)
            if second:
                assert clock.utc() - captured == pytest.approx(0.96 - 0.04 * n, abs=1e-6)
    assert times.re_anchored == 0


def test_a_clock_that_drifts_is_followed_in_bursts_too() -> None:
    """The camera counts 0.9 s for each second and sends 25 pictures at once."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    late_s = 0.0
    for second in range(60):
        clock.advance(1.0)
        for n in range(25):
            captured = times.of(0.9 * (second + 0.04 * n), waited=n == 0)
        late_s = max(late_s, clock.utc() - captured)
    assert times.re_anchored >= 2
    # Lateness must pass 0.5 s and then stay there for the whole 5 s window: 0.5 + 0.1 * 6.
    assert late_s <= 1.2


@pytest.mark.parametrize("tick_s", [0.0, 0.04 / 90])
def test_pictures_whose_time_stands_still_are_taken_when_they_arrive(tick_s: float) -> None:
    """A camera that counts nothing, or milliseconds where ticks of 1/90000 s are due."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    for n in range(500):
        captured = times.of(7.0 + tick_s * n)
        assert clock.utc() - captured == pytest.approx(0.0, abs=1e-6)
        clock.advance(0.04)


def test_a_time_that_stands_still_and_goes_on_again() -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    for n in range(500):
        captured = times.of(0.04 * (n if n < 100 else max(n - 200, 100)))
        assert clock.utc() - captured == pytest.approx(0.0, abs=1e-6)
        clock.advance(0.04)


@pytest.mark.parametrize("slow_fps", [1.0, 1.5])
def test_a_camera_that_takes_few_pictures_while_nothing_moves_has_no_drifting_clock(
    slow_fps: float,
) -> None:
    """Each is handed out when the next begins. Once somebody comes, each picture has its own time
    again at once: none waits until the clock has reached a time that was told too late."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    taken_s = [0.04 * n for n in range(250)]
    taken_s += [10.0 + n / slow_fps for n in range(20)]
    taken_s += [taken_s[-1] + 0.04 * n for n in range(1, 250)]
    zero = clock.monotonic()
    for at_s, next_s in pairwise(taken_s):
        clock.advance(next_s - (clock.monotonic() - zero))
        assert times.of(at_s) - NOON == pytest.approx(at_s + 0.04, abs=1e-6)
    assert times.re_anchored == 0


@pytest.mark.parametrize("slow_fps", [0.5, 1.0, 5.0])
def test_a_picture_that_is_handed_out_with_the_next_was_taken_when_it_arrived(
    slow_fps: float,
) -> None:
    """A camera that takes few pictures, then 25 a second, then few again."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    taken_s = [n / slow_fps for n in range(20)]
    taken_s += [taken_s[-1] + 0.04 * n for n in range(1, 250)]
    taken_s += [taken_s[-1] + n / slow_fps for n in range(1, 20)]
    zero, found_s = clock.monotonic(), []
    before_s: float | None = None
    for at_s, next_s in pairwise(taken_s):
        clock.advance(next_s - (clock.monotonic() - zero))
        found_s.append(times.of(at_s, since_s=before_s and next_s - at_s) - NOON)
        before_s = at_s + 1.0
    # Of the first nobody knows when it arrived; what comes after it shows that it was earlier.
    assert found_s[0] == pytest.approx(taken_s[1])
    assert found_s[1:] == pytest.approx(taken_s[1:-1], abs=1e-6)
    assert times.re_anchored == (1 if slow_fps < 2.0 else 0)


REORDERED = [0, *(number for last in range(3, 180, 3) for number in (last, last - 2, last - 1))]
"""The order of decoding where two pictures refer to the next one."""


def played_reordered(
    times: LiveTimes, clock: SimulatedClock, fps: float, pts_of: Callable[[int], float]
) -> list[float]:
    """When the pictures were taken, in seconds, as they are handed out.

    Each is sent when it and all that it refers to are taken, and handed out three packets later.
    """
    zero, heard, found = clock.monotonic(), dict[int, Monotonic](), list[float]()
    newest = 0
    for index, number in enumerate(REORDERED):
        newest = max(newest, number)
        clock.advance(max(0.0, newest / fps - (clock.monotonic() - zero)))
        heard[number] = times.heard(pts_of(number), waited=True, since_s=0.0)
        if index >= 3:
            found.append(times.shown(pts_of(index - 3), heard[index - 3]) - NOON)
    return found


@pytest.mark.parametrize("fps", [2.0, 5.0, 10.0, 25.0])
def test_a_picture_that_its_decoder_holds_back_was_taken_when_its_packet_says(fps: float) -> None:
    """At 2 fps the decoder's part alone is a second and a half: its clock does not drift for it."""
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    found = played_reordered(times, clock, fps, lambda number: 100.0 + number / fps)
    assert found == pytest.approx([n / fps for n in range(len(found))], abs=1e-6)
    assert times.re_anchored == 0


@pytest.mark.parametrize("step_s", [-3_600.0, -3.0, 30.0, 3_600.0])
def test_a_camera_with_reordered_pictures_whose_clock_is_set_goes_on(step_s: float) -> None:
    clock = SimulatedClock(NOON)
    times = LiveTimes(clock)
    found = played_reordered(
        times, clock, 10.0, lambda number: 4_000.0 + number / 10.0 + (step_s if number >= 90 else 0)
    )
    assert found == sorted(found)
    # A few around the step are taken when they arrive.
    assert found[:85] == pytest.approx([n / 10.0 for n in range(85)], abs=1e-6)
    late = [at_s - n / 10.0 for n, at_s in enumerate(found)]
    assert max(late) <= 0.3 + 1e-6
    assert late[100:] == pytest.approx([0.0] * len(late[100:]), abs=1e-6)
