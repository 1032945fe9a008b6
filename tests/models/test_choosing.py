import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from models import choosing
from models.choosing import choose_precision, choose_runtime, memory_file, trial_picture
from models.errors import (
    ModelError,
    RuntimeFailedError,
    RuntimeMissingError,
    WrongFamilyError,
)
from models.sessions import Outputs, Port, Precision, RuntimeName, Session, open_session
from tests.models.networks import detector


def stopwatch_of(spans_ns: list[int]) -> Callable[[], int]:
    """A clock under which the measured runs last `spans_ns`, one after the other, and so again."""
    readings = cycle([reading for span in spans_ns for reading in (0, span)])
    return lambda: next(readings)


@pytest.mark.parametrize(("spans_ns", "best"), [([5, 9], "onnxruntime"), ([9, 5], "openvino")])
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
    watch = stopwatch_of([5, 9])
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


def ways(network: bytes, *names: Precision) -> dict[Precision, Callable[[], Session]]:
    def opened() -> Session:
        return open_session(network, source="t", runtime="onnxruntime")

    return dict.fromkeys(names, opened)


@pytest.mark.parametrize(
    ("spans_ns", "best"),
    [
        ([100, 90, 80], "int8"),
        ([100, 60, 58], "bf16"),  # int8 saves too little beside bf16 for its loss
        ([100, 96, 97], "f32"),
        ([100, 120, 90], "int8"),
    ],
)
def test_a_shorter_precision_has_to_be_clearly_faster(
    tmp_path: Path, tiny_network: bytes, spans_ns: list[int], best: str
) -> None:
    memory = tmp_path / "m.json"
    of = ways(tiny_network, "f32", "bf16", "int8")
    for watch in (stopwatch_of(spans_ns), stopwatch_of([])):  # the second run measures nothing
        found = choose_precision(of, key="k", threads=1, memory=memory, stopwatch=watch)
        assert found == best


def test_workers_that_start_at_once_choose_alike(tmp_path: Path, tiny_network: bytes) -> None:
    """While the first one measures that int8 is faster, another one would measure that f32 is."""
    memory, asks = tmp_path / "m.json", threading.Event()
    found: list[Precision] = []

    def choose(of: Mapping[Precision, Callable[[], Session]], spans_ns: list[int]) -> None:
        watch = stopwatch_of(spans_ns)
        found.append(choose_precision(of, key="k", threads=1, memory=memory, stopwatch=watch))

    def ask() -> None:
        asks.set()
        choose(ways(tiny_network, "f32", "int8"), [50, 100])

    other = threading.Thread(target=ask)

    def opened() -> Session:
        if not asks.is_set():
            other.start()
            asks.wait(30.0)
        return open_session(tiny_network, source="t", runtime="onnxruntime")

    choose({"f32": opened, "int8": opened}, [100, 50])
    other.join(30.0)
    assert found == ["int8", "int8"]


def test_what_is_measured_twice_at_once_loses_neither_answer(
    tmp_path: Path, tiny_network: bytes
) -> None:
    memory = tmp_path / "m.json"

    def opened() -> Session:
        """Choosing a precision asks for the runtime of its first one."""
        watch = stopwatch_of([5, 9])
        choose_runtime(tiny_network, source="t", key="k", threads=1, memory=memory, stopwatch=watch)
        return open_session(tiny_network, source="t", runtime="onnxruntime")

    of: dict[Precision, Callable[[], Session]] = {"f32": opened, "int8": opened}
    watch = stopwatch_of([100, 50])
    choose_precision(of, key="k", threads=1, memory=memory, stopwatch=watch)
    assert sorted(json.loads(memory.read_text()).values()) == ["int8", "onnxruntime"]


def test_another_set_of_precisions_is_measured_anew(tmp_path: Path, tiny_network: bytes) -> None:
    memory = tmp_path / "m.json"
    of = ways(tiny_network, "f32", "int8")
    watch = stopwatch_of([100, 50])
    assert choose_precision(of, key="k", threads=1, memory=memory, stopwatch=watch) == "int8"
    others: list[tuple[str, tuple[Precision, ...]]] = [
        ("k2", ("f32", "int8")),
        ("k", ("f32", "bf16")),
    ]
    for key, names in others:
        other = ways(tiny_network, *names)
        watch = stopwatch_of([50, 100])
        assert choose_precision(other, key=key, threads=1, memory=memory, stopwatch=watch) == "f32"


