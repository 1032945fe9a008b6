"""People counted on real outdoor footage against its published boxes (PETS2009 S2L1).

Every picture of the clip is judged by itself. The counts are compared with the MOT15 boxes of the
same frame; published boxes include people who are hidden behind others or cut by the border.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from benchmarks.report import EXIT_TARGET_MISSED, Report, need_shared_data, parser
from models import load_head_network, load_person_detector
from models.evaluation import counts_of
from vision.arrays import UInt8Array

CLIP = ("video", "pets2009_vtest_480x360.avi")
TRUTH = ("video", "pets2009_s2l1_gt_mot15_768x576.txt")
PEER = ("weights", "yolox_nano_416.onnx")
TARGET_MAE_PEOPLE = 1.2


def true_counts(path: Path) -> Counter[int]:
    """People per 0-based frame from MOT15 boxes; frame 1 of the truth is frame 0 of the clip."""
    counts: Counter[int] = Counter()
    for line in path.read_text(encoding="ascii").splitlines():
        cells = line.split(",")
        if float(cells[6]) > 0:
            counts[int(cells[0]) - 1] += 1
    return counts


def pictures(path: Path) -> Iterator[UInt8Array]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


def judge(
    count: Callable[[UInt8Array], float], clip: Path, truth: Counter[int], step: int
) -> dict[str, float]:
    """Errors of one counter over every `step`-th frame."""
    errors = []
    started_s = time.process_time()
    for index, image_bgr in enumerate(pictures(clip)):
        if index % step == 0:
            errors.append(count(image_bgr) - truth[index])
    error = np.array(errors)
    return {
        "mae_people": round(float(np.abs(error).mean()), 3),
        "rmse_people": round(float(np.sqrt((error**2).mean())), 3),
        "bias_people": round(float(error.mean()), 3),
        "frames": len(errors),
        "cpu_ms_per_frame": round(1000 * (time.process_time() - started_s) / len(errors), 1),
    }


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--step", type=int, default=1, help="judge every n-th frame")
    options = arguments.parse_args()
    clip, truth = need_shared_data(*CLIP), true_counts(need_shared_data(*TRUTH))
    network = load_head_network(threads=2)
    detector = load_person_detector(need_shared_data(*PEER), threads=2)
    counters: dict[str, Callable[[UInt8Array], float]] = {
        network.model_id: lambda image_bgr: counts_of(network.observe(image_bgr), 0.0)["density"],
        detector.model_id: lambda image_bgr: float(len(detector.detect(image_bgr))),
    }
    report = Report(
        "real_footage",
        options.seed,
        packages=("numpy", "av", "onnxruntime", "openvino"),
        columns=("counter", "MAE", "RMSE", "bias", "frames", "CPU ms/frame"),
    )
    results = {name: judge(count, clip, truth, options.step) for name, count in counters.items()}
    for name, result in results.items():
        report.row(name, *result.values())
    own = results[network.model_id]
    report.figures = {"target_mae_people": TARGET_MAE_PEOPLE, **own, "counters": results}
    report.publish(as_json=options.json)
    return 0 if own["mae_people"] <= TARGET_MAE_PEOPLE else EXIT_TARGET_MISSED


if __name__ == "__main__":
    raise SystemExit(main())
