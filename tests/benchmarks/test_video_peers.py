"""How peers are judged, without running any."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report import Report
from benchmarks.video_peers import (
    OWN_CALIBRATED,
    OWN_PLAIN,
    Clip,
    EnvironmentMissingError,
    Outcome,
    Peer,
    environment_of,
    judged,
    outcome_of,
)

PEER = Peer("other", "run_other", ("other",), "a shared file")
DUMB = Peer("random", "run_random", ("random",), "random weights", counts_people=False)


def outcome(peer: Peer, cpu_ms: float, mae: float) -> Outcome:
    result: dict[str, Any] = {
        "version": "1",
        "cpu_ms_per_frame": cpu_ms,
        "frames_per_s_and_core": 1000 / cpu_ms,
        "memory_mib": 100.0,
        "mae_people": mae,
        "precision": "f32",
    }
    return Outcome(peer, {"clip": result})


@pytest.mark.parametrize(
    ("cpu_ms", "mae", "held"),
    [
        (30.0, 1.0, 1),
        # Too near in speed, or better at counting.
        (29.0, 1.0, 0),
        (30.0, 0.9, 0),
    ],
)
def test_a_peer_is_beaten_by_three_times_the_speed_at_no_larger_error(
    cpu_ms: float, mae: float, held: int
) -> None:
    own = outcome(OWN_CALIBRATED, 10.0, 1.0)
    found = judged([own, outcome(PEER, cpu_ms, mae)], Report("peers", 0))
    assert (found["counting_peers"], found["held_against"]) == (1, held)
    ratios = found["systems"]["other"]["clip"]["ours_times_faster"]
    assert ratios == {OWN_CALIBRATED.name: pytest.approx(cpu_ms / 10.0)}


def test_a_peer_without_weights_that_mean_something_is_listed_and_not_judged() -> None:
    report = Report("peers", 0)
    found = judged([outcome(OWN_CALIBRATED, 10.0, 1.0), outcome(DUMB, 1.0, 9.0)], report)
    assert found["counting_peers"] == 0
    (row,) = [row for row in report.rows if row[0].startswith("random")]
    assert row[5] == "-"
    assert row[-1] == "random weights, f32"
    assert "share_held_against" not in found


def test_nobody_is_beaten_by_what_did_not_run_or_ended_on_the_way() -> None:
    own = outcome(OWN_CALIBRATED, 1.0, 0.1)
    peer = outcome(PEER, 30.0, 1.0)
    peer = Outcome(PEER, {**peer.results, "second": {**peer.results["clip"], "mae_people": 0.0}})
    found = judged([own, Outcome(OWN_PLAIN, {}, "exit code 1"), peer], Report("peers", 0))
    assert (found["counting_peers"], found["held_against"]) == (1, 0)


def test_a_peer_that_cannot_run_is_a_row_with_the_reason(tmp_path: Path) -> None:
    absent = Peer("absent", "run_absent", ("absent",), "none", python="python0.0")
    options = Namespace(environments=tmp_path, constraints=None, frames=1)
    clip = Clip("clip", tmp_path / "clip.mp4", Counter(), 14.0)
    lost = outcome_of(absent, [clip], options)
    assert lost.reason == "asks for python0.0, which is not on this machine"
    report = Report("peers", 0)
    found = judged([outcome(OWN_CALIBRATED, 10.0, 1.0), lost], report)
    assert found["systems"]["absent"]["reason"] == lost.reason
    assert report.rows[-1][0] == "absent"
    assert report.rows[-1][-1] == lost.reason


def test_an_environment_that_was_made_is_used_again(tmp_path: Path) -> None:
    home = tmp_path / PEER.name
    home.mkdir()
    (home / "installed").touch()
    assert environment_of(PEER, tmp_path, None) == home / "bin" / "python"
    with pytest.raises(EnvironmentMissingError, match="not on this machine"):
        environment_of(
            Peer("x", "run_x", ("x",), "none", python="python0.0"), tmp_path / "new", None
        )
