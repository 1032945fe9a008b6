"""The product for hours with cameras that come and go and processes that are killed: what grows?

    python -m benchmarks.soak [--minutes 120] [--json]

`xiaoan run` watches RTSP cameras (GStreamer's test server). For a quarter of the time a worker and
the service are killed in turn (SIGKILL) and must come back. For the rest one server is killed and
hung in turn, and after each return the footprint of each process is taken: memory (pages of no
file: how much of a library's pages is ours depends on what else runs from the same files),
descriptors, threads and processor time; records that wait in the spools, size of spools and
database. The first third of these footprints is held against the last third.

Targets: everything is back after each fault, memory within 5 %, no descriptor more (medians), no
thread more (the fewest of each third: the service keeps a pool that grows and shrinks), spools
empty themselves. The database keeps a history on purpose (`api/readings.py`): its growth is printed
as MiB a day and not judged.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.rtsp import MEND, RtspServer, installed
from benchmarks.report import EXIT_TARGET_MISSED, Report, no_data, parser
from benchmarks.rig import CameraFilm, Running, running, write_school

MEMORY_TARGET = 0.05
SPOOL_TARGET = 200
_CAMERAS = 4
_KILLING_SHARE = 0.25
_REST_S = 8.0
_AWAY_S = 4.0
_FEWEST_FOOTPRINTS = 6


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the product holds while all is well.

    Attributes:
        memory_of, threads_of: by process, so that growth has a name; memory in MiB.
        cpu_s_of: processor time of each process since its start.
        waiting: records in the spools.
        spool_mib: with their write-ahead logs.
        database_mib: pages that hold something; the room that it keeps inside is none.
    """

    at_s: float
    memory_of: Mapping[str, float]
    descriptors: int
    threads_of: Mapping[str, int]
    cpu_s_of: Mapping[str, float]
    waiting: int
    spool_mib: float
    database_mib: float

    @property
    def memory_mib(self) -> float:
        return sum(self.memory_of.values())

    @property
    def threads(self) -> int:
        return sum(self.threads_of.values())


def footprint(product: Running, folder: Path) -> Footprint:
    """Taken over all processes of the service and the workers."""
    named = product.processes()
    processes = named.values()
    spool = folder / "run" / "spool"
    return Footprint(
        time.monotonic(),
        {name: _own_mib(one.pid) for name, one in named.items()},
        sum(one.num_fds() for one in processes),
        {name: one.num_threads() for name, one in named.items()},
        {name: sum(one.cpu_times()[:2]) for name, one in named.items()},
        product.waiting_records(),
        _mib(spool.glob("*")),
        _used_mib(folder / "run" / "xiaoan.db"),
    )


def _own_mib(pid: int) -> float:
    """Anonymous and shared pages of a process; what it shares is divided by who shares it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    kib = [int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(kib) / 1024.0


def _mib(files: Iterator[Path]) -> float:
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20


def _used_mib(database: Path) -> float:
    """What a file of SQLite holds, its write-ahead log included, without its free pages."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        pages, free, size = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size / 2**20


class Soak:
    """A running product, its camera servers, and the faults."""

    def __init__(self, product: Running, folder: Path, server: RtspServer) -> None:
        self._product = product
        self._folder = folder
        self._server = server
        self.back_s: dict[str, list[float]] = {}
        self.footprints: list[Footprint] = []

    def kill_processes(self, seconds: float) -> None:
        """A worker and the service in turn, until the time is over."""
        faults = [("worker", self._kill("worker-0")), ("service", self._kill("service"))]
        self._repeat(faults, seconds, footprints=False)

    def lose_cameras(self, seconds: float) -> None:
        """The server's cameras die and hang in turn; a footprint after each return."""
        faults = [("camera killed", self._power_cut), ("camera hung", self._hang)]
        self._repeat(faults, seconds, footprints=True)

    def _repeat(
        self, faults: Sequence[tuple[str, Callable[[], None]]], seconds: float, *, footprints: bool
    ) -> None:
        until = time.monotonic() + seconds
        number = 0
        while time.monotonic() < until:
            name, fault = faults[number % len(faults)]
            fault()
            self.back_s.setdefault(name, []).append(self._product.wait_live(_CAMERAS))
            time.sleep(_REST_S)
            if footprints:
                self.footprints.append(footprint(self._product, self._folder))
            number += 1
            print(f"\r{name}: {number}   ", end="", file=sys.stderr, flush=True)

    def _kill(self, name: str) -> Callable[[], None]:
        def fault() -> None:
            before = self._product.processes()[name]
            before.kill()
            # Until the supervisor has seen it, the console still tells of the time before.
            time.sleep(_AWAY_S)

        return fault

    def _power_cut(self) -> None:
        self._server.kill()
        time.sleep(_AWAY_S)
        self._server.start()

    def _hang(self) -> None:
        self._server.hang()
        # Longer than a camera may be silent.
        time.sleep(2 * _AWAY_S)
        self._server.resume()


