"""`xiaoan run` on the sample school in real processes: a killed camera's areas are named exactly.

`benchmarks/coverage_kill.py` says how soon, and that no other camera is lost; here the machine may
be slow, and one that gives up another camera too must name that one's areas.
"""

from __future__ import annotations

import pytest

from benchmarks.coverage_kill import BLIND_WITHOUT, kill_and_watch, school_of_real_cameras
from benchmarks.peers.rtsp import MEND, installed
from tests.conftest import need_peer

_PATIENCE_S = 120.0


@pytest.mark.peer
def test_a_killed_camera_leaves_exactly_its_areas_blind_and_alarms_for_the_critical_one() -> None:
    need_peer(installed(), "gst-rtsp-server", MEND)
    with school_of_real_cameras() as (school, cameras):
        school.wait_until_all_see()
        named = kill_and_watch(school, cameras["cam-stair"], "cam-stair", patience_s=_PATIENCE_S)
        assert named.after_s is not None
        assert named.wrong == ()
        assert named.alarmed == BLIND_WITHOUT["cam-stair"] == {"area-stair"}
        cameras["cam-stair"].start()
        school.wait_until_all_see()
