import itertools
import threading
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.pacing.sampling import DropCounts, Inbox, Sampler
from tests.streams.fakes import NOON
from vision.instants import Utc


@pytest.mark.parametrize(
    ("source_fps", "analysed_fps", "expected"),
    [
        (25.0, 5.0, [0, 5, 10, 15, 20]),
        (25.0, 25.0, list(range(25))),
        (10.0, 5.0, [0, 2, 4, 6, 8]),
        (4.0, 5.0, [0, 1, 2, 3]),
        (12.5, 5.0, [0, 3, 5, 8, 10]),
    ],
)
def test_one_second_of_pictures(
    source_fps: float, analysed_fps: float, expected: list[int]
) -> None:
    sampler = Sampler(analysed_fps)
    count = int(source_fps)
    assert [n for n in range(count) if sampler.take(NOON.plus(n / source_fps))] == expected


def test_the_same_instant_is_taken_once() -> None:
    sampler = Sampler(5.0)
    assert [sampler.take(NOON) for _ in range(3)] == [True, False, False]


def test_after_a_gap_the_next_picture_is_taken() -> None:
    sampler = Sampler(1.0)
    assert sampler.take(NOON)
    assert sampler.take(NOON.plus(30.0))
    assert not sampler.take(NOON.plus(30.5))


def test_cameras_of_different_phases_are_sampled_in_turn_and_at_the_same_mean_rate() -> None:
    """Two cameras whose pictures come together, five a second of each, a tenth apart."""
    first, second = Sampler(5.0, phase=0.0), Sampler(5.0, phase=0.5)
    times_s = [n / 25 for n in range(50)]
    taken = [[t for t in times_s if one.take(NOON.plus(t))] for one in (first, second)]
    assert [round(t, 2) for t in taken[0][:4]] == [0.0, 0.2, 0.4, 0.6]
    assert [round(t, 2) for t in taken[1][:4]] == [0.0, 0.12, 0.32, 0.52]
    assert [len(one) for one in taken] == [10, 11]  # the first picture is taken in any case


def test_asking_whether_a_picture_is_wanted_does_not_take_it() -> None:
    sampler = Sampler(5.0)
    assert sampler.wants(NOON)
    assert sampler.wants(NOON)
    assert sampler.take(NOON)
    assert not sampler.wants(NOON.plus(0.1))
    assert sampler.wants(NOON.plus(0.2))


@pytest.mark.parametrize("phase", [None, 0.0, 0.7])
def test_another_rate_goes_on_after_the_last_picture(phase: float | None) -> None:
    """A camera that load slows down and lets go again is not looked at once more for that."""
    times = [NOON.plus(n / 25) for n in range(200)]
    sampler, taken = Sampler(5.0, phase), []
    for number, at in enumerate(times):
        if number in (50, 100, 150):
            sampler = sampler.at_rate(1.0 if number == 100 else 5.0)
        if sampler.take(at):
            taken.append(at - NOON)
    gaps_s = [later - before for before, later in itertools.pairwise(taken)]
    assert max(gaps_s) == pytest.approx(1.0, abs=0.05)
    # The first slot on the clock may be cut short, and so may the one in which the rate changes.
    assert sum(gap_s < 0.19 for gap_s in gaps_s) <= (0 if phase is None else 3)
    assert len(taken) == pytest.approx(5 * 6 + 2, abs=2)


def test_a_sampler_that_took_nothing_takes_the_first_picture_at_any_rate() -> None:
    assert Sampler(5.0).at_rate(1.0).take(NOON)
    assert Sampler(5.0, phase=0.5).at_rate(1.0).take(NOON)


def sampled(
    sampler: Sampler, times_s: list[float], anew: Callable[[int], bool]
) -> list[tuple[int, float]]:
    """Number and time of the pictures that are taken, asked for before they are decoded."""
    taken = []
    for number, at_s in enumerate(times_s):
        at = NOON.plus(at_s)
        wanted = sampler.wants(at, anew=anew(number))
        assert sampler.take(at) == wanted
        if wanted:
            taken.append((number, at_s))
    return taken


@pytest.mark.parametrize("phase", [None, 0.0, 0.37, 0.8])
@pytest.mark.parametrize("first_key", [0, 1, 3, 17])
def test_a_picture_that_decoding_can_begin_with_is_the_first_of_its_slot(
    phase: float | None, first_key: int
) -> None:
    """One a second: after the last that is taken four need not be decoded."""
    random = Random(f"{phase} {first_key}")
    times_s = [n / 25 + random.uniform(-0.004, 0.004) for n in range(500)]
    taken = sampled(Sampler(5.0, phase), times_s, lambda n: n % 25 == first_key)
    settled = [number for number, _ in taken if number >= 75]
    assert {(number - first_key) % 25 for number in settled} == {0, 5, 10, 15, 20}
    assert len(taken) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("every", [25, 50])
