"""Which runtime and which precision are faster on this machine: measured once, then remembered.

Workers that start at once measure one after the other and not each for itself: they would disturb
each other's times and might choose differently.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.errors import ModelError, RuntimeFailedError
from models.sessions import (
    Precision,
    RuntimeName,
    Session,
    offered_runtimes,
    offers_bf16,
    open_session,
)

_log = logging.getLogger(__name__)
# A virtual machine lends its core at one speed or another: a few pictures would tell which it was.
_ROUNDS = 11
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
    candidates = offered_runtimes()

    def opened(runtime: RuntimeName) -> Session:
        return open_session(content, source=source, runtime=runtime, threads=threads)

    def measured() -> RuntimeName:
        ways = {runtime: partial(opened, runtime) for runtime in candidates}
        times_ns, refusals = _medians_ns("runtime", ways, stopwatch)
        if not times_ns:
            raise next(iter(refusals.values()))
        return min(times_ns, key=lambda runtime: times_ns[runtime])

    place = _place(key, threads, "+".join(candidates))
    return _once(memory or memory_file(), "runtime", place, candidates, measured)


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

    def measured() -> Precision:
        times_ns, refusals = _medians_ns("precision", ways, stopwatch)
        if first in refusals:
            raise refusals[first]
        best = first
        for name in times_ns:
            if times_ns[name] < _WORTH_SHARE * times_ns[best]:
                best = name
        return best

    place = f"precision/{_place(key, threads, '+'.join(ways))}"
    return _once(memory or memory_file(), "precision", place, tuple(ways), measured)


def computes_in_bf16() -> bool:
    """Whether OpenVINO is installed and this CPU multiplies bf16 numbers itself."""
    try:
        import openvino

        return offers_bf16(openvino.Core())
    except (ImportError, RuntimeError):
        # An installation that does not fit this machine: the runtime itself is refused by name.
        return False


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


def _once(
    file: Path, kind: str, place: str, names: Sequence[_Name], measured: Callable[[], _Name]
) -> _Name:
    """What is remembered under `place`, if it is one of `names`; else what is measured now."""
    known = _remembered(file).get(place)
    if known not in names:
        with _in_turn(file, kind):
            # Another process may have measured it meanwhile.
            known = _remembered(file).get(place)
            if known not in names:
                best = measured()
                _remember(file, place, best)
                return best
    return next(one for one in names if one == known)


@contextmanager
def _in_turn(file: Path, kind: str) -> Iterator[None]:
    """One process at a time; all at once where no file can be locked.

    Args:
        kind: measuring a precision may ask for a runtime, so each kind has a lock of its own.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_name(f"{file.name}.{kind}.lock").open("ab")
    except OSError:
        yield
        return
    with lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        # It ends with the file, also where the process is killed.
        yield


def _remembered(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(file: Path, place: str, best: str) -> None:
    """Best effort: without a writable folder the measurement is made again next time."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        choices = _remembered(file) | {place: best}
        part.write_text(json.dumps(choices, indent=1), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        _log.warning("%s: the choice cannot be kept (%s)", file, error.strerror)
