"""How far a head network's counts and points are from the truth, on labelled pictures.

Three counts are judged side by side: the density map's, the number of points, and `combined`,
the rule of `combined_count`. Normalised error is the mean over pictures with people of
|count - truth| / truth, as in the NWPU-Crowd benchmark (Wang et al., 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.average_precision import ScoredBoxes, average_precision
from models.datasets import (
    Sample,
    is_held_out,
    read_brt,
    read_rendered,
    read_scut,
    scut_boxes_px,
)
from models.errors import DatasetError
from models.training.batches import HELD_OUT_PERCENT, read_training_samples
from vision.arrays import Float32Array, UInt8Array
from vision.observations import CrowdObservation, HeadNetwork, HeadPoints

COUNT_BINS = ((0, 5), (5, 15), (15, 30), (30, 60), (60, 1_000_000))
RULES = ("density", "points", "combined")
_HEAD_WIDTH_TO_HEIGHT = 0.87  # median of the boxes in every seventh SCUT-HEAD training picture
_LEAST_TRUTH_FOR_RATIO = 5
_PACKED_GAP_HEADS = 1.6


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Labelled pictures to be judged on.

    Attributes:
        name: as on the command line.
        samples: pictures with head points in pixels or fractions.
        boxes_of: head boxes (N, 4) in pixels of a sample of given width and height, where the
            set has boxes.
    """

    name: str
    samples: tuple[Sample, ...]
    boxes_of: Callable[[Sample, int, int], Float32Array] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture: truth, the three counts, and points and boxes for AP50."""

    camera: str
    truth: int
    counts: Mapping[str, float]
    heads: HeadPoints
    boxes_xyxy_px: Float32Array | None


@dataclass(frozen=True, slots=True)
class CountErrors:
    """Errors of one rule over some pictures; `nae` is `None` where nobody is in any."""

    pictures: int
    people: int
    mae: float
    rmse: float
    nae: float | None
    bias: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Result on one set; groups are by rule, then by count bin or camera."""

    dataset: str
    model_id: str
    overall: Mapping[str, CountErrors]
    by_bin: Mapping[str, Mapping[str, CountErrors]]
    by_camera: Mapping[str, Mapping[str, CountErrors]]
    head_ap50: float | None
    judged: tuple[Judged, ...]


def open_set(name: str, data: Path) -> EvaluationSet:
    """A test set by name, below the data folder; `rendered` takes the folder itself.

    Raises:
        DatasetError: for an unknown name or missing data.
    """
    if name == "brt-test":
        return EvaluationSet(name, tuple(read_brt(data / "beijing_brt" / "test")))
    if name in ("scut-a-room", "scut-b"):
        part = "test_part_a_room" if name == "scut-a-room" else "test_part_b"
        folder = data / "scut_head" / part

        def boxes_of(sample: Sample, width_px: int, height_px: int) -> Float32Array:
            return scut_boxes_px(folder, sample.picture, width_px, height_px)

        return EvaluationSet(name, tuple(read_scut(folder)), boxes_of)
    if name == "rendered":
        return EvaluationSet(name, tuple(read_rendered(data)))
    if name.startswith(LEFT_OUT):
        return _left_out(name, data)
    if name.startswith(HELD_OUT):
        return _held_out(name, data)
    raise DatasetError(f"data set {name!r} is not known; known: {', '.join(SET_NAMES)}")


SET_NAMES = ("brt-test", "scut-a-room", "scut-b", "rendered")
LEFT_OUT, HELD_OUT = "left-out-", "held-out-"


def _left_out(name: str, data: Path) -> EvaluationSet:
    """All training pictures of one camera: for a network that was trained without that camera."""
    camera, found = name.removeprefix(LEFT_OUT), read_training_samples(data, None)
    samples = tuple(sample for sample in found if sample.camera == camera)
    if not samples:
        known = ", ".join(sorted({sample.camera for sample in found}))
        raise DatasetError(f"data set {name!r}: no training picture of that camera; known: {known}")
    return _training_set(name, samples, data)


