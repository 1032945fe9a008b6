"""What becomes of a network whose runtime loads, and fails while cameras are watched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models import load_head_network, load_person_detector, loading
from models.choosing import computes_in_bf16
from models.errors import ModelError, RuntimeFailedError, RuntimeMissingError
from models.failover import LastingSession
from models.importing import import_file
from models.sessions import Outputs, Port, Precision, RuntimeName, Session, open_session
from tests.models.networks import SIDE, detector, of_nodes


class Fake:
    """Answers `says` to every picture; the first `good` pictures at least."""

    output_names = ("density",)
    inputs = (Port("picture", "uint8", (None, None, None, 3)),)

    def __init__(
        self,
        says: float,
        runtime: RuntimeName = "onnxruntime",
        precision: Precision = "f32",
        good: int = 1000,
    ) -> None:
        self.runtime = runtime
        self.precision = precision
        self.says = says
        self.asked = 0
        self._good = good

    def run(self, feed: NDArray[Any]) -> Outputs:
        self.asked += 1
        if feed.ndim != 4:
            raise RuntimeFailedError(f"t: {self.runtime} fails on a picture (rank {feed.ndim})")
        if self.asked > self._good:
            raise RuntimeFailedError(f"t: {self.runtime} fails on a picture (device lost)")
        return {"density": np.full((1, 1, 1), self.says, np.float32)}


PICTURE = np.zeros((1, 32, 32, 3), np.uint8)
ODD = np.zeros((32, 32, 3), np.uint8)


def said(session: Session, feed: NDArray[Any] = PICTURE) -> float:
    return float(session.run(feed)["density"][0, 0, 0])


def opener(made: list[str], session: Session) -> Callable[[], Session]:
    def opened() -> Session:
        made.append(f"{session.runtime} {session.precision}")
        return session

    return opened


def test_a_runtime_that_fails_in_service_gives_way_with_one_warning_that_names_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: list[str] = []
    spare = Fake(2.0)
    session = LastingSession(Fake(1.0, "cuda", good=3), [opener(made, spare)])
    assert [said(session) for _ in range(3)] == [1.0] * 3
    assert (session.runtime, made) == ("cuda", [])
    # The very picture on which it failed is answered.
    assert [said(session) for _ in range(4)] == [2.0] * 4
    assert (session.runtime, made) == ("onnxruntime", ["onnxruntime f32"])
    (warning,) = caplog.records
    assert warning.getMessage() == (
        "runtime cuda (f32) is left out: t: cuda fails on a picture (device lost); "
        "onnxruntime (f32) is used"
    )


def test_a_picture_that_no_runtime_computes_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: list[str] = []
    first, spare = Fake(1.0, "cuda"), Fake(2.0)
    session = LastingSession(first, [opener(made, spare)])
    for _ in range(3):
        with pytest.raises(RuntimeFailedError, match="cuda fails on a picture"):
            session.run(ODD)
    assert (said(session), session.runtime) == (1.0, "cuda")
    # The other one was opened once and not once a picture.
    assert made == ["onnxruntime f32"]
    assert caplog.records == []


def test_a_spare_that_does_not_open_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def absent() -> Session:
        asked.append(1)
        raise RuntimeMissingError("t: OpenVINO cannot be imported; use onnxruntime")

    session = LastingSession(Fake(1.0, "cuda", good=0), [absent, opener([], Fake(3.0))])
    assert [said(session), said(session)] == [3.0, 3.0]
    assert len(caplog.records) == 1
    lonely = LastingSession(Fake(1.0, "cuda", good=0), [absent])
    for _ in range(2):
        with pytest.raises(RuntimeFailedError, match="device lost"):
            lonely.run(PICTURE)
    assert len(asked) == 2


def test_the_spare_may_fail_later_as_well(caplog: pytest.LogCaptureFixture) -> None:
    session = LastingSession(
        Fake(1.0, "openvino", "bf16", good=1),
        [opener([], Fake(2.0, "onnxruntime", good=1)), opener([], Fake(3.0, "openvino"))],
    )
    assert [said(session) for _ in range(4)] == [1.0, 2.0, 3.0, 3.0]
    told = [record.getMessage().partition(" is left out")[0] for record in caplog.records]
    assert told == ["runtime openvino (bf16)", "runtime onnxruntime (f32)"]


def test_threads_give_way_once(caplog: pytest.LogCaptureFixture) -> None:
    made: list[str] = []
    session = LastingSession(Fake(1.0, "cuda", good=0), [opener(made, Fake(2.0))])
    answers: list[float] = []
    threads = [threading.Thread(target=lambda: answers.append(said(session))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [2.0] * 8
    assert made == ["onnxruntime f32"]
    assert len(caplog.records) == 1


def failing(what: tuple[RuntimeName, Precision], good: int) -> Callable[..., Session]:
    """`open_session`, whose sessions of one kind compute so many pictures and then fail."""

    class Failing:
        def __init__(self, true: Session) -> None:
            self.runtime, self.precision = true.runtime, true.precision
            self.inputs, self.output_names = true.inputs, true.output_names
            self._true, self._good = true, good

        def run(self, feed: NDArray[Any]) -> Outputs:
            self._good -= 1
            if self._good < 0:
                raise RuntimeFailedError(f"{what[0]} fails on a picture (device lost)")
            return self._true.run(feed)

    def opened(*args: Any, **others: Any) -> Session:
        true = open_session(*args, **others)
        return Failing(true) if (true.runtime, true.precision) == what else true

    return opened


@pytest.mark.parametrize(
    "precision",
    [
        "f32",
        pytest.param("bf16", marks=pytest.mark.skipif(not computes_in_bf16(), reason="no bf16")),
        "int8",
    ],
)
def test_heads_go_on_being_counted_when_the_runtime_fails(
    precision: Precision, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    image = np.random.default_rng(2).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    exact = load_head_network(runtime="onnxruntime").observe(image)
    runtime: RuntimeName = "openvino"
    monkeypatch.setattr(loading, "open_session", failing((runtime, precision), 1))
    network = load_head_network(runtime=runtime, precision=precision)
    before = network.observe(image)
    found = network.observe(image)
    assert (network.session.runtime, network.session.precision) == ("onnxruntime", "f32")
    assert found.density is not None
    assert exact.density is not None
    assert np.array_equal(found.density.people_per_cell, exact.density.people_per_cell)
    # What is said with each reading is what computed it, and its error is that of this file.
    assert network.model_id == found.model_id == "xiaoan-heads-2@894d66a7"
    assert found.relative_error == exact.relative_error
    assert ("-int8@" in before.model_id) == (precision == "int8")
    (warning,) = caplog.records
    assert warning.getMessage().startswith(f"runtime openvino ({precision}) is left out: ")


@pytest.mark.parametrize("by_card", [False, True])
def test_a_detector_of_persons_gives_way_too(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    by_card: bool,
) -> None:
    monkeypatch.setenv("XIAOAN_MODELS", str(tmp_path / "own"))
    file = tmp_path / "best.onnx"
    file.write_bytes(detector().SerializeToString())
    import_file(file)
    monkeypatch.setattr(loading, "open_session", failing(("onnxruntime", "f32"), 0))
    persons = load_person_detector("best" if by_card else file)
    assert len(persons.detect(np.full((200, 300, 3), 90, np.uint8))) == 0
    (warning,) = caplog.records
    assert warning.getMessage().endswith("openvino (f32) is used")


def divides_by_brightness() -> bytes:
    """One number a picture, which a black one makes 0 / 0."""
    zero = numpy_helper.from_array(np.zeros((), np.float32), "zero")
    made = of_nodes(
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=1),
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Div", ["nothing", "mean"], ["output0"]),
        ],
        [zero],
    )
    content: bytes = made.SerializeToString()
    return content


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_an_answer_that_is_no_number_is_a_failure_and_not_nobody(runtime: RuntimeName) -> None:
    session = open_session(divides_by_brightness(), source="t.onnx", runtime=runtime)
    assert session.run(np.ones((1, 3, SIDE, SIDE), np.float32))["output0"].item() == 0.0
    with pytest.raises(ModelError, match=rf"t\.onnx: {runtime} gives no finite numbers"):
        session.run(np.zeros((1, 3, SIDE, SIDE), np.float32))