def run(minutes: float) -> Soak:
    """The whole of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        steady, failing = (stack.enter_context(RtspServer(size="640x360")) for _ in range(2))
        films = [
            CameraFilm(server.url(path))
            for server in (steady, failing)
            for path in ("/live", "/still")
        ]
        write_school(folder / "site", films[:_CAMERAS])
        product = stack.enter_context(running(folder))
        product.wait_live(_CAMERAS)
        soak = Soak(product, folder, failing)
        soak.kill_processes(60.0 * minutes * _KILLING_SHARE)
        time.sleep(_REST_S)
        soak.lose_cameras(60.0 * minutes * (1.0 - _KILLING_SHARE))
        print(file=sys.stderr)
        return soak


def judged(soak: Soak, report: Report) -> bool:
    """Rows and figures; whether all targets hold."""
    taken = soak.footprints
    if len(taken) < _FEWEST_FOOTPRINTS:
        no_data(f"{len(taken)} footprints are too few to see growth; give more --minutes")
    third = len(taken) // 3
    early, late = taken[:third], taken[-third:]
    held = True
    # The service's pool of threads breathes with what is asked of it; one that leaks has a floor
    # that rises.
    for name, unit, allowed, of in (
        ("memory_mib", "MiB", 1.0 + MEMORY_TARGET, statistics.median),
        ("descriptors", "", 1.0, statistics.median),
        ("threads", "", 1.0, min),
    ):
        before, after = (of([getattr(one, name) for one in part]) for part in (early, late))
        good = after <= before * allowed
        held &= good
        bound = f"at most {allowed - 1:+.0%}" if allowed > 1.0 else "no more"
        report.row(name, f"{before:.1f} -> {after:.1f} {unit}".strip(), bound, _mark(good))
        report.figures |= {f"{name}_early": round(before, 1), f"{name}_late": round(after, 1)}
    report.figures["threads_of"] = {
        name: [_least_and_most(name, part) for part in (early, late)]
        for name in taken[0].threads_of
    }
    for name in sorted(taken[0].memory_of):
        first, last = (
            statistics.median(one.memory_of.get(name, 0.0) for one in part)
            for part in (early, late)
        )
        report.row(f"{name}, memory", f"{first:.1f} -> {last:.1f} MiB", "in the sum", "")
        report.figures[f"{name}_memory_mib_early"] = round(first, 1)
        report.figures[f"{name}_memory_mib_late"] = round(last, 1)
    for name in sorted(taken[0].cpu_s_of):
        first, last = (_cores(name, part) for part in (early, late))
        report.row(f"{name}, cores", f"{first:.3f} -> {last:.3f}", "not judged", "")
        report.figures[f"{name}_cores_early"] = round(first, 4)
        report.figures[f"{name}_cores_late"] = round(last, 4)
    waiting = max(one.waiting for one in late)
    held &= waiting <= SPOOL_TARGET
    report.row(
        "records waiting, most", waiting, f"<= {SPOOL_TARGET}", _mark(waiting <= SPOOL_TARGET)
    )
    spool_growth = late[-1].spool_mib - early[0].spool_mib
    held &= spool_growth <= 1.0
    report.row("spool files", f"{spool_growth:+.2f} MiB", "<= +1 MiB", _mark(spool_growth <= 1.0))
    days = (late[-1].at_s - early[0].at_s) / 86_400.0
    database = (late[-1].database_mib - early[0].database_mib) / days
    report.row("database", f"{database:.1f} MiB a day", "history, not judged", "")
    for name, times_s in soak.back_s.items():
        report.row(
            f"{name}, back after", f"{max(times_s):.1f} s at most", f"{len(times_s)} times", ""
        )
    report.figures |= {
        "footprints": len(taken),
        "spool_waiting_records_max": waiting,
        "spool_growth_mib": round(spool_growth, 3),
        "database_mib_per_day": round(database, 1),
        "faults": {name: len(times_s) for name, times_s in soak.back_s.items()},
        "back_after_s_max": {name: round(max(t), 1) for name, t in soak.back_s.items()},
        "targets_met": held,
    }
    return held


def _least_and_most(name: str, taken: Sequence[Footprint]) -> list[int]:
    """Of the threads of a process over some footprints."""
    counts = [one.threads_of.get(name, 0) for one in taken]
    return [min(counts), max(counts)]


def _cores(name: str, taken: Sequence[Footprint]) -> float:
    """What a process took of the processor between the first and the last of some footprints; one
    that was started anew in between begins at nothing."""
    first, last = taken[0], taken[-1]
    spent_s = last.cpu_s_of.get(name, 0.0) - first.cpu_s_of.get(name, 0.0)
    return max(spent_s, 0.0) / max(last.at_s - first.at_s, 1e-9)


def _mark(good: bool) -> str:
    return "yes" if good else "NO"


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--minutes", type=float, default=120.0, help="in all; 6 is a first look")
    options = arguments.parse_args()
    if not installed():
        no_data(f"gst-rtsp-server is not installed; {MEND}")
    report = Report(
        "soak",
        options.seed,
        packages=("av", "numpy", "openvino"),
        columns=("what", "found", "target", "held"),
    )
    soak = run(options.minutes)
    report.figures["minutes"] = options.minutes
    held = judged(soak, report)
    report.publish(as_json=options.json)
    return 0 if held else EXIT_TARGET_MISSED


if __name__ == "__main__":
    raise SystemExit(main())
