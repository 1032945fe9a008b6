"""What the runs of `benchmarks.crowd_truth` come to: errors, missed levels, lead time, doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from benchmarks.crowd_runs import Run
from benchmarks.report import Report
from streams.virtual.scenarios import scenario_named
from vision.arrays import Float64Array
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level

DENSITY_MAE_TARGET_PER_M2 = 0.25
DENSE_ERROR_TARGET = 0.10
LEAD_MEDIAN_TARGET_S, LEAD_P10_TARGET_S = 60.0, 20.0
# Below it a person more or less is all the error there is.
LEAST_JUDGED_PER_M2 = 1.0
Judged = Sequence[tuple[Run, ZoneProfile]]


def density_rows(report: Report, runs: Judged) -> bool:
    """Density error by bin; whether a target was missed."""
    truth = np.concatenate([run.density_errors()[0] for run, _ in runs])
    error = np.concatenate([run.density_errors()[1] for run, _ in runs])
    for low, high in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 99)):
        here = (truth >= low) & (truth < high)
        if here.any():
            label = f"{low} to {high}" if high < 99 else f"above {low}"
            mae, bias = float(np.abs(error[here]).mean()), float(error[here].mean())
            report.row(f"density {label} per m²: MAE (bias), n={int(here.sum())}",
                       f"{mae:.2f} ({bias:+.2f})", "")  # fmt: skip
            report.figures[f"density_mae_{low}_up_per_m2"] = round(mae, 3)
            report.figures[f"density_bias_{low}_up_per_m2"] = round(bias, 3)
    below = truth < 4.0
    missed = False
    if below.any():
        mae = float(np.abs(error[below]).mean())
        report.row("density MAE below 4 per m²", f"{mae:.3f}", f"{DENSITY_MAE_TARGET_PER_M2:.2f}")
        report.figures["density_mae_below_4_per_m2"] = round(mae, 4)
        missed = mae > DENSITY_MAE_TARGET_PER_M2
    if (~below).any():
        share = float((np.abs(error[~below]) / truth[~below]).mean())
        report.row("relative error above 4 per m²", f"{share:.1%}", f"{DENSE_ERROR_TARGET:.0%}")
        report.figures["density_error_above_4_relative"] = round(share, 4)
        missed |= share > DENSE_ERROR_TARGET
    return missed


def doubt_rows(report: Report, runs: Judged) -> None:
    """Whether the stated standard error of density is as wide as the real error, from 1 per m²."""
    rows = np.array(
        [
            (truth, abs(measured - truth), std)
            for run, _ in runs
            for truth, measured, std in zip(
                run.truth_per_m2, run.density_per_m2, run.std_per_m2, strict=False
            )
            if measured is not None and std is not None and truth >= LEAST_JUDGED_PER_M2
        ]
    ).reshape(-1, 3)
    if not len(rows):
        return
    within = float(np.mean(rows[:, 1] <= 2.0 * rows[:, 2]))
    relative = float(np.median(rows[:, 2] / rows[:, 0]))
    report.row("stated standard error, of the true density: median", f"{relative:.0%}", "")
    report.row(f"truth within two standard errors, n={len(rows)}", f"{within:.1%}", "")
    report.figures |= {
        "stated_error_median_relative": round(relative, 4),
        "within_two_errors_share": round(within, 4),
    }


def speed_rows(report: Report, runs: Judged) -> None:
    """Error of the zone's median speed, for people who stand, shuffle and walk."""
    truth = np.concatenate([run.speed_errors()[0] for run, _ in runs])
    error = np.concatenate([run.speed_errors()[1] for run, _ in runs])
    for name, low, high in (("stand", 0.0, 0.2), ("shuffle", 0.2, 0.5), ("walk", 0.5, 9.0)):
        here = (truth >= low) & (truth < high)
        if here.any():
            mae, bias = float(np.abs(error[here]).mean()), float(error[here].mean())
            report.row(f"median speed of those who {name}: MAE (bias), n={int(here.sum())}",
                       f"{mae:.3f} ({bias:+.3f}) m/s", "")  # fmt: skip
            report.figures[f"speed_mae_{name}_mps"] = round(mae, 4)
            report.figures[f"speed_bias_{name}_mps"] = round(bias, 4)


def confidence_rows(report: Report, runs: Judged) -> bool:
    """Pictures of a true L3 that were called calm without a doubt; whether there was one."""
    truly, unsure, confident = 0, 0, 0
    for run, profile in runs:
        onset = run.onset_s(Level.L3, profile)
        limit = profile.threshold_of(Level.L3).threshold_per_m2
        rows = zip(run.times_s, run.truth_per_m2, run.said, run.could_be, strict=True)
        for t_s, density, said, could_be in rows:
            if onset is None or t_s < onset or density < limit:
                continue
            truly += 1
            unsure += said < 0
            confident += 0 <= said < 2 and (could_be is None or could_be < 2)
    report.row("pictures of a true L3", truly, "")
    report.row("of these UNKNOWN", unsure, "")
    report.row("of these called L0 or L1 without a doubt", confident, "0")
    report.figures |= {
        "true_l3_pictures": truly,
        "true_l3_unknown_pictures": unsure,
        "confident_low_pictures": confident,
    }
    return confident > 0