def test_a_precision_that_does_not_open_is_left_out_and_a_lone_one_is_not_timed(
    tmp_path: Path, tiny_network: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> Session:
        raise RuntimeMissingError("t: not here; use f32")

    memory = tmp_path / "m.json"
    of = ways(tiny_network, "f32") | {"int8": refuse}
    watch = stopwatch_of([100])
    with caplog.at_level(logging.WARNING):
        assert choose_precision(of, key="k", threads=1, memory=memory, stopwatch=watch) == "f32"
    assert "precision int8 is left out: t: not here" in caplog.text
    assert choose_precision({"f32": refuse}, key="k", threads=1, memory=memory) == "f32"


class Failing:
    """A runtime that loads, and fails at a picture: the GPU is too old, or its memory is full."""

    runtime: RuntimeName = "cuda"
    precision: Precision = "f32"
    output_names = ("density",)

    def __init__(self, runs: int = 0) -> None:
        self.inputs = (Port("picture", "uint8", (None, None, None, 3)),)
        self._runs = runs

    def run(self, feed: NDArray[Any]) -> Outputs:
        self._runs -= 1
        if self._runs < 0:
            raise RuntimeFailedError("t: cuda fails on a picture (no kernel image)")
        return {}


@pytest.mark.parametrize("runs", [0, 1, 3])
def test_a_runtime_that_fails_on_a_picture_is_left_out_with_one_warning(
    tmp_path: Path,
    tiny_network: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    runs: int,
) -> None:
    def opened(content: bytes, *, runtime: RuntimeName, **others: Any) -> Session:
        if runtime == "cuda":
            return Failing(runs)
        return open_session(content, runtime=runtime, **others)

    monkeypatch.setattr(choosing, "open_session", opened)
    monkeypatch.setattr(choosing, "offered_runtimes", lambda: ("onnxruntime", "cuda"))
    ticks = iter(range(0, 10_000, 7))
    found = choose_runtime(
        tiny_network,
        source="t",
        key="k",
        threads=1,
        memory=tmp_path / "m.json",
        stopwatch=lambda: next(ticks),
    )
    assert found == "onnxruntime"
    (warning,) = caplog.records
    assert warning.getMessage().startswith("runtime cuda is left out: t: cuda fails on a picture")


def test_where_every_runtime_fails_the_first_refusal_is_told(
    tmp_path: Path, tiny_network: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "open_session", lambda *_, **__: Failing())
    with pytest.raises(RuntimeFailedError, match="no kernel image"):
        choose_runtime(tiny_network, source="t", key="k", threads=1, memory=tmp_path / "m.json")
    assert not (tmp_path / "m.json").exists()


def test_a_precision_that_fails_is_left_out_unless_it_is_the_exact_one(
    tmp_path: Path, tiny_network: bytes
) -> None:
    memory = tmp_path / "m.json"
    of = ways(tiny_network, "f32") | {"int8": Failing}
    watch = stopwatch_of([100])
    assert choose_precision(of, key="k", threads=1, memory=memory, stopwatch=watch) == "f32"
    with pytest.raises(ModelError, match="no kernel image"):
        choose_precision({"f32": Failing, "bf16": Failing}, key="k", threads=1, memory=memory)


def test_another_openvino_is_measured_anew(
    tmp_path: Path, tiny_network: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "m.json"
    of = ways(tiny_network, "f32", "int8")
    for version, spans_ns, best in (("2026.1", [100, 50], "int8"), ("2027.0", [50, 100], "f32")):
        monkeypatch.setattr(choosing, "version", lambda _, is_now=version: is_now)
        watch = stopwatch_of(spans_ns)
        assert choose_precision(of, key="k", threads=1, memory=memory, stopwatch=watch) == best
        watch = stopwatch_of(spans_ns)
        found = choose_runtime(
            tiny_network, source="t", key="k", threads=1, memory=memory, stopwatch=watch
        )
        assert found == ("openvino" if best == "int8" else "onnxruntime")
    assert len(json.loads(memory.read_text())) == 4


def test_without_openvino_nothing_is_computed_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def Core() -> object:  # noqa: N802
            raise RuntimeError("cannot load the CPU plugin")

    for absent in (None, Broken):
        monkeypatch.setitem(sys.modules, "openvino", absent)
        assert not choosing.computes_in_bf16()
        with pytest.raises(RuntimeMissingError, match="t: OpenVINO cannot be imported"):
            open_session(b"", source="t", runtime="openvino")


def test_a_trial_picture_is_of_the_networks_kind(tiny_network: bytes) -> None:
    heads = open_session(tiny_network, source="t", runtime="onnxruntime")
    persons = open_session(detector().SerializeToString(), source="t", runtime="onnxruntime")
    found = [(one.shape, str(one.dtype)) for one in map(trial_picture, (heads, persons))]
    assert found == [((1, 384, 640, 3), "uint8"), ((1, 3, 64, 64), "float32")]
