"""What was not measured is no pass, and what is worst is counted to its end."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks import database_day
from benchmarks.network_accuracy import misses_target
from benchmarks.report import EXIT_NO_DATA
from benchmarks.unchanged_pictures import Seen, tally
from models.evaluation import CountErrors, Evaluation
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, HeadPoints, Region


def picture(at_s: float, *, somebody: bool) -> Seen:
    """The same picture each time, whoever is said to be in it."""
    count = int(somebody)
    heads = HeadPoints(
        np.full((count, 2), 40, np.float32),
        np.full(count, 14, np.float32),
        np.ones(count, np.float32),
    )
    frame = Frame("cam", round(at_s * 10), Utc(0).plus(at_s), np.full((90, 160, 3), 90, np.uint8))
    return Seen(frame, Region(0, 0, 160, 90, 14.0), CrowdObservation(heads, None, 0.1))


def test_a_person_missed_up_to_the_end_of_the_film_was_missed_as_long() -> None:
    found = tally([picture(number / 2, somebody=number > 1) for number in range(6)])
    assert found.missed == 4
    assert found.longest_s == pytest.approx(2.5 - 1.0)


def test_growth_after_a_day_is_not_told_from_less_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["database_day", "--hours", "24"])
    with pytest.raises(SystemExit) as left:
        database_day.main()
    assert left.value.code == EXIT_NO_DATA


@pytest.mark.parametrize(("nae", "missed"), [(0.09, False), (0.091, True), (None, True)])
def test_a_count_that_is_further_off_than_its_target_is_a_miss(
    nae: float | None, missed: bool
) -> None:
    errors = CountErrors(pictures=10, people=90, mae=1.0, rmse=1.0, nae=nae, bias=0.0)
    evaluation = Evaluation("scut-b", "m", {"density": errors}, {}, {}, None, ())
    assert misses_target(evaluation) is missed
