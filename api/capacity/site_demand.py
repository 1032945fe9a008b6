"""A whole site against this machine, remembered so that a start need not measure again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from api.capacity.budget import Demand, StageCosts, StreamKind
from api.capacity.measure import Machine
from config.site import Site, SiteCamera
from config.site_load import SITE_FILE

_log = logging.getLogger(__name__)
FILE_NAME = "capacity.json"
_SUB_STREAM_PX = (640, 360)


def stream_size_px(camera: SiteCamera) -> tuple[int, int]:
    """The size that is most likely decoded: a sub-stream where the site names one.

    A site file does not state the size of a sub-stream; 640x360 is what most cameras send.
    """
    lens = camera.camera.lens
    return _SUB_STREAM_PX if camera.sub_uri is not None else (lens.width_px, lens.height_px)


def measure_site(site: Site, machine: Callable[[], Machine]) -> tuple[StageCosts, ...]:
    """Costs of each of the site's cameras that is decoded; drawn ones are left out."""
    cameras = [camera for camera in site.cameras if camera.uri.scheme != "virtual"]
    if not cameras:
        return ()
    measuring = machine()
    return tuple(measuring.camera(site, one, stream_size_px(one)) for one in cameras)


def demand_of(costs: tuple[StageCosts, ...], cores: int) -> Demand:
    """What the cameras need together."""
    return Demand(len(costs), sum(one.cores for one in costs), cores)


def dearest_stage(costs: tuple[StageCosts, ...]) -> str:
    """The stage that costs most over all cameras."""
    total: dict[str, float] = {}
    for one in costs:
        for stage, spent_ms in one.per_second_ms().items():
            total[stage] = total.get(stage, 0.0) + spent_ms
    return max(total, key=lambda stage: total[stage])


class CostMemory:
    """Costs of a site on a machine, in the run folder; measured anew when either changed."""

    def __init__(self, run_dir: Path, site: Site, model_id: str) -> None:
        self._file = run_dir / FILE_NAME
        content = site.file(SITE_FILE).read_bytes()
        self._key = "/".join(
            (platform.node(), str(os.cpu_count()), model_id, hashlib.sha256(content).hexdigest())
        )

    def read(self) -> tuple[StageCosts, ...] | None:
        """What was measured last; `None` when nothing fits."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            if found["key"] != self._key:
                return None
            return tuple(
                StageCosts(StreamKind(**one["kind"]), dict(one["spent_ms"]))
                for one in found["cameras"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, costs: tuple[StageCosts, ...]) -> None:
        """Best effort: without it the next start measures again."""
        rows = [{"kind": asdict(one.kind), "spent_ms": dict(one.spent_ms)} for one in costs]
        part = self._file.with_suffix(".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"key": self._key, "cameras": rows}), encoding="utf-8")
            part.replace(self._file)
        except OSError as error:
            _log.warning("%s: the measured costs cannot be kept (%s)", self._file, error.strerror)


__all__ = [
    "CostMemory",
    "demand_of",
    "dearest_stage",
    "measure_site",
    "stream_size_px",
]
