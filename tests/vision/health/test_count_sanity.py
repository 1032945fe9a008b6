import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.health.count_sanity import Counts, Sanity, SanityState, Witness, disagreement, judge
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


def test_agreement_widens_nothing() -> None:
    verdicts = play([(AGREED, 120)])
    assert all(v.above == v.doubt == 0.0 and v.witness is None for _, v in verdicts)
    assert not any(v.began or v.ended for _, v in verdicts)


@given(st.floats(0, 500), st.floats(0, 500), st.floats(0, 1))
def test_one_look_alone_widens_nothing_whatever_it_says(
    heads: float, persons: float, error: float
) -> None:
    verdict = judge(SanityState(), Counts(heads, error, persons=persons), Utc(0))
    assert (verdict.above, verdict.witness) == (0.0, None)


def test_disagreement_widens_the_upper_end_and_a_lasting_one_is_one_event_with_an_end() -> None:
    verdicts = play([(TOO_FEW, 120), (AGREED, 120)])
    # 90 apart, less sqrt(100) + 0.2 x 100, of 100
    assert max(v.above for _, v in verdicts) == pytest.approx(0.6, abs=0.01)
    assert verdicts[-1][1].above == 0.0
    began = [at for at, v in verdicts if v.began]
    ended = [at for at, v in verdicts if v.ended]
    assert len(began) == len(ended) == 1
    assert 60 <= began[0] < 70
    assert 150 <= ended[0] < 165
    assert next(v.witness for _, v in verdicts if v.began) is Witness.PERSONS


def test_a_disagreement_of_half_a_minute_is_no_event() -> None:
    verdicts = play([(TOO_FEW, 30), (AGREED, 120)])
    assert max(v.above for _, v in verdicts) > 0.5
    assert not any(v.began for _, v in verdicts)


def test_the_balance_is_a_witness_of_its_own() -> None:
    verdicts = play([(Counts(10, 0.2, balance=100), 90)])
    began = next(v for _, v in verdicts if v.began)
    assert began.witness is Witness.BALANCE
    assert began.above == pytest.approx(0.6, abs=0.01)


def test_a_lower_count_is_a_doubt_and_widens_nothing() -> None:
    verdicts = play([(Counts(100, 0.2, balance=10), 90)])
    assert max(v.doubt for _, v in verdicts) == pytest.approx(0.6, abs=0.01)
    assert any(v.began for _, v in verdicts)
    assert all(v.above == 0.0 for _, v in verdicts)


def test_looks_a_minute_apart_decide_after_two() -> None:
    """0.6 x 0.25 = 0.15, then 0.6 x 0.4375 = 0.2625: above a quarter."""
    state, found = SanityState(), []
    for minute in range(4):
        verdict = judge(state, TOO_FEW, Utc(minute * 60_000_000_000))
        state = verdict.state
        found.append((round(verdict.doubt, 4), verdict.witness is not None, verdict.began))
    assert found[:2] == [(0.15, False, False), (0.2625, True, False)]
    assert [began for _, _, began in found] == [False, False, True, False]


@pytest.mark.parametrize(
    ("looks", "blind"),
    [
        ([(0.0, 12.0)], False),
        ([(0.0, 12.0), (1.0, 10.0)], True),
        ([(0.0, 12.0), (0.0, 4.0)], False),  # too few to tell
        ([(0.0, 12.0), (1.3, 12.0)], False),
        ([(0.0, 12.0), (9.0, 12.0), (0.0, 12.0)], False),
        ([(0.0, 12.0), (0.0, None), (0.0, 5.0)], True),  # a picture without a look says nothing
        ([(0.0, 12.0), (0.0, 12.0), (11.0, 12.0)], False),
    ],
)
def test_heads_are_blind_where_two_looks_in_a_row_find_people_and_they_none(
    looks: list[tuple[float, float | None]], blind: bool
) -> None:
    state = SanityState()
    for number, (heads, persons) in enumerate(looks):
        verdict = judge(state, Counts(heads, 0.08, persons=persons), Utc(number * 10_000_000_000))
        state = verdict.state
    assert verdict.blind is blind
