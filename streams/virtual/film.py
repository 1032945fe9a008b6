"""Scenarios as pictures over time: frame by frame, or as a film with its truth beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

from streams.virtual.bodies import PHONE, PX_PER_HEIGHT, STAND, WALK_POSES
from streams.virtual.looks import Look, draw_look
from streams.virtual.render import Crowd, Light, Renderer
from streams.virtual.scenarios import STEP_S, Scenario, UnknownScenarioError, sample_camera
from streams.virtual.simulate import Step, story
from streams.virtual.sprites import Wardrobe
from streams.virtual.truth import TruthRows, truth_writer
from vision.arrays import UInt8Array
from vision.errors import VisionError
from vision.geometry.camera import Camera
from vision.instants import Utc

FILM_STARTS_AT = Utc.from_iso("2026-03-02T04:00:00+00:00")
_STRIDE_OF_HEIGHT = 0.85
_SLOWEST_WALK_MPS = 0.12
_SWAY_M = 0.012
_GOP_S = 2.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Shot:
    """What is filmed and how.

    Attributes:
        scenario: the story.
        camera_id: a camera of the sample school that sees its floor; `None` for the first one.
        seed: all chance comes from it; see `streams.virtual.training_set` for the ranges.
        light: `None` for the scenario's own.
        fps: pictures a second; 25 divided by a whole number.
        start_s: the scenario's first seconds that are simulated but not filmed.
        duration_s: seconds to film; `None` for the rest of the scenario.
        camera: replaces the pose and lens of `camera_id`.
        oversample: 2 draws the empty scene at twice the size, which looks better and takes longer.
        body_px: height in which bodies are traced before they are scaled into the picture.
    """

    scenario: Scenario
    camera_id: str | None = None
    seed: int = 1
    light: Light | None = None
    fps: float = 12.5
    start_s: float = 0.0
    duration_s: float | None = None
    camera: Camera | None = None
    oversample: int = 2
    body_px: int = PX_PER_HEIGHT

    @property
    def filmed_by(self) -> str:
        """The camera's id.

        Raises:
            UnknownScenarioError: when that camera does not see the scenario.
        """
        known = self.scenario.camera_ids
        chosen = self.camera_id or known[0]
        if chosen not in known and self.camera is None:
            raise UnknownScenarioError(
                f"camera {chosen} does not see scenario {self.scenario.name}; "
                f"these do: {', '.join(known)}"
            )
        return chosen

    @property
    def lit_by(self) -> Light:
        return self.light or Light(self.scenario.light)

    @property
    def steps_a_frame(self) -> int:
        """Raises `VisionError` when `fps` does not fit the simulation's step."""
        steps = round(1.0 / (STEP_S * self.fps))
        if steps < 1 or abs(steps * STEP_S * self.fps - 1.0) > 1e-6:
            raise VisionError(f"{self.fps:g} pictures a second do not divide 25; use 25, 12.5 or 5")
        return steps

    @property
    def frames(self) -> int:
        """How many pictures the shot has."""
        rest_s = self.scenario.duration_s - self.start_s
        seconds = max(0.0, min(self.duration_s or math.inf, rest_s))
        return math.floor(seconds * self.fps + 1e-9)


@dataclass(frozen=True, slots=True)
class VirtualFrame:
    """One picture, (height, width, 3) uint8 BGR, its time since the start, and the truth.

    `closed` tells whether the scenario's gate is shut.
    """

    index: int
    t_s: float
    image_bgr: UInt8Array
    truth: TruthRows
    closed: bool = False


def virtual_frames(shot: Shot) -> Iterator[VirtualFrame]:
    """Simulate and draw as it is asked for; equal shots give equal bytes.

    Films of the same story in one process share its simulation.

    Raises:
        SimulationMissingError, UnknownScenarioError, VisionError: at the first frame.
    """
    yield from Film(shot).frames()


