"""`xiaoan models bench`: how long one picture takes in each runtime that loads here."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from models.cards import ModelCard
from models.choosing import trial_picture
from models.errors import ModelError
from models.loading import open_checked
from models.registry import find_card
from models.sessions import Precision, RuntimeName, Session, offered_runtimes

_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """Median milliseconds of one picture, or why it was not measured."""

    runtime: RuntimeName
    precision: Precision
    cpu_ms: float | None
    wall_ms: float | None
    refusal: str = ""


def bench_model(model_id: str, *, threads: int = 1, rounds: int = 20) -> list[Timing]:
    """Every runtime and precision in turn; heads at 640x384, detectors at their own size.

    Raises:
        ModelError: for an unknown model.
    """
    card = find_card(model_id)
    ways: list[tuple[RuntimeName, Precision]] = [(r, "f32") for r in offered_runtimes()]
    ways.append(("openvino", "bf16"))
    if card.quantised is not None:
        ways.append(("openvino", "int8"))
    return [_timing(card, runtime, precision, threads, rounds) for runtime, precision in ways]


def _timing(
    card: ModelCard, runtime: RuntimeName, precision: Precision, threads: int, rounds: int
) -> Timing:
    try:
        of = card.as_int8() if precision == "int8" else card
        session = open_checked(of, runtime, threads, precision=precision)
        cpu_ms, wall_ms = _medians_ms(session, rounds)
    except ModelError as error:
        return Timing(runtime, precision, None, None, str(error))
    return Timing(session.runtime, precision, cpu_ms, wall_ms)


def _medians_ms(session: Session, rounds: int) -> tuple[float, float]:
    """CPU and wall time of one picture."""
    feed = trial_picture(session)
    for _ in range(_WARM_UP):
        session.run(feed)
    cpu_ms, wall_ms = [], []
    for _ in range(rounds):
        cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
        session.run(feed)
        cpu_ms.append((time.process_time_ns() - cpu_ns) / 1e6)
        wall_ms.append((time.perf_counter_ns() - wall_ns) / 1e6)
    return float(np.median(cpu_ms)), float(np.median(wall_ms))
