import pytest

from streams.cameras.state import CameraStatus, SilenceLimits, after_silence
from streams.records import CameraState
from tests.streams.fakes import NOON

LIMITS = SilenceLimits(stalled_s=2.0, hung_s=4.5, start_s=8.0)


def status(state: CameraState) -> CameraStatus:
    return CameraStatus("cam", state, since=NOON, at=NOON)


@pytest.mark.parametrize(
    ("state", "silent_s", "expected", "cause"),
    [
        (CameraState.LIVE, 0.0, CameraState.LIVE, ""),
        (CameraState.LIVE, 1.99, CameraState.LIVE, ""),
        (CameraState.LIVE, 2.0, CameraState.STALLED, "no_frames"),
        (CameraState.LIVE, 4.5, CameraState.OFFLINE, "hung"),
        (CameraState.STALLED, 4.4, CameraState.STALLED, ""),
        (CameraState.STALLED, 4.5, CameraState.OFFLINE, "hung"),
        (CameraState.STARTING, 7.9, CameraState.STARTING, ""),
        (CameraState.STARTING, 8.0, CameraState.OFFLINE, "hung"),
        (CameraState.OFFLINE, 900.0, CameraState.OFFLINE, ""),
    ],
)
def test_silence(state: CameraState, silent_s: float, expected: CameraState, cause: str) -> None:
    found = after_silence(status(state), silent_s, NOON.plus(silent_s), LIMITS)
    assert (found.state, found.cause) == (expected, cause)
    assert found.since == (NOON if expected is state else NOON.plus(silent_s))


def test_since_stays_while_only_the_cause_changes() -> None:
    lost = status(CameraState.LIVE).moved(CameraState.OFFLINE, NOON.plus(1.0), "connection_lost")
    refused = lost.moved(CameraState.OFFLINE, NOON.plus(2.0), "refused")
    assert refused.since == NOON.plus(1.0)
    assert refused.at == NOON.plus(2.0)
    assert not lost.same_news(refused)
    assert lost.same_news(lost.moved(CameraState.OFFLINE, NOON.plus(3.0), "connection_lost"))


def test_only_a_live_camera_gives_pictures() -> None:
    assert [status(state).gives_pictures for state in CameraState] == [False, True, False, False]
