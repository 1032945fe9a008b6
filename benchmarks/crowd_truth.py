"""From people to level, against the exact truth of the virtual campus.

Two depths:
  heads   heads projected through the real camera, with misses, false heads and pixel noise that
          are stated here: judges geometry, tracking, flow and rules without a network.
  pixels  rendered pictures through the shipped network: judges the whole road.

Truth: the kernel density of the true positions, and the level that it has by threshold and dwell
alone. Lead time: from our first L2 to the truth's L3, misses count as 0. Seeds 0 to 9,999 are never
trained on.

The analyser is shown the story's own camera and, where the story is on the stair, the corridor's
above it too (`UPSTREAM`), which is looked at less often, as calm cameras are. The doors of the
story have contacts that tell `CONTACT_DELAY_S` late; `--no-contacts` judges the same measurements
as if there were none.

Drawing is most of the cost of a run with pixels, so the published ones look 1.25 times a second
with both cameras, less often than a stair is looked at in service: the harder case for a warning.

Arrival rates differ from run to run (0.6 to 1.6 times the story's, from the seed). A waiting crowd
closes up with time (`Closure.room_m`); that is our model, and the lead time depends on it.

    python -m benchmarks.crowd_truth --depth heads --seeds 20 --jobs 2 --json
    python -m benchmarks.crowd_truth --depth heads --degraded bunched
    python -m benchmarks.crowd_truth --depth pixels --seeds 20 --fps 1.25 --results runs.jsonl
    python -m benchmarks.crowd_truth --depth pixels --seeds 1 --story late_gate --degraded dim
    python -m benchmarks.crowd_truth --depth pixels --results runs.jsonl --also xiaoan-heads-2
    python -m benchmarks.crowd_truth --results runs.jsonl --minutes 0 --no-contacts

Runs go seed by seed through the stories; after `--minutes` no new one starts, and the report says
how many runs were done. With `--results` each run is a line of that file as soon as it is done,
with all that was measured: a bench that was broken off goes on there, `--minutes 0` reports what
there is, and changed rules judge the same measurements without new pictures. `--also` shows the
same pictures to a second network and keeps its runs too, to be reported with `--model`. Rules and
limits were set with seeds from 9,001 on, never with these. `bunched`: pictures as a worker that is
short of time takes them (decision 15).
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import shapely

from benchmarks.crowd_moments import BUNCHED, DEMONSTRATION, Moment, moments, sample_school
from benchmarks.crowd_runs import BEGAN, Key, Recording, read_recordings
from benchmarks.crowd_verdict import (
    confidence_rows,
    density_rows,
    doubt_rows,
    lead_rows,
    level_rows,
    speed_rows,
)
from benchmarks.report import EXIT_TARGET_MISSED, Report, keep_line, no_data, parser
from benchmarks.spoilt_pictures import DEGRADATIONS
from config import Site
from config.profiles import load_profiles
from models import load_head_network
from models.registry import default_head_network_id, find_card
from streams.site_scene import build_analyser
from streams.virtual.scenarios import scenario_named
from streams.virtual.simulate import SimulationMissingError
from vision.crowd.density import density_peak, kernel_field
from vision.geometry.grid import PlanGrid
from vision.geometry.zones import ZoneType
from vision.observations import Frame, HeadNetwork
from vision.risk.doors import DoorState, Leaf
from vision.risk.profiles import ZoneProfile

STORIES = (
    ("late_gate", "cam-stair"),
    ("half_leaf", "cam-stair"),
    ("shut_gate", "cam-gate"),
    ("dismissal_stair", "cam-stair"),
    ("bidirectional_stair", "cam-stair"),
    ("two_way_gate", "cam-gate"),
    ("quiet_corridor", "cam-corridor3"),
)
# What is seen of those who come to a story's zone, and how often.
UPSTREAM = {"cam-stair": "cam-upper"}
# A contact is polled every 150 ms and counts after two equal readings; the worker asks once a
# second.
CONTACT_DELAY_S = 2.0
FIRST_SEED = 101
PICTURES_PER_S = 5.0
WATCHED_DOORS = ("stair-leaf-wide", "stair-leaf-narrow", "exit-leaf", "gate-leaf")
# A run ends when everybody has been gone for this long: empty pictures only flatter.
GONE_S = 20.0


def main() -> None:
    options = parser(__doc__ or "", seed=FIRST_SEED)
    options.add_argument("--depth", choices=("heads", "pixels"), default="heads")
    options.add_argument("--seeds", type=int, default=4, help="runs a story")
    options.add_argument("--seconds", type=float, default=None, help="cut each story")
    options.add_argument("--story", default=None, help="only these stories, with commas between")
    options.add_argument("--degraded", choices=(*DEGRADATIONS, BUNCHED), default="none")
    options.add_argument("--fps", type=float, choices=(1.0, 1.25, 2.5, 5.0), default=PICTURES_PER_S)
    options.add_argument("--jobs", type=int, default=1, help="runs at a time")
    options.add_argument("--minutes", type=float, default=None, help="start no run after these")
    options.add_argument("--results", type=Path, default=None, help="a line a run; goes on there")
    options.add_argument("--no-contacts", action="store_true", help="no door has a contact")
    options.add_argument("--model", default=default_head_network_id(), help="the head network")
    options.add_argument("--also", default=None, help="a network whose runs are only kept")
    arguments = options.parse_args()
    if arguments.also is not None and (arguments.results is None or arguments.depth != "pixels"):
        options.error("--also asks for --depth pixels and for --results, where its runs are kept")
    if arguments.degraded == BUNCHED and arguments.depth != "heads":
        options.error(f"--degraded {BUNCHED} asks for --depth heads")
    known = (*STORIES, DEMONSTRATION)
    named = None if arguments.story is None else arguments.story.split(",")
    stories = [pair for pair in known if named is None or pair[0] in named]
    if not stories or (named is not None and len(stories) < len(named)):
        options.error(f"no story {arguments.story}; there are {', '.join(n for n, _ in known)}")
    try:
        recordings = played(stories, arguments)
    except SimulationMissingError as error:
        no_data(str(error))
    if not recordings:
        no_data("no run was done in this time")
    if published(recordings, arguments):
        raise SystemExit(EXIT_TARGET_MISSED)


def published(recordings: list[Recording], arguments: argparse.Namespace) -> bool:
    """Print the report; whether a target was missed."""
    report = Report("crowd_truth", arguments.seed, ("numpy", "jupedsim"))
    profiles = {name: _profile_of(camera_id) for name, camera_id in (*STORIES, DEMONSTRATION)}
    contacts = not arguments.no_contacts
    everything = [
        (one.judged(profiles[one.key.story], contacts=contacts), profiles[one.key.story])
        for one in recordings
    ]
    runs = [run for run, _ in everything]
    counts = Counter(run.key.story for run in runs)
    report.figures |= {
        "depth": arguments.depth,
        "degraded": arguments.degraded,
        "door_contacts": contacts,
        "pictures_per_s": arguments.fps,
        "network": _asked_network(arguments),
        "runs": len(runs),
        "runs_by_story": dict(counts),
    }
    report.row("runs, pictures a second", f"{len(runs)}, {arguments.fps:g}", "")
    report.row("doors with contacts", "yes" if contacts else "no", "")
    report.row("runs a story", ", ".join(f"{n} {k}" for n, k in counts.items()), "")
    judged = [(run, of) for run, of in everything if run.key.story != DEMONSTRATION[0]]
    missed_target = density_rows(report, everything) | confidence_rows(report, everything)
    doubt_rows(report, everything)
    speed_rows(report, everything)
    if judged:
        missed_target |= level_rows(report, judged)
    lead_rows(report, everything, demonstration=DEMONSTRATION[0])
    report.publish(as_json=arguments.json)
    return missed_target


@cache
def _school() -> tuple[Site, Mapping[ZoneType, ZoneProfile]]:
    return sample_school(), load_profiles()


def _asked_network(arguments: argparse.Namespace) -> str:
    """The network with its weights' mark; empty where heads are stated and none looks."""
    return find_card(arguments.model).versioned_id if arguments.depth == "pixels" else ""


