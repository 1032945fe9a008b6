import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from models.choosing import choose_runtime, memory_file
from models.errors import WrongFamilyError


def stopwatch_of(spans_ns: list[int]) -> Callable[[], int]:
    """A clock under which the measured runs last `spans_ns`, one after the other."""
    readings = [reading for span in spans_ns for reading in (0, span)]
    return lambda: readings.pop(0)


@pytest.mark.parametrize(
    ("spans_ns", "best"), [([5, 9] * 5, "onnxruntime"), ([9, 5] * 5, "openvino")]
)
def test_the_faster_runtime_is_chosen_and_remembered(
    tmp_path: Path, tiny_network: bytes, spans_ns: list[int], best: str
) -> None:
    memory = tmp_path / "cache" / "runtimes.json"
    for watch in (stopwatch_of(spans_ns), stopwatch_of([])):  # the second run measures nothing
        found = choose_runtime(
            tiny_network, source="t", key="k", threads=1, memory=memory, stopwatch=watch
        )
        assert found == best
    assert list(json.loads(memory.read_text()).values()) == [best]


def test_one_slow_run_does_not_decide(tmp_path: Path, tiny_network: bytes) -> None:
    watch = stopwatch_of([5, 9, 5, 9, 900, 9, 5, 9, 5, 9])
    memory = tmp_path / "m.json"
    found = choose_runtime(
        tiny_network, source="t", key="k", threads=1, memory=memory, stopwatch=watch
    )
    assert found == "onnxruntime"


def test_a_burst_of_another_program_slows_both_alike(tmp_path: Path, tiny_network: bytes) -> None:
    watch = stopwatch_of([9, 5, 90, 50, 90, 50, 90, 50, 9, 5])
    memory = tmp_path / "m.json"
    found = choose_runtime(
        tiny_network, source="t", key="k", threads=1, memory=memory, stopwatch=watch
    )
    assert found == "openvino"


def test_a_damaged_memory_is_measured_again(tmp_path: Path, tiny_network: bytes) -> None:
    memory = tmp_path / "m.json"
    memory.write_text("{")
    watch = stopwatch_of([5, 9] * 5)
    choose_runtime(tiny_network, source="t", key="k", threads=1, memory=memory, stopwatch=watch)
    assert list(json.loads(memory.read_text()).values()) == ["onnxruntime"]


def test_a_file_that_no_runtime_loads_is_refused_with_a_warning_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(WrongFamilyError):
        choose_runtime(b"x", source="bad.onnx", key="k", threads=1, memory=tmp_path / "m.json")
    warned = [record.getMessage() for record in caplog.records]
    assert len(warned) == 2
    assert warned[0].startswith("runtime onnxruntime is left out: bad.onnx")
    assert warned[1].startswith("runtime openvino is left out: bad.onnx")


def test_the_memory_lies_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XIAOAN_CACHE", str(tmp_path))
    assert memory_file() == tmp_path / "runtimes.json"