def _held_out(name: str, data: Path) -> EvaluationSet:
    """Training pictures of one source that training only validates on: what is chosen is chosen
    here, and not on the test sets."""
    source = name.removeprefix(HELD_OUT)
    found = read_training_samples(data, None) if source != "rendered" else read_rendered(data)
    samples = tuple(s for s in found if s.source == source and is_held_out(s, HELD_OUT_PERCENT))
    if not samples:
        known = ", ".join(sorted({s.source for s in found}))
        raise DatasetError(f"data set {name!r}: no picture is held out of it; known: {known}")
    return _training_set(name, samples, data)


def _training_set(name: str, samples: tuple[Sample, ...], data: Path) -> EvaluationSet:
    folder = data / "scut_head" / "train"

    def boxes_of(sample: Sample, width_px: int, height_px: int) -> Float32Array:
        return scut_boxes_px(folder, sample.picture, width_px, height_px)

    boxed = samples[0].source.startswith("scut")
    return EvaluationSet(name, samples, boxes_of if boxed else None)


def evaluate(
    network: HeadNetwork,
    dataset: EvaluationSet,
    *,
    score_threshold: float,
    spoil: Callable[[UInt8Array, Float32Array], tuple[UInt8Array, Float32Array]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Judge every picture.

    Args:
        network: loaded with a score threshold of at most 0.05, so that AP50 sees weak points.
        score_threshold: points below it are not counted.
        spoil: changes picture and heads (N, 3) first: a slice such as `dark`.
        progress: called with pictures done and in total.

    Raises:
        DatasetError: for an unreadable picture.
    """
    judged = []
    for number, sample in enumerate(dataset.samples, start=1):
        image, heads = _read(sample)
        boxes = None
        if dataset.boxes_of is not None and spoil is None:
            boxes = dataset.boxes_of(sample, image.shape[1], image.shape[0])
        if spoil is not None:
            image, heads = spoil(image, heads)
        found = network.observe(image)
        counts = counts_of(found, score_threshold)
        judged.append(Judged(sample.camera, len(heads), counts, found.heads, boxes))
        if progress is not None:
            progress(number, len(dataset.samples))
    return summarise(dataset.name, network.model_id, judged)


def _read(sample: Sample) -> tuple[UInt8Array, Float32Array]:
    image = cv2.imread(str(sample.picture), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"{sample.picture}: not a readable picture; copy it again")
    pixels = np.asarray(image, np.uint8)
    return pixels, sample.heads_px(pixels.shape[1], pixels.shape[0])


def counts_of(found: CrowdObservation, score_threshold: float) -> dict[str, float]:
    """The three counts of one observation."""
    strong = found.heads.scores >= score_threshold
    points = float(strong.sum())
    density = found.density.count if found.density is not None else points
    kept = HeadPoints(
        found.heads.centres_uv_px[strong], found.heads.sizes_px[strong], found.heads.scores[strong]
    )
    packed = packed_share(kept)
    return {
        "density": density,
        "points": points,
        "combined": combined_count(points, density, packed, saturated=found.heads.saturated),
    }


def packed_share(heads: HeadPoints) -> float:
    """Share of heads whose nearest neighbour is closer than 1.6 head heights, 0..1."""
    if len(heads) < 2:
        return 0.0
    centres = heads.centres_uv_px
    distance = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    return float((distance.min(axis=1) < _PACKED_GAP_HEADS * heads.sizes_px).mean())


def combined_count(points: float, density: float, packed: float, *, saturated: bool) -> float:
    """Points where heads stand apart, the density map where they are packed, linearly between.

    Args:
        packed: `packed_share` of the picture.
        saturated: the points reached their cap and say nothing.
    """
    weight = 1.0 if saturated else packed
    return weight * density + (1.0 - weight) * points


def summarise(name: str, model_id: str, judged: Sequence[Judged]) -> Evaluation:
    """Errors overall, by count bin and by camera, and AP50 where there are boxes."""
    cameras = sorted({j.camera for j in judged})
    in_bin = {
        _bin_name(low, high): [j for j in judged if low <= j.truth < high]
        for low, high in COUNT_BINS
    }
    of_camera = {camera: [j for j in judged if j.camera == camera] for camera in cameras}
    return Evaluation(
        dataset=name,
        model_id=model_id,
        overall=_by_rule(judged),
        by_bin={key: _by_rule(group) for key, group in in_bin.items() if group},
        by_camera={key: _by_rule(group) for key, group in of_camera.items()},
        head_ap50=_head_ap50(judged),
        judged=tuple(judged),
    )


def _by_rule(judged: Sequence[Judged]) -> dict[str, CountErrors]:
    truth = np.array([j.truth for j in judged], np.float64)
    return {rule: count_errors(np.array([j.counts[rule] for j in judged]), truth) for rule in RULES}


def count_errors(counts: NDArray[np.float64], truth: NDArray[np.float64]) -> CountErrors:
    """Errors of counts (N,) against truth (N,)."""
    if not len(truth):
        raise DatasetError("no picture to judge; give a folder that holds some")
    off = counts - truth
    peopled = truth > 0
    nae = float((np.abs(off[peopled]) / truth[peopled]).mean()) if peopled.any() else None
    return CountErrors(
        pictures=len(truth),
        people=int(truth.sum()),
        mae=float(np.abs(off).mean()),
        rmse=float(np.sqrt((off**2).mean())),
        nae=nae,
        bias=float(off.mean()),
    )


def _bin_name(low: int, high: int) -> str:
    return f"{low}+" if high >= 1_000_000 else f"{low}-{high - 1}"


def _head_ap50(judged: Sequence[Judged]) -> float | None:
    pairs = [
        (ScoredBoxes(head_boxes(j.heads), j.heads.scores), j.boxes_xyxy_px)
        for j in judged
        if j.boxes_xyxy_px is not None
    ]
    return average_precision(pairs, 0.5) if pairs else None


def head_boxes(heads: HeadPoints) -> Float32Array:
    """Boxes (N, 4) around head points: the head height, and 0.87 of it in width."""
    half_v = heads.sizes_px / 2
    half = np.column_stack([half_v * _HEAD_WIDTH_TO_HEIGHT, half_v])
    return np.hstack([heads.centres_uv_px - half, heads.centres_uv_px + half]).astype(np.float32)


def relative_error(evaluations: Iterable[Evaluation]) -> float:
    """Root mean square of (density count - truth) / truth over pictures with at least five
    people; each set weighs the same, so that the largest one does not hide a weak one.

    Raises:
        DatasetError: when no set has such a picture.
    """
    squares = []
    for evaluation in evaluations:
        ratios = [
            j.counts["density"] / j.truth - 1.0
            for j in evaluation.judged
            if j.truth >= _LEAST_TRUTH_FOR_RATIO
        ]
        if ratios:
            squares.append(float(np.mean(np.square(ratios))))
    if not squares:
        raise DatasetError("no picture with at least five people; the error cannot be stated")
    return float(np.sqrt(np.mean(squares)))


def unbiased_threshold(judged: Sequence[Judged]) -> float:
    """The score threshold at which as many points are counted as there are heads in truth.

    Raises:
        DatasetError: when there is no point at all.
    """
    scores = np.concatenate([j.heads.scores for j in judged])
    truth = sum(j.truth for j in judged)
    if not len(scores) or not truth:
        raise DatasetError("no head in truth or none found: the threshold cannot be set")
    ordered = np.sort(scores)[::-1]
    return float(np.clip(ordered[min(truth, len(ordered)) - 1], 0.05, 0.95))


def subset(dataset: EvaluationSet, every: int) -> EvaluationSet:
    """Every `every`-th picture, in name order: the fixed slice of the regression gate."""
    return replace(dataset, samples=dataset.samples[::every])
