"""Runs of the crowd bench: when the truth has a level, our lead, and a results file cut off."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.crowd_runs import BEGAN, Key, Recording, Run, read_recordings
from benchmarks.crowd_truth import CONTACT_DELAY_S, Contacts
from benchmarks.crowd_verdict import level_rows
from benchmarks.report import Report, keep_line
from tests.vision.risk_cases import START, crowd, only, profile
from vision.risk.doors import DoorState
from vision.risk.readings import Level, ZoneReading

KEY = Key("late_gate", 201, "heads", "none", 2.5)
STAIRS = profile()


def run_of(truth_per_m2: list[float], said: list[Level]) -> Run:
    """One picture a second."""
    run = Run(KEY)
    for t_s, (density, level) in enumerate(zip(truth_per_m2, said, strict=True)):
        reading = ZoneReading("stair", START.plus(t_s), level, (), crowd(density, speed_mps=0.4))
        run.add(float(t_s), density, 0.5, reading)
    return run


def recording_of(seconds: int, **measured: object) -> Recording:
    """The same measurement once a second."""
    recording = Recording(KEY, "stair")
    for t_s in range(seconds):
        speeds_mps = np.array([0.3, 0.5, 0.5])
        recording.add(float(t_s), 1.0, speeds_mps, crowd(0.5, **measured))
    return recording


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
    recording = recording_of(2, exit_open_share=0.1, peak_xy_m=(1.0, 2.0))
    path = tmp_path / "runs.jsonl"
    assert list(read_recordings(path)) == []
    path.write_text(recording.as_line() + "\n" + recording.as_line()[:40], "utf-8")
    (kept,) = read_recordings(path)
    assert kept.key == KEY
    assert kept.measurement(1) == recording.measurement(1)
    assert kept.measurement(1).captured_at == BEGAN.plus(1.0)
    assert kept.judged(STAIRS, contacts=True) == recording.judged(STAIRS, contacts=True)
    keep_line(path, recording.as_line())
    assert len(list(read_recordings(path))) == 2


def test_contacts_can_be_left_out_of_the_same_measurements() -> None:
    recording = recording_of(10, exit_open_share=0.0, arriving_per_m_s=1.0)
    rules = only("shut_door")
    assert recording.judged(rules, contacts=True).first_s(Level.L2) == 2.0
    assert recording.judged(rules, contacts=False).first_s(Level.L2) is None


def test_contacts_tell_what_shut_a_little_later() -> None:
    bolted = Contacts("half_leaf").told(0.0, closed=False)
    assert [door for door, state in bolted.items() if state is DoorState.SHUT] == [
        "stair-leaf-wide"
    ]
    gate = Contacts("shut_gate")
    for t_s, closed, state in (
        (20.0, False, DoorState.OPEN),
        (21.0, True, DoorState.OPEN),
        (21.0 + CONTACT_DELAY_S, True, DoorState.SHUT),
    ):
        assert gate.told(t_s, closed=closed)["gate-leaf"] is state
