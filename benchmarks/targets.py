"""Holds results of other benchmarks against the targets of speed in `targets.toml`.

    python -m benchmarks.targets RESULT...

RESULT is a file with what a benchmark printed with `--json`. A target without a result is listed as
not measured, and the exit code then says so.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import EXIT_NO_DATA, EXIT_TARGET_MISSED, Report, no_data, parser

TARGETS_FILE = Path(__file__).with_name("targets.toml")


@dataclass(frozen=True, slots=True)
class Target:
    """One figure of one benchmark, and the bound it has to keep.

    Attributes:
        where: figures that must have these values for a result to count.
        cores: the machine's, at most, for a result to count; 0 for any number.
    """

    name: str
    device: str
    benchmark: str
    figure: str
    where: Mapping[str, Any]
    at_least: float | None
    at_most: float | None
    cores: int = 0

    def measured(self, results: Sequence[Mapping[str, Any]]) -> float | None:
        """The last fitting result; `None` where there is none."""
        found = None
        for result in results:
            figures = result["figures"]
            fits = all(figures.get(key) == value for key, value in self.where.items())
            fits &= not self.cores or result["machine"]["cores"] <= self.cores
            if result["benchmark"] == self.benchmark and fits and self.figure in figures:
                found = float(figures[self.figure])
        return found

    def met_by(self, value: float) -> bool:
        """Whether a value keeps the bound."""
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)

    @property
    def bound(self) -> str:
        """The bound as a person reads it."""
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


def read_targets(file: Path = TARGETS_FILE) -> tuple[Target, ...]:
    """All targets of the file."""
    with file.open("rb") as source:
        rows = tomllib.load(source)["target"]
    return tuple(
        Target(
            row["name"],
            row["device"],
            row["benchmark"],
            row["figure"],
            row.get("where", {}),
            row.get("at_least"),
            row.get("at_most"),
            row.get("cores", 0),
        )
        for row in rows
    )


def read_results(files: Sequence[Path]) -> list[Mapping[str, Any]]:
    """The last line of each file that is a benchmark's JSON object."""
    results = []
    for file in files:
        if not file.exists():
            no_data(f"{file} does not exist")
        lines = [line for line in file.read_text("utf-8").splitlines() if line.startswith("{")]
        if not lines:
            no_data(f"{file} holds no JSON line; run the benchmark with --json")
        results.append(json.loads(lines[-1]))
    return results


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("results", type=Path, nargs="*", help="outputs of benchmarks")
    options = arguments.parse_args()
    results = read_results(options.results)
    report = Report(
        "targets",
        options.seed,
        columns=("target", "device", "bound", "measured", "held"),
    )
    held, missed, unknown = 0, 0, 0
    for target in read_targets():
        value = target.measured(results)
        if value is None:
            unknown += 1
            report.row(target.name, target.device, target.bound, "not measured", "?")
            continue
        met = target.met_by(value)
        held, missed = held + met, missed + (not met)
        report.row(target.name, target.device, target.bound, f"{value:g}", "yes" if met else "NO")
    report.figures = {
        "targets_held": held,
        "targets_missed": missed,
        "targets_not_measured": unknown,
    }
    report.publish(as_json=options.json)
    if missed:
        return EXIT_TARGET_MISSED
    return EXIT_NO_DATA if unknown else 0


if __name__ == "__main__":
    raise SystemExit(main())
