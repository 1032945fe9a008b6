"""Our density, line flow and speed against PedPy's on the same positions.

Four laboratory sets (see ../shared/data/SOURCES.md). Each value is computed by `vision` as the
service does it (heads without identity, about 5 to 6 pictures a second) and by PedPy from the full
trajectories with identity. Target: within 2 % of PedPy.

    python -m benchmarks.pedpy_parity --json
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pedpy
import shapely
from shapely.geometry import LineString, MultiPoint, Point, Polygon, box

from benchmarks.report import EXIT_TARGET_MISSED, Report, need_shared_data, parser
from streams.trajectories import Trajectories, Unit, read_trajectories
from vision.crowd.density import classic_density, density_peak, kernel_field, voronoi_density
from vision.crowd.movement import CrossingCounter, line_flow_per_s, side_of
from vision.crowd.tracking import HeadTracker
from vision.geometry.grid import KERNEL_RADIUS_M, PlanGrid
from vision.geometry.zones import Line
from vision.instants import Utc

TARGET = 0.02
DENSITY_EVERY_S = 1.0
CUTOFF_M = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """One data set with a measuring area and a line across the walking direction."""

    name: str
    area: Polygon
    line: Line
    keep_every: int
    two_way: bool = False
    default_fps: float | None = None
    default_unit: Unit | None = None


CASES = (
    Case("bi_corr_400_b_03", box(-2, 0.5, 2, 3.5), Line("x0", (0, 4.6), (0, -0.4)), 4, True),
    Case("bottleneck_040_c_56_h", box(-1, 0.5, 1, 2.5), Line("y0", (-2.8, 0), (2.5, 0)), 4),
    Case("uo-180-180-070", box(0.1, -3, 1.7, 0), Line("y0", (-1, 0), (3, 0)), 3, False, 16.0, "cm"),
    Case("uo-180-180-180", box(0.1, -3, 1.7, 0), Line("y0", (-1, 0), (3, 0)), 3, False, 16.0, "cm"),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """The same quantity from us and from PedPy."""

    ours: float
    pedpy: float

    @property
    def relative(self) -> float:
        return abs(self.ours - self.pedpy) / abs(self.pedpy)


def main() -> None:
    arguments = parser(__doc__ or "").parse_args()
    report = Report(
        "pedpy_parity",
        arguments.seed,
        ("numpy", "pedpy", "shapely"),
        columns=("data set", "quantity", "ours", "PedPy", "difference", "target"),
    )
    worst = 0.0
    for case in CASES:
        path = need_shared_data("trajectories", f"{case.name}.txt.gz")
        people = read_trajectories(path, frame_rate_fps=case.default_fps, unit=case.default_unit)
        for quantity, pair in compare(case, people).items():
            worst = max(worst, pair.relative)
            report.row(
                case.name,
                quantity,
                f"{pair.ours:.4f}",
                f"{pair.pedpy:.4f}",
                f"{pair.relative:.2%}",
                f"{TARGET:.0%}",
            )
            key = f"{case.name}.{quantity}".replace(" ", "_")
            report.figures[f"{key}.relative_difference"] = round(pair.relative, 5)
    report.figures["worst_relative_difference"] = round(worst, 5)
    report.publish(as_json=arguments.json)
    if worst > TARGET:
        raise SystemExit(EXIT_TARGET_MISSED)


def compare(case: Case, people: Trajectories) -> dict[str, Pair]:
    """All quantities of one data set, as means over its frames."""
    frame = pd.DataFrame(
        {"id": people.ids, "frame": people.frames, "x": people.xy_m[:, 0], "y": people.xy_m[:, 1]}
    )
    data = pedpy.TrajectoryData(data=frame, frame_rate=people.frame_rate_fps)
    walkable = MultiPoint(people.xy_m).convex_hull.buffer(0.3)
    pairs = _densities(case, people, data, walkable)
    pairs |= _flow_and_speed(case, people, data)
    pairs |= _line_flow(case, people, data, walkable)
    return pairs


def _sampled(people: Trajectories, every_s: float) -> list[int]:
    step = max(1, round(every_s * people.frame_rate_fps))
    return [int(number) for number in np.unique(people.frames)[::step]]


def _densities(
    case: Case, people: Trajectories, data: pedpy.TrajectoryData, walkable: Polygon
) -> dict[str, Pair]:
    frames = _sampled(people, DENSITY_EVERY_S)
    at = {number: xy_m for number, _, xy_m in people.by_frame()}
    thinned = pedpy.TrajectoryData(
        data=data.data[data.data.frame.isin(frames)][["id", "frame", "x", "y"]],
        frame_rate=data.frame_rate,
    )
    area = pedpy.MeasurementArea(case.area)
    walk = pedpy.WalkableArea(walkable)
    theirs = pedpy.compute_classic_density(traj_data=thinned, measurement_area=area)
    whole = pedpy.compute_individual_voronoi_polygons(traj_data=thinned, walkable_area=walk)
    cut = pedpy.compute_individual_voronoi_polygons(
        traj_data=thinned,
        walkable_area=walk,
        cut_off=pedpy.Cutoff(radius=CUTOFF_M, quad_segments=3),
    )
    ours = [classic_density(at[n], case.area) for n in frames]
    pairs = {"classic density": Pair(float(np.mean(ours)), _mean(theirs, frames))}
    for name, cells, cutoff in (("Voronoi", whole, None), ("Voronoi cut-off", cut, CUTOFF_M)):
        values = [voronoi_density(at[n], walkable, case.area, cutoff) for n in frames]
        reference, _ = pedpy.compute_voronoi_density(
            individual_voronoi_data=cells, measurement_area=area
        )
        pairs[f"{name} density"] = Pair(float(np.mean(values)), _mean(reference, frames))
    pairs["kernel density"] = _kernel(case, at, thinned, frames)
    return pairs


def _mean(table: pd.DataFrame, frames: list[int]) -> float:
    return float(table.set_index("frame")["density"].reindex(frames).fillna(0.0).mean())


def _kernel(
    case: Case, at: dict[int, np.ndarray], data: pedpy.TrajectoryData, frames: list[int]
) -> Pair:
    """Our density peak against PedPy's classic density on the very same disc."""
    grid = PlanGrid.over(case.area)
    seen = np.ones(grid.shape, dtype=np.bool_)
    ours, theirs = [], []
    for number in frames:
        inside = at[number][shapely.contains_xy(case.area, at[number])]
        peak = density_peak(grid, kernel_field(grid, inside), seen)
        if peak.xy_m is None:
            continue
        disc = Point(peak.xy_m).buffer(KERNEL_RADIUS_M, quad_segs=64) & case.area
        if disc.area < math.pi / 2 * KERNEL_RADIUS_M**2:
            continue  # the guard against small discs is not a part of PedPy
        one = pedpy.TrajectoryData(
            data=data.data[data.data.frame == number][["id", "frame", "x", "y"]],
            frame_rate=data.frame_rate,
        )
        table = pedpy.compute_classic_density(
            traj_data=one, measurement_area=pedpy.MeasurementArea(disc)
        )
        ours.append(peak.density_per_m2)
        theirs.append(float(table.density.iloc[0]))
    return Pair(float(np.mean(ours)), float(np.mean(theirs)))


