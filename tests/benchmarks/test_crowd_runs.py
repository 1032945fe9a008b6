"""Runs of the crowd bench: when the truth has a level, our lead, and a results file cut off."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.crowd_runs import Key, Run, read_runs
from benchmarks.crowd_verdict import level_rows
from benchmarks.report import Report, keep_line
from tests.vision.risk_cases import START, crowd, profile
from vision.readings import Level, ZoneReading

KEY = Key("late_gate", 201, "heads", "none", 2.5)
STAIRS = profile()


def run_of(truth_per_m2: list[float], said: list[Level]) -> Run:
    """One picture a second."""
    run = Run(KEY)
    for t_s, (density, level) in enumerate(zip(truth_per_m2, said, strict=True)):
        reading = ZoneReading("stair", START.plus(t_s), level, (), crowd(density, speed_mps=0.4))
        run.add(float(t_s), density, np.array([0.3, 0.5, 0.5]), reading)
    return run


def test_a_level_is_true_after_its_dwell_and_the_lead_counts_from_l2() -> None:
    truth = [1.0] * 20 + [2.8] * 3 + [2.6] + [2.8] * 10
    said = [Level.L0] * 10 + [Level.L2] * 24
    run = run_of(truth, said)
    assert run.onset_s(Level.L3, STAIRS) == 24.0 + 5.0
    assert run.onset_s(Level.L4, STAIRS) is None
    assert run.lead_s(STAIRS) == 19.0
    assert run.possible_lead_s(STAIRS) == 29.0


def test_a_late_warning_and_none_lead_by_nothing() -> None:
    truth = [2.8] * 10
    for said in ([Level.L0] * 8 + [Level.L3] * 2, [Level.UNKNOWN] * 10):
        assert run_of(truth, said).lead_s(STAIRS) == 0.0


@pytest.mark.parametrize(("worst", "missed"), [(Level.L4, 0), (Level.L3, 1)])
def test_a_true_l4_that_was_called_l3_is_missed(worst: Level, missed: int) -> None:
    run = run_of([3.6] * 100, [Level.L2] * 5 + [worst] * 95)
    report = Report("crowd_truth", 0)
    assert level_rows(report, [(run, STAIRS)])
    assert report.figures["missed_l4_runs"] == missed
    assert report.figures["missed_l3_runs"] == 0


def test_a_results_file_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    run = run_of([1.0, 2.0], [Level.L0, Level.L1])
    path = tmp_path / "runs.jsonl"
    assert list(read_runs(path)) == []
    path.write_text(run.as_line() + "\n" + run.as_line()[:40], "utf-8")
    (kept,) = read_runs(path)
    assert kept == run
    assert kept.key == KEY
    keep_line(path, run.as_line())
    assert list(read_runs(path)) == [run, run]
