"""Which crops a training step sees: a pure function of (data, seed, step)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.datasets import Sample, is_held_out, read_brt, read_rendered, read_scut
from models.errors import DatasetError
from models.training.augment import cut
from models.training.cache import PixelCache
from models.training.targets import targets_for
from vision.arrays import UInt8Array

DEFAULT_SHARES = {"brt": 0.4, "scut_a": 0.22, "scut_b": 0.38}
RENDERED_SHARE = 0.15
HELD_OUT_PERCENT = 7


@dataclass(frozen=True, slots=True)
class Batch:
    """A stacked batch: pictures (N, H, W, 3) uint8 BGR and the targets."""

    pictures: UInt8Array
    density: NDArray[np.float32]
    heat: NDArray[np.float32]
    log_size: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """How many crops of which size a step takes, and how often faults are put on them.

    Attributes:
        size_px: width and height, multiples of 32.
        faults: scales the chance of each fault of `augment.spoil`.
        frozen_normalisation: batch normalisation keeps its statistics, as at run time.
    """

    crops: int
    size_px: tuple[int, int]
    faults: float = 1.0
    frozen_normalisation: bool = False


class TrainingSet:
    """Training pictures with their cache; the held-out ones are kept apart for validation.

    Pictures of the cameras in `without` are neither trained nor validated on; they share the cache
    of the others, so that leaving one out decodes nothing anew.

    Raises:
        DatasetError: for a camera of which there is no picture: it would leave nothing out.
    """

    def __init__(
        self, samples: Sequence[Sample], cache_dir: Path, *, without: Sequence[str] = ()
    ) -> None:
        self.samples = list(samples)
        used = positions_without(self.samples, without)
        self._cache = PixelCache(self.samples, cache_dir)
        self.held_out = [i for i in used if is_held_out(self.samples[i], HELD_OUT_PERCENT)]
        kept = sorted(set(used) - set(self.held_out))
        self._by_source: dict[str, list[int]] = {}
        for i in kept:
            self._by_source.setdefault(self.samples[i].source, []).append(i)
        self._shares = normalised_shares(self._by_source)

    def picture(self, position: int) -> UInt8Array:
        return self._cache.picture(position)

    def counts(self) -> dict[str, int]:
        return {source: len(found) for source, found in self._by_source.items()}

    def batch(self, seed: int, step: int, plan: StepPlan) -> Batch:
        rng = np.random.default_rng([seed, step])
        sources = rng.choice(list(self._shares), size=plan.crops, p=list(self._shares.values()))
        crops = []
        for source in sources:
            position = int(rng.choice(self._by_source[source]))
            sample, image = self.samples[position], self.picture(position)
            heads = sample.heads_px(image.shape[1], image.shape[0])
            crops.append(
                cut(
                    image,
                    heads,
                    source=str(source),
                    size_px=plan.size_px,
                    rng=rng,
                    faults=plan.faults,
                )
            )
        targets = [targets_for(crop.heads, plan.size_px) for crop in crops]
        return Batch(
            np.stack([crop.image_bgr for crop in crops]),
            np.stack([t.density for t in targets]),
            np.stack([t.heat for t in targets]),
            np.stack([t.log_size for t in targets]),
        )


def normalised_shares(by_source: Mapping[str, object]) -> dict[str, float]:
    """Share of each source in a batch; rendered frames, where given, take 0.15."""
    shares = {source: DEFAULT_SHARES.get(source, RENDERED_SHARE) for source in sorted(by_source)}
    if not shares:
        raise DatasetError("no training picture is left after the validation split")
    rendered = {s: RENDERED_SHARE for s in shares if s not in DEFAULT_SHARES}
    real = sum(share for source, share in shares.items() if source in DEFAULT_SHARES)
    left = 1.0 - sum(rendered.values()) if real else 0.0
    mixed = {
        source: share * left / real if source in DEFAULT_SHARES else share
        for source, share in shares.items()
    }
    total = sum(mixed.values())
    return {source: share / total for source, share in mixed.items()}


def read_training_samples(data: Path, rendered: Path | None) -> list[Sample]:
    """All training samples below `data` (never the test splits), and rendered ones."""
    samples = read_brt(data / "beijing_brt" / "train") + read_scut(data / "scut_head" / "train")
    return samples + (read_rendered(rendered) if rendered else [])


def positions_without(samples: Sequence[Sample], cameras: Sequence[str]) -> list[int]:
    """Where the samples of all other cameras stand.

    Raises:
        DatasetError: for a camera of which there is no picture: it would leave nothing out.
    """
    known = {sample.camera for sample in samples}
    for camera in cameras:
        if camera not in known:
            raise DatasetError(
                f"no training picture of camera {camera!r}; {', '.join(sorted(known))}"
            )
    return [i for i, sample in enumerate(samples) if sample.camera not in cameras]


def ahead(
    training_set: TrainingSet, seed: int, steps: range, plans: Sequence[StepPlan]
) -> Iterator[Batch]:
    """The batches of `steps`, the next one prepared by one thread while one is used."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pending = None
        for step in steps:
            job = pool.submit(training_set.batch, seed, step, plans[step])
            if pending is not None:
                yield pending.result()
            pending = job
        if pending is not None:
            yield pending.result()
