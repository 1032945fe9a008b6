"""Inference runtimes behind one protocol: ONNX Runtime (CPU, CUDA, TensorRT) and OpenVINO.

All take the bytes of one file, so that what runs is exactly what was hashed. Numbers are float32
unless another precision is asked for: no runtime may pick a shorter one by itself.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.archives import is_archive, unpack
from models.errors import RuntimeFailedError, RuntimeMissingError, WrongFamilyError
from models.external_data import external_file

RuntimeName = Literal["onnxruntime", "openvino", "cuda", "tensorrt"]
Precision = Literal["f32", "bf16", "int8"]
Outputs = Mapping[str, NDArray[np.float32]]
# One for each camera of a worker, whose regions differ.
_COMPILED_SHAPES = 16


@dataclass(frozen=True, slots=True)
class Port:
    """Name, element type (`uint8`, `float32`, or another) and shape of an input; `None` where
    free."""

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
        """Outputs by name for the one input, all of them finite: what is no number would be read as
        nobody.

        Raises:
            RuntimeFailedError: the runtime cannot compute them, or they are not finite.
        """
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
        precision: `bf16` and `int8` are OpenVINO's only; `int8` takes the file that
            `xiaoan models quantise` wrote, and the other precisions an ONNX file.

    Raises:
        WrongFamilyError: the bytes are no network that this runtime can load.
        RuntimeMissingError: the runtime is not installed or cannot give the precision.
    """
    if runtime == "openvino":
        return OpenVinoSession(content, source=source, threads=threads, precision=precision)
    if precision != "f32":
        raise RuntimeMissingError(
            f"{source}: {runtime} runs it in f32 only; ask for openvino or for f32"
        )
    if is_archive(content):
        raise RuntimeMissingError(f"{source}: an OpenVINO file; {runtime} reads ONNX only")
    return OnnxRuntimeSession(content, source=source, threads=threads, runtime=runtime)


def offered_runtimes() -> tuple[RuntimeName, ...]:
    """The runtimes that this installation offers, whether or not they will load."""
    built_in = set(onnxruntime.get_available_providers())
    found: list[RuntimeName] = ["onnxruntime", "openvino"]
    found += [name for name in ("cuda", "tensorrt") if _PROVIDERS[name] in built_in]
    return tuple(found)


def offers_bf16(core: Any) -> bool:
    """Whether the CPU of an `openvino.Core` multiplies bf16 numbers itself."""
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OnnxRuntimeSession:
    """ONNX Runtime on the CPU, or on an NVIDIA GPU by CUDA or TensorRT."""

    precision: Precision = "f32"

    def __init__(
        self,
        content: bytes,
        *,
        source: str,
        threads: int = 1,
        runtime: RuntimeName = "onnxruntime",
    ) -> None:
        self.runtime = runtime
        self._source = source
        provider = _PROVIDERS[runtime]
        if provider not in onnxruntime.get_available_providers():
            raise RuntimeMissingError(
                f"{source}: this ONNX Runtime has no {provider}; install its GPU build, or use "
                "onnxruntime"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Waiting threads must not burn a core that another camera's decoder needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Its own format has another layout, in which weights outside would not be seen.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        _check_whole(content, source)
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=[(provider, _PROVIDER_OPTIONS[runtime])]
            )
            self.inputs = tuple(
                Port(i.name, _element(i.type), tuple(_free(n) for n in i.shape))
                for i in self._session.get_inputs()
            )
            self.output_names = tuple(o.name for o in self._session.get_outputs())
        except _ORT_ERRORS as error:
            raise WrongFamilyError(
                f"{source}: ONNX Runtime cannot load it ({_first_line(error)}); "
                "give an intact ONNX file, exported with opset 17"
            ) from error
        # A provider whose libraries are missing is dropped without an error.
        if provider not in self._session.get_providers():
            raise RuntimeMissingError(
                f"{source}: {provider} did not load (driver or libraries); use onnxruntime"
            )

    def metadata(self) -> dict[str, str]:
        """Free texts that the exporter left in the file.

        Raises:
            WrongFamilyError: they are not in UTF-8.
        """
        try:
            return dict(self._session.get_modelmeta().custom_metadata_map)
        except UnicodeDecodeError as error:
            raise WrongFamilyError(
                f"{self._source}: its metadata are not in UTF-8 ({error.reason}); export it again"
            ) from error

    def run(self, feed: NDArray[Any]) -> Outputs:
        try:
            found = self._session.run(None, {self.inputs[0].name: feed})
        except _ORT_ERRORS as error:
            raise _failed(self._source, self.runtime, error) from error
        return _finite(dict(zip(self.output_names, found, strict=True)), self._source, self.runtime)


