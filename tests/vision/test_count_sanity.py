import math

import pytest

from vision.count_sanity import Counts, Sanity, SanityState, Witness, disagreement, judge
from vision.instants import Utc

AGREED = Counts(heads=10, relative_error=0.2, persons=10, balance=10)
TOO_FEW = Counts(heads=10, relative_error=0.2, persons=100)


@pytest.mark.parametrize(
    ("counts", "persons", "balance"),
    [
        (AGREED, 0.0, 0.0),
        # 40 - 10 = 30 people apart; sqrt(40) + 0.1 x 40 are expected; of 40
        (Counts(10, 0.1, persons=40), (30 - math.sqrt(40) - 4) / 40, None),
        (Counts(10, 0.1, balance=40), None, (30 - math.sqrt(40) - 4) / 40),
        # in a crowd whole people hide each other: fewer of them prove nothing
        (Counts(60, 0.1, persons=20), 0.0, None),
        # where there is room, they do
        (Counts(20, 0.1, persons=0), (20 - math.sqrt(20) - 2) / 20, None),
        (Counts(4, 0.1, persons=0), 0.0, None),
    ],
)
def test_disagreement_by_hand(counts: Counts, persons: float | None, balance: float | None) -> None:
    assert disagreement(counts) == (
        None if persons is None else pytest.approx(persons),
        None if balance is None else pytest.approx(balance),
    )


def play(parts: list[tuple[Counts, int]]) -> list[tuple[float, Sanity]]:
    """Feed each counts for so many seconds, five times a second; second and verdict of each."""
    state, found, tick = SanityState(), [], 0
    for counts, seconds in parts:
        for _ in range(seconds * 5):
            verdict = judge(state, counts, Utc(tick * 200_000_000))
            state = verdict.state
            found.append((tick / 5, verdict))
            tick += 1
    return found


def test_agreement_leaves_the_error_alone() -> None:
    verdicts = play([(AGREED, 120)])
    assert all(v.relative_error == 0.2 and v.witness is None for _, v in verdicts)
    assert not any(v.began or v.ended for _, v in verdicts)


def test_one_odd_picture_changes_nothing() -> None:
    state = judge(SanityState(), TOO_FEW, Utc(0))
    assert state.relative_error == 0.2


def test_disagreement_widens_the_reading_and_a_lasting_one_is_one_event_with_an_end() -> None:
    verdicts = play([(TOO_FEW, 120), (AGREED, 120)])
    widest = max(v.relative_error for _, v in verdicts)
    # 90 apart, less sqrt(100) + 0.2 x 100, of 100: 0.6; joined with 0.2
    assert widest == pytest.approx(math.hypot(0.2, 0.6), abs=0.01)
    began = [at for at, v in verdicts if v.began]
    ended = [at for at, v in verdicts if v.ended]
    assert len(began) == len(ended) == 1
    assert 60 <= began[0] < 70
    assert 150 <= ended[0] < 165
    assert next(v.witness for _, v in verdicts if v.began) is Witness.PERSONS


def test_a_disagreement_of_half_a_minute_is_no_event() -> None:
    verdicts = play([(TOO_FEW, 30), (AGREED, 120)])
    assert max(v.relative_error for _, v in verdicts) > 0.5
    assert not any(v.began for _, v in verdicts)


def test_the_balance_is_a_witness_of_its_own() -> None:
    verdicts = play([(Counts(10, 0.2, balance=100), 90)])
    assert next(v for _, v in verdicts if v.began).witness is Witness.BALANCE