@cache
def _network(versioned_id: str) -> HeadNetwork:
    return load_head_network(versioned_id.partition("@")[0], threads=1)


def _profile_of(camera_id: str) -> ZoneProfile:
    site, profiles = _school()
    return profiles[site.zones_of(camera_id)[0].type]


def played(stories: Sequence[tuple[str, str]], arguments: argparse.Namespace) -> list[Recording]:
    """All runs, seed by seed, `--jobs` at a time, as far as `--minutes` carries."""
    networks = [_asked_network(arguments)]
    if arguments.also is not None:
        networks.append(find_card(arguments.also).versioned_id)
    first = Key("", 0, arguments.depth, arguments.degraded, arguments.fps)
    wanted = {
        replace(first, story=story, seed=seed): camera_id
        for seed in range(arguments.seed, arguments.seed + arguments.seeds)
        for story, camera_id in stories
    }
    known = read_recordings(arguments.results)
    runs = [run for run in known if run.key in {replace(k, network=networks[0]) for k in wanted}]
    done = {run.key for run in known}
    left = []
    for key, camera_id in wanted.items():
        keys = [replace(key, network=network) for network in networks]
        missing = [one for one in keys if one not in done]
        if missing:
            left.append((missing, camera_id))
    ends = None if arguments.minutes is None else time.monotonic() + 60.0 * arguments.minutes
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for number in range(0, len(left), arguments.jobs):
            if ends is not None and time.monotonic() >= ends:
                break
            batch = left[number : number + arguments.jobs]
            cut = [arguments.seconds] * len(batch)
            for played_now in pool.map(play, *zip(*batch, strict=True), cut):
                kept = [_kept(run, arguments.results) for run in played_now]
                runs += [run for run in kept if run.key.network == networks[0]]
    return runs


