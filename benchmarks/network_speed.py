"""Speed of the shipped head network, its runtimes and precisions side by side.

python -m benchmarks.network_speed [--json] [--threads N] [--rounds N] [--batches 1 8 32]

CPU and wall milliseconds per 640x384 picture, median and quartiles after a warm-up, for batches of
1, 8 and 32, on one core when `--threads 1`. On a GPU the CUDA provider is measured where this ONNX
Runtime has one and it loads; where not, a row says why. A matrix
product timed in the same run gives the ratio by which a busy or another machine is compared:
median CPU time of a picture over that of one 1024x1024x1024 float32 product.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.report import Report, parser
from models.errors import ModelError
from models.registry import checked_weights, default_head_network_id, find_card
from models.sessions import Precision, RuntimeName, Session, open_session
from vision.arrays import UInt8Array

PICTURE_SHAPE = (1, 384, 640, 3)
WARM_UP = 5
VARIANTS: tuple[tuple[RuntimeName, Precision], ...] = (
    ("onnxruntime", "f32"),
    ("openvino", "f32"),
    ("openvino", "bf16"),
    ("openvino", "int8"),
    ("cuda", "f32"),
)
BATCHES = (1, 8, 32)
INT8_TARGET_CPU_MS = 5.0
COLUMNS = ("runtime", "precision", "batch", "CPU ms", "quartiles", "wall ms", "CPU / gemm")


def main() -> None:
    arguments = parser("Speed of the shipped head network on the CPU.")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    arguments.add_argument("--model", default=default_head_network_id())
    asked = arguments.parse_args()
    card = find_card(asked.model)
    rng = np.random.default_rng(asked.seed)
    report = Report(
        "network_speed",
        asked.seed,
        packages=("numpy", "onnxruntime", "openvino"),
        columns=COLUMNS,
    )
    gemm_ms = gemm_cpu_ms(rng, max(5, asked.rounds // 4))
    report.figures |= {
        "model": card.versioned_id,
        "picture_width_px": PICTURE_SHAPE[2],
        "picture_height_px": PICTURE_SHAPE[1],
        "threads": asked.threads,
        "rounds": asked.rounds,
        "gemm_1024_cpu_ms": round(gemm_ms, 3),
    }
    for runtime, precision in VARIANTS:
        try:
            # Opened as it is, without the fallback of the service: a row is what it says.
            of = card.as_int8() if precision == "int8" else card
            session = open_session(
                checked_weights(of),
                source=of.weights_file,
                runtime=runtime,
                threads=asked.threads,
                precision=precision,
            )
        except ModelError as error:
            report.row(runtime, precision, "", f"not measured: {error}", "", "", "")
            report.figures[f"{runtime}_{precision}_not_measured_because"] = str(error)
            continue
        for batch in asked.batches:
            shape = (batch, *PICTURE_SHAPE[1:])
            feed = rng.integers(0, 256, shape, dtype=np.uint8)
            rounds = max(3, asked.rounds // batch)
            add(report, session, batch, spans_ms(runner(session, feed), rounds), gemm_ms)
    report.figures["int8_target_cpu_ms"] = INT8_TARGET_CPU_MS
    report.publish(as_json=asked.json)


def runner(session: Session, feed: UInt8Array) -> Callable[[], object]:
    """One inference as a call without arguments."""
    return lambda: session.run(feed)


def spans_ms(work: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """CPU and wall milliseconds of each round, after a warm-up."""
    for _ in range(WARM_UP):
        work()
    cpu_ms, wall_ms = [], []
    for _ in range(rounds):
        cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
        work()
        cpu_ms.append((time.process_time_ns() - cpu_ns) / 1e6)
        wall_ms.append((time.perf_counter_ns() - wall_ns) / 1e6)
    return cpu_ms, wall_ms


def gemm_cpu_ms(rng: np.random.Generator, rounds: int) -> float:
    """Median CPU milliseconds of a 1024x1024x1024 float32 product."""
    left, right = (rng.random((1024, 1024), dtype=np.float32) for _ in range(2))
    cpu_ms, _ = spans_ms(lambda: left @ right, rounds)
    return float(np.median(cpu_ms))


def add(
    report: Report,
    session: Session,
    batch: int,
    spans: tuple[list[float], list[float]],
    gemm_ms: float,
) -> None:
    """Row and figures of one runtime and batch; milliseconds are of one picture."""
    low, median, high = np.percentile(np.array(spans[0]) / batch, [25, 50, 75])
    wall = float(np.median(spans[1])) / batch
    report.row(
        session.runtime,
        session.precision,
        batch,
        f"{median:.1f}",
        f"{low:.1f}-{high:.1f}",
        f"{wall:.1f}",
        f"{median / gemm_ms:.2f}",
    )
    key = f"{session.runtime}_{session.precision}_batch{batch}"
    report.figures |= {
        f"{key}_cpu_ms_median": round(float(median), 2),
        f"{key}_cpu_ms_quartile_low": round(float(low), 2),
        f"{key}_cpu_ms_quartile_high": round(float(high), 2),
        f"{key}_wall_ms_median": round(wall, 2),
        f"{key}_over_gemm_ratio": round(float(median) / gemm_ms, 3),
    }


if __name__ == "__main__":
    main()
