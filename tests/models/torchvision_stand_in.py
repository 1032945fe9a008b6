"""A stand-in for torchvision where no build of it fits the installed torch.

Ultralytics calls one function of it when it predicts boxes: non-maximum suppression. It is written
here in plain torch; everything else raises. Ultralytics also asks for torchvision's version when
it is imported, so that question is answered here.
"""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import types
from typing import Any

_VERSION = "0.20.0"


def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Indices kept, best first: greedy, overlap above the threshold drops the weaker box."""
    import torch

    order = scores.argsort(descending=True, stable=True)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[rest, :2])
        high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        order = rest[shared / (area[best] + area[rest] - shared) <= iou_threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)


def install() -> None:
    """Put the stand-in in place, when there is no torchvision."""
    if "torchvision" in sys.modules or importlib.util.find_spec("torchvision") is not None:
        return
    for name in ("torchvision", "torchvision.ops", "torchvision.transforms"):
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        sys.modules[name] = module
    version = importlib.metadata.version

    def answered(distribution_name: str) -> str:
        return _VERSION if distribution_name == "torchvision" else version(distribution_name)

    importlib.metadata.version = answered
    root = sys.modules["torchvision"]
    root.__version__ = _VERSION  # type: ignore[attr-defined]
    root.ops = sys.modules["torchvision.ops"]  # type: ignore[attr-defined]
    root.ops.nms = nms
