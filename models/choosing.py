"""Which runtime and which precision are faster on this machine: measured once, then remembered."""

from __future__ import annotations

import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.errors import ModelError, RuntimeFailedError
from models.sessions import Precision, RuntimeName, Session, offered_runtimes, open_session

_log = logging.getLogger(__name__)
_ROUNDS = 5
_HEADS_SHAPE = (1, 384, 640, 3)
_PERSONS_SHAPE = (1, 3, 640, 640)
# Shorter numbers must save this much: for less no count is made worse.
_WORTH_SHARE = 0.95
_Name = TypeVar("_Name", RuntimeName, Precision)


def memory_file() -> Path:
    """Where the choice is remembered: `$XIAOAN_CACHE` or the system's temporary directory."""
    named = os.environ.get("XIAOAN_CACHE")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "xiaoan-cache"
    return folder / "runtimes.json"


def choose_runtime(
    content: bytes,
    *,
    source: str,
    key: str,
    threads: int,
    memory: Path | None = None,
    stopwatch: Callable[[], int] = time.perf_counter_ns,
) -> RuntimeName:
    """The runtime with the shorter median time on one picture (`trial_picture`).

    The answer is kept by machine, network, thread count, library versions and the runtimes that
    were there to choose from. A runtime that cannot load the network, or fails on the picture, is
    left out with one warning that names it.

    Raises:
        ModelError: when no runtime can run the network; the first one's refusal.
    """
    file = memory or memory_file()
    candidates = offered_runtimes()
    place = _place(key, threads, "+".join(candidates))
    remembered = _remembered(file)
    known = next((one for one in candidates if one == remembered.get(place)), None)
    if known is not None:
        return known

    def opened(runtime: RuntimeName) -> Session:
        return open_session(content, source=source, runtime=runtime, threads=threads)

    ways = {runtime: partial(opened, runtime) for runtime in candidates}
    times_ns, refusals = _medians_ns("runtime", ways, stopwatch)
    if not times_ns:
        raise next(iter(refusals.values()))
    best = min(times_ns, key=lambda runtime: times_ns[runtime])
    _remember(file, remembered | {place: best})
    return best


def choose_precision(
    ways: Mapping[Precision, Callable[[], Session]],
    *,
    key: str,
    threads: int,
    memory: Path | None = None,
    stopwatch: Callable[[], int] = time.perf_counter_ns,
) -> Precision:
    """The first of `ways` unless a later one is clearly faster on one picture.

    The answer is kept like that of `choose_runtime`. A later way that cannot be opened, or fails on
    the picture, is left out with a warning.

    Args:
        ways: how to open each precision, the most exact first.

    Raises:
        ModelError: when the first one cannot be opened or fails.
    """
    first, *others = ways
    if not others:
        return first
    file = memory or memory_file()
    place = f"precision/{_place(key, threads, '+'.join(ways))}"
    remembered = _remembered(file)
    known = next((one for one in ways if one == remembered.get(place)), None)
    if known is not None:
        return known
    times_ns, refusals = _medians_ns("precision", ways, stopwatch)
    if first in refusals:
        raise refusals[first]
    best = first
    for name in times_ns:
        if times_ns[name] < _WORTH_SHARE * times_ns[best]:
            best = name
    _remember(file, remembered | {place: best})
    return best


def computes_in_bf16() -> bool:
    """Whether OpenVINO is installed and this CPU multiplies bf16 numbers itself."""
    try:
        import openvino

        offered = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except (ImportError, RuntimeError):
        # An installation that does not fit this machine: the runtime itself is refused by name.
        return False
    return "BF16" in offered


def trial_picture(session: Session) -> NDArray[Any]:
    """Noise for the one input of a network: 640x384 for heads, a detector's own size."""
    port, rng = session.inputs[0], np.random.default_rng(0)
    if port.element == "uint8":
        return rng.integers(0, 256, _HEADS_SHAPE, dtype=np.uint8)
    shape = [n or size for n, size in zip(port.shape, _PERSONS_SHAPE, strict=False)]
    return rng.random(shape, dtype=np.float32)


def _place(key: str, threads: int, offered: str) -> str:
    """Under which name a choice is kept; each word of it may change what is faster."""
    try:
        openvino = version("openvino")
    except PackageNotFoundError:
        openvino = "none"
    return "/".join(
        (platform.node(), key, str(threads), onnxruntime.__version__, openvino, offered)
    )


def _medians_ns(
    kind: str, ways: Mapping[_Name, Callable[[], Session]], stopwatch: Callable[[], int]
) -> tuple[dict[_Name, int], dict[_Name, ModelError]]:
    """Median time of each, run in turn: another program's burst slows all of them alike.

    Returns:
        the times, and the refusal of each that cannot be opened or fails, told in the log.
    """
    running: dict[_Name, tuple[Session, NDArray[Any]]] = {}
    refusals: dict[_Name, ModelError] = {}
    for name, way in ways.items():
        try:
            session = way()
            feed = trial_picture(session)
            session.run(feed)
            running[name] = session, feed
        except ModelError as refusal:
            refusals[name] = _left_out(kind, name, refusal)
    spans: dict[_Name, list[int]] = {name: [] for name in running}
    for _ in range(_ROUNDS):
        for name, (session, feed) in tuple(running.items()):
            begun = stopwatch()
            try:
                session.run(feed)
            except RuntimeFailedError as refusal:
                refusals[name] = _left_out(kind, name, refusal)
                del running[name]
            else:
                spans[name].append(stopwatch() - begun)
    return {name: sorted(spans[name])[_ROUNDS // 2] for name in running}, refusals


def _left_out(kind: str, name: str, refusal: ModelError) -> ModelError:
    _log.warning("%s %s is left out: %s", kind, name, refusal)
    return refusal


def _remembered(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(file: Path, choices: Mapping[str, str]) -> None:
    """Best effort: without a writable folder the measurement is made again next time."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(dict(choices), indent=1), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        _log.warning("%s: the choice cannot be kept (%s)", file, error.strerror)