@pytest.mark.parametrize("fps", [1.4, 1.75, 2.6, 3.37, 4.5, 4.8])
def test_out_of_step_the_mean_rate_holds_and_the_last_slot_is_left_out(
    fps: float, every: int
) -> None:
    """What load leaves of five a second: a lower rate is to cost less decoding, not more."""
    random = Random(f"{fps} {every}")
    times_s = [n / 25 + random.uniform(-0.004, 0.004) for n in range(5_000)]
    taken = sampled(Sampler(fps, 0.6), times_s, lambda n: n % every == 7)
    assert len(taken) == pytest.approx(fps * 200.0, rel=0.02)
    last = {(number - 7) // every: (number - 7) % every for number, _ in taken}
    left_out = [every - 1 - place for group, place in last.items() if group >= 3]
    # All but the first picture of the last slot, where slots are of two lengths.
    few, more_often = divmod(every * fps / 25.0, 1.0)
    longer, shorter = every / few, every / (few + 1.0)
    expected = longer + more_often * (shorter - longer) - 1.0
    assert sum(left_out) / len(left_out) == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize(
    ("fps", "every", "places"),
    [
        (5.0, 25, [0, 3, 6, 9, 12]),
        (4.0, 25, [0, 4, 8, 12]),
        (3.0, 25, [0, 6, 12]),
        (2.0, 25, [0, 12]),
        (5.0, 50, [0, 4, 8, 12, 16, 21, 25, 29, 33, 37]),
        (5.0, 12, [0, 2, 5]),
    ],
)
def test_bunched_pictures_are_as_many_and_the_gap_before_a_key_picture_is_longer(
    fps: float, every: int, places: list[int]
) -> None:
    """So that after the last one twelve of 25 need not be decoded, in place of four."""
    taken = sampled(
        Sampler(fps, 0.3, bunched=True), [n / 25 for n in range(1_000)], lambda n: n % every == 3
    )
    settled = [number - 3 for number, _ in taken if number >= 3 * every]
    assert [n % every for n in settled if n // every == 3] == places
    gaps = [after - before for before, after in itertools.pairwise(settled)]
    assert max(gaps) <= max(13, 25 / fps + 1)


def test_where_load_changes_the_rate_each_second_as_many_are_left_out() -> None:
    random = Random(7)
    sampler, taken = Sampler(5.0, 0.3, bunched=True), []
    for number in range(2_500):
        if number % 25 == 16:
            sampler = sampler.at_rate(random.uniform(3.5, 5.0), bunched=True)
        at = NOON.plus(number / 25 + random.uniform(-0.004, 0.004))
        if sampler.wants(at, anew=number % 25 == 0) and sampler.take(at):
            taken.append(number)
    assert len(taken) == pytest.approx(425, rel=0.04)
    last = {number // 25: number % 25 for number in taken[20:]}
    assert sum(24 - place for place in last.values()) / len(last) > 10.0


@pytest.mark.parametrize("bunched", [False, True])
@pytest.mark.parametrize("changed_at", [3, 9, 16, 22])
@pytest.mark.parametrize("rates", [(4.6, 4.8), (4.3, 4.5), (3.5, 5.0), (2.2, 2.9)])
def test_where_load_changes_the_rate_each_second_about_that_rate_is_taken(
    rates: tuple[float, float], changed_at: int, *, bunched: bool
) -> None:
    """Up to a fifth more were taken, which the plan of rates knew nothing of."""
    random = Random(1)
    sampler, taken, told = Sampler(5.0, 0.3, bunched=bunched), 0, 0.0
    for number in range(25 * 300):
        if number % 25 == changed_at:
            fps = random.uniform(*rates)
            sampler, told = sampler.at_rate(fps, bunched=bunched), told + fps
        at = NOON.plus(number / 25 + random.uniform(-0.004, 0.004))
        taken += sampler.wants(at, anew=number % 25 == 0) and sampler.take(at)
    assert 0.9 <= taken / told <= 1.12


@given(
    every=st.integers(2, 260),
    analysed_fps=st.floats(0.5, 25.0),
    seed=st.integers(0, 1_000_000),
    bunched=st.booleans(),
)
def test_whatever_comes_no_camera_is_analysed_more_often_or_left_out(
    every: int, analysed_fps: float, seed: int, *, bunched: bool
) -> None:
    random = Random(seed)
    times_s = [n / 25 + random.uniform(-0.004, 0.004) for n in range(750)]
    sampler = Sampler(analysed_fps, random.random(), bunched=bunched)
    taken = sampled(sampler, times_s, lambda n: n % every == 0)
    assert len(taken) <= 1.08 * analysed_fps * 30.0 + 2
    longest = max(after - before for (_, before), (_, after) in itertools.pairwise(taken))
    assert longest <= max(2.0 / analysed_fps, 0.52 * bunched) + 0.1


@pytest.mark.parametrize("apart_s", [0.94, 0.95, 0.96, 0.98, 0.99, 1.0, 1.02, 1.05])
def test_key_pictures_alone_about_a_slot_apart_are_all_taken(apart_s: float) -> None:
    """A calm place, at 0.95 s while a clock that was set back is followed by running slower."""
    random = Random(f"{apart_s}")
    times_s = [n * apart_s + random.uniform(-0.002, 0.002) for n in range(200)]
    taken = sampled(Sampler(1.0, 0.3), times_s, lambda _: True)
    # One may fall into the slot of the first picture, before there is a step to keep.
    assert len(taken) >= 199


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_not_positive_is_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="analysed_fps must be positive"):
        Sampler(fps)


@given(gaps_s=st.lists(st.floats(0.001, 0.5), min_size=1, max_size=200), fps=st.floats(0.5, 30.0))
def test_never_more_than_one_picture_a_slot(gaps_s: list[float], fps: float) -> None:
    sampler = Sampler(fps)
    at = NOON
    taken: list[Utc] = []
    for gap_s in gaps_s:
        if sampler.take(at):
            taken.append(at)
        at = at.plus(gap_s)
    assert taken[0] == NOON
    assert len(taken) <= (at - NOON) * fps + 2


def test_the_newest_item_of_a_key_wins_and_the_loss_is_told() -> None:
    inbox: Inbox[str, str] = Inbox()
    assert inbox.put("cam-a", "a1") is False
    assert inbox.put("cam-a", "a2") is True
    assert inbox.take(0.0).item == "a2"
    assert inbox.take(0.0).item is None


def test_keys_take_turns_however_fast_one_of_them_is() -> None:
    inbox: Inbox[str, str] = Inbox()
    inbox.put("fast", "f1")
    inbox.put("slow", "s1")
    inbox.put("fast", "f2")
    assert inbox.take(0.0).item == "f2"
    inbox.put("fast", "f3")
    assert inbox.take(0.0).item == "s1"
    assert inbox.take(0.0).item == "f3"


def test_events_come_first_and_in_order() -> None:
    inbox: Inbox[str, str] = Inbox()
    inbox.put("cam", "picture")
    inbox.put_event("stalled")
    inbox.put_event("offline")
    assert [inbox.take(0.0).event for _ in range(2)] == ["stalled", "offline"]
    assert inbox.take(0.0).item == "picture"
    assert inbox.take_event() is None


def test_an_event_can_be_taken_without_waiting() -> None:
    inbox: Inbox[str, str] = Inbox()
    inbox.put_event("stalled")
    assert inbox.take_event() == "stalled"
    assert inbox.take_event() is None


def test_the_oldest_events_go_beyond_the_bound() -> None:
    inbox: Inbox[str, str] = Inbox(event_bound=2)
    for event in ("starting", "live", "stalled"):
        inbox.put_event(event)
    assert [inbox.take_event() for _ in range(3)] == ["live", "stalled", None]


class Arriving(threading.Condition):
    """While somebody waits, another thread puts something in; notes how long it may wait."""

    def __init__(self, put: Callable[[], object]) -> None:
        super().__init__()
        self.put = put
        self.waited_s: list[float | None] = []
        self.told = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_s.append(timeout)
        self.put()
        return True

    def notify(self, n: int = 1) -> None:
        self.told += n


def test_what_comes_while_the_analysis_waits_wakes_it_and_is_handed_out() -> None:
    inbox: Inbox[str, str] = Inbox()
    inbox._ready = arriving = Arriving(lambda: inbox.put("cam", "a1"))
    assert inbox.take(0.1).item == "a1"
    arriving.put = lambda: inbox.put_event("stalled")
    assert inbox.take(60.0).event == "stalled"
    assert arriving.told == 2
    # It looks up now and then, so that a stop is heard.
    assert arriving.waited_s == [0.1, 0.25]
    inbox.put("cam", "a2")
    inbox.put_event("live")
    assert (inbox.take(60.0).event, inbox.take(60.0).item) == ("live", "a2")
    assert len(arriving.waited_s) == 2


def test_drops_are_counted_by_cause() -> None:
    counts = DropCounts()
    counts.add("superseded")
    counts.add("corrupt", 3)
    counts.add("superseded")
    assert counts.snapshot() == {"superseded": 2, "corrupt": 3}
