"""Stream faults in simulated time: rates against what is usual, clock, recording."""

import pytest

from vision.health.fault_course import Fault, HealthEvent
from vision.health.stream import StreamSample, StreamState, UsualRate, advance_stream
from vision.instants import Utc

START = Utc.from_iso("2026-09-01T00:00:00Z")


class Stream:
    """A stream that is sampled every 10 s."""

    def __init__(self) -> None:
        self.state = StreamState()
        self.t_s = 0.0
        self.events: list[HealthEvent] = []

    def run(self, count: int, **numbers: float) -> list[tuple[Fault, bool]]:
        before = len(self.events)
        for _ in range(count):
            sample = StreamSample(START.plus(self.t_s), **numbers)
            self.state, events = advance_stream(self.state, sample)
            self.events.extend(events)
            self.t_s += 10.0
        return [(event.fault, event.opened) for event in self.events[before:]]


@pytest.fixture
def stream() -> Stream:
    made = Stream()
    assert made.run(60, fps=25.0, bitrate_kbps=2000.0) == []
    return made


def test_fewer_pictures_than_usual(stream: Stream) -> None:
    assert stream.run(2, fps=19.9) == []
    assert stream.run(1, fps=19.9) == [(Fault.LOW_FPS, True)]
    assert stream.events[-1].measured == 19.9
    assert stream.events[-1].limit == pytest.approx(20.0)
    assert stream.run(3, fps=25.0) == [(Fault.LOW_FPS, False)]


def test_four_fifths_of_the_usual_are_enough(stream: Stream) -> None:
    assert stream.run(30, fps=20.1) == []


def test_a_stream_that_lost_its_data(stream: Stream) -> None:
    """Below 30 % of 2,000 kbit/s."""
    assert stream.run(3, bitrate_kbps=610.0) == []
    assert stream.run(3, bitrate_kbps=590.0) == [(Fault.LOW_BITRATE, True)]


def test_a_fault_does_not_become_usual(stream: Stream) -> None:
    stream.run(24 * 360, fps=5.0)
    assert stream.state.fps.usual == 25.0
    assert stream.state.open_faults == (Fault.LOW_FPS,)


@pytest.mark.parametrize("offset_s", [31.0, -31.0])
def test_a_wrong_clock(stream: Stream, offset_s: float) -> None:
    assert stream.run(3, clock_offset_s=offset_s) == [(Fault.CLOCK_OFFSET, True)]
    assert stream.run(3, clock_offset_s=0.5) == [(Fault.CLOCK_OFFSET, False)]


def test_counts_that_disagree_for_ten_minutes_are_an_event_and_those_of_five_are_none(
    stream: Stream,
) -> None:
    assert stream.run(30, count_doubt=0.6) == []
    assert stream.run(120, count_doubt=0.1) == []
    assert stream.run(59, count_doubt=0.6) == []
    assert stream.run(1, count_doubt=0.6) == [(Fault.COUNT_DOUBT, True)]
    assert stream.events[-1].limit == 0.25
    assert stream.run(29, count_doubt=0.1) == []
    assert stream.run(1, count_doubt=0.1) == [(Fault.COUNT_DOUBT, False)]


def test_a_gap_on_disk_and_a_number_that_is_not_known(stream: Stream) -> None:
    assert stream.run(3, recording_gap_s=61.0) == [(Fault.RECORDING_GAP, True)]
    # Not looking closes nothing.
    assert stream.run(30) == []
    assert stream.state.open_faults == (Fault.RECORDING_GAP,)


def test_nothing_is_judged_before_something_is_usual() -> None:
    made = Stream()
    assert made.run(29, fps=25.0) == []
    assert made.state.fps.usual is None
    assert made.run(1, fps=2.0) == []


def test_seven_days_of_hours_are_remembered() -> None:
    rate = UsualRate()
    for hour in range(400):
        for sample in range(40):
            rate = rate.after(START.plus(hour * 3600.0 + sample * 80.0), float(hour))
    assert len(rate.medians) == 168
    # The last full hours are 231..398; their median lies in the middle.
    assert rate.usual == pytest.approx(314.5)
