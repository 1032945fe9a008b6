"""A second count now and then: whole people by a detector of another kind, beside the heads.

Once a minute a picture of each camera is shown to a person detector, where one is installed. What
it finds raises no level. A higher count widens the upper end of the camera's readings; where the
heads are next to none, and so again ten seconds later, an empty place is UNKNOWN. Counts that
disagree for long are an event of the camera's quality, for whoever keeps the cameras and not for
the guard (`vision.health.count_sanity`, `vision.health.stream`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.health.count_sanity import Counts, Sanity, SanityState, judge
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, PersonBoxes, PersonDetector, Region
from vision.risk.readings import ZoneReading

EVERY_S = 60.0
# A worker starts all its cameras at once and has enough to do then.
_FIRST_AFTER_S = 20.0
# Whether the head network is blind to people must not wait for a minute.
_AGAIN_AFTER_S = 10.0
# The middle of a standing person's head lies about so far down the box around the whole person:
# a fourteenth of the height and a half head. Our judgement.
_HEAD_SHARE = 0.07


class SecondLook:
    """The second looks of one worker's cameras; used by the analysis thread, read by its checks.

    Without a detector it only hears what the readings say of the balance of crossings.
    """

    def __init__(self, detector: PersonDetector | None = None) -> None:
        self._detector = detector
        self._due: dict[str, Utc] = {}
        self._states: dict[str, SanityState] = {}
        self._looks: dict[str, float] = {}
        self._balances: dict[str, float] = {}

    def look(
        self, frame: Frame, region: Region | None, observation: CrowdObservation
    ) -> Sanity | None:
        """Count whole people when the camera's turn has come; the verdict, or `None` if not."""
        at, camera_id = frame.captured_at, frame.camera_id
        if self._detector is None or not self._its_turn(camera_id, at):
            return None
        found = self._detector.detect(frame.image_bgr)
        heads = len(observation.heads) if observation.density is None else observation.density.count
        counts = Counts(heads, observation.relative_error, float(people_in(found, region)))
        if found.saturated:
            # It found its most and says nothing of how many more there are.
            return None
        verdict = judge(self._states.get(camera_id, SanityState()), counts, at)
        self._states[camera_id] = verdict.state
        self._looks[camera_id] = verdict.doubt
        if verdict.state.blind_looks == 1:
            self._due[camera_id] = at.plus(_AGAIN_AFTER_S)
        return verdict

    def hear(self, camera_id: str, readings: Sequence[ZoneReading]) -> None:
        """Note by which share the balance of crossings differs, for a minute, in its worst zone."""
        shares = [
            min(
                1.0,
                abs(reason.measured - reason.threshold)
                / max(reason.measured, reason.threshold, 1.0),
            )
            for reading in readings
            for reason in reading.reasons
            if reason.rule == "flow_balance"
            and reason.measured is not None
            and reason.threshold is not None
        ]
        self._balances[camera_id] = max(shares, default=0.0)

    def doubt_of(self, camera_id: str) -> float | None:
        """The larger share by which another count of this camera differs; `None` before any."""
        told = [
            shares[camera_id] for shares in (self._looks, self._balances) if camera_id in shares
        ]
        return max(told, default=None)

    def _its_turn(self, camera_id: str, at: Utc) -> bool:
        due = self._due.get(camera_id)
        if due is None or due - at > EVERY_S:
            # Its first picture, or its clock was set back.
            self._due[camera_id] = at.plus(_FIRST_AFTER_S)
            return False
        if at < due:
            return False
        self._due[camera_id] = at.plus(EVERY_S)
        return True


def people_in(found: PersonBoxes, region: Region | None) -> int:
    """How many of the people have their head in the region; all where there is none."""
    if region is None:
        return len(found.scores)
    left, top, right, bottom = found.boxes_xyxy_px.T
    head_u, head_v = (left + right) / 2, top + _HEAD_SHARE * (bottom - top)
    inside = (head_u >= region.left_px) & (head_u < region.right_px)
    inside &= (head_v >= region.top_px) & (head_v < region.bottom_px)
    return int(np.count_nonzero(inside))


__all__ = ["EVERY_S", "SecondLook", "people_in"]
