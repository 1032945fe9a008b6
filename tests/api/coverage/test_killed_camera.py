"""`xiaoan run` on the sample school in real processes: a killed camera's areas are named exactly.

`benchmarks/coverage_kill.py` says how soon; here the machine may be slow.
"""

from __future__ import annotations

import pytest

from benchmarks.coverage_kill import BLIND_WITHOUT, kill_and_watch, school_of_real_cameras
from benchmarks.peers.rtsp import MEND, installed
from tests.conftest import need_peer


@pytest.mark.peer
def test_a_killed_camera_leaves_exactly_its_areas_blind_and_alarms_for_the_critical_one() -> None:
    need_peer(installed(), "gst-rtsp-server", MEND)
    with school_of_real_cameras() as (school, cameras):
        school.wait_until_all_see()
        named = kill_and_watch(school, cameras["cam-stair"], "cam-stair")
        assert named.after_s is not None
        assert named.seen == ()
        assert named.alarmed == BLIND_WITHOUT["cam-stair"] == {"area-stair"}
        cameras["cam-stair"].start()
        school.wait_until_all_see()
        assert school.blind() == frozenset()
