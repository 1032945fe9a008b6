"""The form in which every benchmark answers: a table for people, and with `--json` one JSON object
as the last line, with the unit in each key, the machine, the versions and the seed.

Missing data is `EXIT_NO_DATA` with a reason, never a pass.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table

EXIT_TARGET_MISSED = 1
EXIT_NO_DATA = 3

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


def no_data(reason: str) -> NoReturn:
    """Leave with the exit code that says nothing was measured, and why."""
    print(f"not measured: {reason}", file=sys.stderr)
    raise SystemExit(EXIT_NO_DATA)


def need_shared_data(*parts: str) -> Path:
    """A file or folder of the data set folder beside the checkout, or `no_data`."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        no_data(f"../shared/data/{'/'.join(parts)} is not beside this checkout")
    return path


def parser(description: str, *, seed: int = 0) -> argparse.ArgumentParser:
    """An argument parser with the two options of every benchmark."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--json", action="store_true", help="print one JSON object last")
    arguments.add_argument("--seed", type=int, default=seed)
    return arguments


def keep_line(path: Path, line: str) -> None:
    """Add a line to a results file, below whatever a run that was broken off left there."""
    before = path.read_bytes() if path.exists() else b""
    cut_off = bool(before) and not before.endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if cut_off else "") + line + "\n")


def kept_lines(path: Path | None) -> Iterator[Any]:
    """The JSON values of a results file; what was cut off is left out."""
    if path is None or not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


@dataclass(slots=True)
class Report:
    """Rows for people and figures for machines.

    Attributes:
        name: the benchmark's file name without suffix.
        seed: what made the run repeatable.
        figures: values by key; each key names its unit (`mae_people`, `latency_p95_ms`).
        packages: distributions whose versions matter for the figures.
    """

    name: str
    seed: int
    packages: Sequence[str] = ("numpy",)
    figures: dict[str, JsonValue] = field(default_factory=dict)
    rows: list[Sequence[str]] = field(default_factory=list)
    columns: Sequence[str] = ("measure", "value", "target")

    def row(self, *cells: object) -> None:
        self.rows.append([str(cell) for cell in cells])

    def publish(self, *, as_json: bool) -> None:
        """Print the table and, when asked, the JSON object as the last line."""
        table = Table(*self.columns, title=self.name)
        for cells in self.rows:
            table.add_row(*cells)
        Console().print(table)
        if as_json:
            print(json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True))

    def as_dict(self) -> dict[str, JsonValue]:
        return {
            "benchmark": self.name,
            "seed": self.seed,
            "machine": machine(),
            "versions": {name: metadata.version(name) for name in self.packages},
            "figures": self.figures,
        }


def machine() -> dict[str, JsonValue]:
    """Processor, cores, memory and interpreter; no host name, no path."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory_gib, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
