"""Where the time of the shipped head network goes, layer by layer, in float32 and in int8.

python -m benchmarks.network_layers [--json] [--rounds N] [--each]

OpenVINO on one core, a 640x384 picture, its own profile (`get_profiling_info`): the least of each
layer's wall milliseconds over the rounds, since other work on the machine only adds to them, summed
by part of the network; with `--each` also every layer
of at least 2 % of the whole. `float` of an int8 row is the share of its time in layers that compute
in float.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from benchmarks.network_speed import PICTURE_SHAPE, WARM_UP
from benchmarks.report import Report, parser
from models.archives import is_archive, unpack
from models.cards import ModelCard
from models.registry import checked_weights, default_head_network_id, find_card

COLUMNS = ("precision", "part", "ms", "share %", "float %")
_WORTH_A_ROW = 0.02
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as it ran: its name in the graph, what ran it, and the least of its times."""

    name: str
    kernel: str
    ms: float

    @property
    def part(self) -> str:
        """The part of the network that it belongs to: the first piece of its name."""
        return self.name.strip("/").split("/")[0] if self.name.startswith("/") else _OTHER

    @property
    def in_float(self) -> bool:
        return self.kernel.endswith(("_f32", "_bf16"))


def main() -> None:
    arguments = parser("Where the time of the shipped head network goes.")
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--each", action="store_true", help="also single layers")
    arguments.add_argument("--model", default=default_head_network_id())
    asked = arguments.parse_args()
    card = find_card(asked.model)
    report = Report("network_layers", asked.seed, packages=("numpy", "openvino"), columns=COLUMNS)
    report.figures |= {"model": card.versioned_id, "rounds": asked.rounds, "threads": 1}
    for precision, of in (("f32", card), ("int8", card.as_int8())):
        layers = profiled(of, asked.rounds, asked.seed)
        add(report, precision, layers, each=asked.each)
    report.publish(as_json=asked.json)


def profiled(card: ModelCard, rounds: int, seed: int) -> list[Layer]:
    """Every layer that ran, in the order in which it ran."""
    import openvino

    core, content = openvino.Core(), checked_weights(card)
    if is_archive(content):
        xml, weights = unpack(content, card.weights_file)
        bytes_of = np.frombuffer(weights, np.uint8).copy()
        model = core.read_model(xml, openvino.Tensor(bytes_of))
    else:
        model = core.read_model(content)
    model.reshape(list(PICTURE_SHAPE))
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "PERF_COUNT": True,
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    picture = np.random.default_rng(seed).integers(0, 256, PICTURE_SHAPE, dtype=np.uint8)
    spans_ms: dict[str, list[float]] = defaultdict(list)
    kernels: dict[str, str] = {}
    for turn in range(WARM_UP + rounds):
        request.infer({0: picture})
        for told in request.get_profiling_info() if turn >= WARM_UP else ():
            if told.status == told.Status.EXECUTED:
                spans_ms[told.node_name].append(told.real_time.total_seconds() * 1e3)
                kernels[told.node_name] = told.exec_type
    return [Layer(n, kernels[n], min(spans)) for n, spans in spans_ms.items()]


def add(report: Report, precision: str, layers: list[Layer], *, each: bool) -> None:
    """Rows and figures of one precision: its parts, the costliest first, and the whole."""
    whole_ms = sum(layer.ms for layer in layers)
    parts: dict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        parts[layer.part].append(layer)
    named = sorted(parts.items(), key=lambda item: -sum(found.ms for found in item[1]))
    for name, group in [("all", layers), *named]:
        ms = sum(layer.ms for layer in group)
        float_ms = sum(layer.ms for layer in group if layer.in_float)
        report.row(
            precision, name, f"{ms:.2f}", f"{ms / whole_ms * 100:.0f}", f"{float_ms / ms * 100:.0f}"
        )
        report.figures[f"{precision}_{name}_ms"] = round(ms, 3)
        report.figures[f"{precision}_{name}_in_float_ratio"] = round(float_ms / ms, 3)
        for layer in group if each and name != "all" else ():
            if layer.ms >= _WORTH_A_ROW * whole_ms:
                share = f"{layer.ms / whole_ms * 100:.0f}"
                report.row(precision, f"  {layer.name}", f"{layer.ms:.2f}", share, layer.kernel)


if __name__ == "__main__":
    main()
