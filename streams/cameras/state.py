"""The state of one camera as a pure function of what happens to it.

starting --picture--> live --silence--> stalled --longer silence--> offline
    \\____________failure, or silence since the start____________/   |
                          live <-----------picture-------------------+
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streams.records import CameraState
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """For how long no picture may come.

    Attributes:
        stalled_s: a live camera counts as stalled.
        hung_s: a stalled camera counts as hung.
        start_s: a camera that never gave a picture counts as hung; as long as
            `streams.decoding.sources.Timeouts` waits for one that begins with its next key picture.
    """

    stalled_s: float = 2.0
    hung_s: float = 4.0
    start_s: float = 12.0


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What is known of a camera.

    Attributes:
        since: when it entered this state.
        at: when this was found out.
        cause: catalogue key; empty while live or starting.
        detail: for the engineer, without secrets.
    """

    camera_id: str
    state: CameraState
    since: Utc
    at: Utc
    cause: str = ""
    detail: str = ""

    @property
    def gives_pictures(self) -> bool:
        return self.state is CameraState.LIVE

    def moved(self, state: CameraState, at: Utc, cause: str = "", detail: str = "") -> CameraStatus:
        """The next status; `since` stays while the state stays."""
        since = self.since if state is self.state else at
        return replace(self, state=state, since=since, at=at, cause=cause, detail=detail)

    def same_news(self, other: CameraStatus) -> bool:
        """Whether `other` tells a reader nothing new."""
        return self.state is other.state and self.cause == other.cause


def after_silence(
    status: CameraStatus, silent_s: float, at: Utc, limits: SilenceLimits
) -> CameraStatus:
    """The status of a camera whose last picture (or start) lies `silent_s` seconds back."""
    if status.state is CameraState.OFFLINE:
        return status
    limit_s = limits.start_s if status.state is CameraState.STARTING else limits.hung_s
    if silent_s >= limit_s:
        detail = f"no picture for {silent_s:.1f} s"
        return status.moved(CameraState.OFFLINE, at, "hung", detail)
    if status.state is CameraState.LIVE and silent_s >= limits.stalled_s:
        return status.moved(
            CameraState.STALLED, at, "no_frames", f"no picture for {silent_s:.1f} s"
        )
    return status


__all__ = ["CameraStatus", "SilenceLimits", "after_silence"]