def level_rows(report: Report, runs: Judged) -> bool:
    """Missed levels, latency, false alarms and lead time; whether a target was missed."""
    missed = _level(report, runs, Level.L3) | _level(report, runs, Level.L4)
    _counter_flow_rows(report, runs)
    calm = [run for run, profile in runs if run.onset_s(Level.L3, profile) is None]
    warned = sum(run.first_s(Level.L2) is not None for run in calm)
    report.row("runs without a true L3 that raised L2", f"{warned} of {len(calm)}", "")
    report.figures["l2_runs_without_true_l3"] = warned
    leads = [lead for run, profile in runs if (lead := run.lead_s(profile)) is not None]
    if not leads:
        return missed
    p10, median = np.percentile(leads, [10, 50])
    report.row(f"lead from L2 to true L3, median (p10), n={len(leads)}",
               f"{median:.1f} s ({p10:.1f} s)",
               f"{LEAD_MEDIAN_TARGET_S:g} s ({LEAD_P10_TARGET_S:g} s)")  # fmt: skip
    report.figures |= {
        "lead_median_s": round(float(median), 2),
        "lead_p10_s": round(float(p10), 2),
        "lead_runs": len(leads),
    }
    causes = Counter(
        rule
        for run, profile in runs
        if run.onset_s(Level.L3, profile) is not None
        for rule in run.warned_by
        if rule != "density"
    )
    report.row("named when L2 was first said", ", ".join(f"{r} {n}" for r, n in causes.items()), "")
    return missed or median < LEAD_MEDIAN_TARGET_S or p10 < LEAD_P10_TARGET_S


def _level(report: Report, runs: Judged, level: Level) -> bool:
    """Runs whose truth has this level: how many we missed, how late we were, and false ones."""
    name = level.value
    delays, missed, truly, false, shut = [], 0, 0, 0, 0
    for run, profile in runs:
        onset, ours = run.onset_s(level, profile), run.first_s(level)
        if onset is None:
            false += ours is not None
            shut += ours is not None and _has_a_shut_exit(run.key.story)
            continue
        truly += 1
        missed += ours is None
        if ours is not None:
            delays.append(max(0.0, ours - onset))
    report.row(f"runs with a true {name}", truly, "")
    report.row(f"of these, {name} missed", missed, "0")
    report.row(f"runs without a true {name} that raised {name}",
               f"{false} of {len(runs) - truly}", "")  # fmt: skip
    report.row(f"of these in stories whose exit is shut or narrowed ({name})", shut, "")
    key = name.lower()
    report.figures |= {
        f"true_{key}_runs": truly,
        f"missed_{key}_runs": missed,
        f"false_{key}_runs": false,
        f"false_{key}_runs_with_shut_exit": shut,
    }
    if delays:
        p95 = _p95(np.array(delays))
        report.row(f"our {name} after the true one (0 where before it), p95", f"{p95:.1f} s", "")
        report.figures[f"{key}_delay_p95_s"] = round(p95, 2)
    return missed > 0


def _counter_flow_rows(report: Report, runs: Judged) -> None:
    """In how many runs of each story counter-flow was named, and when it first was."""
    for name in dict.fromkeys(run.key.story for run, _ in runs):
        own = [run for run, _ in runs if run.key.story == name]
        named = [run.named_s["counter_flow"] for run in own if "counter_flow" in run.named_s]
        when = f", after {np.median(named):.0f} s (median)" if named else ""
        report.row(f"counter_flow named in {name}", f"{len(named)} of {len(own)}{when}", "")
        report.figures[f"counter_flow_runs_{name}"] = len(named)


def _has_a_shut_exit(name: str) -> bool:
    """Whether a gate shuts or a leaf stays shut: the jam of such a story is real."""
    story = scenario_named(name)
    return story.closure is not None or story.shut_leaf_y_m is not None


def _p95(values: Float64Array) -> float:
    return float(np.percentile(values, 95))


def lead_rows(report: Report, runs: Judged, *, demonstration: str) -> None:
    """Lead time of each story, and how much a sign in this zone could lead at most."""
    for name in dict.fromkeys(run.key.story for run, _ in runs):
        own = [(run, profile) for run, profile in runs if run.key.story == name]
        leads = [lead for run, profile in own if (lead := run.lead_s(profile)) is not None]
        if not leads:
            continue
        low, median = np.percentile(leads, [10, 50])
        part = "" if name != demonstration else " (demonstration, not in the target)"
        report.row(f"lead in {name}{part}, n={len(leads)}", f"{median:.1f} s ({low:.1f} s)", "")
        most = [m for run, profile in own if (m := run.possible_lead_s(profile)) is not None]
        low_most, median_most = np.percentile(most, [10, 50])
        report.row("  from the first person in the zone to the true L3",
                   f"{median_most:.1f} s ({low_most:.1f} s)", "")  # fmt: skip
        report.figures[f"possible_lead_{name}_median_s"] = round(float(median_most), 1)
        report.figures[f"lead_{name}_median_s"] = round(float(median), 1)
        report.figures[f"lead_{name}_p10_s"] = round(float(low), 1)


__all__ = [
    "confidence_rows",
    "density_rows",
    "doubt_rows",
    "lead_rows",
    "level_rows",
    "speed_rows",
]
