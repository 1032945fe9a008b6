"""Targets of speed: read, met, missed and not measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.targets import Target, read_results, read_targets

TWO = {"cores": 2}
RESULTS = [
    {
        "benchmark": "capacity",
        "machine": TWO,
        "figures": {"kind": "360p", "mixed": "passing", "cameras_carried": 50},
    },
    {
        "benchmark": "capacity",
        "machine": TWO,
        "figures": {"kind": "720p", "mixed": "", "cameras_carried": 20},
    },
]


def named(part: str) -> Target:
    return next(target for target in read_targets() if part in target.name)


def test_a_result_counts_only_where_its_kind_fits() -> None:
    main, sub = named("720p25"), named("360p")
    assert (main.measured(RESULTS), sub.measured(RESULTS)) == (20.0, 50.0)
    assert not main.met_by(20.0)
    assert sub.met_by(50.0)
    assert named("CPU ms").measured(RESULTS) is None


def test_a_target_for_two_cores_is_not_held_by_sixty_four() -> None:
    large = [{**result, "machine": {"cores": 64}} for result in RESULTS]
    assert named("720p25").measured(large) is None


def test_a_bound_from_above() -> None:
    cost = named("CPU ms")
    assert (cost.bound, cost.met_by(15.0), cost.met_by(15.1)) == ("<= 15", True, False)


def test_every_target_names_one_bound_and_a_device() -> None:
    for target in read_targets():
        assert (target.at_least is None) != (target.at_most is None), target.name
        assert target.device in ("cpu", "gpu"), target.name


def test_the_last_json_line_of_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text(f"a table\n{json.dumps(RESULTS[0])}\nrc 0\n", "utf-8")
    assert read_results([file]) == [RESULTS[0]]
    file.write_text("a table only\n", "utf-8")
    with pytest.raises(SystemExit):
        read_results([file])
