"""How far the wall clock is believed over several runs, and how due dates follow its jumps."""

from __future__ import annotations

import pytest

from api.evidence.clock_book import STEADY_S, ClockBook
from vision.instants import Utc

HOUR_S = 3_600.0
DAY_S = 86_400.0
MONDAY = Utc.from_iso("2026-11-30T08:00:00Z")


class Story:
    """A clock and the service's runs; `moved` is by how many days due dates went in all."""

    def __init__(self) -> None:
        self.wall = MONDAY
        self.book = ClockBook()
        self.moved = 0

    def start(self, off_s: float = 0.0) -> Story:
        """A new run, `off_s` of wall time after the last look."""
        self.wall = self.wall.plus(off_s)
        return self._look(None)

    def run(self, seconds: float, *, jump_s: float = 0.0) -> Story:
        self.wall = self.wall.plus(seconds + jump_s)
        return self._look(seconds)

    def _look(self, ran_s: float | None) -> Story:
        # As it is after a restart.
        book = ClockBook.from_json(self.book.to_json())
        self.book, days = book.looked(self.wall, ran_s)
        self.moved += days
        return self

    @property
    def behind_s(self) -> float | None:
        believed = self.book.believed
        return None if believed is None else self.wall - believed


def test_within_one_run_the_clock_is_believed_after_six_hours() -> None:
    story = Story().start().run(STEADY_S - 1.0)
    assert story.behind_s is None
    assert story.run(1.0).behind_s == 0.0


def test_a_time_server_is_no_jump() -> None:
    assert Story().start().run(STEADY_S).run(10.0, jump_s=30.0).behind_s == pytest.approx(30.0)


def test_a_jump_begins_the_hours_anew() -> None:
    story = Story().start().run(STEADY_S).run(10.0, jump_s=-61.0)
    assert (story.behind_s, story.moved) == (None, 0)
    assert story.run(STEADY_S).behind_s == 0.0


def test_hours_of_several_runs_count_and_what_lies_between_them_does_not() -> None:
    """Five hours on Monday and on Tuesday: of the night nobody knows how long it was."""
    story = Story().start().run(5 * HOUR_S)
    assert story.start(19 * HOUR_S).behind_s is None
    assert story.run(HOUR_S).behind_s == 19 * HOUR_S
    # By now the six hours lie within Tuesday and Wednesday.
    story.run(4 * HOUR_S).start(19 * HOUR_S)
    assert story.run(2 * HOUR_S).behind_s == 19 * HOUR_S


def test_many_runs_that_are_too_short_leave_no_trail() -> None:
    story = Story().start()
    for _ in range(50):
        story.start(DAY_S)
    assert len(story.book.looks) == 2


@pytest.mark.parametrize(
    ("story", "moved"),
    [
        # A weekend, a summer; a computer that slept.
        (Story().start().start(60 * DAY_S), 0),
        (Story().start().run(HOUR_S, jump_s=2.5 * DAY_S), 0),
        # Set back and put right: under way, between two runs, days later.
        (Story().start().run(9.0, jump_s=-700 * DAY_S), -700),
        (Story().start().run(9.0, jump_s=-700 * DAY_S).run(9.0, jump_s=700 * DAY_S), 0),
        (Story().start().start(-700 * DAY_S).start(700 * DAY_S), 0),
        (Story().start().start(-700 * DAY_S).run(DAY_S).start(703 * DAY_S), 0),
        (Story().start().start(-700 * DAY_S).start(3 * DAY_S), -700),
        # Never set before: put right under way, and between two runs.
        (Story().start().run(9.0, jump_s=20_000 * DAY_S), 20_000),
        (Story().start().start(20_000 * DAY_S), 20_000),
        # Far ahead for a while.
        (Story().start().start(20_000 * DAY_S).start(-20_000 * DAY_S), 0),
    ],
)
def test_due_dates_move_with_jumps_of_days(story: Story, moved: int) -> None:
    assert (story.moved, story.book.shifted_days) == (moved, moved)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"looks": [[1]]}', b"\xff"])
def test_a_damaged_book_is_an_empty_one(content: bytes) -> None:
    assert ClockBook.from_json(content) == ClockBook()
