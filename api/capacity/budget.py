"""From costs of stages to cameras: what a machine carries, where it is short, what would help.

Pure. A camera costs a second: its input rate times decoding, and its analysed rate times the rest.
Cameras are carried while their cost stays below `HEADROOM` of the cores: the rest is for the
service, the browser and the moments when all pictures come at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HEADROOM = 0.8
STAGES = ("decode", "convert", "network", "measure")


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What a camera sends.

    Attributes:
        name: catalogue key, e.g. `720p`.
        input_fps, analysed_fps: pictures a second that come, and that are analysed.
    """

    name: str
    input_fps: float
    analysed_fps: float


@dataclass(frozen=True, slots=True)
class StageCosts:
    """CPU milliseconds of one picture: `decode` of every one that comes, the rest of each analysed.

    Keys are `STAGES`.
    """

    kind: StreamKind
    spent_ms: Mapping[str, float]

    def per_second_ms(self) -> dict[str, float]:
        """CPU milliseconds that a camera costs each second, by stage."""
        rates = dict.fromkeys(STAGES, self.kind.analysed_fps) | {"decode": self.kind.input_fps}
        return {stage: self.spent_ms[stage] * rates[stage] for stage in STAGES}

    @property
    def cores(self) -> float:
        """Share of one core that a camera takes."""
        return sum(self.per_second_ms().values()) / 1000.0

    @property
    def bottleneck(self) -> str:
        """The stage that costs most."""
        spent = self.per_second_ms()
        return max(STAGES, key=lambda stage: spent[stage])

    def carried(self, cores: int) -> int:
        """How many such cameras `cores` carry."""
        return int(HEADROOM * cores / self.cores)


@dataclass(frozen=True, slots=True)
class Demand:
    """A site's cameras against a machine.

    Attributes:
        needed_cores: what they take together; `cores` is what the machine has.
    """

    cameras: int
    needed_cores: float
    cores: int

    @property
    def share(self) -> float:
        """Needed over what may be used; above 1 cameras will be analysed less."""
        return self.needed_cores / (HEADROOM * self.cores)

    @property
    def too_much(self) -> bool:
        return self.share > 1.0


__all__ = ["HEADROOM", "STAGES", "Demand", "StageCosts", "StreamKind"]