class OpenVinoSession:
    """OpenVINO on the CPU. One compiled network per picture shape, the last few kept."""

    runtime: RuntimeName = "openvino"

    def __init__(
        self, content: bytes, *, source: str, threads: int = 1, precision: Precision = "f32"
    ) -> None:
        try:
            import openvino

            self._core = openvino.Core()
            has_bf16 = offers_bf16(self._core)
        except (ImportError, RuntimeError) as error:
            raise RuntimeMissingError(
                f"{source}: OpenVINO cannot be imported ({_first_line(error)}); "
                "use onnxruntime or install it"
            ) from error
        if precision == "bf16" and not has_bf16:
            # OpenVINO would compute in f32 and say nothing.
            raise RuntimeMissingError(
                f"{source}: this processor does not compute in bf16; ask for f32 or int8"
            )
        self.precision = precision
        self._source = source
        self._settings = {
            # Without the hint OpenVINO takes bf16 on a CPU that has it, and figures shift. The
            # float layers of an int8 file may run in it.
            "INFERENCE_PRECISION_HINT": "bf16" if has_bf16 and precision != "f32" else "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        }
        _check_kind(content, precision, source)
        try:
            if is_archive(content):
                xml, weights = unpack(content, source)
                self._model = self._core.read_model(xml, openvino.Tensor(_bytes_of(weights)))
            else:
                _check_whole(content, source)
                self._model = self._core.read_model(content)
        except WrongFamilyError:
            raise
        except (RuntimeError, UnicodeDecodeError) as error:
            raise WrongFamilyError(
                f"{source}: OpenVINO cannot load it ({_first_line(error)}); give an intact file"
            ) from error
        self.inputs = tuple(
            Port(
                port.get_any_name(),
                _openvino_element(port.element_type.get_type_name()),
                tuple(n.get_length() if n.is_static else None for n in port.partial_shape),
            )
            for port in self._model.inputs
        )
        self.output_names = tuple(port.get_any_name() for port in self._model.outputs)
        self._compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, feed: NDArray[Any]) -> Outputs:
        with self._lock:
            given = np.ascontiguousarray(feed)
            try:
                found = self._request(feed.shape).infer({0: given}, share_inputs=True)
            except RuntimeError as error:
                raise _failed(self._source, self.runtime, error) from error
            # Copied: the request's own memory is written again by the next picture.
            answers = {name: np.array(found[i]) for i, name in enumerate(self.output_names)}
        return _finite(answers, self._source, self.runtime)

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


# Each of its own kinds stands alone below `Exception`; RuntimeError and ValueError come from its
# Python part, which also refuses a feed that does not fit, and for names that are no UTF-8.
_ORT_ERRORS: tuple[type[Exception], ...] = (
    onnxruntime.capi.onnxruntime_pybind11_state.EPFail,
    onnxruntime.capi.onnxruntime_pybind11_state.EngineError,
    onnxruntime.capi.onnxruntime_pybind11_state.Fail,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf,
    onnxruntime.capi.onnxruntime_pybind11_state.NoSuchFile,
    onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented,
    onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException,
    RuntimeError,
    ValueError,
)
_PROVIDERS = {
    "onnxruntime": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
# TF32 has ten bits of mantissa: CUDA gives float32 only without it. TensorRT offers no such switch
# here; `NVIDIA_TF32_OVERRIDE=0` in the environment is the way.
_PROVIDER_OPTIONS: dict[str, dict[str, str]] = {
    "onnxruntime": {},
    "cuda": {"use_tf32": "0"},
    "tensorrt": {"trt_fp16_enable": "0", "trt_int8_enable": "0"},
}
# Where in its own source a runtime noticed it: OpenVINO in lines before the reason, ONNX Runtime
# with the signature of a function, whose brackets may hold brackets of their own.
_SOURCE_PLACE = re.compile(
    r"(?:Exception from|Check '[^\n]*' failed at) src/\S+:\d+:\s*"
    r"|/onnxruntime_src/\S+:\d+ [^\n]*?\) (?=[A-Z])"
)
_OPENVINO_ELEMENTS = {"u8": "uint8", "f32": "float32", "f16": "float16"}


def _check_kind(content: bytes, precision: Precision, source: str) -> None:
    if is_archive(content) != (precision == "int8"):
        raise WrongFamilyError(
            f"{source}: {'an int8' if is_archive(content) else 'no int8'} file, but {precision} is "
            "asked for; see `quantised` of its card"
        )


def _check_whole(content: bytes, source: str) -> None:
    name = external_file(content)
    if name is not None:
        raise WrongFamilyError(
            f"{source}: its weights lie in a second file ({name[:100]!r}); export it in one file "
            "(external_data=False, or onnx.save(onnx.load(F), F))"
        )


def _failed(source: str, runtime: RuntimeName, error: Exception) -> RuntimeFailedError:
    return RuntimeFailedError(
        f"{source}: {runtime} fails on a picture ({_first_line(error)}); use another runtime, or "
        "export the file again"
    )


def _finite(answers: Outputs, source: str, runtime: RuntimeName) -> Outputs:
    for name, values in answers.items():
        # A foreign file may answer with texts or sequences; its family is told from that elsewhere.
        numbers = isinstance(values, np.ndarray) and values.dtype.kind == "f"
        if numbers and not np.isfinite(values).all():
            raise RuntimeFailedError(
                f"{source}: {runtime} gives no finite numbers for a picture (output {name}); use "
                "another runtime, or export the file again"
            )
    return answers


def _bytes_of(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8).copy()


def _element(onnx_type: str) -> str:
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    return "float32" if name == "float" else name


def _openvino_element(name: str) -> str:
    return _OPENVINO_ELEMENTS.get(name, name)


def _free(extent: int | str | None) -> int | None:
    return extent if isinstance(extent, int) else None


def _first_line(error: Exception) -> str:
    """What happened, without the places in the runtime's own source that it may begin with."""
    lines = _SOURCE_PLACE.sub("", str(error).strip()).splitlines()
    return lines[0][:200] if lines else type(error).__name__
