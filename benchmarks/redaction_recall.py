"""How many labelled heads a redacted export covers, by the network's own marks alone.

Each picture of the labelled test sets is taken as its own empty place, so that nothing counts as
moving: what is measured is the network at its low threshold, its density map and the margin. In a
film movement and half a second before and after mark more. A head counts as covered when its
centre is blurred; a picture that is blurred whole covers all of its heads and is told apart.

    python -m benchmarks.redaction_recall [--every N] [--sets NAME...] [--json]
    python -m benchmarks.redaction_recall --model xiaoan-heads-1 --threshold 0.05
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import cv2
import numpy as np

from api.evidence.redaction import RedactionSettings, Redactor, TimedImage, redaction_network
from benchmarks.report import Report, need_shared_data, no_data, parser
from models.commands import evaluation_sets
from models.errors import ModelError
from models.evaluation import EvaluationSet, subset
from models.registry import default_head_network_id
from vision.arrays import BoolArray, Float32Array, UInt8Array
from vision.instants import Utc
from vision.observations import HeadNetwork

_SHRINK = 4


@dataclass(slots=True)
class Covered:
    """Sums over a set."""

    pictures: int = 0
    whole: int = 0
    heads: int = 0
    covered: int = 0
    share: float = 0.0


def judge(network: HeadNetwork, dataset: EvaluationSet) -> Covered:
    sums = Covered()
    for sample in dataset.samples:
        read = cv2.imread(str(sample.picture), cv2.IMREAD_COLOR)
        if read is None:
            no_data(f"{sample.picture.name}: not a readable picture; copy it again")
        image = np.asarray(read, np.uint8)
        heads = sample.heads_px(image.shape[1], image.shape[0])
        redacted = redact(network, image)
        sums.pictures += 1
        sums.whole += bool(redacted[1])
        sums.share += redacted[2]
        sums.heads += len(heads)
        sums.covered += int(under(redacted[0], heads[:, :2]).sum())
    return sums


def redact(network: HeadNetwork, image: UInt8Array) -> tuple[UInt8Array, str, float]:
    """Mask, why it is whole, and the blurred share of one picture."""
    place = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    (found,) = Redactor(network, place).redact([TimedImage(Utc(0), image)])
    return found.mask, found.why_whole, found.share


def under(mask: UInt8Array, centres_uv_px: Float32Array) -> BoolArray:
    """Which points are blurred; (N,) bool."""
    columns = np.clip(centres_uv_px[:, 0] / _SHRINK, 0, mask.shape[1] - 1).astype(int)
    rows = np.clip(centres_uv_px[:, 1] / _SHRINK, 0, mask.shape[0] - 1).astype(int)
    return np.asarray(mask[rows, columns] > 0)


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--every", type=int, default=10, help="judge every N-th picture only")
    arguments.add_argument("--sets", nargs="+", default=["brt-test", "scut-a-room", "scut-b"])
    arguments.add_argument("--model", default=default_head_network_id())
    usual = RedactionSettings()
    arguments.add_argument("--threshold", type=float, default=usual.score_threshold)
    asked = arguments.parse_args()
    data = need_shared_data("beijing_brt", "test").parents[1]
    try:
        settings = replace(usual, score_threshold=asked.threshold)
        network = redaction_network(settings, asked.model)
        sets = [subset(found, asked.every) for found in evaluation_sets(data, asked.sets)]
    except ModelError as error:
        no_data(str(error))
    columns = ("set", "pictures", "heads", "covered %", "blurred area %", "blurred whole")
    report = Report("redaction_recall", asked.seed, packages=("numpy",), columns=columns)
    report.figures |= {"model": network.model_id, "every_nth_picture": asked.every}
    report.figures["score_threshold"] = asked.threshold
    for name, dataset in zip(asked.sets, sets, strict=True):
        sums = judge(network, dataset)
        covered = 100.0 * sums.covered / max(1, sums.heads)
        area = 100.0 * sums.share / max(1, sums.pictures)
        key = name.replace("-", "_")
        report.row(name, sums.pictures, sums.heads, f"{covered:.1f}", f"{area:.1f}", sums.whole)
        report.figures[f"{key}_heads_covered_percent"] = round(covered, 2)
        report.figures[f"{key}_area_blurred_percent"] = round(area, 1)
        report.figures[f"{key}_pictures_whole"] = sums.whole
        report.figures[f"{key}_heads"] = sums.heads
    report.publish(as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