def _flow_and_speed(
    case: Case, people: Trajectories, data: pedpy.TrajectoryData
) -> dict[str, Pair]:
    """Heads without identity through the tracker and the counter, against PedPy with identity."""
    tracker, counter = HeadTracker(), CrossingCounter()
    crossed = 0
    step_s = case.keep_every / people.frame_rate_fps
    window = math.ceil(1.0 / step_s - 1e-9) * case.keep_every
    reference = pedpy.compute_individual_speed(
        traj_data=data,
        frame_step=window // 2,
        speed_calculation=pedpy.SpeedCalculation.BORDER_EXCLUDE,
    ).set_index(["id", "frame"])["speed"]
    ours: list[float] = []
    theirs: list[float] = []
    for number, ids, xy_m in people.by_frame():
        if number % case.keep_every:
            continue
        time = Utc(round(number / people.frame_rate_fps * 1e9))
        tracks, velocity_mps = tracker.update(xy_m, time)
        crossed += sum(counter.update(tracks, side_of(case.line, xy_m), time))
        inside = shapely.contains_xy(case.area, xy_m)
        for person, velocity in zip(ids[inside], velocity_mps[inside], strict=True):
            # Our speed is the displacement over the past second, so PedPy's at its middle.
            value = reference.get((person, number - window // 2))
            if value is not None and np.isfinite(velocity).all():
                ours.append(float(np.hypot(*velocity)))
                theirs.append(float(value))
    line = pedpy.MeasurementLine([case.line.start_xy_m, case.line.end_xy_m])
    n_t, _ = pedpy.compute_n_t(traj_data=data, measurement_line=line)
    lasted_s = float(np.ptp(people.frames)) / people.frame_rate_fps
    total = float(n_t["cumulative_pedestrians"].iloc[-1])
    return {
        "line crossings per s": Pair(crossed / lasted_s, total / lasted_s),
        "speed": Pair(float(np.mean(ours)), float(np.mean(theirs))),
    }


def _line_flow(
    case: Case, people: Trajectories, data: pedpy.TrajectoryData, walkable: Polygon
) -> dict[str, Pair]:
    """Flow density x speed through the line (Voronoi); both directions added where there are two.

    PedPy signs a person's flow by the direction of the whole walk, we by the step. In a jam people
    sway; so one-way sets compare the net flow, in which the sway cancels.
    """
    frames = _sampled(people, DENSITY_EVERY_S)
    thinned = pedpy.TrajectoryData(
        data=data.data[data.data.frame.isin(frames)][["id", "frame", "x", "y"]],
        frame_rate=data.frame_rate,
    )
    speed = pedpy.compute_individual_speed(
        traj_data=data,
        frame_step=5,
        compute_velocity=True,
        speed_calculation=pedpy.SpeedCalculation.BORDER_SINGLE_SIDED,
    )
    cells = pedpy.compute_individual_voronoi_polygons(
        traj_data=thinned, walkable_area=pedpy.WalkableArea(walkable)
    )
    line = pedpy.MeasurementLine([case.line.start_xy_m, case.line.end_xy_m])
    species = pedpy.compute_species(
        individual_voronoi_polygons=cells,
        trajectory_data=data,
        measurement_line=line,
        frame_step=5,
    )
    table = pedpy.compute_line_flow(
        individual_voronoi_polygons=cells,
        measurement_line=line,
        individual_speed=speed,
        species=species,
    ).set_index("frame")
    velocity = speed.set_index(["id", "frame"])[["v_x", "v_y"]]
    length_m = LineString([case.line.start_xy_m, case.line.end_xy_m]).length
    ours, theirs = [], []
    for number, ids, xy_m in people.by_frame():
        if number not in table.index:
            continue
        keys = [(person, number) for person in ids]
        flow = line_flow_per_s(case.line, xy_m, velocity.loc[keys].to_numpy(), walkable)
        row = table.loc[number].fillna(0.0)
        if case.two_way:
            ours.append(flow.to_right_per_s + flow.to_left_per_s)
            theirs.append(float(row["j_sp+1"] + row["j_sp-1"]) * length_m)
        else:
            ours.append(abs(flow.to_right_per_s - flow.to_left_per_s))
            theirs.append(abs(float(row["j_sp+1"] - row["j_sp-1"])) * length_m)
    return {"line flow": Pair(float(np.mean(ours)), float(np.mean(theirs)))}


if __name__ == "__main__":
    warnings.simplefilter("ignore", FutureWarning)
    main()