def _kept(run: Recording, path: Path | None) -> Recording:
    if path is not None:
        keep_line(path, run.as_line())
    return run


class Judge:
    """The measuring core over a story, with one network's eyes or with stated heads."""

    def __init__(self, key: Key, camera_ids: Sequence[str]) -> None:
        site, profiles = _school()
        self._zone = site.zones_of(camera_ids[0])[0]
        self._camera_id = camera_ids[0]
        self._analyser = build_analyser(site, camera_ids, profiles, "", leaves=_leaves(site))
        self._grid = PlanGrid.over(self._zone.polygon_xy_m)
        self._seen = np.ones(self._grid.shape, dtype=np.bool_)
        self.run = Recording(key, self._zone.id)

    def see(self, number: int, moment: Moment, doors: Mapping[str, DoorState]) -> None:
        self._analyser.note_doors(doors)
        frame = Frame(moment.camera_id, number, BEGAN.plus(moment.t_s), moment.image_bgr)
        observation = moment.observation
        if observation is None:
            network = _network(self.run.key.network)
            observation = network.observe(moment.image_bgr, self._analyser.region(frame))
        (reading,) = self._analyser.observe(frame, observation)
        if moment.camera_id != self._camera_id or reading.measurement is None:
            return
        xy = moment.feet_xy_m
        inside = shapely.contains_xy(self._zone.polygon_xy_m, xy[:, 0], xy[:, 1])
        field = kernel_field(self._grid, xy[inside])
        truth = density_peak(self._grid, field, self._seen).density_per_m2
        self.run.add(moment.t_s, truth, moment.speed_mps[inside], reading.measurement)


def play(keys: Sequence[Key], camera_id: str, seconds: float | None = None) -> list[Recording]:
    """Show one story to the measuring core; what it measures in the zone of `camera_id`.

    The keys differ in their network alone: all of them are shown the same pictures.
    """
    cameras = [camera_id, *filter(None, [UPSTREAM.get(camera_id)])]
    judges = [Judge(key, cameras) for key in keys]
    doors = Contacts(keys[0].story)
    last_s: float | None = None
    for number, moment in enumerate(moments(keys[0], cameras)):
        if moment.camera_id == camera_id:
            last_s = moment.t_s if len(moment.feet_xy_m) else last_s
        gone = last_s is not None and moment.t_s - last_s > GONE_S
        if gone or (seconds is not None and moment.t_s > seconds):
            break
        told = doors.told(moment.t_s, closed=moment.closed)
        for judge in judges:
            judge.see(number, moment, told)
    return [judge.run for judge in judges]


def _leaves(site: Site) -> Mapping[str, Sequence[Leaf]]:
    """Every door of the sample school has a contact here."""
    return {
        floor.id: [Leaf(door.id, door.start_xy_m, door.end_xy_m) for door in floor.doors]
        for floor in site.floors
    }


class Contacts:
    """What the contacts of a story's doors say: how its doors stand, a little later."""

    def __init__(self, name: str) -> None:
        scenario = scenario_named(name)
        self._always = ("stair-leaf-wide",) if scenario.shut_leaf_y_m is not None else ()
        at_gate = scenario.floor_id == "yard"
        self._gate = ("gate-leaf",) if at_gate else ("stair-leaf-wide", "stair-leaf-narrow")
        self._closed_s: float | None = None

    def told(self, t_s: float, *, closed: bool) -> dict[str, DoorState]:
        """The state of every door with a contact at `t_s`."""
        if closed and self._closed_s is None:
            self._closed_s = t_s
        late = self._closed_s is not None and t_s - self._closed_s >= CONTACT_DELAY_S
        shut = (*self._always, *(self._gate if late else ()))
        states = dict.fromkeys(WATCHED_DOORS, DoorState.OPEN)
        return states | dict.fromkeys(shut, DoorState.SHUT)


if __name__ == "__main__":
    main()
