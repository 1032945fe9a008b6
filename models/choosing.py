"""Which runtime and which precision are faster on this machine: measured once, then remembered."""

from __future__ import annotations

import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime

from models.errors import ModelError
from models.sessions import Precision, RuntimeName, Session, offered_runtimes, open_session

_log = logging.getLogger(__name__)
_ROUNDS = 5
_PICTURE_SHAPE = (1, 384, 640, 3)
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
    """The runtime with the shorter median time on a 640x384 picture.

    The answer is kept by machine, network, thread count, library version and the runtimes that
    were there to choose from. A runtime that cannot load the network is left out with one warning
    that names it.

    Raises:
        ModelError: when no runtime can load the network; the first one's refusal.
    """
    file = memory or memory_file()
    candidates = offered_runtimes()
    place = "/".join(
        (platform.node(), key, str(threads), onnxruntime.__version__, "+".join(candidates))
    )
    remembered = _remembered(file)
    known = next((one for one in candidates if one == remembered.get(place)), None)
    if known is not None:
        return known
    refusals: list[ModelError] = []
    sessions: dict[RuntimeName, Session] = {}
    for runtime in candidates:
        try:
            session = open_session(content, source=source, runtime=runtime, threads=threads)
        except ModelError as refusal:
            refusals.append(refusal)
            _log.warning("runtime %s is left out: %s", runtime, refusal)
            continue
        sessions[runtime] = session
    if not sessions:
        raise refusals[0]
    times_ns = _medians_ns(sessions, stopwatch)
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
    """The first of `ways` unless a later one is clearly faster on a 640x384 picture.

    The answer is kept like that of `choose_runtime`. A later way that cannot be opened is left out
    with a warning.

    Args:
        ways: how to open each precision, the most exact first.

    Raises:
        ModelError: when the first one cannot be opened.
    """
    first, *others = ways
    if not others:
        return first
    file = memory or memory_file()
    place = "/".join(
        ("precision", platform.node(), key, str(threads), onnxruntime.__version__, "+".join(ways))
    )
    remembered = _remembered(file)
    known = next((one for one in ways if one == remembered.get(place)), None)
    if known is not None:
        return known
    sessions: dict[Precision, Session] = {first: ways[first]()}
    for name in others:
        try:
            sessions[name] = ways[name]()
        except ModelError as refusal:
            _log.warning("precision %s is left out: %s", name, refusal)
    times_ns = _medians_ns(sessions, stopwatch)
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
    except ImportError:
        return False
    offered = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in offered


def _medians_ns(
    sessions: Mapping[_Name, Session], stopwatch: Callable[[], int]
) -> dict[_Name, int]:
    """Median time of each, run in turn: another program's burst slows all of them alike."""
    feed = np.random.default_rng(0).integers(0, 256, _PICTURE_SHAPE, dtype=np.uint8)
    spans: dict[_Name, list[int]] = {name: [] for name in sessions}
    for session in sessions.values():
        session.run(feed)
    for _ in range(_ROUNDS):
        for name, session in sessions.items():
            begun = stopwatch()
            session.run(feed)
            spans[name].append(stopwatch() - begun)
    return {name: sorted(found)[_ROUNDS // 2] for name, found in spans.items()}


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
