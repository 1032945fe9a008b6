"""The pictures of a story: what each camera is shown, or what a network is stated to say of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from benchmarks.crowd_runs import BEGAN, Key
from benchmarks.spoilt_pictures import spoilt
from config import Site, load_site, sample_school_directory
from streams.pacing.sampling import Sampler
from streams.virtual.film import Shot, virtual_frames
from streams.virtual.scenarios import STEP_S, Scenario, sample_camera, scenario_named
from streams.virtual.simulate import Step, story
from vision.arrays import Float64Array
from vision.geometry.camera import Camera
from vision.observations import CrowdObservation, HeadPoints

# The demonstration packs its people as soon as the gate shuts: about ten seconds from gate to L3.
# No warning can lead that by a minute, so it has a row of its own and no part in the target.
DEMONSTRATION = ("blocked_stair", "cam-stair")
# Arrivals of each run, times those of the story: log-uniform, drawn from the seed.
SLOWEST, FASTEST = 0.6, 1.6
# Pictures are drawn as large as an analysed sub-stream is, with the calibrated lens's view; the
# network shrinks larger ones to this width anyhow.
DRAWN_PX = (960, 540)
UPSTREAM_PICTURES_PER_S = 1.25
MISSED_HEADS = 0.08
FALSE_HEADS_A_PICTURE = 0.03
HEAD_NOISE_PX = 2.0
FRAME_LOSS = 0.15
# Pictures as a worker that is short takes them, of a camera with one key picture a second.
BUNCHED = "bunched"
# Bodies are traced in this height, which is most of the cost. In these pictures hardly anybody in
# the judged zones is taller.
BODY_PX = 144


@cache
def sample_school() -> Site:
    return load_site(sample_school_directory())


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture of one camera: the truth on the plan, whether the story's gate is shut, and what
    the network says; `None` where it has not looked yet."""

    camera_id: str
    t_s: float
    closed: bool
    feet_xy_m: Float64Array
    speed_mps: Float64Array
    image_bgr: np.ndarray
    observation: CrowdObservation | None


def moments(key: Key, camera_ids: Sequence[str]) -> Iterator[Moment]:
    """The pictures of all cameras in order of time; the judged one's is the last of an instant."""
    scenario = scenario_named(key.story)
    if key.story != DEMONSTRATION[0]:
        scenario = scenario.at_rate(rate_factor(key.seed))
    rates = [key.pictures_per_s] + [UPSTREAM_PICTURES_PER_S] * (len(camera_ids) - 1)
    films: list[Iterator[Moment]] = []
    for camera_id, fps in zip(camera_ids, rates, strict=True):
        film = (
            _from_heads(scenario, key.seed, camera_id, _taken(fps, bunched=key.degraded == BUNCHED))
            if key.depth == "heads"
            else _from_pixels(scenario, key.seed, camera_id, fps)
        )
        whole = key.degraded in ("none", BUNCHED)
        films.append(film if whole else degraded(film, key.degraded, key.seed))
    return heapq.merge(*reversed(films), key=lambda moment: moment.t_s)


def _taken(fps: float, *, bunched: bool) -> Callable[[int], bool]:
    """Whether the picture of a step is analysed; asked of all in turn."""
    if not bunched:
        every = round(1.0 / (fps * STEP_S))
        return lambda number: number % every == 0
    sampler, second = Sampler(fps, bunched=True), round(1.0 / STEP_S)

    def taken(number: int) -> bool:
        at = BEGAN.plus(number * STEP_S)
        return sampler.wants(at, anew=number % second == 0) and sampler.take(at)

    return taken


def rate_factor(seed: int) -> float:
    """By how much the arrivals of this run differ from the story's."""
    rng = np.random.default_rng((seed, 0x5E))
    return float(np.exp(rng.uniform(np.log(SLOWEST), np.log(FASTEST))))


def _from_heads(
    scenario: Scenario, seed: int, camera_id: str, taken: Callable[[int], bool]
) -> Iterator[Moment]:
    camera = sample_school().camera(camera_id).camera
    rng = np.random.default_rng((seed, 0x7A, *camera_id.encode()))
    grey = np.full((camera.lens.height_px, camera.lens.width_px, 3), 110, np.uint8)
    for number, step in enumerate(story(scenario, seed)):
        if not taken(number):
            continue
        observation = stated_heads(scenario, step, camera, rng)
        feet = step.feet_xyz_m.reshape(-1, 3)[:, :2]
        yield Moment(camera_id, step.t_s, step.closed, feet, step.speed_mps, grey, observation)


def stated_heads(
    scenario: Scenario, step: Step, camera: Camera, rng: np.random.Generator
) -> CrowdObservation:
    """What a network with the misses, false heads and noise stated above says of one instant."""
    low_m, high_m = scenario.height_range_m
    # A person's height follows from the id, 11 cm less is the middle of the head.
    height_m = low_m + (high_m - low_m) * ((step.ids * 0.618034) % 1.0) - 0.11
    heads = step.feet_xyz_m.reshape(-1, 3) + np.outer(height_m, [0.0, 0.0, 1.0])
    uv_px, inside = camera.project(heads) if len(heads) else (np.zeros((0, 2)), np.zeros(0, bool))
    found = uv_px[inside & (rng.random(len(inside)) >= MISSED_HEADS)]
    found = found + rng.normal(0.0, HEAD_NOISE_PX, found.shape)
    size_px = [camera.lens.width_px, camera.lens.height_px]
    strays = rng.uniform([0, 0], size_px, (rng.poisson(FALSE_HEADS_A_PICTURE), 2))
    points = np.vstack([found, strays]).astype(np.float32)
    count = len(points)
    return CrowdObservation(
        HeadPoints(points, np.full(count, np.nan, np.float32), np.full(count, 0.9, np.float32)),
        None,
        MISSED_HEADS,
    )


def _from_pixels(scenario: Scenario, seed: int, camera_id: str, fps: float) -> Iterator[Moment]:
    """Pictures that nobody has looked at yet; `play` gives them to the network."""
    width_px, height_px = DRAWN_PX
    camera = sample_camera(camera_id, width_px=width_px, height_px=height_px)
    shot = Shot(scenario, camera_id, seed, fps=fps, camera=camera, oversample=1, body_px=BODY_PX)
    for drawn in virtual_frames(shot):
        feet = drawn.truth.feet_xyz_m.reshape(-1, 3)[:, :2]
        speed_mps = drawn.truth.speed_mps
        yield Moment(camera_id, drawn.t_s, drawn.closed, feet, speed_mps, drawn.image_bgr, None)


def degraded(moments: Iterator[Moment], how: str, seed: int) -> Iterator[Moment]:
    """The same moments through rain-like noise, dim light, lost frames or a half-covered lens."""
    rng = np.random.default_rng((seed, 0xDE))
    for moment in moments:
        if how == "frame_loss" and rng.random() < FRAME_LOSS:
            continue
        yield replace(moment, image_bgr=spoilt(moment.image_bgr, how, rng))


__all__ = [
    "BODY_PX",
    "BUNCHED",
    "DEMONSTRATION",
    "Moment",
    "moments",
    "rate_factor",
    "sample_school",
    "stated_heads",
]
