"""Does anything see a person or an object that lies on a stair?

`vision.crowd.lying` on rendered pictures of the sample school's stair, with the true heads in place
of a network: those of which less than a third shows are missed, and one in twelve of the others.
Recall: something lies from the 20th second on while pupils pass beside it. False: the same flow
with nothing lying, and pupils who come to stand before a shut gate. The thing is a body of blocks
(trunk, legs, head), a schoolbag or a mattress, in a colour and at a place drawn from the seed.

    python -m benchmarks.lying --seeds 8 --json
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from benchmarks.report import Report, no_data, parser
from config import load_site, sample_school_directory
from streams.virtual.film import FILM_STARTS_AT, Shot, VirtualFrame, virtual_frames
from streams.virtual.places import box
from streams.virtual.render import Light
from streams.virtual.scenarios import Scenario, scenario_named
from streams.virtual.simulate import SimulationMissingError
from streams.virtual.stage import Stage, Surface
from vision.crowd.lying import LyingWatch
from vision.crowd.zone_view import ZoneView

CAMERA = "cam-stair"
FALLS_S, WATCHED_S = 20.0, 12.0
STANDS_S = 50.0
FPS = 2.5
LEAST_VISIBLE, MISSED = 1.0 / 3.0, 0.08
THINGS = ("body", "bag", "mattress")


@dataclass(frozen=True, slots=True)
class _Littered(Scenario):
    """A story on whose stage something lies."""

    things: tuple[Surface, ...] = ()

    def stage(self, *, closed: bool) -> Stage:
        # Not super(): a class with slots is made anew by its decorator.
        stage = Scenario.stage(self, closed=closed)
        return replace(stage, surfaces=stage.surfaces + self.things)


def main() -> None:
    options = parser(__doc__ or "", seed=101)
    options.add_argument("--seeds", type=int, default=4)
    arguments = options.parse_args()
    found: dict[str, list[float | None]] = {name: [] for name in THINGS}
    false_s = watched_s = 0.0
    spells = 0
    try:
        for seed in range(arguments.seed, arguments.seed + arguments.seeds):
            thing = THINGS[seed % len(THINGS)]
            light = Light.DIM if seed % 4 == 0 else Light.DAY
            answers = list(_watched(_passing(seed, thing, light)))
            found[thing].append(next((t - FALLS_S for t, n in answers if n and t > FALLS_S), None))
            calm = [n for t, n in answers if t <= FALLS_S]
            calm += [n for _, n in _watched(_standing(seed, light))]
            false_s += sum(bool(n) for n in calm) / FPS
            watched_s += len(calm) / FPS
            spells += sum(bool(b) and not a for a, b in pairwise(calm))
    except SimulationMissingError as error:
        no_data(str(error))
    report = Report("lying", arguments.seed, ("numpy", "jupedsim", "opencv-python"))
    for name, delays in found.items():
        seen = [delay for delay in delays if delay is not None]
        when = f"{np.median(seen):.1f} s" if seen else "-"
        report.row(f"{name}: found of {len(delays)}, median after", f"{len(seen)}, {when}", "")
        report.figures[f"{name}_runs"] = len(delays)
        report.figures[f"{name}_found"] = len(seen)
    report.row("watched with nothing lying", f"{watched_s:.0f} s", "")
    report.row("of these with an answer above 0", f"{false_s:.1f} s in {spells} spells", "0")
    report.figures |= {"empty_s": watched_s, "false_s": false_s, "false_spells": spells}
    report.publish(as_json=arguments.json)


def _passing(seed: int, thing: str, light: Light) -> Iterator[VirtualFrame]:
    """Pupils come down one half of the stair; on the other something lies from `FALLS_S` on."""
    rng = np.random.default_rng((seed, 0x1E))
    story = scenario_named("dismissal_stair")
    top, foot, *rest = story.flows[0].goals_xy_m
    half = (((top[0][0], 1.7), (top[0][0], 2.7)), ((foot[0][0], 1.7), (foot[0][0], 2.7)), *rest)
    flow = replace(story.flows[0], goals_xy_m=half, rate_per_s=0.4, stop_s=math.inf)
    story = replace(story, name="half_a_stair", flows=(flow,), duration_s=FALLS_S + WATCHED_S)
    parts = {item.name: getattr(story, item.name) for item in fields(story)}
    littered = _Littered(**parts, things=_thing(thing, rng))
    yield from _film(story, seed, light, 0.0, FALLS_S)
    yield from _film(littered, seed, light, FALLS_S, WATCHED_S)


def _standing(seed: int, light: Light) -> Iterator[VirtualFrame]:
    yield from _film(scenario_named("late_gate"), seed, light, 0.0, STANDS_S)


def _film(
    story: Scenario, seed: int, light: Light, start_s: float, lasts_s: float
) -> Iterator[VirtualFrame]:
    yield from virtual_frames(
        Shot(
            story,
            CAMERA,
            seed,
            light,
            fps=FPS,
            start_s=start_s,
            duration_s=lasts_s,
            oversample=1,
        )
    )


def _thing(kind: str, rng: np.random.Generator) -> tuple[Surface, ...]:
    """Blocks on the steps: the top of each lies level, its sides go down to the step."""
    x_m, y_m = float(rng.uniform(0.5, 2.6)), float(rng.uniform(0.25, 0.5))
    colour = tuple(float(v) for v in rng.uniform(0.05, 0.75, 3))

    def block(
        x0: float, y0: float, x1: float, y1: float, thick_m: float, tint: tuple[float, ...]
    ) -> tuple[Surface, ...]:
        low, high = 1.8 - 0.5 * x1, 1.8 - 0.5 * (x0 + x1) / 2.0
        return box(x0, y0, x1, y1, low, high + thick_m, (tint[0], tint[1], tint[2]))

    if kind == "bag":
        return block(x_m, y_m, x_m + 0.4, y_m + 0.35, 0.3, colour)
    if kind == "mattress":
        return block(x_m, y_m, x_m + 0.8, y_m + 1.1, 0.15, colour)
    trousers, skin = (0.15, 0.12, 0.12), (0.5, 0.6, 0.75)
    return (
        *block(x_m, y_m, x_m + 0.36, y_m + 0.55, 0.2, colour),
        *block(x_m + 0.04, y_m + 0.55, x_m + 0.32, y_m + 1.1, 0.14, trousers),
        *block(x_m + 0.08, y_m - 0.2, x_m + 0.28, y_m, 0.2, skin),
    )


def _watched(frames: Iterator[VirtualFrame]) -> Iterator[tuple[float, int | None]]:
    """Time and answer, picture by picture."""
    site = load_site(sample_school_directory())
    view = ZoneView.build(site.camera(CAMERA).camera, site.zones_of(CAMERA)[0])
    watch, rng = LyingWatch(view), np.random.default_rng(7)
    for frame in frames:
        truth = frame.truth
        seen = truth.in_picture & (truth.visible >= LEAST_VISIBLE)
        seen = seen & (rng.random(len(seen)) >= MISSED)
        at = FILM_STARTS_AT.plus(frame.t_s)
        heads = np.asarray(truth.heads_uv_px, dtype=np.float64)[seen]
        yield frame.t_s, watch.update(frame.image_bgr, heads, np.ones(2), at)


if __name__ == "__main__":
    main()