class Film:
    """A shot whose empty place is drawn once, however often its frames are played.

    Not thread-safe: one reader at a time.

    Raises:
        UnknownScenarioError, VisionError: for a shot that cannot be filmed.
    """

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self._steps_a_frame = shot.steps_a_frame
        camera = shot.camera or sample_camera(shot.filmed_by)
        wardrobe = Wardrobe(lamp_at_camera=shot.lit_by is Light.IR, px_per_height=shot.body_px)
        # Both states of the gate are drawn before the first picture: a live camera cannot wait
        # later.
        states = (False, True) if shot.scenario.closure else (False,)
        self._renderers = {
            closed: Renderer(
                shot.scenario.stage(closed=closed),
                camera,
                shot.lit_by,
                shot.seed,
                oversample=shot.oversample,
                wardrobe=wardrobe,
            )
            for closed in states
        }

    def frames(self) -> Iterator[VirtualFrame]:
        """The frames from the first on; each call plays them anew and gives equal bytes.

        Raises:
            SimulationMissingError: at the first frame.
        """
        shot, cast = self._shot, _Cast(self._shot)
        skipped = round(shot.start_s / STEP_S)
        for number, step in enumerate(islice(story(shot.scenario, shot.seed), skipped, None)):
            index, rest = divmod(number, self._steps_a_frame)
            if rest:
                continue
            if index >= shot.frames:
                return
            crowd = cast.crowd(step)
            rendered = self._renderers[step.closed].draw(crowd, index)
            heads = rendered.heads
            truth = TruthRows(
                index, step.t_s, step.ids, crowd.feet_xyz_m, crowd.heads_xyz_m[:, 2],
                step.speed_mps, heads.uv_px, heads.size_px, heads.visible, heads.in_picture,
            )  # fmt: skip
            yield VirtualFrame(index, step.t_s, rendered.image_bgr, truth, step.closed)


class _Cast:
    """Gives every simulated person a look and a posture."""

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self._looks: dict[int, Look] = {}

    def crowd(self, step: Step) -> Crowd:
        looks = tuple(self._look(int(i)) for i in step.ids)
        heights = np.array([look.height_m for look in looks])
        stride_m = _STRIDE_OF_HEIGHT * heights
        phase = np.floor((step.path_m / np.maximum(stride_m, 0.1) % 1.0) * WALK_POSES)
        waiting = np.where(step.ids % 4 == 0, PHONE, STAND)
        pose = np.where(step.speed_mps > _SLOWEST_WALK_MPS, phase, waiting).astype(np.int64)
        # Nobody stands like a statue: heads sway by about a centimetre.
        beat = 2 * np.pi * (0.11 + 0.013 * (step.ids % 7)) * step.t_s + 1.7 * step.ids
        feet = step.feet_xyz_m.copy()
        feet[:, 0] += _SWAY_M * np.sin(beat)
        feet[:, 1] += _SWAY_M * np.cos(1.3 * beat)
        heading = step.heading_rad + 0.25 * np.sin(0.6 * beat) * (step.speed_mps < 0.3)
        return Crowd(step.ids, feet, heading, pose, looks)

    def _look(self, person: int) -> Look:
        if person not in self._looks:
            rng = np.random.default_rng((self._shot.seed, 0x100C, person))
            scenario = self._shot.scenario
            self._looks[person] = draw_look(
                rng, height_range_m=scenario.height_range_m, uniform=scenario.uniform
            )
        return self._looks[person]


def render_film(
    shot: Shot, out_mp4: Path, truth_parquet: Path | None, *, progress: Progress | None = None
) -> int:
    """Encode a shot as H.264 (yuv420p, a key picture every 2 s) with its truth beside it.

    The film's creation time is `FILM_STARTS_AT`, so that its pictures have capture times.

    Args:
        progress: called with frames done and frames in all.

    Returns:
        The number of frames.

    Raises:
        SimulationMissingError, UnknownScenarioError, VisionError: see `virtual_frames`.
        OSError: when a file cannot be written.
    """
    about = {
        "scenario": shot.scenario.name,
        "camera": shot.filmed_by,
        "seed": str(shot.seed),
        "light": shot.lit_by.value,
        "fps": f"{shot.fps:g}",
        "starts_at": FILM_STARTS_AT.iso(),
    }
    part = out_mp4.with_name(out_mp4.name + ".part")
    if truth_parquet is None:
        frames = _encode(virtual_frames(shot), shot, part, None, progress)
    else:
        with truth_writer(truth_parquet, about) as rows:
            frames = _encode(virtual_frames(shot), shot, part, rows.add, progress)
    part.replace(out_mp4)
    return frames


def _encode(
    frames: Iterator[VirtualFrame],
    shot: Shot,
    path: Path,
    keep: Callable[[TruthRows], None] | None,
    progress: Progress | None,
) -> int:
    rate = Fraction(shot.fps).limit_denominator(100)
    lens = (shot.camera or sample_camera(shot.filmed_by)).lens
    done = 0
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["creation_time"] = FILM_STARTS_AT.iso()
        stream = container.add_stream("libx264", rate=rate, options={"crf": "21", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = lens.width_px, lens.height_px, "yuv420p"
        stream.gop_size = max(1, round(_GOP_S * shot.fps))
        for frame in frames:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(frame.image_bgr, format="bgr24"))
            )
            if keep is not None:
                keep(frame.truth)
            done += 1
            if progress is not None:
                progress(done, shot.frames)
        container.mux(stream.encode())
    return done


__all__ = [
    "FILM_STARTS_AT",
    "Progress",
    "Shot",
    "VirtualFrame",
    "render_film",
    "virtual_frames",
]
