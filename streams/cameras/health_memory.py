"""What a camera's health check keeps on disk: baselines, and whether its calibration is suspended.

One file a camera, replaced as a whole, so that a killed worker leaves the old or the new one. It
holds landmarks and numbers, no picture. A file that cannot be read is as good as none: the
baseline is learnt anew, and the worker says so in its log.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from config.whole_files import replace_whole
from vision.health.features import Baseline, Mode
from vision.instants import Utc

_log = structlog.get_logger(__name__)
_FORMAT = 2
# What a file raises that is damaged, or that something else wrote.
_UNREADABLE = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,  # packed in a way that Python does not know
    RuntimeError,  # locked by a password
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one camera.

    Attributes:
        baselines: by mode.
        learnt_at: when each was learnt, which tells it from an earlier one.
        suspended_since: since when the calibration is suspended; `None` while it holds.
    """

    baselines: Mapping[Mode, Baseline] = field(default_factory=dict)
    learnt_at: Mapping[Mode, Utc] = field(default_factory=dict)
    suspended_since: Utc | None = None

    def with_baseline(self, baseline: Baseline, at: Utc) -> Remembered:
        return replace(
            self,
            baselines={**self.baselines, baseline.mode: baseline},
            learnt_at={**self.learnt_at, baseline.mode: at},
        )

    def without_baselines(self) -> Remembered:
        return replace(self, baselines={}, learnt_at={})


class HealthMemory:
    """The files of a worker's cameras in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, camera_id: str) -> Remembered:
        """What was kept of a camera; nothing for a new one."""
        path = self._path(camera_id)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return _remembered({name: stored[name] for name in stored.files})
        except FileNotFoundError:
            return Remembered()
        except _UNREADABLE as error:
            _log.warning(
                "what was learnt of a camera cannot be read; it is learnt anew",
                camera=camera_id,
                reason=str(error),
            )
            return Remembered()

    def save(self, camera_id: str, kept: Remembered) -> None:
        """Replace the camera's file. A disk that refuses is logged; the check goes on without."""
        content = io.BytesIO()
        np.savez(content, **_arrays(kept))
        try:
            replace_whole(self._path(camera_id), content.getvalue())
        except OSError as error:
            _log.error(
                "what was learnt of a camera cannot be kept", camera=camera_id, reason=str(error)
            )

    def _path(self, camera_id: str) -> Path:
        return self._folder / f"{camera_id}.npz"


def _arrays(kept: Remembered) -> dict[str, Any]:
    head: dict[str, object] = {
        "format": _FORMAT,
        "suspended_ns": None if kept.suspended_since is None else kept.suspended_since.ns,
        "modes": {
            mode.value: {
                "learnt_ns": kept.learnt_at[mode].ns,
                "sharpness": baseline.sharpness,
                "luminance": baseline.luminance,
                "noise": baseline.noise,
                "cast": baseline.cast,
                "width_px": baseline.width_px,
                "height_px": baseline.height_px,
                "confirmed_by": baseline.confirmed_by,
            }
            for mode, baseline in kept.baselines.items()
        },
    }
    arrays: dict[str, Any] = {"head": np.array(json.dumps(head))}
    for mode, baseline in kept.baselines.items():
        arrays[f"{mode.value}_tiles"] = baseline.tile_variation
        arrays[f"{mode.value}_points"] = baseline.points_uv_px
        arrays[f"{mode.value}_descriptors"] = baseline.descriptors
    return arrays


def _remembered(arrays: Mapping[str, Any]) -> Remembered:
    head = json.loads(str(arrays["head"]))
    if head["format"] != _FORMAT:
        raise ValueError(f"format {head['format']} is not {_FORMAT}")
    kept = Remembered()
    for name, numbers in head["modes"].items():
        learnt_at = Utc(numbers.pop("learnt_ns"))
        baseline = Baseline(
            mode=Mode(name),
            tile_variation=arrays[f"{name}_tiles"],
            points_uv_px=arrays[f"{name}_points"],
            descriptors=arrays[f"{name}_descriptors"],
            **numbers,
        )
        kept = kept.with_baseline(baseline, learnt_at)
    suspended_ns = head["suspended_ns"]
    return replace(kept, suspended_since=None if suspended_ns is None else Utc(suspended_ns))


__all__ = ["HealthMemory", "Remembered"]
