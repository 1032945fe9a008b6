"""Who meets on a landing, and who only turns or merges there: is counter-flow named rightly?

People walk over a level landing of 3.2 x 3.2 m in the simulation of the virtual campus. A stated
share of their heads is missed, as in `benchmarks.crowd_truth`. Truth is the story itself:

  turn       a class comes from the flight above, turns about, and goes on down: nobody meets
  merge_N    two streams, N degrees apart, leave by one flight: nobody meets
  merge_180  two corridors face each other beside the flight that both leave by: nobody passes
  pass       two classes on one line, one each way: they meet
  pass_turn  one class turns about and goes down, another comes up the same flights: they meet
  pass_90    one comes from the corridor and goes down, another comes up and turns aside: they meet

The zone is the landing, or has 2 m of the corridors and flights too (`wide`), the exit inside.
`--axis drawn` gives it the direction of its exit; `none` leaves it out, as site files may.

    python -m benchmarks.landing_flows --seeds 2 --fps 1,1.25,2.5 --json
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from benchmarks.crowd_moments import stated_heads
from benchmarks.crowd_runs import BEGAN
from benchmarks.report import Report, no_data, parser
from config.profiles import load_profiles
from streams.virtual.scenarios import STEP_S, Flow, Ground, Scenario
from streams.virtual.simulate import SimulationMissingError, story
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Line, Zone, ZoneType
from vision.observations import Frame
from vision.scene import SceneAnalyser

_SIDE_M = 3.2
_LANDING = box(0.0, 0.0, _SIDE_M, _SIDE_M)
CAMERA = Camera(Pose(-4.5, 1.6, 4.4, 0.0, 32.0), Lens.from_hfov(1280, 720, 80.0))
_GROUND = (
    Ground((0.0, 0.0, _SIDE_M, _SIDE_M), Plane(), speed_share=0.8),
    Ground((-20.0, -20.0, 20.0, 20.0), Plane(), speed_share=0.65),
)
_LASTS_S, _COME_S = 75.0, 55.0
# A class that comes down, and the half of it that comes from each of two sides.
RATES_PER_S = {"crowded": 1.5, "packed": 2.4}
ZONES_ARMS_M = {"landing": 0.0, "wide": 2.0}
_Runs = dict[float, list[float | None]]
_Pair = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class LandingStory:
    """Streams over the landing with their shares of all who come, and the exit that is drawn."""

    name: str
    walkable_xy_m: Polygon
    flows: tuple[tuple[Flow, float], ...]
    exit: Line
    out_deg: float
    meet: bool

    def scenario(self, rate_per_s: float) -> Scenario:
        flows = [replace(flow, rate_per_s=share * rate_per_s) for flow, share in self.flows]
        return Scenario(
            self.name, "landing", self.walkable_xy_m, _GROUND, tuple(flows), _LASTS_S, ()
        )

    def zone(self, arms_m: float, *, axis: bool) -> Zone:
        """The landing with so much of each corridor and flight; `axis` is that of its exit."""
        wide = _LANDING.buffer(arms_m, join_style="mitre").intersection(self.walkable_xy_m)
        area = Polygon(shapely.get_coordinates(wide))
        return Zone(
            "landing",
            "f1",
            ZoneType.STAIRS,
            area,
            head_height_m=1.35,
            width_m=1.5,
            axis_deg=self.out_deg if axis else None,
            exits=(self.exit,),
        )


def _flow(entry: tuple[float, float, float, float], *goals: _Pair) -> Flow:
    return Flow(entry, goals, 1.0, stop_s=_COME_S)


def _joined(*parts: BaseGeometry) -> Polygon:
    return Polygon(unary_union(parts).buffer(0.02, join_style="mitre").exterior)


def _upper_and_lower() -> tuple[LandingStory, LandingStory]:
    """Two flights side by side: a class turns about between them."""
    area = _joined(_LANDING, box(3.1, 1.7, 9.0, 3.2), box(3.1, 0.0, 9.0, 1.5))
    down = Line("down", (_SIDE_M, 0.0), (_SIDE_M, 1.5))

    def way(inner: float, outer: float) -> tuple[_Pair, ...]:
        """From the upper flight to the lower one; lanes from the wall between to the outer one."""
        return (
            ((3.2, 1.7 + inner), (3.2, 1.7 + outer)),
            ((2.7 - inner, 1.6), (2.2 - outer * 1.25, 1.6)),
            ((3.2, 1.5 - inner), (3.2, 1.5 - outer)),
            ((8.6, 1.5 - inner), (8.6, 1.5 - outer)),
        )

    whole = _flow((8.2, 1.9, 8.9, 3.0), *way(0.25, 1.25))
    outer = _flow((8.2, 2.5, 8.9, 3.0), *way(0.85, 1.3))
    top = ((8.6, 1.95), (8.6, 2.25))
    inner = _flow((8.2, 0.9, 8.9, 1.35), *reversed(way(0.2, 0.65)[:3]), top)
    return (
        LandingStory("turn", area, ((whole, 1.0),), down, 0.0, meet=False),
        LandingStory("pass_turn", area, ((outer, 0.5), (inner, 0.5)), down, 0.0, meet=True),
    )


_EAST = Line("down", (_SIDE_M, 0.2), (_SIDE_M, 3.0))
_OUT = ((_SIDE_M, 0.5), (_SIDE_M, 2.7))
_OFF = ((8.6, 0.5), (8.6, 2.7))
_FLIGHT = box(3.1, 0.2, 9.0, 3.0)
_WEST = box(-5.5, 0.2, 0.1, 3.0)
_EASTERN = box(3.1, 0.2, 8.7, 3.0)


def _merge(angle_deg: int) -> LandingStory:
    """From the west and from a corridor whose people walk `angle_deg` off that direction."""
    turned = math.radians(180 - angle_deg)
    out = np.array([math.cos(turned), math.sin(turned)])
    across = np.array([-out[1], out[0]])
    centre = np.array([1.9 if angle_deg < 90 else 1.1 if angle_deg > 90 else 1.5, 1.6])
    far, near = centre + 6.5 * out, centre + 2.2 * out
    lane = LineString([centre, far]).buffer(1.1, cap_style="flat")
    area = _joined(_LANDING, _FLIGHT, _WEST, lane.difference(box(3.2, -9, 9, 3.2)))
    x, y = far - 0.8 * out
    entry = (x - 0.5, y - 0.5, x + 0.5, y + 0.5)
    ends = near + 0.8 * across, near - 0.8 * across
    aside: _Pair = tuple((float(end[0]), float(end[1])) for end in ends)  # type: ignore[assignment]
    flows = (_flow((-5.2, 0.5, -4.4, 2.7), _OUT, _OFF), 0.5), (_flow(entry, aside, _OUT, _OFF), 0.5)
    return LandingStory(f"merge_{angle_deg}", area, flows, _EAST, 0.0, meet=False)


def _merge_180() -> LandingStory:
    south = Line("down", (0.2, 0.0), (3.0, 0.0))
    area = _joined(_LANDING, box(0.2, -5.5, 3.0, 0.1), _WEST, _EASTERN)
    from_west = ((0.4, 0.0), (1.5, 0.0)), ((0.4, -5.0), (1.5, -5.0))
    from_east = ((2.8, 0.0), (1.7, 0.0)), ((2.8, -5.0), (1.7, -5.0))
    flows = (
        (_flow((-5.2, 0.5, -4.4, 2.7), *from_west), 0.5),
        (_flow((7.6, 0.5, 8.4, 2.7), *from_east), 0.5),
    )
    return LandingStory("merge_180", area, flows, south, -90.0, meet=False)


def _meeting() -> tuple[LandingStory, LandingStory]:
    """One stream goes out to the east by the exit, one comes in by it; each keeps to its right."""
    north = box(0.2, 3.1, 3.0, 9.0)
    out = (((3.2, 0.4), (3.2, 1.4)), ((8.6, 0.4), (8.6, 1.4)))
    into = (3.2, 1.8), (3.2, 2.8)
    entry = (8.0, 1.9, 8.8, 2.8)
    going = _flow((-5.2, 0.5, -4.4, 1.4), *out), 0.5
    straight = _flow(entry, into, ((0.0, 1.8), (0.0, 2.8)), ((-5.0, 1.8), (-5.0, 2.8))), 0.5
    aside = _flow(entry, into, ((1.8, 3.2), (2.8, 3.2)), ((1.8, 8.5), (2.8, 8.5))), 0.5
    area = _joined(_LANDING, _FLIGHT, _WEST)
    return (
        LandingStory("pass", area, (going, straight), _EAST, 0.0, meet=True),
        LandingStory("pass_90", _joined(area, north), (going, aside), _EAST, 0.0, meet=True),
    )


STORIES = (
    _upper_and_lower()[0],
    _merge(60),
    _merge(90),
    _merge(120),
    _merge_180(),
    *_meeting(),
    _upper_and_lower()[1],
)


def named_s(of: LandingStory, crowd: str, seed: int, fps: float, zone: Zone) -> float | None:
    """Show one run to the measuring core: when counter-flow was first named, `None` if never."""
    scenario = of.scenario(RATES_PER_S[crowd])
    analyser = SceneAnalyser(
        cameras={"cam": CAMERA},
        zones=[zone],
        zone_cameras={zone.id: ("cam",)},
        profiles=load_profiles(),
    )
    rng = np.random.default_rng((seed, 0x1A))
    grey = np.full((CAMERA.lens.height_px, CAMERA.lens.width_px, 3), 110, np.uint8)
    every = round(1.0 / (fps * STEP_S))
    for number, step in enumerate(story(scenario, seed)):
        if number % every:
            continue
        frame = Frame("cam", number, BEGAN.plus(step.t_s), grey)
        (reading,) = analyser.observe(frame, stated_heads(scenario, step, CAMERA, rng))
        if any(reason.rule == "counter_flow" for reason in reading.reasons):
            return step.t_s
    return None


def main() -> None:
    options = parser(__doc__ or "", seed=9001)
    options.add_argument("--seeds", type=int, default=2, help="runs a story and crowd")
    options.add_argument("--fps", default="1,1.25,2.5,5", help="pictures a second, with commas")
    options.add_argument("--story", default=None, help="only these stories, with commas between")
    options.add_argument("--axis", choices=("drawn", "none"), default="drawn")
    arguments = options.parse_args()
    asked = None if arguments.story is None else arguments.story.split(",")
    stories = [one for one in STORIES if asked is None or one.name in asked]
    if not stories or (asked is not None and len(stories) < len(asked)):
        options.error(f"there are {', '.join(one.name for one in STORIES)}")
    rates = [float(fps) for fps in arguments.fps.split(",")]
    report = Report("landing_flows", arguments.seed, ("numpy", "jupedsim"))
    report.columns = ("story", "zone", *(f"named at {fps:g} a second" for fps in rates))
    everything: dict[tuple[str, bool], _Runs] = defaultdict(lambda: {fps: [] for fps in rates})
    try:
        for of, (name, arms_m) in product(stories, ZONES_ARMS_M.items()):
            zone = of.zone(arms_m, axis=arguments.axis == "drawn")
            seeds = range(arguments.seed, arguments.seed + arguments.seeds)
            runs: _Runs = {fps: [] for fps in rates}
            for crowd, seed, fps in product(RATES_PER_S, seeds, rates):
                when_s = named_s(of, crowd, seed, fps, zone)
                runs[fps].append(when_s)
                everything[name, of.meet][fps].append(when_s)
            _add(report, of.name, name, runs)
    except SimulationMissingError as error:
        no_data(str(error))
    for (name, meet), runs in sorted(everything.items()):
        _add(report, "where people meet" if meet else "where nobody meets", name, runs)
    report.publish(as_json=arguments.json)


def _add(report: Report, label: str, zone: str, runs: _Runs) -> None:
    cells = []
    for fps, own in runs.items():
        when_s = [one for one in own if one is not None]
        after = f", after {np.median(when_s):.0f} s" if when_s else ""
        cells.append(f"{len(when_s)} of {len(own)}{after}")
        key = f"{label}_{zone}_at_{fps:g}".replace(" ", "_").replace(".", "_")
        report.figures[f"counter_flow_runs_{key}"] = len(when_s)
    report.row(label, zone, *cells)


if __name__ == "__main__":
    main()
