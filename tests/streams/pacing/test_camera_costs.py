"""What cameras cost: weighed by the minute, kept on disk, read by the next start."""

from __future__ import annotations

import json
from pathlib import Path

from streams.clock import SimulatedClock
from streams.pacing.camera_costs import CameraCosts, costs_file, read_costs


def test_the_dearest_minute_counts_with_decoding_and_analysis(tmp_path: Path) -> None:
    clock = SimulatedClock()
    costs = CameraCosts(clock, costs_file(tmp_path, "worker-0"))
    assert not costs.turn({"stair": 0.0})
    clock.advance(60.0)
    costs.analysed("stair", 1.8)
    assert costs.turn({"stair": 1.2})
    # 1.2 s of decoding and 1.8 s of analysis in a minute.
    assert costs.dearest() == {"stair": 50.0}
    clock.advance(60.0)
    assert costs.turn({"stair": 1.5})
    assert costs.dearest() == {"stair": 50.0}
    assert read_costs(tmp_path) == {"stair": 50.0}


def test_nothing_is_weighed_before_a_minute_has_passed(tmp_path: Path) -> None:
    clock = SimulatedClock()
    costs = CameraCosts(clock, costs_file(tmp_path, "worker-0"))
    costs.turn({"stair": 5.0})
    clock.advance(59.0)
    assert not costs.turn({"stair": 6.0})
    assert costs.dearest() == {}
    assert read_costs(tmp_path) == {}


def test_files_that_say_nonsense_are_left_out_and_the_dearer_number_counts(tmp_path: Path) -> None:
    folder = tmp_path / "costs"
    folder.mkdir()
    (folder / "worker-0.json").write_text(json.dumps({"a": 20.0, "b": -1, "c": "dear"}))
    (folder / "worker-1.json").write_text(json.dumps({"a": 30.0}))
    (folder / "worker-2.json").write_text("{")
    (folder / "worker-3.json").write_text("[1]")
    assert read_costs(tmp_path) == {"a": 30.0}


def test_a_disk_that_refuses_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    (tmp_path / "costs").write_text("a file where a folder should be")
    clock = SimulatedClock()
    costs = CameraCosts(clock, costs_file(tmp_path, "worker-0"))
    costs.turn({"stair": 0.0})
    clock.advance(60.0)
    assert costs.turn({"stair": 3.0})
    assert costs.dearest() == {"stair": 50.0}


def test_a_restart_at_night_forgets_nothing_but_a_tenth(tmp_path: Path) -> None:
    file = costs_file(tmp_path, "worker-0")
    file.parent.mkdir()
    file.write_text(json.dumps({"stair": 50.0}))
    clock = SimulatedClock()
    costs = CameraCosts(clock, file)
    costs.turn({"stair": 0.0})
    clock.advance(60.0)
    assert costs.turn({"stair": 0.3})  # 5 ms a second: nobody is there
    assert read_costs(tmp_path) == {"stair": 45.0}
