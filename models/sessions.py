"""Inference runtimes behind one protocol: ONNX Runtime and OpenVINO, pinned to float32.

Both take the bytes of an ONNX file, so that what runs is exactly what was hashed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.errors import RuntimeMissingError, WrongFamilyError

RuntimeName = Literal["onnxruntime", "openvino"]
Precision = Literal["f32", "bf16"]
Outputs = Mapping[str, NDArray[np.float32]]
_COMPILED_SHAPES = 4


@dataclass(frozen=True, slots=True)
class Port:
    """Name, element type (`uint8`, `float32`) and shape of an input; `None` where free."""

    name: str
    element: str
    shape: tuple[int | None, ...]


class Session(Protocol):
    """A loaded network. `run` may be called from several threads."""

    @property
    def runtime(self) -> RuntimeName: ...

    @property
    def precision(self) -> Precision: ...

    @property
    def inputs(self) -> tuple[Port, ...]: ...

    @property
    def output_names(self) -> tuple[str, ...]: ...

    def run(self, feed: NDArray[Any]) -> Outputs:
        """Outputs by name for the one input."""
        ...


def open_session(
    content: bytes,
    *,
    source: str,
    runtime: RuntimeName,
    threads: int = 1,
    precision: Precision = "f32",
) -> Session:
    """Load an ONNX file.

    Args:
        content: the file's bytes.
        source: how error texts call the file.
        precision: `bf16` is OpenVINO's only.

    Raises:
        WrongFamilyError: the bytes are no ONNX graph that this runtime can load.
        RuntimeMissingError: the runtime is not installed or cannot give the precision.
    """
    if runtime == "onnxruntime":
        if precision != "f32":
            raise RuntimeMissingError(
                f"{source}: ONNX Runtime runs it in f32 only; ask for openvino or for f32"
            )
        return OnnxRuntimeSession(content, source=source, threads=threads)
    return OpenVinoSession(content, source=source, threads=threads, precision=precision)


class OnnxRuntimeSession:
    """ONNX Runtime on the CPU, or on CUDA where the installed build offers it."""

    runtime: RuntimeName = "onnxruntime"
    precision: Precision = "f32"

    def __init__(
        self,
        content: bytes,
        *,
        source: str,
        threads: int = 1,
        providers: tuple[str, ...] = ("CPUExecutionProvider",),
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Waiting threads must not burn a core that another camera's decoder needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=list(providers)
            )
        except _ORT_ERRORS as error:
            raise WrongFamilyError(
                f"{source}: ONNX Runtime cannot load it ({_first_line(error)}); "
                "give an intact ONNX file"
            ) from error
        self.inputs = tuple(
            Port(i.name, _element(i.type), tuple(_free(n) for n in i.shape))
            for i in self._session.get_inputs()
        )
        self.output_names = tuple(o.name for o in self._session.get_outputs())

    def run(self, feed: NDArray[Any]) -> Outputs:
        found = self._session.run(None, {self.inputs[0].name: feed})
        return dict(zip(self.output_names, found, strict=True))


class OpenVinoSession:
    """OpenVINO on the CPU. One compiled network per picture shape, the last few kept."""

    runtime: RuntimeName = "openvino"

    def __init__(
        self, content: bytes, *, source: str, threads: int = 1, precision: Precision = "f32"
    ) -> None:
        try:
            import openvino
        except ImportError as error:
            raise RuntimeMissingError(
                f"{source}: OpenVINO cannot be imported ({error}); use onnxruntime or install it"
            ) from error
        self.precision = precision
        self._core = openvino.Core()
        self._settings = {
            # Without the hint OpenVINO takes bf16 on a CPU that has it, and figures shift.
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        }
        try:
            self._model = self._core.read_model(content)
        except RuntimeError as error:
            raise WrongFamilyError(
                f"{source}: OpenVINO cannot load it ({_first_line(error)}); "
                "give an intact ONNX file"
            ) from error
        self.inputs = tuple(
            Port(
                port.get_any_name(),
                _OPENVINO_ELEMENTS.get(port.element_type.get_type_name(), "other"),
                tuple(n.get_length() if n.is_static else None for n in port.partial_shape),
            )
            for port in self._model.inputs
        )
        self.output_names = tuple(port.get_any_name() for port in self._model.outputs)
        self._compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, feed: NDArray[Any]) -> Outputs:
        with self._lock:
            found = self._request(feed.shape).infer({0: feed})
            # Copied: the request's own memory is written again by the next picture.
            return {name: np.array(found[i]) for i, name in enumerate(self.output_names)}

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._compiled:
            model = self._model.clone()
            if model.inputs[0].partial_shape.is_dynamic:
                model.reshape(list(shape))
            compiled = self._core.compile_model(model, "CPU", self._settings)
            self._compiled[shape] = compiled.create_infer_request()
            if len(self._compiled) > _COMPILED_SHAPES:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(shape)
        return self._compiled[shape]


_ORT_ERRORS = (
    onnxruntime.capi.onnxruntime_pybind11_state.Fail,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf,
    onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented,
    onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException,
)
_OPENVINO_ELEMENTS = {"u8": "uint8", "f32": "float32"}


def _element(onnx_type: str) -> str:
    return {"tensor(uint8)": "uint8", "tensor(float)": "float32"}.get(onnx_type, "other")


def _free(extent: int | str | None) -> int | None:
    return extent if isinstance(extent, int) else None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
